/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/profile.h"

#include <unistd.h>

#include "core/own.h"
#include "db/db.h"
#include "tests/unit/test.h"

static struct profile_hole holes[] = {
	{.offset = 10, .size = 9, .kind = HOLE_UUID, .name = "root-uuid"},
};
static struct profile_event events[] = {
	{.pcr = 0,
         .type = EV_S_CRTM_VERSION,
         .algs = 1u << ALG_SHA1 | 1u << ALG_SHA256,
         .digests = { { .alg = ALG_SHA1, .size = 20, .value = { 1 } },
		       { .alg = ALG_SHA256, .size = 32, .value = { 2 } } },
         .component = "firmware",
         .source = "CODE.fd",
         .over = "the version",
         .assumption = "" },
	{ .pcr = 8,
         .type = EV_IPL,
         .origin = ORIGIN_ASSUMED,
         .algs = 1u << ALG_SHA256,
         .digests = { [ALG_SHA256] = { .alg = ALG_SHA256, .size = 32, .value = { 3 } } },
         .component = "command line",
         .source = "grub.cfg",
         .over = "text",
         .assumption = "grub_disk = hd0",
         .encoding = TEXT_UTF16LE,
         .with_nul = true,
         .text = { (const uint8_t *)"root=UUID=4D42-4553 ro", 22 },
         .holes = holes,
         .n_holes = 1 },
	{ .pcr = 0,
         .type = EV_POST_CODE,
         .origin = ORIGIN_UNKNOWN,
         .component = "",
         .source = "",
         .over = "",
         .assumption = ""               },
};
static struct profile_event other_events[3];
/* Version 14 crashes on the laid out form. */
/* clang-format off */
static struct profile profiles[] = {
	{ .name = "first", .ending = "", .banks = 3, .events = events, .n_events = 3 },
	{ .name = "second", .ending = "refused", .banks = 3, .events = other_events, .n_events = 2 },
	{ .name = "third", .ending = "", .banks = 3, .events = events, .n_events = 1,
	  .later = other_events, .n_later = 1 },
};
/* clang-format on */

static struct boot_sbat sbat[2];
static struct bytes signatures[2];
static struct boot_image images[2];

static void set_images(void)
{
	sbat[0].component = bytes_of_string("sbat");
	sbat[0].generation = 1;
	sbat[0].version = bytes_of_string("1");
	sbat[1].component = bytes_of_string("shim");
	sbat[1].generation = 65535;
	sbat[1].version = bytes_of_string("16.1");
	signatures[0] = bytes_of_string("0\1\2");
	signatures[1] = bytes_of_string("");
	images[0] = (struct boot_image){ .source = "/EFI/BOOT/BOOTX64.EFI of disk.img",
					 .kind = "shim",
					 .version = "16.1",
					 .algs = 1u << ALG_SHA256,
					 .sbat_state = SBAT_READ,
					 .sbat = sbat,
					 .n_sbat = 2,
					 .signatures = signatures,
					 .n_signatures = 2 };
	images[0].authenticode[ALG_SHA256] = events[0].digests[ALG_SHA256];
	images[1] = (struct boot_image){ .source = "/vmlinuz of disk.img",
					 .kind = "kernel",
					 .version = "" };
}

static struct bytes encoded(size_t n)
{
	struct buf out = BUF_INIT;
	struct bytes copy;
	struct error err;

	set_images();
	other_events[0] = events[1];
	other_events[1] = events[0];
	assert_int_equal(profiles_encode(profiles, n, images, 2, &out, &err), 0);
	copy = test_copy(buf_bytes(&out));
	buf_clear(&out);
	return copy;
}

static void assert_same(const struct profile *a, const struct profile *b)
{
	assert_string_equal(a->name, b->name);
	assert_string_equal(a->ending, b->ending);
	assert_int_equal(a->banks, b->banks);
	assert_int_equal(a->n_events, b->n_events);
	assert_int_equal(a->n_later, b->n_later);
	for (size_t i = 0; i < a->n_later; i++)
		assert_true(bytes_equal(a->later[i].text, b->later[i].text));
	for (size_t i = 0; i < a->n_events; i++) {
		const struct profile_event *x = &a->events[i], *y = &b->events[i];

		assert_int_equal(x->pcr, y->pcr);
		assert_int_equal(x->type, y->type);
		assert_int_equal(x->origin, y->origin);
		assert_int_equal(x->algs, y->algs);
		for (enum alg alg = 0; alg < ALG_BANKS; alg++)
			if (x->algs & 1u << alg)
				assert_true(digest_equal(&x->digests[alg], &y->digests[alg]));
		assert_string_equal(x->component, y->component);
		assert_string_equal(x->source, y->source);
		assert_string_equal(x->over, y->over);
		assert_string_equal(x->assumption, y->assumption);
		assert_int_equal(x->encoding, y->encoding);
		assert_int_equal(x->with_nul, y->with_nul);
		assert_true(bytes_equal(x->text, y->text));
		assert_int_equal(x->n_holes, y->n_holes);
		for (size_t k = 0; k < x->n_holes; k++) {
			assert_int_equal(x->holes[k].offset, y->holes[k].offset);
			assert_int_equal(x->holes[k].size, y->holes[k].size);
			assert_int_equal(x->holes[k].kind, y->holes[k].kind);
			assert_string_equal(x->holes[k].name, y->holes[k].name);
		}
	}
}

static void assert_same_image(const struct boot_image *a, const struct boot_image *b)
{
	assert_string_equal(a->source, b->source);
	assert_string_equal(a->kind, b->kind);
	assert_string_equal(a->version, b->version);
	assert_int_equal(a->algs, b->algs);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (a->algs & 1u << alg)
			assert_true(digest_equal(&a->authenticode[alg], &b->authenticode[alg]));
	assert_int_equal(a->sbat_state, b->sbat_state);
	assert_int_equal(a->n_sbat, b->n_sbat);
	for (size_t i = 0; i < a->n_sbat; i++) {
		assert_true(bytes_equal(a->sbat[i].component, b->sbat[i].component));
		assert_int_equal(a->sbat[i].generation, b->sbat[i].generation);
		assert_true(bytes_equal(a->sbat[i].version, b->sbat[i].version));
	}
	assert_int_equal(a->n_signatures, b->n_signatures);
	for (size_t i = 0; i < a->n_signatures; i++)
		assert_true(bytes_equal(a->signatures[i], b->signatures[i]));
}

static void round_trip(void **state)
{
	struct bytes blob = encoded(3);
	struct profile_list list = { 0 };
	struct error err;

	(void)state;
	assert_int_equal(profiles_decode(blob, "x", &list, &err), 0);
	assert_int_equal(list.n_profiles, 3);
	assert_same(&list.profiles[0], &profiles[0]);
	assert_same(&list.profiles[1], &profiles[1]);
	assert_int_equal(list.n_images, 2);
	assert_same_image(&list.images[0], &images[0]);
	assert_same_image(&list.images[1], &images[1]);
	/* A second blob's follow. */
	assert_int_equal(profiles_decode(blob, "x", &list, &err), 0);
	assert_int_equal(list.n_profiles, 6);
	assert_int_equal(list.n_images, 4);
	assert_same(&list.profiles[1], &profiles[1]);
	assert_same_image(&list.images[2], &images[0]);
	profile_list_clear(&list);
	test_drop(blob);
}

/* What databases had before there were images in them. */
static void without_images(void **state)
{
	static const uint8_t none[] = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	struct profile_list list = { 0 };
	struct error err;
	uint8_t later[sizeof(none)];

	(void)state;
	assert_int_equal(profiles_decode(bytes_of(none, sizeof(none)), "x", &list, &err), 0);
	assert_int_equal(list.n_profiles, 0);
	assert_int_equal(list.n_images, 0);
	memcpy(later, none, sizeof(none));
	later[0] = 5;
	assert_int_equal(profiles_decode(bytes_of(later, sizeof(later)), "x", &list, &err), -1);
	test_error(&err, ERROR_MALFORMED, 1);
	profile_list_clear(&list);
}

/* An event that two profiles have is there once. */
static void shared(void **state)
{
	struct buf one = BUF_INIT;
	struct bytes both = encoded(2);
	struct error err;

	(void)state;
	assert_int_equal(profiles_encode(profiles, 1, images, 2, &one, &err), 0);
	assert_int_equal(both.size - one.size, 4 + 6 + 4 + 7 + 4 + 4 + 2 * 4 + 4);
	buf_clear(&one);
	test_drop(both);
}

static void cut(void **state)
{
	struct bytes blob = encoded(3);

	(void)state;
	for (size_t size = 0; size < blob.size; size++) {
		struct bytes part = test_copy(bytes_of(blob.data, size));
		struct profile_list list = { 0 };
		struct error err;

		assert_int_equal(profiles_decode(part, "x", &list, &err), -1);
		assert_true(err.offset <= size);
		profile_list_clear(&list);
		test_drop(part);
	}
	test_drop(blob);
}

static void flipped(void **state)
{
	struct bytes blob = encoded(3);
	uint8_t *data = malloc(blob.size);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < blob.size * 8; i++) {
		struct profile_list list = { 0 };
		struct error err;

		memcpy(data, blob.data, blob.size);
		data[i / 8] ^= (uint8_t)(1u << i % 8);
		profiles_decode(bytes_of(data, blob.size), "x", &list, &err);
		profile_list_clear(&list);
	}
	free(data);
	test_drop(blob);
}

static void in_a_database(void **state)
{
	const struct artifact artifact = {
		.kind = ARTIFACT_BOOT,
		.digest = {.alg = ALG_SHA256, .size = 32, .value = { 9 }},
		.size = 1,
		.name = bytes_of_string("disk.img")
	};
	const char *const wanted[] = { "r1" }, *const missing[] = { "r2" };
	char path[] = "/tmp/assay-profile-XXXXXX";
	struct profile_list list = { 0 };
	struct bytes blob = encoded(3);
	struct error err = { 0 };
	struct db *db = NULL;

	(void)state;
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(db_open(path, DB_IMPORT, &db, &err), 0);
	assert_int_equal(db_import_begin(db, "r1", &artifact, 1u << ALG_SHA256, &err), 1);
	assert_int_equal(db_import_profiles(db, blob, &err), 0);
	assert_int_equal(db_import_commit(db, &err), 0);
	assert_int_equal(db_import_finish(db, &err), 0);
	db_close(db);
	assert_int_equal(db_open(path, DB_READ, &db, &err), 0);
	assert_int_equal(db_profiles_read(db, wanted, 1, &list, &err), 0);
	assert_int_equal(list.n_profiles, 3);
	assert_same(&list.profiles[1], &profiles[1]);
	assert_string_equal(list.profiles[0].release, "r1");
	assert_string_equal(list.profiles[0].artifact, "disk.img");
	profile_list_clear(&list);
	assert_int_equal(db_profiles_read(db, missing, 1, &list, &err), -1);
	assert_int_equal(err.code, ERROR_USAGE);
	db_close(db);
	unlink(path);
	test_drop(blob);
}

/* The value is sha256sum's of 32 zeros and the event's digest. */
static void later_values(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	char hex[DIGEST_HEX_SIZE];
	struct pcr_bank bank;
	struct digest value;
	struct error err;

	(void)state;
	test_drop(encoded(1)); /* sets the later event */
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(profile_replay(&profiles[2], ALG_SHA256, hasher, &bank, &err), 0);
	assert_int_equal(profile_replay_later(&profiles[2], 0, hasher, &bank, &err), 0);
	value = pcr_bank_value(&bank, 8);
	assert_true(bytes_all(digest_bytes(&value), 0));
	assert_int_equal(profile_replay_later(&profiles[2], 9, hasher, &bank, &err), 0);
	value = pcr_bank_value(&bank, 8);
	assert_string_equal(digest_hex(&value, hex),
			    "d86ae2ca925345bf2412bde450ac175742d979c1ea7b961bd1efe10beb9500cf");
	assert_int_equal(profile_coverage(&profiles[2], 8), COVERAGE_NONE);
}

static void coverage(void **state)
{
	(void)state;
	assert_int_equal(profile_coverage(&profiles[0], 0), COVERAGE_PARTIAL);
	assert_int_equal(profile_coverage(&profiles[0], 8), COVERAGE_PREDICTED);
	assert_int_equal(profile_coverage(&profiles[0], 1), COVERAGE_NONE);
}

static const struct fit_case {
	const char *name;
	enum hole_kind kind;
	const char *value;
	bool fits;
} fit_cases[] = {
	{"uuid",			    HOLE_UUID,       "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9", true },
	{ "uuid too short",                 HOLE_UUID,       "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f",  false},
	{ "uuid with its dashes elsewhere", HOLE_UUID,       "0a1b2c3d4-e5f-6071-8293-a4b5c6d7e8f9",
         false											    },
	{ "FAT serial",                     HOLE_UUID,       "4D42-4553",                            true },
	{ "machine id",                     HOLE_MACHINE_ID, "0123456789abcdef0123456789abcdef",     true },
	{ "machine id in capitals",         HOLE_MACHINE_ID, "0123456789ABCDEF0123456789abcdef",     false},
	{ "number",			 HOLE_NUMBER,     "12",                                   true },
	{ "no number",                      HOLE_NUMBER,     "",                                     false},
	{ "a word more",                    HOLE_NAME,       "a b",                                  false},
	{ "device",			 HOLE_DEVICE,     "/dev/mapper/cr_root",                  true },
	{ "device without a slash",         HOLE_DEVICE,     "UUID",                                 false},
	{ "a quote in a device",            HOLE_DEVICE,     "/dev/\"",                              false},
};

static void fits(void **state)
{
	const struct fit_case *row = *state;

	assert_int_equal(hole_fits(row->kind, bytes_of_string(row->value)), row->fits);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, round_trip);
	TEST(&tests, without_images);
	TEST(&tests, shared);
	TEST(&tests, cut);
	TEST(&tests, flipped);
	TEST(&tests, in_a_database);
	TEST(&tests, later_values);
	TEST(&tests, coverage);
	TEST_ROWS(&tests, fits, fit_cases);
	return test_run(&tests, "db/profile");
}
