/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tdx: read what a TDX machine's quoting enclave signed about it, and check it: from the machine's report
 * to the certificate of the processor's provisioning key (PCK). Says which checks hold; whom to trust is
 * for the caller, and what follows for audit/ to say.
 *
 * Not checked: whether the processor, the module and the enclave are up to date (TCB info and enclave
 * identity are signed documents of Intel's that no evidence has).
 *
 * Sources: Intel TDX DCAP Quoting Library API, A.3 (version 4), A.4 (version 5: the same signature data behind
 *          a body of a stated type and size); Intel SDM 3D, 38 (REPORT); TDX Module Base Architecture
 *          Specification (TD attributes); UEFI 2.10, 38.4 (registers).
 * Threads: every struct may be read from several threads at once; a hasher is one thread's.
 */
#ifndef REPLAY_TDX_TDX_H
#define REPLAY_TDX_TDX_H

#include "core/crypto.h"
#include "core/crypto_certificate.h"

/* RTMR0 to RTMR3. In a CCEL log they are the registers 1 to 4. */
#define TDX_REGISTERS 4

#define TDX_REPORT_DATA_SIZE 64

/* Certificates beside a quote: the PCK's, two authorities. */
#define TDX_CERTIFICATES_MAX 8

/* What the machine's attributes say of its owner's host: bit of tdx_quote.attributes. */
#define TDX_ATTRIBUTE_DEBUG 1u

/* All bytes are borrowed from the input. */
struct tdx_quote {
	uint16_t version;            /* 4 or 5 */
	uint16_t body_type;          /* 2: TDX 1.0, 3: TDX 1.5; of version 4: 2 */
	struct bytes signed_part;    /* what the signature is over */
	struct bytes tcb_svn;        /* of the module, 16 bytes */
	struct bytes mr_seam;        /* of the module, 48 */
	struct bytes mr_signer_seam; /* who signed it: zeros are Intel, 48 */
	uint64_t seam_attributes;
	uint64_t attributes; /* of the machine */
	uint64_t xfam;       /* processor features that it may use */
	struct bytes mr_td;  /* the machine as it was built, 48 */
	struct bytes mr_config_id, mr_owner,
		mr_owner_config;          /* as its owner's host set them, 48 each */
	struct bytes rtmr[TDX_REGISTERS]; /* 48 each: SHA-384 */
	struct bytes report_data;         /* 64: the challenger's, or the machine's */
	struct bytes signature;           /* r, s: 64 */
	struct bytes key;                 /* attestation key on P-256, x, y: 64 */
	struct bytes qe_report;           /* of the quoting enclave, 384 */
	struct bytes qe_signature;        /* over it by the PCK, 64 */
	struct bytes qe_auth;             /* what the enclave hashes with the key */
	uint16_t certification_type;      /* 5: chain is the PCK's, in PEM */
	struct bytes chain;               /* or what else certifies it */
};

/* True if a file that begins so can be nothing but a TDX quote. */
bool tdx_is_quote(struct bytes start);

/*
 * Reads a quote: ERROR_TRUNCATED, ERROR_MALFORMED, ERROR_UNSUPPORTED (another version, key or certification),
 * each with the offset. Zeros may follow it, as drivers hand out whole buffers.
 */
int tdx_parse(struct bytes input, const char *source, struct tdx_quote *out, struct error *err);

enum tdx_check_id {
	TDX_CHECK_SIGNATURE,    /* "signature": the attestation key's, over header and report */
	TDX_CHECK_KEY,          /* "key": the quoting enclave's report has the key's hash */
	TDX_CHECK_QE_SIGNATURE, /* "qe-signature": the PCK's, over that report */
	TDX_CHECK_QE,           /* "qe": the enclave is Intel's for TDX, and not in debug mode */
	TDX_CHECK_CHAIN,        /* "chain": the PCK's certificate chains to what is trusted */
	TDX_CHECK_MODULE,       /* "module": Intel's */
	TDX_CHECK_DEBUG,        /* "debug": the machine's owner cannot look into it */
	TDX_CHECK_NONCE,        /* "nonce": report data are the one given, zeros behind it */
	TDX_CHECK_COUNT,
};

/* The check's name in JSON. */
const char *tdx_check_name(enum tdx_check_id id);

enum tdx_answer { TDX_PASS, TDX_FAIL, TDX_SKIP };
const char *tdx_answer_name(enum tdx_answer answer); /* "pass", "fail", "skip" */

struct tdx_result {
	struct tdx_check {
		enum tdx_answer answer;
		char detail[512]; /* what was found, or why not: one clause, escaped */
	} checks[TDX_CHECK_COUNT];
	bool valid; /* nothing failed, signature, key and qe-signature were checked */
};

/*
 * trust and nonce may be NULL: those checks are skipped. at: when certificates have to be valid, seconds since
 * 1970. -1 only when the machine failed us.
 */
int tdx_check(const struct tdx_quote *quote, struct hasher *hasher, const struct trust *trust,
	      int64_t at, const struct bytes *nonce, struct tdx_result *out, struct error *err);

#endif
