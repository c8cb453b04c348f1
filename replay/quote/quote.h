/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * quote: read what a TPM signed about its PCRs, and check it: structure,
 * signature, key, nonce, selection, PCR digest. Says which checks hold; what
 * that means for a machine, and whether the key is anybody's to trust, is for
 * audit/ to say. Never prints.
 *
 *     quote_parse            TPMS_ATTEST, as tpm2_quote -m writes it
 *     quote_signature_parse  TPMT_SIGNATURE or a plain signature (tpm2_quote -s)
 *     quote_key_parse        an attestation key: TPM2B_PUBLIC, TPMT_PUBLIC, PEM, DER
 *     quote_pcrs_parse       PCR values (tpm2_quote -o, tpm2_pcrread -o)
 *     quote_check            all of the above against each other, and the nonce
 *
 * Sources: TPM 2.0 Library 1.59 part 2, 10.12.12 (TPMS_ATTEST), 11.3.4 (TPMT_SIGNATURE),
 *          12.2.4 (TPMT_PUBLIC); part 1, 16 (names), B.7 (RSAPSS salt); part 3, 18.4
 *          (TPM2_Quote). tpm2-tools 5.4 for the forms of its PCR files.
 * Threads: every struct may be read from several threads at once; a hasher is one thread's.
 */
#ifndef REPLAY_QUOTE_QUOTE_H
#define REPLAY_QUOTE_QUOTE_H

#include "core/crypto.h"
#include "core/pcr.h"

struct public_key; /* core/crypto_key.h */

/* TPML_PCR_SELECTION holds at most this many banks (TPM2_NUM_PCR_BANKS of tpm2-tss). */
#define QUOTE_BANKS_MAX 16
/* TPM2B_DATA holds a TPMT_HA at most: no quote carries a longer nonce. */
#define QUOTE_NONCE_MAX (2 + DIGEST_SIZE_MAX)
/* sizeofSelect is at most 4 bytes; PCR_COUNT and above exist in no PC Client TPM. */
#define QUOTE_PCRS_MAX  32

/* --- the message ------------------------------------------------------------------------------ */

/* What the message is, before anything is believed. Only QUOTE_IS_QUOTE is one to judge. */
enum quote_structure {
	QUOTE_IS_QUOTE,
	QUOTE_NOT_GENERATED, /* magic is not TPM_GENERATED_VALUE: no TPM made it as an attestation */
	QUOTE_BYTES_BEFORE,  /* a TPM2B_ATTEST: its size comes before the structure */
	QUOTE_NOT_A_QUOTE,   /* an attestation of another type: certify, time, ... */
	QUOTE_BYTES_AFTER,   /* a quote with bytes left over behind it */
};

/* "a quote", "not made by a TPM: wrong magic", ... */
const char *quote_structure_text(enum quote_structure structure);

/* One bank of a signed selection. */
struct quote_bank {
	enum alg alg;    /* ALG_NONE when alg_id names an algorithm Assay does not know */
	uint16_t alg_id; /* TPM_ALG_ID as signed */
	pcr_set pcrs;    /* as signed; may have bits from PCR_COUNT on, which PC Client TPMs lack */
};

/* In signed order, which is the order in which the values are hashed. A bank may come twice. */
struct quote_selection {
	size_t n_banks;
	struct quote_bank banks[QUOTE_BANKS_MAX];
};

/* PCRs below PCR_COUNT that the selection names in the bank of alg, over all its entries. */
pcr_set quote_selection_pcrs(const struct quote_selection *selection, enum alg alg);
/* Any bit for a PCR from PCR_COUNT on (verdicts: quote.selection, medium). */
bool quote_selection_beyond(const struct quote_selection *selection);
/* Banks with at least one PCR below PCR_COUNT, as a set of algorithms below ALG_BANKS. */
alg_set quote_selection_algs(const struct quote_selection *selection);

/*
 * TPMS_ATTEST. structure says how far the rest goes: nothing but message for
 * QUOTE_NOT_GENERATED and QUOTE_BYTES_BEFORE; all but selection and pcr_digest
 * for QUOTE_NOT_A_QUOTE. All bytes are borrowed from the message.
 */
struct quote {
	struct bytes message; /* the whole input: what the signature covers */
	enum quote_structure structure;
	uint32_t magic;            /* as found; TPM_GENERATED_VALUE is 0xff544347 */
	uint16_t type;             /* TPM_ST; 0x8018 is TPM_ST_ATTEST_QUOTE */
	struct bytes signer;       /* qualifiedSigner: qualified name of the key, nameAlg first */
	struct bytes nonce;        /* extraData: the challenger's qualifying data, may be empty */
	uint64_t clock;            /* milliseconds the TPM was powered, since it was last cleared */
	uint32_t reset_count;      /* TPM resets (machine reboots) since it was last cleared */
	uint32_t restart_count;    /* restarts and resumes since the last reset */
	bool safe;                 /* no: clock may have been reported higher before */
	uint64_t firmware_version; /* vendor-specific */
	struct quote_selection selection; /* PCRs the digest covers */
	struct bytes pcr_digest;          /* H of the selected values; H is the signature's hash */
};

/*
 * Reads a message. Wrong magic, another type, bytes before or after are
 * results (out->structure); a message cut short or with a field no TPM writes
 * is -1 with the offset.
 */
int quote_parse(struct bytes message, const char *source, struct quote *out, struct error *err);

/* --- the signature ---------------------------------------------------------------------------- */

enum quote_scheme {
	QUOTE_SCHEME_NULL,   /* TPM_ALG_NULL: no signature, or a key that leaves the scheme open */
	QUOTE_SCHEME_RSASSA, /* RSASSA-PKCS1-v1_5 */
	QUOTE_SCHEME_RSAPSS, /* salt of any length, as TPMs differ: the largest, or the digest's */
	QUOTE_SCHEME_ECDSA,
	QUOTE_SCHEME_OTHER, /* ECDAA, SM2, ECSchnorr, HMAC: not judged */
};

/* What a signature says it is. Bytes are borrowed from the input. */
struct quote_signature {
	bool plain; /* no TPMT_SIGNATURE: raw holds the file, scheme and hash are the key's to say */
	enum quote_scheme scheme;
	uint16_t scheme_id; /* TPM_ALG_ID as found; 0 if plain */
	enum alg hash;      /* ALG_NONE if unknown or plain */
	uint16_t hash_id;   /* TPM_ALG_ID as found; 0 if plain */
	struct bytes raw;   /* RSA: the signature; plain: the file */
	struct bytes r, s;  /* ECDSA, big endian */
};

/* -1 for what starts as a TPMT_SIGNATURE and breaks off, or goes on after its end; or is empty. */
int quote_signature_parse(struct bytes signature, const char *source, struct quote_signature *out,
			  struct error *err);

/* "rsassa-sha256", "ecdsa-sha384", "none"; out has room for QUOTE_SCHEME_SIZE. Returns out. */
#define QUOTE_SCHEME_SIZE 40
char *quote_scheme_text(enum quote_scheme scheme, enum alg hash, char *out);

/* --- the attestation key ---------------------------------------------------------------------- */

/* The form a key was found in; PEM and DER hide the TPM's attributes of it. */
enum quote_key_form {
	QUOTE_KEY_TPM2B_PUBLIC,
	QUOTE_KEY_TPMT_PUBLIC,
	QUOTE_KEY_PEM, /* PUBLIC KEY, RSA PUBLIC KEY, or the key of a CERTIFICATE */
	QUOTE_KEY_DER, /* SubjectPublicKeyInfo or the key of a certificate */
};

/* What an attestation key should not be: a set of 1 << fault. */
enum quote_key_fault {
	QUOTE_KEY_NOT_FIXED_TPM,
	QUOTE_KEY_NOT_FIXED_PARENT,
	QUOTE_KEY_NOT_SENSITIVE_DATA_ORIGIN, /* the private key came from outside the TPM */
	QUOTE_KEY_NOT_RESTRICTED, /* it signs anything it is given: quotes can be forged */
	QUOTE_KEY_NOT_SIGN,
	QUOTE_KEY_DECRYPT,
	QUOTE_KEY_NOT_ASYMMETRIC, /* keyed hash or symmetric: nobody else can verify it */
	QUOTE_KEY_EXPONENT,       /* RSA, not 65537 */
	QUOTE_KEY_CURVE,          /* none of P-256, P-384, P-521 */
	QUOTE_KEY_NAME_ALG,       /* weaker than SHA-256, or none */
	QUOTE_KEY_SIZE,           /* RSA below 2048 bits, a NIST curve below P-256 */
	QUOTE_KEY_FAULT_COUNT,
};

/* Faults that are weakness rather than attributes (verdicts: key.weak, else key.attributes). */
#define QUOTE_KEY_FAULTS_WEAK (1u << QUOTE_KEY_SIZE)

/* "not fixedTPM", "RSA exponent is not 65537", ... */
const char *quote_key_fault_text(enum quote_key_fault fault);

struct quote_key {
	enum quote_key_form form;
	bool has_attributes; /* a TPM form: attributes, scheme, name_alg and name are known */
	uint32_t attributes; /* TPMA_OBJECT */
	enum alg name_alg;   /* ALG_NONE if unknown or none */
	uint32_t
		faults; /* set of enum quote_key_fault; of a PEM or DER key only those it can show */
	/* Scheme and hash of the key; QUOTE_SCHEME_NULL where it has none or the form hides them. */
	enum quote_scheme scheme;
	enum alg hash;
	size_t name_size;                  /* 0 if the form hides it or name_alg is not known */
	uint8_t name[2 + DIGEST_SIZE_MAX]; /* nameAlg (big endian), then H(TPMT_PUBLIC) */
	struct public_key *public_key; /* owned; NULL for a key that is not RSA or a NIST curve */
	char description[64];          /* "RSA 2048", "ECC P-256", "keyed hash" */
};

/* A key in any form. -1 with the offset for what is no key, or a key with bytes left over. */
int quote_key_parse(struct bytes input, const char *source, struct hasher *hasher,
		    struct quote_key **out, struct error *err);
void quote_key_free(struct quote_key *key);
void quote_key_freep(struct quote_key **key);

/*
 * The same public key, whatever the forms: modulus and exponent, or curve and
 * point. Attributes are not compared; two keys of one TPM form with the same
 * name are equal in those too.
 */
bool quote_key_equal(const struct quote_key *a, const struct quote_key *b);

/* Faults joined by ", ", cut to out_size; "" for none. Returns out. */
char *quote_key_faults_text(uint32_t faults, char *out, size_t out_size);

/* --- PCR values ------------------------------------------------------------------------------- */

enum quote_pcrs_form {
	QUOTE_PCRS_SERIALIZED, /* tpm2-tools' structs in memory, little endian, its default */
	QUOTE_PCRS_VALUES,     /* digests one after the other in the order of the selection */
	QUOTE_PCRS_MARSHALED,  /* TPML_PCR_SELECTION, UINT32 n, n TPML_DIGEST, big endian */
};

/* "serialized", "values", "marshaled" */
const char *quote_pcrs_form_text(enum quote_pcrs_form form);

/* Values of PCRs by bank: what a PCR file says, or what a replay arrived at. */
struct quote_pcrs {
	pcr_set present[ALG_BANKS];                                /* which of value are set */
	uint8_t value[ALG_BANKS][QUOTE_PCRS_MAX][DIGEST_SIZE_MAX]; /* alg_size(alg) bytes each */
};

/*
 * Reads a PCR file. The form is told by the file's own structure. selection is
 * the quote's: the values form says nothing of its own, so its size must be that
 * of the selected digests; the other two name their PCRs, which need not be those
 * of the selection (what is missing then fails in quote_pcr_digest).
 */
int quote_pcrs_parse(struct bytes input, const char *source,
		     const struct quote_selection *selection, struct quote_pcrs *out,
		     enum quote_pcrs_form *form, struct error *err);

/* Takes the values of pcrs from a replayed bank (bank->alg below ALG_BANKS). */
void quote_pcrs_set_bank(struct quote_pcrs *out, const struct pcr_bank *bank, pcr_set pcrs);

/*
 * Digest of the selected values as TPM2_Quote makes it: H(value || value ...)
 * in the order of the selection, PCRs rising in each bank. alg is the hash of
 * the signature. 1 and *out; 0 when a selected value is not there (*missing, if
 * not NULL, is the first: bank and one PCR) or its bank is unknown; -1 and *err.
 * Selected PCRs from PCR_COUNT on count only when values has them.
 */
int quote_pcr_digest(struct hasher *hasher, enum alg alg, const struct quote_selection *selection,
		     const struct quote_pcrs *values, struct digest *out,
		     struct quote_bank *missing, struct error *err);

/* --- the checks ------------------------------------------------------------------------------- */

enum quote_check_id {
	QUOTE_CHECK_STRUCTURE,  /* "structure": magic, type, nothing before or after */
	QUOTE_CHECK_SIGNATURE,  /* "signature": holds over the message, with this key */
	QUOTE_CHECK_SCHEME,     /* "scheme": scheme and hash are the key's own, where it has them */
	QUOTE_CHECK_HASH,       /* "signature-hash": stronger than SHA-1 */
	QUOTE_CHECK_KEY,        /* "key": attributes and strength of the key (key->faults) */
	QUOTE_CHECK_NONCE,      /* "nonce": equals the one given */
	QUOTE_CHECK_SELECTION,  /* "selection": selects some PCR a TPM has */
	QUOTE_CHECK_PCR_DIGEST, /* "pcr-digest": the values given hash to the signed digest */
	QUOTE_CHECK_COUNT,
};

/* The check's name in JSON and reports. */
const char *quote_check_name(enum quote_check_id id);

enum quote_answer {
	QUOTE_PASS,
	QUOTE_FAIL,
	QUOTE_SKIP, /* could not be made, the detail says why */
};

const char *quote_answer_name(enum quote_answer answer); /* "pass", "fail", "skip" */

struct quote_check {
	enum quote_answer answer;
	char detail
		[160]; /* why it failed or was skipped, one clause; what was found if it passed */
};

/* Plain data; nothing borrowed or owned. */
struct quote_result {
	struct quote_check checks[QUOTE_CHECK_COUNT];
	bool valid; /* structure and signature pass, and nothing fails */
	/* Scheme and hash the signature was judged by: its own, or for a plain one the key's. */
	enum quote_scheme scheme;
	enum alg hash;
};

/*
 * Checks a quote. nonce and pcrs may be NULL: those checks are skipped. -1 only
 * when the machine failed us (memory, libcrypto).
 */
int quote_check(struct hasher *hasher, const struct quote *quote,
		const struct quote_signature *signature, const struct quote_key *key,
		const struct bytes *nonce, const struct quote_pcrs *pcrs, struct quote_result *out,
		struct error *err);

#endif
