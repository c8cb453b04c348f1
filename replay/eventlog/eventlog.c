/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/eventlog/eventlog.h"

#include <inttypes.h>

#include "replay/eventlog/internal.h"

#define NO_PCR UINT32_C(0xffffffff)

/* PFP 10.2.1: pcrIndex, eventType, digest, eventDataSize. */
#define TCG1_HEADER_SIZE (4 + 4 + 20 + 4)
/* PFP 10.2.2: pcrIndex, eventType, digest count. */
#define TCG2_HEADER_SIZE (4 + 4 + 4)

const char *eventlog_format_name(enum eventlog_format format)
{
	switch (format) {
	case EVENTLOG_TCG2:
		return "tcg2";
	case EVENTLOG_TCG1:
		return "tcg1";
	case EVENTLOG_CC:
		return "cc";
	}
	return "unknown";
}

static const struct oddity {
	uint32_t bit;
	const char *name, *text;
} record_oddities[] = {
	{ RECORD_DIGEST_TWICE,       "digest-twice",       "two digests of one algorithm"               },
	{ RECORD_DIGEST_MISSING,     "digest-missing",     "no digest for a bank the log announced"     },
	{ RECORD_DIGEST_UNANNOUNCED, "digest-unannounced", "a digest for a bank the log did not announce" },
	{ RECORD_DIGEST_UNKNOWN,     "digest-unknown",     "a digest of an algorithm that is not known" },
	{ RECORD_SPEC_ID_AGAIN,      "spec-id-again",      "a further Spec ID event"                    },
	{ RECORD_PCR_RANGE,          "pcr-range",          "a PCR that no TPM has: not replayed"        },
	{ RECORD_NO_ACTION_DIGEST,   "no-action-digest",   "EV_NO_ACTION with a digest that is not zero" },
	{ RECORD_APPENDED,           "appended",           "added by the system, extends nothing"       },
	{ RECORD_LOCALITY_LATE,      "locality-late",      "StartupLocality after PCR 0 was extended: not used" },
	{ RECORD_LOCALITY_AGAIN,     "locality-again",     "a further StartupLocality: not used"        },
	{ RECORD_LOCALITY_VALUE,     "locality-value",     "StartupLocality is none of 0, 3 and 4"      },
}, spec_id_oddities[] = {
	{ SPEC_ID_DIGEST_SIZE, "digest-size", "an announced digest size is not its algorithm's"   },
	{ SPEC_ID_TWICE,       "twice",       "an algorithm is announced twice"                   },
	{ SPEC_ID_DIGEST,      "digest",      "its digest is not zero"                            },
	{ SPEC_ID_LEFT_OVER,   "left-over",   "bytes follow its vendor data"                      },
	{ SPEC_ID_NO_VENDOR,   "no-vendor",   "it ends before the size of its vendor data"        },
	{ SPEC_ID_VENDOR_CUT,  "vendor-cut",  "its vendor data is longer than the event"          },
	{ SPEC_ID_REGISTER,    "register",    "its PCR is not 0"                                  },
};

static const struct oddity *oddity_find(const struct oddity *rows, size_t n_rows, uint32_t bit)
{
	static const struct oddity unknown = { 0, "unknown", "unknown" };

	for (size_t i = 0; i < n_rows; i++)
		if (rows[i].bit == bit)
			return &rows[i];
	return &unknown;
}

const char *record_oddity_name(uint32_t bit)
{
	return oddity_find(record_oddities, ARRAY_SIZE(record_oddities), bit)->name;
}

const char *record_oddity_text(uint32_t bit)
{
	return oddity_find(record_oddities, ARRAY_SIZE(record_oddities), bit)->text;
}

const char *spec_id_oddity_name(uint32_t bit)
{
	return oddity_find(spec_id_oddities, ARRAY_SIZE(spec_id_oddities), bit)->name;
}

const char *spec_id_oddity_text(uint32_t bit)
{
	return oddity_find(spec_id_oddities, ARRAY_SIZE(spec_id_oddities), bit)->text;
}

bool signature_is(struct bytes data, const char *signature)
{
	size_t size = strlen(signature) + 1;

	return bytes_start_with(data,
				bytes_of(signature, size < SIGNATURE_SIZE ? size : SIGNATURE_SIZE));
}

/* PFP 10.4.5.3: the signature and one byte. */
bool startup_locality(const struct record *record, uint8_t *value)
{
	if (record->type != EV_NO_ACTION || !signature_is(record->data, "StartupLocality") ||
	    record->data.size <= SIGNATURE_SIZE)
		return false;
	*value = record->data.data[SIGNATURE_SIZE];
	return true;
}

bool event_extends(const struct record *record)
{
	return record->type != EV_NO_ACTION && record->pcr < PCR_COUNT;
}

/* --- open --------------------------------------------------------------------------------------- */

/* What the reader of a structure that was cut short says, with the rule and the structure's name. */
static int cut_short(const struct reader *in, const char *rule, uint64_t index, struct error *err)
{
	return error_set(err, ERROR_TRUNCATED, in->source, in->ran_out_at,
			 "%s: event %" PRIu64 " is cut short: %zu bytes wanted, %zu left", rule,
			 index, in->ran_out_wanted, in->size - in->pos);
}

static enum alg bank_of_tpm_id(uint16_t tpm_id)
{
	enum alg alg = alg_of_tpm_id(tpm_id);

	return alg < ALG_BANKS ? alg : ALG_NONE;
}

/* TCG_EfiSpecIDEvent after its signature (PFP 10.4.5.1). Firmware differs in how it ends. */
static int spec_id_parse(struct reader *in, struct spec_id *id, alg_set *algs, struct error *err)
{
	uint64_t at;
	uint32_t n;
	uint8_t vendor_size;

	id->platform_class = reader_le32(in);
	id->minor = reader_u8(in);
	id->major = reader_u8(in);
	id->errata = reader_u8(in);
	id->uintn_size = reader_u8(in);
	at = reader_offset(in);
	n = reader_le32(in);
	if (n > EVENTLOG_ALGS_MAX)
		return error_set(err, ERROR_LIMIT, in->source, at,
				 "PFP 10.4.5.1: %" PRIu32 " digest algorithms, at most %d", n,
				 EVENTLOG_ALGS_MAX);
	for (; id->n_algs < n; id->n_algs++) {
		struct spec_id_alg *alg = &id->algs[id->n_algs];

		alg->tpm_id = reader_le16(in);
		alg->digest_size = reader_le16(in);
		alg->alg = bank_of_tpm_id(alg->tpm_id);
		if (alg->alg != ALG_NONE && alg->digest_size != alg_size(alg->alg))
			id->oddities |= SPEC_ID_DIGEST_SIZE;
		for (size_t i = 0; i < id->n_algs; i++)
			if (id->algs[i].tpm_id == alg->tpm_id)
				id->oddities |= SPEC_ID_TWICE;
		if (alg->alg != ALG_NONE)
			*algs |= 1u << alg->alg;
	}
	if (in->ran_out)
		return error_set(err, ERROR_TRUNCATED, in->source, in->ran_out_at,
				 "PFP 10.4.5.1: the Spec ID event is cut short: %zu bytes wanted, "
				 "%zu left",
				 in->ran_out_wanted, in->size - in->pos);
	if (n == 0)
		return error_set(err, ERROR_MALFORMED, in->source, at,
				 "PFP 10.4.5.1: no digest algorithms");
	if (reader_left(in) == 0) {
		id->oddities |= SPEC_ID_NO_VENDOR;
		return 0;
	}
	vendor_size = reader_u8(in);
	if (vendor_size > reader_left(in)) {
		id->oddities |= SPEC_ID_VENDOR_CUT;
		vendor_size = (uint8_t)reader_left(in);
	}
	id->vendor_info = reader_bytes(in, vendor_size);
	if (reader_left(in))
		id->oddities |= SPEC_ID_LEFT_OVER;
	return 0;
}

/* Registers of TDX and CSV (UEFI 38.4.1): 0 cannot be extended, 1 to 4 can. */
#define CC_REGISTER_MAX 4

/*
 * True for a log of a confidential guest. EDK II puts the Spec ID event into register 1; td-shim
 * leaves it in 0 (CCEL_data of confidential-containers/trustee), and is told by one bank, and
 * separators, with nothing in PCR 0, where every TPM's log begins, nor above 4.
 */
static bool is_cc(const struct eventlog *opened)
{
	struct eventlog log = *opened;
	bool separator = false;
	struct record record;

	if (log.spec_id.pcr >= 1 && log.spec_id.pcr <= CC_REGISTER_MAX)
		return true;
	if (log.spec_id.n_algs != 1)
		return false;
	while (eventlog_next(&log, &record, NULL) > 0) {
		if (record.type == EV_NO_ACTION)
			continue;
		if (record.pcr < 1 || record.pcr > CC_REGISTER_MAX)
			return false;
		separator |= record.type == EV_SEPARATOR;
	}
	return separator;
}

int eventlog_open(struct eventlog *out, struct bytes bytes, const char *source, struct error *err)
{
	struct eventlog log = {
		.format = EVENTLOG_TCG1,
		.source = source,
		.bytes = bytes,
		.algs = 1u << ALG_SHA1,
		.padding_offset = bytes.size,
	};
	struct reader in = reader_of(bytes, 0, source), header, body;
	struct bytes digest;
	uint32_t type;

	header = reader_part(&in, TCG1_HEADER_SIZE);
	log.spec_id.pcr = reader_le32(&header);
	type = reader_le32(&header);
	digest = reader_bytes(&header, alg_size(ALG_SHA1));
	body = reader_part(&in, reader_le32(&header));
	if (bytes.size && bytes_all(bytes, bytes.data[0]))
		return error_set(err, ERROR_MALFORMED, source, 0,
				 "PFP 10.2.1: no event: all bytes are 0x%02x", bytes.data[0]);
	if (in.ran_out)
		return cut_short(&in, "PFP 10.2.1", 0, err);
	if (type == EV_NO_ACTION &&
	    signature_is(bytes_of(body.data, body.size), "Spec ID Event03")) {
		log.format = EVENTLOG_TCG2;
		log.algs = 0;
		log.first = in.pos;
		log.pos = in.pos;
		if (!bytes_all(digest, 0))
			log.spec_id.oddities |= SPEC_ID_DIGEST;
		reader_skip(&body, SIGNATURE_SIZE);
		if (spec_id_parse(&body, &log.spec_id, &log.algs, err) < 0)
			return -1;
		if (is_cc(&log))
			log.format = EVENTLOG_CC;
		else if (log.spec_id.pcr != 0)
			log.spec_id.oddities |= SPEC_ID_REGISTER;
	} else {
		log.spec_id = (struct spec_id){ 0 };
	}
	*out = log;
	return 0;
}

void eventlog_rewind(struct eventlog *log)
{
	log->pos = log->first;
	log->n_given = 0;
	log->extended_0 = false;
	log->stated = false;
	log->filled_to = 0;
}

/* --- records ------------------------------------------------------------------------------------ */

/*
 * True if nothing but zeros, or nothing but 0xff, is left: the area a log is in is larger than the
 * log. What was looked at is not looked at again, or a log of short runs would take squared time.
 */
static bool padding_left(struct eventlog *log)
{
	const uint8_t *data = log->bytes.data;
	size_t at = log->pos;

	if (at == log->bytes.size || (data[at] != 0 && data[at] != 0xff) || at < log->filled_to)
		return false;
	while (at < log->bytes.size && data[at] == data[log->pos])
		at++;
	log->filled_to = at;
	return at == log->bytes.size;
}

/* The place of an announced algorithm; n_algs if it is none. Events keep to the order, mostly. */
static size_t announced_find(const struct spec_id *id, uint16_t tpm_id, size_t guess)
{
	if (guess < id->n_algs && id->algs[guess].tpm_id == tpm_id)
		return guess;
	for (size_t i = 0; i < id->n_algs; i++)
		if (id->algs[i].tpm_id == tpm_id)
			return i;
	return id->n_algs;
}

static bool record_has(const struct record *record, enum alg alg)
{
	for (size_t i = 0; i < record->n_digests; i++)
		if (record->digests[i].alg == alg)
			return true;
	return false;
}

/* TPML_DIGEST_VALUES of an event: count digests in any order (PFP 10.2.2). */
static int digests_parse(struct eventlog *log, struct reader *in, uint32_t count,
			 struct record *record, struct error *err)
{
	const struct spec_id *id = &log->spec_id;
	uint32_t seen = 0;

	for (uint32_t i = 0; i < count; i++) {
		uint64_t at = reader_offset(in);
		uint16_t tpm_id = reader_le16(in);
		size_t place = announced_find(id, tpm_id, i);
		enum alg alg = alg_of_tpm_id(tpm_id);
		size_t size = alg_size(alg);
		struct digest *digest;
		const uint8_t *value;

		if (in->ran_out)
			return cut_short(in, "PFP 10.2.2", record->index, err);
		if (place == id->n_algs)
			record->oddities |= RECORD_DIGEST_UNANNOUNCED;
		else if (seen & 1u << place)
			record->oddities |= RECORD_DIGEST_TWICE;
		else
			seen |= 1u << place;
		if (alg == ALG_NONE && place == id->n_algs)
			return error_set(
				err, ERROR_UNSUPPORTED, in->source, at,
				"PFP 10.2.2: event %" PRIu64
				" has a digest of algorithm 0x%04x, whose size the Spec ID "
				"event does not say",
				record->index, tpm_id);
		if (alg == ALG_NONE)
			size = id->algs[place].digest_size;
		value = reader_take(in, size);
		if (!value)
			return cut_short(in, "PFP 10.2.2", record->index, err);
		if (record->type == EV_NO_ACTION && !bytes_all(bytes_of(value, size), 0))
			record->oddities |= RECORD_NO_ACTION_DIGEST;
		if (alg >= ALG_BANKS) {
			record->oddities |= RECORD_DIGEST_UNKNOWN;
			continue;
		}
		if (record_has(record, alg)) {
			record->oddities |= RECORD_DIGEST_TWICE;
			continue;
		}
		digest = &record->digests[record->n_digests++];
		digest->alg = alg;
		digest->size = (uint8_t)size;
		memcpy(digest->value, value, size);
	}
	for (size_t i = 0; i < id->n_algs; i++)
		if (!(seen & 1u << i) && announced_find(id, id->algs[i].tpm_id, 0) == i)
			record->oddities |= RECORD_DIGEST_MISSING;
	return 0;
}

static int tcg2_parse(struct eventlog *log, struct reader *in, struct record *record,
		      struct error *err)
{
	struct reader header = reader_part(in, TCG2_HEADER_SIZE);
	uint64_t at;
	uint32_t count;

	if (in->ran_out)
		return cut_short(in, "PFP 10.2.2", record->index, err);
	record->pcr = reader_le32(&header);
	record->type = reader_le32(&header);
	at = reader_offset(&header);
	count = reader_le32(&header);
	if (count > EVENTLOG_ALGS_MAX)
		return error_set(err, ERROR_LIMIT, in->source, at,
				 "PFP 10.2.2: event %" PRIu64 " has %" PRIu32
				 " digests, at most %d",
				 record->index, count, EVENTLOG_ALGS_MAX);
	return digests_parse(log, in, count, record, err);
}

static int tcg1_parse(struct reader *in, struct record *record, struct error *err)
{
	/* Its data size, read by the caller, must fit with it: a header cut short is one error. */
	if (reader_left(in) < TCG1_HEADER_SIZE) {
		reader_skip(in, TCG1_HEADER_SIZE);
		return cut_short(in, "PFP 10.2.1", record->index, err);
	}
	record->pcr = reader_le32(in);
	record->type = reader_le32(in);
	record->n_digests = 1;
	digest_init(&record->digests[0], ALG_SHA1, reader_bytes(in, alg_size(ALG_SHA1)));
	if (record->type == EV_NO_ACTION && !bytes_all(digest_bytes(&record->digests[0]), 0))
		record->oddities |= RECORD_NO_ACTION_DIGEST;
	return 0;
}

/* The oddities that are the same in both forms, and what later ones depend on. */
static void record_inspect(struct eventlog *log, struct record *record)
{
	uint8_t locality;

	if (record->type != EV_NO_ACTION) {
		if (record->pcr >= PCR_COUNT)
			record->oddities |= RECORD_PCR_RANGE;
		log->extended_0 |= record->pcr == 0;
		return;
	}
	if (record->pcr == NO_PCR) {
		record->oddities |= RECORD_APPENDED;
		record->oddities &= ~(uint32_t)RECORD_NO_ACTION_DIGEST;
	}
	/* The SHA-1 form may begin with one of its own kind, Event00 or Event02. */
	if ((log->format != EVENTLOG_TCG1 || record->index > 0) &&
	    bytes_start_with(record->data, bytes_of_string("Spec ID Event")))
		record->oddities |= RECORD_SPEC_ID_AGAIN;
	if (startup_locality(record, &locality)) {
		if (log->extended_0)
			record->oddities |= RECORD_LOCALITY_LATE;
		if (log->stated)
			record->oddities |= RECORD_LOCALITY_AGAIN;
		if (locality != 0 && locality != 3 && locality != 4)
			record->oddities |= RECORD_LOCALITY_VALUE;
		log->stated = true;
	}
}

int eventlog_next(struct eventlog *log, struct record *out, struct error *err)
{
	struct reader in = reader_of(log->bytes, 0, log->source);
	struct record record = { .content = RECORD_TCG_EVENT };
	const char *rule = log->format == EVENTLOG_TCG1 ? "PFP 10.2.1" : "PFP 10.2.2";
	uint32_t size;

	if (log->pos == log->bytes.size)
		return 0;
	if (padding_left(log)) {
		log->padding_offset = log->pos;
		log->pos = log->bytes.size;
		return 0;
	}
	in.pos = log->pos;
	record.index = log->n_given;
	record.offset = log->pos;
	if ((log->format == EVENTLOG_TCG1 ? tcg1_parse(&in, &record, err)
					  : tcg2_parse(log, &in, &record, err)) < 0)
		return -1;
	size = reader_le32(&in);
	record.data_offset = reader_offset(&in);
	record.data = reader_bytes(&in, size);
	if (in.ran_out)
		return cut_short(&in, rule, record.index, err);
	record_inspect(log, &record);
	log->pos = in.pos;
	log->n_given++;
	*out = record;
	return 1;
}

/* --- replay ------------------------------------------------------------------------------------- */

void eventlog_replay_init(struct eventlog_replay *out, const struct eventlog *log,
			  struct hasher *hasher, int locality)
{
	struct eventlog_replay replay = { .hasher = hasher, .forced_locality = locality };
	size_t n = log->format == EVENTLOG_TCG1 ? 1 : log->spec_id.n_algs;

	for (size_t i = 0; i < n; i++) {
		enum alg alg = log->format == EVENTLOG_TCG1 ? ALG_SHA1 : log->spec_id.algs[i].alg;
		struct pcr_bank *bank;

		if (alg == ALG_NONE || replay.algs & 1u << alg)
			continue;
		if (!hasher_has(hasher, alg)) {
			replay.missing |= 1u << alg;
			continue;
		}
		bank = &replay.banks[replay.n_banks++];
		pcr_bank_init(bank, alg);
		if (locality >= 0)
			pcr_bank_set_locality(bank, (uint8_t)locality);
		replay.algs |= 1u << alg;
	}
	replay.cc = log->format == EVENTLOG_CC;
	if (locality >= 0)
		replay.locality.used = (uint8_t)locality;
	*out = replay;
}

static void start_at(struct eventlog_replay *replay, uint8_t locality)
{
	if (replay->forced_locality >= 0)
		return;
	for (size_t i = 0; i < replay->n_banks; i++)
		pcr_bank_set_locality(&replay->banks[i], locality);
	replay->locality.used = locality;
}

static void locality_note(struct eventlog_replay *replay, const struct record *record,
			  uint8_t value)
{
	struct eventlog_locality *locality = &replay->locality;

	if (locality->stated || locality->late) {
		locality->again = true;
		locality->late |= replay->started;
		return;
	}
	locality->value = value;
	locality->index = record->index;
	locality->offset = record->offset;
	if (replay->started) {
		locality->late = true;
	} else {
		locality->stated = true;
		start_at(replay, value);
	}
}

int eventlog_extend(struct eventlog_replay *replay, const struct record *record, struct error *err)
{
	uint8_t locality;

	replay->n_records++;
	replay->oddities |= record->oddities;
	if (record->oddities & RECORD_APPENDED)
		replay->n_appended++;
	if (!event_extends(record)) {
		if (!replay->cc && startup_locality(record, &locality))
			locality_note(replay, record, locality);
		return 0;
	}
	replay->n_extends++;
	if (record->pcr == 0 && !replay->started) {
		replay->started = true;
		/* TPM 2.0 part 1, 34.3: the H-CRTM sequence sets PCR 0 to 4 before it extends it,
		 * whatever locality TPM2_Startup comes from. */
		if (record->type == EV_EFI_HCRTM_EVENT && !replay->cc) {
			replay->locality.hcrtm = true;
			start_at(replay, 4);
		}
	}
	for (size_t i = 0; i < replay->n_banks; i++)
		for (size_t j = 0; j < record->n_digests; j++)
			if (record->digests[j].alg == replay->banks[i].alg &&
			    pcr_bank_extend(&replay->banks[i], replay->hasher, record->pcr,
					    &record->digests[j], err) < 0)
				return -1;
	return 0;
}

const struct pcr_bank *eventlog_bank(const struct eventlog_replay *replay, enum alg alg)
{
	for (size_t i = 0; i < replay->n_banks; i++)
		if (replay->banks[i].alg == alg)
			return &replay->banks[i];
	return NULL;
}
