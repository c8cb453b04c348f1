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

bool path_is_plain(struct bytes path)
{
	static const char deleted[] = " (deleted)";
	size_t tail = sizeof(deleted) - 1, name = 1; /* name: where the current component begins */

	if (path.size < 2 || path.size >= PATH_SIZE_MAX || path.data[0] != '/')
		return false;
	for (size_t i = 1; i <= path.size; i++) {
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
	return path.size < tail || memcmp(path.data + path.size - tail, deleted, tail) != 0;
}

bool golden_path(struct bytes path, char *out, size_t out_size)
{
	size_t prefix = path_is_merged(path) ? 4 : 0;

	if (!path_is_plain(path) || prefix + path.size + 1 > out_size)
		return false;
	memcpy(out, "/usr", prefix);
	memcpy(out + prefix, path.data, path.size);
	out[prefix + path.size] = 0;
	return true;
}
