/* SPDX-License-Identifier: BSD-2-Clause */
/* Files in forms of agents, files by content and files deep in a tree, as a bundle has them. */
#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/own.h"
#include "replay/evidence/bundle.h"
#include "tests/unit/test.h"

/* TPMS_ATTEST of a quote: no names, clock 1 and 2, no PCRs; in base64. */
#define QUOTE_1            "/1RDR4AYAAAAAAAAAAAAAAABAAAAAAAAAAABAAAAAAAAAAAAAAAAAAA="
#define QUOTE_2            "/1RDR4AYAAAAAAAAAAAAAAACAAAAAAAAAAABAAAAAAAAAAAAAAAAAAA="
/* The same with clock 3 and resetCount 1, clock 4 and resetCount 2. */
#define QUOTE_3            "/1RDR4AYAAAAAAAAAAAAAAADAAAAAQAAAAABAAAAAAAAAAAAAAAAAAA="
#define QUOTE_4            "/1RDR4AYAAAAAAAAAAAAAAAEAAAAAgAAAAABAAAAAAAAAAAAAAAAAAA="
#define REPLY(quote, more) "{\"quote\":\"r" quote ":AgM=:BA==\"" more "}"
#define LINE(n)            "10 367a111b682553da5340f977001689db8366056a ima-ng sha256:94c0 /" #n "\\n"
#define TEXT(n)            "10 367a111b682553da5340f977001689db8366056a ima-ng sha256:94c0 /" #n "\n"
#define IMA(lines, entry)                                                                          \
	",\"ima_measurement_list\":\"" lines "\",\"ima_measurement_list_entry\":" #entry

/* Paths and contents in pairs; folders end with a slash. Expected: "ROLE[-NAME] PATH SIZE", then "!KIND PATH",
 * "?PATH" of what is unused. */
static const struct expand_case {
	const char *name;
	const char *files[16];
	const char *expected;
} expand_cases[] = {
  /* clang-format off */
	{ "a reply beside a key", { "r.json", REPLY(QUOTE_1, ""), "ak.pub", "k" },
	  "quote.msg r.json#quote[0] 41\nquote.sig r.json#quote[1] 2\nquote.pcrs r.json#quote[2] 1\n"
	  "ak.pub ak.pub 1\n" },
	{ "two replies are two quotes in the order of time",
	  { "a.json", REPLY(QUOTE_2, ""), "b.json", REPLY(QUOTE_1, "") },
	  "quote.msg-1 b.json#quote[0] 41\nquote.msg-2 a.json#quote[0] 41\n"
	  "quote.sig-1 b.json#quote[1] 2\nquote.sig-2 a.json#quote[1] 2\n"
	  "quote.pcrs-1 b.json#quote[2] 1\nquote.pcrs-2 a.json#quote[2] 1\n" },
	{ "a reply twice is one", { "a.json", REPLY(QUOTE_1, ""), "b.json", REPLY(QUOTE_1, "") },
	  "quote.msg a.json#quote[0] 41\nquote.sig a.json#quote[1] 2\nquote.pcrs a.json#quote[2] 1\n" },
	{ "a reply beside a quote by its name", { "quote.msg", "m", "r.json", REPLY(QUOTE_1, "") },
	  "quote.msg quote.msg 1\nquote.msg-1 r.json#quote[0] 41\nquote.sig-1 r.json#quote[1] 2\n"
	  "quote.pcrs-1 r.json#quote[2] 1\n" },
	{ "lists that go on, whatever the order of the files",
	  { "a.json", REPLY(QUOTE_2, IMA(LINE(2) LINE(3), 2)), "b.json", REPLY(QUOTE_1, IMA(LINE(0) LINE(1), 0)) },
	  "binary_runtime_measurements b.json#ima_measurement_list (and 1 more, to a.json#ima_measurement_list) 264\n"
	  "quote.msg-1 b.json#quote[0] 41\nquote.msg-2 a.json#quote[0] 41\n"
	  "quote.sig-1 b.json#quote[1] 2\nquote.sig-2 a.json#quote[1] 2\n"
	  "quote.pcrs-1 b.json#quote[2] 1\nquote.pcrs-2 a.json#quote[2] 1\n" },
	{ "lists that overlap", { "r.json", "[" REPLY(QUOTE_1, IMA(LINE(0) LINE(1), 0)) "," REPLY(QUOTE_1, IMA(LINE(1) LINE(2), 1)) "]" },
	  "binary_runtime_measurements r.json#[0].ima_measurement_list (and 1 more, to r.json#[1].ima_measurement_list) 198\n"
	  "quote.msg r.json#[0].quote[0] 41\nquote.sig r.json#[0].quote[1] 2\nquote.pcrs r.json#[0].quote[2] 1\n" },
	{ "lists with a gap", { "r.json", "[" REPLY(QUOTE_1, IMA(LINE(0), 0)) "," REPLY(QUOTE_1, IMA(LINE(2), 2)) "]" },
	  "binary_runtime_measurements r.json#[0].ima_measurement_list 66\n"
	  "quote.msg r.json#[0].quote[0] 41\nquote.sig r.json#[0].quote[1] 2\nquote.pcrs r.json#[0].quote[2] 1\n"
	  "!missing r.json#[1].ima_measurement_list\n" },
	{ "two boots: each list to its own", { "a.json", REPLY(QUOTE_1, IMA(LINE(0) LINE(1), 0)), "b.json", REPLY(QUOTE_3, IMA(LINE(5), 0)) },
	  "binary_runtime_measurements b.json#ima_measurement_list 66\n"
	  "quote.msg-1 a.json#quote[0] 41\nquote.msg-2 b.json#quote[0] 41\n"
	  "quote.sig-1 a.json#quote[1] 2\nquote.sig-2 b.json#quote[1] 2\n"
	  "quote.pcrs-1 a.json#quote[2] 1\nquote.pcrs-2 b.json#quote[2] 1\n"
	  "~binary_runtime_measurements a.json#ima_measurement_list 132\n"
	  "~quote.msg a.json#quote[0] 41\n~quote.sig a.json#quote[1] 2\n~quote.pcrs a.json#quote[2] 1\n" },
	{ "two boots in one file, the older in parts, a key for both",
	  { "ak.pub", "k", "r.json", "[" REPLY(QUOTE_3, IMA(LINE(5), 0)) "," REPLY(QUOTE_2, IMA(LINE(1), 1)) "," REPLY(QUOTE_1, IMA(LINE(0), 0)) "]" },
	  "binary_runtime_measurements r.json#[0].ima_measurement_list 66\n"
	  "quote.msg-1 r.json#[2].quote[0] 41\nquote.msg-2 r.json#[1].quote[0] 41\nquote.msg-3 r.json#[0].quote[0] 41\n"
	  "quote.sig-1 r.json#[2].quote[1] 2\nquote.sig-2 r.json#[1].quote[1] 2\nquote.sig-3 r.json#[0].quote[1] 2\n"
	  "quote.pcrs-1 r.json#[2].quote[2] 1\nquote.pcrs-2 r.json#[1].quote[2] 1\nquote.pcrs-3 r.json#[0].quote[2] 1\n"
	  "ak.pub ak.pub 1\n"
	  "~binary_runtime_measurements r.json#[2].ima_measurement_list (and 1 more, to r.json#[1].ima_measurement_list) 132\n"
	  "~quote.msg-1 r.json#[2].quote[0] 41\n~quote.msg-2 r.json#[1].quote[0] 41\n"
	  "~quote.sig-1 r.json#[2].quote[1] 2\n~quote.sig-2 r.json#[1].quote[1] 2\n"
	  "~quote.pcrs-1 r.json#[2].quote[2] 1\n~quote.pcrs-2 r.json#[1].quote[2] 1\n~ak.pub ak.pub 1\n" },
	{ "an earlier boot whose list has a gap, lines", { "r.jsonl", REPLY(QUOTE_1, IMA(LINE(4), 4)) "\n" REPLY(QUOTE_4, IMA(LINE(0), 0)) "\n" },
	  "binary_runtime_measurements r.jsonl#line 2: ima_measurement_list 66\n"
	  "quote.msg-1 r.jsonl#line 1: quote[0] 41\nquote.msg-2 r.jsonl#line 2: quote[0] 41\n"
	  "quote.sig-1 r.jsonl#line 1: quote[1] 2\nquote.sig-2 r.jsonl#line 2: quote[1] 2\n"
	  "quote.pcrs-1 r.jsonl#line 1: quote[2] 1\nquote.pcrs-2 r.jsonl#line 2: quote[2] 1\n"
	  "~quote.msg r.jsonl#line 1: quote[0] 41\n~quote.sig r.jsonl#line 1: quote[1] 2\n~quote.pcrs r.jsonl#line 1: quote[2] 1\n"
	  "!missing r.jsonl#line 1: ima_measurement_list\n" },
	{ "two boots, the list of one only", { "a.json", REPLY(QUOTE_1, IMA(LINE(0), 0)), "b.json", REPLY(QUOTE_3, "") },
	  "binary_runtime_measurements a.json#ima_measurement_list 66\n"
	  "quote.msg-1 a.json#quote[0] 41\nquote.msg-2 b.json#quote[0] 41\n"
	  "quote.sig-1 a.json#quote[1] 2\nquote.sig-2 b.json#quote[1] 2\n"
	  "quote.pcrs-1 a.json#quote[2] 1\nquote.pcrs-2 b.json#quote[2] 1\n" },
	{ "a list that only goes on", { "r.json", REPLY(QUOTE_1, IMA(LINE(2), 2)) },
	  "quote.msg r.json#quote[0] 41\nquote.sig r.json#quote[1] 2\nquote.pcrs r.json#quote[2] 1\n"
	  "!missing r.json#ima_measurement_list\n" },
	{ "lists that contradict", { "r.json", "[" REPLY(QUOTE_1, IMA(LINE(0) LINE(1), 0)) "," REPLY(QUOTE_1, IMA(LINE(9), 1)) "]" },
	  "binary_runtime_measurements r.json#[0].ima_measurement_list 132\n"
	  "quote.msg r.json#[0].quote[0] 41\nquote.sig r.json#[0].quote[1] 2\nquote.pcrs r.json#[0].quote[2] 1\n"
	  "!ambiguous r.json#[1].ima_measurement_list\n" },
	{ "a list by its name is the one", { "ascii_runtime_measurements", TEXT(0), "r.json", REPLY(QUOTE_1, IMA(LINE(9), 0)) },
	  "binary_runtime_measurements ascii_runtime_measurements 66\n"
	  "quote.msg r.json#quote[0] 41\nquote.sig r.json#quote[1] 2\nquote.pcrs r.json#quote[2] 1\n"
	  "!ambiguous r.json#ima_measurement_list\n" },
	{ "a file cut short", { "quote.msg", "m", "r.json", "{\"quote\": \"rA" },
	  "quote.msg quote.msg 1\n!form r.json\n" },
	{ "JSON of others", { "quote.msg", "m", "r.json", "{\"quote\": 7}" }, "quote.msg quote.msg 1\n?r.json\n" },
	{ "by content", { "eins", TEXT(0) }, "binary_runtime_measurements eins 66\n" },
	{ "by content, the same twice", { "eins", TEXT(0), "zwei", TEXT(0) }, "binary_runtime_measurements eins 66\n" },
	{ "by content, two", { "eins", TEXT(0), "quote.msg", "m", "zwei", TEXT(1) },
	  "quote.msg quote.msg 1\n!ambiguous eins\n!ambiguous zwei\n" },
	{ "by content, beside one by its name", { "ascii_runtime_measurements", TEXT(0), "zwei", TEXT(1) },
	  "binary_runtime_measurements ascii_runtime_measurements 66\n?zwei\n" },
	{ "deep in a tree",
	  { "s/", "", "s/sys/", "", "s/sys/ima/", "", "s/sys/ima/ascii_runtime_measurements", TEXT(0), "s/proc/", "", "s/proc/cmdline", "quiet",
	    "s/x", "x" },
	  "binary_runtime_measurements sys/ima/ascii_runtime_measurements 66\ncmdline proc/cmdline 5\n?x\n" },
	{ "deep in a tree, two that differ",
	  { "s/", "", "s/a/", "", "s/a/b/", "", "s/a/b/quote.msg", "m", "s/a/c/", "", "s/a/c/quote.msg", "n", "s/a/c/quote.sig", "s" },
	  "quote.sig a/c/quote.sig 1\n!ambiguous a/b/quote.msg\n!ambiguous a/c/quote.msg\n" },
  /* clang-format on */
};

static char top[TEST_FOLDER_SIZE];

static const char *below(const char *path)
{
	static char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", top, path);
	return whole;
}

static void make_folder(const struct expand_case *row)
{
	struct error err = { 0 };

	test_folder_make(top);
	for (size_t i = 0; row->files[i]; i += 2) {
		if (row->files[i][strlen(row->files[i]) - 1] == '/')
			assert_int_equal(mkdir(below(row->files[i]), 0777), 0);
		else if (file_write(below(row->files[i]), bytes_of_string(row->files[i + 1]),
				    &err) < 0)
			fail_msg("%s", err.message);
	}
}

static void drop_folder(void)
{
	test_folder_drop(top);
}

static void append_files(struct buf *text, const struct bundle *bundle, const char *mark,
			 const char *without)
{
	size_t n = strlen(without);

	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];

		buf_printf(text, "%s%s%s%.*s %s %zu\n", mark, bundle_role_name(file->role),
			   file->name.size ? "-" : "", (int)file->name.size,
			   (const char *)file->name.data,
			   strncmp(file->path, without, n) == 0 ? file->path + n : file->path,
			   file->contents.size);
	}
}

/* Files of an earlier boot behind a tilde. */
static void append_bundle(struct buf *text, const struct bundle *bundle, const char *without)
{
	size_t n = strlen(without);

	append_files(text, bundle, "", without);
	for (size_t i = 0; i < bundle->n_earlier; i++)
		append_files(text, &bundle->earlier[i], "~", without);
	for (size_t i = 0; i < bundle->n_problems; i++) {
		const char *path = (const char *)bundle->problems[i].path.data;

		buf_printf(text, "!%s %s\n", bundle_problem_name(bundle->problems[i].kind),
			   strncmp(path, without, n) == 0 ? path + n : path);
	}
	for (size_t i = 0; i < bundle->n_unused; i++) {
		const char *path = (const char *)bundle->unused[i].data;

		buf_printf(text, "?%s\n", strncmp(path, without, n) == 0 ? path + n : path);
	}
	buf_append_u8(text, 0);
}

/* In a folder, whose paths of a tree begin with the folder in it; in a tar, where that is passed through. */
static void expand(void **state)
{
	const struct expand_case *row = *state;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	AUTO(container_freep) struct container *container = NULL;
	AUTO(bundle_freep) struct bundle *bundle = NULL;
	struct error err = { 0 };

	make_folder(row);
	if (container_open(top, &container, &err) < 0 ||
	    container_bundle(container, 0, &bundle, &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(container_n_bundles(container), 1);
	append_bundle(&text, bundle, "s/");
	drop_folder();
	assert_string_equal((const char *)text.data, row->expected);
}

/* Each allocation fails once: said, and nothing is lost. */
static void out_of_memory(void **state)
{
	const struct expand_case *row = *state;

	make_folder(row);
	for (unsigned n = 1;; n++) {
		struct container *container = NULL;
		struct bundle *bundle = NULL;
		struct error err = { 0 };
		bool failed;

		test_alloc_fail(n);
		if (container_open(top, &container, &err) == 0)
			(void)container_bundle(container, 0, &bundle, &err);
		failed = test_alloc_failed();
		test_alloc_fail(0);
		if (!bundle)
			assert_true(failed);
		bundle_free(bundle);
		container_free(container);
		if (!failed)
			break;
	}
	drop_folder();
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, expand, expand_cases);
	TEST_ROWS(&tests, out_of_memory, expand_cases);
	return test_run(&tests, "replay/evidence: forms");
}
