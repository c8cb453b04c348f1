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
		if (hasher_has(reader->hasher, digest.alg))
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
	    hasher_begin(reader->hasher, algs, err) < 0 ||
	    hasher_update(reader->hasher, opened->main.bytes, err) < 0 ||
	    hasher_finish(reader->hasher, computed, err) < 0)
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

/* A hasher for these, made at first use; none for none. */
static int begin_with(struct hasher **hasher, alg_set algs, struct error *err)
{
	if (!*hasher && algs && hasher_new(hasher, err) < 0)
		return -1;
	return *hasher ? hasher_begin(*hasher, algs, err) : 0;
}

static int update_with(struct hasher *hasher, struct bytes bytes, struct error *err)
{
	return hasher ? hasher_update(hasher, bytes, err) : 0;
}

static int finish_with(struct hasher *hasher, struct digest out[ALG_COUNT], struct error *err)
{
	return hasher ? hasher_finish(hasher, out, err) : 0;
}

#define SHA256_ALG ((alg_set)(1u << ALG_SHA256))

int rpm_hashing_begin(struct rpm_reader *reader, struct rpm_hashing *hashing, size_t first,
		      const struct rpm_opened *opened, struct buf *notes, struct error *err)
{
	struct bytes header = bytes_of(opened->head.data + opened->header_at,
				       (size_t)(opened->payload_at - opened->header_at));

	if (!hashing->block && !(hashing->block = malloc(RPM_HASHING_SIZE)))
		return error_memory(err, opened->source);
	hashing->opened = opened;
	hashing->at = 0;
	if (check_sizes(opened, err) < 0 ||
	    stated_algs(reader, opened, COVER_PAYLOAD, &hashing->payload_algs, notes, err) < 0 ||
	    sealed_algs(reader, opened, hashing->payload_algs, &hashing->over_both, notes, err) <
		    0 ||
	    stated_algs(reader, opened, COVER_ALTERNATIVE, &hashing->alternative_algs, notes, err) <
		    0)
		return -1;
	if (begin_with(&hashing->sealed, hashing->over_both, err) < 0 ||
	    begin_with(&hashing->payload,
		       (hashing->payload_algs | hashing->alternative_algs) & ~SHA256_ALG,
		       err) < 0 ||
	    update_with(hashing->sealed, header, err) < 0 ||
	    streams_begin(reader->streams, first, err) < 0)
		return -1;
	return streams_begin(reader->streams, first + 1, err);
}

int rpm_hashing_next(struct rpm_hashing *hashing, struct bytes next[2], struct error *err)
{
	const struct rpm_opened *opened = hashing->opened;
	const bool in_payload = hashing->at >= opened->payload_at;
	const uint64_t end = in_payload ? opened->size : opened->payload_at;
	size_t size = RPM_HASHING_SIZE;
	struct bytes block;

	if (size > end - hashing->at)
		size = (size_t)(end - hashing->at);
	if (hashing->at < opened->head.size) { /* came with the headers */
		if (size > opened->head.size - hashing->at)
			size = opened->head.size - (size_t)hashing->at;
		block = bytes_of(opened->head.data + hashing->at, size);
	} else {
		if (rpm_read_at(opened, hashing->block, size, hashing->at, err) < 0)
			return -1;
		block = bytes_of(hashing->block, size);
	}
	hashing->at += size;
	next[0] = block;
	next[1] = in_payload ? block : bytes_of(NULL, 0);
	if (in_payload && (update_with(hashing->sealed, block, err) < 0 ||
			   update_with(hashing->payload, block, err) < 0))
		return -1;
	return size > 0;
}

int rpm_hashing_finish(struct rpm_reader *reader, struct rpm_hashing *hashing, size_t first,
		       struct rpm_seal *out, struct error *err)
{
	const struct rpm_opened *opened = hashing->opened;
	struct digest sealed[ALG_COUNT], payload[ALG_COUNT];

	/* err is always there: the reader sees to it. */
	if (streams_finish(reader->streams, first, &out->artifact, err) < 0 ||
	    streams_finish(reader->streams, first + 1, &payload[ALG_SHA256], err) < 0 ||
	    finish_with(hashing->sealed, sealed, err) < 0 ||
	    finish_with(hashing->payload, payload, err) < 0)
		return -1;
	if (compare_stated(opened, COVER_PAYLOAD, hashing->payload_algs, payload, err) < 0) {
		struct error not_plain;

		/* It may be stored uncompressed now, which the other digest is for. */
		if (err->code != ERROR_MISMATCH || !hashing->alternative_algs ||
		    compare_stated(opened, COVER_ALTERNATIVE, hashing->alternative_algs, payload,
				   &not_plain) < 0)
			return -1;
		err->code = ERROR_NONE;
	}
	return compare_stated(opened, COVER_HEADER_AND_PAYLOAD, hashing->over_both, sealed, err);
}

void rpm_hashing_clear(struct rpm_hashing *hashing)
{
	hasher_free(hashing->sealed);
	hasher_free(hashing->payload);
	free(hashing->block);
	*hashing = (struct rpm_hashing){ 0 };
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

	if (rpm_verifier_judge(reader->verifier, reader->hasher, packet, offset, opened->source,
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

int rpm_verify_signatures(struct rpm_reader *reader, const struct rpm_opened *opened,
			  struct rpm_seal *seal, struct buf *notes, struct error *err)
{
	seal->signature = SIGNATURE_NONE;
	seal->signer[0] = '\0';
	if (check_signatures(reader, opened, seal, notes, err) < 0)
		return -1;
	return reader->options.require_signed ? require_signed(opened, seal, err) : 0;
}
