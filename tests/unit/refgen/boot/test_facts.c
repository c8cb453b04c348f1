/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/boot/boot.h"
#include "tests/unit/test.h"

static struct machine *new_machine(struct hasher **hasher)
{
	struct machine *machine;
	struct error err;

	assert_int_equal(hasher_new(hasher, &err), 0);
	assert_int_equal(machine_new(1u << ALG_SHA256, *hasher, &machine, &err), 0);
	return machine;
}

/* What design.md has as the form of the file. */
static const char whole[] =
	"{\"machine\": \"q35\", \"cpus\": 1, \"max_cpus\": 4, \"memory_mib\": 512, \"s3\": false, "
	"\"tseg_mib\": 16,"
	" \"banks\": [\"sha1\", \"sha256\", \"sha384\", \"sha512\"],"
	" \"boot_order\": [{\"pci\": [1, 2], \"description\": \"UEFI Misc Device\"},"
	"                {\"pci\": [3, 0], \"path\": \"Scsi(0x3,0x1)\", \"description\": \"x\"}],"
	" \"option_roms\": [{\"file\": \"efi-virtio.rom\", \"pci\": [3, 0]}, {\"file\": "
	"\"/x.rom\", \"pci\": [4, 0]}],"
	" \"acpi_blobs\": [\"table-loader\", \"tables\"], \"grub_disk\": \"hd0\","
	" \"userspace\": [\"enter-initrd\", \"machine-id\"]}";

static void all_members(void **state)
{
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	const struct machine_facts *facts = &machine->facts;
	struct error err;

	(void)state;
	assert_int_equal(facts_parse(bytes_of_string(whole), "dir/facts.json", machine, &err), 0);
	assert_string_equal(facts->machine, "q35");
	assert_true(facts->has_cpus && facts->has_max_cpus && facts->has_memory_mib &&
		    facts->has_s3 && facts->has_tseg_mib && facts->has_boot_order &&
		    facts->has_acpi_blobs);
	assert_int_equal(facts->cpus, 1);
	assert_int_equal(facts->max_cpus, 4);
	assert_int_equal(facts->memory_mib, 512);
	assert_false(facts->s3);
	assert_int_equal(facts->tseg_mib, 16);
	assert_int_equal(facts->banks,
			 1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512);
	assert_int_equal(facts->n_boot_order, 2);
	assert_int_equal(facts->boot_order[0].path.size, 0);
	assert_memory_equal(facts->boot_order[1].path.data, "\3\2\10\0\3\0\1\0", 8);
	assert_int_equal(facts->boot_order[0].pci_device, 1);
	assert_int_equal(facts->boot_order[0].pci_function, 2);
	assert_string_equal(facts->boot_order[0].description, "UEFI Misc Device");
	assert_int_equal(facts->n_option_roms, 2);
	assert_string_equal(facts->option_roms[0].file, "dir/efi-virtio.rom");
	assert_string_equal(facts->option_roms[1].file, "/x.rom");
	assert_int_equal(facts->option_roms[1].pci_device, 4);
	assert_int_equal(facts->n_acpi_blobs, 2);
	assert_string_equal(facts->acpi_blobs[1], "dir/tables");
	assert_string_equal(facts->grub_disk, "hd0");
	assert_int_equal(facts->n_userspace, 2);
	assert_string_equal(facts->userspace[1], "machine-id");
	machine_free(machine);
	hasher_free(hasher);
}

static void nothing_given(void **state)
{
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct error err;

	(void)state;
	assert_int_equal(facts_parse(bytes_of_string("{}"), "facts.json", machine, &err), 0);
	assert_false(machine->facts.has_cpus);
	assert_null(machine->facts.machine);
	machine_free(machine);
	hasher_free(hasher);
}

static const struct bad_case {
	const char *name, *text, *message;
} bad_cases[] = {
	{"no JSON",                 "{",							      "RFC 8259"				     },
	{ "an array",               "[]",							     "not an object"                                },
	{ "a fact nobody knows",    "{\"cpu\": 1}",						   "no fact is called \"cpu\""                    },
	{ "no number",              "{\"cpus\": \"1\"}",					      "\"cpus\" must be a number from 1 to 65535"    },
	{ "no processor",           "{\"cpus\": 0}",						  "\"cpus\" must be a number from 1 to 65535"    },
	{ "below zero",             "{\"memory_mib\": -1}",                                           "\"memory_mib\" must be a number"              },
	{ "a fraction",             "{\"cpus\": 1.5}",						"\"cpus\" must be a number"                    },
	{ "fewer at most than now", "{\"cpus\": 2, \"max_cpus\": 1}",
         "\"max_cpus\" must be at least"													     },
	{ "another machine",        "{\"machine\": \"virt\"}",                                        "\"q35\" or \"i440fx\""                        },
	{ "no truth value",         "{\"s3\": 1}",						    "\"s3\" must be true or false"                 },
	{ "no banks",               "{\"banks\": []}",						"\"banks\" must be a list of banks"            },
	{ "no bank",                "{\"banks\": [\"md5\"]}",                                         "\"banks\" must be a list of sha1"             },
	{ "no device",              "{\"boot_order\": [{\"description\": \"x\"}]}",
         "\"pci\": [device, function]"													       },
	{ "device too large",       "{\"boot_order\": [{\"pci\": [32, 0], \"description\": \"x\"}]}",
         "\"pci\" must be a number from 0 to 31"												     },
	{ "no description",         "{\"boot_order\": [{\"pci\": [1, 0]}]}",
         "\"description\" must be a string"													  },
	{ "no path",
         "{\"boot_order\": [{\"pci\": [1, 0], \"path\": \"HD(1)\", \"description\": \"x\"}]}",        "\"path\" must be what follows the PCI address"},
	{ "no file",                "{\"option_roms\": [{\"pci\": [1, 0]}]}",                         "\"file\" must be a string"                    },
	{ "blobs that are no list", "{\"acpi_blobs\": \"x\"}",                                        "\"acpi_blobs\" must be a list"                },
	{ "a NUL in a name",        "{\"grub_disk\": \"h\\u0000d\"}",                                 "\"grub_disk\" must be a string"               },
	{ "a word of nobody",       "{\"userspace\": [\"ready\", \"steady\"]}",
         "\"userspace\" must be a list"													      },
	{ "words that are no list", "{\"userspace\": \"ready\"}",                                     "\"userspace\" must be a list"                 },
	{ "a fact twice",           "{\"cpus\": 1, \"cpus\": 2}",                                     "RFC 8259"                                     },
};

static void bad(void **state)
{
	const struct bad_case *row = *state;
	struct hasher *hasher;
	struct machine *machine = new_machine(&hasher);
	struct error err = { 0 };

	assert_int_equal(facts_parse(bytes_of_string(row->text), "facts.json", machine, &err), -1);
	assert_int_equal(err.code, ERROR_MALFORMED);
	assert_string_equal(err.source, "facts.json");
	if (!strstr(err.message, row->message))
		fail_msg("%s", err.message);
	assert_false(machine->facts.has_cpus);
	machine_free(machine);
	hasher_free(hasher);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, all_members);
	TEST(&tests, nothing_given);
	TEST_ROWS(&tests, bad, bad_cases);
	return test_run(&tests, "refgen/boot/facts");
}
