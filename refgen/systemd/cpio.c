/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The cpio archives (newc) that systemd-stub makes and measures: byte for byte those of its cpio.c,
 * whose trailer has other zeros and an upper-case B.
 */
#include "refgen/systemd/internal.h"

#define MODE_FILE      0100000u
#define MODE_DIRECTORY 0040000u

static void pad(struct buf *out, size_t start)
{
	while ((out->size - start) % 4 != 0 && !out->failed)
		buf_append_u8(out, 0);
}

static void entry_append(struct buf *out, uint32_t inode, uint32_t mode, size_t size,
			 size_t name_size)
{
	buf_printf(out, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", inode, mode,
		   0u, 0u, 1u, 0u, (uint32_t)size, 0u, 0u, 0u, 0u, (uint32_t)name_size, 0u);
}

static void directory_append(struct buf *out, size_t start, uint32_t inode, uint32_t mode,
			     struct bytes path)
{
	entry_append(out, inode, mode | MODE_DIRECTORY, 0, path.size + 1);
	buf_append(out, path);
	buf_append_u8(out, 0);
	pad(out, start);
}

void cpio_pack(struct buf *out, const char *dir, uint32_t dir_mode, uint32_t file_mode,
	       const struct cpio_file *files, size_t n_files)
{
	static const char trailer[] = "070701"
				      "00000000000000000000000000000000"
				      "00000001"
				      "00000000000000000000000000000000"
				      "0000000000000000"
				      "0000000B"
				      "00000000"
				      "TRAILER!!!\0\0\0"; /* and a fourth NUL, the string's */
	size_t start = out->size;
	uint32_t inode = 1;

	for (const char *slash = strchr(dir, '/'); slash; slash = strchr(slash + 1, '/'))
		directory_append(out, start, inode++, 0555, bytes_of(dir, (size_t)(slash - dir)));
	directory_append(out, start, inode++, dir_mode, bytes_of_string(dir));
	for (size_t i = 0; i < n_files; i++) {
		entry_append(out, inode++, file_mode | MODE_FILE, files[i].contents.size,
			     strlen(dir) + strlen(files[i].name) + 2);
		buf_append_string(out, dir);
		buf_append_string(out, "/");
		buf_append(out, bytes_of(files[i].name, strlen(files[i].name) + 1));
		pad(out, start);
		buf_append(out, files[i].contents);
		pad(out, start);
	}
	buf_append(out, bytes_of(trailer, sizeof(trailer)));
}
