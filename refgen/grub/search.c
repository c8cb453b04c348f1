/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * search and its short forms, probe, regexp. Source: grub-core/commands/search.c, search_wrap.c,
 * probe.c, regexp.c.
 */
#include <regex.h>
#include <strings.h>

#include "refgen/grub/internal.h"

struct search {
	char type; /* f, l, u */
	const char *key;
	const char *variable; /* NULL: the devices are only shown */
	bool no_floppy;
	bool root_disk_only;
	const char *hints[OPTION_VALUES_MAX * 3];
	size_t n_hints;
};

static size_t disk_size(const char *name)
{
	return strcspn(name, ",");
}

/* Whether the device has it: 1, 0, or it ends. A file is opened, and so measured. */
static int device_matches(struct grub *grub, const struct search *search,
			  const struct grub_device *device)
{
	const char *root = variable_text(grub, "root");
	struct grub_file file;
	char *name;

	if (search->no_floppy && device->name[0] == 'f' && device->name[1] == 'd')
		return 0;
	if (search->root_disk_only && root && *root &&
	    (disk_size(root) != disk_size(device->name) ||
	     strncmp(root, device->name, disk_size(root)) != 0))
		return 0;
	if (search->type == 'u')
		return device->uuid[0] && strcasecmp(device->uuid, search->key) == 0;
	if (search->type == 'l')
		return device->label[0] && strcmp(device->label, search->key) == 0;
	name = memory_text(grub, "(%s)%s", device->name, search->key);
	return name ? file_open_measured(grub, name, NULL, &file) : RUN_ERROR;
}

/* A found device: 1 when the search is over. */
static int device_try(struct grub *grub, const struct search *search,
		      const struct grub_device *device, bool remember, size_t *found)
{
	struct search_hit *hit;
	int r = device_matches(grub, search, device);

	if (r <= 0)
		return r;
	if (remember && *found == 0) {
		hit = memory_take(grub, sizeof(*hit));
		if (!hit)
			return RUN_ERROR;
		*hit = (struct search_hit){ search->type, search->key, device, grub->hits };
		grub->hits = hit;
	}
	++*found;
	if (!search->variable)
		return 0;
	return variable_set(grub, search->variable, (struct value){ .text = device->name }) < 0
		       ? RUN_ERROR
		       : 1;
}

static const struct grub_device *hit_find(const struct grub *grub, const struct search *search)
{
	const struct search_hit *hit;

	for (hit = grub->hits; hit; hit = hit->next)
		if (hit->type == search->type &&
		    (search->type == 'u' ? strcasecmp(hit->key, search->key)
					 : strcmp(hit->key, search->key)) == 0)
			return hit->device;
	return NULL;
}

/* A hint is a device; one that ends in a comma is a disk with all its partitions. */
static int hint_try(struct grub *grub, const struct search *search, const char *hint, size_t *found)
{
	size_t size = strlen(hint);
	bool partitions = size && hint[size - 1] == ',';
	const struct grub_device *device;
	char *name = memory_copy(grub, hint, size - partitions);
	int r = 0;

	if (!name)
		return RUN_ERROR;
	device = device_find(grub, name);
	if (device)
		r = device_try(grub, search, device, true, found);
	if (r != 0 || !partitions)
		return r;
	/* The host has partitions as GRUB goes through devices: the last first. */
	for (size_t i = grub->host->n_devices; i-- > 0 && r == 0;) {
		device = &grub->host->devices[i];
		if (strncmp(device->name, name, strlen(name)) == 0 &&
		    device->name[strlen(name)] == ',')
			r = device_try(grub, search, device, true, found);
	}
	return r;
}

static int search_try(struct grub *grub, const struct search *search, size_t *found)
{
	const struct grub_device *hit = hit_find(grub, search);
	int r;

	if (hit) {
		r = device_try(grub, search, hit, false, found);
		if (r != 0)
			return r;
	}
	for (size_t i = 0; i < search->n_hints; i++) {
		if (!search->hints[i][0])
			continue;
		r = hint_try(grub, search, search->hints[i], found);
		if (r != 0)
			return r;
	}
	for (size_t i = 0; i < grub->host->n_devices; i++) {
		r = device_try(grub, search, &grub->host->devices[i], true, found);
		if (r != 0)
			return r;
	}
	return 0;
}

static int search_run(struct grub *grub, const struct search *search)
{
	size_t found = 0;
	int r = search_try(grub, search, &found);

	if (r < 0)
		return r;
	return found ? STATUS_NONE : STATUS_FILE_NOT_FOUND;
}

int run_search(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"file",             'f', OPTION_FLAG    },
		{ "label",           'l', OPTION_FLAG    },
		{ "fs-uuid",         'u', OPTION_FLAG    },
		{ "set",             's', OPTION_OPTIONAL},
		{ "no-floppy",       'n', OPTION_FLAG    },
		{ "efidisk-only",    0,   OPTION_FLAG    },
		{ "root-dev-only",   'r', OPTION_FLAG    },
		{ "cryptodisk-only", 0,   OPTION_FLAG    },
		{ "hint",            'h', OPTION_REPEATED},
		{ "hint-efi",        0,   OPTION_REPEATED},
		{ "hint-baremetal",  0,   OPTION_REPEATED},
		{ "hint-ieee1275",   0,   OPTION_REPEATED},
		{ "hint-bios",       0,   OPTION_REPEATED},
		{ "hint-arc",        0,   OPTION_REPEATED},
	};
	enum { FILE_, LABEL, UUID, SET, FLOPPY, EFIDISK, ROOT, CRYPTO, HINT, EFI, BAREMETAL };
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct search search = { 0 };
	size_t word = 1;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), true, options);

	if (r != STATUS_NONE)
		return r;
	for (size_t i = HINT; i <= BAREMETAL; i++)
		for (size_t k = 0; k < options[i].n; k++)
			search.hints[search.n_hints++] = options[i].values[k]->text;
	while (word < arguments->n && strncmp(arguments->values[word].text, "--hint-", 7) == 0)
		word++;
	if (options[SET].set)
		search.variable =
			options[SET].n ? options[SET].values[options[SET].n - 1]->text : "root";
	if (word < arguments->n) {
		search.key = arguments->values[word].text;
		grub->doubt = arguments->values[word].unknown;
	} else if (options[SET].n) {
		search.key = options[SET].values[options[SET].n - 1]->text;
		search.variable = "root";
	} else {
		return STATUS_BAD_ARGUMENT;
	}
	search.no_floppy = options[FLOPPY].set;
	search.root_disk_only = options[ROOT].set;
	search.type = options[LABEL].set   ? 'l'
		      : options[UUID].set  ? 'u'
		      : options[FILE_].set ? 'f'
					   : 0;
	if (!search.type)
		return STATUS_INVALID_COMMAND;
	return search_run(grub, &search);
}

/* search.fs_uuid KEY [VARIABLE [HINT...]], search.file, search.fs_label. */
int run_search_short(struct grub *grub, struct arguments *arguments)
{
	const char *name = arguments->values[0].text;
	struct search search = { 0 };

	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	search.type = strcmp(name, "search.fs_uuid") == 0 ? 'u'
		      : strcmp(name, "search.file") == 0  ? 'f'
							  : 'l';
	search.key = arguments->values[1].text;
	grub->doubt = arguments->values[1].unknown;
	if (arguments->n > 2)
		search.variable = arguments->values[2].text;
	for (size_t i = 3; i < arguments->n && search.n_hints < ARRAY_SIZE(search.hints); i++)
		search.hints[search.n_hints++] = arguments->values[i].text;
	return search_run(grub, &search);
}

/* --- probe -------------------------------------------------------------------------------- */

int run_probe(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"set",        's', OPTION_ARGUMENT},
                { "driver",    'd', OPTION_FLAG    },
		{ "partmap",   'p', OPTION_FLAG    },
                { "fs",        'f', OPTION_FLAG    },
		{ "fs-uuid",   'u', OPTION_FLAG    },
                { "label",     'l', OPTION_FLAG    },
		{ "part-uuid", 0,   OPTION_FLAG    },
	};
	enum { SET, DRIVER, PARTMAP, FS, UUID, LABEL, PARTUUID };
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	const struct grub_device *device;
	struct value value = { .text = "" };
	const char *name;
	size_t size;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r != STATUS_NONE)
		return r;
	if (arguments->n != 2)
		return STATUS_BAD_ARGUMENT;
	name = arguments->values[1].text;
	size = strlen(name);
	if (size > 1 && name[0] == '(' && name[size - 1] == ')') {
		name = memory_copy(grub, name + 1, size - 2);
		if (!name)
			return RUN_ERROR;
	}
	device = device_find(grub, name);
	if (!device)
		return STATUS_UNKNOWN_DEVICE;
	if (options[FS].set)
		value.text = device->fs;
	else if (options[UUID].set)
		value.text = device->uuid;
	else if (options[LABEL].set)
		value.text = device->label;
	else
		value.unknown = "what probe says of a device is not known";
	if (options[DRIVER].set)
		value = (struct value){ .text = "efidisk" };
	else if (options[PARTMAP].set)
		value = (struct value){ .text = strstr(name, ",gpt") ? "gpt" : "none" };
	if (!*value.text && !value.unknown)
		return STATUS_BAD_ARGUMENT; /* as GRUB answers where there is none */
	if (options[SET].n)
		return variable_set(grub, options[SET].values[options[SET].n - 1]->text, value);
	return STATUS_NONE;
}

/* --- regexp ------------------------------------------------------------------------------- */

#define PATTERN_MAX 256 /* bytes; and no counts, no references: they cost time without limit */
#define MATCHES_MAX 16

/* --set NAME or --set N:NAME. */
static int matches_keep(struct grub *grub, const struct option *set, const char *text,
			const regmatch_t *matches)
{
	for (size_t i = 0; i < set->n; i++) {
		const char *name = set->values[i]->text, *colon = strchr(name, ':');
		unsigned long which = i + 1; /* GRUB: the first, where none is named */
		char *copy;

		if (colon && (!number_parse(name, NULL, 10, &which) || which >= MATCHES_MAX))
			return STATUS_BAD_NUMBER;
		if (colon)
			name = colon + 1;
		else
			which = 1;
		if (which >= MATCHES_MAX || matches[which].rm_so < 0) {
			if (variable_unset(grub, name) < 0)
				return RUN_ERROR;
			continue;
		}
		copy = memory_copy(grub, text + matches[which].rm_so,
				   (size_t)(matches[which].rm_eo - matches[which].rm_so));
		if (!copy || variable_set(grub, name, (struct value){ copy, grub->doubt }) < 0)
			return RUN_ERROR;
	}
	return STATUS_NONE;
}

int run_regexp(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"set", 's', OPTION_REPEATED}
	};
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	regmatch_t matches[MATCHES_MAX];
	const char *pattern, *text;
	regex_t regex;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r != STATUS_NONE)
		return r;
	if (arguments->n != 3)
		return STATUS_BAD_ARGUMENT;
	pattern = arguments->values[1].text;
	text = arguments->values[2].text;
	grub->doubt = arguments->values[1].unknown ? arguments->values[1].unknown
						   : arguments->values[2].unknown;
	if (strlen(pattern) > PATTERN_MAX || strlen(text) > 4 * PATTERN_MAX ||
	    strchr(pattern, '{')) {
		grub->doubt = "a pattern too costly to match";
		return STATUS_TEST_FAILURE;
	}
	for (const char *at = pattern; *at; at++)
		if (*at == '\\' && at[1] && is_digit(*++at)) {
			grub->doubt = "a pattern with references";
			return STATUS_TEST_FAILURE;
		}
	if (regcomp(&regex, pattern, REG_EXTENDED) != 0)
		return STATUS_TEST_FAILURE;
	r = regexec(&regex, text, MATCHES_MAX, matches, 0);
	regfree(&regex);
	if (r != 0)
		return STATUS_TEST_FAILURE;
	return matches_keep(grub, &options[0], text, matches);
}
