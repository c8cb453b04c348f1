/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of evidence, and the paths they stand in. */
#include "replay/evidence/internal.h"

#include "core/digest.h"

/* Quotes, keys and what binds them are a few hundred bytes; the rest is for comfort. */
#define SMALL_MAX ((size_t)1 << 20)

/* The largest firmware logs seen are under 200 KiB; hypervisors let them grow to the area's size. */
#define LOG_MAX ((size_t)64 << 20)

/* 20 million entries of an ima-ng list. */
#define IMA_LOG_MAX ((size_t)2 << 30)

/* before, then "-NAME" where named, then after. The longer endings stand first. */
static const struct role_name {
	const char *before, *after;
	bool named;
	enum bundle_role role;
} role_names[] = {
	{"binary_bios_measurements", "",             false, ROLE_BOOT_LOG            },
	{ "quote",		   ".msg",         true,  ROLE_QUOTE_MSG           },
	{ "quote",		   ".sig",         true,  ROLE_QUOTE_SIG           },
	{ "quote",		   ".pcrs",        true,  ROLE_QUOTE_PCRS          },
	{ "ak",		      ".certify.msg", true,  ROLE_AK_CERTIFY_MSG      },
	{ "ak",		      ".certify.sig", true,  ROLE_AK_CERTIFY_SIG      },
	{ "ak",		      ".pub",         true,  ROLE_AK_PUB              },
	{ "ak",		      ".pem",         true,  ROLE_AK_PEM              },
	{ "ak",		      ".name",        true,  ROLE_AK_NAME             },
	{ "ak",		      ".crt",         true,  ROLE_AK_CRT              },
	{ "ek",		      ".pub",         true,  ROLE_EK_PUB              },
	{ "ek",		      ".crt",         true,  ROLE_EK_CRT              },
	{ "iak",		     ".pub",         true,  ROLE_IAK_PUB             },
	{ "iak",		     ".crt",         true,  ROLE_IAK_CRT             },
	{ "credential",              ".blob",        true,  ROLE_CREDENTIAL_BLOB     },
	{ "credential",              ".secret",      true,  ROLE_CREDENTIAL_SECRET   },
	{ "credential",              ".recovered",   true,  ROLE_CREDENTIAL_RECOVERED},
	{ "nonce",		   "",             false, ROLE_NONCE               },
	{ "cmdline",                 "",             false, ROLE_CMDLINE             },
	{ "evidence.json",           "",             false, ROLE_MAPPING             },
	{ "tpm2-measure.log",        "",             false, ROLE_USERSPACE_LOG       },
	{ "cc-measure.log",          "",             false, ROLE_USERSPACE_LOG       },
	{ "quote",		   ".tdx",         true,  ROLE_TDX_QUOTE           },
	{ "CCEL",		    "",             false, ROLE_CC_LOG              },
	{ "ccel",		    "",             false, ROLE_CC_LOG              },
	{ "canonical_event_log",     "",             false, ROLE_CANONICAL_LOG       },
};

static const char *const ima_names[] = { "binary_runtime_measurements",
					 "ascii_runtime_measurements" };

static bool ends_with(struct bytes text, struct bytes end)
{
	return text.size >= end.size &&
	       bytes_equal(bytes_of(text.data + text.size - end.size, end.size), end);
}

/* The plain SHA-1 list first, for each entry's own digest is checked there; text last. */
unsigned role_ima_form(struct bytes path)
{
	for (size_t i = 0; i < ARRAY_SIZE(ima_names); i++) {
		struct bytes name = bytes_of_string(ima_names[i]);
		enum alg alg;

		if (!bytes_start_with(path, name))
			continue;
		if (path.size == name.size)
			return (unsigned)(i * (ALG_COUNT + 1));
		if (path.data[name.size] != '_')
			continue;
		alg = alg_of_name(bytes_of(path.data + name.size + 1, path.size - name.size - 1));
		if (alg != ALG_NONE)
			return (unsigned)(i * (ALG_COUNT + 1) + 1 + alg);
	}
	return UINT32_MAX;
}

enum bundle_role bundle_role_of(struct bytes path, struct bytes *name)
{
	*name = bytes_of("", 0);
	if (role_ima_form(path) != UINT32_MAX)
		return ROLE_IMA_LOG;
	if (bytes_start_with(path, bytes_of_string("ca/")) &&
	    !memchr(path.data + 3, '/', path.size - 3))
		return ROLE_CA_CRT;
	for (size_t i = 0; i < ARRAY_SIZE(role_names); i++) {
		const struct role_name *row = &role_names[i];
		struct bytes before = bytes_of_string(row->before);
		struct bytes after = bytes_of_string(row->after);
		size_t fixed = before.size + after.size;

		if (!bytes_start_with(path, before) || path.size < fixed || !ends_with(path, after))
			continue;
		if (path.size == fixed)
			return row->role;
		/* quote-NAME.msg: a dash and one character more; no folders */
		if (!row->named || path.size < fixed + 2 || path.data[before.size] != '-' ||
		    memchr(path.data, '/', path.size))
			continue;
		*name = bytes_of(path.data + before.size + 1, path.size - fixed - 1);
		return row->role;
	}
	return ROLE_NONE;
}

const char *bundle_role_name(enum bundle_role role)
{
	static const char *const names[ROLE_COUNT] = {
		[ROLE_BOOT_LOG] = "binary_bios_measurements",
		[ROLE_IMA_LOG] = "binary_runtime_measurements",
		[ROLE_QUOTE_MSG] = "quote.msg",
		[ROLE_QUOTE_SIG] = "quote.sig",
		[ROLE_QUOTE_PCRS] = "quote.pcrs",
		[ROLE_AK_PUB] = "ak.pub",
		[ROLE_AK_PEM] = "ak.pem",
		[ROLE_AK_NAME] = "ak.name",
		[ROLE_NONCE] = "nonce",
		[ROLE_CMDLINE] = "cmdline",
		[ROLE_MAPPING] = "evidence.json",
		[ROLE_AK_CRT] = "ak.crt",
		[ROLE_AK_CERTIFY_MSG] = "ak.certify.msg",
		[ROLE_AK_CERTIFY_SIG] = "ak.certify.sig",
		[ROLE_EK_PUB] = "ek.pub",
		[ROLE_EK_CRT] = "ek.crt",
		[ROLE_IAK_PUB] = "iak.pub",
		[ROLE_IAK_CRT] = "iak.crt",
		[ROLE_CREDENTIAL_BLOB] = "credential.blob",
		[ROLE_CREDENTIAL_SECRET] = "credential.secret",
		[ROLE_CREDENTIAL_RECOVERED] = "credential.recovered",
		[ROLE_CA_CRT] = "ca",
		[ROLE_USERSPACE_LOG] = "tpm2-measure.log",
		[ROLE_TDX_QUOTE] = "quote.tdx",
		[ROLE_CC_LOG] = "CCEL",
		[ROLE_CANONICAL_LOG] = "canonical_event_log",
	};

	return role < ROLE_COUNT && names[role] ? names[role] : "none";
}

const char *bundle_problem_name(enum bundle_problem_kind kind)
{
	static const char *const names[] = {
		[BUNDLE_MEMBER] = "member",       [BUNDLE_PATH] = "path",
		[BUNDLE_DUPLICATE] = "duplicate", [BUNDLE_MAPPING] = "mapping",
		[BUNDLE_MISSING] = "missing",     [BUNDLE_LIMIT] = "limit",
		[BUNDLE_UNREAD] = "unread",       [BUNDLE_FORM] = "form",
		[BUNDLE_AMBIGUOUS] = "ambiguous", [BUNDLE_NOTE] = "note",
	};

	return names[kind];
}

struct bytes path_last_part(struct bytes path)
{
	for (size_t i = path.size; i > 0; i--)
		if (path.data[i - 1] == '/')
			return bytes_of(path.data + i, path.size - i);
	return path;
}

/* Names that mean nothing else anywhere; a command line is the kernel's in proc only. */
enum bundle_role role_by_last_part(struct bytes path, struct bytes *name)
{
	enum bundle_role role = bundle_role_of(path_last_part(path), name);

	if (role == ROLE_CMDLINE && !ends_with(path, bytes_of_string("proc/cmdline")))
		return ROLE_NONE;
	return role == ROLE_NONCE || role == ROLE_MAPPING ? ROLE_NONE : role;
}

bool item_is_candidate(const struct item *item)
{
	return item->type == ITEM_FILE &&
	       (item->guess == FORM_GUESS_WRAPPED ||
		(item->guess == FORM_GUESS_PLAIN && role_is_evidence(item->guessed)));
}

size_t role_size_max(enum bundle_role role)
{
	if (role == ROLE_IMA_LOG)
		return IMA_LOG_MAX;
	if (role == ROLE_CANONICAL_LOG)
		return FORM_SIZE_MAX;
	return role == ROLE_BOOT_LOG || role == ROLE_CC_LOG || role == ROLE_USERSPACE_LOG
		       ? LOG_MAX
		       : SMALL_MAX;
}

bool role_is_evidence(enum bundle_role role)
{
	switch (role) {
	case ROLE_BOOT_LOG:
	case ROLE_IMA_LOG:
	case ROLE_QUOTE_MSG:
	case ROLE_QUOTE_SIG:
	case ROLE_QUOTE_PCRS:
	case ROLE_MAPPING:
	case ROLE_CANONICAL_LOG:
	case ROLE_TDX_QUOTE:
	case ROLE_CC_LOG:
		return true;
	case ROLE_AK_PUB:
	case ROLE_AK_PEM:
	case ROLE_AK_NAME:
	case ROLE_NONCE:
	case ROLE_CMDLINE:
	case ROLE_AK_CRT:
	case ROLE_AK_CERTIFY_MSG:
	case ROLE_AK_CERTIFY_SIG:
	case ROLE_EK_PUB:
	case ROLE_EK_CRT:
	case ROLE_IAK_PUB:
	case ROLE_IAK_CRT:
	case ROLE_CREDENTIAL_BLOB:
	case ROLE_CREDENTIAL_SECRET:
	case ROLE_CREDENTIAL_RECOVERED:
	case ROLE_CA_CRT:
	case ROLE_USERSPACE_LOG:
	case ROLE_NONE:
	case ROLE_COUNT:
		break;
	}
	return false;
}

bool path_normalise(struct arena *arena, struct bytes path, struct bytes *out)
{
	uint8_t *at;
	size_t n = 0;

	if (path.size == 0 || path.data[0] == '/' || memchr(path.data, 0, path.size))
		return false;
	at = arena_take(arena, path.size + 1);
	if (!at)
		return false;
	for (size_t i = 0; i < path.size;) {
		const uint8_t *slash = memchr(path.data + i, '/', path.size - i);
		size_t part = slash ? (size_t)(slash - path.data) - i : path.size - i;

		if (part == 2 && memcmp(path.data + i, "..", 2) == 0)
			return false;
		if (part > 0 && !(part == 1 && path.data[i] == '.')) {
			if (n > 0)
				at[n++] = '/';
			memcpy(at + n, path.data + i, part);
			n += part;
		}
		i += part + 1;
	}
	*out = bytes_of(at, n);
	return true;
}
