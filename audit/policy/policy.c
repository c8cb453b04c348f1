/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/policy/policy.h"

#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>

#include <ini.h>

#include "audit/trust_files.h"
#include "core/file.h"
#include "core/own.h"
#include "core/text.h"

/* PCRs that firmware extends on every machine, but 6, which is for vendors (PFP 3.3.4). */
#define REQUIRED_DEFAULT ((pcr_set)0xbf)

/* PCRs that firmware closes with a separator (PFP 3.3.2). */
#define SEPARATORS_DEFAULT ((pcr_set)0xff)

_Static_assert(POLICY_LINE_MAX + 2 <= INI_MAX_LINE, "the library cuts longer lines in two");

bool pcr_set_parse(struct bytes text, pcr_set *out)
{
	pcr_set set = 0;
	size_t i = 0;

	while (i < text.size) {
		unsigned ends[2] = { 0 }, n_ends = 0;

		for (;;) {
			size_t digits = i;

			while (i < text.size && text.data[i] >= '0' && text.data[i] <= '9' &&
			       i - digits < 3)
				ends[n_ends] = ends[n_ends] * 10 + (text.data[i++] - '0');
			if (i == digits || ends[n_ends] >= PCR_COUNT)
				return false;
			if (++n_ends == 2 || i == text.size || text.data[i] != '-')
				break;
			i++;
		}
		if (n_ends == 1)
			ends[1] = ends[0];
		for (unsigned pcr = ends[0]; pcr <= ends[1]; pcr++)
			set |= (pcr_set)1 << pcr;
		if (ends[1] < ends[0])
			return false;
		while (i < text.size && text.data[i] == ' ')
			i++;
		if (i < text.size && text.data[i] != ',')
			return false;
		if (i < text.size && ++i == text.size)
			return false;
		while (i < text.size && text.data[i] == ' ')
			i++;
	}
	*out = set;
	return text.size > 0;
}

void policy_free(struct policy *policy)
{
	struct policy_texts *lists[8];

	if (!policy)
		return;
	lists[0] = &policy->aks;
	lists[1] = &policy->releases;
	lists[2] = &policy->excludes;
	lists[3] = &policy->cas;
	lists[4] = &policy->secrets;
	lists[5] = &policy->ima_keys;
	lists[6] = &policy->require_signed;
	lists[7] = &policy->known_buffers;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t j = 0; j < lists[i]->n_items; j++)
			free((char *)(uintptr_t)lists[i]->items[j].text);
		free(lists[i]->items);
	}
	free((uint8_t *)(uintptr_t)policy->nonce.data);
	free((char *)(uintptr_t)policy->path);
	free(policy);
}

void policy_freep(struct policy **policy)
{
	policy_free(*policy);
}

int policy_new(struct policy **out, struct error *err)
{
	struct policy *policy = calloc(1, sizeof(*policy));

	if (!policy)
		return error_memory(err, NULL);
	policy->require_boot_log.value = true;
	policy->require_ima_log.value = true;
	policy->required.value = REQUIRED_DEFAULT;
	policy->separators.value = SEPARATORS_DEFAULT;
	policy->ima_hash = ALG_SHA256;
	*out = policy;
	return 0;
}

/* --- values ------------------------------------------------------------------------------- */

/* Reading one file. Where something is wrong, err is filled and the rest is passed over. */
struct parse {
	struct policy *policy;
	const char *path;
	struct bytes text;
	size_t pos;      /* of the next line */
	size_t line_pos; /* of this one */
	unsigned line;   /* counted from 1 */
	bool failed;
	struct error err;
};

static int bad(struct parse *parse, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Fails the parse, with the number of the line before what is wrong. The handler's failure is 0. */
static int bad(struct parse *parse, const char *format, ...)
{
	char what[256];
	va_list args;

	va_start(args, format);
	vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	if (!parse->failed)
		error_set(&parse->err, ERROR_MALFORMED, parse->path, parse->line_pos, "line %u: %s",
			  parse->line, what);
	parse->failed = true;
	return 0;
}

static int out_of_memory(struct parse *parse)
{
	if (!parse->failed)
		error_memory(&parse->err, parse->path);
	parse->failed = true;
	return 0;
}

enum { DONE = 1 }; /* the library's word for a key that was understood */

static int set_flag(struct parse *parse, const char *value, struct policy_flag *out)
{
	if (out->line)
		return bad(parse, "given in line %u already", out->line);
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return bad(parse, "neither yes nor no");
	*out = (struct policy_flag){ strcmp(value, "yes") == 0, parse->line };
	return DONE;
}

static int set_pcrs(struct parse *parse, const char *value, struct policy_pcrs *out)
{
	if (out->line)
		return bad(parse, "given in line %u already", out->line);
	if (strcmp(value, "none") == 0)
		out->value = 0;
	else if (!pcr_set_parse(bytes_of_string(value), &out->value))
		return bad(parse, "no list of PCRs such as 0-5,7 (or none)");
	out->line = parse->line;
	return DONE;
}

static int add_text(struct parse *parse, const char *value, struct policy_texts *out)
{
	struct policy_text *larger;
	char *copy;

	if (!*value)
		return bad(parse, "no value");
	copy = strdup(value);
	larger = copy ? realloc(out->items, (out->n_items + 1) * sizeof(*larger)) : NULL;
	if (!larger) {
		free(copy);
		return out_of_memory(parse);
	}
	out->items = larger;
	larger[out->n_items++] = (struct policy_text){ copy, parse->line };
	return DONE;
}

/* Text before a path, then the path, relative to the policy's folder. */
static int add_path(struct parse *parse, const char *value, const char *path,
		    struct policy_texts *out)
{
	const char *slash = strrchr(parse->path, '/');
	char whole[PATH_MAX];
	int size;

	if (!*path)
		return bad(parse, "no value");
	if (path[0] == '/' || !slash)
		return add_text(parse, value, out);
	size = snprintf(whole, sizeof(whole), "%.*s%.*s/%s", (int)(path - value), value,
			(int)(slash - parse->path), parse->path, path);
	if (size < 0 || (size_t)size >= sizeof(whole))
		return bad(parse, "a path too long");
	return add_text(parse, whole, out);
}

static int set_ak(struct parse *parse, const char *value)
{
	return add_path(parse, value, value, &parse->policy->aks);
}

static int set_ima_key(struct parse *parse, const char *value)
{
	return add_path(parse, value, value, &parse->policy->ima_keys);
}

static int set_ca(struct parse *parse, const char *value)
{
	return add_path(parse, value, value, &parse->policy->cas);
}

static int set_secret(struct parse *parse, const char *value)
{
	return add_path(parse, value, secret_path(value), &parse->policy->secrets);
}

static int set_at(struct parse *parse, const char *value)
{
	struct policy *policy = parse->policy;

	if (policy->at_line)
		return bad(parse, "given in line %u already", policy->at_line);
	if (!time_parse(value, &policy->at))
		return bad(parse, "no time such as 2026-11-27T21:00:00Z or seconds since 1970");
	policy->at_line = parse->line;
	return DONE;
}

static int set_nonce(struct parse *parse, const char *value)
{
	struct policy *policy = parse->policy;
	size_t size = strlen(value);
	uint8_t *nonce;

	if (policy->nonce_line)
		return bad(parse, "given in line %u already", policy->nonce_line);
	nonce = malloc(size / 2 + 1);
	if (!nonce)
		return out_of_memory(parse);
	policy->nonce.data = nonce;
	policy->nonce_line = parse->line;
	if (size == 0 || hex_parse(bytes_of_string(value), nonce, size / 2) < 0)
		return bad(parse, "a nonce is given in hex");
	policy->nonce.size = size / 2;
	return DONE;
}

static int set_own_records(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->own_records);
}

static int set_require_nonce(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->require_nonce);
}

static int set_require_boot_log(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->require_boot_log);
}

static int set_require_ima_log(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->require_ima_log);
}

static int set_release(struct parse *parse, const char *value)
{
	return add_text(parse, value, &parse->policy->releases);
}

static int set_required(struct parse *parse, const char *value)
{
	return set_pcrs(parse, value, &parse->policy->required);
}

static int set_banks(struct parse *parse, const char *value)
{
	struct policy_algs *banks = &parse->policy->banks;

	if (banks->line)
		return bad(parse, "given in line %u already", banks->line);
	if (alg_set_parse(value, &banks->value, NULL) < 0 || banks->value == 0 ||
	    banks->value >= (alg_set)1 << ALG_BANKS)
		return bad(parse, "no list of banks such as sha256,sha384");
	banks->line = parse->line;
	return DONE;
}

static int set_separators(struct parse *parse, const char *value)
{
	return set_pcrs(parse, value, &parse->policy->separators);
}

static int set_predicted(struct parse *parse, const char *value)
{
	return set_pcrs(parse, value, &parse->policy->predicted);
}

static int set_secure_boot(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->secure_boot);
}

static int set_exclude(struct parse *parse, const char *value)
{
	if (value[0] != '/' && value[0] != '*')
		return bad(parse, "a path to exclude begins with '/' or '*'");
	return add_text(parse, value, &parse->policy->excludes);
}

static int set_require_signed(struct parse *parse, const char *value)
{
	if (value[0] != '/' && value[0] != '*')
		return bad(parse, "a path that has to be signed begins with '/' or '*'");
	return add_text(parse, value, &parse->policy->require_signed);
}

static int set_accept_signed(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->accept_signed);
}

/* "sha256:HEX NAME" as reports write digests, or "any NAME". */
static int set_known_buffer(struct parse *parse, const char *value)
{
	size_t size = strcspn(value, " ");
	const char *colon = memchr(value, ':', size);
	struct digest digest;
	uint8_t bytes[DIGEST_SIZE_MAX];
	long n;

	if (!value[size] || !value[size + 1] || value[size + 1] == ' ')
		return bad(parse, "a known buffer is a digest (or any), a blank and a name");
	if (size == 3 && memcmp(value, "any", 3) == 0)
		return add_text(parse, value, &parse->policy->known_buffers);
	if (colon) {
		size_t before = (size_t)(colon - value);

		n = hex_parse(bytes_of(colon + 1, size - before - 1), bytes, sizeof(bytes));
		for (size_t i = 0; i < size; i++)
			if (value[i] >= 'A' && value[i] <= 'Z')
				n = -1;
		if (n > 0 && digest_init(&digest, alg_of_name(bytes_of(value, before)),
					 bytes_of(bytes, (size_t)n)))
			return add_text(parse, value, &parse->policy->known_buffers);
	}
	return bad(parse, "no digest such as sha256:, and hexadecimal digits in lower case");
}

static int set_require_known_buffers(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->require_known_buffers);
}

static int set_learn_keys(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->learn_keys);
}

static int set_hash(struct parse *parse, const char *value)
{
	struct policy *policy = parse->policy;

	if (policy->ima_hash_line)
		return bad(parse, "given in line %u already", policy->ima_hash_line);
	policy->ima_hash = alg_of_name(bytes_of_string(value));
	if (policy->ima_hash == ALG_NONE || alg_verity_base(policy->ima_hash) != ALG_NONE)
		return bad(parse, "no hash algorithm");
	policy->ima_hash_line = parse->line;
	return DONE;
}

static int set_require_signature(struct parse *parse, const char *value)
{
	return set_flag(parse, value, &parse->policy->require_signature);
}

static const struct policy_key {
	const char *section, *name;
	int (*set)(struct parse *parse, const char *value);
} keys[] = {
	{"trust",     "ak",                    set_ak                   },
	{ "trust",    "ima-key",               set_ima_key              },
	{ "trust",    "nonce",                 set_nonce                },
	{ "trust",    "ca",                    set_ca                   },
	{ "trust",    "at",                    set_at                   },
	{ "trust",    "credential-secret",     set_secret               },
	{ "evidence", "own-records",           set_own_records          },
	{ "evidence", "require-nonce",         set_require_nonce        },
	{ "evidence", "require-boot-log",      set_require_boot_log     },
	{ "evidence", "require-ima-log",       set_require_ima_log      },
	{ "releases", "allow",                 set_release              },
	{ "pcrs",     "required",              set_required             },
	{ "pcrs",     "banks",                 set_banks                },
	{ "boot",     "separators",            set_separators           },
	{ "boot",     "predicted",             set_predicted            },
	{ "boot",     "secure-boot",           set_secure_boot          },
	{ "ima",      "exclude",               set_exclude              },
	{ "ima",      "hash",                  set_hash                 },
	{ "ima",      "require-signed",        set_require_signed       },
	{ "ima",      "accept-signed",         set_accept_signed        },
	{ "ima",      "learn-keys",            set_learn_keys           },
	{ "ima",      "known-buffer",          set_known_buffer         },
	{ "ima",      "require-known-buffers", set_require_known_buffers},
	{ "database", "require-signature",     set_require_signature    },
};

static int set_severity(struct parse *parse, const char *name, const char *value)
{
	struct policy *policy = parse->policy;
	enum finding_code code = finding_of_name(bytes_of_string(name));
	enum severity severity;

	if (code == FINDING_COUNT)
		return bad(parse, "no finding has the code '%.60s'", name);
	if (policy->severities[code].line)
		return bad(parse, "given in line %u already", policy->severities[code].line);
	if (!severity_of_name(bytes_of_string(value), &severity))
		return bad(parse, "a severity is critical, high, medium, low or info");
	if (finding_kind(code)->fixed && severity < finding_kind(code)->severity)
		return bad(parse,
			   "%s cannot be lowered below %s: without it no evidence is believed",
			   name, severity_name(finding_kind(code)->severity));
	policy->severities[code].severity = severity;
	policy->severities[code].line = parse->line;
	return DONE;
}

/* --- lines -------------------------------------------------------------------------------- */

/* The library calls this for each "name = value", and for each indented line with the last name. */
static int handle(void *user, const char *section, const char *name, const char *value)
{
	struct parse *parse = user;
	char shown[80];

	if (parse->failed)
		return 0;
	if (strcmp(section, "severity") == 0)
		return set_severity(parse, name, value);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].section, section) == 0 && strcmp(keys[i].name, name) == 0)
			return keys[i].set(parse, value);
	text_escape(shown, sizeof(shown), bytes_of_string(name));
	if (!*section)
		return bad(parse, "'%s' stands before any [section]", shown);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (strcmp(keys[i].section, section) == 0)
			return bad(parse, "no key '%s' in [%s]", shown, section);
	text_escape(shown, sizeof(shown), bytes_of_string(section));
	return bad(parse, "no section [%s]", shown);
}

/* A section of ours? The library says nothing of an empty one. */
static bool section_known(struct bytes line)
{
	struct bytes name = { 0 };
	size_t i = 0, end;

	while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t'))
		i++;
	if (i == line.size || line.data[i] != '[')
		return true;
	for (end = ++i; end < line.size && line.data[end] != ']';)
		end++;
	name = bytes_of(line.data + i, end - i);
	if (bytes_equal_string(name, "severity"))
		return true;
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
		if (bytes_equal_string(name, keys[k].section))
			return true;
	return false;
}

/* The library's fgets: it counts no lines that we could ask for, so we do. */
static char *next_line(char *out, int out_size, void *stream)
{
	struct parse *parse = stream;
	const uint8_t *start = parse->text.data + parse->pos, *newline;
	size_t left = parse->text.size - parse->pos, size, plain;

	if (left == 0 || parse->failed)
		return NULL;
	newline = memchr(start, '\n', left);
	size = newline ? (size_t)(newline - start) + 1 : left;
	plain = newline ? size - 1 : size;
	parse->line_pos = parse->pos;
	parse->line++;
	parse->pos += size;
	if (plain > POLICY_LINE_MAX || size + 1 > (size_t)out_size)
		bad(parse, "%zu bytes long, at most %d", plain, POLICY_LINE_MAX);
	else if (memchr(start, 0, size))
		bad(parse, "has a NUL in it");
	else if (parse->line > POLICY_LINES_MAX)
		bad(parse, "more than %d lines", POLICY_LINES_MAX);
	else if (!section_known(bytes_of(start, plain)))
		bad(parse, "no such section");
	if (parse->failed)
		return NULL;
	memcpy(out, start, size);
	out[size] = '\0';
	return out;
}

static uint64_t line_offset(struct bytes text, int line)
{
	size_t at = 0;

	while (--line > 0 && at < text.size) {
		const uint8_t *newline = memchr(text.data + at, '\n', text.size - at);

		at = newline ? (size_t)(newline - text.data) + 1 : text.size;
	}
	return at;
}

int policy_parse(struct bytes text, const char *path, struct policy **out, struct error *err)
{
	AUTO(policy_freep) struct policy *policy = NULL;
	struct parse parse = { .path = path, .text = text };
	int line;

	if (policy_new(&policy, err) < 0)
		return -1;
	policy->path = strdup(path);
	if (!policy->path)
		return error_memory(err, path);
	parse.policy = policy;
	line = ini_parse_stream(next_line, &parse, handle, &parse);
	if (parse.failed) {
		if (err)
			*err = parse.err;
		return -1;
	}
	if (line < 0)
		return error_memory(err, path);
	if (line > 0) /* the library's own: neither a section, a comment nor name = value */
		return error_set(err, ERROR_MALFORMED, path, line_offset(text, line),
				 "line %d: neither [section], comment nor key = value", line);
	*out = TAKE(policy);
	return 0;
}

int policy_read(const char *path, struct policy **out, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;

	if (file_open(path, &file, err) < 0)
		return -1;
	return policy_parse(file_bytes(file), file_name(file), out, err);
}
