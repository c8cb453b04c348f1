/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/internal.h"

/* "d" names no algorithm: SHA-1 or MD5, by size. */
static enum alg alg_of_size(size_t size)
{
	if (size == alg_size(ALG_SHA1))
		return ALG_SHA1;
	return size == alg_size(ALG_MD5) ? ALG_MD5 : ALG_NONE;
}

/* [[type ":"] alg] ":" NUL digest (ima_eventdigest_init_common); false, *out kept, if it is not. */
static bool alg_digest_parse(struct bytes field, bool has_type, struct ima_digest *out)
{
	const uint8_t *nul = field.size ? memchr(field.data, 0, field.size) : NULL;
	const uint8_t *colon;
	struct bytes names;

	if (!nul || nul == field.data || nul[-1] != ':')
		return false;
	names = bytes_of(field.data, (size_t)(nul - 1 - field.data));
	out->value = bytes_of(nul + 1, field.size - names.size - 2);
	colon = has_type && names.size ? memchr(names.data, ':', names.size) : NULL;
	if (colon) {
		out->type_name = bytes_of(names.data, (size_t)(colon - names.data));
		names = bytes_of(colon + 1, names.size - out->type_name.size - 1);
		if (bytes_equal_string(out->type_name, "verity"))
			out->type = IMA_DIGEST_VERITY;
		else if (!bytes_equal_string(out->type_name, "ima"))
			out->type = IMA_DIGEST_OTHER;
	}
	out->alg_name = names;
	out->alg = names.size ? alg_of_name(names) : alg_of_size(out->value.size);
	/* Names of ours, which no kernel gives an algorithm: that is what the type is for. */
	if (alg_verity_base(out->alg) != ALG_NONE)
		out->alg = ALG_NONE;
	return true;
}

/* One NUL, at the end; none in the template "ima". A name of another form is kept up to its NUL. */
static bool name_parse(struct bytes field, bool has_nul, struct bytes *out)
{
	const uint8_t *nul = field.size ? memchr(field.data, 0, field.size) : NULL;

	*out = nul ? bytes_of(field.data, (size_t)(nul - field.data)) : field;
	return nul ? has_nul && out->size + 1 == field.size : !has_nul;
}

/* False when a field is not of its form. Of two fields of one kind the first counts. */
static bool field_decode(struct ima_entry *entry, const struct ima_template *template,
			 const struct ima_field *field)
{
	struct ima_digest ignored_digest = { 0 };
	struct bytes ignored_name;

	switch (field->id) {
	case IMA_FIELD_D:
		if (!entry->digest.value.data) {
			entry->digest.value = field->value;
			entry->digest.alg = alg_of_size(field->value.size);
		}
		return true;
	case IMA_FIELD_D_NG:
	case IMA_FIELD_D_NGV2:
		return alg_digest_parse(field->value, field->id == IMA_FIELD_D_NGV2,
					entry->digest.value.data ? &ignored_digest
								 : &entry->digest);
	case IMA_FIELD_N:
	case IMA_FIELD_N_NG:
		return name_parse(field->value, !template->is_ima,
				  entry->path.data ? &ignored_name : &entry->path);
	case IMA_FIELD_D_MODSIG:
		return field->value.size == 0 ||
		       alg_digest_parse(field->value, false, &entry->modsig_digest);
	case IMA_FIELD_SIG:
		entry->sig = field->value;
		return true;
	case IMA_FIELD_BUF:
		entry->buf = field->value;
		return true;
	case IMA_FIELD_MODSIG:
		entry->modsig = field->value;
		return true;
	case IMA_FIELD_EVMSIG:
		entry->evmsig = field->value;
		return true;
	case IMA_FIELD_IUID:
	case IMA_FIELD_IGID:
	case IMA_FIELD_IMODE:
	case IMA_FIELD_XATTRNAMES:
	case IMA_FIELD_XATTRLENGTHS:
	case IMA_FIELD_XATTRVALUES:
	case IMA_FIELD_COUNT:
		return true;
	}
	return true;
}

size_t ima_digest_size(struct bytes data, bool big_endian)
{
	static const size_t sizes[] = { 20, 16 };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct reader in = reader_of(data, 0, NULL);

		reader_skip(&in, sizes[i]);
		reader_skip(&in, ima_u32(big_endian, &in));
		if (!in.ran_out && reader_left(&in) == 0)
			return sizes[i];
	}
	return 0;
}

void ima_entry_parse(const struct ima_list *list, const struct record *record,
		     struct ima_entry *out)
{
	struct reader in = reader_of(record->data, 0, NULL);
	const struct ima_template *template;
	struct ima_template scratch;

	memset(out, 0, offsetof(struct ima_entry, fields));
	out->digest.alg = out->modsig_digest.alg = ALG_NONE;
	out->is_violation = bytes_all(digest_bytes(&record->digests[0]), 0);
	template = ima_template_lookup(record->name, &scratch);
	out->is_known = template->n_fields > 0;
	if (!record->data.data) /* text that is not of its template's form */
		return;
	out->is_whole = out->is_known;
	for (size_t i = 0; i < template->n_fields; i++) {
		struct ima_field *field = &out->fields[out->n_fields];
		bool raw = template->is_ima && template->fields[i] == IMA_FIELD_D;
		size_t size = raw ? ima_digest_size(record->data, list->big_endian)
				  : ima_u32(list->big_endian, &in);

		field->id = template->fields[i];
		field->value = reader_bytes(&in, size);
		if (in.ran_out)
			break;
		out->n_fields++;
		if (!field_decode(out, template, field))
			out->is_whole = false;
	}
	if (in.ran_out || reader_left(&in) != 0)
		out->is_whole = false;
}
