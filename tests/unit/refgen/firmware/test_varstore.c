/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Variable stores, load options, and the boot options that come of them. Real stores are those of
 * tests/vectors; what firmware read out of them is in the event logs beside them.
 */
#include "refgen/firmware/internal.h"

#include <unistd.h>

#include "core/archive.h"
#include "replay/eventlog/eventlog.h"
#include "tests/unit/test.h"

#define VECTORS "tests/vectors/"

/* --- made stores ------------------------------------------------------------------------------ */

#define STORE_AT    0x48
#define RECORDS_AT  0x64
#define STORE_SIZE  0x1000
#define HALF        0x2000
#define WORK_AT     0x1000
#define RECORD_SIZE 60 /* of a header */

static const uint8_t nv_guid[] = { 0x8d, 0x2b, 0xf1, 0xff, 0x96, 0x76, 0x8b, 0x4c,
				   0xa9, 0x85, 0x27, 0x47, 0x07, 0x5b, 0x4f, 0x50 };
static const uint8_t store_guid[] = { 0x78, 0x2c, 0xf3, 0xaa, 0x7b, 0x94, 0x9a, 0x43,
				      0xa1, 0x80, 0x2e, 0x14, 0x4e, 0xc3, 0x77, 0x92 };
static const uint8_t work_guid[] = { 0x2b, 0x29, 0x58, 0x9e, 0x68, 0x7c, 0x7d, 0x49,
				     0xa0, 0xce, 0x65, 0x00, 0xfd, 0x9f, 0x1b, 0x95 };

struct maker {
	uint8_t image[2 * HALF];
	size_t at; /* of the next record */
};

static void put(uint8_t *at, size_t size, uint64_t value)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static void seal(struct maker *maker)
{
	uint16_t sum = 0;

	put(maker->image + 50, 2, 0);
	for (size_t i = 0; i < STORE_AT; i += 2)
		sum = (uint16_t)(sum + (maker->image[i] | maker->image[i + 1] << 8));
	put(maker->image + 50, 2, (uint16_t)-sum);
}

static void make(struct maker *maker)
{
	uint8_t *image = maker->image;

	memset(image, 0xff, sizeof(maker->image));
	memset(image, 0, RECORDS_AT);
	memcpy(image + 16, nv_guid, 16);
	put(image + 32, 8, sizeof(maker->image));
	memcpy(image + 40, "_FVH", 4);
	put(image + 44, 4, 0x4feff);
	put(image + 48, 2, STORE_AT);
	image[55] = 2;
	memcpy(image + STORE_AT, store_guid, 16);
	put(image + STORE_AT + 16, 4, STORE_SIZE - STORE_AT);
	image[STORE_AT + 20] = 0x5a;
	image[STORE_AT + 21] = 0xfe;
	maker->at = RECORDS_AT;
	seal(maker);
}

/* A record of a one-letter name. */
static void record(struct maker *maker, uint8_t state, char name, const char *data)
{
	uint8_t *at = maker->image + maker->at;

	memset(at, 0, RECORD_SIZE);
	put(at, 2, 0x55aa);
	at[2] = state;
	put(at + 4, 4, 7);
	put(at + 36, 4, 4);
	put(at + 40, 4, strlen(data));
	at[44] = (uint8_t)name; /* of the GUID, too */
	at += RECORD_SIZE;
	put(at, 4, (uint8_t)name);
	memcpy(at + 4, data, strlen(data));
	maker->at += (RECORD_SIZE + 4 + strlen(data) + 3) & ~(size_t)3;
}

/* "name=data" of each variable, in order. */
static void list_store(const struct varstore *store, struct buf *out)
{
	for (size_t i = 0; i < store->n_variables; i++) {
		buf_printf(out, "%s%s=", i ? " " : "", store->variables[i].text);
		buf_append(out, store->variables[i].data);
	}
	assert_int_equal(buf_finish(out, NULL), 0);
}

static void assert_store(const struct maker *maker, const char *expected)
{
	struct bytes image = test_copy(bytes_of(maker->image, sizeof(maker->image)));
	AUTO(varstore_clear) struct varstore store = { 0 };
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct error err = { 0 };

	if (varstore_parse(image, "vars", &store, &err) < 0)
		fail_msg("%s", err.message);
	list_store(&store, &text);
	assert_string_equal((const char *)text.data, expected);
	test_drop(image);
}

static void assert_refused(const struct maker *maker, size_t size, enum error_code code,
			   uint64_t offset)
{
	struct bytes image = test_copy(bytes_of(maker->image, size));
	struct varstore store = { 0 };
	struct error err = { 0 };

	assert_int_equal(varstore_parse(image, "vars", &store, &err), -1);
	test_error(&err, code, offset);
	assert_null(store.variables);
	test_drop(image);
}

static void states(void **state)
{
	struct maker maker;

	(void)state;
	make(&maker);
	assert_store(&maker, "");
	record(&maker, 0x3f, 'a', "1");
	record(&maker, 0x3d, 'b', "deleted");
	record(&maker, 0x3c, 'c', "deleted");
	record(&maker, 0x7f, 'd', "not yet");
	record(&maker, 0x3e, 'e', "old");
	record(&maker, 0x3e, 'f', "only");
	record(&maker, 0x3f, 'e', "new");
	record(&maker, 0x3f, 'g', "");
	assert_store(&maker, "a=1 f=only e=new g=");
}

/* A header whose sizes were not written: the next record comes right behind it. */
static void half_written(void **state)
{
	struct maker maker;
	size_t at;

	(void)state;
	make(&maker);
	record(&maker, 0x3f, 'a', "1");
	at = maker.at;
	memset(maker.image + at, 0xff, RECORD_SIZE);
	put(maker.image + at, 2, 0x55aa);
	maker.at += RECORD_SIZE;
	record(&maker, 0x3f, 'b', "2");
	assert_store(&maker, "a=1 b=2");
}

/* A reclaim that had written the spare blocks and not yet the store. */
static void interrupted(void **state)
{
	struct maker maker;
	uint8_t *work, *spare;

	(void)state;
	make(&maker);
	record(&maker, 0x3f, 'a', "old");
	spare = maker.image + HALF;
	memcpy(spare, maker.image, RECORDS_AT);
	maker.at = HALF + RECORDS_AT;
	record(&maker, 0x3f, 'a', "new");
	assert_store(&maker, "a=old");

	work = maker.image + WORK_AT;
	memcpy(work, work_guid, 16);
	put(work + 24, 8, 0x1000 - 32);
	work[32] = 0xfc;           /* header and writes are there, not complete */
	put(work + 32 + 24, 8, 1); /* one write */
	put(work + 32 + 32, 8, 0); /* no private data */
	work[72] = 0xfd;           /* the spare blocks are complete */
	assert_store(&maker, "a=new");
	work[72] = 0xf9; /* and so is the destination */
	assert_store(&maker, "a=old");
	work[72] = 0xfd;
	work[32] = 0xf8; /* all is complete */
	assert_store(&maker, "a=old");
}

static void refused(void **state)
{
	struct maker maker, bad;

	(void)state;
	make(&maker);
	record(&maker, 0x3f, 'a', "1");
	assert_refused(&maker, 0, ERROR_UNSUPPORTED, ERROR_NO_OFFSET);
	assert_refused(&maker, HALF, ERROR_TRUNCATED, 32);
	bad = maker;
	bad.image[0] = 1;
	assert_refused(&bad, sizeof(bad.image), ERROR_MALFORMED, 50);
	bad = maker;
	bad.image[STORE_AT] = 0;
	assert_refused(&bad, sizeof(bad.image), ERROR_UNSUPPORTED, STORE_AT);
	bad = maker;
	bad.image[STORE_AT + 21] = 0xff;
	assert_refused(&bad, sizeof(bad.image), ERROR_MALFORMED, STORE_AT + 20);
	bad = maker;
	put(bad.image + STORE_AT + 16, 4, 0x10000);
	assert_refused(&bad, sizeof(bad.image), ERROR_MALFORMED, STORE_AT + 16);
	bad = maker;
	put(bad.image + RECORDS_AT + 40, 4, 0x10000);
	assert_refused(&bad, sizeof(bad.image), ERROR_TRUNCATED, RECORDS_AT + RECORD_SIZE + 4);
	bad = maker;
	put(bad.image + RECORDS_AT + 36, 4, 3); /* not UTF-16 */
	assert_refused(&bad, sizeof(bad.image), ERROR_MALFORMED, RECORDS_AT + RECORD_SIZE);
	bad = maker;
	bad.image[RECORDS_AT + RECORD_SIZE + 2] = 'b'; /* no end */
	assert_refused(&bad, sizeof(bad.image), ERROR_MALFORMED, RECORDS_AT + RECORD_SIZE);
}

/* Cut anywhere and changed anywhere: an error or a store, never more. */
static void hostile(void **state)
{
	struct maker maker;

	(void)state;
	make(&maker);
	record(&maker, 0x3f, 'a', "1");
	record(&maker, 0x3e, 'b', "22");
	for (size_t i = 0; i < maker.at; i++)
		for (unsigned bit = 0; bit < 8; bit++) {
			struct varstore store = { 0 };
			struct error err;
			struct bytes image;

			maker.image[i] ^= (uint8_t)(1u << bit);
			if (bit == 0) {
				image = test_copy(bytes_of(maker.image, i));
				if (varstore_parse(image, "vars", &store, &err) == 0)
					fail_msg("a store cut at %zu is read", i);
				test_drop(image);
			}
			if (i >= 52)
				seal(&maker);
			if (varstore_parse(bytes_of(maker.image, sizeof(maker.image)), "vars",
					   &store, &err) == 0)
				varstore_clear(&store);
			maker.image[i] ^= (uint8_t)(1u << bit);
		}
}

static void out_of_memory(void **state)
{
	struct maker maker;
	unsigned n = 0;

	(void)state;
	make(&maker);
	record(&maker, 0x3f, 'a', "1");
	for (;;) {
		struct varstore store = { 0 };
		struct error err;
		int status;

		test_alloc_fail(++n);
		status = varstore_parse(bytes_of(maker.image, sizeof(maker.image)), "vars", &store,
					&err);
		if (!test_alloc_failed()) {
			test_alloc_fail(0);
			assert_int_equal(status, 0);
			varstore_clear(&store);
			break;
		}
		assert_int_equal(status, -1);
		assert_int_equal(err.code, ERROR_SYSTEM);
	}
	assert_true(n > 2);
}

/* --- real stores ------------------------------------------------------------------------------ */

static const struct capture {
	const char *name, *code;
} captures[] = {
	{"sb-grub",     "OVMF_CODE_4M.ms.fd"},
	{ "uki-sdboot", "OVMF_CODE_4M.fd"   },
	{ "efistub",    "OVMF_CODE_4M.fd"   },
};

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

static struct bytes log_of(const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), VECTORS "captures/%s/binary_bios_measurements", name);
	return test_file(path);
}

/* The next event of this type in the log: its data. */
static bool next_of(struct eventlog *log, uint32_t type, struct bytes *data)
{
	struct record event;
	struct error err;

	while (eventlog_next(log, &event, &err) > 0)
		if (event.type == type) {
			*data = event.data;
			return true;
		}
	return false;
}

/* PK, KEK, db and dbx as firmware measured them. */
static void keys(void **state)
{
	static const struct {
		const struct guid *guid;
		const char *name;
	} rows[] = {
		{&guid_global_variable,  "PK" },
		{ &guid_global_variable, "KEK"},
		{ &guid_image_security,  "db" },
		{ &guid_image_security,  "dbx"}
	};
	const struct capture *row = *state;
	struct bytes image = vars_of(row->name), bytes = log_of(row->name), measured;
	AUTO(varstore_clear) struct varstore store = { 0 };
	struct eventlog log;
	struct error err = { 0 };

	assert_int_equal(varstore_parse(image, "vars", &store, &err), 0);
	assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
	assert_true(next_of(&log, EV_EFI_VARIABLE_DRIVER_CONFIG, &measured)); /* SecureBoot */
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct variable *variable = varstore_find(&store, rows[i].guid, rows[i].name);
		AUTO(buf_clear) struct buf over = BUF_INIT;

		assert_true(next_of(&log, EV_EFI_VARIABLE_DRIVER_CONFIG, &measured));
		guid_append_variable_data(&over, rows[i].guid, rows[i].name,
					  variable ? variable->data : bytes_of(NULL, 0));
		test_bytes(buf_bytes(&over), measured);
	}
	test_drop(bytes);
	test_drop(image);
}

/* All files are there, on the first device. */
static int file_is_there(void *ctx, const struct boot_target *target, size_t *device,
			 struct error *err)
{
	(void)ctx;
	(void)target;
	(void)err;
	*device = 0;
	return 1;
}

/* BootOrder and Boot#### as firmware measured them. */
static void boot_options(void **state)
{
	static const struct boot_device disk = { .pci_device = 1,
						 .description = "UEFI Misc Device" };
	const struct capture *row = *state;
	struct bytes image = vars_of(row->name), bytes = log_of(row->name), code, measured;
	AUTO(varstore_clear) struct varstore store = { 0 };
	AUTO(firmware_clear) struct firmware firmware = { 0 };
	AUTO(boot_list_clear) struct boot_list list = { 0 };
	AUTO(buf_clear) struct buf order = BUF_INIT, over = BUF_INIT;
	struct boot_input input = { .firmware = &firmware,
				    .store = &store,
				    .devices = &disk,
				    .n_devices = 1,
				    .find_file = file_is_there };
	struct eventlog log;
	struct error err = { 0 };
	char path[256];

	snprintf(path, sizeof(path), "/usr/share/OVMF/%s", row->code);
	if (access(path, R_OK) < 0) {
		test_drop(image);
		test_drop(bytes);
		skip();
	}
	code = test_file(path);
	assert_int_equal(varstore_parse(image, "vars", &store, &err), 0);
	assert_int_equal(firmware_open(code, path, &firmware, &err), 0);
	assert_int_equal(eventlog_open(&log, bytes, "log", &err), 0);
	if (boot_list_make(&input, &list, &err) < 0)
		fail_msg("%s", err.message);
	for (size_t i = 0; i < list.n_entries; i++)
		buf_append_le16(&order, list.entries[i].number);
	guid_append_variable_data(&over, &guid_global_variable, "BootOrder", buf_bytes(&order));
	assert_true(next_of(&log, EV_EFI_VARIABLE_BOOT, &measured));
	test_bytes(buf_bytes(&over), measured);
	for (size_t i = 0; i < list.n_entries; i++) {
		char name[16];

		over.size = 0;
		snprintf(name, sizeof(name), "Boot%04X", list.entries[i].number);
		guid_append_variable_data(&over, &guid_global_variable, name,
					  buf_bytes(&list.entries[i].data));
		assert_true(next_of(&log, EV_EFI_VARIABLE_BOOT, &measured));
		test_bytes(buf_bytes(&over), measured);
		assert_null(list.entries[i].unknown);
	}
	assert_false(next_of(&log, EV_EFI_VARIABLE_BOOT, &measured));
	test_drop(code);
	test_drop(bytes);
	test_drop(image);
}

/* Options of devices alone; the DVD drive's as OVMF 2022.11 measured it on a q35 machine of QEMU 7.2. */
static const struct device_case {
	const char *name;
	struct boot_device device;
	const char *hex; /* of its option; NULL: not known */
} device_cases[] = {
	{"virtio disk",
         { 1, 0, "UEFI Misc Device", { 0 } },
         "010000001600550045004600490020004d006900730063002000440065007600690063006500000002010c00"
	  "d041030a000000000101060000017fff04004eac0881119f594d850ee21a522c59b2" },
	{ "DVD drive",
         { 31, 2, "UEFI QEMU DVD-ROM QM00005 ", { 0 } },
         "01000000200055004500460049002000510045004d00550020004400560044002d0052004f004d0020005100"
	  "4d"
	  "00300030003000300035002000000002010c00d041030a0000000001010600021f03120a000200ffff0000"
	  "7fff04004eac0881119f594d850ee21a522c59b2"                             },
	{ "even serial",   { 31, 2, "UEFI QEMU DVD-ROM QM00004 ", { 0 } },   NULL},
	{ "longer serial", { 31, 2, "UEFI QEMU DVD-ROM QM000050", { 0 } },   NULL},
	{ "elsewhere",     { 30, 2, "UEFI QEMU DVD-ROM QM00005 ", { 0 } },   NULL},
	{ "network",       { 3, 0, "UEFI PXEv4 (MAC:525400123456)", { 0 } }, NULL},
};

static void device_options(void **state)
{
	const struct device_case *row = *state;
	AUTO(boot_list_clear) struct boot_list list = { 0 };
	struct boot_input input = { .devices = &row->device, .n_devices = 1 };
	struct error err = { 0 };

	assert_int_equal(boot_list_make(&input, &list, &err), 0);
	assert_int_equal(list.n_entries, 1);
	assert_int_equal(!row->hex, list.entries[0].unknown != NULL);
	if (row->hex)
		test_bytes_hex(buf_bytes(&list.entries[0].data), row->hex);
}

/* --- load options ----------------------------------------------------------------------------- */

#define HD_NODE                                                                                    \
	"04012a00 01000000 0008000000000000 0000020000000000 "                                     \
	"7361656d727564652d626f6f74000002 0202"

static const struct option_case {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
	enum boot_target_kind kind;
	uint32_t partition;
	const char *file, *optional; /* hex */
} option_cases[] = {
	{"partition and file",
         "01000000 3a00 6100 0000" HD_NODE "04040c00 5c006100 61000000 7fff0400 f00d",                         ERROR_NONE,
         0,															TARGET_PARTITION,     1, "5c0061006100", "f00d"},
	{ "partition",                    "01000000 2e00 0000" HD_NODE "7fff0400",                             ERROR_NONE,      0, TARGET_PARTITION,     1,
         "",																				""    },
	{ "disk",			 "01000000 1600 0000 02010c00d041030a00000000 010106000001 7fff0400", ERROR_NONE,
         0,															TARGET_DEVICE,        0, "",             ""    },
	{ "disk and partition",
         "01000000 4000 0000 02010c00d041030a00000000 010106000001" HD_NODE "7fff0400",                        ERROR_NONE,
         0,															TARGET_DEVICE,        1, "",             ""    },
	{ "file of the firmware",
         "09010000 2c00 0000 04071400c9bdb87cebf8344faaea3ee4af6516a1 "
	  "0406140021aa2c4614760345836e8ab6f4662331 7fff0400",						 ERROR_NONE,      0, TARGET_FIRMWARE_FILE, 0, "",             ""    },
	{ "nothing known",                "01000000 0a00 0000 030b0600aabb 7fff0400",                          ERROR_NONE,      0, TARGET_OTHER,
         0,																		 "",             ""    },
	{ "empty",			"",								  ERROR_TRUNCATED, 0, 0,                    0, NULL,           NULL  },
	{ "no end of the description",    "01000000 0400 6100",                                                ERROR_TRUNCATED, 8, 0,                    0, NULL,           NULL  },
	{ "path cut short",               "01000000 0800 0000 7fff0400",                                       ERROR_TRUNCATED, 8, 0,                    0, NULL,           NULL  },
	{ "path without end",             "01000000 0600 0000 030b0600aabb",                                   ERROR_MALFORMED, 8, 0,                    0, NULL,
         NULL																				     },
	{ "node shorter than its header", "01000000 0800 0000 030b0300 7fff0400",                              ERROR_MALFORMED,
         8,															0,		    0, NULL,           NULL  },
	{ "node longer than the path",    "01000000 0800 0000 030b0900 7fff0400",                              ERROR_MALFORMED, 8,
         0,																	      0, NULL,           NULL  },
};

static void options(void **state)
{
	const struct option_case *row = *state;
	struct bytes data = test_hex(row->hex);
	AUTO(buf_clear) struct buf again = BUF_INIT;
	struct boot_option option;
	struct boot_target target;
	struct error err = { 0 };
	int status = boot_option_parse(data, 0, "option", &option, &err);

	if (row->code != ERROR_NONE) {
		assert_int_equal(status, -1);
		test_error(&err, row->code, row->offset);
	} else {
		if (status < 0)
			fail_msg("%s", err.message);
		boot_target_parse(devpath_first(option.path), &target);
		assert_int_equal(target.kind, row->kind);
		assert_int_equal(target.partition, row->partition);
		test_bytes_hex(target.file_path, row->file);
		test_bytes_hex(option.optional, row->optional);
		boot_option_append(&again, &option);
		test_bytes(buf_bytes(&again), data);
	}
	test_drop(data);
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST(&tests, states);
	TEST(&tests, half_written);
	TEST(&tests, interrupted);
	TEST(&tests, refused);
	TEST(&tests, hostile);
	TEST(&tests, out_of_memory);
	TEST_ROWS(&tests, keys, captures);
	TEST_ROWS(&tests, boot_options, captures);
	TEST_ROWS(&tests, device_options, device_cases);
	TEST_ROWS(&tests, options, option_cases);
	return test_run(&tests, "refgen/firmware/varstore");
}
