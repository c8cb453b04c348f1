/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "refgen/rpm/internal.h"
#include "refgen/rpm/openpgp.h"

#define DIGESTS_RULE "RPM signatures and digests"

/* What a digest in a header is taken over. */
enum cover {
	COVER_HEADER,
	COVER_HEADER_AND_PAYLOAD,
	COVER_PAYLOAD,
	COVER_ALTERNATIVE, /* the payload uncompressed */
};

static const char *const cover_names[] = {
	[COVER_HEADER] = "the header",
	[COVER_HEADER_AND_PAYLOAD] = "header and payload",
	[COVER_PAYLOAD] = "the payload",
	[COVER_ALTERNATIVE] = "the uncompressed payload",
};

static const struct stated_digest {
	uint32_t tag;
	enum rpm_header_kind kind; /* of the header that has it */
	enum cover cover;
	enum alg alg;
} stated_digests[] = {
	{RPMSIGTAG_SHA1,             RPM_HEADER_SIGNATURE, COVER_HEADER,             ALG_SHA1    },
	{ RPMSIGTAG_SHA256,          RPM_HEADER_SIGNATURE, COVER_HEADER,             ALG_SHA256  },
	{ RPMSIGTAG_SHA3_256,        RPM_HEADER_SIGNATURE, COVER_HEADER,             ALG_SHA3_256},
	{ RPMSIGTAG_MD5,             RPM_HEADER_SIGNATURE, COVER_HEADER_AND_PAYLOAD, ALG_MD5     },
	{ RPMTAG_PAYLOADSHA256,      RPM_HEADER_MAIN,      COVER_PAYLOAD,            ALG_SHA256  },
	{ RPMTAG_PAYLOADSHA512,      RPM_HEADER_MAIN,      COVER_PAYLOAD,            ALG_SHA512  },
	{ RPMTAG_PAYLOADSHA3_256,    RPM_HEADER_MAIN,      COVER_PAYLOAD,            ALG_SHA3_256},
	{ RPMTAG_PAYLOADSHA256ALT,   RPM_HEADER_MAIN,      COVER_ALTERNATIVE,        ALG_SHA256  },
	{ RPMTAG_PAYLOADSHA512ALT,   RPM_HEADER_MAIN,      COVER_ALTERNATIVE,        ALG_SHA512  },
	{ RPMTAG_PAYLOADSHA3_256ALT, RPM_HEADER_MAIN,      COVER_ALTERNATIVE,        ALG_SHA3_256},
};

static int malformed_digest(const struct rpm_header *header, uint32_t tag, struct error *err)
{
	return error_set(err, ERROR_MALFORMED, header->source,
			 rpm_entry_offset(header, rpm_header_find(header, tag)),
			 DIGESTS_RULE ": tag %" PRIu32 " is no digest", tag);
}

/* The digest a header states: 1 and *out, 0 when it states none, -1 and *err. */
static int read_stated(const struct rpm_opened *opened, const struct stated_digest *stated,
		       struct digest *out, struct error *err)
{
	const struct rpm_header *header =
		stated->kind == RPM_HEADER_SIGNATURE ? &opened->signature : &opened->main;
	uint8_t value[DIGEST_SIZE_MAX];
	enum alg alg = stated->alg;
	struct rpm_strings strings;
	struct bytes text;
	long size;
	int status;

	if (stated->tag == RPMSIGTAG_MD5) {
		status = rpm_header_binary(header, stated->tag, &text, err);
		if (status > 0 && !digest_init(out, alg, text))
			return malformed_digest(header, stated->tag, err);
		return status;
	}
	status = rpm_header_strings(header, stated->tag, &strings, err);
	if (status <= 0)
		return status;
	if (stated->tag == RPMTAG_PAYLOADSHA256 || stated->tag == RPMTAG_PAYLOADSHA256ALT) {
		uint64_t id;

		/* Named after the one algorithm ever used; older rpm left it open. */
		status = rpm_header_number(header, RPMTAG_PAYLOADSHA256ALGO, &id, err);
		if (status < 0)
			return -1;
		if (status > 0)
			alg = id > UINT32_MAX ? ALG_NONE : alg_of_openpgp_id((uint32_t)id);
	}
	text = rpm_strings_next(&strings);
	size = hex_parse(text, value, sizeof(value));
	if (strings.count != 1 || size < 0 || !digest_init(out, alg, bytes_of(value, (size_t)size)))
		return malformed_digest(header, stated->tag, err);
	return 1;
}

static int differs(const struct rpm_opened *opened, enum cover cover, const struct digest *is,
		   const struct digest *stated, struct error *err)
{
	char is_hex[DIGEST_HEX_SIZE], stated_hex[DIGEST_HEX_SIZE];

	return error_set(err, ERROR_MISMATCH, opened->source,
			 cover == COVER_PAYLOAD || cover == COVER_ALTERNATIVE ? opened->payload_at
									      : opened->header_at,
			 "%s of %s is %s, the package says %s", alg_name(is->alg),
			 cover_names[cover], digest_hex(is, is_hex),
			 digest_hex(stated, stated_hex));
}

/* The sizes a package states of itself must be those of the file: nothing missing, nothing after. */
static int check_size(const struct rpm_opened *opened, const struct rpm_header *header,
		      uint32_t tag, uint64_t begin, struct error *err)
{
	uint64_t stated;
	int status = rpm_header_number(header, tag, &stated, err);

	if (status <= 0)
		return status;
	if (stated > opened->size - begin)
		return error_set(err, ERROR_TRUNCATED, opened->source, opened->size,
				 "cut short: %" PRIu64 " bytes from offset 0x%" PRIx64
				 " on, the package says %" PRIu64,
				 opened->size - begin, begin, stated);
	if (stated < opened->size - begin)
		return error_set(err, ERROR_MALFORMED, opened->source, begin + stated,
				 "%" PRIu64 " bytes after the end of the package",
				 opened->size - begin - stated);
	return 0;
}

static int check_sizes(const struct rpm_opened *opened, struct error *err)
{
	uint64_t plain;
	int status;

	if (check_size(opened, &opened->signature, RPMSIGTAG_SIZE, opened->header_at, err) < 0 ||
	    check_size(opened, &opened->signature, RPMSIGTAG_LONGSIZE, opened->header_at, err) < 0)
		return -1;
	/* A v6 payload may be stored uncompressed later. */
	status = rpm_header_number(&opened->main, RPMTAG_PAYLOADSIZEALT, &plain, err);
	if (status < 0)
		return -1;
	if (status > 0 && plain == opened->size - opened->payload_at)
		return 0;
	return check_size(opened, &opened->main, RPMTAG_PAYLOADSIZE, opened->payload_at, err);
}

/* The algorithms a package states digests in, over this part of it. */
static int stated_algs(struct rpm_reader *reader, const struct rpm_opened *opened, enum cover cover,
		       alg_set *out, struct buf *notes, struct error *err)
{
	alg_set algs = 0;

	for (size_t i = 0; i < ARRAY_SIZE(stated_digests); i++) {
		struct digest digest;
		int status;

		if (stated_digests[i].cover != cover)
			continue;
		status = read_stated(opened, &stated_digests[i], &digest, err);
		if (status < 0)
			return -1;
		if (status == 0)
			continue;
		if (hasher_has(reader->whole, digest.alg))
			algs |= 1u << digest.alg;
		else if (notes)
			rpm_note(notes, "%s of %s not checked: libcrypto offers none here",
				 alg_name(digest.alg), cover_names[cover]);
	}
	*out = algs;
	return 0;
}

/* Compares what was computed with what is stated. */
static int compare_stated(const struct rpm_opened *opened, enum cover cover, alg_set algs,
			  const struct digest computed[ALG_COUNT], struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(stated_digests); i++) {
		struct digest digest;
		int status;

		if (stated_digests[i].cover != cover)
			continue;
		status = read_stated(opened, &stated_digests[i], &digest, err);
		if (status < 0)
			return -1;
		if (status > 0 && algs & 1u << digest.alg &&
		    !digest_equal(&digest, &computed[digest.alg]))
			return differs(opened, cover, &computed[digest.alg], &digest, err);
	}
	return 0;
}

int rpm_verify_header(struct rpm_reader *reader, const struct rpm_opened *opened, struct buf *notes,
		      struct error *err)
{
	struct digest computed[ALG_COUNT];
	alg_set algs;

	if (stated_algs(reader, opened, COVER_HEADER, &algs, notes, err) < 0 ||
	    hasher_begin(reader->sealed, algs, err) < 0 ||
	    hasher_update(reader->sealed, opened->main.bytes, err) < 0 ||
	    hasher_finish(reader->sealed, computed, err) < 0)
		return -1;
	return compare_stated(opened, COVER_HEADER, algs, computed, err);
}

/* Algorithms that nobody is known to find second bytes with the same digest in. */
#define STRONG_ALGS                                                                                \
	((alg_set)(1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512 | 1u << ALG_SHA3_256 |   \
		   1u << ALG_SHA3_512))

/*
 * The digest over header and payload together is MD5, by far the slowest of all. Where header and
 * payload have each a digest of their own that is strong, those say more of the same bytes: then it is
 * left out, as rpm 6 does.
 */
static int sealed_algs(struct rpm_reader *reader, const struct rpm_opened *opened,
		       alg_set payload_algs, alg_set *out, struct buf *notes, struct error *err)
{
	alg_set header_algs;

	if (stated_algs(reader, opened, COVER_HEADER, &header_algs, NULL, err) < 0 ||
	    stated_algs(reader, opened, COVER_HEADER_AND_PAYLOAD, out, notes, err) < 0)
		return -1;
	if (header_algs & STRONG_ALGS && payload_algs & STRONG_ALGS)
		*out &= ~(alg_set)(1u << ALG_MD5);
	return 0;
}

/* Reads the package once and computes every digest of its bytes that is stated, and its own. */
static int check_digests(struct rpm_reader *reader, const struct rpm_opened *opened,
			 struct rpm_seal *out, struct buf *notes, struct error *err)
{
	struct bytes head = bytes_of(opened->head.data, (size_t)opened->payload_at);
	struct bytes header = bytes_of(head.data + opened->header_at,
				       (size_t)(opened->payload_at - opened->header_at));
	struct rpm_payload_source state = { opened, reader->block, opened->payload_at };
	struct byte_source source = rpm_payload_source(&state);
	struct digest whole[ALG_COUNT], sealed[ALG_COUNT], payload[ALG_COUNT];
	alg_set over_both, payload_algs, alternative_algs;
	struct bytes block;
	int status;

	/* err is always there: rpm_verify sees to it. */
	if (stated_algs(reader, opened, COVER_PAYLOAD, &payload_algs, notes, err) < 0 ||
	    sealed_algs(reader, opened, payload_algs, &over_both, notes, err) < 0 ||
	    stated_algs(reader, opened, COVER_ALTERNATIVE, &alternative_algs, notes, err) < 0)
		return -1;
	if (hasher_begin(reader->whole, 1u << ALG_SHA256, err) < 0 ||
	    hasher_begin(reader->sealed, over_both, err) < 0 ||
	    hasher_begin(reader->payload, payload_algs | alternative_algs, err) < 0 ||
	    hasher_update(reader->whole, head, err) < 0 ||
	    hasher_update(reader->sealed, header, err) < 0)
		return -1;
	while ((status = source.next(source.ctx, &block, err)) > 0)
		if (hasher_update(reader->whole, block, err) < 0 ||
		    hasher_update(reader->sealed, block, err) < 0 ||
		    hasher_update(reader->payload, block, err) < 0)
			return -1;
	if (status < 0 || hasher_finish(reader->whole, whole, err) < 0 ||
	    hasher_finish(reader->sealed, sealed, err) < 0 ||
	    hasher_finish(reader->payload, payload, err) < 0)
		return -1;
	out->artifact = whole[ALG_SHA256];
	if (compare_stated(opened, COVER_PAYLOAD, payload_algs, payload, err) < 0) {
		struct error not_plain;

		/* It may be stored uncompressed now, which the other digest is for. */
		if (err->code != ERROR_MISMATCH || !alternative_algs ||
		    compare_stated(opened, COVER_ALTERNATIVE, alternative_algs, payload,
				   &not_plain) < 0)
			return -1;
		err->code = ERROR_NONE;
	}
	return compare_stated(opened, COVER_HEADER_AND_PAYLOAD, over_both, sealed, err);
}

int rpm_alternative_algs(struct rpm_reader *reader, const struct rpm_opened *opened, alg_set *out,
			 struct error *err)
{
	return stated_algs(reader, opened, COVER_ALTERNATIVE, out, NULL, err);
}

int rpm_alternative_check(const struct rpm_opened *opened, alg_set algs,
			  const struct digest digests[ALG_COUNT], struct error *err)
{
	return compare_stated(opened, COVER_ALTERNATIVE, algs, digests, err);
}

/* One signature of the package, judged; the best so far is kept in *out. */
static int judge(struct rpm_reader *reader, const struct rpm_opened *opened, struct bytes packet,
		 uint64_t offset, const struct rpm_signed *over, struct rpm_seal *out,
		 struct buf *notes, struct error *err)
{
	static const int rank[] = {
		[SIGNATURE_NONE] = 0,
		[SIGNATURE_UNVERIFIABLE] = 1,
		[SIGNATURE_NO_KEY] = 2,
		[SIGNATURE_VERIFIED] = 3,
	};
	const char *part = over->memory.data ? cover_names[COVER_HEADER]
					     : cover_names[COVER_HEADER_AND_PAYLOAD];
	struct rpm_verdict verdict;

	if (rpm_verifier_judge(reader->verifier, reader->sealed, packet, offset, opened->source,
			       over, &verdict, err) < 0)
		return -1;
	if (verdict.bad)
		return error_set(err, ERROR_MISMATCH, opened->source, offset,
				 "bad signature of %s by %s: %s", part, verdict.signer,
				 verdict.detail);
	if (verdict.state == SIGNATURE_UNVERIFIABLE)
		rpm_note(notes, "signature of %s by %s cannot be verified: %s", part,
			 verdict.signer[0] ? verdict.signer : "nobody named", verdict.detail);
	else if (verdict.state == SIGNATURE_NO_KEY && reader->options.keyring)
		rpm_note(notes, "signed by %s, which is not in the keyring", verdict.signer);
	if (rank[verdict.state] > rank[out->signature]) {
		out->signature = verdict.state;
		memcpy(out->signer, verdict.signer, sizeof(out->signer));
	}
	return 0;
}

static int check_signatures(struct rpm_reader *reader, const struct rpm_opened *opened,
			    struct rpm_seal *out, struct buf *notes, struct error *err)
{
	static const struct {
		uint32_t tag;
		bool payload; /* covers it, too */
	} tags[] = {
		{RPMSIGTAG_DSA,  false},
		{ RPMSIGTAG_RSA, false},
		{ RPMSIGTAG_PGP, true },
		{ RPMSIGTAG_GPG, true },
	};
	const struct rpm_header *header = &opened->signature;
	const struct rpm_signed header_only = { .memory = opened->main.bytes };
	const struct rpm_signed all = { .fd = opened->fd,
					.offset = opened->header_at,
					.size = opened->size - opened->header_at };
	struct rpm_strings armored;
	int status = rpm_header_strings(header, RPMSIGTAG_OPENPGP, &armored, err);

	while (status > 0 && armored.left) {
		AUTO(buf_clear) struct buf packet = BUF_INIT;
		uint64_t at = rpm_entry_offset(header, rpm_header_find(header, RPMSIGTAG_OPENPGP));

		if (!base64_parse(rpm_strings_next(&armored), &packet))
			return error_set(err, ERROR_MALFORMED, opened->source, at,
					 DIGESTS_RULE ": tag %d is not base64", RPMSIGTAG_OPENPGP);
		if (buf_finish(&packet, err) < 0 || judge(reader, opened, buf_bytes(&packet), at,
							  &header_only, out, notes, err) < 0)
			return -1;
	}
	for (size_t i = 0; status >= 0 && i < ARRAY_SIZE(tags); i++) {
		struct bytes packet;

		status = rpm_header_binary(header, tags[i].tag, &packet, err);
		if (status > 0 &&
		    judge(reader, opened, packet,
			  rpm_entry_offset(header, rpm_header_find(header, tags[i].tag)),
			  tags[i].payload ? &all : &header_only, out, notes, err) < 0)
			return -1;
	}
	return status < 0 ? -1 : 0;
}

static int require_signed(const struct rpm_opened *opened, const struct rpm_seal *seal,
			  struct error *err)
{
	const char *why = NULL;

	switch (seal->signature) {
	case SIGNATURE_VERIFIED:
		return 0;
	case SIGNATURE_NONE:
		why = "it is not signed";
		break;
	case SIGNATURE_NO_KEY:
		why = "it is signed by no key of the keyring:";
		break;
	case SIGNATURE_UNVERIFIABLE:
		why = "its signature cannot be verified here:";
		break;
	}
	return error_set(err, ERROR_MISMATCH, opened->source, ERROR_NO_OFFSET,
			 "a signature is required, but %s%s%s", why, seal->signer[0] ? " " : "",
			 seal->signer);
}

int rpm_verify(struct rpm_reader *reader, const struct rpm_opened *opened, struct rpm_seal *out,
	       struct buf *notes, struct error *err)
{
	struct rpm_seal seal = { .signature = SIGNATURE_NONE };

	if (check_sizes(opened, err) < 0 || check_digests(reader, opened, &seal, notes, err) < 0 ||
	    check_signatures(reader, opened, &seal, notes, err) < 0)
		return -1;
	if (reader->options.require_signed && require_signed(opened, &seal, err) < 0)
		return -1;
	*out = seal;
	return 0;
}
