/* SPDX-License-Identifier: BSD-2-Clause */
/* Decoded events for people, on one line, and for programs, as JSON. */
#include <inttypes.h>

#include "core/crypto_x509.h"
#include "core/text.h"
#include "replay/eventlog/internal.h"

/* Bytes of unknown data shown on a line for people. */
#define SHOWN_BYTES 32

/* The node that ends a device path: a path of that size names nothing. */
#define DEVICE_PATH_END_SIZE 4

/* --- small pieces ------------------------------------------------------------------------------- */

static void append_hex_cut(struct buf *out, struct bytes bytes)
{
	size_t n = bytes.size < SHOWN_BYTES ? bytes.size : SHOWN_BYTES;

	buf_append_hex(out, bytes_of(bytes.data, n));
	if (n < bytes.size)
		buf_printf(out, "... (%zu bytes)", bytes.size);
}

/* Text that something of ours made from evidence, escaped and taken away. */
static void append_escaped(struct buf *out, struct buf *text)
{
	if (text->failed)
		out->failed = true;
	text_append(out, buf_bytes(text));
	buf_clear(text);
}

static void append_utf16(struct buf *out, struct bytes utf16)
{
	struct buf text = BUF_INIT;

	text_append_utf16le(&text, utf16);
	append_escaped(out, &text);
}

static void append_path(struct buf *out, struct bytes path)
{
	struct buf text = BUF_INIT;

	device_path_append(&text, path);
	append_escaped(out, &text);
}

static void append_guid(struct buf *out, const struct efi_guid *guid)
{
	const char *name = efi_guid_name(guid);
	char text[EFI_GUID_TEXT];

	buf_append_string(out, name ? name : efi_guid_text(guid, text));
}

/* A text made for it; json_finish tells if memory ran out. */
static void json_buf(struct json *json, const char *key, struct buf *text)
{
	json->failed |= text->failed;
	json_bytes(json, key, buf_bytes(text));
	buf_clear(text);
}

static void json_utf16(struct json *json, const char *key, struct bytes utf16)
{
	struct buf text = BUF_INIT;

	text_append_utf16le(&text, utf16);
	json_buf(json, key, &text);
}

static void json_path(struct json *json, const char *key, struct bytes path)
{
	struct buf text = BUF_INIT;

	device_path_append(&text, path);
	json_buf(json, key, &text);
}

static void json_guid(struct json *json, const char *key, const struct efi_guid *guid)
{
	char text[EFI_GUID_TEXT];

	json_string(json, key, efi_guid_text(guid, text));
}

/* The GUID, and its name under another key if it has one. */
static void json_guid_named(struct json *json, const char *key, const char *name_key,
			    const struct efi_guid *guid)
{
	const char *name = efi_guid_name(guid);

	json_guid(json, key, guid);
	if (name)
		json_string(json, name_key, name);
}

/* A C string naming 64-bit addresses as firmware people write them. */
static void json_address(struct json *json, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%" PRIx64, value);
	json_string(json, key, text);
}

/* --- signatures --------------------------------------------------------------------------------- */

static bool is_x509(const struct efi_signature *signature)
{
	const char *name = efi_guid_name(&signature->type);

	return name && strcmp(name, "x509") == 0;
}

static void append_certificate(struct buf *out, struct bytes der)
{
	struct buf text = BUF_INIT;

	if (x509_common_name_append(&text, der)) {
		buf_append_string(out, "\"");
		append_escaped(out, &text);
		buf_append_string(out, "\"");
	} else {
		buf_printf(out, "an unreadable certificate of %zu bytes", der.size);
		buf_clear(&text);
	}
}

/* Certificates by name, digests only counted. */
static void append_signatures(struct buf *out, const struct event_variable *variable)
{
	struct efi_signature_cursor cursor =
		efi_signatures(variable->data, variable->data_offset, NULL);
	struct efi_signature signature;
	size_t n_others = 0, n = 0;
	int more;

	while ((more = efi_signature_next(&cursor, &signature, NULL)) > 0) {
		if (!is_x509(&signature)) {
			n_others++;
			continue;
		}
		buf_append_string(out, n++ ? ", " : "");
		append_certificate(out, signature.data);
	}
	if (n_others)
		buf_printf(out, "%s%zu digest%s", n ? ", " : "", n_others,
			   n_others == 1 ? "" : "s");
	if (more < 0)
		buf_append_string(out, n || n_others ? ", then broken" : "broken signature lists");
	else if (n == 0 && n_others == 0)
		buf_append_string(out, "no signatures");
}

static void json_signature(struct json *json, const struct efi_signature *signature)
{
	struct buf subject = BUF_INIT;

	json_object_begin(json, NULL);
	json_guid_named(json, "type", "type_name", &signature->type);
	json_guid_named(json, "owner", "owner_name", &signature->owner);
	if (is_x509(signature)) {
		json_uint(json, "size", signature->data.size);
		if (x509_subject_append(&subject, signature->data))
			json_buf(json, "subject", &subject);
	} else {
		json_hex(json, "data", signature->data);
	}
	buf_clear(&subject);
	json_object_end(json);
}

static void json_signatures(struct json *json, const struct event_variable *variable)
{
	struct efi_signature_cursor cursor =
		efi_signatures(variable->data, variable->data_offset, NULL);
	struct efi_signature signature;
	struct error err = { 0 };
	int more;

	json_array_begin(json, "signatures");
	while ((more = efi_signature_next(&cursor, &signature, &err)) > 0)
		json_signature(json, &signature);
	json_array_end(json);
	if (more < 0)
		json_string(json, "signatures_error", err.message);
}

/* EFI_SIGNATURE_DATA of an authority event: owner, then a certificate or a digest. */
static struct efi_signature authority_signature(const struct event_variable *variable)
{
	struct reader in = reader_of(variable->data, variable->data_offset, NULL);
	struct efi_signature signature = { 0 };

	signature.owner = efi_guid_read(&in);
	signature.data_offset = reader_offset(&in);
	signature.data = reader_bytes(&in, reader_left(&in));
	return signature;
}

static void append_authority(struct buf *out, const struct event_variable *variable)
{
	struct efi_signature signature = authority_signature(variable);
	struct buf name = BUF_INIT;

	if (x509_common_name_append(&name, signature.data)) {
		buf_append_string(out, "\"");
		append_escaped(out, &name);
		buf_append_string(out, "\"");
	} else {
		buf_clear(&name);
		append_hex_cut(out, signature.data);
	}
	buf_append_string(out, ", owner ");
	append_guid(out, &signature.owner);
}

static void json_certificate(struct json *json, struct bytes der)
{
	struct buf subject = BUF_INIT;

	if (x509_subject_append(&subject, der))
		json_buf(json, "subject", &subject);
	else
		json_hex(json, "data", der);
	buf_clear(&subject);
}

/* --- variables ---------------------------------------------------------------------------------- */

static const char *const content_names[] = {
	[VARIABLE_BYTES] = "bytes",
	[VARIABLE_EMPTY] = "empty",
	[VARIABLE_FLAG] = "flag",
	[VARIABLE_SIGNATURES] = "signatures",
	[VARIABLE_SIGNATURE] = "signature",
	[VARIABLE_CERTIFICATE] = "certificate",
	[VARIABLE_BOOT_ORDER] = "boot-order",
	[VARIABLE_LOAD_OPTION] = "load-option",
	[VARIABLE_TEXT] = "text",
};

static void append_load_option(struct buf *out, const struct event_variable *variable)
{
	struct load_option option;

	if (load_option_parse(variable->data, variable->data_offset, NULL, &option, NULL) < 0) {
		append_hex_cut(out, variable->data);
		return;
	}
	buf_append_string(out, "\"");
	append_utf16(out, option.description);
	buf_append_string(out, "\"");
	if (option.device_path.size > DEVICE_PATH_END_SIZE) {
		buf_append_string(out, " ");
		append_path(out, option.device_path);
	}
	if (option.optional.size)
		buf_printf(out, ", %zu bytes of load options", option.optional.size);
	if (!(option.attributes & 1))
		buf_append_string(out, ", not active");
}

static void json_load_option(struct json *json, const struct event_variable *variable)
{
	struct error err = { 0 };
	struct load_option option;

	json_object_begin(json, "load_option");
	if (load_option_parse(variable->data, variable->data_offset, NULL, &option, &err) < 0) {
		json_string(json, "error", err.message);
		json_hex(json, "data", variable->data);
	} else {
		json_bool(json, "active", option.attributes & 1);
		json_uint(json, "attributes", option.attributes);
		json_utf16(json, "description", option.description);
		json_path(json, "device_path", option.device_path);
		if (option.optional.size)
			json_hex(json, "optional", option.optional);
	}
	json_object_end(json);
}

static void append_boot_order(struct buf *out, struct bytes data)
{
	struct reader in = reader_of(data, 0, NULL);
	const char *comma = "";

	while (reader_left(&in)) {
		buf_printf(out, "%s%04X", comma, reader_le16(&in));
		comma = ",";
	}
}

static void json_boot_order(struct json *json, struct bytes data)
{
	struct reader in = reader_of(data, 0, NULL);

	json_array_begin_compact(json, "boot_order");
	while (reader_left(&in)) {
		char number[8];

		snprintf(number, sizeof(number), "%04X", reader_le16(&in));
		json_string(json, NULL, number);
	}
	json_array_end(json);
}

static void append_variable(struct buf *out, const struct event_variable *variable)
{
	append_utf16(out, variable->name);
	switch (variable->content) {
	case VARIABLE_BYTES:
		buf_append_string(out, " = ");
		append_hex_cut(out, variable->data);
		break;
	case VARIABLE_EMPTY:
		buf_append_string(out, " is not set");
		break;
	case VARIABLE_FLAG:
		buf_printf(out, " = %u", variable->data.data[0]);
		break;
	case VARIABLE_SIGNATURES:
		buf_append_string(out, ": ");
		append_signatures(out, variable);
		break;
	case VARIABLE_SIGNATURE:
		buf_append_string(out, ": ");
		append_authority(out, variable);
		break;
	case VARIABLE_CERTIFICATE:
		buf_append_string(out, ": ");
		append_certificate(out, variable->data);
		break;
	case VARIABLE_BOOT_ORDER:
		buf_append_string(out, ": ");
		append_boot_order(out, variable->data);
		break;
	case VARIABLE_LOAD_OPTION:
		buf_append_string(out, ": ");
		append_load_option(out, variable);
		break;
	case VARIABLE_TEXT:
		buf_append_string(out, " = ");
		text_append(out, nul_trim(variable->data));
		break;
	}
}

static void json_variable(struct json *json, const struct event_variable *variable)
{
	struct efi_signature signature;

	json_guid_named(json, "guid", "guid_name", &variable->guid);
	json_utf16(json, "name", variable->name);
	json_string(json, "content", content_names[variable->content]);
	json_uint(json, "size", variable->data.size);
	switch (variable->content) {
	case VARIABLE_BYTES:
		json_hex(json, "data", variable->data);
		break;
	case VARIABLE_EMPTY:
		break;
	case VARIABLE_FLAG:
		json_uint(json, "value", variable->data.data[0]);
		break;
	case VARIABLE_SIGNATURES:
		json_signatures(json, variable);
		break;
	case VARIABLE_SIGNATURE:
		signature = authority_signature(variable);
		json_guid_named(json, "owner", "owner_name", &signature.owner);
		json_certificate(json, signature.data);
		break;
	case VARIABLE_CERTIFICATE:
		json_certificate(json, variable->data);
		break;
	case VARIABLE_BOOT_ORDER:
		json_boot_order(json, variable->data);
		break;
	case VARIABLE_LOAD_OPTION:
		json_load_option(json, variable);
		break;
	case VARIABLE_TEXT:
		json_bytes(json, "text", nul_trim(variable->data));
		break;
	}
}

/* --- other structures --------------------------------------------------------------------------- */

static void append_text(struct buf *out, const struct event_text *text)
{
	struct buf utf8 = BUF_INIT;

	if (text->prefix.size + text->text.size == 0) {
		buf_append_string(out, "empty text");
		return;
	}
	text_append(out, text->prefix);
	if (!text->utf16) {
		text_append(out, text->text);
		return;
	}
	event_text_append(&utf8, text);
	append_escaped(out, &utf8);
}

static const char *const text_use_names[] = {
	[TEXT_PLAIN] = "text",
	[TEXT_GRUB_COMMAND] = "grub-command",
	[TEXT_KERNEL_CMDLINE] = "kernel-cmdline",
	[TEXT_MODULE_CMDLINE] = "module-cmdline",
	[TEXT_FILE] = "file",
	[TEXT_MOK_VARIABLE] = "mok-variable",
	[TEXT_UKI_SECTION] = "uki-section",
	[TEXT_INITRD_ARCHIVE] = "initrd-archive",
	[TEXT_COMPONENT] = "component",
};

static void json_text(struct json *json, const struct event_text *text)
{
	struct buf utf8 = BUF_INIT;

	json_string(json, "use", text_use_names[text->use]);
	if (text->prefix.size)
		json_bytes(json, "prefix", text->prefix);
	if (text->utf16) {
		event_text_append(&utf8, text);
		json_buf(json, "text", &utf8);
	} else {
		json_bytes(json, "text", text->text);
	}
	json_string(json, "encoding", text->utf16 ? "utf-16" : "utf-8");
}

/* UEFI's zeros, Windows' "WBCL", or an error with its text. */
static void append_separator(struct buf *out, struct bytes separator)
{
	static const uint8_t error_value[] = { 1, 0, 0, 0 };
	struct bytes rest = nul_trim(separator);

	if (bytes_start_with(separator, bytes_of(error_value, sizeof(error_value)))) {
		buf_append_string(out, "error");
		if (separator.size > 4) {
			buf_append_string(out, ": ");
			text_append(out,
				    nul_trim(bytes_of(separator.data + 4, separator.size - 4)));
		}
		return;
	}
	append_hex_cut(out, separator);
	for (size_t i = 0; i < rest.size; i++)
		if (rest.data[i] < 0x20 || rest.data[i] > 0x7e)
			return;
	if (rest.size) {
		buf_append_string(out, " \"");
		text_append(out, rest);
		buf_append_string(out, "\"");
	}
}

static void append_image(struct buf *out, const struct event_image *image)
{
	if (image->device_path.size > DEVICE_PATH_END_SIZE)
		append_path(out, image->device_path);
	else
		buf_printf(out, "an image without a path, %" PRIu64 " bytes at 0x%" PRIx64,
			   image->size, image->address);
}

static void json_image(struct json *json, const struct event_image *image)
{
	json_address(json, "address", image->address);
	json_uint(json, "size", image->size);
	json_address(json, "link_address", image->link_address);
	json_path(json, "device_path", image->device_path);
	if (image->file.size)
		json_utf16(json, "file", image->file);
}

static void append_gpt(struct buf *out, const struct event_gpt *gpt)
{
	char text[EFI_GUID_TEXT];

	buf_printf(out, "disk %s, %" PRIu64 " partition%s", efi_guid_text(&gpt->disk, text),
		   gpt->n_entries, gpt->n_entries == 1 ? "" : "s");
	for (uint64_t i = 0; i < gpt->n_entries; i++) {
		struct gpt_entry entry = gpt_entry_at(gpt, i);

		buf_append_string(out, i ? ", " : ": ");
		append_guid(out, &entry.type);
	}
}

static void json_gpt(struct json *json, const struct event_gpt *gpt)
{
	json_guid(json, "disk", &gpt->disk);
	json_uint(json, "first_usable", gpt->first_usable);
	json_uint(json, "last_usable", gpt->last_usable);
	json_array_begin(json, "partitions");
	for (uint64_t i = 0; i < gpt->n_entries; i++) {
		struct gpt_entry entry = gpt_entry_at(gpt, i);

		json_object_begin(json, NULL);
		json_guid_named(json, "type", "type_name", &entry.type);
		json_guid(json, "guid", &entry.partition);
		json_uint(json, "first", entry.first);
		json_uint(json, "last", entry.last);
		json_address(json, "attributes", entry.attributes);
		json_utf16(json, "name", entry.name);
		json_object_end(json);
	}
	json_array_end(json);
}

static void append_blob(struct buf *out, const struct event_blob *blob)
{
	if (blob->described && blob->description.size) {
		text_append(out, blob->description);
		buf_append_string(out, ", ");
	}
	buf_printf(out, "%" PRIu64 " bytes at 0x%" PRIx64, blob->size, blob->base);
}

static void json_blob(struct json *json, const struct event_blob *blob)
{
	if (blob->described)
		json_bytes(json, "description", blob->description);
	json_address(json, "base", blob->base);
	json_uint(json, "size", blob->size);
}

static void append_tables(struct buf *out, const struct event_tables *tables)
{
	struct reader in = reader_of(tables->tables, 0, NULL);
	const char *comma = "";

	if (tables->described && tables->description.size) {
		text_append(out, tables->description);
		comma = ": ";
	}
	for (uint64_t i = 0; i < tables->n_tables; i++) {
		struct efi_guid guid = efi_guid_read(&in);

		buf_append_string(out, comma);
		append_guid(out, &guid);
		buf_printf(out, " at 0x%" PRIx64, reader_le64(&in));
		comma = ", ";
	}
	if (tables->n_tables == 0)
		buf_printf(out, "%sno tables", comma);
}

static void json_tables(struct json *json, const struct event_tables *tables)
{
	struct reader in = reader_of(tables->tables, 0, NULL);

	if (tables->described)
		json_bytes(json, "description", tables->description);
	json_array_begin(json, "tables");
	for (uint64_t i = 0; i < tables->n_tables; i++) {
		struct efi_guid guid = efi_guid_read(&in);

		json_object_begin_compact(json, NULL);
		json_guid_named(json, "guid", "name", &guid);
		json_address(json, "address", reader_le64(&in));
		json_object_end(json);
	}
	json_array_end(json);
}

static void append_tagged_text(struct buf *out, const struct event_tagged *tagged)
{
	if (tagged->utf16)
		text_append_utf16le(out, utf16_trim(tagged->data));
	else
		buf_append(out, nul_trim(tagged->data));
}

static void append_tagged(struct buf *out, const struct event_tagged *tagged)
{
	struct buf text = BUF_INIT;

	buf_printf(out, "tag 0x%08" PRIx32, tagged->id);
	if (tagged->name)
		buf_printf(out, ", %s", tagged->name);
	if (tagged->data.size == 0)
		return;
	buf_append_string(out, ": ");
	if (tagged->text) {
		append_tagged_text(&text, tagged);
		append_escaped(out, &text);
	} else {
		append_hex_cut(out, tagged->data);
	}
}

static void json_tagged(struct json *json, const struct event_tagged *tagged)
{
	struct buf text = BUF_INIT;

	json_address(json, "tag", tagged->id);
	if (tagged->name)
		json_string(json, "tag_name", tagged->name);
	if (tagged->text) {
		append_tagged_text(&text, tagged);
		json_buf(json, "text", &text);
	} else {
		json_hex(json, "data", tagged->data);
	}
}

static void append_sp800_155(struct buf *out, const struct event_sp800_155 *id)
{
	char text[EFI_GUID_TEXT];

	buf_printf(out, "reference manifest %s of vendor %" PRIu32,
		   efi_guid_text(&id->reference, text), id->vendor_id);
	if (id->manufacturer.size) {
		buf_append_string(out, " ");
		text_append(out, id->manufacturer);
	}
	if (id->model.size) {
		buf_append_string(out, ", ");
		text_append(out, id->model);
	}
	if (id->firmware_version.size) {
		buf_append_string(out, ", firmware ");
		text_append(out, id->firmware_version);
	}
}

static void json_sp800_155(struct json *json, const struct event_sp800_155 *id)
{
	json_uint(json, "version", id->version);
	json_uint(json, "vendor_id", id->vendor_id);
	json_guid(json, "reference_manifest", &id->reference);
	if (id->version >= 2) {
		json_bytes(json, "manufacturer", id->manufacturer);
		json_bytes(json, "model", id->model);
		json_bytes(json, "platform_version", id->platform_version);
		json_bytes(json, "firmware_manufacturer", id->firmware_manufacturer);
		json_uint(json, "firmware_vendor_id", id->firmware_vendor_id);
		json_bytes(json, "firmware_version", id->firmware_version);
	}
	if (id->version >= 3) {
		json_uint(json, "rim_locator_type", id->rim_locator_type);
		json_hex(json, "rim_locator", id->rim_locator);
	}
}

/* --- events ------------------------------------------------------------------------------------- */

void event_describe(const struct record *record, const struct event *event, struct buf *out)
{
	switch (event->kind) {
	case EVENT_RAW:
		append_hex_cut(out, record->data);
		break;
	case EVENT_EMPTY:
		buf_append_string(out, "no data");
		break;
	case EVENT_TEXT:
		append_text(out, &event->text);
		break;
	case EVENT_GUID:
		append_guid(out, &event->guid);
		break;
	case EVENT_SEPARATOR:
		append_separator(out, event->separator);
		break;
	case EVENT_VARIABLE:
		append_variable(out, &event->variable);
		break;
	case EVENT_IMAGE:
		append_image(out, &event->image);
		break;
	case EVENT_GPT:
		append_gpt(out, &event->gpt);
		break;
	case EVENT_BLOB:
		append_blob(out, &event->blob);
		break;
	case EVENT_TABLES:
		append_tables(out, &event->tables);
		break;
	case EVENT_TAGGED:
		append_tagged(out, &event->tagged);
		break;
	case EVENT_SPEC_ID:
	case EVENT_NV_INDEX:
		text_append(out, event->text.text);
		break;
	case EVENT_LOCALITY:
		buf_printf(out, "startup locality %u", event->locality);
		break;
	case EVENT_SP800_155:
		append_sp800_155(out, &event->sp800_155);
		break;
	case EVENT_HCRTM:
		buf_append_string(out, event->hcrtm.component ? "H-CRTM component " : "");
		text_append(out, event->hcrtm.description);
		break;
	}
	if (event->problem)
		buf_printf(out, " (%s, at 0x%" PRIx64 ")", event->problem, event->problem_offset);
}

static const char *kind_name(enum event_kind kind)
{
	switch (kind) {
	case EVENT_RAW:
		return "raw";
	case EVENT_EMPTY:
		return "empty";
	case EVENT_TEXT:
		return "text";
	case EVENT_GUID:
		return "guid";
	case EVENT_SEPARATOR:
		return "separator";
	case EVENT_VARIABLE:
		return "variable";
	case EVENT_IMAGE:
		return "image";
	case EVENT_GPT:
		return "gpt";
	case EVENT_BLOB:
		return "blob";
	case EVENT_TABLES:
		return "tables";
	case EVENT_TAGGED:
		return "tagged";
	case EVENT_SPEC_ID:
		return "spec-id";
	case EVENT_LOCALITY:
		return "startup-locality";
	case EVENT_SP800_155:
		return "sp800-155";
	case EVENT_HCRTM:
		return "h-crtm";
	case EVENT_NV_INDEX:
		return "nv-index";
	}
	return "raw";
}

void event_write_json(const struct record *record, const struct event *event, struct json *json)
{
	json_string(json, "kind", kind_name(event->kind));
	switch (event->kind) {
	case EVENT_RAW:
		json_hex(json, "raw", record->data);
		break;
	case EVENT_EMPTY:
		break;
	case EVENT_TEXT:
		json_text(json, &event->text);
		break;
	case EVENT_GUID:
		json_guid_named(json, "guid", "guid_name", &event->guid);
		break;
	case EVENT_SEPARATOR:
		json_hex(json, "value", event->separator);
		break;
	case EVENT_VARIABLE:
		json_variable(json, &event->variable);
		break;
	case EVENT_IMAGE:
		json_image(json, &event->image);
		break;
	case EVENT_GPT:
		json_gpt(json, &event->gpt);
		break;
	case EVENT_BLOB:
		json_blob(json, &event->blob);
		break;
	case EVENT_TABLES:
		json_tables(json, &event->tables);
		break;
	case EVENT_TAGGED:
		json_tagged(json, &event->tagged);
		break;
	case EVENT_SPEC_ID:
	case EVENT_NV_INDEX:
		json_bytes(json, "signature", event->text.text);
		json_hex(json, "raw", record->data);
		break;
	case EVENT_LOCALITY:
		json_uint(json, "locality", event->locality);
		break;
	case EVENT_SP800_155:
		json_sp800_155(json, &event->sp800_155);
		break;
	case EVENT_HCRTM:
		json_bytes(json, "description", event->hcrtm.description);
		break;
	}
	if (event->problem) {
		json_string(json, "problem", event->problem);
		json_uint(json, "problem_offset", event->problem_offset);
		if (event->kind != EVENT_RAW)
			json_hex(json, "raw", record->data);
	}
}
