/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>

#include "core/json.h"
#include "core/pcr.h"
#include "core/text.h"
#include "db/internal.h"
#include "db/profile.h"
#include "db/table.h"

struct options {
	const char *db, *profile;
	struct option_list releases;
	bool json;
};

static const char *pcr_key(uint32_t pcr, char out[12])
{
	snprintf(out, 12, "%" PRIu32, pcr);
	return out;
}

void profile_write_banks(struct json *json, const struct profile *profile,
			 const struct pcr_bank banks[ALG_BANKS])
{
	char key[12];

	json_object_begin(json, "banks");
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		if (!(profile->banks & 1u << alg))
			continue;
		json_object_begin(json, alg_name(alg));
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(&banks[alg], pcr);

			if (profile_has_value(profile, alg, pcr))
				json_digest(json, pcr_key(pcr, key), &value);
		}
		json_object_end(json);
	}
	json_object_end(json);
	json_object_begin_compact(json, "coverage");
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++)
		if (profile_coverage(profile, pcr) != COVERAGE_NONE)
			json_string(json, pcr_key(pcr, key),
				    coverage_name(profile_coverage(profile, pcr)));
	json_object_end(json);
}

static int profile_json(struct json *json, const struct profile *profile,
			const struct pcr_bank banks[ALG_BANKS], struct hasher *hasher,
			struct error *err)
{
	json_object_begin(json, NULL);
	json_string(json, "release", profile->release);
	json_string(json, "artifact", profile->artifact);
	json_string(json, "profile", profile->name);
	if (*profile->ending)
		json_string(json, "ending", profile->ending);
	profile_write_banks(json, profile, banks);
	if (profile_write_later(json, profile, banks, hasher, err) < 0)
		return -1;
	json_object_end(json);
	return 0;
}

/* What user space extends, and the PCR after it. */
static int later_rows(struct table *table, const struct profile *profile,
		      const struct pcr_bank *bank, struct hasher *hasher, struct error *err)
{
	for (size_t i = 0; i < profile->n_later; i++) {
		AUTO(buf_clear) struct buf after = BUF_INIT;
		struct pcr_bank later = *bank;
		char hex[DIGEST_HEX_SIZE];
		struct digest value;

		if (profile_replay_later(profile, i + 1, hasher, &later, err) < 0)
			return -1;
		value = pcr_bank_value(&later, profile->later[i].pcr);
		buf_append_string(&after, "after ");
		text_append(&after, profile->later[i].text);
		if (buf_finish(&after, err) < 0)
			return -1;
		table_uint(table, profile->later[i].pcr);
		table_string(table, alg_name(bank->alg));
		table_string(table, (const char *)after.data);
		table_string(table,
			     profile_coverage(profile, profile->later[i].pcr) == COVERAGE_PARTIAL
				     ? "-"
				     : digest_hex(&value, hex));
	}
	return 0;
}

static int profile_text(const struct profile *profile, const struct pcr_bank banks[ALG_BANKS],
			struct hasher *hasher, struct error *err)
{
	static const struct column columns[] = {
		{"PCR",       true },
                { "BANK",     false},
                { "COVERAGE", false},
                { "VALUE",    false}
	};
	AUTO(table_clear)
	struct table table = { .columns = columns, .n_columns = ARRAY_SIZE(columns), .indent = 2 };

	text_write(stdout, bytes_of_string(profile->release));
	printf(" / ");
	text_write(stdout, bytes_of_string(profile->name));
	putchar('\n');
	if (*profile->ending) {
		printf("  starts no operating system: ");
		text_write(stdout, bytes_of_string(profile->ending));
		putchar('\n');
	}
	for (enum alg alg = 0; alg < ALG_BANKS; alg++) {
		for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
			struct digest value = pcr_bank_value(&banks[alg], pcr);
			enum coverage_kind coverage = profile_coverage(profile, pcr);
			char hex[DIGEST_HEX_SIZE];

			if (!(profile->banks & 1u << alg) || coverage == COVERAGE_NONE)
				continue;
			table_uint(&table, pcr);
			table_string(&table, alg_name(alg));
			table_string(&table, coverage_name(coverage));
			table_string(&table, profile_has_value(profile, alg, pcr)
						     ? digest_hex(&value, hex)
						     : "-");
		}
		if (profile->banks & 1u << alg &&
		    later_rows(&table, profile, &banks[alg], hasher, err) < 0)
			return -1;
	}
	return table_print(&table, stdout, err);
}

static int show_profile(const struct profile *profile, struct hasher *hasher, struct json *json,
			struct error *err)
{
	struct pcr_bank banks[ALG_BANKS] = { 0 };

	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (profile->banks & 1u << alg &&
		    profile_replay(profile, alg, hasher, &banks[alg], err) < 0)
			return -1;
	if (!json)
		return profile_text(profile, banks, hasher, err);
	return profile_json(json, profile, banks, hasher, err);
}

static int show(const struct options *options, struct error *err)
{
	AUTO(profile_list_clear) struct profile_list profiles = { 0 };
	AUTO(db_closep) struct db *db = NULL;
	struct json json = json_to_stream(stdout);
	size_t n_shown = 0;
	bool given;

	if (db_open(command_db(options->db, &given), DB_READ, &db, err) < 0 ||
	    db_profiles_read(db, options->releases.items, options->releases.n_items, &profiles,
			     err) < 0)
		return -1;
	if (options->json) {
		json_object_begin(&json, NULL);
		json_array_begin(&json, "profiles");
	}
	for (size_t i = 0; i < profiles.n_profiles; i++) {
		const struct profile *profile = &profiles.profiles[i];

		if (options->profile && strcmp(profile->name, options->profile) != 0)
			continue;
		n_shown++;
		if (show_profile(profile, db->hasher, options->json ? &json : NULL, err) < 0)
			return -1;
	}
	if (!options->json) {
		if (!n_shown)
			fputs("assay: no boot profiles here\n", stderr);
		return 0;
	}
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

enum exit_status cmd_db_pcrs(const struct command *self, int argc, char **argv)
{
	struct options options = { 0 };
	const struct command_option table[] = {
		OPTION_DB(&options.db),
		{"release",  'r', OPTION_LIST,   &options.releases, "NAME",
			       "only this release's profiles (may be repeated)"},
		{ "profile", 'p', OPTION_STRING, &options.profile,  "NAME",
			       "only the profile of this name"                 },
		OPTION_JSON(&options.json),
	};
	struct error err = { 0 };
	struct command_args args;
	enum exit_status status;

	if (!command_parse(self, table, ARRAY_SIZE(table), argc, argv, &args, &status))
		goto out;
	if (args.n_items)
		status = command_usage(self, "takes no arguments");
	else if (show(&options, &err) < 0)
		status = command_fail(&err);
	else
		status = command_finish(EXIT_DONE);
out:
	option_list_clear(&options.releases);
	return status;
}
