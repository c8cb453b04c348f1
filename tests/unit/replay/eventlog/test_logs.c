/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whole logs: our captures against the PCRs their TPM held, and the corpus against the values an
 * independent replay gave for it (its README).
 */
#include "replay/eventlog/eventlog.h"

#include <inttypes.h>

#include "core/json_read.h"
#include "tests/unit/replay/eventlog/make_log.h"

/* --- our captures ----------------------------------------------------------------------------------- */

static const struct capture {
	const char *name;
	uint64_t n_events;
} captures[] = {
	{"efistub",             27},
	{ "uki-sdboot",         42},
	{ "sb-grub",            57},
	{ "sb-grub-ima-attack", 57},
};

static struct bytes capture_file(const char *name, const char *file)
{
	char path[256];

	snprintf(path, sizeof(path), "tests/vectors/captures/%s/%s", name, file);
	return test_file(path);
}

/* What a whole log gives. */
struct outcome {
	enum eventlog_format format;
	struct eventlog_replay replay;
	uint64_t padding;
	uint64_t n_mismatches;
	bool broken;
	struct error err;
};

/* Replays a log, decodes, checks and describes every event of it. */
static struct outcome run(struct bytes bytes, struct hasher *hasher)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct outcome out = { .broken = true };
	struct record record;
	struct eventlog log;
	int more;

	if (eventlog_open(&log, bytes, "log", &out.err) < 0)
		return out;
	out.format = log.format;
	eventlog_replay_init(&out.replay, &log, hasher, EVENTLOG_LOCALITY_STATED);
	while ((more = eventlog_next(&log, &record, &out.err)) > 0) {
		struct json json = json_to_buf(&text);
		struct event_check check;
		struct event event;

		assert_int_equal(eventlog_extend(&out.replay, &record, &out.err), 0);
		event_decode(&record, &event);
		assert_int_equal(event_check(&record, &event, hasher, &check, &out.err), 0);
		out.n_mismatches += check.result == DATA_MISMATCH;
		text.size = 0;
		event_describe(&record, &event, &text);
		json_object_begin(&json, NULL);
		event_write_json(&record, &event, &json);
		json_object_end(&json);
		assert_int_equal(json_finish(&json, &out.err), 0);
	}
	out.broken = more < 0;
	out.padding = bytes.size - log.padding_offset;
	return out;
}

/* The value of a PCR in tpm2_pcrread's output: "  sha1:" and then "    0 : 0xA6DC..." */
static struct digest yaml_value(const char *yaml, enum alg alg, uint32_t pcr)
{
	uint8_t value[DIGEST_SIZE_MAX];
	char wanted[24], bank[24];
	const char *at;
	struct digest out = { 0 };
	size_t hex;

	snprintf(bank, sizeof(bank), "  %s:\n", alg_name(alg));
	snprintf(wanted, sizeof(wanted), "\n    %-2" PRIu32 ": 0x", pcr);
	at = strstr(yaml, bank);
	assert_non_null(at);
	at = strstr(at + strlen(bank) - 1, wanted);
	assert_non_null(at);
	at += strlen(wanted);
	hex = strspn(at, "0123456789ABCDEF");
	assert_int_equal(hex_parse(bytes_of(at, hex), value, sizeof(value)), alg_size(alg));
	digest_init(&out, alg, bytes_of(value, hex / 2));
	return out;
}

static void capture(void **state)
{
	const struct capture *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes bytes = capture_file(row->name, "binary_bios_measurements");
	struct bytes yaml = capture_file(row->name, "pcrs.yaml");
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct outcome out = run(bytes, hasher);
	size_t n = 0;

	buf_append(&text, yaml);
	assert_int_equal(buf_finish(&text, NULL), 0);
	assert_false(out.broken);
	assert_int_equal(out.format, EVENTLOG_TCG2);
	assert_int_equal(out.replay.n_records, row->n_events);
	assert_int_equal(out.replay.oddities, 0);
	assert_int_equal(out.n_mismatches, 0);
	assert_int_equal(out.replay.n_banks, 4);
	for (size_t i = 0; i < out.replay.n_banks; i++) {
		const struct pcr_bank *bank = &out.replay.banks[i];

		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(bank, pcr), held;

			if (!(bank->extended & 1u << pcr))
				continue;
			held = yaml_value((char *)text.data, bank->alg, pcr);
			test_bytes(digest_bytes(&value), digest_bytes(&held));
			n++;
		}
	}
	assert_true(n >= 4 * 9);
	test_drop(bytes);
	test_drop(yaml);
}

/* A log cut at any length gives the events before, and an error inside the file, or ends well between
 * two events. */
static void cut(void **state)
{
	struct bytes whole = capture_file("efistub", "binary_bios_measurements");

	(void)state;
	for (size_t size = 0; size < whole.size; size++) {
		struct bytes part = test_copy(bytes_of(whole.data, size));
		struct error err = { 0 };
		struct record record = { 0 };
		struct eventlog log;
		uint64_t end = 0;
		int more;

		if (eventlog_open(&log, part, "log", &err) < 0) {
			assert_true(size < 77); /* inside the Spec ID event */
		} else {
			while ((more = eventlog_next(&log, &record, &err)) > 0)
				end = record.data_offset + record.data.size;
			if (more == 0) {
				assert_true(end == size || log.padding_offset < size ||
					    log.first == size);
				test_drop(part);
				continue;
			}
		}
		/* The first four bytes are zeros, as any padding would be. */
		assert_int_equal(err.code,
				 size >= 1 && size <= 4 ? ERROR_MALFORMED : ERROR_TRUNCATED);
		assert_true(err.offset <= size);
		assert_true(err.offset >= end);
		test_drop(part);
	}
	test_drop(whole);
}

/* Any byte of a digest that changes changes the PCR in that bank, and only there. */
static void flipped_digests(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes whole = capture_file("efistub", "binary_bios_measurements");
	struct outcome honest = run(whole, hasher);
	struct bytes copy = test_copy(whole);
	uint8_t *data = (uint8_t *)(uintptr_t)copy.data;
	struct eventlog log;
	struct record record;
	size_t n = 0;

	(void)state;
	assert_int_equal(eventlog_open(&log, whole, "log", NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0) {
		size_t at = (size_t)record.offset + 12;

		for (size_t i = 0; i < record.n_digests; i++) {
			/* The first, the last, and one between; all bytes of all would take long. */
			const size_t places[] = { 0, record.digests[i].size / 2u,
						  record.digests[i].size - 1u };

			at += 2;
			for (size_t j = 0; j < ARRAY_SIZE(places); j++) {
				struct outcome out;

				data[at + places[j]] ^= 0x10;
				out = run(copy, hasher);
				data[at + places[j]] ^= 0x10;
				assert_false(out.broken);
				for (size_t b = 0; b < out.replay.n_banks; b++) {
					const struct pcr_bank *bank = &out.replay.banks[b];
					struct digest value = pcr_bank_value(bank, record.pcr);
					struct digest was =
						pcr_bank_value(&honest.replay.banks[b], record.pcr);

					assert_int_equal(digest_equal(&value, &was),
							 bank->alg != record.digests[i].alg);
				}
				n++;
			}
			at += record.digests[i].size;
		}
	}
	assert_int_equal(n, 27 * 4 * 3);
	test_drop(copy);
	test_drop(whole);
}

/* Any byte that changes may break the log or change what it says: it may not crash us. */
static void flipped_bytes(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	struct bytes whole = capture_file("uki-sdboot", "binary_bios_measurements");
	struct bytes copy = test_copy(whole);
	uint8_t *data = (uint8_t *)(uintptr_t)copy.data;
	size_t n_broken = 0;

	(void)state;
	for (size_t i = 0; i < whole.size; i++) {
		struct outcome out;

		data[i] ^= 0x81;
		out = run(bytes_of(data, whole.size), hasher);
		data[i] ^= 0x81;
		n_broken += out.broken;
	}
	assert_true(n_broken > 0);
	test_drop(copy);
	test_drop(whole);
}

/* --- the corpus -------------------------------------------------------------------------------------- */

/* One log of the corpus whose expected values are known. */
struct corpus_log {
	char path[512];     /* of the log */
	char expected[512]; /* of its *.pcrs.json */
};

/* Logs whose firmware measures something else than it logs: check.c names them. */
static uint64_t known_mismatches(const char *path)
{
	return strstr(path, "gdc-host") ? 1 : 0;
}

/* base64 (RFC 4648) of a whole file, its line breaks passed over. */
static struct bytes base64_decode(struct bytes text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	AUTO(buf_clear) struct buf out = BUF_INIT;
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < text.size; i++) {
		const char *digit = text.data[i] ? strchr(digits, text.data[i]) : NULL;

		if (!digit)
			continue;
		bits = bits << 6 | (uint32_t)(digit - digits);
		n += 6;
		if (n >= 8) {
			n -= 8;
			buf_append_u8(&out, (uint8_t)(bits >> n));
		}
	}
	return test_copy(buf_bytes(&out));
}

/* What assert_value needs of where it is. */
struct bank_values {
	const struct outcome *out;
	const struct pcr_bank *bank;
	pcr_set seen;
	size_t n_banks;
};

static int assert_value(void *ctx, struct bytes key, const struct json_value *value,
			struct error *err)
{
	struct bank_values *values = ctx;
	char number[8] = "", hex[DIGEST_HEX_SIZE] = "";
	unsigned long pcr;
	struct digest have;
	struct bytes text;

	(void)err;
	assert_true(key.size < sizeof(number));
	memcpy(number, key.data, key.size);
	pcr = strtoul(number, NULL, 10);
	assert_true(pcr < PCR_COUNT);
	assert_true(json_value_text(value, &text));
	assert_true(text.size < sizeof(hex));
	memcpy(hex, text.data, text.size);
	have = pcr_bank_value(values->bank, (uint32_t)pcr);
	test_bytes_hex(digest_bytes(&have), hex);
	values->seen |= 1u << pcr;
	return 0;
}

static int assert_bank(void *ctx, struct bytes key, const struct json_value *value,
		       struct error *err)
{
	struct bank_values *values = ctx;

	values->bank = eventlog_bank(&values->out->replay, alg_of_name(key));
	values->seen = 0;
	assert_non_null(values->bank);
	json_value_each(value, assert_value, values, err);
	assert_int_equal(values->bank->extended, values->seen);
	values->n_banks++;
	return 0;
}

static void assert_pcrs(const struct outcome *out, const struct json_value *expected)
{
	struct bank_values values = { .out = out };

	json_value_each(expected, assert_bank, &values, NULL);
	for (size_t i = 0; i < out->replay.n_banks; i++)
		values.n_banks -= out->replay.banks[i].extended != 0;
	assert_int_equal(values.n_banks, 0);
}

/* A number at the top of the document, as the independent replay writes it; -1 for null. */
static long expected_number(const char *text, const char *key)
{
	char wanted[64];
	const char *at;

	snprintf(wanted, sizeof(wanted), "\n \"%s\": ", key);
	at = strstr(text, wanted);
	assert_non_null(at);
	at += strlen(wanted);
	return *at == 'n' ? -1 : strtol(at, NULL, 10);
}

static bool expected_text(const struct json_value *expected, const char *key, char out[256])
{
	struct bytes text;

	if (!json_value_text(json_value_member(expected, key), &text) || text.size >= 256)
		return false;
	memcpy(out, text.data, text.size);
	out[text.size] = 0;
	return true;
}

static void assert_broken(const struct outcome *out, const char *error, size_t size)
{
	const char *at = strstr(error, " at ");

	assert_true(out->broken);
	assert_int_equal(out->err.code, ERROR_TRUNCATED);
	assert_true(out->err.offset <= size);
	if (at)
		assert_int_equal(out->err.offset, strtoul(at + 4, NULL, 10));
}

static void corpus(void **state)
{
	const struct corpus_log *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = make_hasher();
	AUTO(json_value_freep) struct json_value *expected = NULL;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes bytes = test_file(row->path), document = test_file(row->expected);
	size_t path_size = strlen(row->path);
	struct outcome out;
	char word[256];
	long locality;

	assert_int_equal(json_read(document, row->expected, &expected, NULL), 0);
	buf_append(&text, document);
	assert_int_equal(buf_finish(&text, NULL), 0);
	if (path_size > 4 && strcmp(row->path + path_size - 4, ".b64") == 0) {
		struct bytes decoded = base64_decode(bytes);

		test_drop(bytes);
		bytes = decoded;
	}
	out = run(bytes, hasher);
	if (expected_text(expected, "error", word)) {
		assert_broken(&out, word, bytes.size);
	} else {
		const char *json = (const char *)text.data;

		if (out.broken)
			fail_msg("offset %" PRIu64 ": %s", out.err.offset, out.err.message);
		assert_true(expected_text(expected, "format", word));
		assert_int_equal(out.format, strstr(row->path, "/ccel/") ? EVENTLOG_CC
					     : strcmp(word, "sha1") == 0 ? EVENTLOG_TCG1
									 : EVENTLOG_TCG2);
		assert_int_equal(out.replay.n_records, expected_number(json, "events"));
		assert_int_equal(out.padding, expected_number(json, "padding"));
		locality = expected_number(json, "startup_locality");
		assert_int_equal(out.replay.locality.stated, locality >= 0);
		if (locality >= 0)
			assert_int_equal(out.replay.locality.value, locality);
		assert_int_equal(out.n_mismatches, known_mismatches(row->path));
		assert_pcrs(&out, json_value_member(expected, "pcrs"));
	}
	test_drop(document);
	test_drop(bytes);
}

static void no_corpus(void **state)
{
	(void)state;
	skip();
}

#define CORPUS_MAX 200

/* A test for every log of the manifest that has expected values; how many there are. */
static size_t add_corpus(struct test_list *tests, struct corpus_log *logs)
{
	const char *folder = test_corpus();
	char path[512], line[4096];
	size_t n = 0;
	FILE *in;

	if (!folder)
		return 0;
	snprintf(path, sizeof(path), "%s/MANIFEST.tsv", folder);
	in = fopen(path, "r");
	if (!in)
		return 0;
	while (n < CORPUS_MAX && fgets(line, sizeof(line), in)) {
		struct corpus_log *log = &logs[n];
		FILE *expected;

		if (strncmp(line, "tcg-eventlog/", 13) != 0 && strncmp(line, "ccel/", 5) != 0)
			continue;
		line[strcspn(line, "\t")] = 0;
		if (strlen(line) > 200 || strlen(folder) > 200)
			continue;
		snprintf(log->path, sizeof(log->path), "%s/%s", folder, line);
		snprintf(log->expected, sizeof(log->expected), "%s/expected/%s.pcrs.json", folder,
			 line);
		expected = fopen(log->expected, "r");
		if (!expected)
			continue; /* companion data of a log */
		fclose(expected);
		test_add(tests, "corpus", line, corpus, log);
		n++;
	}
	fclose(in);
	return n;
}

int main(void)
{
	static struct corpus_log logs[CORPUS_MAX];
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, capture, captures);
	TEST(&tests, cut);
	TEST(&tests, flipped_digests);
	TEST(&tests, flipped_bytes);
	if (add_corpus(&tests, logs) == 0)
		TEST(&tests, no_corpus);
	return test_run(&tests, "replay/eventlog/logs");
}
