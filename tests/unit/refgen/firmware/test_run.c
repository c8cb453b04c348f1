/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's events of the captured boots of tests/vectors, in all four banks: what firmware measured
 * before it started the first image. The firmware is Debian 12's, where it is installed.
 */
#include "refgen/firmware/internal.h"

#include <unistd.h>

#include "core/archive.h"
#include "core/crypto.h"
#include "refgen/machine/machine.h"
#include "replay/eventlog/eventlog.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/"
#define BANKS   (1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512)

static const struct facts_device disk = { .pci_device = 1, .description = "UEFI Misc Device" };
static const struct facts_rom network_rom = { .file = "/usr/lib/ipxe/qemu/efi-virtio.rom",
					      .pci_device = 3 };

/* Without a disk the options for it lead nowhere, and the firmware goes on to its shell: what is compared
 * ends before, with the last separator. */
static const struct capture {
	const char *name, *code;
	bool smm;
	const struct facts_rom *rom;
} captures[] = {
	{"sb-grub",     "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", true,  NULL        },
	{ "uki-sdboot", "/usr/share/OVMF/OVMF_CODE_4M.fd",    false, &network_rom},
};

/* The variable store, unpacked. Freed by test_drop. */
static struct bytes vars_of(const char *name)
{
	const struct decompressor_options options = { .compression = COMPRESSION_XZ };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes packed, block;
	struct error err = { 0 };
	char path[256];
	int got;

	snprintf(path, sizeof(path), VECTORS "boot/%s/vars.fd.xz", name);
	packed = test_file(path);
	assert_int_equal(decompressor_open_bytes(&options, packed, &decompressor, &err), 0);
	while ((got = decompressor_next(decompressor, &block, &err)) > 0)
		buf_append(&out, block);
	assert_int_equal(got, 0);
	test_drop(packed);
	return test_copy(buf_bytes(&out));
}

static int start(struct machine *machine, struct machine_image *image, struct bytes load_options,
		 struct error *err)
{
	(void)image;
	(void)load_options;
	(void)err;
	machine_halt(machine, "started");
	return 0;
}

static void assert_event(const struct profile_event *event, const struct record *logged)
{
	char ours[DIGEST_HEX_SIZE], theirs[DIGEST_HEX_SIZE];

	assert_int_equal(event->pcr, logged->pcr);
	assert_int_equal(event->type, logged->type);
	assert_int_equal(event->origin, ORIGIN_COMPUTED);
	assert_int_equal(event->algs, BANKS);
	assert_int_equal(logged->n_digests, 4);
	for (size_t i = 0; i < logged->n_digests; i++)
		if (!digest_equal(&event->digests[logged->digests[i].alg], &logged->digests[i]))
			fail_msg("event %d, PCR %u, %s: %s is %s, not %s", (int)logged->index,
				 event->pcr, event->over, alg_name(logged->digests[i].alg),
				 digest_hex(&event->digests[logged->digests[i].alg], ours),
				 digest_hex(&logged->digests[i], theirs));
}

/* Runs the firmware n times, as a boot of several ways does. */
static void runs(void **state)
{
	const struct capture *row = *state;
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(machine_freep) struct machine *machine = NULL;
	struct bytes code, vars, bytes;
	struct machine_run run;
	struct error err = { 0 };
	char path[256];

	if (access(row->code, R_OK) < 0 || (row->rom && access(row->rom->file, R_OK) < 0))
		skip();
	code = test_file(row->code);
	vars = vars_of(row->name);
	snprintf(path, sizeof(path), VECTORS "captures/%s/binary_bios_measurements", row->name);
	bytes = test_file(path);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, hasher, &machine, &err), 0);
	machine->start = start;
	machine->firmware = code;
	machine->firmware_name = "CODE.fd";
	machine->varstore = vars;
	machine->varstore_name = "VARS.fd";
	machine->facts = (struct machine_facts){
		.machine = "q35",
		.has_cpus = true,
		.cpus = 1,
		.has_max_cpus = true,
		.max_cpus = 1,
		.has_memory_mib = true,
		.memory_mib = 512,
		.has_s3 = true,
		.has_tseg_mib = row->smm,
		.tseg_mib = 16,
		.has_boot_order = true,
		.boot_order = &disk,
		.n_boot_order = 1,
		.option_roms = row->rom,
		.n_option_roms = row->rom ? 1 : 0,
	};
	for (unsigned n = 0; n < 2; n++) {
		struct record logged;
		struct eventlog log;
		size_t i = 0;

		machine_begin(machine, NULL, 0);
		if (firmware_run(machine, &err) < 0 || machine_end(machine, &run, &err) < 0)
			fail_msg("%s: %s", err.source, err.message);
		assert_int_equal(run.n_assumptions, 0);
		assert_int_equal(machine->secure_boot, row->smm);
		assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
		do {
			assert_int_equal(eventlog_next(&log, &logged, &err), 1);
			assert_true(i < run.profile.n_events);
			assert_event(&run.profile.events[i++], &logged);
		} while (logged.type != EV_SEPARATOR || logged.pcr != 6);
	}
	machine_free(TAKE(machine));
	test_drop(code);
	test_drop(vars);
	test_drop(bytes);
}

/* Nothing given: every value that is used is an assumption, and what only the image knows is unknown. */
static void nothing_given(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(machine_freep) struct machine *machine = NULL;
	struct machine_run run;
	struct error err = { 0 };
	size_t n_unknown = 0;

	(void)state;
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, hasher, &machine, &err), 0);
	machine->start = start;
	machine_begin(machine, NULL, 0);
	if (firmware_run(machine, &err) < 0 || machine_end(machine, &run, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	for (size_t i = 0; i < run.profile.n_events; i++) {
		const struct profile_event *event = &run.profile.events[i];

		n_unknown += event->origin == ORIGIN_UNKNOWN;
		if (event->pcr == 0 && event->type != EV_SEPARATOR)
			assert_int_equal(event->origin, ORIGIN_UNKNOWN);
	}
	assert_int_equal(n_unknown, 2 + 5 + 1);
	assert_int_equal(profile_coverage(&run.profile, 0), COVERAGE_PARTIAL);
	assert_int_equal(profile_coverage(&run.profile, 3), COVERAGE_PREDICTED);
	assert_string_equal(run.profile.ending, "no boot option starts an operating system");
}

/* An image and nothing else: facts are assumed by name, and the events say so. */
static void image_only(void **state)
{
	AUTO(hasher_freep) struct hasher *hasher = NULL;
	AUTO(machine_freep) struct machine *machine = NULL;
	struct machine_run run;
	struct error err = { 0 };
	struct bytes code;

	(void)state;
	if (access(captures[0].code, R_OK) < 0)
		skip();
	code = test_file(captures[0].code);
	assert_int_equal(hasher_new(&hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, hasher, &machine, &err), 0);
	machine->start = start;
	machine->firmware = code;
	machine->firmware_name = "CODE.fd";
	machine_begin(machine, NULL, 0);
	if (firmware_run(machine, &err) < 0 || machine_end(machine, &run, &err) < 0)
		fail_msg("%s: %s", err.source, err.message);
	assert_int_equal(run.n_assumptions, FACT_COUNT + 1); /* and the boot order */
	assert_int_equal(run.profile.events[1].origin, ORIGIN_ASSUMED);
	assert_string_equal(run.profile.events[1].assumption,
			    "machine = q35, cpus = 1, max_cpus = 1, memory_mib = 1024, s3 = false, "
			    "tseg_mib = 16");
	assert_int_equal(run.profile.events[2].origin, ORIGIN_COMPUTED);
	machine_free(TAKE(machine));
	test_drop(code);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, runs, captures);
	TEST(&tests, nothing_given);
	TEST(&tests, image_only);
	return test_run(&tests, "refgen/firmware/run");
}
