/* SPDX-License-Identifier: BSD-2-Clause */
/* What an event's data says, as views of it. What does not fit its type stays raw, with the reason. */
#include <inttypes.h>

#include "core/text.h"
#include "replay/eventlog/internal.h"

/* An event of a type whose data did not fit. */
static void raw(struct event *out, const char *problem, uint64_t offset)
{
	*out = (struct event){ .kind = EVENT_RAW, .problem = problem, .problem_offset = offset };
}

static void left_over(struct event *out, const struct reader *in, const char *problem)
{
	if (out->problem || in->ran_out || in->pos == in->size)
		return;
	out->problem = problem;
	out->problem_offset = reader_offset(in);
}

/* --- text --------------------------------------------------------------------------------------- */

static bool printable_utf8(struct bytes text)
{
	size_t pos = 0;

	while (pos < text.size) {
		uint32_t code = 0;
		size_t n;

		if (text.data[pos] >= 0x20 && text.data[pos] < 0x7f) { /* as most text is */
			pos++;
			continue;
		}
		n = utf8_next(text.data + pos, text.size - pos, &code);
		if (n == 0 ||
		    !(text_printable(code) || code == '\t' || code == '\n' || code == '\r'))
			return false;
		pos += n;
	}
	return true;
}

/*
 * Any two bytes are a character of something: only what is Latin, and for the most part ASCII, is
 * taken for UTF-16.
 */
static bool printable_utf16(struct bytes text)
{
	size_t n_ascii = 0;

	if (text.size % 2)
		return false;
	for (size_t i = 0; i < text.size; i += 2) {
		uint32_t code = (uint32_t)(text.data[i] | text.data[i + 1] << 8);

		if (code >= 0x250 || !(text_printable(code) || code == '\t' || code == '\n'))
			return false;
		n_ascii += code < 0x80;
	}
	return 4 * n_ascii >= text.size;
}

/* Data that is text, however it is written and ended; false if it is none. */
static bool text_decode(struct bytes data, struct event_text *out)
{
	struct event_text text = { .text = nul_trim(data) };

	if (!printable_utf8(text.text)) {
		text.utf16 = true;
		text.text = data.size % 2 ? data : utf16_trim(data);
		if (!printable_utf16(text.text))
			return false;
	}
	*out = text;
	return true;
}

void event_text_append(struct buf *out, const struct event_text *text)
{
	if (text->utf16)
		text_append_utf16le(out, text->text);
	else
		buf_append(out, text->text);
}

static void text_of_use(const struct record *record, enum text_use use, struct event *out)
{
	if (!text_decode(record->data, &out->text)) {
		out->kind = EVENT_RAW;
		return;
	}
	out->kind = EVENT_TEXT;
	out->text.use = use;
}

static void decode_text(const struct record *record, struct event *out)
{
	text_of_use(record, TEXT_PLAIN, out);
}

/* --- boot loaders' texts (EV_IPL) --------------------------------------------------------------- */

static const struct ipl_prefix {
	const char *text;
	enum text_use use;
} ipl_prefixes[] = {
	{"grub_cmd: ",            TEXT_GRUB_COMMAND  }, /* GRUB, grub-core/commands/tpm.c */
	{ "kernel_cmdline: ",     TEXT_KERNEL_CMDLINE},
	{ "module_cmdline: ",     TEXT_MODULE_CMDLINE},
	{ "grub_cmd ",            TEXT_GRUB_COMMAND  }, /* older patches, as of CoreOS */
	{ "grub_kernel_cmdline ", TEXT_KERNEL_CMDLINE},
	{ "grub_module_cmdline ", TEXT_MODULE_CMDLINE},
};

static bool utf16_ends(struct bytes utf16, const char *ascii)
{
	size_t n = 2 * strlen(ascii);

	return utf16.size >= n && utf16_equal(bytes_of(utf16.data + utf16.size - n, n), ascii);
}

/* systemd's boot loader and stub write UTF-16, GRUB and shim do not. CCEL logs have no PCR 12. */
static enum text_use utf16_use(const struct event_text *text)
{
	if (text->text.size && text->text.data[0] == '.')
		return TEXT_UKI_SECTION;
	if (utf16_ends(text->text, " initrd") || utf16_ends(text->text, " initrds"))
		return TEXT_INITRD_ARCHIVE;
	return TEXT_KERNEL_CMDLINE;
}

/*
 * A text behind one of GRUB's prefixes, up to its NUL. Patched GRUBs log a byte after the NUL that
 * is nothing (CCEL_AAEL_alibabacloud and CCEL_data_csv of confidential-containers/trustee).
 */
static bool decode_prefixed(const struct record *record, const struct ipl_prefix *row,
			    struct event *out)
{
	struct bytes data = record->data, prefix = bytes_of_string(row->text), text;
	const uint8_t *end;

	if (!bytes_start_with(data, prefix))
		return false;
	text = bytes_of(data.data + prefix.size, data.size - prefix.size);
	end = text.size ? memchr(text.data, 0, text.size) : NULL;
	if (end)
		text.size = (size_t)(end - text.data);
	if (!printable_utf8(text))
		return false;
	out->kind = EVENT_TEXT;
	out->text = (struct event_text){
		.use = row->use,
		.prefix = bytes_of(data.data, prefix.size),
		.text = text,
	};
	return true;
}

/* The same byte behind texts without a known prefix: "grub_linuxefi Kernel", NUL, anything. */
static void decode_stray(const struct record *record, struct event *out)
{
	struct bytes data = record->data, text;

	if (data.size < 3 || data.data[data.size - 2])
		return;
	text = bytes_of(data.data, data.size - 2);
	if (!printable_utf8(text))
		return;
	out->kind = EVENT_TEXT;
	out->text = (struct event_text){ .use = TEXT_COMPONENT, .text = text };
}

static void decode_ipl(const struct record *record, struct event *out)
{
	struct event_text *text = &out->text;

	for (size_t i = 0; i < ARRAY_SIZE(ipl_prefixes); i++)
		if (decode_prefixed(record, &ipl_prefixes[i], out))
			return;
	decode_text(record, out);
	if (out->kind != EVENT_TEXT) {
		decode_stray(record, out);
		return;
	}
	if (text->utf16)
		text->use = utf16_use(text);
	else if (record->pcr == 14 || bytes_start_with(text->text, bytes_of_string("Mok")))
		text->use = TEXT_MOK_VARIABLE;
	else if (record->pcr == 9 || bytes_start_with(text->text, bytes_of_string("/")) ||
		 bytes_start_with(text->text, bytes_of_string("(")))
		text->use = TEXT_FILE;
}

bool event_kernel_cmdline(const struct event *event, struct buf *out)
{
	if (event->kind != EVENT_TEXT || event->text.use != TEXT_KERNEL_CMDLINE)
		return false;
	event_text_append(out, &event->text);
	return true;
}

/* --- variables ---------------------------------------------------------------------------------- */

static bool is_any(struct bytes name, const char *const *names, size_t n_names)
{
	for (size_t i = 0; i < n_names; i++)
		if (utf16_equal(name, names[i]))
			return true;
	return false;
}

/* Boot0001: a word, then four hex digits. */
static bool is_numbered(struct bytes name, const char *word)
{
	size_t n = 2 * strlen(word);

	if (name.size != n + 8 || !utf16_equal(bytes_of(name.data, n), word))
		return false;
	for (size_t i = n; i < name.size; i += 2) {
		uint8_t c = name.data[i];

		if (name.data[i + 1] ||
		    !((c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f')))
			return false;
	}
	return true;
}

/* A DER SEQUENCE of exactly this size, as every certificate is. */
static bool is_certificate(struct bytes data)
{
	return data.size > 4 && data.data[0] == 0x30 && data.data[1] == 0x82 &&
	       (size_t)(data.data[2] << 8 | data.data[3]) == data.size - 4;
}

static enum variable_content variable_classify(const struct event_variable *variable, uint32_t type)
{
	static const char *const signature_lists[] = {
		"PK",        "KEK",        "db",          "dbx",     "dbt",
		"dbr",       "vendor_db",  "vendor_dbx",  "MokList", "MokListX",
		"MokListRT", "MokListXRT", "devAuthBoot",
	};
	static const char *const flags[] = {
		"SecureBoot",  "SetupMode",      "AuditMode",        "DeployedMode",
		"VendorKeys",  "MokSBState",     "MokSBStateRT",     "MokDBState",
		"MokIgnoreDB", "MokListTrusted", "MokListTrustedRT", "MokPolicy",
	};
	static const char *const orders[] = { "BootOrder", "DriverOrder", "SysPrepOrder" };
	static const char *const texts[] = { "SbatLevel", "SbatLevelRT", "SbatPolicy" };
	struct bytes name = variable->name, data = variable->data;

	if (data.size == 0)
		return VARIABLE_EMPTY;
	if (data.size == 1 && is_any(name, flags, ARRAY_SIZE(flags)))
		return VARIABLE_FLAG;
	if (is_any(name, texts, ARRAY_SIZE(texts)) && printable_utf8(nul_trim(data)))
		return VARIABLE_TEXT;
	if (is_any(name, orders, ARRAY_SIZE(orders)) && data.size % 2 == 0)
		return VARIABLE_BOOT_ORDER;
	if (is_numbered(name, "Boot") || is_numbered(name, "Driver") ||
	    is_numbered(name, "SysPrep"))
		return VARIABLE_LOAD_OPTION;
	if (type == EV_EFI_VARIABLE_AUTHORITY || type == EV_EFI_SPDM_DEVICE_AUTHORITY) {
		if (is_certificate(data))
			return VARIABLE_CERTIFICATE;
		return data.size > sizeof(struct efi_guid) ? VARIABLE_SIGNATURE : VARIABLE_BYTES;
	}
	if (is_any(name, signature_lists, ARRAY_SIZE(signature_lists)))
		return VARIABLE_SIGNATURES;
	return VARIABLE_BYTES;
}

static void decode_variable(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);
	struct event_variable *variable = &out->variable;
	uint64_t name_length, data_size;

	variable->guid = efi_guid_read(&in);
	name_length = reader_le64(&in);
	data_size = reader_le64(&in);
	if (in.ran_out) {
		raw(out, "shorter than the header of a variable", in.ran_out_at);
		return;
	}
	if (name_length > reader_left(&in) / 2) {
		raw(out, "a variable's name is longer than the event", reader_offset(&in) - 16);
		return;
	}
	out->kind = EVENT_VARIABLE;
	variable->name = utf16_trim(reader_bytes(&in, 2 * (size_t)name_length));
	variable->data_offset = reader_offset(&in);
	if (data_size > reader_left(&in)) {
		out->problem = "a variable's data is longer than the event";
		out->problem_offset = variable->data_offset;
		data_size = reader_left(&in);
	}
	variable->data = reader_bytes(&in, (size_t)data_size);
	left_over(out, &in, "bytes after a variable's data");
	variable->content = variable_classify(variable, record->type);
}

/* --- images ------------------------------------------------------------------------------------- */

/* The text of the last file path node of a device path (UEFI 10.3.5.4); empty without one. */
static struct bytes device_path_file(struct bytes path)
{
	struct reader in = reader_of(path, 0, NULL);
	struct bytes file = { NULL, 0 };

	while (reader_left(&in) >= 4) {
		uint8_t type = reader_u8(&in), subtype = reader_u8(&in);
		uint16_t size = reader_le16(&in);
		struct bytes body;

		if (size < 4 || size - 4u > reader_left(&in))
			break;
		body = reader_bytes(&in, size - 4u);
		if (type == 0x04 && subtype == 0x04)
			file = utf16_until_nul(body);
	}
	return file;
}

static void decode_image(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);
	struct event_image *image = &out->image;
	uint64_t path_size;

	out->kind = EVENT_IMAGE;
	image->address = reader_le64(&in);
	image->size = reader_le64(&in);
	image->link_address = reader_le64(&in);
	path_size = reader_le64(&in);
	if (in.ran_out) {
		raw(out, "shorter than the header of an image load event", in.ran_out_at);
		return;
	}
	if (path_size > reader_left(&in)) {
		out->problem = "a device path is longer than the event";
		out->problem_offset = reader_offset(&in) - 8;
		path_size = reader_left(&in);
	}
	image->device_path = reader_bytes(&in, (size_t)path_size);
	image->file = device_path_file(image->device_path);
	left_over(out, &in, "bytes after a device path");
}

/* --- partition tables --------------------------------------------------------------------------- */

/* The fields of an entry that are read; UEFI 5.3.3 has 128 bytes or a power of two times that. */
#define GPT_ENTRY_MIN 128

static void decode_gpt(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);
	struct event_gpt *gpt = &out->gpt;
	struct bytes signature = reader_bytes(&in, 8);
	size_t size;

	out->kind = EVENT_GPT;
	reader_skip(&in, 4); /* revision */
	gpt->header_size = reader_le32(&in);
	reader_skip(&in, 4 + 4 + 8 + 8); /* CRC, reserved, own and alternate LBA */
	gpt->first_usable = reader_le64(&in);
	gpt->last_usable = reader_le64(&in);
	gpt->disk = efi_guid_read(&in);
	reader_skip(&in, 8 + 4); /* LBA of the entries, their number on disk */
	gpt->entry_size = reader_le32(&in);
	reader_skip(&in, 4); /* CRC of the entries */
	gpt->n_entries = reader_le64(&in);
	if (in.ran_out || !bytes_equal_string(signature, "EFI PART")) {
		raw(out, "no GPT header", record->data_offset);
		return;
	}
	if (gpt->entry_size < GPT_ENTRY_MIN) {
		raw(out, "GPT entries smaller than 128 bytes", reader_offset(&in) - 16);
		return;
	}
	if (gpt->n_entries > reader_left(&in) / gpt->entry_size) {
		out->problem = "more GPT entries than the event holds";
		out->problem_offset = reader_offset(&in) - 8;
		gpt->n_entries = reader_left(&in) / gpt->entry_size;
	}
	size = (size_t)gpt->n_entries * gpt->entry_size;
	gpt->entries = reader_bytes(&in, size);
	left_over(out, &in, "bytes after the GPT entries");
}

struct gpt_entry gpt_entry_at(const struct event_gpt *gpt, uint64_t i)
{
	struct reader in = reader_of(gpt->entries, 0, NULL);
	struct gpt_entry entry;

	reader_skip(&in, (size_t)i * gpt->entry_size);
	entry.type = efi_guid_read(&in);
	entry.partition = efi_guid_read(&in);
	entry.first = reader_le64(&in);
	entry.last = reader_le64(&in);
	entry.attributes = reader_le64(&in);
	entry.name = utf16_until_nul(reader_bytes(&in, 72));
	return entry;
}

/* --- firmware and tables ------------------------------------------------------------------------ */

/* UEFI_PLATFORM_FIRMWARE_BLOB: address and size, nothing else. */
static bool decode_blob(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	if (record->data.size != 16)
		return false;
	out->kind = EVENT_BLOB;
	out->blob.base = reader_le64(&in);
	out->blob.size = reader_le64(&in);
	return true;
}

/* Types whose data is an address and a size, or only a name, as the firmware likes. */
static void decode_component(const struct record *record, struct event *out)
{
	text_of_use(record, TEXT_COMPONENT, out);
	if (out->kind == EVENT_TEXT)
		return;
	if (!decode_blob(record, out))
		out->kind = EVENT_RAW;
}

/* A length of one byte, and that much text. */
static struct bytes short_text(struct reader *in)
{
	return nul_trim(reader_bytes(in, reader_u8(in)));
}

static void decode_blob2(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	out->kind = EVENT_BLOB;
	out->blob.described = true;
	out->blob.description = short_text(&in);
	out->blob.base = reader_le64(&in);
	out->blob.size = reader_le64(&in);
	if (in.ran_out)
		raw(out, "shorter than a firmware blob with a description", in.ran_out_at);
	else
		left_over(out, &in, "bytes after a firmware blob");
}

static void tables_read(const struct record *record, struct reader *in, struct event *out)
{
	uint64_t n = reader_le64(in);

	out->kind = EVENT_TABLES;
	if (in->ran_out) {
		raw(out, "shorter than a list of tables", in->ran_out_at);
		return;
	}
	if (n > reader_left(in) / 24) {
		raw(out, "more tables than the event holds", record->data_offset);
		return;
	}
	out->tables.n_tables = n;
	out->tables.tables = reader_bytes(in, (size_t)n * 24);
	left_over(out, in, "bytes after the tables");
}

static void decode_tables(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	tables_read(record, &in, out);
}

static void decode_tables2(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	out->tables.described = true;
	out->tables.description = short_text(&in);
	tables_read(record, &in, out);
}

/* --- tagged events ------------------------------------------------------------------------------ */

static const struct tag {
	uint32_t id;
	const char *name;
	bool covered; /* the digest is over the event's data */
} tags[] = {
  /* systemd, src/boot; the digests are over what the text names. */
	{0xf5bc582a,  "systemd loader.conf",          false},
	{ 0x6c46f751, "systemd devicetree addon",     false},
	{ 0x49dffe0f, "systemd initrd addon",         false},
	{ 0xdac08e1a, "systemd microcode addon",      false},
	{ 0x13aed6db, "systemd UKI profile",          false},
	{ 0xd5cb7cbc, "systemd SMBIOS type 1",        false},
	{ 0xe0d47bc8, "systemd SMBIOS type 2",        false},
	{ 0xc0b3bd23, "systemd SMBIOS type 11",       false},
 /* Linux, drivers/firmware/efi/libstub */
	{ 0x8f3b22ec, "Linux initrd",                 false},
	{ 0x8f3b22ed, "Linux load options",           false},
 /* Windows, wbcl.h: SIPAEVENT containers */
	{ 0x00060002, "Windows authority public key", true },
	{ 0x40010001, "Windows trust boundary",       true },
	{ 0x40010002, "Windows ELAM aggregation",     true },
	{ 0x40010003, "Windows loaded module",        true },
	{ 0xc0010004, "Windows trust point",          true },
	{ 0x40010005, "Windows KSR aggregation",      true },
};

static void decode_tagged(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);
	struct event_tagged *tagged = &out->tagged;
	struct event_text text;
	uint32_t size;

	out->kind = EVENT_TAGGED;
	tagged->id = reader_le32(&in);
	size = reader_le32(&in);
	if (in.ran_out || size > reader_left(&in)) {
		/* Some firmware puts text, or a structure of its own, where a tag should be. */
		decode_text(record, out);
		if (out->kind == EVENT_RAW)
			raw(out, "no tagged event: its size is not that of the data",
			    record->data_offset);
		return;
	}
	tagged->data = reader_bytes(&in, size);
	left_over(out, &in, "bytes after a tagged event");
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++) {
		if (tags[i].id == tagged->id) {
			tagged->name = tags[i].name;
			tagged->covered = tags[i].covered;
		}
	}
	if (tagged->data.size && text_decode(tagged->data, &text)) {
		tagged->text = true;
		tagged->utf16 = text.utf16;
	}
}

/* --- EV_NO_ACTION ------------------------------------------------------------------------------- */

/* TCG_Sp800_155_PlatformId_Event, _Event2, _Event3 (PFP 10.4.5). */
static void decode_sp800_155(const struct record *record, unsigned version, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);
	struct event_sp800_155 *id = &out->sp800_155;

	out->kind = EVENT_SP800_155;
	reader_skip(&in, SIGNATURE_SIZE);
	id->version = version;
	id->vendor_id = reader_le32(&in);
	id->reference = efi_guid_read(&in);
	if (version >= 2) {
		id->manufacturer = short_text(&in);
		id->model = short_text(&in);
		id->platform_version = short_text(&in);
		id->firmware_manufacturer = short_text(&in);
		id->firmware_vendor_id = reader_le32(&in);
		id->firmware_version = short_text(&in);
	}
	if (version >= 3) {
		id->rim_locator_type = reader_le32(&in);
		id->rim_locator = reader_bytes(&in, reader_le32(&in));
		reader_skip(&in, 4); /* type of the platform certificate's locator */
		reader_skip(&in, reader_le32(&in));
	}
	if (in.ran_out)
		raw(out, "cut short inside an SP800-155 event", in.ran_out_at);
}

/* TCG_HCRTMComponentEvent (PFP 10.4.5): "H-CRTM CompMeas", then a description and a digest. */
static void decode_hcrtm_component(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	out->kind = EVENT_HCRTM;
	out->hcrtm.component = true;
	reader_skip(&in, SIGNATURE_SIZE);
	out->hcrtm.description = short_text(&in);
	if (in.ran_out)
		raw(out, "cut short inside an H-CRTM component event", in.ran_out_at);
}

static void decode_no_action(const struct record *record, struct event *out)
{
	struct bytes data = record->data;
	uint8_t locality;

	if (startup_locality(record, &locality)) {
		out->kind = EVENT_LOCALITY;
		out->locality = locality;
	} else if (signature_is(data, "SP800-155 Event")) {
		decode_sp800_155(record, 1, out);
	} else if (signature_is(data, "SP800-155 Event2")) {
		decode_sp800_155(record, 2, out);
	} else if (signature_is(data, "SP800-155 Event3")) {
		decode_sp800_155(record, 3, out);
	} else if (signature_is(data, "H-CRTM CompMeas")) {
		decode_hcrtm_component(record, out);
	} else if (bytes_start_with(data, bytes_of_string("Spec ID Event"))) {
		out->kind = EVENT_SPEC_ID;
		out->text.text =
			nul_trim(bytes_of(data.data,
					  data.size < SIGNATURE_SIZE ? data.size : SIGNATURE_SIZE));
	} else if (signature_is(data, "NvIndexInstance") || signature_is(data, "NvIndexDynamic")) {
		out->kind = EVENT_NV_INDEX;
		out->text.text = nul_trim(bytes_of(data.data, SIGNATURE_SIZE - 1));
	} else {
		decode_text(record, out);
	}
}

/* --- other types -------------------------------------------------------------------------------- */

static void decode_separator(const struct record *record, struct event *out)
{
	if (record->data.size < 4) {
		raw(out, "a separator of less than four bytes", record->data_offset);
		return;
	}
	out->kind = EVENT_SEPARATOR;
	out->separator = record->data;
}

static void decode_version(const struct record *record, struct event *out)
{
	struct reader in = reader_of(record->data, record->data_offset, NULL);

	decode_text(record, out);
	if (out->kind == EVENT_RAW && record->data.size == sizeof(struct efi_guid)) {
		out->kind = EVENT_GUID;
		out->guid = efi_guid_read(&in);
	}
}

static void decode_hcrtm(const struct record *record, struct event *out)
{
	out->kind = EVENT_HCRTM;
	out->hcrtm.description = nul_trim(record->data);
}

void event_decode(const struct record *record, struct event *out)
{
	*out = (struct event){ .kind = EVENT_RAW };
	if (record->data.size == 0) {
		out->kind = EVENT_EMPTY;
		return;
	}
	switch (record->type) {
	case EV_NO_ACTION:
		decode_no_action(record, out);
		break;
	case EV_SEPARATOR:
		decode_separator(record, out);
		break;
	case EV_EVENT_TAG:
		decode_tagged(record, out);
		break;
	case EV_S_CRTM_VERSION:
		decode_version(record, out);
		break;
	case EV_IPL:
		decode_ipl(record, out);
		break;
	case EV_POST_CODE:
	case EV_POST_CODE2:
	case EV_S_CRTM_CONTENTS:
	case EV_CPU_MICROCODE:
	case EV_PLATFORM_CONFIG_FLAGS:
	case EV_TABLE_OF_DEVICES:
	case EV_NONHOST_CODE:
	case EV_NONHOST_CONFIG:
	case EV_NONHOST_INFO:
		decode_component(record, out);
		break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB:
		decode_component(record, out);
		break;
	case EV_EFI_PLATFORM_FIRMWARE_BLOB2:
		decode_blob2(record, out);
		break;
	case EV_EFI_HANDOFF_TABLES:
		decode_tables(record, out);
		break;
	case EV_EFI_HANDOFF_TABLES2:
		decode_tables2(record, out);
		break;
	case EV_EFI_VARIABLE_DRIVER_CONFIG:
	case EV_EFI_VARIABLE_BOOT:
	case EV_EFI_VARIABLE_BOOT2:
	case EV_EFI_VARIABLE_AUTHORITY:
	case EV_EFI_SPDM_DEVICE_POLICY:
	case EV_EFI_SPDM_DEVICE_AUTHORITY:
		decode_variable(record, out);
		break;
	case EV_EFI_BOOT_SERVICES_APPLICATION:
	case EV_EFI_BOOT_SERVICES_DRIVER:
	case EV_EFI_RUNTIME_SERVICES_DRIVER:
		decode_image(record, out);
		break;
	case EV_EFI_GPT_EVENT:
	case EV_EFI_GPT_EVENT2:
		decode_gpt(record, out);
		break;
	case EV_EFI_HCRTM_EVENT:
		decode_hcrtm(record, out);
		break;
	default:
		decode_text(record, out);
	}
}
