/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A whole package, payload and all. Its digests would stop every mutation, so the reader's stages
 * after them are run by themselves, too.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "refgen/rpm/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct rpm_reader *reader;

static void unpack(const struct rpm_opened *opened)
{
	AUTO(rpm_filelist_clear) struct rpm_filelist list = { 0 };
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(own_free) size_t *slots = NULL;
	struct error err;

	if (rpm_filelist_parse(&opened->signature, &opened->main, &list, &err) < 0 ||
	    file_set_new(1u << ALG_SHA256, &set, &err) < 0)
		return;
	slots = calloc(list.n_files ? list.n_files : 1, sizeof(*slots));
	if (!slots)
		return;
	for (uint32_t i = 0; i < list.n_files; i++) {
		char path[RPM_PATH_MAX];
		const struct golden_file golden = { .path = rpm_file_path(&list.files[i], path) };

		slots[i] = set->n_files;
		if (S_ISREG(list.files[i].mode) && file_set_add(set, &golden, &err) < 0)
			return;
	}
	(void)rpm_payload_read(reader, opened, &list, slots, set, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct rpm_options options = { .algs = 1u << ALG_SHA256 };
	struct rpm_opened opened = RPM_OPENED_INIT;
	struct rpm_package package;
	struct error err;
	char path[64];
	int fd;

	if (!reader && rpm_reader_new(&options, &reader, &err) < 0)
		abort();
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (rpm_read(reader, path, &package, &err) == 0)
		rpm_package_clear(&package);
	if (rpm_open(path, &opened, &err) == 0) {
		AUTO(buf_clear) struct buf notes = BUF_INIT;
		struct rpm_hashing hashing = { 0 };
		struct rpm_seal seal;

		/* What of it is not reached where the header's own digest is wrong. */
		(void)rpm_hashing_begin(reader, &hashing, 0, &opened, &notes, &err);
		(void)rpm_verify_signatures(reader, &opened, &seal, &notes, &err);
		rpm_hashing_clear(&hashing);
		unpack(&opened);
		rpm_opened_clear(&opened);
	}
	close(fd);
	return 0;
}
