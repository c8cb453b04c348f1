/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/allowlist/allowlist.h"

#include "audit/policy/policy.h"
#include "core/own.h"

#include "tests/unit/test.h"

#define A32              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B32              "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define KEYLIME(digests) "{\"meta\": {\"version\": 1}, \"digests\": " digests "}"

static int read_text(struct bytes text, struct allowlist *list, struct error *err)
{
	static const struct allowlist_options options = { 0 };

	return allowlist_read(text, "list", &options, list, err);
}

/* Every digest as "alg:first-two-digits path;". */
static char *shown(const struct allowlist *list)
{
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < list->n_digests; i++) {
		const struct allowlist_digest *at = &list->digests[i];

		buf_printf(&text, "%s:%02x %.*s;", alg_name(at->digest.alg), at->digest.value[0],
			   (int)at->path.size, (const char *)at->path.data);
	}
	buf_append_u8(&text, 0);
	return (char *)text.data;
}

static const struct good_case {
	const char *name, *text, *shown;
	size_t n_relative;
} good_cases[] = {
	{"SHA-256",		      A32 A32 "  /a\n",						    "sha256:aa /a;",         0},
	{ "by length",                   A32 "aaaaaaaa  /a\n" A32 " /b\n",                                    "sha1:aa /a;md5:aa /b;", 0},
	{ "by name",		     "sm3_256:" A32 A32 "  /a\n",                                         "sm3_256:aa /a;",        0},
	{ "no newline at the end",       A32 A32 "  /a",						      "sha256:aa /a;",         0},
	{ "blank lines, comments",       "\n# x\n \n" A32 A32 "\t/a\r\n\n",                                   "sha256:aa /a;",         0},
	{ "sha256sum's star",            A32 A32 " */a\n",						    "sha256:aa /a;",         0},
	{ "blanks in a path",            A32 A32 "  /a b  c\n",                                               "sha256:aa /a b  c;",    0},
	{ "boot_aggregate",              "sha256:" A32 A32 "  boot_aggregate\n",                              "",                      1},
	{ "twice the same",              A32 A32 " /a\n" A32 A32 " /a\n",                                     "sha256:aa /a;",         0},
	{ "by path, algorithm, value",
         B32 B32 " /b\n" B32 B32 " /a\n" A32 A32 " /a\n" A32 "aaaaaaaa /a\n",
         "sha1:aa /a;sha256:aa /a;sha256:bb /a;sha256:bb /b;",									 0},
	{ "runtime policy",              KEYLIME("{\"/a\": [\"" A32 A32 "\"]}"),                              "sha256:aa /a;",         0},
	{ "of several digests",          KEYLIME("{\"/a\": [\"" B32 B32 "\", \"" A32 A32 "\"], \"/b\": []}"),
         "sha256:aa /a;sha256:bb /a;",												 0},
	{ "of a name with an algorithm", KEYLIME("{\"boot_aggregate\": [\"sha256:" A32 A32 "\"]}"),
         "",															   1},
	{ "an allowlist of old",
         "{\"meta\": {\"version\": 5}, \"hashes\": {\"/a\": [\"" A32 A32 "\"]}}",                             "sha256:aa /a;",
         0															      },
	{ "of no digests",               KEYLIME("{}"),						       "",                      0},
};

static void good(void **state)
{
	const struct good_case *row = *state;
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	AUTO(own_free) char *text = NULL;
	struct error err = { 0 };

	assert_int_equal(read_text(bytes_of_string(row->text), &list, &err), 0);
	text = shown(&list);
	assert_string_equal(text, row->shown);
	assert_int_equal(list.n_relative, row->n_relative);
}

#define BAD_KEY                                                                                    \
	"{\"meta\": {\"version\": 1}, \"digests\": {}, \"verification-keys\": "                    \
	"\"{\\\"pubkeys\\\": [\\\"Zg\\\"]}\"}"

static const struct bad_case {
	const char *name, *text;
	enum error_code code;
	uint64_t offset;
} bad_cases[] = {
	{"empty",		      "",								    ERROR_MALFORMED,   0              },
	{ "only blanks",               " \n\t\n",							     ERROR_MALFORMED,   4              },
	{ "no path",                   A32 A32 " \n",							 ERROR_MALFORMED,   0              },
	{ "no digest, second line",    A32 A32 " /a\n/b\n",                                                   ERROR_MALFORMED,   68             },
	{ "a digit short",             A32 "a  /a\n",							 ERROR_MALFORMED,   0              },
	{ "not hex",                   A32 "aaaaaaag  /a",						    ERROR_MALFORMED,   0              },
	{ "of another length",         "sha1:" A32 "  /a",						    ERROR_MALFORMED,   0              },
	{ "an algorithm of nobody",    "sha0:" A32 "  /a",                                                    ERROR_MALFORMED,   0              },
	{ "not JSON",                  "{\n];",							       ERROR_MALFORMED,   3              },
	{ "JSON of something else",    "{\"a\": 1}",							  ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "no version",                "{\"digests\": {}}",						   ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "another version",           "{\"meta\": {\"version\": 2}, \"digests\": {}}",                       ERROR_UNSUPPORTED,
         ERROR_NO_OFFSET															},
	{ "an allowlist of tomorrow",  "{\"meta\": {\"version\": 6}, \"hashes\": {}}",
         ERROR_UNSUPPORTED,												      ERROR_NO_OFFSET},
	{ "buffers that are a list",
         "{\"meta\": {\"version\": 1}, \"digests\": {}, \"ima-buf\": {\"x\": \"\"}}",			 ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "a key that is no base64",   BAD_KEY,							       ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "digests that are a list",   KEYLIME("[]"),							 ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "digests of a path: text",   KEYLIME("{\"/a\": \"" A32 A32 "\"}"),                                  ERROR_MALFORMED,
         ERROR_NO_OFFSET															},
	{ "a digest that is a number", KEYLIME("{\"/a\": [1]}"),                                              ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "a digest too long",         KEYLIME("{\"/a\": [\"" A32 A32 A32 A32 A32 "\"]}"),                    ERROR_MALFORMED,
         ERROR_NO_OFFSET															},
	{ "a NUL in a path",           KEYLIME("{\"/a\\u0000\": []}"),                                        ERROR_MALFORMED,   UINT64_MAX - 1 },
	{ "exclusions of numbers",
         "{\"meta\": {\"version\": 1}, \"digests\": {}, \"excludes\": [1]}",                                  ERROR_MALFORMED,
         ERROR_NO_OFFSET															},
	{ "a path twice",              KEYLIME("{\"/a\": [], \"/a\": []}"),                                   ERROR_MALFORMED,   UINT64_MAX - 1 },
	{ "signed by nobody",          "{\"payload\": \"e30=\", \"payloadType\": \"x\", \"signatures\": []}",
         ERROR_MALFORMED,													ERROR_NO_OFFSET},
	{ "signed, not base64",
         "{\"payload\": \"e30\", \"payloadType\": \"x\", \"signatures\": [{\"sig\": \"AA==\"}]}",	     ERROR_MALFORMED,   ERROR_NO_OFFSET},
	{ "signed, of no type",        "{\"payload\": \"e30=\", \"signatures\": [{\"sig\": \"AA==\"}]}",
         ERROR_MALFORMED,													ERROR_NO_OFFSET},
	{ "signed twice over",         /* the payload: {"payload": "e30="} */
	  "{\"payload\": \"eyJwYXlsb2FkIjogImUzMD0ifQ==\", \"payloadType\": \"x\", "
	  "\"signatures\": [{\"sig\": \"AA==\"}]}",			     ERROR_MALFORMED,   ERROR_NO_OFFSET},
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct error err = { 0 };

	assert_int_equal(read_text(bytes_of_string(row->text), &list, &err), -1);
	assert_int_equal(err.code, row->code);
	if (row->offset != UINT64_MAX - 1)
		assert_int_equal(err.offset, row->offset);
	assert_string_equal(err.source, "list");
	assert_true(err.message[0]);
	assert_int_equal(list.n_digests, 0);
}

/* Cut anywhere, it is read or refused with a reason. */
static void cut(void **state)
{
	const char *text = KEYLIME("{\"/a\": [\"" A32 A32 "\"]}");

	(void)state;
	for (size_t size = 0; size < strlen(text); size++) {
		AUTO(allowlist_clear) struct allowlist list = { 0 };
		struct bytes copy = test_copy(bytes_of(text, size));
		struct error err = { 0 };

		assert_int_equal(read_text(copy, &list, &err), -1);
		assert_true(err.message[0]);
		test_drop(copy);
	}
}

/* Of a path's digests of one algorithm each is in an artifact of its own. */
static void several_digests(void **state)
{
	struct artifact base = { .kind = ARTIFACT_ALLOWLIST, .name = bytes_of_string("list") };
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct digest seen[2];

	(void)state;
	assert_int_equal(hasher_new(&hasher, NULL), 0);
	digest_init(&base.digest, ALG_SHA256, bytes_of(A32, 32));
	assert_int_equal(read_text(bytes_of_string(A32 A32 " /a\n" B32 B32 " /a\n" A32 B32
							   " /b\n" A32 "aaaaaaaa /a\n"),
				   &list, NULL),
			 0);
	assert_int_equal(allowlist_n_artifacts(&list), 2);
	for (size_t k = 0; k < 2; k++) {
		AUTO(file_set_freep) struct file_set *set = NULL;

		assert_int_equal(allowlist_artifact(&list, &base, k, hasher, &set, NULL), 0);
		assert_int_equal(set->n_files, k == 0 ? 2 : 1);
		assert_int_equal(set->files[0].n_digests, k == 0 ? 2 : 1);
		assert_int_equal(set->files[0].digests[k == 0].value[0], k == 0 ? 0xaa : 0xbb);
		assert_true(set->files[0].executable);
		test_bytes(set->artifact.name, bytes_of_string(k ? "list#2" : "list"));
		seen[k] = set->artifact.digest;
	}
	assert_false(digest_equal(&seen[0], &seen[1]));
}

/* Python 3.11: re.match(regex, path) for each of yes is a match, for each of no is not. */
static const struct exclude_case {
	const char *name, *regex, *globs; /* globs: NULL when none can say it */
	const char *yes, *no;             /* a path */
} exclude_cases[] = {
	{"a folder",                     "/tmp/.*",                             "/tmp/**",              "/tmp/a/b",   "/var/tmp/a"     },
	{ "anchored",                    "^/tmp/.*$",                           "/tmp/**",              "/tmp/a",     "/tmp"           },
	{ "a prefix",                    "/var/log",                            "/var/log**",           "/var/log/a", "/var/lo"        },
	{ "a whole path",                "^/etc/hosts$",                        "/etc/hosts",           "/etc/hosts", "/etc/hosts.deny"},
	{ "an escaped dot",              "/a\\.b$",                             "/a.b",                 "/a.b",       "/axb"           },
	{ "any byte",                    "/a.b$",			       "/a?b",                 "/axb",       "/ab"            },
	{ "a name",		      "/a/[^/]*/b$",                         "/a/*/b",               "/a/x/b",     "/a/x/y/b"       },
	{ "a name that is not empty",    "/a/[^/]+$",                           "/a/?*",                "/a/x",       "/a/"            },
	{ "a set",		       "/a[0-9]$",                            "/a[0-9]",              "/a7",        "/ax"            },
	{ "another set",                 "/a[^0-9]$",                           "/a[!0-9]",             "/ax",        "/a7"            },
	{ "alternatives",                "/(tmp|run)/.*",                       "/tmp/** /run/**",      "/run/a",     "/var/a"         },
	{ "of whole expressions",        "/tmp/.*|/run$",                       "/tmp/** /run",         "/run",       "/run/a"         },
	{ "an optional tail",            "^/var/log(/.*)?$",                    "/var/log/** /var/log", "/var/log",   "/var/logs"      },
	{ "an optional byte",            "/ab?c$",                              "/ac /abc",             "/ac",        "/abbc"          },
	{ "groups in groups",            "(?:/a(b|c(d)))$",                     "/ab /acd",             "/acd",       "/ac"            },
	{ "as little as possible",       "/a.*?b$",                             "/a**b",                "/axyb",      "/axy"           },
	{ "at least one byte",           "/a.+$",                               "/a?**",                "/ab",        "/a"             },
	{ "a glob's own star",           "/a\\*b$",                             "/a\\*b",               "/a*b",       "/axb"           },
	{ "empty",		       "",				    "**",                   "/a",         NULL             },
	{ "a blank",		     "/a b$",			       "/a b",                 "/a b",       "/ab"            },
	{ "digits",		      "/a\\d",			       NULL,                   NULL,         NULL             },
	{ "a literal repeated",          "/ab*",                                NULL,                   NULL,         NULL             },
	{ "a group repeated",            "(/a)*",                               NULL,                   NULL,         NULL             },
	{ "counted",		     "/a{2}",			       NULL,                   NULL,         NULL             },
	{ "what does not follow",        "/a(?!b)",                             NULL,                   NULL,         NULL             },
	{ "a group that is open",        "/(a",                                 NULL,                   NULL,         NULL             },
	{ "a group that was not opened", "/a)",                                 NULL,                   NULL,         NULL             },
	{ "a set that is open",          "/[a",                                 NULL,                   NULL,         NULL             },
	{ "an end in the middle",        "/a$b",                                NULL,                   NULL,         NULL             },
	{ "an end in a group",           "(/a$|/b)",                            NULL,                   NULL,         NULL             },
	{ "a set that would turn round", "/[!a]",                               NULL,                   NULL,         NULL             },
	{ "a set with an escape",        "/[\\]]",                              NULL,                   NULL,         NULL             },
	{ "a comment's semicolon",       "/a;b",                                NULL,                   NULL,         NULL             },
	{ "a line's end",                "/a\nb",                               NULL,                   NULL,         NULL             },
	{ "too many alternatives",       "(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)", NULL,                   NULL,         NULL             },
	{ "groups too deep",             "(((((((((/a)))))))))",                NULL,                   NULL,         NULL             },
};

/* Whether one of the globs, with blanks between, matches. A glob with a blank is the only one. */
static bool any_matches(const char *lines, const char *path)
{
	bool found = false;

	for (const char *at = lines; *at;) {
		size_t size = strcspn(at, "\n");

		found |= glob_match(bytes_of(at + 10, size - 10), bytes_of_string(path));
		at += size + 1;
	}
	return found;
}

static void exclude(void **state)
{
	const struct exclude_case *row = *state;
	struct buf out = BUF_INIT, wanted = BUF_INIT;
	bool said = allowlist_exclude_globs(bytes_of_string(row->regex), &out);

	assert_int_equal(said, row->globs != NULL);
	if (said) {
		const char *at = row->globs;

		while (*at) {
			size_t size = strchr(row->regex, ' ') ? strlen(at) : strcspn(at, " ");

			buf_printf(&wanted, "exclude = %.*s\n", (int)size, at);
			at += size + (at[size] == ' ');
		}
		buf_append_u8(&out, 0);
		buf_append_u8(&wanted, 0);
		assert_string_equal((char *)out.data, (char *)wanted.data);
		assert_true(any_matches((char *)out.data, row->yes));
		if (row->no)
			assert_false(any_matches((char *)out.data, row->no));
	} else {
		assert_int_equal(out.size, 0);
	}
	buf_clear(&out);
	buf_clear(&wanted);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, good, good_cases);
	TEST_ROWS(&tests, bad, bad_cases);
	TEST(&tests, cut);
	TEST(&tests, several_digests);
	TEST_ROWS(&tests, exclude, exclude_cases);
	return test_run(&tests, "refgen/allowlist");
}
