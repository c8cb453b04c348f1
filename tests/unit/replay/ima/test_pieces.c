/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* pipe2 */
/* Lists that are read piece by piece give the same as those that are there at once. */
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/replay/ima/fixture.h"

/* Writes a list into a pipe, at first much, then so much at a time that each read gets just that. */
struct writer {
	int fd;
	struct bytes bytes;
	size_t step;
};

static void *write_slowly(void *arg)
{
	const struct writer *writer = arg;
	size_t pos = 0;

	while (pos < writer->bytes.size) {
		size_t step = pos < 65536 ? 4096 : writer->step, left = writer->bytes.size - pos;
		ssize_t n = write(writer->fd, writer->bytes.data + pos, step < left ? step : left);

		if (n <= 0)
			break;
		pos += (size_t)n;
	}
	close(writer->fd);
	return NULL;
}

static const struct pieces_case {
	const char *name, *list;
	size_t step;
} pieces_cases[] = {
	{"binary, 1 byte",      "binary", 1   },
        { "binary, 97 bytes",   "binary", 97  },
	{ "binary, 4096 bytes", "binary", 4096},
        { "text, 1 byte",       "ascii",  1   },
	{ "text, 97 bytes",     "ascii",  97  },
        { "text, 4096 bytes",   "ascii",  4096},
};

/* A list as long as several windows, ended by a longer entry than the room and the window hold. */
static struct bytes long_list(const char *list_name, size_t size, bool with_long)
{
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes capture_bytes = capture_list("sb-grub-ima-attack", list_name);
	const size_t buffer = 400 * 1024;

	while (out.size < size)
		buf_append(&out, capture_bytes);
	test_drop(capture_bytes);
	if (with_long && strcmp(list_name, "binary") == 0) {
		buf_append_le32(&out, 10);
		memset(buf_extend(&out, 20), 1, 20);
		buf_append_le32(&out, 7);
		buf_append_string(&out, "ima-buf");
		buf_append_le32(&out, (uint32_t)buffer);
		memset(buf_extend(&out, buffer), 7, buffer);
	} else if (with_long) {
		buf_append_string(&out, "10 0101010101010101010101010101010101010101 ima-buf "
					"sha1:00 name ");
		memset(buf_extend(&out, buffer), 'a', buffer);
	}
	return test_copy(buf_bytes(&out));
}

/* The same values as from the whole list at once. */
static void expect_same(struct run *run, struct bytes whole)
{
	struct ima_counts counts, expected;
	struct error err;
	struct run other;

	begin(&other, whole, FOUR_BANKS);
	assert_int_equal(run_all(&other, &err), 0);
	if (run_all(run, &err) != 0)
		fail_msg("%s", err.message);
	counts = ima_replay_counts(run->replay);
	expected = ima_replay_counts(other.replay);
	assert_memory_equal(&counts, &expected, sizeof(counts));
	for (enum alg bank = 0; bank < 4; bank++)
		for (enum ima_way way = 0; way < IMA_WAYS; way++)
			test_bytes(ima_replay_value(run->replay, bank, way, IMA_PCR),
				   ima_replay_value(other.replay, bank, way, IMA_PCR));
	run_clear(&other);
}

static void pieces_from_pipe(void **state)
{
	const struct pieces_case *row = *state;
	struct writer writer = { .bytes = long_list(row->list, 80 * 1024, false),
				 .step = row->step };
	AUTO(pieces_freep) struct pieces *pieces = NULL;
	struct run run = { 0 };
	struct error err;
	pthread_t thread;
	char path[32];
	int ends[2];

	need_hasher();
	assert_int_equal(pipe2(ends, O_DIRECT), 0); /* a read ends where a write did */
	writer.fd = ends[1];
	snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
	assert_int_equal(pthread_create(&thread, NULL, write_slowly, &writer), 0);
	assert_int_equal(pieces_open(path, &pieces, &err), 0);
	assert_int_equal(ima_list_open_pieces(pieces, hasher, &run.list, &err), 0);
	assert_int_equal(ima_replay_new(run.list, FOUR_BANKS, hasher, &run.replay, &err), 0);
	expect_same(&run, writer.bytes);
	assert_int_equal(pthread_join(thread, NULL), 0);
	close(ends[0]);
	run_clear(&run);
	test_drop(writer.bytes);
}

static const struct window_case {
	const char *name, *list;
} window_cases[] = {
	{"binary", "binary"},
	{ "text",  "ascii" },
};

static void pieces_from_file(void **state)
{
	const struct window_case *row = *state;
	struct bytes bytes = long_list(row->list, 1024 * 1024, true);
	AUTO(pieces_freep) struct pieces *pieces = NULL;
	char path[] = "/tmp/assay-ima.XXXXXX";
	struct run run = { 0 };
	struct record record;
	struct error err;
	int fd = mkstemp(path), status;
	uint64_t n = 0;

	need_hasher();
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes.data, bytes.size), bytes.size);
	close(fd);
	assert_int_equal(pieces_open(path, &pieces, &err), 0);
	assert_int_equal(ima_list_open_pieces(pieces, hasher, &run.list, &err), 0);
	assert_int_equal(ima_replay_new(run.list, FOUR_BANKS, hasher, &run.replay, &err), 0);
	expect_same(&run, bytes);
	run_clear(&run);
	pieces_free(TAKE(pieces));

	assert_int_equal(pieces_open(path, &pieces, &err), 0);
	assert_int_equal(ima_list_open_pieces(pieces, hasher, &run.list, &err), 0);
	while ((status = ima_list_next(run.list, &record, &err)) == 1)
		n++;
	assert_int_equal(status, 0);
	run_clear(&run);
	begin(&run, bytes, 1u << ALG_SHA1);
	while ((status = ima_list_next(run.list, &record, &err)) == 1)
		n--;
	assert_int_equal(n, 0);
	run_clear(&run);
	assert_int_equal(unlink(path), 0);
	test_drop(bytes);
}

int main(void)
{
	struct test_list tests = { 0 };
	int n_failed;

	TEST_ROWS(&tests, pieces_from_pipe, pieces_cases);
	TEST_ROWS(&tests, pieces_from_file, window_cases);
	n_failed = test_run(&tests, "replay/ima/pieces");
	hasher_free(hasher);
	return n_failed;
}
