/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * make_golden: a golden database of any size for the benchmarks, and how long it took.
 *
 *     make_golden FILE N_ARTIFACTS FILES_EACH [RELEASE [VERSION]]    adds them to the database
 *     make_golden FILE --look-up N                                   loads it, looks N up
 *
 * Artifact a has file i with the path and digest that golden_path_of and
 * golden_digest_of say; another VERSION has other digests for one file in eight.
 */
#include <inttypes.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>

#include "core/own.h"
#include "db/db.h"

static double cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double wall_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static long peak_kib(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

/* Well spread bits of a number (the finisher of splitmix64). */
static uint64_t spread(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static void digest_of(uint64_t seed, struct digest *out)
{
	*out = (struct digest){ .alg = ALG_SHA256, .size = 32 };
	for (size_t i = 0; i < 4; i++) {
		uint64_t bits = spread(seed * 4 + i);

		memcpy(out->value + 8 * i, &bits, sizeof(bits));
	}
}

static struct bytes path_of(uint64_t artifact, uint64_t file, char out[128])
{
	static const char *const folders[] = { "bin",
					       "lib64",
					       "share/doc/packages",
					       "libexec",
					       "lib/modules/6.4.0-150600.23.47-default/kernel",
					       "lib/python3.11/site-packages",
					       "share/locale/de",
					       "include" };
	int size = snprintf(out, 128, "/usr/%s/package%04" PRIu64 "/file%03" PRIu64 ".so.1",
			    folders[file % ARRAY_SIZE(folders)], artifact, file);

	return bytes_of(out, (size_t)size);
}

static int fail(const struct error *err)
{
	char line[1024];

	error_format(err, line, sizeof(line));
	fprintf(stderr, "make_golden: %s\n", line);
	return 1;
}

static uint64_t seed_of(uint64_t artifact, uint64_t file, unsigned version)
{
	return artifact << 24 | file << 4 | (file % 8 == 0 ? version & 15 : 0);
}

static int add(const char *path, uint64_t n_artifacts, uint64_t n_files, const char *release,
	       unsigned version)
{
	AUTO(db_closep) struct db *db = NULL;
	struct error err = { 0 };
	double cpu = cpu_seconds(), wall = wall_seconds(), inserted;

	if (db_open(path, DB_IMPORT, &db, &err) < 0)
		return fail(&err);
	for (uint64_t a = 0; a < n_artifacts; a++) {
		struct artifact artifact = { .kind = ARTIFACT_RPM,
					     .size = n_files * 1000,
					     .arch = bytes_of_string("x86_64"),
					     .evr = bytes_of_string("1.2-3.4"),
					     .vendor = bytes_of_string("openSUSE"),
					     .build_time = 1700000000 };
		char name[96], package[32];
		int status;

		snprintf(package, sizeof(package), "package%04" PRIu64, a);
		snprintf(name, sizeof(name), "%s-1.2-3.%u.x86_64", package, version);
		artifact.name = bytes_of_string(name);
		artifact.package = bytes_of_string(package);
		digest_of(UINT64_MAX / 8 - (a << 8 | version), &artifact.digest);
		status = db_import_begin(db, release, &artifact, 1u << ALG_SHA256, &err);
		if (status < 0)
			return fail(&err);
		for (uint64_t i = 0; status && i < n_files; i++) {
			struct digest digest;
			char text[128];
			struct golden_file file = { .path = path_of(a, i, text),
						    .mode = 0100755,
						    .size = 1000,
						    .kind = KIND_SHARED_OBJECT,
						    .executable = i % 8 == 0,
						    .digests = &digest,
						    .n_digests = 1 };

			digest_of(seed_of(a, i, version), &digest);
			if (db_import_file(db, &file, &err) < 0)
				return fail(&err);
		}
		if (status && db_import_commit(db, &err) < 0)
			return fail(&err);
	}
	inserted = cpu_seconds() - cpu;
	if (db_import_finish(db, &err) < 0)
		return fail(&err);
	printf("%" PRIu64 " artifacts, %" PRIu64 " files: rows %.2f s CPU, in all %.2f s CPU, "
	       "%.2f s wall, peak %ld KiB\n",
	       n_artifacts, n_artifacts * n_files, inserted, cpu_seconds() - cpu,
	       wall_seconds() - wall, peak_kib());
	return 0;
}

/* Every file of a database made here with version 0, in a scattered order, then the same again. */
static int look_up(const char *path, uint64_t n)
{
	AUTO(golden_freep) struct golden *golden = NULL;
	AUTO(db_closep) struct db *db = NULL;
	AUTO(own_free) struct {
		struct digest digest;
		char path[128];
		size_t size;
	} *queries = calloc(n, sizeof(*queries));
	uint64_t answers[GOLDEN_UNKNOWN + 1] = { 0 };
	double cpu = cpu_seconds(), wall = wall_seconds(), loaded;
	struct error err = { 0 };
	long before = peak_kib();

	if (!queries)
		return 1;
	if (db_open(path, DB_READ, &db, &err) < 0 || golden_load(db, NULL, 0, &golden, &err) < 0)
		return fail(&err);
	loaded = cpu_seconds() - cpu;
	printf("%zu files loaded: %.3f s CPU, %.3f s wall, %ld KiB more memory\n",
	       golden_n_files(golden), loaded, wall_seconds() - wall, peak_kib() - before);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t a = spread(i) % (golden_n_files(golden) / 82 + 1), file = spread(~i) % 82;

		queries[i].size = path_of(a, file, queries[i].path).size;
		digest_of(seed_of(a, file, 0), &queries[i].digest);
	}
	for (int round = 0; round < 2; round++) {
		cpu = cpu_seconds();
		for (uint64_t i = 0; i < n; i++) {
			uint64_t q = round ? i % 2000 : i;
			struct golden_result result;

			if (golden_lookup(golden, bytes_of(queries[q].path, queries[q].size),
					  &queries[q].digest, &result, &err) < 0)
				return fail(&err);
			answers[result.answer]++;
		}
		printf("%s: %.0f ns a look-up\n", round ? "2,000 files over and over" : "scattered",
		       (cpu_seconds() - cpu) * 1e9 / (double)n);
	}
	printf("known %" PRIu64 ", unknown %" PRIu64 "\n", answers[GOLDEN_KNOWN],
	       answers[GOLDEN_UNKNOWN]);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[2], "--look-up") == 0)
		return look_up(argv[1], strtoull(argv[3], NULL, 10));
	if (argc < 4 || argc > 6) {
		fputs("usage: make_golden FILE N_ARTIFACTS FILES_EACH [RELEASE [VERSION]]\n"
		      "       make_golden FILE --look-up N\n",
		      stderr);
		return 2;
	}
	return add(argv[1], strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10),
		   argc > 4 ? argv[4] : "bench", argc > 5 ? (unsigned)atoi(argv[5]) : 0);
}
