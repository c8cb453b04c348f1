/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * verdicts.md, "IMA", the look-up: is this digest right for this path, and if not, what should it
 * have been, and whose bytes are these?
 */
#include "audit/judge_ima.h"

#include <inttypes.h>

#include "core/own.h"

/* Folders whose files are run by their names. */
static const char *const program_folders[] = {
	"/usr/bin/",     "/usr/sbin/", "/usr/local/bin/", "/usr/local/sbin/",
	"/usr/libexec/", "/bin/",      "/sbin/",
};

static bool release_counts(const struct audit_setup *setup, const char *release)
{
	if (setup->n_releases == 0)
		return true;
	for (size_t i = 0; i < setup->n_releases; i++)
		if (strcmp(setup->releases[i], release) == 0)
			return true;
	return false;
}

/* What the database says about one entry; places are kept in the report. */
struct places {
	struct judge *judge;
	struct bytes logged; /* path; for matches of a digest */
	struct reference *items;
	size_t n_items;
	size_t n_more;
	bool only_counting; /* keep those of releases that count */
	bool others_only;   /* ... or only the others */

	/* Of all matches, kept or not. */
	size_t n_matches;
	bool same_path,
		same_path_counts; /* one is for the logged path, blanks apart; in a release that counts */
	bool all_plain;           /* none is a program, module or library */
	bool is_moved; /* one is a library, and the logged path its own below a snapshot's prefix */
};

static struct db *explaining_db(struct judge *judge, struct error *err)
{
	struct worker *worker = judge->worker;

	if (!worker->db && db_open(judge->setup->db_path, DB_READ, &worker->db, err) < 0)
		return NULL;
	return worker->db;
}

/* Equal but for the blanks that the kernel writes as '_'. */
static bool equal_but_blanks(const char *logged, const char *reference)
{
	while (*logged && (*logged == *reference || (*logged == '_' && *reference == ' ')))
		logged++, reference++;
	return *logged == *reference;
}

static bool same_path(struct bytes logged, struct bytes reference)
{
	char a[GOLDEN_PATH_MAX], b[GOLDEN_PATH_MAX];

	return golden_path(logged, a, sizeof(a)) && golden_path(reference, b, sizeof(b)) &&
	       equal_but_blanks(a, b);
}

/* Without "/.snapshots/N/snapshot", below which snapper keeps a whole root of the past. */
static struct bytes without_snapshot(struct bytes path)
{
	const struct bytes folder = bytes_of_string("/.snapshots/"),
			   name = bytes_of_string("/snapshot/");
	struct bytes rest;
	size_t digits = 0;

	if (!bytes_start_with(path, folder))
		return path;
	rest = bytes_of(path.data + folder.size, path.size - folder.size);
	while (digits < rest.size && rest.data[digits] >= '0' && rest.data[digits] <= '9')
		digits++;
	rest = bytes_of(rest.data + digits, rest.size - digits);
	if (digits == 0 || !bytes_start_with(rest, name))
		return path;
	return bytes_of(rest.data + name.size - 1, rest.size - (name.size - 1));
}

/* The same library in a snapshot; where usr-merge moved it, the look-up knows it already. */
static bool is_moved(struct bytes logged, struct bytes reference)
{
	return same_path(without_snapshot(logged), reference);
}

static bool is_plain(const struct golden_match *match)
{
	return !match->executable && (match->kind == KIND_OTHER || match->kind == KIND_FIRMWARE);
}

static int keep_place(void *ctx, const struct golden_match *match, struct error *err)
{
	struct places *places = ctx;
	struct report *report = places->judge->report;
	bool counts = release_counts(places->judge->setup, match->release);
	struct reference *place;

	(void)err;
	places->n_matches++;
	if (places->logged.size) {
		bool same = same_path(places->logged, match->path);

		places->same_path |= same;
		places->same_path_counts |= same && counts;
		/* Releases that do not count never make an entry better. */
		if (counts && !is_plain(match)) {
			places->all_plain = false;
			places->is_moved |= match->kind == KIND_SHARED_OBJECT &&
					    is_moved(places->logged, match->path);
		}
	}
	if ((places->only_counting && !counts) || (places->others_only && counts))
		return 0;
	if (places->n_items >= REFERENCES_MAX) {
		places->n_more++;
		return 0;
	}
	if (!places->items)
		places->items = arena_take(&report->arena, REFERENCES_MAX * sizeof(*places->items));
	if (!places->items)
		return 0; /* the arena remembers */
	place = &places->items[places->n_items++];
	place->release = arena_printf(&report->arena, "%s", match->release);
	place->artifact = arena_printf(&report->arena, "%s", match->artifact);
	place->path = arena_copy(&report->arena, match->path);
	place->digest = match->digest.alg == ALG_NONE ? "" : report_digest(report, &match->digest);
	return 0;
}

/* Where the path is shipped (in releases that count), and where these bytes are. */
static int find_places(struct judge *judge, struct bytes path, const struct digest *digest,
		       struct places *by_path, struct places *by_digest, struct error *err)
{
	struct db *db = explaining_db(judge, err);

	*by_path = (struct places){ .judge = judge, .only_counting = true };
	*by_digest = (struct places){ .judge = judge, .logged = path, .all_plain = true };
	if (!db)
		return -1;
	if (path.size && path.data[0] == '/' &&
	    db_lookup_path(db, path, keep_place, by_path, err) < 0)
		return -1;
	return digest ? db_lookup_digest(db, digest, keep_place, by_digest, err) : 0;
}

static void give_places(struct finding *finding, const struct places *by_path,
			const struct places *by_digest)
{
	finding->expected = by_path->items;
	finding->n_expected = by_path->n_items;
	finding->elsewhere = by_digest->items;
	finding->n_elsewhere = by_digest->n_items;
	finding->n_more = by_path->n_more + by_digest->n_more;
}

static bool in_program_folder(struct bytes path)
{
	for (size_t i = 0; i < ARRAY_SIZE(program_folders); i++)
		if (bytes_start_with(path, bytes_of_string(program_folders[i])))
			return true;
	return false;
}

/* "of NAME in release R", for a message; escaped. */
static const char *place_text(struct report *report, const struct places *places)
{
	if (places->n_items == 0)
		return "";
	return arena_printf(&report->arena, "%s (release %s)",
			    report_text(report, bytes_of_string(places->items[0].artifact)),
			    report_text(report, bytes_of_string(places->items[0].release)));
}

static const char *owner_of_bytes(struct report *report, const struct places *by_digest)
{
	const struct reference *place = by_digest->items;

	if (by_digest->n_items == 0)
		return "the database knows these bytes nowhere";
	return arena_printf(&report->arena, "these bytes are %s of %s",
			    report_text(report, place->path), place_text(report, by_digest));
}

static void finish_finding(struct ima_walk *walk, struct finding *finding,
			   const struct ima_step *step, const char *found)
{
	finding->found = found;
	finding_at(walk->judge->report, finding, walk->file->path, step->record.index,
		   step->record.offset);
}

/* A path that is known with other bytes. */
static int other_bytes(struct ima_walk *walk, const struct ima_step *step,
		       const struct ima_entry *entry, const struct digest *digest,
		       const struct golden_result *result, struct error *err)
{
	struct report *report = walk->judge->report;
	struct places by_path, by_digest;
	struct finding *finding;

	if (find_places(walk->judge, entry->path, digest, &by_path, &by_digest, err) < 0)
		return -1;
	finding = report_finding(report, FINDING_IMA_DIGEST_MISMATCH, FINDING_AS_LISTED,
				 entry->path, "not the bytes that %s has here%s; %s",
				 by_path.n_items ? place_text(report, &by_path) : "its package",
				 result->flags & FILE_CONFIG
					 ? " (a configuration file, which may be edited)"
					 : "",
				 owner_of_bytes(report, &by_digest));
	give_places(finding, &by_path, &by_digest);
	finish_finding(walk, finding, step, report_digest(report, digest));
	return 0;
}

static int other_release(struct ima_walk *walk, const struct ima_step *step,
			 const struct ima_entry *entry, const struct digest *digest,
			 struct error *err)
{
	struct report *report = walk->judge->report;
	struct places by_path, by_digest;
	struct finding *finding;

	if (find_places(walk->judge, entry->path, digest, &by_path, &by_digest, err) < 0)
		return -1;
	finding = report_finding(report, FINDING_IMA_OTHER_RELEASE, FINDING_AS_LISTED, entry->path,
				 "%s, which is none of the releases that count%s%s",
				 by_digest.n_items ? owner_of_bytes(report, &by_digest)
						   : "of another release",
				 by_path.n_items ? "; there it is of " : "",
				 place_text(report, &by_path));
	give_places(finding, &by_path, &by_digest);
	finish_finding(walk, finding, step, report_digest(report, digest));
	return 0;
}

/* True for a path that a reference may have; canonical becomes its normal form. */
static bool has_normal_form(struct bytes path, char canonical[GOLDEN_PATH_MAX])
{
	struct bytes deleted = bytes_of_string("_(deleted)");

	if (path.size > deleted.size &&
	    bytes_equal(bytes_of(path.data + path.size - deleted.size, deleted.size), deleted))
		return false;
	return !bytes_start_with(path, bytes_of_string("/memfd:")) &&
	       golden_path(path, canonical, GOLDEN_PATH_MAX);
}

/* Bytes known under other paths only; 1 if the path is the logged one after all, blanks apart. */
static int other_path(struct ima_walk *walk, const struct ima_step *step,
		      const struct ima_entry *entry, const struct digest *digest, struct error *err)
{
	struct report *report = walk->judge->report;
	struct places by_path, by_digest;
	char canonical[GOLDEN_PATH_MAX];
	struct finding *finding;
	bool mild;

	if (find_places(walk->judge, entry->path, digest, &by_path, &by_digest, err) < 0)
		return -1;
	if (by_digest.same_path_counts)
		return 1;
	if (by_digest.same_path)
		return other_release(walk, step, entry, digest, err);
	mild = has_normal_form(entry->path, canonical) &&
	       (by_digest.all_plain ? !in_program_folder(without_snapshot(entry->path))
				    : by_digest.is_moved);
	finding = report_finding(report, FINDING_IMA_OTHER_PATH,
				 mild ? FINDING_MILDER : FINDING_AS_LISTED, entry->path, "%s%s",
				 owner_of_bytes(report, &by_digest),
				 mild ? "" : ", run or loaded from where no package puts them");
	give_places(finding, &by_path, &by_digest);
	finish_finding(walk, finding, step, report_digest(report, digest));
	return 0;
}

/* True if the policy takes a file that no package has for its signature; counted. */
static bool is_accepted(struct ima_walk *walk)
{
	if (!walk->signatures.signer || !walk->judge->policy->accept_signed.value)
		return false;
	walk->signatures.n_accepted++;
	return true;
}

/* Neither path nor bytes are known to the releases that count; others may explain them. */
static int unknown_file(struct ima_walk *walk, const struct ima_step *step,
			const struct ima_entry *entry, const struct digest *digest,
			const char *found, struct error *err)
{
	struct report *report = walk->judge->report;
	struct places by_path = { 0 }, by_digest = { 0 };
	struct finding *finding;
	const char *signer = "";

	if (walk->signatures.signer)
		signer = arena_printf(&report->arena, "; signed by %s", walk->signatures.signer);
	if (digest && find_places(walk->judge, entry->path, digest, &by_path, &by_digest, err) < 0)
		return -1;
	if (by_digest.n_items)
		finding = report_finding(report, FINDING_IMA_UNKNOWN_FILE, FINDING_AS_LISTED,
					 entry->path,
					 "of no package of the releases that count; %s%s",
					 owner_of_bytes(report, &by_digest), signer);
	else
		finding = report_finding(
			report, FINDING_IMA_UNKNOWN_FILE, FINDING_AS_LISTED, entry->path,
			"of no package in the database, under this or any other name%s", signer);
	give_places(finding, &by_path, &by_digest);
	finish_finding(walk, finding, step, found);
	return 0;
}

/* The path is known, but nothing there can be compared with what IMA measured. */
static void no_reference(struct ima_walk *walk, const struct ima_step *step,
			 const struct ima_entry *entry, const char *found, const char *why)
{
	struct finding *finding = report_finding(walk->judge->report, FINDING_IMA_NO_REFERENCE,
						 FINDING_AS_LISTED, entry->path, "%s", why);

	finish_finding(walk, finding, step, found);
}

/* A path that no file has: "ima.path", on top of what the look-up says. */
static void judge_path(struct ima_walk *walk, const struct ima_step *step,
		       const struct ima_entry *entry)
{
	char canonical[GOLDEN_PATH_MAX];
	struct bytes path = entry->path, deleted = bytes_of_string("_(deleted)");
	struct finding *finding;
	const char *why;

	if (has_normal_form(path, canonical))
		return;
	if (path.size == 0 || path.data[0] != '/')
		why = "no absolute path: a file without a name, or made in memory";
	else if (path.size > deleted.size && path.data[path.size - 1] == ')')
		why = "a file that had no name any more when it was measured";
	else
		why = "has \"..\", doubled slashes or control characters";
	finding = report_finding(walk->judge->report, FINDING_IMA_PATH, FINDING_AS_LISTED, path,
				 "%s; it equals no reference path", why);
	finish_finding(walk, finding, step, "");
}

/* True if the policy silences the look-up of this path; counted. */
static bool is_excluded(struct judge *judge, struct bytes path)
{
	struct report *report = judge->report;
	char canonical[GOLDEN_PATH_MAX];

	/* Whole normalised paths: what has no normal form is never excluded. */
	if (report->n_exclusions == 0 || !has_normal_form(path, canonical))
		return false;
	for (size_t i = 0; i < report->n_exclusions; i++) {
		struct bytes pattern = bytes_of_string(report->exclusions[i].pattern);

		if (!glob_match(pattern, path) && !glob_match(pattern, bytes_of_string(canonical)))
			continue;
		report->exclusions[i].n_silenced++;
		return true;
	}
	return false;
}

/* Details cost a look-up each: what is not kept is only counted. */
static void count_only(struct judge *judge, enum finding_code code, struct bytes path)
{
	report_finding(judge->report, code, FINDING_AS_LISTED, path, " ");
}

/* What is looked up for an entry; false if its digest says nothing about a file's bytes. */
static bool question_of(const struct ima_entry *entry, struct golden_query *out)
{
	enum alg alg = entry->digest.type == IMA_DIGEST_FILE     ? entry->digest.alg
		       : entry->digest.type == IMA_DIGEST_VERITY ? alg_verity_of(entry->digest.alg)
								 : ALG_NONE;
	bool comparable = alg != ALG_NONE && digest_init(&out->digest, alg, entry->digest.value);

	/* Any digest will do to ask whether the path is known. */
	if (!comparable)
		out->digest = (struct digest){ .alg = ALG_SHA256, .size = 32 };
	out->path = entry->path;
	return comparable;
}

/* The template hash as a question; NULL if it is none. */
static const uint8_t *print_of(const struct ima_walk *walk, const struct ima_step *step)
{
	return step->sha256 && !ima_list_big_endian(walk->judge->ima_list) &&
			       bytes_equal_string(step->record.name, "ima-ng")
		       ? step->sha256
		       : NULL;
}

/* Asks by path and digest about entry i, and with it about those behind it that have no print. */
static int ask_more(struct ima_walk *walk, const struct ima_step *steps, size_t i,
		    struct error *err)
{
	struct ima_lookups *lookups = &walk->lookups;
	struct golden_query questions[LOOKUPS_MAX];
	size_t numbers[LOOKUPS_MAX], n = 0;
	bool known[LOOKUPS_MAX];

	for (size_t k = i; k < lookups->n; k++) {
		struct ima_entry entry;

		if (lookups->answered[k] || (k > i && lookups->print[k] != UINT8_MAX))
			continue;
		lookups->answered[k] = true;
		ima_entry_parse(walk->judge->ima_list, &steps[k].record, &entry);
		if (question_of(&entry, &questions[n]))
			numbers[n++] = k;
	}
	if (n == 0)
		return 0;
	if (golden_known(walk->judge->setup->golden, walk->judge->hasher, questions, n, known,
			 err) < 0)
		return -1;
	for (size_t k = 0; k < n; k++)
		lookups->known[numbers[k]] = known[k];
	return 0;
}

/* The next entries, all at once: waiting for memory is shared so. */
static void begin(struct ima_walk *walk, const struct ima_step *step)
{
	struct ima_lookups *lookups = &walk->lookups;
	const uint8_t *sha256[LOOKUPS_MAX];
	const struct ima_step *ahead;
	size_t n = 0, n_ahead = ima_replay_ahead(walk->judge->ima_replay, &ahead);

	lookups->first = step->record.index;
	lookups->n = n_ahead < LOOKUPS_MAX - 1 ? n_ahead + 1 : LOOKUPS_MAX;
	memset(lookups->answered, 0, sizeof(lookups->answered));
	memset(lookups->known, 0, sizeof(lookups->known));
	for (size_t i = 0; i < lookups->n; i++) {
		lookups->print[i] = UINT8_MAX;
		sha256[n] = print_of(walk, &step[i]);
		if (sha256[n])
			lookups->print[i] = (uint8_t)n++;
	}
	golden_expect(walk->judge->setup->golden, sha256, n, lookups->prints);
}

int judge_lookup(struct ima_walk *walk, const struct ima_step *step, bool *by_hash,
		 struct error *err)
{
	const struct golden *golden = walk->judge->setup->golden;
	struct ima_lookups *lookups = &walk->lookups;
	size_t i;

	*by_hash = false;
	if (!golden)
		return 0;
	if (step->record.index - lookups->first >= lookups->n)
		begin(walk, step);
	i = step->record.index - lookups->first;
	if (lookups->print[i] != UINT8_MAX &&
	    golden_has(golden, &lookups->prints[lookups->print[i]])) {
		*by_hash = lookups->known[i] = lookups->answered[i] = true;
		return 0;
	}
	return lookups->answered[i] ? 0 : ask_more(walk, step - i, i, err);
}

int judge_file(struct ima_walk *walk, const struct ima_step *step, const struct ima_entry *entry,
	       struct error *err)
{
	static const enum finding_code codes[] = {
		[GOLDEN_OTHER_RELEASE] = FINDING_IMA_OTHER_RELEASE,
		[GOLDEN_OTHER_BYTES] = FINDING_IMA_DIGEST_MISMATCH,
		[GOLDEN_OTHER_PATH] = FINDING_IMA_OTHER_PATH,
		[GOLDEN_UNKNOWN] = FINDING_IMA_UNKNOWN_FILE,
	};
	struct judge *judge = walk->judge;
	struct report *report = judge->report;
	struct golden *golden = judge->setup->golden;
	struct golden_query question;
	struct digest digest;
	struct golden_result result;
	bool comparable;
	int status;

	report->coverage.n_files++;
	if (!golden) {
		judge_path(walk, step, entry);
		return 0;
	}
	if (walk->lookups.known[step->record.index - walk->lookups.first]) {
		report->coverage.n_known++;
		return 0;
	}
	comparable = question_of(entry, &question);
	digest = question.digest;
	if (golden_lookup(golden, entry->path, &digest, &result, err) < 0)
		return -1;
	judge_path(walk, step, entry);
	if (is_excluded(judge, entry->path))
		return 0;
	if (!comparable) {
		const char *found =
			arena_printf(&report->arena, "%s",
				     report_text(report, entry->digest.type == IMA_DIGEST_FILE
								 ? entry->digest.alg_name
								 : entry->digest.type_name));

		if (result.path_known || result.path_elsewhere)
			no_reference(
				walk, step, entry, found,
				entry->digest.type == IMA_DIGEST_FILE
					? "measured with a hash that Assay does not know"
					: "measured by fs-verity with a hash, or in a way, that "
					  "Assay does not know");
		else
			return unknown_file(walk, step, entry, NULL, found, err);
		return 0;
	}
	if (result.no_digest_of_alg && result.answer != GOLDEN_OTHER_RELEASE &&
	    result.answer != GOLDEN_OTHER_PATH) {
		no_reference(
			walk, step, entry, report_digest(report, &digest),
			result.flags & FILE_GHOST
				? "its package owns the path, but ships no bytes for it (%ghost)"
			: entry->digest.type == IMA_DIGEST_VERITY
				? "the database has no fs-verity digest for this path (refgen "
				  "--algorithms verity-sha256)"
				: "the database has no digest of this algorithm for this path");
		return 0;
	}
	if (result.answer == GOLDEN_UNKNOWN && is_accepted(walk))
		return 0;
	if (!report_keeps(report, codes[result.answer])) {
		count_only(judge, codes[result.answer], entry->path);
		return 0;
	}
	switch (result.answer) {
	case GOLDEN_KNOWN:
		break;
	case GOLDEN_OTHER_RELEASE:
		return other_release(walk, step, entry, &digest, err);
	case GOLDEN_OTHER_BYTES:
		return other_bytes(walk, step, entry, &digest, &result, err);
	case GOLDEN_OTHER_PATH:
		status = other_path(walk, step, entry, &digest, err);
		report->coverage.n_known += status == 1;
		return status < 0 ? -1 : 0;
	case GOLDEN_UNKNOWN:
		return unknown_file(walk, step, entry, result.digest_elsewhere ? &digest : NULL,
				    report_digest(report, &digest), err);
	}
	return 0;
}
