/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A plain main for the fuzz targets: feeds each file, and each file below each
 * folder, named on the command line. `make check` replays the stored corpora so.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

static size_t n_inputs;

static int feed(const char *path)
{
	AUTO(file_freep) struct file *file = NULL;
	struct error err = { 0 };
	struct bytes bytes;
	uint8_t *exact;

	if (file_open(path, &file, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.message);
		return -1;
	}
	bytes = file_bytes(file);
	exact = malloc(bytes.size ? bytes.size : 1);
	if (!exact)
		return -1;
	if (bytes.size)
		memcpy(exact, bytes.data, bytes.size);
	LLVMFuzzerTestOneInput(exact, bytes.size);
	free(exact);
	n_inputs++;
	return 0;
}

static int feed_all(const char *path)
{
	struct dirent *entry;
	struct stat st;
	int status = 0;
	DIR *dir;

	if (stat(path, &st) < 0) {
		perror(path);
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return feed(path);
	dir = opendir(path);
	if (!dir) {
		perror(path);
		return -1;
	}
	while ((entry = readdir(dir))) {
		char child[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		if (feed_all(child) < 0)
			status = -1;
	}
	closedir(dir);
	return status;
}

int main(int argc, char **argv)
{
	int status = 0;

	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 1; i < argc; i++)
		if (feed_all(argv[i]) < 0)
			status = 1;
	printf("%zu inputs\n", n_inputs);
	return n_inputs ? status : 1;
}
