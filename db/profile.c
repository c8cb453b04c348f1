/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/profile.h"

#include <ctype.h>

#include "core/text.h"

const char *event_origin_name(enum event_origin origin)
{
	switch (origin) {
	case ORIGIN_COMPUTED:
		return "computed";
	case ORIGIN_BASELINE:
		return "baseline";
	case ORIGIN_ASSUMED:
		return "assumed";
	case ORIGIN_UNKNOWN:
	case ORIGIN_COUNT:
		break;
	}
	return "unknown";
}

const char *hole_kind_name(enum hole_kind kind)
{
	static const char *const names[HOLE_KIND_COUNT] = {
		[HOLE_UUID] = "uuid",     [HOLE_MACHINE_ID] = "machine-id",
		[HOLE_NUMBER] = "number", [HOLE_HEX] = "hex",
		[HOLE_NAME] = "name",     [HOLE_DEVICE] = "device",
	};

	return names[kind];
}

bool hole_takes(enum hole_kind kind, uint8_t byte)
{
	switch (kind) {
	case HOLE_UUID:
		return isxdigit(byte) || byte == '-';
	case HOLE_MACHINE_ID:
	case HOLE_HEX:
		return isdigit(byte) || (byte >= 'a' && byte <= 'f');
	case HOLE_NUMBER:
		return isdigit(byte);
	case HOLE_NAME:
		return isalnum(byte) || (byte && strchr("._-+:", byte));
	case HOLE_DEVICE:
		return isalnum(byte) || (byte && strchr("._-+:/", byte));
	case HOLE_KIND_COUNT:
		break;
	}
	return false;
}

/* Groups of hex digits with dashes between, as long as the pattern has them. */
static bool is_grouped(struct bytes value, const char *pattern)
{
	if (value.size != strlen(pattern))
		return false;
	for (size_t i = 0; i < value.size; i++)
		if ((pattern[i] == '-') != (value.data[i] == '-'))
			return false;
	return true;
}

bool hole_fits(enum hole_kind kind, struct bytes value)
{
	for (size_t i = 0; i < value.size; i++)
		if (!hole_takes(kind, value.data[i]))
			return false;
	switch (kind) {
	case HOLE_UUID:
		return is_grouped(value, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx") ||
		       is_grouped(value, "xxxx-xxxx");
	case HOLE_MACHINE_ID:
		return value.size == 32;
	case HOLE_NUMBER:
		return value.size > 0 && value.size <= 10;
	case HOLE_HEX:
	case HOLE_NAME:
		return value.size > 0 && value.size <= 255;
	case HOLE_DEVICE:
		return value.size <= 255 && value.size && memchr(value.data, '/', value.size);
	case HOLE_KIND_COUNT:
		break;
	}
	return false;
}

const char *coverage_name(enum coverage_kind coverage)
{
	switch (coverage) {
	case COVERAGE_NONE:
	case COVERAGE_COUNT:
		break;
	case COVERAGE_PREDICTED:
		return "predicted";
	case COVERAGE_BASELINE:
		return "baseline";
	case COVERAGE_PARTIAL:
		return "partial";
	}
	return "none";
}

int profile_text_digest(const struct profile_event *event, struct bytes text, enum alg alg,
			struct hasher *hasher, struct digest *out, struct error *err)
{
	AUTO(buf_clear) struct buf over = BUF_INIT;

	if (event->encoding == TEXT_UTF16LE)
		text_to_utf16le(&over, text);
	else
		buf_append(&over, text);
	if (event->with_nul)
		buf_append(&over, bytes_of("\0", event->encoding == TEXT_UTF16LE ? 2 : 1));
	if (buf_finish(&over, err) < 0)
		return -1;
	return hasher_digest_bytes(hasher, alg, buf_bytes(&over), out, err);
}

enum coverage_kind profile_coverage(const struct profile *profile, uint32_t pcr)
{
	enum coverage_kind coverage = COVERAGE_NONE;

	for (size_t i = 0; i < profile->n_events; i++) {
		enum coverage_kind of_event = COVERAGE_PREDICTED;

		if (profile->events[i].pcr != pcr || profile->events[i].type == EV_NO_ACTION)
			continue;
		if (profile->events[i].origin == ORIGIN_UNKNOWN)
			of_event = COVERAGE_PARTIAL;
		else if (profile->events[i].origin == ORIGIN_BASELINE)
			of_event = COVERAGE_BASELINE;
		if (of_event > coverage)
			coverage = of_event;
	}
	return coverage;
}

/* No event that extends the PCR lacks a digest of the bank. */
static bool is_known(const struct profile *profile, enum alg alg, uint32_t pcr)
{
	for (size_t i = 0; i < profile->n_events; i++)
		if (profile->events[i].pcr == pcr && profile->events[i].type != EV_NO_ACTION &&
		    !(profile->events[i].algs & 1u << alg))
			return false;
	return true;
}

bool profile_has_value(const struct profile *profile, enum alg alg, uint32_t pcr)
{
	return profile->banks & 1u << alg && is_known(profile, alg, pcr) &&
	       profile_coverage(profile, pcr) != COVERAGE_NONE;
}

int profile_replay(const struct profile *profile, enum alg alg, struct hasher *hasher,
		   struct pcr_bank *out, struct error *err)
{
	pcr_bank_init(out, alg);
	for (size_t i = 0; i < profile->n_events; i++) {
		const struct profile_event *event = &profile->events[i];

		if (event->type == EV_NO_ACTION || !(event->algs & 1u << alg) ||
		    event->pcr >= PCR_COUNT)
			continue;
		if (pcr_bank_extend(out, hasher, event->pcr, &event->digests[alg], err) < 0)
			return -1;
	}
	return 0;
}

int profile_replay_later(const struct profile *profile, size_t n, struct hasher *hasher,
			 struct pcr_bank *bank, struct error *err)
{
	for (size_t i = 0; i < n && i < profile->n_later; i++) {
		const struct profile_event *event = &profile->later[i];

		if (!(event->algs & 1u << bank->alg) || event->pcr >= PCR_COUNT)
			continue;
		if (pcr_bank_extend(bank, hasher, event->pcr, &event->digests[bank->alg], err) < 0)
			return -1;
	}
	return 0;
}

int profile_write_later(struct json *json, const struct profile *profile,
			const struct pcr_bank banks[ALG_BANKS], struct hasher *hasher,
			struct error *err)
{
	if (!profile->n_later)
		return 0;
	json_array_begin(json, "userspace");
	for (size_t i = 0; i < profile->n_later; i++) {
		const struct profile_event *event = &profile->later[i];

		json_object_begin(json, NULL);
		json_uint(json, "pcr", event->pcr);
		json_bytes(json, "text", event->text);
		json_string(json, "component", event->component);
		json_object_begin(json, "banks");
		for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
			struct pcr_bank bank = banks[alg];
			struct digest value;

			if (!(profile->banks & 1u << alg) || !is_known(profile, alg, event->pcr))
				continue;
			if (profile_replay_later(profile, i + 1, hasher, &bank, err) < 0)
				return -1;
			value = pcr_bank_value(&bank, event->pcr);
			json_digest(json, alg_name(alg), &value);
		}
		json_object_end(json);
		json_object_end(json);
	}
	json_array_end(json);
	return 0;
}

int profile_boot_aggregate(const struct profile *profile, enum alg alg, struct hasher *hasher,
			   struct digest *out, struct error *err)
{
	const uint32_t n = alg == ALG_SHA1 ? 8 : 10;
	struct bytes parts[10];
	struct pcr_bank bank;

	if (!(profile->banks & 1u << alg))
		return 0;
	for (uint32_t pcr = 0; pcr < n; pcr++)
		if (!is_known(profile, alg, pcr))
			return 0;
	if (profile_replay(profile, alg, hasher, &bank, err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr < n; pcr++)
		parts[pcr] = bytes_of(bank.value[pcr], alg_size(alg));
	return hasher_digest(hasher, alg, parts, n, out, err) < 0 ? -1 : 1;
}
