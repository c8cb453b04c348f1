/* SPDX-License-Identifier: BSD-2-Clause */
/* Machine facts, as design.md has them. */
#include <inttypes.h>

#include "core/json_read.h"
#include "core/text.h"
#include "refgen/boot/boot.h"
#include "refgen/firmware/firmware.h"
#include "refgen/systemd/systemd.h"

/* Lists of devices, ROMs and blobs: more than any machine has. */
#define FACTS_LIST_MAX 1024

struct facts {
	struct machine *machine;
	const char *path; /* of the file */
	struct machine_facts out;
};

static int wrong(const struct facts *facts, const char *member, const char *wanted,
		 struct error *err)
{
	return error_set(err, ERROR_MALFORMED, facts->path, ERROR_NO_OFFSET,
			 "machine facts: \"%s\" must be %s", member, wanted);
}

/* A string as a C string of the machine's. */
static int text_of(const struct facts *facts, const struct json_value *value, const char *member,
		   const char **out, struct error *err)
{
	struct bytes text, copy;

	if (!json_value_text(value, &text) || text.size == 0 || memchr(text.data, 0, text.size))
		return wrong(facts, member, "a string", err);
	if (machine_copy(facts->machine, text, &copy, err) < 0)
		return -1;
	*out = (const char *)copy.data;
	return 0;
}

/* A file's name, relative to the facts file. */
static int file_of(const struct facts *facts, const struct json_value *value, const char *member,
		   const char **out, struct error *err)
{
	const char *slash = strrchr(facts->path, '/');

	if (text_of(facts, value, member, out, err) < 0)
		return -1;
	if (**out != '/' && slash)
		*out = machine_text(facts->machine, "%.*s/%s", (int)(slash - facts->path),
				    facts->path, *out);
	return 0;
}

static int uint_of(const struct facts *facts, const struct json_value *value, const char *member,
		   uint64_t min, uint64_t max, uint64_t *out, struct error *err)
{
	char wanted[80];

	snprintf(wanted, sizeof(wanted), "a number from %" PRIu64 " to %" PRIu64, min, max);
	if (!json_value_uint(value, out) || *out < min || *out > max)
		return wrong(facts, member, wanted, err);
	return 0;
}

/* [device, function] on the root bridge. */
static int pci_of(const struct facts *facts, const struct json_value *item, const char *member,
		  uint8_t *device, uint8_t *function, struct error *err)
{
	const struct json_value *pci = json_value_member(item, "pci");
	uint64_t numbers[2];

	if (json_value_count(pci) != 2)
		return wrong(facts, member, "a list of objects with \"pci\": [device, function]",
			     err);
	if (uint_of(facts, json_value_item(pci, 0), "pci", 0, 31, &numbers[0], err) < 0 ||
	    uint_of(facts, json_value_item(pci, 1), "pci", 0, 7, &numbers[1], err) < 0)
		return -1;
	*device = (uint8_t)numbers[0];
	*function = (uint8_t)numbers[1];
	return 0;
}

/* --- members ------------------------------------------------------------------------------------ */

static int read_count(struct facts *facts, const char *member, const struct json_value *value,
		      struct error *err)
{
	struct machine_facts *out = &facts->out;
	uint64_t n;

	if (strcmp(member, "memory_mib") == 0) {
		out->has_memory_mib = true;
		return uint_of(facts, value, member, 1, UINT32_MAX, &out->memory_mib, err);
	}
	if (strcmp(member, "tseg_mib") == 0) {
		if (uint_of(facts, value, member, 0, 65535, &n, err) < 0)
			return -1;
		out->has_tseg_mib = true;
		out->tseg_mib = (uint32_t)n;
		return 0;
	}
	if (uint_of(facts, value, member, 1, 65535, &n, err) < 0)
		return -1;
	if (strcmp(member, "cpus") == 0) {
		out->has_cpus = true;
		out->cpus = (uint32_t)n;
	} else {
		out->has_max_cpus = true;
		out->max_cpus = (uint32_t)n;
	}
	return 0;
}

static int read_machine(struct facts *facts, const char *member, const struct json_value *value,
			struct error *err)
{
	if (text_of(facts, value, member, &facts->out.machine, err) < 0)
		return -1;
	if (strcmp(facts->out.machine, "q35") != 0 && strcmp(facts->out.machine, "i440fx") != 0 &&
	    strcmp(facts->out.machine, "pc") != 0)
		return wrong(facts, member, "\"q35\" or \"i440fx\"", err);
	return 0;
}

static int read_s3(struct facts *facts, const char *member, const struct json_value *value,
		   struct error *err)
{
	facts->out.has_s3 = true;
	return json_value_bool(value, &facts->out.s3) ? 0
						      : wrong(facts, member, "true or false", err);
}

static int read_grub_disk(struct facts *facts, const char *member, const struct json_value *value,
			  struct error *err)
{
	return text_of(facts, value, member, &facts->out.grub_disk, err);
}

/* How many items a list has, of at most FACTS_LIST_MAX, and room for them. */
static void *list_of(struct facts *facts, const char *member, const struct json_value *value,
		     size_t item_size, size_t *n, struct error *err)
{
	long count = json_value_count(value);

	if (count < 0 || count > FACTS_LIST_MAX) {
		wrong(facts, member, "a list of at most 1024 items", err);
		return NULL;
	}
	*n = (size_t)count;
	return machine_take(facts->machine, *n * item_size + 1, err);
}

static int read_banks(struct facts *facts, const char *member, const struct json_value *value,
		      struct error *err)
{
	long n = json_value_count(value);

	if (n <= 0 || n > ALG_BANKS)
		return wrong(facts, member, "a list of banks", err);
	for (long i = 0; i < n; i++) {
		struct bytes name = { 0 };
		enum alg alg = ALG_NONE;

		if (json_value_text(json_value_item(value, (size_t)i), &name))
			alg = alg_of_name(name);
		if (alg >= ALG_BANKS)
			return wrong(facts, member,
				     "a list of sha1, sha256, sha384, sha512, sm3_256", err);
		facts->out.banks |= 1u << alg;
	}
	return 0;
}

/* Device path nodes from text; none where there is no such member. */
static int path_of(const struct facts *facts, const struct json_value *value, struct bytes *out,
		   struct error *err)
{
	AUTO(buf_clear) struct buf nodes = BUF_INIT;
	const char *text;

	if (!value)
		return 0;
	if (text_of(facts, value, "path", &text, err) < 0)
		return -1;
	if (devpath_append_text(&nodes, text) < 0)
		return wrong(facts, "path",
			     "what follows the PCI address, such as \"Scsi(0x0,0x0)\"", err);
	return buf_finish(&nodes, err) < 0 ||
			       machine_copy(facts->machine, buf_bytes(&nodes), out, err) < 0
		       ? -1
		       : 0;
}

static int read_boot_order(struct facts *facts, const char *member, const struct json_value *value,
			   struct error *err)
{
	size_t n;
	struct facts_device *devices = list_of(facts, member, value, sizeof(*devices), &n, err);

	if (!devices)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct json_value *item = json_value_item(value, i);

		if (pci_of(facts, item, member, &devices[i].pci_device, &devices[i].pci_function,
			   err) < 0 ||
		    text_of(facts, json_value_member(item, "description"), "description",
			    &devices[i].description, err) < 0 ||
		    path_of(facts, json_value_member(item, "path"), &devices[i].path, err) < 0)
			return -1;
	}
	facts->out.has_boot_order = true;
	facts->out.boot_order = devices;
	facts->out.n_boot_order = n;
	return 0;
}

static int read_option_roms(struct facts *facts, const char *member, const struct json_value *value,
			    struct error *err)
{
	size_t n;
	struct facts_rom *roms = list_of(facts, member, value, sizeof(*roms), &n, err);

	if (!roms)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct json_value *item = json_value_item(value, i);

		if (pci_of(facts, item, member, &roms[i].pci_device, &roms[i].pci_function, err) <
			    0 ||
		    file_of(facts, json_value_member(item, "file"), "file", &roms[i].file, err) < 0)
			return -1;
	}
	facts->out.option_roms = roms;
	facts->out.n_option_roms = n;
	return 0;
}

static int read_acpi_blobs(struct facts *facts, const char *member, const struct json_value *value,
			   struct error *err)
{
	size_t n;
	const char **blobs = list_of(facts, member, value, sizeof(*blobs), &n, err);

	if (!blobs)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (file_of(facts, json_value_item(value, i), member, &blobs[i], err) < 0)
			return -1;
	facts->out.has_acpi_blobs = true;
	facts->out.acpi_blobs = blobs;
	facts->out.n_acpi_blobs = n;
	return 0;
}

static int read_userspace(struct facts *facts, const char *member, const struct json_value *value,
			  struct error *err)
{
	size_t n;
	const char **words = list_of(facts, member, value, sizeof(*words), &n, err);

	if (!words)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (text_of(facts, json_value_item(value, i), member, &words[i], err) < 0)
			return -1;
		if (!systemd_knows_word(bytes_of_string(words[i])))
			return wrong(
				facts, member,
				"a list of what systemd measures: enter-initrd, leave-initrd, "
				"sysinit, ready, shutdown, final, machine-id, machine-id:..., "
				"file-system:..., nvpcr-init:..., nvpcr-separator, os-separator",
				err);
	}
	facts->out.userspace = words;
	facts->out.n_userspace = n;
	return 0;
}

static const struct fact {
	const char *name;
	int (*read)(struct facts *facts, const char *member, const struct json_value *value,
		    struct error *err);
} members[] = {
	{"machine",      read_machine    },
	{ "cpus",        read_count      },
	{ "max_cpus",    read_count      },
	{ "memory_mib",  read_count      },
	{ "s3",          read_s3         },
	{ "tseg_mib",    read_count      },
	{ "banks",       read_banks      },
	{ "boot_order",  read_boot_order },
	{ "option_roms", read_option_roms},
	{ "acpi_blobs",  read_acpi_blobs },
	{ "grub_disk",   read_grub_disk  },
	{ "userspace",   read_userspace  },
};

static int read_member(void *ctx, struct bytes key, const struct json_value *value,
		       struct error *err)
{
	struct facts *facts = ctx;
	char shown[128];

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (bytes_equal_string(key, members[i].name))
			return members[i].read(facts, members[i].name, value, err);
	return error_set(err, ERROR_MALFORMED, facts->path, ERROR_NO_OFFSET,
			 "machine facts: no fact is called \"%s\"",
			 text_escape(shown, sizeof(shown), key));
}

int facts_parse(struct bytes text, const char *path, struct machine *machine, struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct facts facts = { .machine = machine, .path = path };

	if (json_read(text, path, &document, err) < 0)
		return -1;
	if (!json_value_is_object(document))
		return error_set(err, ERROR_MALFORMED, path, 0, "machine facts: not an object");
	if (json_value_each(document, read_member, &facts, err) < 0)
		return -1;
	if (facts.out.has_cpus && facts.out.has_max_cpus && facts.out.max_cpus < facts.out.cpus)
		return wrong(&facts, "max_cpus", "at least \"cpus\"", err);
	machine->facts = facts.out;
	return 0;
}
