/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/state.h"

#include <unistd.h>

#include "core/own.h"
#include "tests/unit/test.h"

static char folder[TEST_FOLDER_SIZE], path[TEST_FOLDER_SIZE + 8];

static int make_folder(void **state)
{
	(void)state;
	test_folder_make(folder);
	snprintf(path, sizeof(path), "%s/state", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	test_folder_drop(folder);
	return 0;
}

static void write_text(const char *text)
{
	assert_int_equal(file_write(path, bytes_of_string(text), NULL), 0);
}

static struct machine_state machine(const char *key, uint32_t reset_count, uint64_t clock)
{
	struct machine_state out = { .clock = clock, .reset_count = reset_count };

	snprintf(out.key, sizeof(out.key), "%s", key);
	return out;
}

static void a_file_that_is_not_there(void **state)
{
	AUTO(state_freep) struct state *machines = NULL;

	(void)state;
	unlink(path);
	assert_int_equal(state_read(path, &machines, NULL), 0);
	assert_int_equal(state_n_machines(machines), 0);
	assert_null(state_find(machines, "000b"));
	assert_int_equal(state_write(machines, NULL), 0);
	assert_int_equal(access(path, F_OK), -1); /* nothing was put */
}

static void put_and_found(void **state)
{
	static const char *const keys[] = { "0b03", "0b01", "0b02" };
	AUTO(state_freep) struct state *machines = NULL;
	AUTO(state_freep) struct state *again = NULL;
	AUTO(file_freep) struct file *list = NULL;
	struct hasher *hasher;
	struct machine_state one;
	const struct machine_state *found;
	struct digest digest;

	(void)state;
	unlink(path);
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(state_read(path, &machines, NULL), 0);
	for (uint32_t i = 0; i < 3; i++) {
		one = machine(keys[i], i, UINT64_MAX / 4 + i);
		assert_int_equal(state_put(machines, &one, NULL), 0);
	}
	one = machine("0b01", 1, UINT64_MAX / 4 + 7);
	one.restart_count = 9;
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes_of("list", 4), &digest,
					     NULL),
			 0);
	memcpy(one.ima.digest, digest.value, STATE_DIGEST);
	one.ima.size = 4;
	one.n_entries = 2;
	one.userspace.size = 5;
	snprintf(one.boot_id, sizeof(one.boot_id), "189c18dd7ba245f38cf49d9ac154b525");
	one.boot.size = 6;
	assert_int_equal(state_keep_list(machines, bytes_of("list", 4), one.ima.digest, NULL), 0);
	assert_int_equal(state_put(machines, &one, NULL), 0);
	/* Earlier ones change nothing. */
	one = machine("0b01", 1, 5);
	assert_int_equal(state_put(machines, &one, NULL), 0);
	one = machine("0b01", 0, UINT64_MAX / 2);
	assert_int_equal(state_put(machines, &one, NULL), 0);
	assert_int_equal(state_write(machines, NULL), 0);

	assert_int_equal(state_read(path, &again, NULL), 0);
	assert_int_equal(state_n_machines(again), 3);
	found = state_find(again, "0b01");
	assert_non_null(found);
	assert_true(found->clock == UINT64_MAX / 4 + 7);
	assert_int_equal(found->reset_count, 1);
	assert_int_equal(found->restart_count, 9);
	assert_int_equal(found->ima.size, 4);
	assert_int_equal(found->n_entries, 2);
	assert_int_equal(found->userspace.size, 5);
	assert_int_equal(found->boot.size, 6);
	assert_string_equal(found->boot_id, "189c18dd7ba245f38cf49d9ac154b525");
	assert_int_equal(state_open_list(again, found, hasher, &list, NULL), 0);
	assert_true(bytes_equal_string(file_bytes(list), "list"));
	assert_non_null(state_find(again, "0b02"));
	assert_non_null(state_find(again, "0b03"));
	assert_null(state_find(again, "0b"));
	hasher_free(hasher);
}

#define HEX64    "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD     "{\"version\":1,\"machines\":{"
#define COUNTERS "\"clock\":1,\"reset_count\":1,\"restart_count\":1"

/* clang-format off */
static const struct bad_case {
	const char *name, *text;
	enum error_code code;
} bad_cases[] = {
	{ "no JSON", "state", ERROR_MALFORMED },
	{ "an array", "[]", ERROR_MALFORMED },
	{ "no version", "{\"machines\":{}}", ERROR_MALFORMED },
	{ "another version", "{\"version\":2,\"machines\":{}}", ERROR_UNSUPPORTED },
	{ "no machines", "{\"version\":1}", ERROR_MALFORMED },
	{ "machines in an array", "{\"version\":1,\"machines\":[]}", ERROR_MALFORMED },
	{ "a key that is no hex", HEAD "\"0b/../x\":{" COUNTERS "}}}", ERROR_MALFORMED },
	{ "an empty key", HEAD "\"\":{" COUNTERS "}}}", ERROR_MALFORMED },
	{ "a key too long", HEAD "\"" HEX64 HEX64 "00000\":{" COUNTERS "}}}", ERROR_MALFORMED },
	{ "a key twice", HEAD "\"00\":{" COUNTERS "},\"00\":{" COUNTERS "}}}", ERROR_MALFORMED },
	{ "a machine that is a number", HEAD "\"00\":1}}", ERROR_MALFORMED },
	{ "no clock", HEAD "\"00\":{\"reset_count\":1,\"restart_count\":1}}}", ERROR_MALFORMED },
	{ "a clock below 0", HEAD "\"00\":{\"clock\":-1,\"reset_count\":1,\"restart_count\":1}}}", ERROR_MALFORMED },
	{ "a count of 33 bits", HEAD "\"00\":{\"clock\":1,\"reset_count\":4294967296,\"restart_count\":1}}}", ERROR_MALFORMED },
	{ "a digest too short", HEAD "\"00\":{" COUNTERS ",\"ima\":{\"entries\":1,\"size\":1,\"digest\":\"00\"}}}}", ERROR_MALFORMED },
	{ "no size", HEAD "\"00\":{" COUNTERS ",\"ima\":{\"entries\":1,\"digest\":\"" HEX64 "\"}}}}", ERROR_MALFORMED },
	{ "no entries", HEAD "\"00\":{" COUNTERS ",\"ima\":{\"size\":1,\"digest\":\"" HEX64 "\"}}}}", ERROR_MALFORMED },
	{ "no boot id", HEAD "\"00\":{" COUNTERS ",\"userspace\":{\"size\":1,\"digest\":\"" HEX64 "\"}}}}", ERROR_MALFORMED },
	{ "a boot id too long", HEAD "\"00\":{" COUNTERS ",\"userspace\":{\"boot_id\":\"" HEX64 "\",\"size\":1,\"digest\":\"" HEX64 "\"}}}}", ERROR_MALFORMED },
	{ "a boot log that is text", HEAD "\"00\":{" COUNTERS ",\"boot_log\":\"x\"}}}", ERROR_MALFORMED },
};
/* clang-format on */

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct state *machines = NULL;
	struct error err = { 0 };

	write_text(row->text);
	assert_int_equal(state_read(path, &machines, &err), -1);
	assert_int_equal(err.code, row->code);
	assert_null(machines);
	assert_true(err.message[0] != 0);
}

/* Cut at each length it is no state; flipped at each byte it is one or not, and nothing breaks. */
static void cut_and_flipped(void **state)
{
	static const char text[] = HEAD "\"0b\":{" COUNTERS ",\"ima\":{\"entries\":1,\"size\":1,"
					"\"digest\":\"" HEX64 "\"}}}}";
	char changed[sizeof(text)];

	(void)state;
	for (size_t size = 0; size < sizeof(text) - 1; size++) {
		struct state *machines = NULL;

		assert_int_equal(file_write(path, bytes_of(text, size), NULL), 0);
		assert_int_equal(state_read(path, &machines, NULL), -1);
	}
	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		struct state *machines = NULL;

		memcpy(changed, text, sizeof(text));
		changed[i] ^= 1;
		assert_int_equal(file_write(path, bytes_of(changed, sizeof(text) - 1), NULL), 0);
		if (state_read(path, &machines, NULL) == 0)
			state_free(machines);
	}
}

/* A list that is not what its name says. */
static void changed_list(void **state)
{
	AUTO(state_freep) struct state *machines = NULL;
	struct machine_state one = machine("0b", 1, 1);
	struct hasher *hasher;
	struct file *list = NULL;
	struct error err = { 0 };

	(void)state;
	unlink(path);
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	assert_int_equal(state_read(path, &machines, NULL), 0);
	one.ima.size = 4;
	assert_int_equal(state_open_list(machines, &one, hasher, &list, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_int_equal(state_keep_list(machines, bytes_of("list", 4), one.ima.digest, NULL), 0);
	assert_int_equal(state_open_list(machines, &one, hasher, &list, &err), -1);
	assert_int_equal(err.code, ERROR_INPUT);
	assert_non_null(strstr(err.message, "is not its name"));
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };
	int status;

	TEST(&tests, a_file_that_is_not_there);
	TEST(&tests, put_and_found);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut_and_flipped);
	TEST(&tests, changed_list);
	make_folder(NULL);
	status = test_run(&tests, "audit/state");
	return remove_folder(NULL) || status;
}
