/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/machine/machine.h"

#include "core/own.h"
#include "tests/unit/test.h"

#define BANKS (1u << ALG_SHA1 | 1u << ALG_SHA256)

static struct machine *new_machine(struct hasher **hasher)
{
	struct machine *machine;
	struct error err;

	assert_int_equal(hasher_new(hasher, &err), 0);
	assert_int_equal(machine_new(BANKS, *hasher, &machine, &err), 0);
	machine_begin(machine, NULL, 0);
	return machine;
}

static void assert_hex(const struct digest *digest, const char *hex)
{
	char text[DIGEST_HEX_SIZE];

	assert_string_equal(digest_hex(digest, text), hex);
}

/* --- texts -------------------------------------------------------------------------------------- */

/* Digests by sha256sum of what iconv and printf made. */
static const struct text_case {
	const char *name, *text;
	enum text_encoding encoding;
	bool with_nul;
	const char *sha256;
} text_cases[] = {
	{"bytes",		   "enter-initrd",               TEXT_BYTES,   false,
         "51e6b92f405d1f98d96e3de343d61d420ad6923b25de21d766f9298192f14fed"},
	{ "another",                "os-separator",               TEXT_BYTES,   false,
         "ff5b9d73dad709633ae76adf444012b57e913a12ed7403c3931145862f35f841"},
	{ "UTF-16 with NUL",        "quiet",                      TEXT_UTF16LE, true,
         "2d7d7381227937c3ac164a2f36c1e8e8268e91eb28814d8a75ba4c72c2be0155"},
	{ "UTF-16 of other planes", "gr\xc3\xbc\xf0\x9f\x98\x80", TEXT_UTF16LE, false,
         "92cc96fc54f3245084a10ca248748d48453aed71b978fcc80385728ed1a81d3d"},
};

static void text(void **state)
{
	const struct text_case *row = *state;
	const struct measurement what = {
		.pcr = 11, .type = EV_IPL, .encoding = row->encoding, .with_nul = row->with_nul
	};
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct error err;

	assert_int_equal(machine_measure_text(machine, &what, bytes_of_string(row->text), &err), 0);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.profile.n_events, 1);
	assert_hex(&run.profile.events[0].digests[ALG_SHA256], row->sha256);
	assert_true(bytes_equal_string(run.profile.events[0].text, row->text));
	machine_free(machine);
	hasher_free(hasher);
}

/* --- events ------------------------------------------------------------------------------------- */

static void exit_boot_services(void **state)
{
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct pcr_bank bank;
	struct digest value;
	struct error err;

	(void)state;
	assert_false(machine->has_left);
	assert_int_equal(machine_exit_boot_services(machine, &err), 0);
	assert_true(machine->has_left);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.profile.n_events, 2);
	assert_int_equal(profile_coverage(&run.profile, 5), COVERAGE_PREDICTED);
	assert_int_equal(profile_coverage(&run.profile, 4), COVERAGE_NONE);
	assert_int_equal(profile_replay(&run.profile, ALG_SHA256, hasher, &bank, &err), 0);
	value = pcr_bank_value(&bank, 5);
	/* Python's hashlib says so. */
	assert_hex(&value, "961918f29c8259b07218b4deb3c466f7fbe8d343db6c571815c7881f7424f575");
	assert_int_equal(profile_boot_aggregate(&run.profile, ALG_SHA256, hasher, &value, &err), 1);
	assert_hex(&value, "7beb4ae1bb09fef7ec21e211148235250c0b198993b75ab52363c60d3dce8e53");
	assert_int_equal(profile_boot_aggregate(&run.profile, ALG_SHA512, hasher, &value, &err), 0);
	machine_free(machine);
	hasher_free(hasher);
}

static void unknown_events(void **state)
{
	const struct measurement what = { .pcr = 0,
					  .type = EV_EFI_PLATFORM_FIRMWARE_BLOB,
					  .over = "the PEI volume" };
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct digest value;
	struct error err;

	(void)state;
	assert_int_equal(machine_measure_unknown(machine, &what, &err), 0);
	assert_int_equal(machine_measure(machine, &what, bytes_of_string("x"), &err), 0);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.profile.events[0].algs, 0);
	assert_int_equal(run.profile.events[1].algs, BANKS);
	assert_int_equal(profile_coverage(&run.profile, 0), COVERAGE_PARTIAL);
	assert_int_equal(profile_boot_aggregate(&run.profile, ALG_SHA256, hasher, &value, &err), 0);
	machine_free(machine);
	hasher_free(hasher);
}

static void assumptions(void **state)
{
	struct measurement what = { .pcr = 0, .type = EV_IPL };
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct error err;

	(void)state;
	what.assumption = machine_assume(machine, "cpus", "%d", 1);
	machine_assume(machine, "cpus", "%d", 1);
	assert_int_equal(machine_measure(machine, &what, bytes_of_string("x"), &err), 0);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.n_assumptions, 1);
	assert_string_equal(run.assumptions[0], "cpus = 1");
	assert_int_equal(run.profile.events[0].origin, ORIGIN_ASSUMED);
	assert_string_equal(run.profile.events[0].assumption, "cpus = 1");
	machine_free(machine);
	hasher_free(hasher);
}

static void choices(void **state)
{
	const char *const names[] = { "first", "second", "third" };
	const size_t ways[] = { 2 };
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct error err;

	(void)state;
	assert_int_equal(machine_choose(machine, "entry", names, 3, 1), 1);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.n_choices, 1);
	assert_int_equal(run.choices[0].taken, 1);
	machine_begin(machine, ways, 1);
	assert_int_equal(machine_choose(machine, "entry", names, 3, 1), 2);
	assert_int_equal(machine_choose(machine, "entry", names, 2, 0), 0);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_int_equal(run.n_choices, 2);
	assert_string_equal(run.choices[0].names[run.choices[0].taken], "third");
	for (size_t i = 0; i < 100; i++)
		machine_choose(machine, "entry", names, 3, 0);
	assert_int_equal(machine_end(machine, &run, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	machine_free(machine);
	hasher_free(hasher);
}

static void variables(void **state)
{
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct error err;

	(void)state;
	assert_null(machine_variable(machine, &guid_shim, "MokList"));
	assert_int_equal(machine_variable_set(machine, &guid_shim, "MokList", 3,
					      bytes_of_string("one"), &err),
			 0);
	assert_int_equal(machine_variable_set(machine, &guid_shim, "MokList", 7,
					      bytes_of_string("two"), &err),
			 0);
	assert_int_equal(machine->n_variables, 1);
	assert_null(machine_variable(machine, &guid_global_variable, "MokList"));
	assert_int_equal(machine_variable(machine, &guid_shim, "MokList")->attributes, 7);
	assert_true(
		bytes_equal_string(machine_variable(machine, &guid_shim, "MokList")->data, "two"));
	assert_int_equal(machine_variable_set(machine, &guid_shim, "MokList", 7, bytes_of("", 0),
					      &err),
			 0);
	assert_int_equal(machine->n_variables, 0);
	machine_free(machine);
	hasher_free(hasher);
}

/* --- holes -------------------------------------------------------------------------------------- */

#define UUID "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define ID   "0123456789abcdef0123456789abcdef"

static const struct hole_case {
	const char *name, *text, *holes; /* "name=value name=value" */
} hole_cases[] = {
	{"none",		   "quiet splash",					      ""                               },
	{ "root",		  "root=UUID=" UUID " ro quiet",                               "root-uuid=" UUID                },
	{ "device",                "root=/dev/mapper/cr_root rd.shell=0",                       "root-device=/dev/mapper/cr_root"},
	{ "snapshot",              "rootflags=subvol=@/.snapshots/12/snapshot",                 "snapshot=12"                    },
	{ "no snapshot",           "rootflags=subvol=@/.snapshots/12/other",                    ""                               },
	{ "search",                "search --no-floppy --fs-uuid --set=root " UUID,             "uuid=" UUID                     },
	{ "search for FAT",        "search --fs-uuid --set=root 4D42-4553",                     "uuid=4D42-4553"                 },
	{ "search inside a file",  "if x; then\n\tsearch --fs-uuid --set=root 4D42-4553\nfi\n",
         "uuid=4D42-4553"													},
	{ "a line after a search", "search -f /x\necho 4D42-4553",                              ""                               },
	{ "no FAT here",           "echo 4D42-4553",					    ""                               },
	{ "id",		    "menuentry X gnulinux-simple-" UUID " {",                    "uuid=" UUID                     },
	{ "longer than a UUID",    "x=a" UUID,						  ""                               },
	{ "machine id",            "initrd=\\" ID "\\6.1\\initrd root=UUID=" UUID,
         "machine-id=" ID " root-uuid=" UUID										     },
	{ "ostree",                "ostree=/ostree/boot.1/fedora/" ID ID "/0 quiet",
         "ostree-boot=1 ostree-serial=0"											 },
	{ "luks",		  "rd.luks.uuid=luks-" UUID " root=/dev/mapper/luks-" UUID,
         "luks-uuid=" UUID " root-device=/dev/mapper/luks-" UUID                                                                 },
	{ "end of text",           "root=UUID=",						""                               },
};

static void holes(void **state)
{
	const struct hole_case *row = *state;
	struct bytes text = bytes_of_string(row->text);
	struct profile_hole found[MACHINE_HOLES_MAX];
	size_t n = machine_holes(text, found, MACHINE_HOLES_MAX), end = 0;
	struct buf line = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		assert_true(found[i].offset >= end);
		end = found[i].offset + found[i].size;
		assert_true(end <= text.size);
		buf_printf(&line, "%s%s=%.*s", i ? " " : "", found[i].name, (int)found[i].size,
			   row->text + found[i].offset);
	}
	assert_string_equal(line.data ? (const char *)line.data : "", row->holes);
	buf_clear(&line);
}

/* The same value has the same name in all events of a run; another value gets another name. */
static void hole_names(void **state)
{
	const struct measurement what = { .pcr = 8, .type = EV_IPL, .encoding = TEXT_BYTES };
	const char *const texts[] = { "search --fs-uuid --set=root " UUID,
				      "linux /vmlinuz root=UUID=" UUID,
				      "search --fs-uuid --set=root 1" UUID };
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct machine_run run;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(machine_measure_text(machine, &what, bytes_of_string(texts[i]),
						      &err),
				 0);
	assert_int_equal(machine_measure_text(
				 machine, &what,
				 bytes_of_string(
					 "search --fs-uuid 11111111-4e5f-6071-8293-a4b5c6d7e8f9"),
				 &err),
			 0);
	assert_int_equal(machine_end(machine, &run, &err), 0);
	assert_string_equal(run.profile.events[0].holes[0].name, "uuid");
	assert_string_equal(run.profile.events[1].holes[0].name, "uuid");
	assert_int_equal(run.profile.events[2].n_holes, 0);
	assert_string_equal(run.profile.events[3].holes[0].name, "uuid-2");
	machine_free(machine);
	hasher_free(hasher);
}

/* --- GUIDs -------------------------------------------------------------------------------------- */

static void guids(void **state)
{
	struct guid guid = { { 0 } };
	char out[GUID_TEXT_SIZE];
	struct bytes stored = test_hex("61dfe48bca93d211aa0d00e098032b8c");
	AUTO(buf_clear) struct buf made = BUF_INIT;
	struct bytes wanted = test_hex("61dfe48bca93d211aa0d00e098032b8c"
				       "0200000000000000"
				       "0100000000000000"
				       "50004b00"
				       "aa");

	(void)state;
	assert_memory_equal(guid_global_variable.bytes, stored.data, 16);
	assert_string_equal(guid_text(&guid_global_variable, out),
			    "8be4df61-93ca-11d2-aa0d-00e098032b8c");
	assert_true(guid_parse(bytes_of_string("8BE4DF61-93ca-11d2-aa0d-00e098032b8c"), &guid));
	assert_true(guid_equal(&guid, &guid_global_variable));
	assert_false(guid_parse(bytes_of_string("8be4df61-93ca-11d2-aa0d-00e098032b8"), &guid));
	assert_false(guid_parse(bytes_of_string("8be4df61x93ca-11d2-aa0d-00e098032b8c"), &guid));
	assert_false(guid_parse(bytes_of_string("8be4df61-93ca-11d2-aa0d-00e098032b8g"), &guid));
	guid_append_variable_data(&made, &guid_global_variable, "PK", bytes_of("\xaa", 1));
	assert_true(bytes_equal(buf_bytes(&made), wanted));
	test_drop(stored);
	test_drop(wanted);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, text, text_cases);
	TEST(&tests, exit_boot_services);
	TEST(&tests, unknown_events);
	TEST(&tests, assumptions);
	TEST(&tests, choices);
	TEST(&tests, variables);
	TEST_ROWS(&tests, holes, hole_cases);
	TEST(&tests, hole_names);
	TEST(&tests, guids);
	return test_run(&tests, "refgen/machine");
}
