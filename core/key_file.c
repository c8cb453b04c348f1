/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/key_file.h"

#include "core/crypto_x509.h"
#include "core/json.h"
#include "core/own.h"
#include "core/reader.h"
#include "core/text.h"

enum { DER_INTEGER = 0x02, DER_OCTETS = 0x04, DER_SEQUENCE = 0x30 };

const char *key_form_name(enum key_form form)
{
	static const char *const names[KEY_FORM_COUNT] = {
		[KEY_FORM_CERTIFICATE] = "certificate",
		[KEY_FORM_PUBLIC] = "public-key",
	};

	return names[form];
}

/* --- private keys ------------------------------------------------------------------------------ */

/* Tag and contents of the next element; a tag of several bytes or a length of more than four is none. */
static uint8_t der_next(struct reader *in, struct bytes *contents)
{
	uint8_t tag = reader_u8(in), first = reader_u8(in);
	size_t size = first;

	if (first & 0x80) {
		size = 0;
		if ((first & 0x7f) == 0 || (first & 0x7f) > 4)
			in->ran_out = true;
		for (int i = 0; i < (first & 0x7f) && !in->ran_out; i++)
			size = size << 8 | reader_u8(in);
	}
	*contents = reader_bytes(in, size);
	return in->ran_out ? 0 : tag;
}

/* What a DER that is no public key may be: said, so that the operator sees what he has given. */
static const char *private_form(struct bytes der)
{
	struct reader in = reader_of(der, 0, NULL);
	struct bytes whole, first, second;
	uint8_t first_tag, second_tag;

	if (der_next(&in, &whole) != DER_SEQUENCE)
		return NULL;
	in = reader_of(whole, 0, NULL);
	first_tag = der_next(&in, &first);
	second_tag = der_next(&in, &second);
	if (first_tag == DER_SEQUENCE && second_tag == DER_OCTETS)
		return "an encrypted private key (PKCS #8)";
	if (first_tag != DER_INTEGER || first.size != 1)
		return NULL;
	if (first.data[0] <= 1 && second_tag == DER_SEQUENCE)
		return "a private key (PKCS #8)";
	if (first.data[0] <= 1 && second_tag == DER_INTEGER)
		return "a private key (RSA or DSA)";
	if (first.data[0] == 1 && second_tag == DER_OCTETS)
		return "a private key (elliptic curve)";
	if (first.data[0] == 3 && second_tag == DER_SEQUENCE)
		return "a PKCS #12 bundle, which is made for private keys";
	return NULL;
}

static int refuse_private(const char *what, const char *source, uint64_t offset, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, source, offset,
			 "%s: only public keys and certificates are wanted, and a private key "
			 "should not be here",
			 what);
}

/* --- keys -------------------------------------------------------------------------------------- */

int key_parse(struct bytes der, const char *source, enum key_form *form, struct public_key **key,
	      struct error *err)
{
	AUTO(buf_clear) struct buf tbs = BUF_INIT;
	struct error why = { 0 };

	if (public_key_parse_der(der, source, key, &why) < 0) {
		const char *kind = why.code == ERROR_MALFORMED ? private_form(der) : NULL;

		if (kind)
			return refuse_private(kind, source, 0, err);
		if (err)
			*err = why;
		return -1;
	}
	*form = x509_tbs_append(&tbs, der) ? KEY_FORM_CERTIFICATE : KEY_FORM_PUBLIC;
	return 0;
}

struct reading {
	const char *source;
	key_item_fn *fn;
	void *ctx;
	size_t n_keys;
};

static int give(struct reading *reading, const struct key_item *item, uint64_t offset,
		struct error *err)
{
	if (reading->n_keys++ >= KEY_FILE_KEYS_MAX)
		return error_set(err, ERROR_LIMIT, reading->source, offset, "more than %d keys",
				 KEY_FILE_KEYS_MAX);
	return reading->fn(reading->ctx, item, err);
}

/* A DER that is at this offset of the file. */
static int read_der(struct reading *reading, struct bytes der, uint64_t offset, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = NULL;
	struct key_item item = { .der = der };
	struct error why = { 0 };

	if (key_parse(der, reading->source, &item.form, &key, &why) < 0) {
		if (why.code == ERROR_MALFORMED)
			why.offset = offset;
		if (err)
			*err = why;
		return -1;
	}
	item.key = key;
	return give(reading, &item, offset, err);
}

static int read_ders(struct reading *reading, struct bytes file, struct error *err)
{
	struct reader in = reader_of(file, 0, reading->source);

	while (reader_left(&in)) {
		uint64_t offset = reader_offset(&in);
		struct bytes contents, der;
		uint8_t tag = der_next(&in, &contents);

		if (tag != DER_SEQUENCE)
			return error_set(err, ERROR_MALFORMED, reading->source, offset,
					 "X.690, 8.1: no whole SEQUENCE, as the DER of a public "
					 "key or certificate is one");
		der = bytes_of(file.data + offset, (size_t)(reader_offset(&in) - offset));
		if (read_der(reading, der, offset, err) < 0)
			return -1;
	}
	return 0;
}

/* A PEM block; what is in it decides, but for the form that has no algorithm in it. */
static int read_block(struct reading *reading, struct bytes block, const char *label,
		      struct bytes der, uint64_t offset, struct error *err)
{
	AUTO(public_key_freep) struct public_key *key = NULL;
	AUTO(buf_clear) struct buf spki = BUF_INIT;
	struct key_item item = { .form = KEY_FORM_PUBLIC };
	char shown[4 * PEM_LABEL_SIZE];

	if (strstr(label, "PRIVATE KEY")) {
		text_escape(shown, sizeof(shown), bytes_of_string(label));
		return refuse_private(shown, reading->source, offset, err);
	}
	if (strcmp(label, "RSA PUBLIC KEY") != 0 && strcmp(label, "PUBLIC KEY") != 0 &&
	    strcmp(label, "CERTIFICATE") != 0 && strcmp(label, "X509 CERTIFICATE") != 0)
		return error_set(err, ERROR_MALFORMED, reading->source, offset,
				 "PEM block %s: a public key or a certificate is wanted",
				 text_escape(shown, sizeof(shown), bytes_of_string(label)));
	if (strcmp(label, "RSA PUBLIC KEY") != 0)
		return read_der(reading, der, offset, err);
	if (public_key_parse_pem(block, reading->source, &key, err) < 0 ||
	    public_key_append(key, &spki, err) < 0)
		return -1;
	item.der = buf_bytes(&spki);
	item.key = key;
	return give(reading, &item, offset, err);
}

static int read_pem(struct reading *reading, struct bytes file, struct error *err)
{
	struct bytes text = file, block;
	char label[PEM_LABEL_SIZE];

	for (;;) {
		AUTO(buf_clear) struct buf der = BUF_INIT;
		int found = pem_next(&text, reading->source, &block, label, &der, err);

		if (found < 0 || (found > 0 && buf_finish(&der, err) < 0))
			return -1;
		if (!found)
			break;
		if (read_block(reading, block, label, buf_bytes(&der),
			       (uint64_t)(block.data - file.data), err) < 0)
			return -1;
	}
	if (reading->n_keys == 0)
		return error_set(err, ERROR_MALFORMED, reading->source, 0,
				 "neither PEM nor DER of a public key or certificate");
	return 0;
}

int key_file_read(struct bytes file, const char *source, key_item_fn *fn, void *ctx,
		  struct error *err)
{
	struct reading reading = { .source = source, .fn = fn, .ctx = ctx };

	/* The DER of either is a SEQUENCE. */
	if (file.size && file.data[0] == DER_SEQUENCE)
		return read_ders(&reading, file, err);
	return read_pem(&reading, file, err);
}

/* --- what they are called ---------------------------------------------------------------------- */

static uint32_t last_four(const uint8_t *id, size_t size)
{
	return (uint32_t)id[size - 4] << 24 | (uint32_t)id[size - 3] << 16 |
	       (uint32_t)id[size - 2] << 8 | id[size - 1];
}

void key_facts_write(struct json *json, enum key_form form, const struct key_facts *facts)
{
	uint8_t short_id[4];

	json_string(json, "form", key_form_name(form));
	json_string(json, "name", facts->name);
	json_array_begin_compact(json, "key_ids");
	for (size_t i = 0; i < facts->n_short_ids; i++) {
		for (size_t k = 0; k < sizeof(short_id); k++)
			short_id[k] = (uint8_t)(facts->short_ids[i] >> (24 - 8 * k));
		json_hex(json, NULL, bytes_of(short_id, sizeof(short_id)));
	}
	json_array_end(json);
	json_hex(json, "subject_key_id", bytes_of(facts->id, facts->id_size));
	json_hex(json, "fingerprint", digest_bytes(&facts->fingerprint));
}

int key_describe(const struct key_item *item, struct hasher *hasher, struct key_facts *out,
		 struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	AUTO(buf_clear) struct buf id = BUF_INIT;
	bool is_certificate = item->form == KEY_FORM_CERTIFICATE;
	struct key_facts facts = { 0 };
	struct bytes own;

	if (hasher_digest_bytes(hasher, ALG_SHA256, item->der, &facts.fingerprint, err) < 0 ||
	    public_key_id(item->key, facts.hash, err) < 0)
		return -1;
	if (is_certificate)
		x509_key_id_append(&id, item->der);
	if (!is_certificate || !x509_common_name_append(&name, item->der))
		buf_append_string(&name, public_key_name(item->key));
	if (buf_finish(&name, err) < 0 || buf_finish(&id, err) < 0)
		return -1;
	text_escape(facts.name, sizeof(facts.name), buf_bytes(&name));
	own = buf_bytes(&id);
	if (own.size > KEY_SUBJECT_MAX)
		own = bytes_of(own.data + own.size - KEY_SUBJECT_MAX, KEY_SUBJECT_MAX);
	if (own.size == 0)
		own = bytes_of(facts.hash, sizeof(facts.hash));
	memcpy(facts.id, own.data, own.size);
	facts.id_size = own.size;
	if (own.size >= 4)
		facts.short_ids[facts.n_short_ids++] = last_four(own.data, own.size);
	facts.short_ids[facts.n_short_ids] = last_four(facts.hash, sizeof(facts.hash));
	if (facts.n_short_ids == 0 || facts.short_ids[0] != facts.short_ids[1])
		facts.n_short_ids++;
	*out = facts;
	return 0;
}
