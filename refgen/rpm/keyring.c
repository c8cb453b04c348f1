/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/keyring.h"

#include <errno.h>
#include <stdarg.h>
#include <unistd.h>

#include <rnp/rnp.h>
#include <rnp/rnp_err.h>

#include "core/library.h"
#include "refgen/rpm/openpgp.h"

/* What is used of librnp. Loaded at the first key: it and what it needs take longer to load than many
 * a command to run. */
#define RNP_FUNCTIONS(X)                                                                           \
	X(buffer_destroy)                                                                          \
	X(ffi_create)                                                                              \
	X(ffi_destroy)                                                                             \
	X(import_keys)                                                                             \
	X(input_destroy)                                                                           \
	X(input_from_callback)                                                                     \
	X(input_from_memory)                                                                       \
	X(key_allows_usage)                                                                        \
	X(key_get_creation)                                                                        \
	X(key_get_expiration)                                                                      \
	X(key_get_fprint)                                                                          \
	X(key_get_primary_fprint)                                                                  \
	X(key_get_primary_uid)                                                                     \
	X(key_get_uid_at)                                                                          \
	X(key_handle_destroy)                                                                      \
	X(key_is_expired)                                                                          \
	X(key_is_revoked)                                                                          \
	X(key_is_valid)                                                                            \
	X(locate_key)                                                                              \
	X(op_verify_destroy)                                                                       \
	X(op_verify_detached_create)                                                               \
	X(op_verify_execute)                                                                       \
	X(op_verify_get_signature_at)                                                              \
	X(op_verify_get_signature_count)                                                           \
	X(op_verify_signature_get_status)                                                          \
	X(result_to_string)                                                                        \
	X(version_string)

static struct {
#define X(name) __typeof__(rnp_##name) *name;
	RNP_FUNCTIONS(X)
#undef X
} rnp;

static int rnp_load(struct error *err)
{
	static const char *const names[] = { "librnp.so.0" };
	static const struct library_symbol symbols[] = {
#define X(name) { "rnp_" #name, &rnp.name },
		RNP_FUNCTIONS(X)
#undef X
	};

	return library_load(names, ARRAY_SIZE(names), symbols, ARRAY_SIZE(symbols), err);
}

#define PACKET_SECRET_KEY 5
#define PACKET_PUBLIC_KEY 6

#define KEYRING_FILE_MAX (64u << 20) /* bytes: all keys of all distributions are far less */

struct rpm_keyring {
	struct buf packets; /* keys librnp took, one after the other */
	size_t *ends;       /* of each in packets; owned */
	size_t n_keys;
};

struct rpm_verifier {
	rnp_ffi_t ffi;
	bool any; /* has keys */
};

int rpm_keyring_new(struct rpm_keyring **out, struct error *err)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : error_memory(err, NULL);
}

void rpm_keyring_free(struct rpm_keyring *keyring)
{
	if (!keyring)
		return;
	buf_clear(&keyring->packets);
	free(keyring->ends);
	free(keyring);
}

void rpm_keyring_freep(struct rpm_keyring **keyring)
{
	rpm_keyring_free(*keyring);
}

size_t rpm_keyring_n_keys(const struct rpm_keyring *keyring)
{
	return keyring->n_keys;
}

/* librnp reads one key: true if it took it. */
static bool import_key(rnp_ffi_t ffi, struct bytes key)
{
	rnp_input_t input = NULL;
	bool taken;

	if (rnp.input_from_memory(&input, key.data, key.size, false) != RNP_SUCCESS)
		return false;
	taken = rnp.import_keys(ffi, input, RNP_LOAD_SAVE_PUBLIC_KEYS, NULL) == RNP_SUCCESS;
	rnp.input_destroy(input);
	return taken;
}

static int keyring_append(struct rpm_keyring *keyring, struct bytes key, struct error *err)
{
	size_t *ends = realloc(keyring->ends, (keyring->n_keys + 1) * sizeof(*ends));

	if (!ends)
		return error_memory(err, NULL);
	keyring->ends = ends;
	buf_append(&keyring->packets, key);
	if (buf_finish(&keyring->packets, err) < 0)
		return -1;
	keyring->ends[keyring->n_keys++] = keyring->packets.size;
	return 0;
}

/* The key that begins here: its packets up to the next key's. version: of its first packet. */
static int take_key(struct reader *in, struct bytes *key, uint8_t *version, struct error *err)
{
	const uint8_t *begin = in->data + in->pos;
	uint64_t at = reader_offset(in);
	struct bytes body, whole;
	unsigned type;

	if (openpgp_packet_next(in, &type, &body, &whole, err) < 0)
		return -1;
	if (type == PACKET_SECRET_KEY)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "a secret key: a keyring holds public ones");
	if (type != PACKET_PUBLIC_KEY || body.size == 0)
		return error_set(
			err, ERROR_MALFORMED, in->source, at,
			"RFC 9580 10.1: OpenPGP packet of type %u, must be a public key (%d)", type,
			PACKET_PUBLIC_KEY);
	*version = body.data[0];
	while (reader_left(in)) {
		struct reader look = *in;

		if (openpgp_packet_next(&look, &type, &body, &whole, err) < 0)
			return -1;
		if (type == PACKET_PUBLIC_KEY || type == PACKET_SECRET_KEY)
			break;
		*in = look;
	}
	*key = bytes_of(begin, (size_t)(in->data + in->pos - begin));
	return 0;
}

int rpm_keyring_add(struct rpm_keyring *keyring, struct bytes contents, const char *source,
		    size_t *n_unusable, struct error *err)
{
	AUTO(buf_clear) struct buf binary = BUF_INIT;
	const size_t n_before = keyring->n_keys;
	rnp_ffi_t ffi = NULL;
	struct reader in;
	int status = 0;

	*n_unusable = 0;
	if (contents.size > KEYRING_FILE_MAX)
		return error_set(err, ERROR_LIMIT, source, ERROR_NO_OFFSET,
				 "keyring of %zu bytes, at most %u", contents.size,
				 KEYRING_FILE_MAX);
	if (openpgp_is_armored(contents)) {
		if (openpgp_dearmor(contents, source, &binary, err) < 0)
			return -1;
		in = reader_of(buf_bytes(&binary), 0, source);
	} else {
		in = reader_of(contents, 0, source);
	}
	if (!reader_left(&in) || !(in.data[0] & 0x80))
		return error_set(err, ERROR_MALFORMED, source, ERROR_NO_OFFSET,
				 "no OpenPGP public key, neither armoured nor binary");
	if (rnp_load(err) < 0)
		return -1;
	if (rnp.ffi_create(&ffi, "GPG", "GPG") != RNP_SUCCESS)
		return error_set(err, ERROR_SYSTEM, source, ERROR_NO_OFFSET,
				 "librnp: cannot start");
	while (status == 0 && reader_left(&in)) {
		struct bytes key;
		uint8_t version = 0;

		status = take_key(&in, &key, &version, err);
		if (status < 0)
			break;
		/* librnp would complain on standard error about others. */
		if ((version == 3 || version == 4) && import_key(ffi, key))
			status = keyring_append(keyring, key, err);
		else
			++*n_unusable;
	}
	rnp.ffi_destroy(ffi);
	if (status < 0)
		return -1;
	if (keyring->n_keys == n_before)
		return error_set(err, ERROR_UNSUPPORTED, source, ERROR_NO_OFFSET,
				 "%zu OpenPGP keys, none that librnp %s can use (version 4 only)",
				 *n_unusable, rnp.version_string());
	return 0;
}

int rpm_verifier_new(const struct rpm_keyring *keyring, struct rpm_verifier **out,
		     struct error *err)
{
	AUTO(rpm_verifier_freep) struct rpm_verifier *verifier = calloc(1, sizeof(*verifier));
	size_t begin = 0;

	if (!verifier)
		return error_memory(err, NULL);
	verifier->any = keyring && keyring->n_keys;
	if (verifier->any && rnp_load(err) < 0)
		return -1;
	if (verifier->any && rnp.ffi_create(&verifier->ffi, "GPG", "GPG") != RNP_SUCCESS)
		return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET, "librnp: cannot start");
	for (size_t i = 0; verifier->any && i < keyring->n_keys; begin = keyring->ends[i++])
		if (!import_key(verifier->ffi,
				bytes_of(keyring->packets.data + begin, keyring->ends[i] - begin)))
			return error_set(err, ERROR_SYSTEM, NULL, ERROR_NO_OFFSET,
					 "librnp: cannot read a key a second time");
	*out = TAKE(verifier);
	return 0;
}

void rpm_verifier_free(struct rpm_verifier *verifier)
{
	if (!verifier)
		return;
	if (verifier->ffi)
		rnp.ffi_destroy(verifier->ffi);
	free(verifier);
}

void rpm_verifier_freep(struct rpm_verifier **verifier)
{
	rpm_verifier_free(*verifier);
}

static void unverifiable(struct rpm_verdict *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void unverifiable(struct rpm_verdict *out, const char *format, ...)
{
	va_list args;

	out->state = SIGNATURE_UNVERIFIABLE;
	va_start(args, format);
	vsnprintf(out->detail, sizeof(out->detail), format, args);
	va_end(args);
}

static void bad(struct rpm_verdict *out, const char *why)
{
	out->bad = true;
	snprintf(out->detail, sizeof(out->detail), "%s", why);
}

/* The key a signature names, or NULL. */
static rnp_key_handle_t find_key(rnp_ffi_t ffi, const struct openpgp_signature *signature)
{
	char hex[2 * OPENPGP_ISSUER_SIZE_MAX + 1];
	rnp_key_handle_t key = NULL;

	hex_write(hex, bytes_of(signature->issuer, signature->issuer_size));
	if (rnp.locate_key(ffi, signature->issuer_size == 8 ? "keyid" : "fingerprint", hex, &key) !=
	    RNP_SUCCESS)
		return NULL;
	return key;
}

static void append_lower(char *out, size_t out_size, const char *hex)
{
	size_t used = strlen(out);

	for (; *hex && used + 1 < out_size; hex++)
		out[used++] = (char)(*hex >= 'A' && *hex <= 'F' ? *hex - 'A' + 'a' : *hex);
	out[used] = '\0';
}

/* Fingerprint of the primary key and its user id: what the operator knows the signer by. */
static void name_signer(rnp_ffi_t ffi, rnp_key_handle_t key, struct rpm_verdict *out)
{
	rnp_key_handle_t primary = NULL;
	char *fingerprint = NULL, *user = NULL;

	if (rnp.key_get_primary_fprint(key, &fingerprint) == RNP_SUCCESS && fingerprint)
		rnp.locate_key(ffi, "fingerprint", fingerprint, &primary); /* a subkey signed */
	else
		rnp.key_get_fprint(key, &fingerprint);
	if (rnp.key_get_primary_uid(primary ? primary : key, &user) != RNP_SUCCESS || !user)
		rnp.key_get_uid_at(primary ? primary : key, 0, &user); /* of an expired key */
	out->signer[0] = '\0';
	if (fingerprint)
		append_lower(out->signer, sizeof(out->signer), fingerprint);
	if (user && *user) {
		size_t used = strlen(out->signer);

		snprintf(out->signer + used, sizeof(out->signer) - used, " %s", user);
	}
	rnp.buffer_destroy(fingerprint);
	rnp.buffer_destroy(user);
	if (primary)
		rnp.key_handle_destroy(primary);
}

/* Whether a key may speak at all. An expired one may: what it signed before stays signed. */
static bool key_usable(rnp_key_handle_t key, struct rpm_verdict *out)
{
	bool revoked = true, expired = false, valid = false;

	if (rnp.key_is_revoked(key, &revoked) != RNP_SUCCESS || revoked) {
		unverifiable(out, "its key is revoked");
		return false;
	}
	if (rnp.key_is_expired(key, &expired) != RNP_SUCCESS ||
	    rnp.key_is_valid(key, &valid) != RNP_SUCCESS || (!valid && !expired)) {
		unverifiable(out, "its key is not validly signed by itself");
		return false;
	}
	return true;
}

struct range_input {
	int fd;
	uint64_t at, end;
	int failed; /* errno */
};

static bool range_read(void *ctx, void *out, size_t size, size_t *n_read)
{
	struct range_input *range = ctx;
	ssize_t n;

	if (size > range->end - range->at)
		size = (size_t)(range->end - range->at);
	do
		n = size ? pread(range->fd, out, size, (off_t)range->at) : 0;
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		range->failed = errno;
		return false;
	}
	range->at += (uint64_t)n;
	*n_read = (size_t)n;
	return true;
}

/* librnp's word on one signature. */
static rnp_result_t verify(rnp_ffi_t ffi, struct bytes packet, const struct rpm_signed *over,
			   struct range_input *range)
{
	rnp_input_t data = NULL, signature = NULL;
	rnp_op_verify_t op = NULL;
	rnp_op_verify_signature_t result = NULL;
	rnp_result_t status;
	size_t n = 0;

	status = over->memory.data
			 ? rnp.input_from_memory(&data, over->memory.data, over->memory.size, false)
			 : rnp.input_from_callback(&data, range_read, NULL, range);
	if (status == RNP_SUCCESS)
		status = rnp.input_from_memory(&signature, packet.data, packet.size, false);
	if (status == RNP_SUCCESS)
		status = rnp.op_verify_detached_create(&op, ffi, data, signature);
	if (status == RNP_SUCCESS) {
		status = rnp.op_verify_execute(op);
		/* Success alone may mean that another of several signatures held: ask for the one. */
		if (rnp.op_verify_get_signature_count(op, &n) == RNP_SUCCESS && n == 1 &&
		    rnp.op_verify_get_signature_at(op, 0, &result) == RNP_SUCCESS) {
			rnp_result_t one = rnp.op_verify_signature_get_status(result);

			if (status == RNP_SUCCESS || one != RNP_SUCCESS)
				status = one;
		} else if (status == RNP_SUCCESS) {
			status = RNP_ERROR_NO_SIGNATURES_FOUND;
		}
		rnp.op_verify_destroy(op);
	}
	if (signature)
		rnp.input_destroy(signature);
	if (data)
		rnp.input_destroy(data);
	return status;
}

/* librnp calls a signature invalid, too, that it will not accept by its rules: tell those apart. */
static void explain_invalid(const struct openpgp_signature *signature, rnp_key_handle_t key,
			    struct rpm_verdict *out)
{
	uint32_t created = 0, lifetime = 0;
	bool may_sign = false;

	rnp.key_get_creation(key, &created);
	rnp.key_get_expiration(key, &lifetime);
	rnp.key_allows_usage(key, "sign", &may_sign);
	if (signature->hash_alg <= 3) /* MD5, SHA-1, RIPEMD-160 */
		unverifiable(out, "its digest algorithm is too weak to be believed");
	else if (!may_sign)
		unverifiable(out, "its key may not sign");
	else if (signature->created_time < created ||
		 (lifetime && signature->created_time > (int64_t)created + lifetime))
		unverifiable(out, "it was made outside its key's lifetime");
	else
		bad(out, "the signature does not fit what was signed");
}

/*
 * The signature states the first two bytes of the digest it was made over. Where they differ it is
 * bad; saying so here spares librnp's complaint on standard error.
 */
static int left_differs(struct hasher *hasher, const struct openpgp_signature *signature,
			struct bytes document, bool *differs, struct error *err)
{
	AUTO(buf_clear) struct buf trailer = BUF_INIT;
	enum alg alg = alg_of_openpgp_id(signature->hash_alg);
	struct bytes parts[2] = { document };
	struct digest digest;

	*differs = false;
	if (!hasher_has(hasher, alg))
		return 0;
	openpgp_signature_trailer(signature, &trailer);
	if (buf_finish(&trailer, err) < 0)
		return -1;
	parts[1] = buf_bytes(&trailer);
	if (hasher_digest(hasher, alg, parts, ARRAY_SIZE(parts), &digest, err) < 0)
		return -1;
	*differs = memcmp(digest.value, signature->left, sizeof(signature->left)) != 0;
	return 0;
}

static int judge_with_key(rnp_ffi_t ffi, rnp_key_handle_t key, struct hasher *hasher,
			  const struct openpgp_signature *signature, struct bytes packet,
			  const char *source, const struct rpm_signed *over,
			  struct rpm_verdict *out, struct error *err)
{
	struct range_input range = { over->fd, over->offset, over->offset + over->size, 0 };
	bool differs = false;
	rnp_result_t status;

	if (!key_usable(key, out))
		return 0;
	if (over->memory.data && left_differs(hasher, signature, over->memory, &differs, err) < 0)
		return -1;
	if (differs) {
		bad(out, "it was made over other bytes");
		return 0;
	}
	status = verify(ffi, packet, over, &range);
	if (range.failed)
		return error_errno(err, ERROR_INPUT, source, range.failed, "cannot read");
	switch (status) {
	case RNP_SUCCESS:
		out->state = SIGNATURE_VERIFIED;
		name_signer(ffi, key, out);
		break;
	case RNP_ERROR_SIGNATURE_INVALID:
		explain_invalid(signature, key, out);
		break;
	case RNP_ERROR_SIGNATURE_EXPIRED:
		unverifiable(out, "it has expired");
		break;
	default:
		unverifiable(out, "librnp: %s", rnp.result_to_string(status));
		break;
	}
	return 0;
}

int rpm_verifier_judge(struct rpm_verifier *verifier, struct hasher *hasher, struct bytes packet,
		       uint64_t offset, const char *source, const struct rpm_signed *over,
		       struct rpm_verdict *out, struct error *err)
{
	struct rpm_verdict verdict = { .state = SIGNATURE_NO_KEY };
	struct openpgp_signature signature;
	rnp_key_handle_t key;
	int status = 0;

	if (openpgp_signature_parse(packet, offset, source, &signature, err) < 0)
		return -1;
	hex_write(verdict.signer, bytes_of(signature.issuer, signature.issuer_size));
	if (signature.version != 3 && signature.version != 4) {
		unverifiable(&verdict, "version %u, %s; only versions 3 and 4 are read",
			     signature.version, openpgp_key_alg_name(signature.key_alg));
	} else if (signature.type != 0) {
		unverifiable(&verdict, "type 0x%02x is no signature of a document", signature.type);
	} else if (!signature.issuer_size) {
		unverifiable(&verdict, "it does not say by which key it was made");
	} else if (verifier->any && (key = find_key(verifier->ffi, &signature))) {
		status = judge_with_key(verifier->ffi, key, hasher, &signature, packet, source,
					over, &verdict, err);
		rnp.key_handle_destroy(key);
	}
	if (status == 0)
		*out = verdict;
	return status;
}
