/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shim on a simulated machine: a real shim before the databases of a captured boot must measure what
 * that boot's log has; made ones, with tables of variables, show each rule. What is not installed here,
 * or in another version than the captured one, is skipped.
 */
#include "refgen/shim/shim.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/file.h"
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/secureboot/secureboot.h"
#include "replay/eventlog/eventlog.h"
#include "tests/unit/refgen/pe/build.h"
#include "tests/unit/test.h"

#define LOG      "tests/vectors/captures/sb-grub/binary_bios_measurements"
#define SHIM     "/usr/lib/shim/shimx64.efi.signed"
#define GRUB     "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed"
#define MANAGER  "/usr/lib/shim/mmx64.efi.signed"
#define FALLBACK "/usr/lib/shim/fbx64.efi.signed"
#define UNSIGNED "/usr/lib/systemd/boot/efi/systemd-bootx64.efi"
#define BANKS    (1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512)
#define ORIGINAL "sbat,1,2021030218\n"

#define TEXT(s)                                                                                    \
	{                                                                                          \
		(const uint8_t *)(s), sizeof(s) - 1                                                \
	}

static struct hasher *hasher;

/* --- the SBAT level ------------------------------------------------------------------------------- */

#define LATEST    "sbat,1,2024040900\nshim,4\ngrub,4\n"
#define AUTOMATIC "sbat,1,2024010900\nshim,4\ngrub,3\n"

static const struct level_case {
	const char *name, *version;
	bool secure;
	const char *stored; /* NULL: there is none */
	uint32_t attributes;
	int policy; /* 0: there is none */
	const char *text;
	bool written, policy_removed;
} level_cases[] = {
	{"nothing stored",                "16.1", true,  NULL,                        0,    0, AUTOMATIC, true,  false},
	{ "older stored",                 "16.1", true,  ORIGINAL,                    3,    0, AUTOMATIC, true,  false},
	{ "the same stored",              "16.1", true,  AUTOMATIC,                   3,    0, AUTOMATIC, false, false},
	{ "newer stored",                 "16.1", true,  LATEST,                      3,    0, LATEST,    false, false},
	{ "newer stored, authenticated",  "16.1", true,  LATEST,                      0x23, 0, LATEST,    false, false},
	{ "newer stored, for the OS",     "16.1", true,  LATEST,                      7,    0, AUTOMATIC, true,  false},
	{ "a higher version stored",      "16.1", true,  "sbat,2,2020010100\nx,1\n",  3,    0,
         "sbat,2,2020010100\nx,1\n",								      false, false},
	{ "a longer version stored",      "16.1", true,  "sbat,10,2020010100\nx,1\n", 3,    0,
         "sbat,10,2020010100\nx,1\n",								     false, false},
	{ "something else stored",        "16.1", true,  "grub,9,2030010100\nx,1\n",  3,    0, AUTOMATIC, true,
         false													},
	{ "less than a level stored",     "16.1", true,  "sbat,1,2030",               3,    0, AUTOMATIC, true,  false},
	{ "insecure",                     "16.1", false, LATEST,                      3,    0, ORIGINAL,  true,  false},
	{ "insecure before 15.8",         "15.7", false, LATEST,                      3,    0, LATEST,    false, false},
	{ "policy latest",                "16.1", true,  AUTOMATIC,                   3,    1, LATEST,    true,  true },
	{ "policy automatic",             "16.1", true,  NULL,                        0,    2, AUTOMATIC, true,  true },
	{ "policy automatic before 15.8", "15.7", true,  NULL,                        0,    2, AUTOMATIC, true,  false},
	{ "policy reset, secure",         "16.1", true,  ORIGINAL,                    3,    3, AUTOMATIC, true,  true },
	{ "policy reset, insecure",       "16.1", false, LATEST,                      3,    3, ORIGINAL,  true,  true },
	{ "policy nobody knows",          "16.1", true,  NULL,                        0,    9, AUTOMATIC, true,  true },
	{ "policy latest, insecure",      "16.1", false, ORIGINAL,                    3,    1, LATEST,    true,  true },
	{ "before policies",              "15.4", true,  NULL,                        0,    1, ORIGINAL,  true,  false},
	{ "before SBAT",                  "15",   true,  NULL,                        0,    0, "",        false, false},
	{ "version not known",            "",     true,  NULL,                        0,    0, AUTOMATIC, true,  false},
};

/* A shim of a version, which carries the two levels. */
static struct bytes made_shim(const char *version, const char *sbat, struct bytes vendor)
{
	static char ident[64];
	AUTO(buf_clear) struct buf out = BUF_INIT, levels = BUF_INIT;
	struct build build = { 0 };
	size_t n = 0;

	buf_append_le32(&levels, 0);
	buf_append_le32(&levels, 8);
	buf_append_le32(&levels, 8 + sizeof(AUTOMATIC));
	buf_append(&levels, bytes_of(AUTOMATIC, sizeof(AUTOMATIC)));
	buf_append(&levels, bytes_of(LATEST, sizeof(LATEST)));
	snprintf(ident, sizeof(ident), "UEFI SHIM\n$Version: %s $\n", version);
	if (version[0])
		build.sections[n++] =
			(struct build_section){ ".data.ident", bytes_of_string(ident), 0 };
	build.sections[n++] = (struct build_section){ ".sbatlevel", buf_bytes(&levels), 0 };
	build.sections[n++] = (struct build_section){ ".vendor_cert", vendor, 0 };
	build.sections[n++] = (struct build_section){ ".sbat", bytes_of_string(sbat), 0 };
	build_pe(&build, &out);
	return test_copy(buf_bytes(&out));
}

#define SBAT_LINES "sbat,1,SBAT Version,sbat,1,u\nshim,4,UEFI shim,shim,1,u\n"

static void levels(void **state)
{
	const struct level_case *row = *state;
	struct bytes file =
		made_shim(row->version, SBAT_LINES, bytes_of_string("0000000000000000"));
	AUTO(pe_freep) struct pe *pe = NULL;
	struct shim_sbat_candidates candidates;
	struct shim_sbat_level level;
	uint8_t policy_data = (uint8_t)row->policy;
	struct machine_variable stored = { .attributes = row->attributes }, policy = { 0 };

	assert_int_equal(pe_open(file, "shim", &pe, NULL), 0);
	shim_sbat_candidates(pe, &candidates);
	assert_false(candidates.guessed);
	test_bytes(candidates.latest, bytes_of_string(LATEST));
	if (row->stored)
		stored.data = bytes_of_string(row->stored);
	policy.data = bytes_of(&policy_data, 1);
	shim_sbat_decide(pe, &candidates, row->secure, row->stored ? &stored : NULL,
			 row->policy ? &policy : NULL, &level);
	test_bytes(level.text, bytes_of_string(row->text));
	assert_int_equal(level.written, row->written);
	assert_int_equal(level.policy_removed, row->policy_removed);
	assert_string_equal(level.failure, "");
	test_drop(file);
}

/* A level that this shim does not meet is not put in the place of another. */
static void level_that_revokes_itself(void **state)
{
	struct bytes file = made_shim("16.1", "shim,3,UEFI shim,shim,1,u\n",
				      bytes_of_string("0000000000000000"));
	AUTO(pe_freep) struct pe *pe = NULL;
	struct shim_sbat_candidates candidates;
	struct shim_sbat_level level;
	struct machine_variable stored = { .attributes = 3, .data = bytes_of_string(ORIGINAL) };

	(void)state;
	assert_int_equal(pe_open(file, "shim", &pe, NULL), 0);
	shim_sbat_candidates(pe, &candidates);
	shim_sbat_decide(pe, &candidates, true, &stored, NULL, &level);
	test_bytes(level.text, bytes_of_string(ORIGINAL));
	assert_false(level.written);
	assert_string_not_equal(level.failure, "");
	test_drop(file);
}

/* Before 15.8 the texts are in the image without a section of their own. */
static void levels_without_a_section(void **state)
{
	static const struct build build = {
		.sections = { { ".data",
				TEXT("xx" ORIGINAL "\0sbat,1,2022111500\nshim,2\ngrub,3\n\0"
				     "sbat,1,2022052400\ngrub,2\n\0sbat,1,20220\n\0"),
				0 } },
	};
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct shim_sbat_candidates candidates;

	(void)state;
	build_pe(&build, &out);
	assert_int_equal(pe_open(buf_bytes(&out), "shim", &pe, NULL), 0);
	shim_sbat_candidates(pe, &candidates);
	assert_true(candidates.guessed);
	test_bytes(candidates.automatic, bytes_of_string("sbat,1,2022052400\ngrub,2\n"));
	test_bytes(candidates.latest, bytes_of_string("sbat,1,2022111500\nshim,2\ngrub,3\n"));
}

static const struct meets_case {
	const char *name, *sbat, *level;
	bool meets;
	const char *component;
} meets_cases[] = {
	{"equal",                "grub,4,v,p,1,u\n",                 LATEST, true,  ""    },
	{ "above",               "grub,5,v,p,1,u\n",                 LATEST, true,  ""    },
	{ "below",               "sbat,1,v,p,1,u\ngrub,3,v,p,1,u\n", LATEST, false, "grub"},
	{ "not named",           "grub.debian,1,v,p,1,u\n",          LATEST, true,  ""    },
	{ "malformed",           "grub,5,v,p\n",                     LATEST, false, ""    },
	{ "a number that wraps", "grub,65540,v,p,1,u\n",             LATEST, true,  ""    },
};

static void meets(void **state)
{
	const struct meets_case *row = *state;
	struct build build = { .sections = { { ".sbat", bytes_of_string(row->sbat), 0 } } };
	AUTO(buf_clear) struct buf out = BUF_INIT;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct bytes component;

	build_pe(&build, &out);
	assert_int_equal(pe_open(buf_bytes(&out), "image", &pe, NULL), 0);
	assert_int_equal(shim_sbat_meets(pe, bytes_of_string(row->level), &component), row->meets);
	test_bytes(component, bytes_of_string(row->component));
}

/* --- a machine with an ESP ------------------------------------------------------------------------ */

struct esp {
	char root[TEST_FOLDER_SIZE];
	struct volume *volume;
	struct machine_volume on_machine;
	struct machine *machine;
	struct bytes log;
};

/* What a second stage asks shim for, in place of GRUB. */
static const char *asked_path;
static int asked_result;
static unsigned n_started;

static int start(struct machine *machine, struct machine_image *image, struct bytes load_options,
		 struct error *err)
{
	struct machine_image *other;

	(void)image;
	(void)load_options;
	n_started++;
	if (asked_path) {
		assert_int_equal(machine_image(machine, machine->volumes, asked_path, &other, err),
				 1);
		asked_result = machine->shim_verify(machine, other, err);
		assert_true(asked_result >= 0);
		/* the same again: its authority is measured once only */
		assert_int_equal(machine->shim_verify(machine, other, err), asked_result);
	}
	machine->has_left = true;
	return 0;
}

static void put_bytes(const struct esp *esp, const char *name, struct bytes contents)
{
	char path[TEST_FOLDER_SIZE + 64];

	snprintf(path, sizeof(path), "%s/EFI/BOOT/%s", esp->root, name);
	assert_int_equal(file_write(path, contents, NULL), 0);
}

static bool put_file(const struct esp *esp, const char *name, const char *from)
{
	struct bytes contents;

	if (access(from, R_OK) != 0)
		return false;
	contents = test_file(from);
	put_bytes(esp, name, contents);
	test_drop(contents);
	return true;
}

static void esp_new(struct esp *esp)
{
	char path[TEST_FOLDER_SIZE + 64];

	memset(esp, 0, sizeof(*esp));
	test_folder_make(esp->root);
	snprintf(path, sizeof(path), "%s/EFI", esp->root);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/EFI/BOOT", esp->root);
	assert_int_equal(mkdir(path, 0700), 0);
	esp->log = test_file(LOG);
	asked_path = NULL;
	n_started = 0;
}

static void esp_free(struct esp *esp)
{
	machine_free(esp->machine);
	volume_free(esp->volume);
	test_folder_drop(esp->root);
	test_drop(esp->log);
}

/* Data of the log's variable event. */
static struct bytes logged_variable(struct bytes log_bytes, const char *name)
{
	struct eventlog log;
	struct record record;
	size_t name_size = strlen(name);

	assert_int_equal(eventlog_open(&log, log_bytes, LOG, NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0) {
		struct bytes data = record.data;
		bool same = record.type == EV_EFI_VARIABLE_DRIVER_CONFIG &&
			    data.size >= 32 + 2 * name_size && data.data[16] == name_size;

		for (size_t i = 0; same && i < name_size; i++)
			same = data.data[32 + 2 * i] == (uint8_t)name[i];
		if (same)
			return bytes_of(data.data + 32 + 2 * name_size,
					data.size - 32 - 2 * name_size);
	}
	fail_msg("no event for %s", name);
	return bytes_of(NULL, 0);
}

/* A machine at the moment when firmware starts shim: the captured boot's databases. */
static void esp_machine(struct esp *esp, bool secure)
{
	assert_int_equal(volume_of_directory(esp->root, &esp->volume, NULL), 0);
	assert_int_equal(machine_new(BANKS, hasher, &esp->machine, NULL), 0);
	esp->on_machine = (struct machine_volume){ .volume = esp->volume,
						   .disk_index = SIZE_MAX,
						   .name = "ESP" };
	esp->machine->volumes = &esp->on_machine;
	esp->machine->n_volumes = 1;
	esp->machine->start = start;
	machine_begin(esp->machine, NULL, 0);
	esp->machine->secure_boot = secure;
	assert_int_equal(machine_variable_set(esp->machine, &guid_image_security, "db", 0x27,
					      logged_variable(esp->log, "db"), NULL),
			 0);
	assert_int_equal(machine_variable_set(esp->machine, &guid_image_security, "dbx", 0x27,
					      logged_variable(esp->log, "dbx"), NULL),
			 0);
}

static void set_variable(struct esp *esp, const char *name, uint32_t attributes, struct bytes data)
{
	assert_int_equal(machine_variable_set(esp->machine, &guid_shim, name, attributes, data,
					      NULL),
			 0);
}

static void run(struct esp *esp, struct machine_run *out)
{
	struct machine_image *image;
	struct error err = { 0 };

	assert_int_equal(machine_image(esp->machine, &esp->on_machine, "/EFI/BOOT/BOOTX64.EFI",
				       &image, &err),
			 1);
	if (shim_run(esp->machine, image, bytes_of(NULL, 0), &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(machine_end(esp->machine, out, NULL), 0);
}

/* The n-th event of a PCR in the log, counted from the first that shim made: 24. */
static void assert_logged(struct bytes log_bytes, const struct profile_event *event, size_t n)
{
	struct eventlog log;
	struct record record;

	assert_int_equal(eventlog_open(&log, log_bytes, LOG, NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0) {
		if (record.index < 24 || record.pcr != event->pcr || n--)
			continue;
		assert_int_equal(record.type, event->type);
		assert_int_equal(record.n_digests, 4);
		for (size_t i = 0; i < record.n_digests; i++)
			test_bytes(digest_bytes(&event->digests[record.digests[i].alg]),
				   digest_bytes(&record.digests[i]));
		return;
	}
	fail_msg("the log has no such event");
}

/* True if the log has an image's digest: the version that is installed is the captured one. */
static bool captured(struct bytes log_bytes, const char *path)
{
	struct bytes file;
	struct pe *pe = NULL;
	struct digest digests[ALG_COUNT];
	struct eventlog log;
	struct record record;
	bool found = false;

	if (access(path, R_OK) != 0)
		return false;
	file = test_file(path);
	assert_int_equal(pe_open(file, path, &pe, NULL), 0);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	assert_int_equal(eventlog_open(&log, log_bytes, LOG, NULL), 0);
	while (eventlog_next(&log, &record, NULL) > 0)
		for (size_t i = 0; i < record.n_digests; i++)
			found = found || digest_equal(&record.digests[i], &digests[ALG_SHA256]);
	pe_free(pe);
	test_drop(file);
	return found;
}

/* The ESP of the captured boot; skips where its programs are not here. */
static void captured_esp(struct esp *esp)
{
	esp_new(esp);
	if (!captured(esp->log, SHIM) || !captured(esp->log, GRUB)) {
		esp_free(esp);
		skip();
	}
	put_file(esp, "BOOTX64.EFI", SHIM);
	put_file(esp, "grubx64.efi", GRUB);
}

static void captured_boot(void **state)
{
	struct esp esp;
	struct machine_run got;
	size_t n[24] = { 0 };
	const uint32_t expected[] = { 14, 14, 7, 14, 7, 4 };

	(void)state;
	captured_esp(&esp);
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_int_equal(n_started, 1);
	assert_int_equal(got.profile.n_events, ARRAY_SIZE(expected));
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct profile_event *event = &got.profile.events[i];

		assert_int_equal(event->pcr, expected[i]);
		assert_int_equal(event->origin, ORIGIN_COMPUTED);
		assert_logged(esp.log, event, n[event->pcr]++);
	}
	esp_free(&esp);
}

/* shim_lock: measured each time, its authority once; then Secure Boot off: measured all the same. */
static void asked_by_the_second_stage(void **state)
{
	struct esp esp;
	struct machine_run got;

	(void)state;
	captured_esp(&esp);
	put_file(&esp, "other.efi", FALLBACK);
	asked_path = "/EFI/BOOT/other.efi";
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_int_equal(asked_result, 1);
	assert_int_equal(got.profile.n_events, 8);
	assert_int_equal(got.profile.events[6].pcr, 4);
	assert_int_equal(got.profile.events[7].pcr, 4);
	esp_free(&esp);

	captured_esp(&esp);
	put_file(&esp, "other.efi", UNSIGNED);
	asked_path = "/EFI/BOOT/other.efi";
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_int_equal(asked_result, 0);
	esp_free(&esp);

	captured_esp(&esp);
	put_file(&esp, "other.efi", UNSIGNED);
	asked_path = "/EFI/BOOT/other.efi";
	esp_machine(&esp, false);
	run(&esp, &got);
	assert_int_equal(asked_result, 1);
	/* MokList, MokListX, SbatLevel, MokListTrusted, GRUB, other, other */
	assert_int_equal(got.profile.n_events, 7);
	esp_free(&esp);
}

/* Given by itself: what it measures of itself, and that nobody knows what it starts. */
static void without_a_volume(void **state)
{
	struct esp esp;
	struct machine_run got;
	struct machine_image *image;
	static const uint8_t no_vendor[16] = { 0 };
	struct bytes made;

	(void)state;
	made = made_shim("16.1", SBAT_LINES, bytes_of(no_vendor, sizeof(no_vendor)));
	esp_new(&esp);
	esp_machine(&esp, true);
	assert_int_equal(machine_image_of_bytes(esp.machine, "shim.efi", made, &image, NULL), 1);
	assert_int_equal(shim_run(esp.machine, image, bytes_of(NULL, 0), NULL), 0);
	assert_int_equal(machine_end(esp.machine, &got, NULL), 0);
	assert_non_null(strstr(esp.machine->ending, "is not among the inputs"));
	assert_int_equal(got.profile.n_events, 4);
	esp_free(&esp);
	test_drop(made);
}

/* --- outcomes ------------------------------------------------------------------------------------- */

struct variable_row {
	const char *name;
	uint32_t attributes;
	struct bytes data;
};

static const struct outcome_case {
	const char *name;
	const char *grub; /* file that is the second stage; NULL: none */
	struct variable_row variables[3];
	const char *ending;         /* has this in it; "": it starts */
	const char *components[12]; /* of the events, in order */
} outcome_cases[] = {
	{"not signed",
         UNSIGNED, { { 0 } },
         "it is not signed",			  { "MokList", "MokListX", "SbatLevel", "MokListTrusted" }                            },
	{ "nothing there",
         NULL,     { { 0 } },
         "finds no grubx64.efi",		      { "MokList", "MokListX", "SbatLevel", "MokListTrusted" }                            },
	{ "a level above GRUB's",
         GRUB,     { { "SbatLevel", 3, TEXT("sbat,1,2999010100\nshim,1\ngrub,99\n") } },
         "generation of \"grub\" is below SbatLevel", { "MokList", "MokListX", "SbatLevel", "MokListTrusted" }                            },
	{ "a level above shim's",
         GRUB,     { { "SbatLevel", 3, TEXT("sbat,1,2999010100\nshim,99\n") } },
         "revokes itself",			    { NULL }									    },
	{ "verification turned off",
         UNSIGNED, { { "MokSBState", 3, TEXT("\1") } },
         "",					  { "MokList", "MokListX", "MokSBState", "MokSBState", "SbatLevel", "MokListTrusted",
	    "systemd-boot" }												  },
	{ "variables for the OS are deleted",
         UNSIGNED, { { "MokSBState", 7, TEXT("\1") } },
         "it is not signed",			  { "MokList", "MokListX", "SbatLevel", "MokListTrusted" }                            },
	{ "MOK not trusted, a policy",
         GRUB,     { { "MokListTrusted", 3, TEXT("\1") }, { "MokPolicy", 3, TEXT("\2") } },
         "",					  { "MokList", "MokListX", "SbatLevel", "MokPolicy", "secure boot authority", "grub" }},
};

static void outcomes(void **state)
{
	const struct outcome_case *row = *state;
	struct esp esp;
	struct machine_run got;
	size_t n = 0;

	esp_new(&esp);
	if (access(SHIM, R_OK) != 0 || (row->grub && access(row->grub, R_OK) != 0)) {
		esp_free(&esp);
		skip();
	}
	put_file(&esp, "BOOTX64.EFI", SHIM);
	if (row->grub)
		put_file(&esp, "grubx64.efi", row->grub);
	esp_machine(&esp, true);
	for (size_t i = 0; i < ARRAY_SIZE(row->variables) && row->variables[i].name; i++)
		set_variable(&esp, row->variables[i].name, row->variables[i].attributes,
			     row->variables[i].data);
	run(&esp, &got);
	if (row->ending[0] && !strstr(esp.machine->ending, row->ending))
		fail_msg("ending: %s", esp.machine->ending);
	if (!row->ending[0])
		assert_string_equal(esp.machine->ending, "");
	assert_int_equal(n_started, row->ending[0] ? 0 : 1);
	while (n < ARRAY_SIZE(row->components) && row->components[n])
		n++;
	for (size_t i = 0; i < got.profile.n_events && i < n; i++)
		assert_string_equal(got.profile.events[i].component, row->components[i]);
	assert_int_equal(got.profile.n_events, n);
	esp_free(&esp);
}

/* Revoked in MokListX: the entry is measured, MokManager comes up. */
static void revoked(void **state)
{
	struct esp esp;
	struct machine_run got;
	AUTO(buf_clear) struct buf list = BUF_INIT;
	AUTO(pe_freep) struct pe *pe = NULL;
	struct bytes grub;
	struct digest digests[ALG_COUNT];

	(void)state;
	captured_esp(&esp);
	put_file(&esp, "mmx64.efi", MANAGER);
	esp_machine(&esp, true);
	grub = test_file(GRUB);
	assert_int_equal(pe_open(grub, GRUB, &pe, NULL), 0);
	assert_int_equal(pe_authenticode(pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	signature_list_append(&list, &guid_cert_sha256, &guid_shim,
			      digest_bytes(&digests[ALG_SHA256]));
	set_variable(&esp, "MokListX", 3, buf_bytes(&list));
	run(&esp, &got);
	assert_non_null(strstr(esp.machine->ending, "MokListX revokes it"));
	assert_int_equal(n_started, 0);
	assert_int_equal(got.profile.n_events, 7);
	assert_int_equal(got.profile.events[4].pcr, 7); /* the entry of MokListX */
	assert_int_equal(got.profile.events[5].pcr, 7); /* the vendor's certificate */
	assert_string_equal(got.profile.events[6].component, "mok-manager");
	test_drop(grub);
	esp_free(&esp);
}

/* Fallback beside the path for removable media goes first. */
static void falls_back(void **state)
{
	struct esp esp;
	struct machine_run got;

	(void)state;
	captured_esp(&esp);
	put_file(&esp, "fbx64.efi", FALLBACK);
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_non_null(strstr(esp.machine->ending, "makes boot options"));
	assert_int_equal(got.profile.n_events, 6);
	assert_string_equal(got.profile.events[5].component, "fallback");
	esp_free(&esp);
}

/* ASCII as UTF-16LE. */
static struct bytes wide(const char *text, struct buf *out)
{
	for (; *text; text++)
		buf_append_le16(out, (uint8_t)*text);
	return buf_bytes(out);
}

/* What load options and options.csv make of the second stage. */
static const struct stage_case {
	const char *name, *options, *csv;
	const char *stage; /* file in /EFI/BOOT */
} stage_cases[] = {
	{"nothing",                "",					    "",                  "grubx64.efi"},
	{ "load options",          "other.efi",                                   "",                  "other.efi"  },
	{ "shim's own path first", "\\EFI\\BOOT\\BOOTX64.EFI other.efi and more", "",                  "other.efi"  },
	{ "shim's own path alone", "\\EFI\\BOOT\\BOOTX64.EFI",                    "",                  "grubx64.efi"},
	{ "options.csv",           "",					    "other.efi,x,y\r\n", "other.efi"  },
	{ "options.csv, a word",   "",					    "other.efi",         "other.efi"  },
	{ "options.csv, empty",    "",					    ",x",                "grubx64.efi"},
};

static void stages(void **state)
{
	const struct stage_case *row = *state;
	AUTO(buf_clear) struct buf options = BUF_INIT;
	AUTO(buf_clear) struct buf csv = BUF_INIT;
	struct machine_image *image;
	struct machine_run got;
	struct error err = { 0 };
	const char *source;
	struct esp esp;
	char path[64];

	captured_esp(&esp);
	put_file(&esp, "other.efi", GRUB);
	if (*row->csv) {
		buf_append_le16(&csv, 0xfeff);
		put_bytes(&esp, "options.csv", wide(row->csv, &csv));
	}
	esp_machine(&esp, true);
	assert_int_equal(machine_image(esp.machine, &esp.on_machine, "/EFI/BOOT/BOOTX64.EFI",
				       &image, &err),
			 1);
	if (shim_run(esp.machine, image, wide(row->options, &options), &err) < 0)
		fail_msg("%s", err.message);
	assert_int_equal(machine_end(esp.machine, &got, NULL), 0);
	assert_string_equal(esp.machine->ending, "");
	assert_int_equal(n_started, 1);
	source = got.profile.events[got.profile.n_events - 1].source;
	snprintf(path, sizeof(path), "/EFI/BOOT/%s", row->stage);
	if (!strstr(source, path))
		fail_msg("%s, expected %s", source, path);
	esp_free(&esp);
}

/* Files of certificates and revocations beside shim: revocations first; what nothing allows is passed
 * over and not measured. */
static void companions(void **state)
{
	static const char *const expected[] = { "mok-manager", "fallback", "grub" };
	struct machine_run got;
	struct bytes grub;
	struct esp esp;
	size_t n = 0;

	(void)state;
	captured_esp(&esp);
	if (!put_file(&esp, "shim_certificate_1.efi", FALLBACK) ||
	    !put_file(&esp, "revocations_sbat.efi", MANAGER)) {
		esp_free(&esp);
		skip();
	}
	grub = test_file(GRUB);
	((uint8_t *)(uintptr_t)grub.data)[8192] ^= 1;
	put_bytes(&esp, "shim_certificate_2.efi", grub);
	put_bytes(&esp, "shim_certificate_3.efi", bytes_of_string("no PE file"));
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_string_equal(esp.machine->ending, "");
	for (size_t i = 0; i < got.profile.n_events; i++)
		if (got.profile.events[i].pcr == 4) {
			assert_true(n < ARRAY_SIZE(expected));
			assert_string_equal(got.profile.events[i].component, expected[n++]);
		}
	assert_int_equal(n, ARRAY_SIZE(expected));
	test_drop(grub);
	esp_free(&esp);
}

/* The .db section of such a file lets GRUB run, where shim has no certificate of its own. */
static void companion_key(void **state)
{
	const bool with_key = *(const bool *)*state;
	struct bytes none = test_hex("00000000000000001000000010000000");
	struct bytes real, vendor, made = made_shim("16.1", SBAT_LINES, none);
	struct build build = { 0 };
	AUTO(buf_clear) struct buf key = BUF_INIT;
	AUTO(buf_clear) struct buf companion = BUF_INIT;
	AUTO(buf_clear) struct buf db = BUF_INIT;
	AUTO(pe_freep) struct pe *pe = NULL;
	AUTO(pe_freep) struct pe *companion_pe = NULL;
	struct digest digests[ALG_COUNT];
	struct machine_run got;
	struct esp esp;
	uint32_t size, at;

	captured_esp(&esp);
	real = test_file(SHIM);
	assert_int_equal(pe_open(real, SHIM, &pe, NULL), 0);
	vendor = pe_section_bytes(pe, pe_find(pe, ".vendor_cert"));
	memcpy(&size, vendor.data, 4);
	memcpy(&at, vendor.data + 8, 4);
	signature_list_append(&key, &guid_cert_x509, &guid_shim, bytes_of(vendor.data + at, size));
	build.sections[0] = (struct build_section){ ".sbat", bytes_of_string(SBAT_LINES), 0 };
	build.sections[1] =
		(struct build_section){ with_key ? ".db" : ".data", buf_bytes(&key), 0 };
	build_pe(&build, &companion);
	assert_int_equal(pe_open(buf_bytes(&companion), "companion", &companion_pe, NULL), 0);
	assert_int_equal(pe_authenticode(companion_pe, hasher, 1u << ALG_SHA256, digests, NULL), 0);
	/* MokList is not mirrored yet when shim looks at its companions: db has to allow it. */
	buf_append(&db, logged_variable(esp.log, "db"));
	signature_list_append(&db, &guid_cert_sha256, &guid_shim,
			      digest_bytes(&digests[ALG_SHA256]));
	put_bytes(&esp, "BOOTX64.EFI", made);
	put_bytes(&esp, "shim_certificate.efi", buf_bytes(&companion));
	esp_machine(&esp, true);
	assert_int_equal(machine_variable_set(esp.machine, &guid_image_security, "db", 0x27,
					      buf_bytes(&db), NULL),
			 0);
	run(&esp, &got);
	if (n_started != (unsigned)with_key)
		fail_msg("%s", esp.machine->ending);
	if (!with_key)
		assert_non_null(
			strstr(esp.machine->ending, "no certificate authorises a signature"));
	test_drop(made);
	test_drop(none);
	test_drop(real);
	esp_free(&esp);
}

/* Before 15.7 the vendor's certificate is measured bare, as "Shim"; before 15.6 there is no MokListTrusted. */
static const struct version_case {
	const char *name, *version;
	const char
		*authority; /* variable that GRUB's authority is measured as; "": it is refused */
	size_t n_events;
} version_cases[] = {
	{"16.1",  "16.1", "MokListRT", 6},
        { "15.7", "15.7", "MokListRT", 6},
	{ "15.6", "15.6", "Shim",      7}, /* MokListTrusted in PCR 7 too */
	{ "15.4", "15.4", "Shim",      5},
        { "15",   "15",   "Shim",      4},
};

static void versions(void **state)
{
	const struct version_case *row = *state;
	struct esp esp;
	struct machine_run got;
	struct bytes real, vendor, made;
	AUTO(pe_freep) struct pe *pe = NULL;
	AUTO(buf_clear) struct buf over = BUF_INIT;
	const struct profile_event *event;
	struct digest expected;
	uint32_t size, at;

	captured_esp(&esp);
	real = test_file(SHIM);
	assert_int_equal(pe_open(real, SHIM, &pe, NULL), 0);
	vendor = pe_section_bytes(pe, pe_find(pe, ".vendor_cert"));
	made = made_shim(row->version, SBAT_LINES, vendor);
	put_bytes(&esp, "BOOTX64.EFI", made);
	esp_machine(&esp, true);
	run(&esp, &got);
	assert_string_equal(esp.machine->ending, "");
	assert_int_equal(got.profile.n_events, row->n_events);
	assert_string_equal(got.profile.events[row->n_events - 1].component, "grub");
	event = &got.profile.events[row->n_events - 2];
	memcpy(&size, vendor.data, 4);
	memcpy(&at, vendor.data + 8, 4);
	if (strcmp(row->authority, "Shim") == 0) {
		guid_append_variable_data(&over, &guid_shim, "Shim",
					  bytes_of(vendor.data + at, size));
	} else {
		AUTO(buf_clear) struct buf entry = BUF_INIT;

		buf_append(&entry, bytes_of(guid_shim.bytes, 16));
		buf_append(&entry, bytes_of(vendor.data + at, size));
		guid_append_variable_data(&over, &guid_shim, row->authority, buf_bytes(&entry));
	}
	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, buf_bytes(&over), &expected, NULL),
			 0);
	test_bytes(digest_bytes(&event->digests[ALG_SHA256]), digest_bytes(&expected));
	test_drop(made);
	test_drop(real);
	esp_free(&esp);
}

/* Sizes of .vendor_cert that lie. */
static const struct vendor_case {
	const char *name, *hex;
	enum error_code code;
} vendor_cases[] = {
	{"cut short",
         "00000000"
	  "00000000"
	  "10000000", ERROR_TRUNCATED},
	{ "certificate beyond",
         "01000000"
	  "00000000"
	  "10000000"
	  "10000000", ERROR_MALFORMED},
	{ "offset beyond",
         "01000000"
	  "00000000"
	  "ffffffff"
	  "10000000", ERROR_MALFORMED},
	{ "revocations beyond",
         "00000000"
	  "ffffffff"
	  "10000000"
	  "01000000", ERROR_MALFORMED},
};

static void bad_vendor(void **state)
{
	const struct vendor_case *row = *state;
	struct esp esp;
	struct bytes vendor = test_hex(row->hex), made = made_shim("16.1", SBAT_LINES, vendor);
	struct machine_image *image;
	struct error err = { 0 };

	esp_new(&esp);
	put_bytes(&esp, "BOOTX64.EFI", made);
	esp_machine(&esp, true);
	assert_int_equal(machine_image(esp.machine, &esp.on_machine, "/EFI/BOOT/BOOTX64.EFI",
				       &image, NULL),
			 1);
	assert_int_equal(shim_run(esp.machine, image, bytes_of(NULL, 0), &err), -1);
	assert_int_equal(err.code, row->code);
	test_drop(made);
	test_drop(vendor);
	esp_free(&esp);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	if (hasher_new(&hasher, NULL) < 0)
		return 1;
	TEST_ROWS(&tests, levels, level_cases);
	TEST(&tests, level_that_revokes_itself);
	TEST(&tests, levels_without_a_section);
	TEST_ROWS(&tests, meets, meets_cases);
	TEST(&tests, captured_boot);
	TEST(&tests, asked_by_the_second_stage);
	TEST(&tests, without_a_volume);
	TEST_ROWS(&tests, outcomes, outcome_cases);
	TEST(&tests, revoked);
	TEST(&tests, falls_back);
	TEST_ROWS(&tests, stages, stage_cases);
	TEST(&tests, companions);
	test_add(&tests, "companion_key", "there", companion_key, &(const bool){ true });
	test_add(&tests, "companion_key", "not there", companion_key, &(const bool){ false });
	TEST_ROWS(&tests, versions, version_cases);
	TEST_ROWS(&tests, bad_vendor, vendor_cases);
	failed = test_run(&tests, "refgen/shim");
	hasher_free(hasher);
	return failed;
}
