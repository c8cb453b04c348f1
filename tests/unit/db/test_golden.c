/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/db.h"

#include <pthread.h>

#include "tests/unit/db/fixture.h"

#define SHA256 (1u << ALG_SHA256)
#define SHA1   (1u << ALG_SHA1)

/*
 * Release "now" has new-1 and data-1, "then" has old-1 and data-1. Digests are
 * small numbers; the paths say what they are for.
 */
static const struct file_case new_files[] = {
	{"/usr/bin/tool",         1, 51, KIND_EXECUTABLE, true,  0         },
	{ "/bin/merged",          2, 0,  KIND_EXECUTABLE, true,  0         },
	{ "/usr/share/only-now",  3, 0,  KIND_OTHER,      false, FILE_DOC  },
	{ "/usr/share/copy",      3, 0,  KIND_OTHER,      false, 0         },
	{ "/var/lib/ghost",       0, 0,  KIND_OTHER,      false, FILE_GHOST},
	{ "/usr/share/newline\n", 4, 0,  KIND_OTHER,      false, 0         },
	{ "/usr/share/two",       5, 0,  KIND_OTHER,      false, 0         },
};
static const struct file_case old_files[] = {
	{"/usr/bin/tool",        11, 61, KIND_EXECUTABLE, true, 0          },
	{ "/usr/bin/only-then",  12, 0,  KIND_EXECUTABLE, true, FILE_CONFIG},
	{ "/usr/share/only-now", 0,  0,  KIND_OTHER,      true, FILE_CONFIG},
};
static const struct file_case data_files[] = {
	{"/etc/config",     21, 0, KIND_OTHER,  false, FILE_CONFIG},
	{ "/usr/share/two", 6,  0, KIND_SCRIPT, true,  0          },
};

static void make(const char *path)
{
	struct error err = { 0 };
	struct db *db = NULL;

	fine(db_open(path, DB_IMPORT, &db, &err), &err);
	fine(add_artifact(db, "now", "new-1", 1, SHA256, new_files, ARRAY_SIZE(new_files), &err),
	     &err);
	fine(add_artifact(db, "then", "old-1", 2, SHA256, old_files, ARRAY_SIZE(old_files), &err),
	     &err);
	fine(add_artifact(db, "then", "data-1", 3, SHA256, data_files, ARRAY_SIZE(data_files),
			  &err),
	     &err);
	fine(add_artifact(db, "now", "data-1", 3, SHA256, data_files, ARRAY_SIZE(data_files), &err),
	     &err);
	fine(db_import_finish(db, &err), &err);
	db_close(db);
}

static char *db_path;
static struct db *db;

/* --- one look-up ------------------------------------------------------------------------------------ */

enum {
	PATH = 1,
	PATH_ELSE = 2,
	DIGEST = 4,
	DIGEST_ELSE = 8,
	NO_DIGEST = 16,
	EXEC = 32,
	PATH_EXEC = 64
};

static const struct lookup_case {
	const char *name;
	const char *release; /* chosen; NULL: all */
	const char *path;
	enum alg alg;
	unsigned digest;
	enum golden_answer answer;
	unsigned says;
	uint32_t flags;
} lookup_cases[] = {
	{"known",					    "now",  "/usr/bin/tool",           ALG_SHA256,   1,  GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST | EXEC | PATH_EXEC,																   0                     },
	{ "known by another algorithm",                      "now",  "/usr/bin/tool",           ALG_SHA1,     51, GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST | EXEC | PATH_EXEC,																   0                     },
	{ "known, usr-merged when shipped",                  "now",  "/usr/bin/merged",         ALG_SHA256,   2,  GOLDEN_KNOWN,
         PATH | DIGEST | EXEC | PATH_EXEC,																	       0                     },
	{ "known, usr-merged in neither",                    "now",  "/bin/merged",             ALG_SHA256,   2,  GOLDEN_KNOWN,
         PATH | DIGEST | EXEC | PATH_EXEC,																	       0                     },
	{ "known, usr-merged when logged",                   "now",  "/bin/tool",               ALG_SHA256,   1,  GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST | EXEC | PATH_EXEC,																   0                     },
	{ "known, of two artifacts the one",                 "now",  "/usr/share/two",          ALG_SHA256,   5,  GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST | PATH_EXEC,																	  0                     },
	{ "known, of two artifacts the other",               "now",  "/usr/share/two",          ALG_SHA256,   6,  GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST | EXEC | PATH_EXEC,																   0                     },
	{ "known in both releases",                          "then", "/etc/config",             ALG_SHA256,   21, GOLDEN_KNOWN,
         PATH | PATH_ELSE | DIGEST,																		      FILE_CONFIG           },
	{ "flags of chosen releases only",                   "now",  "/usr/share/only-now",     ALG_SHA256,   3,
         GOLDEN_KNOWN,														  PATH | PATH_ELSE | DIGEST | PATH_EXEC,           FILE_DOC              },
	{ "of another release",                              "now",  "/usr/bin/tool",           ALG_SHA256,   11, GOLDEN_OTHER_RELEASE,
         PATH | PATH_ELSE | DIGEST_ELSE | EXEC | PATH_EXEC,															      0                     },
	{ "of another release, path too",                    "now",  "/usr/bin/only-then",      ALG_SHA256,   12,
         GOLDEN_OTHER_RELEASE,													  PATH_ELSE | DIGEST_ELSE | EXEC | PATH_EXEC,      0                     },
	{ "other bytes",				     "now",  "/usr/bin/tool",           ALG_SHA256,   99, GOLDEN_OTHER_BYTES,
         PATH | PATH_ELSE | EXEC | PATH_EXEC,																	    0                     },
	{ "other bytes, known elsewhere",                    "now",  "/usr/bin/tool",           ALG_SHA256,   3,  GOLDEN_OTHER_BYTES,
         PATH | PATH_ELSE | DIGEST | PATH_EXEC,																	  0                     },
	{ "other bytes, known elsewhere in another release", "now",  "/etc/config",             ALG_SHA256,   12,
         GOLDEN_OTHER_BYTES,													    PATH | PATH_ELSE | DIGEST_ELSE | EXEC,           FILE_CONFIG           },
	{ "other path",				      "now",  "/opt/tool",               ALG_SHA256,   1,  GOLDEN_OTHER_PATH,    DIGEST | EXEC,                                   0                     },
	{ "other path, plain data",                          "now",  "/opt/x",                  ALG_SHA256,   3,  GOLDEN_OTHER_PATH,    DIGEST,                                          0                     },
	{ "other path that is a path of another release",    "now",  "/usr/bin/only-then",      ALG_SHA256,
         3,												       GOLDEN_OTHER_PATH,    PATH_ELSE | DIGEST | PATH_EXEC,                  0                     },
	{ "only another release has the bytes",              "now",  "/opt/tool",               ALG_SHA256,   11, GOLDEN_UNKNOWN,
         DIGEST_ELSE | EXEC,																			     0                     },
	{ "only another release has the path",               "now",  "/usr/bin/only-then",      ALG_SHA256,   99,
         GOLDEN_UNKNOWN,														PATH_ELSE | EXEC | PATH_EXEC,                    0                     },
	{ "unknown",					 "now",  "/opt/x",                  ALG_SHA256,   99, GOLDEN_UNKNOWN,       0,                                               0                     },
	{ "ghost",					   "now",  "/var/lib/ghost",          ALG_SHA256,   99, GOLDEN_UNKNOWN,       PATH | NO_DIGEST,
         FILE_GHOST																							    },
	{ "ghost with known bytes",                          "now",  "/var/lib/ghost",          ALG_SHA256,   3,  GOLDEN_OTHER_PATH,
         PATH | NO_DIGEST | DIGEST,																		      FILE_GHOST            },
	{ "no digest of that algorithm",                     "now",  "/usr/share/copy",         ALG_SHA1,     3,  GOLDEN_UNKNOWN,
         PATH | NO_DIGEST,																			       0                     },
	{ "the same bytes in another algorithm",             "now",  "/usr/bin/tool",           ALG_SHA3_256, 1,
         GOLDEN_UNKNOWN,														PATH | PATH_ELSE | NO_DIGEST | EXEC | PATH_EXEC, 0                     },
	{ "an algorithm we do not know",                     "now",  "/usr/bin/tool",           ALG_NONE,     1,  GOLDEN_UNKNOWN,
         PATH | PATH_ELSE | NO_DIGEST | EXEC | PATH_EXEC,																0                     },
	{ "a path with a newline is never known",            "now",  "/usr/share/newline\n",    ALG_SHA256,   99,
         GOLDEN_UNKNOWN,														0,					       0                     },
	{ "a doubled slash",				 "now",  "/usr//bin/tool",          ALG_SHA256,   1,  GOLDEN_OTHER_PATH,
         DIGEST | EXEC,																				  0                     },
	{ "dot-dot",					 "now",  "/usr/share/../bin/tool",  ALG_SHA256,   1,  GOLDEN_OTHER_PATH,
         DIGEST | EXEC,																				  0                     },
	{ "deleted",					 "now",  "/usr/bin/tool (deleted)", ALG_SHA256,   1,  GOLDEN_OTHER_PATH,
         DIGEST | EXEC,																				  0                     },
	{ "a path that begins another",                      "now",  "/usr/bin/too",            ALG_SHA256,   1,  GOLDEN_OTHER_PATH,
         DIGEST | EXEC,																				  0                     },
	{ "no path",					 "now",  "",                        ALG_SHA256,   1,  GOLDEN_OTHER_PATH,    DIGEST | EXEC,                                   0                     },
	{ "all releases",				    NULL,   "/usr/bin/tool",           ALG_SHA256,   11, GOLDEN_KNOWN,
         PATH | DIGEST | EXEC | PATH_EXEC,																	       0                     },
	{ "all releases, flags of all",                      NULL,   "/usr/share/only-now",     ALG_SHA256,   3,  GOLDEN_KNOWN,
         PATH | DIGEST | PATH_EXEC,																		      FILE_DOC | FILE_CONFIG},
};

static unsigned what_it_says(const struct golden_result *result)
{
	return (result->path_known ? PATH : 0) | (result->path_elsewhere ? PATH_ELSE : 0) |
	       (result->digest_known ? DIGEST : 0) | (result->digest_elsewhere ? DIGEST_ELSE : 0) |
	       (result->no_digest_of_alg ? NO_DIGEST : 0) | (result->executable ? EXEC : 0) |
	       (result->path_executable ? PATH_EXEC : 0);
}

static void lookup(void **state)
{
	const struct lookup_case *row = *state;
	AUTO(golden_freep) struct golden *golden = NULL;
	struct bytes path = test_copy(bytes_of_string(row->path));
	struct digest digest = digest_of(row->alg, row->digest);
	struct golden_result result;
	struct error err = { 0 };

	if (row->alg == ALG_NONE) { /* of a size that the log has stated */
		digest = digest_of(ALG_SHA256, row->digest);
		digest.alg = ALG_NONE;
	}
	fine(golden_load(db, &row->release, row->release != NULL, &golden, &err), &err);
	result = look_up(golden, path, &digest);
	assert_int_equal(result.answer, row->answer);
	assert_int_equal(what_it_says(&result), row->says);
	assert_int_equal(result.flags, row->flags);
	test_drop(path);
}

/* Any other bit of a digest, any other byte of a path: not known. */
static void nearly_known(void **state)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	struct digest digest = digest_of(ALG_SHA256, 1);
	char path[] = "/usr/bin/tool";
	struct error err = { 0 };

	(void)state;
	fine(golden_load(db, NULL, 0, &golden, &err), &err);
	for (size_t bit = 0; bit < 256; bit++) {
		digest.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(look_up(golden, bytes_of_string(path), &digest).answer,
				 GOLDEN_OTHER_BYTES);
		digest.value[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t i = 0; i < strlen(path); i++) {
		path[i] ^= 1;
		assert_int_equal(look_up(golden, bytes_of_string(path), &digest).answer,
				 GOLDEN_OTHER_PATH);
		path[i] ^= 1;
	}
	digest.size = 31;
	assert_int_equal(look_up(golden, bytes_of_string(path), &digest).answer, GOLDEN_UNKNOWN);
}

static void long_paths(void **state)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	struct digest digest = digest_of(ALG_SHA256, 1);
	size_t size = 100000;
	char *path = malloc(size);
	struct error err = { 0 };

	(void)state;
	fine(golden_load(db, NULL, 0, &golden, &err), &err);
	memset(path, 'a', size);
	memcpy(path, "/bin/", 5);
	for (size_t n = 4000; n <= size; n += n < 4200 ? 1 : 10000)
		assert_int_equal(look_up(golden, bytes_of(path, n), &digest).answer,
				 GOLDEN_OTHER_PATH);
	free(path);
}

static void counts(void **state)
{
	static const char *const names[] = { "now", "then" };
	static const size_t expected[] = { 9, 5 };
	struct error err = { 0 };
	struct golden *golden;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		fine(golden_load(db, &names[i], 1, &golden, &err), &err);
		assert_int_equal(golden_n_files(golden), expected[i]);
		golden_free(golden);
	}
	fine(golden_load(db, names, 2, &golden, &err), &err);
	assert_int_equal(golden_n_files(golden), 14);
	golden_free(golden);
}

static void no_such_release(void **state)
{
	const char *const names[] = { "now", "tomorrow" };
	struct golden *golden = NULL;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(golden_load(db, names, 2, &golden, &err), -1);
	test_error(&err, ERROR_USAGE, ERROR_NO_OFFSET);
	assert_string_equal(err.message, "holds no release 'tomorrow'");
	assert_null(golden);
}

static void empty(void **state)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	struct digest digest = digest_of(ALG_SHA256, 1);
	char *path = scratch_path();
	struct db *none = NULL;
	struct error err = { 0 };

	(void)state;
	fine(db_open(path, DB_IMPORT, &none, &err), &err);
	fine(db_import_finish(none, &err), &err);
	db_close(none);
	fine(db_open(path, DB_READ, &none, &err), &err);
	fine(golden_load(none, NULL, 0, &golden, &err), &err);
	assert_int_equal(golden_n_files(golden), 0);
	assert_int_equal(look_up(golden, bytes_of_string("/a"), &digest).answer, GOLDEN_UNKNOWN);
	db_close(none);
	remove_scratch(path);
}

/* Enough files that the tables grow, and that slots meet; each is found, none is mixed up. */
static void many(void **state)
{
	enum { N_ARTIFACTS = 40, N_FILES = 500 };
	AUTO(golden_freep) struct golden *golden = NULL;
	char *path = scratch_path();
	struct db *large = NULL;
	struct error err = { 0 };

	(void)state;
	fine(db_open(path, DB_IMPORT, &large, &err), &err);
	for (unsigned a = 0; a < N_ARTIFACTS; a++) {
		char release[16], name[16];
		struct artifact artifact = { .digest = digest_of(ALG_SHA256, 1000 + a) };

		/* Each release is smaller than all together, by which the tables are sized. */
		snprintf(release, sizeof(release), "r%u", a);
		snprintf(name, sizeof(name), "a%u", a);
		artifact.name = bytes_of_string(name);
		assert_int_equal(db_import_begin(large, release, &artifact, SHA256, &err), 1);
		for (unsigned i = 0; i < N_FILES; i++) {
			char file_path[32];
			struct file_case file = { file_path, 1 + a * N_FILES + i,
						  0,         KIND_OTHER,
						  false,     0 };

			snprintf(file_path, sizeof(file_path), "/%u/%u", a % 7, i + a * 3);
			fine(add_file(large, &file, &err), &err);
		}
		fine(db_import_commit(large, &err), &err);
	}
	fine(db_import_finish(large, &err), &err);
	db_close(large);
	fine(db_open(path, DB_READ, &large, &err), &err);
	fine(golden_load(large, NULL, 0, &golden, &err), &err);
	assert_int_equal(golden_n_files(golden), N_ARTIFACTS * N_FILES);
	for (unsigned a = 0; a < N_ARTIFACTS; a++)
		for (unsigned i = 0; i < N_FILES; i++) {
			struct digest digest = digest_of(ALG_SHA256, 1 + a * N_FILES + i);
			char file_path[32];

			snprintf(file_path, sizeof(file_path), "/%u/%u", a % 7, i + a * 3);
			assert_int_equal(
				look_up(golden, bytes_of_string(file_path), &digest).answer,
				GOLDEN_KNOWN);
			snprintf(file_path, sizeof(file_path), "/%u/%u", a % 7, i + a * 3 + 10000);
			assert_int_equal(
				look_up(golden, bytes_of_string(file_path), &digest).answer,
				GOLDEN_OTHER_PATH);
		}
	db_close(large);
	remove_scratch(path);
}

/* Many at once: each answer belongs to its query, wherever batches end. */
static void many_at_once(void **state)
{
	enum { N = 100 };
	AUTO(golden_freep) struct golden *golden = NULL;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	struct golden_query queries[N];
	struct error err = { 0 };
	bool known[N + 1];

	(void)state;
	fine(hasher_new(&hasher, &err), &err);
	fine(golden_load(db, NULL, 0, &golden, &err), &err);
	for (size_t n = 0; n <= N; n++) {
		for (size_t i = 0; i < n; i++) {
			const struct lookup_case *row =
				&lookup_cases[(i + n) % ARRAY_SIZE(lookup_cases)];

			queries[i] = (struct golden_query){ bytes_of_string(row->path),
							    digest_of(ALG_SHA256, row->digest) };
			known[i] = i % 2;
		}
		known[n] = n % 2;
		fine(golden_known(golden, hasher, queries, n, known, &err), &err);
		assert_int_equal(known[n], n % 2);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(known[i],
					 look_up(golden, queries[i].path, &queries[i].digest)
							 .answer == GOLDEN_KNOWN);
	}
}

struct asker {
	struct golden *golden;
	struct golden_result result;
	int status;
	pthread_t thread;
};

static void *ask(void *ctx)
{
	struct asker *asker = ctx;
	struct digest digest = digest_of(ALG_SHA256, 3);
	struct error err = { 0 };

	asker->status = golden_lookup(asker->golden, bytes_of_string("/opt/x"), &digest,
				      &asker->result, &err);
	return NULL;
}

/* The first questions, asked at the same time: one of them loads, all get the answer. */
static void first_from_many_threads(void **state)
{
	struct asker askers[8] = { 0 };
	struct error err = { 0 };

	(void)state;
	for (int round = 0; round < 20; round++) {
		AUTO(golden_freep) struct golden *golden = NULL;

		fine(golden_load(db, NULL, 0, &golden, &err), &err);
		for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
			askers[i].golden = golden;
			assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]),
					 0);
		}
		for (size_t i = 0; i < ARRAY_SIZE(askers); i++) {
			pthread_join(askers[i].thread, NULL);
			assert_int_equal(askers[i].status, 0);
			assert_int_equal(askers[i].result.answer, GOLDEN_OTHER_PATH);
		}
	}
}

/* --- where something is ------------------------------------------------------------------------------- */

static int keep(void *ctx, const struct golden_match *match, struct error *err)
{
	struct buf *out = ctx;

	(void)err;
	buf_printf(out, "%s %s %s %.*s %zu\n", match->release, match->artifact, match->package,
		   (int)match->path.size, (const char *)match->path.data, match->n_digests);
	return 0;
}

static const struct where_case {
	const char *name, *path;
	enum alg alg;
	unsigned digest;
	const char *expected;
} where_cases[] = {
	{"path in two releases",                      "/usr/bin/tool",        0,          0,
         "now new-1 new /usr/bin/tool 2\nthen old-1 old /usr/bin/tool 2\n"                                                      },
	{ "path in two artifacts",                    "/usr/share/two",       0,          0,
         "now data-1 data /usr/share/two 1\nnow new-1 new /usr/share/two 1\n"
	  "then data-1 data /usr/share/two 1\n"										 },
	{ "path as it is today",                      "/usr/bin/merged",      0,          0,  "now new-1 new /bin/merged 1\n"   },
	{ "path of no artifact",                      "/usr/bin/nothing",     0,          0,  ""                                },
	{ "path that is not plain",                   "/usr/share/newline\n", 0,          0,  ""                                },
	{ "path without a digest",                    "/var/lib/ghost",       0,          0,  "now new-1 new /var/lib/ghost 0\n"},
	{ "digest at two paths",                      NULL,                   ALG_SHA256, 3,
         "now new-1 new /usr/share/copy 1\nnow new-1 new /usr/share/only-now 1\n"                                               },
	{ "digest of a file whose path is not plain", NULL,                   ALG_SHA256, 4,
         "now new-1 new /usr/share/newline\n 1\n"									       },
	{ "digest in two releases",                   NULL,                   ALG_SHA256, 21,
         "now data-1 data /etc/config 1\nthen data-1 data /etc/config 1\n"                                                      },
	{ "digest of another algorithm",              NULL,                   ALG_SHA1,   61, "then old-1 old /usr/bin/tool 2\n"},
	{ "unknown digest",                           NULL,                   ALG_SHA256, 99, ""                                },
	{ "unknown algorithm",                        NULL,                   ALG_NONE,   1,  ""                                },
};

static void where(void **state)
{
	const struct where_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct digest digest = digest_of(row->alg, row->digest);
	struct error err = { 0 };

	if (row->path)
		fine(db_lookup_path(db, bytes_of_string(row->path), keep, &out, &err), &err);
	else
		fine(db_lookup_digest(db, &digest, keep, &out, &err), &err);
	assert_int_equal(buf_finish(&out, NULL), 0);
	assert_string_equal((char *)out.data, row->expected);
}

static int stop(void *ctx, const struct golden_match *match, struct error *err)
{
	(void)match;
	++*(int *)ctx;
	return error_set(err, ERROR_MISMATCH, NULL, ERROR_NO_OFFSET, "enough");
}

static void where_stops(void **state)
{
	struct digest digest = digest_of(ALG_SHA256, 3);
	struct error err = { 0 };
	int n = 0;

	(void)state;
	assert_int_equal(db_lookup_digest(db, &digest, stop, &n, &err), -1);
	test_error(&err, ERROR_MISMATCH, ERROR_NO_OFFSET);
	assert_int_equal(n, 1);
}

/* What is found may be looked up in turn, and several threads may look up at once. */
static int look_again(void *ctx, const struct golden_match *match, struct error *err)
{
	return db_lookup_path(db, match->path, keep, ctx, err);
}

static void *look_often(void *ctx)
{
	struct digest digest = digest_of(ALG_SHA256, 21);
	struct error err = { 0 };

	for (int i = 0; i < 200; i++) {
		AUTO(buf_clear) struct buf out = BUF_INIT;

		if (db_lookup_digest(db, &digest, look_again, &out, &err) < 0)
			return ctx;
		if (out.size != 2 * strlen("now data-1 data /etc/config 1\n"
					   "then data-1 data /etc/config 1\n"))
			return ctx;
	}
	return NULL;
}

static void where_from_many_threads(void **state)
{
	pthread_t threads[4];
	char failed;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, look_often, &failed), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *result = &failed;

		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
}

int main(void)
{
	struct test_list tests = { 0 };
	struct error err = { 0 };
	int failed;

	db_path = scratch_path();
	make(db_path);
	if (db_open(db_path, DB_READ, &db, &err) < 0) {
		fprintf(stderr, "%s\n", err.message);
		return 1;
	}
	TEST_ROWS(&tests, lookup, lookup_cases);
	TEST(&tests, nearly_known);
	TEST(&tests, long_paths);
	TEST(&tests, counts);
	TEST(&tests, no_such_release);
	TEST(&tests, empty);
	TEST(&tests, many);
	TEST(&tests, many_at_once);
	TEST(&tests, first_from_many_threads);
	TEST_ROWS(&tests, where, where_cases);
	TEST(&tests, where_stops);
	TEST(&tests, where_from_many_threads);
	failed = test_run(&tests, "db/golden");
	db_close(db);
	remove_scratch(db_path);
	return failed;
}
