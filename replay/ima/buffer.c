/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/buffer.h"

#include <inttypes.h>

#include "core/crypto_key.h"
#include "core/crypto_x509.h"
#include "core/own.h"

static const char *const kind_names[] = {
	[IMA_BUFFER_COMMAND_LINE] = "command-line",
	[IMA_BUFFER_KEY] = "key",
	[IMA_BUFFER_DIGEST] = "digest",
	[IMA_BUFFER_FIELDS] = "fields",
	[IMA_BUFFER_TEXT] = "text",
	[IMA_BUFFER_BYTES] = "bytes",
};

/* Names that kernels give, exactly; dm_* are those of dm-ima.c. */
static const struct name_row {
	const char *name;
	enum ima_buffer_kind kind;
} name_rows[] = {
	{"kexec-cmdline",        IMA_BUFFER_COMMAND_LINE},
        { "selinux-policy-hash", IMA_BUFFER_DIGEST      },
	{ "blacklisted-hash",    IMA_BUFFER_DIGEST      },
        { "selinux-state",       IMA_BUFFER_FIELDS      },
	{ "kernel_version",      IMA_BUFFER_TEXT        },
        { "kexec_load",          IMA_BUFFER_FIELDS      },
	{ "kexec_execute",       IMA_BUFFER_FIELDS      },
        { "dm_table_load",       IMA_BUFFER_FIELDS      },
	{ "dm_device_resume",    IMA_BUFFER_FIELDS      },
        { "dm_device_remove",    IMA_BUFFER_FIELDS      },
	{ "dm_table_clear",      IMA_BUFFER_FIELDS      },
        { "dm_device_rename",    IMA_BUFFER_FIELDS      },
	{ "dm_target_update",    IMA_BUFFER_FIELDS      },
};

static const char *const keyrings[] = {
	".ima",
	".evm",
	".builtin_trusted_keys",
	".secondary_trusted_keys",
	".machine",
	".platform",
	".blacklist",
	".ima_blacklist",
	"_ima",
	"_evm",
	"_module",
};

const char *ima_buffer_kind_name(enum ima_buffer_kind kind)
{
	return kind_names[kind];
}

bool ima_is_keyring(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyrings); i++)
		if (bytes_equal_string(name, keyrings[i]))
			return true;
	return false;
}

static bool is_text(struct bytes buffer)
{
	for (size_t i = 0; i < buffer.size; i++)
		if (buffer.data[i] < 0x20 || buffer.data[i] > 0x7e)
			return false;
	return buffer.size > 0;
}

/* Any keyring may be measured, by whatever name: its keys show by being certificates. */
static bool is_certificate(struct bytes buffer)
{
	AUTO(buf_clear) struct buf tbs = BUF_INIT;

	return buffer.size && buffer.data[0] == 0x30 && x509_tbs_append(&tbs, buffer);
}

enum ima_buffer_kind ima_buffer_kind(struct bytes name, struct bytes buffer)
{
	for (size_t i = 0; i < ARRAY_SIZE(name_rows); i++)
		if (bytes_equal_string(name, name_rows[i].name))
			return name_rows[i].kind;
	if (ima_is_keyring(name) || is_certificate(buffer))
		return IMA_BUFFER_KEY;
	if (!is_text(buffer))
		return IMA_BUFFER_BYTES;
	return memchr(buffer.data, '=', buffer.size) ? IMA_BUFFER_FIELDS : IMA_BUFFER_TEXT;
}

/* Where a field ends: the next ',' or ';' that no backslash stands before. */
static size_t field_end(struct bytes rest)
{
	size_t i = 0;

	while (i < rest.size && rest.data[i] != ',' && rest.data[i] != ';')
		i += rest.data[i] == '\\' && i + 1 < rest.size ? 2 : 1;
	return i < rest.size ? i : rest.size;
}

bool ima_buffer_field_next(struct bytes buffer, struct bytes *rest, struct ima_buffer_field *out)
{
	const uint8_t *equals;
	size_t end;

	out->begins_group = rest->data == buffer.data || rest->data[-1] == ';';
	if (out->begins_group)
		while (rest->size && rest->data[0] == 0)
			*rest = bytes_of(rest->data + 1, rest->size - 1);
	if (rest->size == 0)
		return false;
	end = field_end(*rest);
	equals = memchr(rest->data, '=', end);
	out->key = equals ? bytes_of(rest->data, (size_t)(equals - rest->data))
			  : bytes_of(rest->data, 0);
	out->value =
		equals ? bytes_of(equals + 1, end - out->key.size - 1) : bytes_of(rest->data, end);
	end += end < rest->size;
	*rest = bytes_of(rest->data + end, rest->size - end);
	return true;
}

static void describe_key(struct bytes buffer, struct buf *out)
{
	AUTO(buf_clear) struct buf id = BUF_INIT;
	AUTO(public_key_freep) struct public_key *key = NULL;

	if (!x509_subject_append(out, buffer)) {
		buf_printf(out, "%zu bytes that are no certificate", buffer.size);
		return;
	}
	if (public_key_parse_der(buffer, "", &key, NULL) == 0)
		buf_printf(out, ", %s", public_key_name(key));
	if (x509_key_id_append(&id, buffer)) {
		buf_append_string(out, ", key id ");
		buf_append_hex(out, buf_bytes(&id));
	}
}

void ima_buffer_describe(struct bytes name, struct bytes buffer, struct buf *out)
{
	switch (ima_buffer_kind(name, buffer)) {
	case IMA_BUFFER_KEY:
		describe_key(buffer, out);
		return;
	case IMA_BUFFER_DIGEST:
		buf_append_hex(out, buffer);
		return;
	case IMA_BUFFER_COMMAND_LINE:
	case IMA_BUFFER_FIELDS:
	case IMA_BUFFER_TEXT:
		while (buffer.size && buffer.data[buffer.size - 1] == 0)
			buffer.size--;
		buf_append(out, buffer);
		return;
	case IMA_BUFFER_BYTES:
		buf_printf(out, "%zu bytes", buffer.size);
		return;
	}
}
