/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MokList and its companions: what shim mirrors into variables for the operating system, and measures
 * on the way (shim's mok.c, the table mok_state_variables, in its order).
 */
#include "core/reader.h"
#include "refgen/shim/internal.h"

#define NON_VOLATILE 0x1u
#define BOOT_SERVICE 0x2u
#define RUNTIME      0x4u

/* A row of shim's table. */
struct mirrored {
	const char *name;
	const char *since; /* the first release that has it */
	bool keys;         /* a key database: the vendor's goes before it, and it is never empty */
	bool log;          /* PCR 14 */
	bool inverse;      /* absent: one byte 1; present: nothing */
	const char *measure; /* PCR 7 too: up to this release, "" for all; NULL: no */
};

static const struct mirrored table[] = {
	{"MokList",         "0",    true,  true,  false, NULL  },
	{ "MokListX",       "0",    true,  true,  false, NULL  },
	{ "MokSBState",     "0",    false, true,  false, ""    },
	{ "MokDBState",     "0",    false, false, false, NULL  },
	{ "SbatLevel",      "15.3", false, false, false, ""    },
	{ "MokListTrusted", "15.6", false, true,  true,  "15.7"}, /* PCR 7 until 15.7 */
	{ "MokPolicy",      "15.6", false, true,  false, NULL  },
};

int shim_read_vendor(struct shim *shim, const struct pe *pe, struct error *err)
{
	const struct pe_section *section = pe_find(pe, ".vendor_cert");
	struct bytes contents = section ? pe_section_bytes(pe, section) : bytes_of(NULL, 0), allow;
	struct reader in = reader_of(contents, section ? section->raw_offset : 0, pe_source(pe));
	uint32_t allow_size, deny_size, allow_at, deny_at;

	if (!section)
		return 0;
	allow_size = reader_le32(&in);
	deny_size = reader_le32(&in);
	allow_at = reader_le32(&in);
	deny_at = reader_le32(&in);
	if (reader_check(&in, err) < 0)
		return -1;
	if ((allow_size && (allow_at > contents.size || allow_size > contents.size - allow_at)) ||
	    (deny_size && (deny_at > contents.size || deny_size > contents.size - deny_at)))
		return error_set(err, ERROR_MALFORMED, pe_source(pe), section->raw_offset,
				 "shim: the vendor's certificates lie beyond .vendor_cert's "
				 "%zu bytes",
				 contents.size);
	if (deny_size)
		shim->vendor_dbx = bytes_of(contents.data + deny_at, deny_size);
	if (!allow_size)
		return 0;
	/* Built with VENDOR_CERT_FILE or with VENDOR_DB_FILE: the image does not say, the bytes do. */
	allow = bytes_of(contents.data + allow_at, allow_size);
	if (allow.data[0] == 0x30)
		shim->vendor_certificate = allow;
	else
		shim->vendor_db = allow;
	return 0;
}

/* The variable's data, if it has the attributes that shim wants; else shim deletes it. */
static struct bytes stored_data(const struct machine *machine, const char *name, bool *present)
{
	const struct machine_variable *variable = machine_variable(machine, &guid_shim, name);

	*present = variable != NULL;
	if (!variable || !(variable->attributes & (NON_VOLATILE | BOOT_SERVICE)) ||
	    variable->attributes & RUNTIME)
		return bytes_of(NULL, 0);
	return variable->data;
}

/* A key database: the vendor's, certificates from files, what is stored; a dummy if there is none. */
static void assemble(const struct shim *shim, const char *name, struct bytes stored,
		     struct buf *out)
{
	static const uint8_t zeros[32] = { 0 };
	bool list = strcmp(name, "MokList") == 0;

	if (list && shim->vendor_certificate.size)
		signature_list_append(out, &guid_cert_x509, &guid_shim, shim->vendor_certificate);
	buf_append(out, list ? shim->vendor_db : shim->vendor_dbx);
	if (list)
		buf_append(out, shim->user_certificates);
	buf_append(out, stored);
	if (out->size == 0)
		signature_list_append(out, &guid_cert_sha256, &guid_shim,
				      bytes_of(zeros, sizeof(zeros)));
}

static bool is_measured(const struct shim *shim, const struct mirrored *row)
{
	return row->measure && (row->measure[0] == 0 || !shim_since(shim, row->measure));
}

static int measure(struct machine *machine, struct shim *shim, const struct mirrored *row,
		   struct bytes data, struct error *err)
{
	const struct measurement what = {
		.pcr = 14,
		.type = EV_IPL,
		.component = row->name,
		.source = machine_text(machine, "%s%s", shim->self->name,
				       row->keys ? " and the variable store" : ""),
		.over = row->keys ? "the vendor's signature lists, then those of the variable"
				  : "the variable's data",
		.assumption = shim->assumption ? shim->assumption : machine->keys_assumption,
	};

	if (is_measured(shim, row) &&
	    shim_measure_variable(machine, shim, row->name, &guid_shim, data,
				  machine_text(machine, "the variable %s", row->name), err) < 0)
		return -1;
	return row->log ? machine_measure(machine, &what, data, err) : 0;
}

static int mirror(struct machine *machine, struct shim *shim, const struct mirrored *row,
		  struct error *err)
{
	static const uint8_t one[] = { 1 };
	AUTO(buf_clear) struct buf full = BUF_INIT;
	bool present;
	struct bytes data = stored_data(machine, row->name, &present);

	if (row->inverse)
		data = present ? bytes_of(NULL, 0) : bytes_of(one, 1);
	if (row->keys) {
		assemble(shim, row->name, data, &full);
		if (buf_finish(&full, err) < 0 ||
		    machine_copy(machine, buf_bytes(&full), &data, err) < 0)
			return -1;
	}
	if (strcmp(row->name, "MokList") == 0)
		shim->mok_list = data;
	if (data.size && measure(machine, shim, row, data, err) < 0)
		return -1;
	if (strcmp(row->name, "MokSBState") == 0 && data.size == 1)
		shim->insecure = data.data[0];
	if (strcmp(row->name, "MokDBState") == 0 && data.size == 1)
		shim->ignore_db = data.data[0];
	return 0;
}

int shim_mirror(struct machine *machine, struct shim *shim, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (shim_since(shim, table[i].since) && mirror(machine, shim, &table[i], err) < 0)
			return -1;
	return 0;
}
