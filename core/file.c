/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE /* mkostemp */
#include "core/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

struct file {
	struct bytes bytes;
	struct buf streamed;
	bool mapped;
	char *name;
};

void file_free(struct file *file)
{
	if (!file)
		return;
	if (file->mapped)
		munmap((void *)(uintptr_t)file->bytes.data, file->bytes.size);
	buf_clear(&file->streamed);
	free(file->name);
	free(file);
}

void file_freep(struct file **file)
{
	file_free(*file);
}

struct bytes file_bytes(const struct file *file)
{
	return file->bytes;
}

const char *file_name(const struct file *file)
{
	return file->name;
}

static int stream_in(int fd, struct file *file, struct error *err)
{
	const size_t step = 1 << 16;

	for (;;) {
		uint8_t *at = buf_extend(&file->streamed, step);
		ssize_t n;

		if (!at)
			return error_memory(err, file->name);
		do
			n = read(fd, at, step);
		while (n < 0 && errno == EINTR);
		file->streamed.size -= step - (n > 0 ? (size_t)n : 0);
		if (n < 0)
			return error_errno(err, ERROR_INPUT, file->name, errno, "cannot read");
		if (n == 0)
			break;
	}
	file->bytes = buf_bytes(&file->streamed);
	return 0;
}

int file_open_fd(int fd, const char *name, struct file **out, struct error *err)
{
	AUTO(file_freep) struct file *file = calloc(1, sizeof(*file));
	struct stat st;

	if (!file || !(file->name = strdup(name)))
		return error_memory(err, name);
	if (fstat(fd, &st) < 0)
		return error_errno(err, ERROR_INPUT, name, errno, "cannot inspect");
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERROR_INPUT, name, ERROR_NO_OFFSET, "is a directory");
	if (S_ISBLK(st.st_mode))
		return error_set(err, ERROR_INPUT, name, ERROR_NO_OFFSET, "is a block device");
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (uintmax_t)st.st_size <= SIZE_MAX) {
		void *at = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);

		if (at != MAP_FAILED) {
			file->mapped = true;
			file->bytes = bytes_of(at, (size_t)st.st_size);
		}
	}
	if (!file->mapped && stream_in(fd, file, err) < 0)
		return -1;
	*out = TAKE(file);
	return 0;
}

int file_open(const char *path, struct file **out, struct error *err)
{
	int fd, status;

	if (strcmp(path, "-") == 0)
		return file_open_fd(STDIN_FILENO, "<stdin>", out, err);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return error_errno(err, ERROR_INPUT, path, errno, "cannot open");
	status = file_open_fd(fd, path, out, err);
	close(fd);
	return status;
}

static int write_all(int fd, struct bytes contents)
{
	while (contents.size) {
		ssize_t n = write(fd, contents.data, contents.size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		contents = bytes_of(contents.data + n, contents.size - (size_t)n);
	}
	return 0;
}

int file_write(const char *path, struct bytes contents, struct error *err)
{
	AUTO(buf_clear) struct buf beside = BUF_INIT;
	struct stat st;
	mode_t mask;
	int fd, failed;

	if (strcmp(path, "-") == 0) {
		if (write_all(STDOUT_FILENO, contents) < 0)
			return error_errno(err, ERROR_SYSTEM, "<stdout>", errno, "cannot write");
		return 0;
	}
	/* A device or pipe (/dev/stdout, /dev/null) is written to, never replaced. */
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0)
			return error_errno(err, ERROR_SYSTEM, path, errno, "cannot open");
		failed = write_all(fd, contents) < 0 ? errno : 0;
		close(fd);
		return failed ? error_errno(err, ERROR_SYSTEM, path, failed, "cannot write") : 0;
	}
	buf_printf(&beside, "%s.XXXXXX", path);
	if (buf_finish(&beside, err) < 0)
		return -1;
	fd = mkostemp((char *)beside.data, O_CLOEXEC);
	if (fd < 0)
		return error_errno(err, ERROR_SYSTEM, path, errno,
				   "cannot create a file beside it");
	mask = umask(0);
	umask(mask);
	failed = 0;
	if (write_all(fd, contents) < 0 || fchmod(fd, 0666 & ~mask) < 0 || fsync(fd) < 0)
		failed = errno;
	if (close(fd) < 0 && !failed)
		failed = errno;
	if (!failed && rename((char *)beside.data, path) < 0)
		failed = errno;
	if (failed) {
		unlink((char *)beside.data);
		return error_errno(err, ERROR_SYSTEM, path, failed, "cannot write");
	}
	return 0;
}
