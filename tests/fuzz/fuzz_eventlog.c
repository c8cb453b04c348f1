/* SPDX-License-Identifier: BSD-2-Clause */
/* Firmware event logs: read, replayed, decoded, checked, described and written as JSON. */
#include <assert.h>
#include <stdlib.h>

#include "replay/eventlog/eventlog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void everything(const struct record *record, struct hasher *hasher,
		       struct eventlog_replay *replay, struct buf *text)
{
	struct json json = json_to_buf(text);
	struct event_check check;
	struct event event;

	text->size = 0;
	event_decode(record, &event);
	event_kernel_cmdline(&event, text);
	event_describe(record, &event, text);
	json_object_begin(&json, NULL);
	event_write_json(record, &event, &json);
	json_object_end(&json);
	if (json_finish(&json, NULL) < 0 || eventlog_extend(replay, record, NULL) < 0 ||
	    event_check(record, &event, hasher, &check, NULL) < 0)
		abort();
	assert(event.problem == NULL ||
	       event.problem_offset <= record->data_offset + record->data.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hasher *hasher; /* fetched once: the fuzzer's speed */
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct eventlog_replay replay;
	struct error err = { 0 };
	struct record record;
	struct eventlog log;
	uint64_t n = 0;
	int more;

	if (!hasher && hasher_new(&hasher, NULL) < 0)
		abort();
	if (eventlog_open(&log, bytes_of(data, size), "log", &err) < 0) {
		assert(err.code != ERROR_NONE && err.offset <= size);
		return 0;
	}
	eventlog_replay_init(&replay, &log, hasher, EVENTLOG_LOCALITY_STATED);
	while ((more = eventlog_next(&log, &record, &err)) > 0) {
		assert(record.index == n++);
		assert(record.data_offset + record.data.size <= size);
		everything(&record, hasher, &replay, &text);
	}
	assert(more == 0 || err.offset <= size);
	return 0;
}
