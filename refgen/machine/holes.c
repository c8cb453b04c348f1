/* SPDX-License-Identifier: BSD-2-Clause */
/* Parts of command lines and configuration that only an installation knows. */
#include "refgen/machine/internal.h"

/*
 * What comes before a hole, where one begins: a star stands for some bytes without slash or blank.
 * Where rules begin alike, the longer one comes first. An empty one fits everywhere between bytes
 * that cannot be part of the hole. Sources: dracut.cmdline(7), GRUB's manual (search), snapper's
 * layout of btrfs, ostree's deployment names (ostree= on the kernel's command line).
 */
static const struct hole_rule {
	const char *before, *after;
	enum hole_kind kind;
	const char *name;
} rules[] = {
	{"root=UUID=",                  "",          HOLE_UUID,       "root-uuid"    },
	{ "root=PARTUUID=",             "",          HOLE_UUID,       "root-partuuid"},
	{ "root=",		      "",          HOLE_DEVICE,     "root-device"  },
	{ "resume=UUID=",               "",          HOLE_UUID,       "resume-uuid"  },
	{ "resume=",                    "",          HOLE_DEVICE,     "resume-device"},
	{ "boot=UUID=",                 "",          HOLE_UUID,       "boot-uuid"    },
	{ "rd.luks.uuid=luks-",         "",          HOLE_UUID,       "luks-uuid"    },
	{ "rd.luks.uuid=",              "",          HOLE_UUID,       "luks-uuid"    },
	{ "rd.luks.name=",              "",          HOLE_UUID,       "luks-uuid"    },
	{ "rd.lvm.lv=",                 "",          HOLE_DEVICE,     "volume"       },
	{ "systemd.machine_id=",        "",          HOLE_MACHINE_ID, "machine-id"   },
	{ "machine-id:",                "",          HOLE_MACHINE_ID, "machine-id"   },
	{ "/.snapshots/",               "/snapshot", HOLE_NUMBER,     "snapshot"     },
	{ "ostree=/ostree/boot.",       "/",         HOLE_NUMBER,     "ostree-boot"  },
	{ "ostree=/ostree/boot.*/*/*/", "",          HOLE_NUMBER,     "ostree-serial"},
	{ "",			   "",          HOLE_UUID,       "uuid"         },
	{ "/",			  "/",         HOLE_MACHINE_ID, "machine-id"   },
	{ "\\",			 "\\",        HOLE_MACHINE_ID, "machine-id"   },
	{ "/loader/entries/",           "-",         HOLE_MACHINE_ID, "machine-id"   },
};

/* How many bytes of text, from at on, the pattern takes; SIZE_MAX when it does not fit. */
static size_t match(struct bytes text, size_t at, const char *pattern)
{
	size_t start = at;

	for (; *pattern; pattern++) {
		if (*pattern == '*') {
			size_t from = at;

			while (at < text.size && text.data[at] != '/' && text.data[at] > ' ')
				at++;
			if (at == from)
				return SIZE_MAX;
		} else if (at < text.size && text.data[at] == (uint8_t)*pattern) {
			at++;
		} else {
			return SIZE_MAX;
		}
	}
	return at - start;
}

/* The hole that a rule finds when what comes before it begins at from; false if there is none. */
static bool find_hole(struct bytes text, size_t from, const struct hole_rule *rule,
		      struct profile_hole *out)
{
	size_t before = match(text, from, rule->before), start, end;

	if (before == SIZE_MAX)
		return false;
	start = end = from + before;
	if (before == 0 && start > 0 && hole_takes(rule->kind, text.data[start - 1]) &&
	    text.data[start - 1] != '-')
		return false;
	while (end < text.size && hole_takes(rule->kind, text.data[end]))
		end++;
	if (!hole_fits(rule->kind, bytes_of(text.data + start, end - start)) ||
	    match(text, end, rule->after) == SIZE_MAX)
		return false;
	if (before == 0 && end - start != GUID_TEXT_SIZE - 1)
		return false; /* no rule says that a word like a FAT volume's serial number is one */
	*out = (struct profile_hole){
		.offset = start, .size = end - start, .kind = rule->kind, .name = rule->name
	};
	return true;
}

/* A FAT volume's serial number, which is told from other words only by what the text is about. */
static bool find_serial(struct bytes text, size_t at, struct profile_hole *out)
{
	struct bytes word = bytes_of(text.data + at, 9);

	if (text.size - at < 9 || (at > 0 && text.data[at - 1] > ' ') ||
	    (at + 9 < text.size && text.data[at + 9] > ' ') || !hole_fits(HOLE_UUID, word))
		return false;
	*out = (struct profile_hole){ .offset = at, .size = 9, .kind = HOLE_UUID, .name = "uuid" };
	return true;
}

/* Whether a line that begins here is a search of GRUB's. */
static bool is_search(struct bytes text, size_t at)
{
	while (at < text.size && (text.data[at] == ' ' || text.data[at] == '\t'))
		at++;
	return match(text, at, "search") != SIZE_MAX;
}

size_t machine_holes(struct bytes text, struct profile_hole *out, size_t max)
{
	bool searches = is_search(text, 0);
	struct profile_hole hole;
	size_t n = 0, end = 0; /* of the last hole */

	/* What comes before one hole may reach over another. */
	for (size_t at = 0; at < text.size; at++) {
		if (at > 0 && text.data[at - 1] == '\n')
			searches = is_search(text, at);
		for (size_t i = 0; i < ARRAY_SIZE(rules) && n < max; i++) {
			if (!find_hole(text, at, &rules[i], &hole) || hole.offset < end)
				continue;
			out[n++] = hole;
			end = hole.offset + hole.size;
		}
		if (searches && n < max && at >= end && find_serial(text, at, &hole)) {
			out[n++] = hole;
			end = hole.offset + hole.size;
		}
	}
	return n;
}
