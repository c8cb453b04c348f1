/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/signature.h"

#include <inttypes.h>

#include "core/crypto_chain.h"
#include "core/crypto_x509.h"
#include "core/own.h"
#include "core/reader.h"

/* Protected attributes of a file: the kernel knows nine. */
#define ATTRIBUTES_MAX 64

/* type, version, algorithm, key identifier, size */
#define HEADER_SIZE 9

/* enum hash_algo; those left out are ones that Assay does not know. */
/* clang-format off */
static const struct {
	uint8_t id;
	enum alg alg;
} alg_ids[] = {
	{ 1, ALG_MD5 },      { 2, ALG_SHA1 },       { 4, ALG_SHA256 },
	{ 5, ALG_SHA384 },   { 6, ALG_SHA512 },     { 7, ALG_SHA224 },
	{ 17, ALG_SM3_256 }, { 20, ALG_SHA3_256 },  { 22, ALG_SHA3_512 },
};
/* clang-format on */

enum alg ima_alg_of_id(uint8_t id)
{
	for (size_t i = 0; i < ARRAY_SIZE(alg_ids); i++)
		if (alg_ids[i].id == id)
			return alg_ids[i].alg;
	return ALG_NONE;
}

bool ima_alg_id(enum alg alg, uint8_t *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(alg_ids); i++)
		if (alg_ids[i].alg == alg) {
			*out = alg_ids[i].id;
			return true;
		}
	return false;
}

int ima_signature_parse(struct bytes xattr, const char *source, uint64_t offset,
			struct ima_signature *out, struct error *err)
{
	struct reader in = reader_of(xattr, offset, source);
	struct ima_signature signature = { 0 };

	signature.type = (enum ima_xattr)reader_u8(&in);
	signature.version = reader_u8(&in);
	signature.alg_id = reader_u8(&in);
	signature.alg = ima_alg_of_id(signature.alg_id);
	signature.key_id = reader_be32(&in);
	signature.value = reader_bytes(&in, reader_be16(&in));
	if (xattr.size >= 1 && signature.type != IMA_XATTR_CONTENTS &&
	    signature.type != IMA_XATTR_METADATA && signature.type != IMA_XATTR_VERITY)
		return error_set(err, ERROR_MALFORMED, source, offset,
				 "signature_v2_hdr: type 0x%02x is no signature", xattr.data[0]);
	if (xattr.size >= 2 && signature.version != 2 && signature.version != 3)
		return error_set(err, ERROR_UNSUPPORTED, source, offset + 1,
				 "signature_v2_hdr: version %u; 2 and 3 are checked",
				 xattr.data[1]);
	if (reader_finish(&in, err) < 0)
		return -1;
	if (signature.value.size == 0)
		return error_set(err, ERROR_MALFORMED, source, offset + 7,
				 "signature_v2_hdr: a signature of no bytes");
	*out = signature;
	return 0;
}

bool ima_entry_is_signed(const struct ima_entry *entry)
{
	return entry->sig.size || entry->evmsig.size || entry->modsig.size;
}

/* --- one signature against keys ---------------------------------------------------------------- */

static void conclude(struct ima_signed_result *out, enum ima_signed state, const char *why)
{
	out->state = state;
	snprintf(out->why, sizeof(out->why), "%s", why);
}

/* What is checked: by whom, over what, and how one key is tried. */
struct check {
	const struct ima_keys *keys;
	unsigned use;
	const struct digest *digests; /* any of them may be what was signed */
	size_t n_digests;
	/* either of the two */
	const struct ima_signature *signature;
	const struct signed_data *appended;
};

static int try_key(const struct check *check, const struct ima_key *key,
		   const struct digest *digest, struct error *err)
{
	enum signature_scheme scheme =
		public_key_type(key->key) == KEY_EC ? SIGNATURE_ECDSA : SIGNATURE_RSASSA;

	if (check->appended)
		return signed_data_verify(check->appended, key->key, digest, err);
	return public_key_verify(key->key, scheme, digest, check->signature->value, err);
}

/* Without an identifier of 4 bytes the certificate is compared with issuer and serial number. */
static const struct ima_key *next_key(const struct check *check, const struct ima_keyring *ring,
				      size_t *at)
{
	struct bytes id;

	if (!ring)
		return NULL;
	if (check->signature)
		return ima_keyring_find(ring, check->signature->key_id, check->use, at);
	id = signed_data_key_id(check->appended);
	while (*at < ring->n_keys) {
		const struct ima_key *key = &ring->keys[(*at)++];
		AUTO(buf_clear) struct buf own = BUF_INIT;

		if (!(key->uses & check->use) || !key->der.size)
			continue;
		if (id.size ? x509_key_id_append(&own, key->der) && bytes_equal(buf_bytes(&own), id)
			    : x509_is_numbered(key->der, signed_data_issuer(check->appended),
					       signed_data_serial(check->appended)))
			return key;
	}
	return NULL;
}

/* Tries a key with each digest; anything but a good signature leaves out for the next key to better. */
static int try_digests(const struct check *check, const struct ima_key *key,
		       struct ima_signed_result *out, struct error *err)
{
	for (size_t i = 0; i < check->n_digests; i++) {
		struct error problem = { 0 };
		int holds = try_key(check, key, &check->digests[i], &problem);

		if (holds < 0 && problem.code != ERROR_UNSUPPORTED) {
			if (err)
				*err = problem;
			return -1;
		}
		out->key = key;
		if (holds > 0)
			conclude(out, IMA_SIGNED_GOOD, "");
		else if (holds < 0 && out->state == IMA_SIGNED_NO_KEY)
			conclude(out, IMA_SIGNED_UNSUPPORTED, problem.message);
		else if (holds == 0)
			conclude(out, IMA_SIGNED_WRONG,
				 "it is not this key's signature over what the entry says");
		if (holds > 0)
			return 0;
	}
	return 0;
}

static int check_keys(const struct check *check, struct ima_signed_result *out, struct error *err)
{
	const struct ima_key *key;
	size_t at;

	for (size_t i = 0; i < ARRAY_SIZE(check->keys->revoked); i++) {
		at = 0;
		key = next_key(check, check->keys->revoked[i], &at);
		if (key) {
			out->key = key;
			conclude(out, IMA_SIGNED_REVOKED, "");
			return 0;
		}
	}
	conclude(out, IMA_SIGNED_NO_KEY, "");
	for (size_t i = 0; i < ARRAY_SIZE(check->keys->rings); i++) {
		at = 0;
		while ((key = next_key(check, check->keys->rings[i], &at))) {
			if (try_digests(check, key, out, err) < 0)
				return -1;
			if (out->state == IMA_SIGNED_GOOD)
				return 0;
		}
	}
	return 0;
}

/* --- contents ------------------------------------------------------------------------------------ */

/* Reads the header. False when that says all; out is concluded then. */
static bool read_header(struct bytes xattr, struct ima_signature *signature,
			struct ima_signed_result *out)
{
	struct error problem = { 0 };

	memset(out, 0, sizeof(*out));
	if (xattr.size == 0)
		return false;
	if (ima_signature_parse(xattr, NULL, 0, signature, &problem) < 0) {
		conclude(out,
			 problem.code == ERROR_UNSUPPORTED ? IMA_SIGNED_UNSUPPORTED
							   : IMA_SIGNED_WRONG,
			 problem.message);
		return false;
	}
	snprintf(out->key_id, sizeof(out->key_id), "%08" PRIx32, signature->key_id);
	return true;
}

/* The hash of what version 3 signs: struct ima_file_id, as long as its digest. */
static int file_id_digest(struct hasher *hasher, enum ima_xattr type, struct digest *digest,
			  struct error *err)
{
	uint8_t head[2] = { (uint8_t)type, 0 };
	const struct digest signed_digest = *digest;
	const struct bytes parts[] = {
		{head, sizeof(head)},
                digest_bytes(&signed_digest)
	};

	(void)ima_alg_id(digest->alg, &head[1]); /* it was read from a signature: it has a number */
	return hasher_digest(hasher, digest->alg, parts, ARRAY_SIZE(parts), digest, err);
}

/* Over a digest that is logged. NULL when it may be, else why not. */
static const char *contents_fault(const struct ima_signature *signature,
				  const struct ima_digest *digest)
{
	if (signature->type == IMA_XATTR_METADATA)
		return NULL;
	if (signature->type == IMA_XATTR_VERITY && signature->version != 3)
		return "a signature over an fs-verity digest has to be of version 3";
	if (signature->type == IMA_XATTR_VERITY && digest->type != IMA_DIGEST_VERITY &&
	    digest->type_name.size)
		return "a signature over an fs-verity digest beside a digest of another kind";
	if (signature->type == IMA_XATTR_CONTENTS && digest->type != IMA_DIGEST_FILE)
		return "a signature over contents beside a digest of another kind";
	if (signature->alg != digest->alg)
		return "made over another algorithm's digest than the entry has";
	return NULL;
}

int ima_contents_verify(const struct ima_entry *entry, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err)
{
	struct ima_signature signature;
	struct digest digest;
	const struct check check = { .keys = keys,
				     .use = IMA_KEY_FILES,
				     .digests = &digest,
				     .n_digests = 1,
				     .signature = &signature };
	const char *fault;

	if (!read_header(entry->sig, &signature, out))
		return 0;
	fault = contents_fault(&signature, &entry->digest);
	if (fault) {
		conclude(out, IMA_SIGNED_WRONG, fault);
		return 0;
	}
	if (signature.type == IMA_XATTR_METADATA || signature.alg == ALG_NONE ||
	    !hasher_has(hasher, signature.alg)) {
		conclude(out, IMA_SIGNED_UNSUPPORTED,
			 signature.type == IMA_XATTR_METADATA
				 ? "it is over metadata, which the entry's template leaves out"
				 : "it is over a hash that Assay does not know");
		return 0;
	}
	if (!digest_init(&digest, entry->digest.alg, entry->digest.value)) {
		conclude(out, IMA_SIGNED_WRONG,
			 "the entry's digest is not of its algorithm's size");
		return 0;
	}
	if (signature.version == 3 && file_id_digest(hasher, signature.type, &digest, err) < 0)
		return -1;
	return check_keys(&check, out, err);
}

/* --- metadata ------------------------------------------------------------------------------------ */

static const struct ima_field *field_of(const struct ima_entry *entry, enum ima_field_id id)
{
	for (size_t i = 0; i < entry->n_fields; i++)
		if (entry->fields[i].id == id)
			return &entry->fields[i];
	return NULL;
}

/* The value of security.ima among the attributes; false when the fields contradict each other or
 * it is not among them: the kernel refuses such a signature. */
static bool find_ima_xattr(const struct ima_field *names, const struct ima_field *sizes,
			   const struct ima_field *values, bool big_endian, struct bytes *out)
{
	struct reader lengths = reader_of(sizes->value, 0, NULL);
	struct reader in = reader_of(values->value, 0, NULL);
	struct bytes rest = names->value;
	bool found = false;

	if (rest.size && rest.data[rest.size - 1] == 0)
		rest.size--;
	for (size_t n = 0; n < ATTRIBUTES_MAX && rest.size; n++) {
		const uint8_t *bar = memchr(rest.data, '|', rest.size);
		struct bytes name =
			bytes_of(rest.data, bar ? (size_t)(bar - rest.data) : rest.size);
		size_t size = big_endian ? reader_be32(&lengths) : reader_le32(&lengths);
		struct bytes value = reader_bytes(&in, size);

		if (bytes_equal_string(name, "security.ima") && !found) {
			found = true;
			*out = value;
		}
		rest = bytes_of(rest.data + name.size + (bar != NULL),
				rest.size - name.size - (bar != NULL));
	}
	return found && rest.size == 0 && !lengths.ran_out && reader_left(&lengths) == 0 &&
	       !in.ran_out && reader_left(&in) == 0;
}

static uint32_t number(struct bytes value, bool big_endian)
{
	uint32_t out = 0;

	for (size_t i = 0; i < value.size && i < 4; i++)
		out = out << 8 | value.data[big_endian ? i : value.size - 1 - i];
	return out;
}

static void append32(struct buf *out, uint32_t value, bool big_endian)
{
	if (big_endian)
		buf_append_be32(out, value);
	else
		buf_append_le32(out, value);
}

/* struct h_misc of hmac_add_misc as a portable signature has it: no inode, no generation. */
static void append_misc(struct buf *out, uint32_t uid, uint32_t gid, uint32_t mode, bool wide,
			bool big_endian)
{
	static const uint8_t zeros[12];

	buf_append(out, bytes_of(zeros, wide ? 12 : 8));
	append32(out, uid, big_endian);
	append32(out, gid, big_endian);
	if (big_endian)
		buf_append_be16(out, (uint16_t)mode);
	else
		buf_append_le16(out, (uint16_t)mode);
	buf_append(out, bytes_of(zeros, 2));
}

/*
 * What the kernel may have hashed. Its struct is of the machine's word size and byte order, and a list in
 * canonical form does not say either: the likelier come first.
 */
#define MISC_FORMS 4
static int metadata_digests(const struct ima_entry *entry, struct bytes values, bool big_endian,
			    const struct ima_signature *signature, struct hasher *hasher,
			    struct digest out[MISC_FORMS], struct error *err)
{
	struct bytes uid = field_of(entry, IMA_FIELD_IUID)->value;
	struct bytes gid = field_of(entry, IMA_FIELD_IGID)->value;
	struct bytes mode = field_of(entry, IMA_FIELD_IMODE)->value;

	for (size_t i = 0; i < MISC_FORMS; i++) {
		AUTO(buf_clear) struct buf misc = BUF_INIT;
		struct bytes parts[2] = {
			values, {NULL, 0}
		};

		append_misc(&misc, number(uid, big_endian), number(gid, big_endian),
			    number(mode, big_endian), i < 2, (i & 1) != big_endian);
		if (buf_finish(&misc, err) < 0)
			return -1;
		parts[1] = buf_bytes(&misc);
		if (hasher_digest(hasher, signature->alg, parts, 2, &out[i], err) < 0 ||
		    (signature->version == 3 &&
		     file_id_digest(hasher, signature->type, &out[i], err) < 0))
			return -1;
	}
	return 0;
}

/* What security.ima says about contents must be what the entry says. NULL if so, else why not. */
static const char *ima_xattr_fault(struct bytes xattr, const struct ima_digest *digest)
{
	struct ima_signature inner;
	enum alg alg = ALG_NONE;
	struct bytes stated = { 0 };

	if (xattr.size < 2)
		return "the security.ima that it covers is empty";
	switch (xattr.data[0]) {
	case IMA_XATTR_SHA1:
		stated = bytes_of(xattr.data + 1, xattr.size - 1);
		alg = stated.size == alg_size(ALG_MD5) ? ALG_MD5 : ALG_SHA1;
		break;
	case IMA_XATTR_DIGEST:
		stated = bytes_of(xattr.data + 2, xattr.size - 2);
		alg = ima_alg_of_id(xattr.data[1]);
		break;
	case IMA_XATTR_CONTENTS:
	case IMA_XATTR_VERITY:
		if (ima_signature_parse(xattr, NULL, 0, &inner, NULL) < 0)
			return "the security.ima that it covers is no signature of its form";
		return NULL; /* the caller checks it */
	default:
		return "the security.ima that it covers is of another kind";
	}
	/* MD5 once took as much room as SHA-1. */
	if (alg != digest->alg || stated.size < digest->value.size ||
	    !bytes_equal(bytes_of(stated.data, digest->value.size), digest->value))
		return "the security.ima that it covers states another digest than the entry";
	return NULL;
}

static const char *metadata_fault(const struct ima_entry *entry, bool big_endian,
				  const struct ima_signature *signature, struct bytes *ima_xattr,
				  struct bytes *values)
{
	static const enum ima_field_id wanted[] = { IMA_FIELD_XATTRNAMES,  IMA_FIELD_XATTRLENGTHS,
						    IMA_FIELD_XATTRVALUES, IMA_FIELD_IUID,
						    IMA_FIELD_IGID,        IMA_FIELD_IMODE };
	const struct ima_field *fields[ARRAY_SIZE(wanted)];

	if (signature->type != IMA_XATTR_METADATA)
		return "no portable signature over metadata";
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		fields[i] = field_of(entry, wanted[i]);
		if (!fields[i])
			return "the entry's template leaves out what it covers";
	}
	if (fields[3]->value.size != 4 || fields[4]->value.size != 4 || fields[5]->value.size != 2)
		return "owner, group or mode are not of their size";
	if (!find_ima_xattr(fields[0], fields[1], fields[2], big_endian, ima_xattr))
		return "the attributes it covers lack security.ima, or contradict each other";
	*values = fields[2]->value;
	return ima_xattr_fault(*ima_xattr, &entry->digest);
}

int ima_metadata_verify(const struct ima_entry *entry, bool big_endian, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err)
{
	struct digest digests[MISC_FORMS];
	struct ima_signature signature;
	struct bytes ima_xattr = { 0 }, values = { 0 };
	const struct check check = { .keys = keys,
				     .use = IMA_KEY_METADATA,
				     .digests = digests,
				     .n_digests = MISC_FORMS,
				     .signature = &signature };
	const char *fault;

	if (!read_header(entry->evmsig, &signature, out))
		return 0;
	fault = metadata_fault(entry, big_endian, &signature, &ima_xattr, &values);
	if (fault) {
		conclude(out, IMA_SIGNED_WRONG, fault);
		return 0;
	}
	if (signature.alg == ALG_NONE || !hasher_has(hasher, signature.alg)) {
		conclude(out, IMA_SIGNED_UNSUPPORTED, "it is over a hash that Assay does not know");
		return 0;
	}
	if (metadata_digests(entry, values, big_endian, &signature, hasher, digests, err) < 0 ||
	    check_keys(&check, out, err) < 0)
		return -1;
	/* Contents are bound by the signature in security.ima, if that is what it holds. */
	if (out->state == IMA_SIGNED_GOOD &&
	    (ima_xattr.data[0] == IMA_XATTR_CONTENTS || ima_xattr.data[0] == IMA_XATTR_VERITY)) {
		struct ima_entry inner = *entry;
		struct ima_signed_result contents;

		inner.sig = ima_xattr;
		if (ima_contents_verify(&inner, keys, hasher, &contents, err) < 0)
			return -1;
		if (contents.state != IMA_SIGNED_GOOD) {
			*out = contents;
			if (!out->why[0])
				snprintf(out->why, sizeof(out->why),
					 "it covers a signature in security.ima that is not good");
		}
	}
	return 0;
}

/* --- appended ------------------------------------------------------------------------------------ */

static void name_signer(const struct signed_data *data, struct ima_signed_result *out)
{
	struct bytes id = signed_data_key_id(data);

	if (!id.size)
		id = signed_data_serial(data);
	if (id.size > 20)
		id = bytes_of(id.data + id.size - 20, 20);
	hex_write(out->key_id, id);
}

/* A signature by a certificate that a key of the ring is, or has signed, or has signed who has. 1 and
 * out->key; 0; -1. */
static int try_chain(const struct check *check, const struct signed_chain *chain,
		     const struct ima_keyring *ring, bool *is_refused,
		     struct ima_signed_result *out, struct error *err)
{
	for (size_t i = 0; ring && i <= chain->n; i++)
		for (size_t k = 0; k < ring->n_keys; k++) {
			const struct ima_key *key = &ring->keys[k];
			struct error problem = { 0 };
			int holds;

			if (!(key->uses & check->use) || !key->der.size ||
			    !(i < chain->n ? signed_chain_is(chain, i, key->der)
					   : signed_chain_issues(chain, key->der)))
				continue;
			holds = signed_chain_verify(chain, check->appended, i, key->key,
						    check->digests, &problem);
			if (holds < 0 && problem.code == ERROR_SYSTEM) {
				*err = problem;
				return -1;
			}
			out->key = key;
			if (holds > 0)
				return 1;
			*is_refused = true;
		}
	return 0;
}

/*
 * As Linux has it: certificates that come with the signature have to hold among themselves; then one of
 * them, or who signed the last, has to be a key that is trusted. Where none is, the key is looked for that
 * the signature names, as without them.
 */
static int check_chain(const struct check *check, struct ima_signed_result *out, struct error *err)
{
	AUTO(signed_chain_clear) struct signed_chain chain = { .state = CHAIN_NONE };
	struct error problem = { 0 };
	bool is_refused = false;
	int found = 0;

	if (signed_chain_read(check->appended, check->digests, &chain, &problem) < 0) {
		if (problem.code == ERROR_LIMIT) {
			conclude(out, IMA_SIGNED_UNSUPPORTED, problem.message);
			return 0;
		}
		*err = problem;
		return -1;
	}
	if (chain.state == CHAIN_BROKEN) {
		conclude(out, IMA_SIGNED_WRONG, chain.why);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(check->keys->revoked) && !found; i++)
		found = try_chain(check, &chain, check->keys->revoked[i], &is_refused, out, err);
	if (found) {
		conclude(out, IMA_SIGNED_REVOKED, "");
		return found < 0 ? -1 : 0;
	}
	is_refused = false;
	for (size_t i = 0; i < ARRAY_SIZE(check->keys->rings) && !found; i++)
		found = try_chain(check, &chain, check->keys->rings[i], &is_refused, out, err);
	if (found) {
		conclude(out, IMA_SIGNED_GOOD, "");
		return found < 0 ? -1 : 0;
	}
	if (is_refused) {
		conclude(out, IMA_SIGNED_WRONG,
			 "a certificate that comes with it is not signed by the key it names");
		return 0;
	}
	return check_keys(check, out, err);
}

int ima_appended_verify(const struct ima_entry *entry, const struct ima_keys *keys,
			struct hasher *hasher, struct ima_signed_result *out, struct error *err)
{
	AUTO(signed_data_freep) struct signed_data *data = NULL;
	struct digest digest, attributes;
	struct error problem = { 0 };
	struct check check = {
		.keys = keys, .use = IMA_KEY_MODULES, .digests = &digest, .n_digests = 1
	};

	memset(out, 0, sizeof(*out));
	if (entry->modsig.size == 0)
		return 0;
	if (signed_data_parse(entry->modsig, NULL, 0, &data, &problem) < 0) {
		if (problem.code == ERROR_SYSTEM) {
			*err = problem;
			return -1;
		}
		conclude(out,
			 problem.code == ERROR_UNSUPPORTED ? IMA_SIGNED_UNSUPPORTED
							   : IMA_SIGNED_WRONG,
			 problem.message);
		return 0;
	}
	name_signer(data, out);
	if (signed_data_alg(data) == ALG_NONE || !hasher_has(hasher, signed_data_alg(data))) {
		conclude(out, IMA_SIGNED_UNSUPPORTED, "it is over a hash that Assay does not know");
		return 0;
	}
	if (signed_data_alg(data) != entry->modsig_digest.alg ||
	    !digest_init(&digest, entry->modsig_digest.alg, entry->modsig_digest.value)) {
		conclude(out, IMA_SIGNED_WRONG,
			 "made over another algorithm's digest than the entry has");
		return 0;
	}
	if (signed_data_attributes(data).size) {
		if (hasher_digest_bytes(hasher, digest.alg, signed_data_attributes(data),
					&attributes, err) < 0)
			return -1;
		if (!digest_equal(&attributes, &digest)) {
			conclude(out, IMA_SIGNED_WRONG,
				 "the entry's digest is not that of the attributes it signs");
			return 0;
		}
		conclude(out, IMA_SIGNED_UNSUPPORTED,
			 "it signs attributes in the place of what it is appended to, which Linux "
			 "does not accept there");
		return 0;
	}
	check.appended = data;
	return check_chain(&check, out, err);
}
