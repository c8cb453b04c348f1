/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/internal.h"

/* Folders that usr-merge made links into /usr; Debian's multilib names among them. */
static const char *const merged[] = {
	"/bin/", "/sbin/", "/lib/", "/lib64/", "/lib32/", "/libx32/", "/libo32/", "/libn32/",
};

bool path_is_merged(struct bytes path)
{
	/* Nearly all paths are decided by their second character. */
	if (path.size < 5 || path.data[0] != '/' ||
	    (path.data[1] != 'l' && path.data[1] != 'b' && path.data[1] != 's'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(merged); i++)
		if (bytes_start_with(path, bytes_of_string(merged[i])))
			return true;
	return false;
}

bool path_is_plain(struct bytes path, size_t from)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	size_t name = from ? from : 1; /* where the current component begins */

	if (path.size < 2 || path.size >= PATH_SIZE_MAX || path.data[0] != '/')
		return false;
	for (size_t i = name; i <= path.size; i++) {
		if (i < path.size && path.data[i] != '/') {
			if (path.data[i] < 0x20 || path.data[i] == 0x7f)
				return false;
			continue;
		}
		if (i == name || (path.data[name] == '.' &&
				  (i == name + 1 || (i == name + 2 && path.data[name + 1] == '.'))))
			return false;
		name = i + 1;
	}
	return path.data[path.size - 1] != ')' || path.size < tail ||
	       memcmp(path.data + path.size - tail, deleted, tail) != 0;
}

struct bytes path_canonical(struct bytes path, uint8_t room[GOLDEN_PATH_MAX])
{
	if (!path_is_merged(path) || path.size >= PATH_SIZE_MAX)
		return path;
	memcpy(room, "/usr", 4);
	memcpy(room + 4, path.data, path.size);
	return bytes_of(room, path.size + 4);
}

bool plain_path_next(struct plain_path *last, const struct manifest_file *file)
{
	size_t from = 0;

	/* What it shares with a plain path is fine up to the last slash in it. */
	if (last->plain)
		for (from = file->shared; from > 1 && file->path.data[from - 1] != '/'; from--)
			;
	last->plain = path_is_plain(file->path, from);
	return last->plain;
}

bool golden_path(struct bytes path, char *out, size_t out_size)
{
	size_t prefix = path_is_merged(path) ? 4 : 0;

	if (!path_is_plain(path, 0) || prefix + path.size + 1 > out_size)
		return false;
	memcpy(out, "/usr", prefix);
	memcpy(out + prefix, path.data, path.size);
	out[prefix + path.size] = 0;
	return true;
}
