/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/ima_keys.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>

#include "core/file.h"
#include "core/own.h"

static int read_file(const char *path, struct ima_keyring *keyring, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;

	if (file_open(path, &file, err) < 0)
		return -1;
	return ima_keyring_add(keyring, file_bytes(file), file_name(file), path, IMA_KEY_ALL,
			       UINT64_MAX, err);
}

static int is_visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static bool is_regular(const char *path)
{
	struct stat status;

	return stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_folder(const char *path, struct ima_keyring *keyring, struct error *err)
{
	struct dirent **entries;
	size_t n_before = keyring->n_keys;
	int n = scandir(path, &entries, is_visible, by_name), status = 0;

	if (n < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot be listed");
	for (int i = 0; i < n; i++) {
		AUTO(buf_clear) struct buf whole = BUF_INIT;

		buf_printf(&whole, "%s/%s", path, entries[i]->d_name);
		if (status == 0)
			status = buf_finish(&whole, err);
		if (status == 0 && is_regular((const char *)whole.data))
			status = read_file((const char *)whole.data, keyring, err);
		free(entries[i]);
	}
	free(entries);
	if (status == 0 && keyring->n_keys == n_before)
		return error_set(err, ERROR_INPUT, path, ERROR_NO_OFFSET, "a folder without keys");
	return status;
}

int ima_keys_read(const char *path, struct ima_keyring *keyring, struct error *err)
{
	struct stat status;

	if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
		return read_folder(path, keyring, err);
	return read_file(path, keyring, err);
}
