/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/profile_fit.h"

#include "tests/unit/test.h"

#define OURS   "11111111-2222-3333-4444-555555555555"
#define THEIRS "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
#define ROWS   12

/* How the digest of a row is made of its text. */
enum form { PLAIN, NUL, WIDE, WIDE_NUL };

struct hole_row {
	const char *at; /* the hole is where the text has this, first */
	enum hole_kind kind;
	const char *name;
};

struct expected_row {
	uint32_t pcr, type;
	const char *text; /* NULL: measured, nobody knows what */
	enum form form;
	struct hole_row holes[2];
};

struct found_row {
	uint32_t pcr, type;
	const char *hashed;
	enum form form;
	const char *data; /* what the log has; NULL: what was hashed */
};

#define EVENT(PCR, TYPE, TEXT_)                                                                    \
	{                                                                                          \
		.pcr = (PCR), .type = (TYPE), .text = (TEXT_)                                      \
	}
#define TEXT(PCR, TYPE, TEXT_, FORM, ...)                                                          \
	{                                                                                          \
		.pcr = (PCR), .type = (TYPE), .text = (TEXT_), .form = (FORM), .holes = {          \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define SEEN(PCR, TYPE, HASHED)                                                                    \
	{                                                                                          \
		.pcr = (PCR), .type = (TYPE), .hashed = (HASHED)                                   \
	}
#define LOGGED(PCR, TYPE, HASHED, FORM, DATA)                                                      \
	{                                                                                          \
		.pcr = (PCR), .type = (TYPE), .hashed = (HASHED), .form = (FORM), .data = (DATA)   \
	}

/* A row without text and type is the end. */
static const struct fit_case {
	const char *name;
	struct expected_row profile[ROWS];
	struct found_row log[ROWS];
	/* "4:" before the steps of PCR 4; S same, H with holes, U unpredicted, O other, M missing, E
	 * extra, m and e if they are moved. */
	const char *steps;
	const char *values;
	size_t cost;
} fit_cases[] = {
	{
         .name = "the same",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b"), EVENT(7, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(7, EV_IPL, "c"), SEEN(4, EV_IPL, "b") },
         .steps = "4:SS7:S",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "an empty log",
         .profile = { EVENT(4, EV_IPL, "a") },
         .steps = "4:M",
         .values = "",
         .cost = 4,
	 },
	{
         .name = "an empty profile",
         .log = { SEEN(4, EV_IPL, "a") },
         .steps = "4:E",
         .values = "",
         .cost = 4,
	 },
	{
         .name = "replaced",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b"), EVENT(4, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "x"), SEEN(4, EV_IPL, "c") },
         .steps = "4:SOS",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "replaced, by one of another type",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_ACTION, "x") },
         .steps = "4:SO",
         .values = "",
         .cost = 7,
	 },
	{
         .name = "missing",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b"), EVENT(4, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "c") },
         .steps = "4:SMS",
         .values = "",
         .cost = 4,
	 },
	{
         .name = "extra",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b"), SEEN(4, EV_IPL, "c") },
         .steps = "4:SES",
         .values = "",
         .cost = 4,
	 },
	{
         .name = "measured twice",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b") },
         .steps = "4:SES",
         .values = "",
         .cost = 4,
	 },
	{
         .name = "the same in another PCR is not the same",
         .profile = { EVENT(4, EV_IPL, "a") },
         .log = { SEEN(5, EV_IPL, "a") },
         .steps = "4:M5:E",
         .values = "",
         .cost = 8,
	 },
	{
         .name = "moved to the front",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b"), EVENT(4, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "c"), SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b") },
         .steps = "4:eSSm",
         .values = "",
         .cost = 8,
	 },
	{
         .name = "extra and another missing is not moved",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, "b"), EVENT(4, EV_IPL, "c") },
         .log = { SEEN(4, EV_IPL, "x"), SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b") },
         .steps = "4:ESSM",
         .values = "",
         .cost = 8,
	 },
	{
         .name = "no event of the profile's is extended by EV_NO_ACTION",
         .profile = { EVENT(0, EV_NO_ACTION, "a"), EVENT(0, EV_IPL, "b") },
         .log = { SEEN(0, EV_IPL, "b") },
         .steps = "0:S",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "unknown, and none measured",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, NULL), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b") },
         .steps = "4:SS",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "unknown, and one",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, NULL), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "a"), SEEN(4, EV_ACTION, "x"), SEEN(4, EV_IPL, "b") },
         .steps = "4:SUS",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "unknown, and many",
         .profile = { EVENT(4, EV_IPL, NULL), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "x"), SEEN(4, EV_IPL, "b"), SEEN(4, EV_IPL, "y"),
			 SEEN(4, EV_IPL, "b") },
         .steps = "4:UUUS",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "unknown does not excuse what comes before and after it",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, NULL), EVENT(4, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "x"), SEEN(4, EV_IPL, "a"), SEEN(4, EV_IPL, "b"),
			 SEEN(4, EV_IPL, "y") },
         .steps = "4:ESSE",
         .values = "",
         .cost = 8,
	 },
	{
         .name = "replaced, before what is unknown",
         .profile = { EVENT(4, EV_IPL, "a"), EVENT(4, EV_IPL, NULL) },
         .log = { SEEN(4, EV_IPL, "x"), SEEN(4, EV_IPL, "y") },
         .steps = "4:OU",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "unknown does not excuse another PCR",
         .profile = { EVENT(4, EV_IPL, NULL), EVENT(5, EV_IPL, "b") },
         .log = { SEEN(4, EV_IPL, "x"), SEEN(5, EV_IPL, "y") },
         .steps = "4:U5:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "the profile's own value of a hole",
         .profile = { TEXT(8, EV_IPL, "linux root=UUID=" OURS " ro", PLAIN,
				  { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { LOGGED(8, EV_IPL, "linux root=UUID=" OURS " ro", PLAIN,
				"grub_cmd: linux root=UUID=" OURS " ro") },
         .steps = "8:S",
         .values = "",
         .cost = 0,
	 },
	{
         .name = "the installation's",
         .profile = { TEXT(8, EV_IPL, "linux root=UUID=" OURS " ro", PLAIN,
				  { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { LOGGED(8, EV_IPL, "linux root=UUID=" THEIRS " ro", PLAIN,
				"grub_cmd: linux root=UUID=" THEIRS " ro") },
         .steps = "8:H",
         .values = "root-uuid=" THEIRS,
         .cost = 0,
	 },
	{
         .name = "and in an event whose text the log lacks",
         .profile = { TEXT(8, EV_IPL, "root=" OURS " ro", PLAIN,
				  { OURS, HOLE_UUID, "root-uuid" }),
			     TEXT(9, EV_EVENT_TAG, "root=" OURS " ro", WIDE,
				  { OURS, HOLE_UUID, "root-uuid" }),
			     TEXT(12, EV_IPL, "root=" OURS " ro", WIDE_NUL,
				  { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { LOGGED(8, EV_IPL, "root=" THEIRS " ro", PLAIN,
				"kernel_cmdline: root=" THEIRS " ro"),
			 LOGGED(9, EV_EVENT_TAG, "root=" THEIRS " ro", WIDE,
				"LOADED_IMAGE::LoadOptions"),
			 LOGGED(12, EV_IPL, "root=" THEIRS " ro", WIDE_NUL, "command line") },
         .steps = "8:H9:H12:H",
         .values = "root-uuid=" THEIRS,
         .cost = 0,
	 },
	{
         .name = "a NUL that should not be there",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, PLAIN, { OURS, HOLE_UUID, "root-uuid" }),
			     TEXT(9, EV_EVENT_TAG, "root=" OURS, WIDE,
				  { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { SEEN(8, EV_IPL, "root=" THEIRS),
			 LOGGED(9, EV_EVENT_TAG, "root=" THEIRS, WIDE_NUL,
				"LOADED_IMAGE::LoadOptions") },
         .steps = "8:H9:O",
         .values = "root-uuid=" THEIRS,
         .cost = 5,
	 },
	{
         .name = "text in UTF-16 in the log",
         .profile = { TEXT(12, EV_IPL, "root=" OURS " ro", WIDE_NUL,
				  { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { LOGGED(12, EV_IPL, "root=" THEIRS " ro", WIDE_NUL, NULL) },
         .steps = "12:H",
         .values = "root-uuid=" THEIRS,
         .cost = 0,
	 },
	{
         .name = "text with a NUL in the log and in the digest",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, NUL, { OURS, HOLE_UUID, "root-uuid" }) },
         .log = { LOGGED(8, EV_IPL, "root=" THEIRS, NUL, NULL) },
         .steps = "8:H",
         .values = "root-uuid=" THEIRS,
         .cost = 0,
	 },
	{
         .name = "two names, two values",
         .profile = { TEXT(8, EV_IPL, "root=" OURS " machine=12", PLAIN,
				  { OURS, HOLE_UUID, "root-uuid" },
				  { "12", HOLE_NUMBER, "machine" }) },
         .log = { SEEN(8, EV_IPL, "root=" THEIRS " machine=345") },
         .steps = "8:H",
         .values = "root-uuid=" THEIRS " machine=345",
         .cost = 0,
	 },
	{
         .name = "only the value that is not the profile's is said",
         .profile = { TEXT(8, EV_IPL, "root=" OURS " machine=12", PLAIN,
				  { OURS, HOLE_UUID, "root-uuid" },
				  { "12", HOLE_NUMBER, "machine" }) },
         .log = { SEEN(8, EV_IPL, "root=" OURS " machine=345") },
         .steps = "8:H",
         .values = "machine=345",
         .cost = 0,
	 },
	{
         .name = "one name, one value in two holes",
         .profile = { TEXT(8, EV_IPL, "a=12 b=12", PLAIN, { "12 ", HOLE_NUMBER, "n" },
				  { "12", HOLE_NUMBER, "n" }) },
         .log = { SEEN(8, EV_IPL, "a=7 b=7") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "one name with two values in one event",
         .profile = { TEXT(8, EV_IPL, "a=" OURS " b=1234-ABCD", PLAIN,
				  { OURS, HOLE_UUID, "u" }, { "1234-ABCD", HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "a=" THEIRS " b=" OURS) },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "the same value twice in one event",
         .profile = { TEXT(8, EV_IPL, "a=" OURS " b=1234-ABCD", PLAIN,
				  { OURS, HOLE_UUID, "u" }, { "1234-ABCD", HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "a=" THEIRS " b=" THEIRS) },
         .steps = "8:H",
         .values = "u=" THEIRS,
         .cost = 0,
	 },
	{
         .name = "one name with two values in two events",
         .profile = { TEXT(8, EV_IPL, "a=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }),
			     TEXT(8, EV_IPL, "b=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "a=" THEIRS), SEEN(8, EV_IPL, "b=" OURS) },
         .steps = "8:HO",
         .values = "u=" THEIRS,
         .cost = 5,
	 },
	{
         .name = "more words than the hole",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "root=" THEIRS " init=/bin/sh") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a blank in a name",
         .profile = { TEXT(8, EV_IPL, "root=cr_root ro", PLAIN,
				  { "cr_root", HOLE_NAME, "n" }) },
         .log = { SEEN(8, EV_IPL, "root=x init=/bin/sh ro") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a word in place of a name",
         .profile = { TEXT(8, EV_IPL, "root=cr_root", PLAIN,
				  { "cr_root", HOLE_NAME, "n" }) },
         .log = { SEEN(8, EV_IPL, "root=init=x") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a quote in a device",
         .profile = { TEXT(8, EV_IPL, "root=/dev/sda", PLAIN,
				  { "/dev/sda", HOLE_DEVICE, "d" }) },
         .log = { SEEN(8, EV_IPL, "root=\"/dev/sda init=/x\"") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a device without a slash",
         .profile = { TEXT(8, EV_IPL, "root=/dev/sda", PLAIN,
				  { "/dev/sda", HOLE_DEVICE, "d" }) },
         .log = { SEEN(8, EV_IPL, "root=sda") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a UUID without its dashes",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "root=111111112222333344445555555555555555") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "an empty value",
         .profile = { TEXT(8, EV_IPL, "snapshot=12", PLAIN, { "12", HOLE_NUMBER, "n" }) },
         .log = { SEEN(8, EV_IPL, "snapshot=") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "a text cut short",
         .profile = { TEXT(8, EV_IPL, "root=" OURS " ro quiet", PLAIN,
				  { OURS, HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_IPL, "ro") },
         .steps = "8:O",
         .values = "",
         .cost = 5,
	 },
	{
         .name = "data that lies binds no hole",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }),
			     TEXT(9, EV_IPL, "root=" OURS, WIDE, { OURS, HOLE_UUID, "u" }) },
         .log = { LOGGED(8, EV_IPL, "evil", PLAIN, "grub_cmd: root=" THEIRS),
			 LOGGED(9, EV_IPL, "root=" THEIRS, WIDE, "x") },
         .steps = "8:O9:O",
         .values = "",
         .cost = 10,
	 },
	{
         .name = "nor is an honest value taken from another type or PCR",
         .profile = { TEXT(8, EV_IPL, "root=" OURS, PLAIN, { OURS, HOLE_UUID, "u" }) },
         .log = { SEEN(8, EV_EVENT_TAG, "root=" THEIRS), SEEN(9, EV_IPL, "root=" THEIRS) },
         .steps = "8:O9:E",
         .values = "",
         .cost = 11,
	 },
};

/* --- making them ------------------------------------------------------------------------------------ */

struct bench {
	struct hasher *hasher;
	struct arena arena;
	struct profile_event expected[ROWS];
	struct profile_hole holes[ROWS][2];
	struct fit_event found[ROWS];
	struct profile profile;
	size_t n_found;
};

/* Literal bytes as they are hashed. */
static struct bytes formed(struct bench *b, const char *text, enum form form)
{
	size_t step = form >= WIDE ? 2 : 1, n = strlen(text);
	size_t size = step * (n + (form == NUL || form == WIDE_NUL));
	uint8_t *out = arena_take(&b->arena, size + 1);

	assert_non_null(out);
	for (size_t i = 0; i < n; i++)
		out[step * i] = (uint8_t)text[i];
	return bytes_of(out, size);
}

static struct digest sha256(struct bench *b, struct bytes bytes)
{
	struct digest digest;
	struct error err;

	assert_int_equal(hasher_digest_bytes(b->hasher, ALG_SHA256, bytes, &digest, &err), 0);
	return digest;
}

static void make_expected(struct bench *b, const struct expected_row *row, size_t at)
{
	struct profile_event *event = &b->expected[at];

	*event = (struct profile_event){ .pcr = row->pcr,
					 .type = row->type,
					 .origin = row->text ? ORIGIN_COMPUTED : ORIGIN_UNKNOWN,
					 .component = "",
					 .source = "",
					 .over = "",
					 .assumption = "",
					 .holes = b->holes[at] };
	if (!row->text)
		return;
	event->algs = 1u << ALG_SHA256;
	event->digests[ALG_SHA256] = sha256(b, formed(b, row->text, row->form));
	event->text = bytes_of_string(row->text);
	event->encoding = row->form >= WIDE ? TEXT_UTF16LE : TEXT_BYTES;
	event->with_nul = row->form == NUL || row->form == WIDE_NUL;
	for (size_t i = 0; i < 2 && row->holes[i].at; i++) {
		const char *start = strstr(row->text, row->holes[i].at);

		assert_non_null(start);
		b->holes[at][i] = (struct profile_hole){ .offset = (size_t)(start - row->text),
							 .size = strlen(row->holes[i].at),
							 .kind = row->holes[i].kind,
							 .name = row->holes[i].name };
		event->n_holes++;
	}
}

static void make(struct bench *b, const struct fit_case *row)
{
	struct error err;

	memset(b, 0, sizeof(*b));
	assert_int_equal(hasher_new(&b->hasher, &err), 0);
	for (size_t i = 0; i < ROWS && (row->profile[i].text || row->profile[i].type); i++) {
		make_expected(b, &row->profile[i], i);
		b->profile.n_events++;
	}
	for (size_t i = 0; i < ROWS && row->log[i].hashed; i++) {
		const struct found_row *found = &row->log[i];
		struct bytes hashed = formed(b, found->hashed, found->form);
		struct bytes data = found->data ? bytes_of_string(found->data) : hashed;

		b->found[i] = (struct fit_event){ .pcr = found->pcr,
						  .type = found->type,
						  .index = i,
						  .has_digest = true,
						  .digest = sha256(b, hashed),
						  .data = test_copy(data) };
		fit_event_text(&b->found[i], b->hasher, &b->arena);
		b->n_found++;
	}
	b->profile.name = b->profile.ending = "";
	b->profile.banks = 1u << ALG_SHA256;
	b->profile.events = b->expected;
}

static void drop(struct bench *b)
{
	for (size_t i = 0; i < b->n_found; i++)
		test_drop(b->found[i].data);
	arena_clear(&b->arena);
	hasher_free(b->hasher);
}

static int fit_of(struct bench *b, size_t cost_max, struct fit *fit)
{
	struct error err;

	return profile_fit(&b->profile, b->found, b->n_found, ALG_SHA256, cost_max, b->hasher,
			   &b->arena, fit, &err);
}

static void write_steps(const struct fit *fit, char *out, size_t size)
{
	uint32_t pcr = UINT32_MAX;
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < fit->n_steps; i++) {
		const struct fit_step *step = &fit->steps[i];
		uint32_t at = step->expected ? step->expected->pcr : step->found->pcr;

		assert_int_equal(step->kind == FIT_MISSING, !step->found);
		assert_int_equal(step->kind == FIT_EXTRA, !step->expected);
		if (at != pcr)
			n += (size_t)snprintf(out + n, size - n, "%u:", at);
		pcr = at;
		n += (size_t)snprintf(out + n, size - n, "%c",
				      (step->is_moved ? "....me" : "SHUOME")[step->kind]);
	}
}

static void write_values(const struct fit *fit, char *out, size_t size)
{
	size_t n = 0;

	*out = '\0';
	for (size_t i = 0; i < fit->n_values; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s=%.*s", i ? " " : "",
				      fit->values[i].name, (int)fit->values[i].value.size,
				      (const char *)fit->values[i].value.data);
}

/* --- tests ------------------------------------------------------------------------------------------ */

static void fits(void **state)
{
	const struct fit_case *row = *state;
	char steps[200], values[200];
	struct bench b;
	struct fit fit;

	make(&b, row);
	assert_int_equal(fit_of(&b, SIZE_MAX, &fit), 0);
	write_steps(&fit, steps, sizeof(steps));
	write_values(&fit, values, sizeof(values));
	assert_string_equal(steps, row->steps);
	assert_string_equal(values, row->values);
	assert_int_equal(fit.cost, row->cost);
	assert_int_equal(fit.cut, 0);
	/* Given up early, it costs more than it might, and never looks like the nearest. */
	for (size_t max = 0; max < row->cost; max++) {
		assert_int_equal(fit_of(&b, max, &fit), 0);
		assert_true(fit.cost > max);
	}
	drop(&b);
}

/* Text counts only if the digest is over it. */
static const struct text_case {
	const char *name;
	const char *hashed;
	enum form form;
	const char *data; /* NULL: what was hashed */
	const char *text; /* NULL: none */
} text_cases[] = {
	{"as it is",              "linux /vmlinuz", PLAIN,    NULL,                        "linux /vmlinuz"},
	{ "GRUB's command",       "linux /vmlinuz", PLAIN,    "grub_cmd: linux /vmlinuz",  "linux /vmlinuz"},
	{ "a command line",       "quiet",          PLAIN,    "kernel_cmdline: quiet",     "quiet"         },
	{ "of a module",          "quiet",          PLAIN,    "module_cmdline: quiet",     "quiet"         },
	{ "with a NUL",           "quiet",          NUL,      NULL,                        "quiet"         },
	{ "UTF-16",               "quiet",          WIDE,     NULL,                        "quiet"         },
	{ "UTF-16 with a NUL",    "quiet",          WIDE_NUL, NULL,                        "quiet"         },
	{ "one letter differs",   "quiet",          PLAIN,    "grub_cmd: quieT",           NULL            },
	{ "more than was hashed", "quiet",          PLAIN,    "quiet init=/bin/sh",        NULL            },
	{ "another prefix",       "quiet",          PLAIN,    "command: quiet",            NULL            },
	{ "a description",        "quiet",          WIDE,     "LOADED_IMAGE::LoadOptions", NULL            },
	{ "the prefix only",      "quiet",          PLAIN,    "grub_cmd: ",                NULL            },
	{ "no data",              "quiet",          PLAIN,    "",                          NULL            },
};

static void text(void **state)
{
	const struct text_case *row = *state;
	const struct fit_case log = { .log = { LOGGED(8, EV_IPL, row->hashed, row->form,
						      row->data) } };
	struct bench b;

	make(&b, &log);
	assert_int_equal(b.found[0].has_text, row->text != NULL);
	if (row->text)
		test_bytes(b.found[0].text, bytes_of_string(row->text));
	drop(&b);
}

/* An event without a digest in the bank is nothing's equal, and has no text. */
static void no_digest(void **state)
{
	const struct fit_case row = { .profile = { EVENT(8, EV_IPL, "a") },
				      .log = { SEEN(8, EV_IPL, "a") } };
	struct bench b;
	struct fit fit;

	(void)state;
	make(&b, &row);
	b.found[0].has_digest = false;
	fit_event_text(&b.found[0], b.hasher, &b.arena);
	assert_false(b.found[0].has_text);
	assert_int_equal(fit_of(&b, SIZE_MAX, &fit), 0);
	assert_int_equal(fit.n_steps, 1);
	assert_int_equal(fit.steps[0].kind, FIT_OTHER);
	drop(&b);
}

/*
 * A profile of n events of one PCR, of which the log has a part and others. Compared as long as what
 * differs is not too much: whatever is the same at both ends costs nothing.
 */
static const struct long_case {
	const char *name;
	size_t n_expected, n_found;
	size_t head, tail; /* are the same */
	bool is_cut;
	size_t cost;
} long_cases[] = {
	{"all the same",                 100000, 100000, 100000, 0,     false, 0                },
	{ "one in the middle",           100000, 100000, 49999,  50000, false, 5                },
	{ "at most so many",             1023,   1023,   0,      0,     false, 5 * 1023         },
	{ "too many",                    1024,   1024,   0,      0,     true,  1                },
	{ "a log that is flooded",       16,     100000, 8,      0,     false, 4 * 99984 + 8 * 5},
	{ "flooded further than that",   16,     200000, 0,      0,     true,  4 * 199984 + 1   },
	{ "nothing left of the profile", 16,     100000, 16,     0,     false, 4 * 99984        },
};

static void numbered(struct digest *out, uint64_t number)
{
	*out = (struct digest){ .alg = ALG_SHA256, .size = 32 };
	memcpy(out->value, &number, sizeof(number));
}

static void many(void **state)
{
	const struct long_case *row = *state;
	struct profile_event *expected = calloc(row->n_expected, sizeof(*expected));
	struct fit_event *found = calloc(row->n_found, sizeof(*found));
	struct profile profile = { .banks = 1u << ALG_SHA256,
				   .events = expected,
				   .n_events = row->n_expected };
	struct arena arena = { 0 };
	struct error err;
	struct fit fit;

	assert_non_null(expected);
	assert_non_null(found);
	for (size_t i = 0; i < row->n_expected; i++) {
		expected[i].pcr = 4;
		expected[i].algs = 1u << ALG_SHA256;
		numbered(&expected[i].digests[ALG_SHA256], i);
	}
	for (size_t i = 0; i < row->n_found; i++) {
		bool same = i < row->head || i >= row->n_found - row->tail;

		found[i].pcr = 4;
		found[i].has_digest = true;
		numbered(&found[i].digest, same ? i : 1000000 + i);
	}
	assert_int_equal(profile_fit(&profile, found, row->n_found, ALG_SHA256, SIZE_MAX, NULL,
				     &arena, &fit, &err),
			 0);
	assert_int_equal(fit.cut, row->is_cut ? 1u << 4 : 0);
	assert_int_equal(fit.cost, row->cost);
	if (!row->is_cut)
		assert_true(fit.n_steps >= row->n_found);
	arena_clear(&arena);
	free(expected);
	free(found);
}

/* Whichever allocation fails, it is said. */
static void memory(void **state)
{
	const struct fit_case *row = NULL;
	int status = -1;

	(void)state;
	for (size_t i = 0; i < sizeof(fit_cases) / sizeof(*fit_cases); i++)
		if (strcmp(fit_cases[i].name, "two names, two values") == 0)
			row = &fit_cases[i];
	assert_non_null(row);
	for (unsigned n = 1; status < 0; n++) {
		struct bench b;
		struct fit fit;

		make(&b, row);
		arena_clear(&b.arena);
		test_alloc_fail(n);
		status = fit_of(&b, SIZE_MAX, &fit);
		assert_int_equal(status < 0, test_alloc_failed());
		test_alloc_fail(0);
		drop(&b);
		assert_true(n < 100);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, fits, fit_cases);
	TEST_ROWS(&tests, text, text_cases);
	TEST(&tests, no_digest);
	TEST_ROWS(&tests, many, long_cases);
	TEST(&tests, memory);
	return test_run(&tests, "audit/profile_fit");
}
