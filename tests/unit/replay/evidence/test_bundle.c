/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/evidence/bundle.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/file.h"
#include "core/own.h"
#include "tests/unit/test.h"

/* --- names ---------------------------------------------------------------------------------------- */

static const struct role_case {
	const char *name, *path;
	enum bundle_role role;
	const char *given; /* NAME */
} role_cases[] = {
	{"boot log",                    "binary_bios_measurements",           ROLE_BOOT_LOG,          ""   },
	{ "IMA list",                   "binary_runtime_measurements",        ROLE_IMA_LOG,           ""   },
	{ "IMA list of a bank",         "binary_runtime_measurements_sha256", ROLE_IMA_LOG,           ""   },
	{ "IMA list of a bank unknown", "binary_runtime_measurements_old",    ROLE_NONE,              ""   },
	{ "ascii list of a bank",       "ascii_runtime_measurements_sha384",  ROLE_IMA_LOG,           ""   },
	{ "quote",		      "quote.msg",                          ROLE_QUOTE_MSG,         ""   },
	{ "further quote",              "quote-a.b.msg",                      ROLE_QUOTE_MSG,         "a.b"},
	{ "quote without a name",       "quote-.msg",                         ROLE_NONE,              ""   },
	{ "quote in a folder",          "old/quote.msg",                      ROLE_NONE,              ""   },
	{ "name with a slash",          "quote-a/b.msg",                      ROLE_NONE,              ""   },
	{ "signature",                  "quote-x.sig",                        ROLE_QUOTE_SIG,         "x"  },
	{ "values",		     "quote.pcrs",                         ROLE_QUOTE_PCRS,        ""   },
	{ "key",			"ak-x.pub",                           ROLE_AK_PUB,            "x"  },
	{ "key as PEM",                 "ak.pem",                             ROLE_AK_PEM,            ""   },
	{ "key's name",                 "ak.name",                            ROLE_AK_NAME,           ""   },
	{ "certify",                    "ak-ecc.certify.msg",                 ROLE_AK_CERTIFY_MSG,    "ecc"},
	{ "certificate",                "ca/root.pem",                        ROLE_CA_CRT,            ""   },
	{ "certificate deeper",         "ca/old/root.pem",                    ROLE_NONE,              ""   },
	{ "credential",                 "credential.secret",                  ROLE_CREDENTIAL_SECRET, ""   },
	{ "nonce",		      "nonce",			      ROLE_NONCE,             ""   },
	{ "nonce of another",           "nonce-x",                            ROLE_NONE,              ""   },
	{ "mapping",                    "evidence.json",                      ROLE_MAPPING,           ""   },
	{ "user space",                 "tpm2-measure.log",                   ROLE_USERSPACE_LOG,     ""   },
	{ "a TDX quote",                "quote-7.tdx",                        ROLE_TDX_QUOTE,         "7"  },
	{ "CCEL",		       "CCEL",			       ROLE_CC_LOG,            ""   },
	{ "a Canonical Event Log",      "canonical_event_log",                ROLE_CANONICAL_LOG,     ""   },
	{ "longer",		     "quote.msg.bak",                      ROLE_NONE,              ""   },
	{ "shorter",                    "quote.ms",                           ROLE_NONE,              ""   },
	{ "empty",		      "",				   ROLE_NONE,              ""   },
};

static void role(void **state)
{
	const struct role_case *row = *state;
	struct bytes path = test_copy(bytes_of_string(row->path)), name;

	assert_int_equal(bundle_role_of(path, &name), row->role);
	test_bytes(name, bytes_of_string(row->given));
	test_drop(path);
}

/* --- files to read -------------------------------------------------------------------------------- */

static char top[TEST_FOLDER_SIZE];

static void make_top(void)
{
	test_folder_make(top);
}

static void drop_top(void)
{
	test_folder_drop(top);
}

static const char *below(const char *path)
{
	static char whole[512];

	snprintf(whole, sizeof(whole), "%s/%s", top, path);
	return whole;
}

static void put(const char *path, const char *contents)
{
	FILE *out = fopen(below(path), "wb");

	assert_non_null(out);
	fputs(contents, out);
	fclose(out);
}

static void make_folder(const char *path)
{
	assert_int_equal(mkdir(below(path), 0777), 0);
}

/* A member of a tar (ustar). */
struct member {
	const char *path;
	char type; /* '0' file, '5' folder, '2' symbolic link, '1' hard link, '3' device, '6' FIFO */
	const char *contents;
};

static void tar_member(struct buf *out, const struct member *member)
{
	char header[512] = { 0 };
	size_t size = member->contents ? strlen(member->contents) : 0;
	unsigned sum = 0;

	snprintf(header, 100, "%s", member->path);
	snprintf(header + 100, 8, "0000644");
	snprintf(header + 108, 8, "0000000");
	snprintf(header + 116, 8, "0000000");
	snprintf(header + 124, 12, "%011o", member->type == '0' ? (unsigned)size & 0xffff : 0);
	snprintf(header + 136, 12, "00000000000");
	memset(header + 148, ' ', 8);
	header[156] = member->type;
	if (member->type == '1' || member->type == '2')
		snprintf(header + 157, 100, "%s", member->contents);
	memcpy(header + 257,
	       "ustar\0"
	       "00",
	       8);
	for (size_t i = 0; i < sizeof(header); i++)
		sum += (uint8_t)header[i];
	snprintf(header + 148, 8, "%06o", sum);
	buf_append(out, bytes_of(header, sizeof(header)));
	if (member->type != '0')
		return;
	buf_append_string(out, member->contents);
	while (out->size % 512)
		buf_append_u8(out, 0);
}

static void put_tar(const char *path, const struct member *members, size_t n)
{
	AUTO(buf_clear) struct buf tar = BUF_INIT;
	static const uint8_t end[1024];
	struct error err = { 0 };

	for (size_t i = 0; i < n; i++)
		tar_member(&tar, &members[i]);
	buf_append(&tar, bytes_of(end, sizeof(end)));
	assert_int_equal(file_write(below(path), buf_bytes(&tar), &err), 0);
}

static struct container *open_it(const char *path)
{
	struct container *container = NULL;
	struct error err = { 0 };

	if (container_open(below(path), &container, &err) < 0)
		fail_msg("%s", err.message);
	return container;
}

static struct bundle *bundle_of(const struct container *container, size_t i)
{
	struct bundle *bundle = NULL;
	struct error err = { 0 };

	if (container_bundle(container, i, &bundle, &err) < 0)
		fail_msg("%s", err.message);
	return bundle;
}

/* "ROLE:NAME:PATH=CONTENTS" of each file, then "!KIND:PATH" of each problem, "?PATH" of the unused. */
static void expect(const struct bundle *bundle, const char *expected)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	for (size_t i = 0; i < bundle->n_files; i++) {
		const struct bundle_file *file = &bundle->files[i];

		buf_printf(&text, "%d:%.*s:%s=%.*s\n", file->role, (int)file->name.size,
			   (const char *)file->name.data, file->path, (int)file->contents.size,
			   file->contents.size ? (const char *)file->contents.data : "");
	}
	for (size_t i = 0; i < bundle->n_problems; i++)
		buf_printf(&text, "!%d:%.*s\n", bundle->problems[i].kind,
			   (int)bundle->problems[i].path.size,
			   (const char *)bundle->problems[i].path.data);
	for (size_t i = 0; i < bundle->n_unused; i++)
		buf_printf(&text, "?%.*s\n", (int)bundle->unused[i].size,
			   (const char *)bundle->unused[i].data);
	buf_append_u8(&text, 0);
	assert_string_equal((const char *)text.data, expected);
}

/* --- folders -------------------------------------------------------------------------------------- */

static void folder(void **state)
{
	struct container *container;
	struct bundle *bundle;

	(void)state;
	make_top();
	put("quote-z.msg", "zm");
	put("quote.msg", "m");
	put("quote.sig", "s");
	put("binary_runtime_measurements", "bin");
	put("ascii_runtime_measurements", "ascii");
	put("notes.txt", "n");
	make_folder("ca");
	put("ca/root.pem", "p");
	make_folder("sub");
	put("sub/quote.sig", "other");
	container = open_it("");
	assert_int_equal(container_n_bundles(container), 1);
	bundle = bundle_of(container, 0);
	assert_string_equal(bundle->name, top);
	expect(bundle, "1::binary_runtime_measurements=bin\n"
		       "2::quote.msg=m\n"
		       "2:z:quote-z.msg=zm\n"
		       "3::quote.sig=s\n"
		       "21::ca/root.pem=p\n"
		       "?ascii_runtime_measurements\n"
		       "?notes.txt\n");
	assert_non_null(bundle_find(bundle, ROLE_QUOTE_MSG, bytes_of_string("z")));
	assert_null(bundle_find(bundle, ROLE_QUOTE_SIG, bytes_of_string("z")));
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static void folder_of_strange_things(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct container *container;
	struct bundle *bundle;

	(void)state;
	make_top();
	put("quote.msg", "m");
	assert_int_equal(symlink("/etc/passwd", below("nonce")), 0);
	assert_int_equal(symlink("/etc", below("ca")), 0);
	assert_int_equal(mkfifo(below("quote.sig"), 0666), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/quote.pcrs", top);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	container = open_it("");
	bundle = bundle_of(container, 0);
	expect(bundle, "2::quote.msg=m\n!0:ca\n!0:nonce\n!0:quote.pcrs\n!0:quote.sig\n");
	assert_string_equal(bundle->problems[0].message, "a symbolic link, passed over");
	assert_string_equal(bundle->problems[3].message, "a FIFO, passed over");
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static void several_folders(void **state)
{
	struct container *container;
	struct bundle *bundle;
	char name[TEST_FOLDER_SIZE + 64];

	(void)state;
	make_top();
	make_folder("b");
	put("b/quote.msg", "b");
	make_folder("a");
	put("a/binary_bios_measurements", "a");
	make_folder("no-evidence");
	put("no-evidence/readme", "r");
	put("readme", "r");
	container = open_it("");
	assert_int_equal(container_n_bundles(container), 2);
	bundle = bundle_of(container, 0);
	snprintf(name, sizeof(name), "%s/a", top);
	assert_string_equal(bundle->name, name);
	expect(bundle, "0::binary_bios_measurements=a\n");
	bundle_free(bundle);
	bundle = bundle_of(container, 1);
	expect(bundle, "2::quote.msg=b\n");
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static void too_large(void **state)
{
	struct container *container;
	struct bundle *bundle;

	(void)state;
	make_top();
	put("quote.msg", "m");
	put("nonce", "");
	assert_int_equal(truncate(below("nonce"), 1 << 21), 0);
	put("binary_runtime_measurements", "");
	assert_int_equal(truncate(below("binary_runtime_measurements"), 1 << 21), 0);
	container = open_it("");
	bundle = bundle_of(container, 0);
	assert_int_equal(bundle->n_problems, 1);
	assert_int_equal(bundle->problems[0].kind, BUNDLE_LIMIT);
	assert_int_equal(bundle_find(bundle, ROLE_IMA_LOG, bytes_of("", 0))->contents.size,
			 1 << 21);
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static const struct mapping_case {
	const char *name, *json, *expected;
} mapping_cases[] = {
	{"other name",             "{\"files\": {\"quote.sig\": \"sub/x\"}}",
         "2::quote.msg=m\n3::sub/x=x\n?quote.sig\n"												  },
	{ "wins over a name",      "{\"files\": {\"quote.msg\": \"quote.sig\"}}",
         "2::quote.sig=s\n?quote.msg\n"													      },
	{ "further quote",         "{\"files\": {\"quote-a.msg\": \"./sub//x\"}}",
         "2::quote.msg=m\n2:a:sub/x=x\n3::quote.sig=s\n"											     },
	{ "one file in two roles", "{\"files\": {\"ak.pub\": \"sub/x\", \"nonce\": \"sub/x\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n5::sub/x=x\n8::sub/x=x\n"										  },
	{ "not there",             "{\"files\": {\"ak.pub\": \"gone\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!4:gone\n"												 },
	{ "a folder",              "{\"files\": {\"ak.pub\": \"sub\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!4:sub\n"												  },
	{ "through a link",        "{\"files\": {\"ak.pub\": \"link/passwd\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!4:link/passwd\n"											  },
	{ "absolute",              "{\"files\": {\"ak.pub\": \"/etc/passwd\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!1:/etc/passwd\n"											  },
	{ "upwards",               "{\"files\": {\"ak.pub\": \"sub/../../x\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!1:sub/../../x\n"											  },
	{ "no such role",          "{\"files\": {\"ak.xyz\": \"sub/x\"}}",
         "2::quote.msg=m\n3::quote.sig=s\n!3:evidence.json\n"											},
	{ "no path",               "{\"files\": {\"ak.pub\": 7}}",
         "2::quote.msg=m\n3::quote.sig=s\n!3:evidence.json\n"											},
	{ "no files",              "{}",							 "2::quote.msg=m\n3::quote.sig=s\n!3:evidence.json\n"},
	{ "no JSON",               "{",							  "2::quote.msg=m\n3::quote.sig=s\n!3:evidence.json\n"},
};

/* Problems that only a folder has: the link itself. */
static void mapping_of_folder(void **state)
{
	const struct mapping_case *row = *state;
	struct container *container;
	struct bundle *bundle;

	make_top();
	put("quote.msg", "m");
	put("quote.sig", "s");
	make_folder("sub");
	put("sub/x", "x");
	assert_int_equal(symlink("/etc", below("link")), 0);
	put("evidence.json", row->json);
	container = open_it("");
	bundle = bundle_of(container, 0);
	/* "link" sorts among the problems */
	for (size_t i = 0; i < bundle->n_problems; i++)
		if (bundle->problems[i].kind == BUNDLE_MEMBER) {
			memmove(&bundle->problems[i], &bundle->problems[i + 1],
				(--bundle->n_problems - i) * sizeof(*bundle->problems));
			break;
		}
	expect(bundle, row->expected);
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static void mapping_of_tar(void **state)
{
	const struct mapping_case *row = *state;
	struct member members[] = {
		{"case/",               '5', NULL     },
                { "case/quote.msg",     '0', "m"      },
		{ "case/quote.sig",     '0', "s"      },
                { "case/sub/",          '5', NULL     },
		{ "case/sub/x",         '0', "x"      },
                { "case/evidence.json", '0', row->json},
	};
	struct container *container;
	struct bundle *bundle;

	make_top();
	put_tar("t.tar", members, ARRAY_SIZE(members));
	container = open_it("t.tar");
	assert_int_equal(container_n_bundles(container), 1);
	bundle = bundle_of(container, 0);
	/* An archive's members are all known, so that those without a role are, too. */
	for (size_t i = 0; i < bundle->n_unused; i++)
		if (bytes_equal_string(bundle->unused[i], "sub/x")) {
			memmove(&bundle->unused[i], &bundle->unused[i + 1],
				(--bundle->n_unused - i) * sizeof(*bundle->unused));
			break;
		}
	expect(bundle, row->expected);
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

/* --- archives ------------------------------------------------------------------------------------- */

#define MEMBERS_MAX 8

static const struct tar_case {
	const char *name;
	struct member members[MEMBERS_MAX];
	size_t n_bundles;
	const char *expected; /* of the first bundle */
} tar_cases[] = {
	{"no folder",
         { { "quote.msg", '0', "m" }, { "./nonce", '0', "n" } },
         1, "2::quote.msg=m\n8::nonce=n\n"        },
	{ "one folder",
         { { "case", '5', NULL }, { "case/quote.msg", '0', "m" } },
         1, "2::quote.msg=m\n"                    },
	{ "folders in folders",
         { { "srv/", '5', NULL }, { "srv/a/", '5', NULL }, { "srv/a/quote.msg", '0', "m" } },
         1, "2::quote.msg=m\n"                    },
	{ "several",
         { { "b/quote.msg", '0', "b" },
	    { "a/quote.msg", '0', "a" },
	    { "a/nonce", '0', "n" },
	    { "readme", '0', "r" } },
         2, "2::quote.msg=a\n8::nonce=n\n"        },
	{ "several in one",
         { { "all/b/quote.msg", '0', "b" }, { "all/a/quote.msg", '0', "a" } },
         2, "2::quote.msg=a\n"                    },
	{ "absolute",
         { { "quote.msg", '0', "m" }, { "/etc/nonce", '0', "n" } },
         1, "2::quote.msg=m\n!1:/etc/nonce\n"     },
	{ "upwards",
         { { "quote.msg", '0', "m" }, { "x/../../nonce", '0', "n" } },
         1, "2::quote.msg=m\n!1:x/../../nonce\n"  },
	{ "symbolic link",
         { { "quote.msg", '0', "m" }, { "nonce", '2', "/etc/passwd" } },
         1, "2::quote.msg=m\n!0:nonce\n"          },
	{ "hard link",
         { { "quote.msg", '0', "m" }, { "nonce", '1', "quote.msg" } },
         1, "2::quote.msg=m\n!0:nonce\n"          },
	{ "device",
         { { "quote.msg", '0', "m" }, { "nonce", '3', NULL } },
         1, "2::quote.msg=m\n!0:nonce\n"          },
	{ "FIFO",
         { { "quote.msg", '0', "m" }, { "nonce", '6', NULL } },
         1, "2::quote.msg=m\n!0:nonce\n"          },
	{ "name twice",
         { { "quote.msg", '0', "m" }, { "nonce", '0', "1" }, { ".//nonce", '0', "2" } },
         1, "2::quote.msg=m\n!2:nonce\n"          },
	{ "link and file of one name",
         { { "quote.msg", '0', "m" }, { "nonce", '2', "x" }, { "nonce", '0', "2" } },
         1, "2::quote.msg=m\n!0:nonce\n!2:nonce\n"},
	{ "folder twice",
         { { "a/", '5', NULL }, { "a/", '5', NULL }, { "a/quote.msg", '0', "m" } },
         1, "2::quote.msg=m\n"                    },
	{ "control characters",
         { { "quote.msg", '0', "m" }, { "x\x1b[2J", '0', "" } },
         1, "2::quote.msg=m\n?x\x1b[2J\n"         },
};

static void tar(void **state)
{
	const struct tar_case *row = *state;
	struct container *container;
	struct bundle *bundle;
	size_t n = 0;

	while (n < MEMBERS_MAX && row->members[n].path)
		n++;
	make_top();
	put_tar("t.tar", row->members, n);
	container = open_it("t.tar");
	assert_int_equal(container_n_bundles(container), row->n_bundles);
	bundle = bundle_of(container, 0);
	expect(bundle, row->expected);
	if (row->n_bundles > 1)
		assert_string_equal(strstr(bundle->name, "t.tar"), "t.tar/a");
	bundle_free(bundle);
	container_free(container);
	drop_top();
}

static const struct unreadable_case {
	const char *name, *contents;
	enum error_code code;
} unreadable_cases[] = {
	{"empty",            "",				   ERROR_UNSUPPORTED},
	{ "text",            "hello, world: this is no archive\n", ERROR_UNSUPPORTED},
	{ "gzip of nothing", "\x1f\x8b\x08",                       ERROR_UNSUPPORTED},
};

static void unreadable(void **state)
{
	const struct unreadable_case *row = *state;
	struct container *container = NULL;
	struct error err = { 0 };

	make_top();
	put("x", row->contents);
	assert_int_equal(container_open(below("x"), &container, &err), -1);
	assert_null(container);
	assert_true(err.code != ERROR_NONE && err.code != ERROR_SYSTEM);
	drop_top();
}

static void no_evidence(void **state)
{
	static const struct member members[] = {
		{"a/readme", '0', "m"},
                { "b/x",     '0', "n"}
	};
	struct container *container = NULL;
	struct error err = { 0 };

	(void)state;
	make_top();
	put_tar("t.tar", members, ARRAY_SIZE(members));
	assert_int_equal(container_open(below("t.tar"), &container, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	make_folder("empty");
	assert_int_equal(container_open(below("empty"), &container, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	assert_int_equal(container_open(below("gone"), &container, &err), -1);
	test_error(&err, ERROR_INPUT, ERROR_NO_OFFSET);
	drop_top();
}

static void broken_tar(void **state)
{
	static const struct member members[] = {
		{"quote.msg", '0', "m"       },
                { "nonce",    '0', "00112233"}
	};
	struct error err = { 0 };
	struct bytes whole;

	(void)state;
	make_top();
	put_tar("t.tar", members, ARRAY_SIZE(members));
	whole = test_file(below("t.tar"));
	for (size_t size = 0; size < 4 * 512; size += 100) {
		struct container *container = NULL;
		struct bundle *bundle;

		assert_int_equal(file_write(below("t.tar"), bytes_of(whole.data, size), &err), 0);
		if (container_open(below("t.tar"), &container, &err) < 0)
			continue;
		/* Whole members only: what was cut is not there. */
		bundle = bundle_of(container, 0);
		for (size_t i = 0; i < bundle->n_files; i++)
			assert_true(bundle->files[i].contents.size == 1 ||
				    bundle->files[i].contents.size == 8);
		bundle_free(bundle);
		container_free(container);
	}
	test_drop(whole);
	drop_top();
}

static void allocations_fail(void **state)
{
	static const struct member members[] = {
		{"a/quote.msg",  '0', "m"       },
		{ "a/nonce",     '2', "00112233"},
		{ "b/quote.msg", '0', "m"       }
	};

	(void)state;
	make_top();
	put_tar("t.tar", members, ARRAY_SIZE(members));
	make_folder("f");
	put("f/quote.msg", "m");
	put("f/evidence.json", "{\"files\": {\"nonce\": \"x\"}}");
	put("f/x", "1");
	for (int folder = 0; folder < 2; folder++)
		for (unsigned n = 1;; n++) {
			struct container *container = NULL;
			struct bundle *bundle = NULL;
			struct error err = { 0 };
			bool failed;

			test_alloc_fail(n);
			if (container_open(below(folder ? "f" : "t.tar"), &container, &err) == 0)
				container_bundle(container, 0, &bundle, &err);
			failed = test_alloc_failed();
			test_alloc_fail(0);
			if (!bundle)
				assert_true(failed);
			bundle_free(bundle);
			container_free(container);
			if (!failed)
				break;
		}
	drop_top();
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, role, role_cases);
	TEST(&tests, folder);
	TEST(&tests, folder_of_strange_things);
	TEST(&tests, several_folders);
	TEST(&tests, too_large);
	TEST_ROWS(&tests, mapping_of_folder, mapping_cases);
	for (size_t i = 0; i < ARRAY_SIZE(mapping_cases); i++)
		if (strcmp(mapping_cases[i].name, "through a link") != 0)
			test_add(&tests, "mapping_of_tar", mapping_cases[i].name, mapping_of_tar,
				 &mapping_cases[i]);
	TEST_ROWS(&tests, tar, tar_cases);
	TEST_ROWS(&tests, unreadable, unreadable_cases);
	TEST(&tests, no_evidence);
	TEST(&tests, broken_tar);
	TEST(&tests, allocations_fail);
	return test_run(&tests, "replay/evidence");
}
