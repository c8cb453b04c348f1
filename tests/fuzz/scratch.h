/* SPDX-License-Identifier: BSD-2-Clause */
/* A file for what is opened by its name, in memory where there is such a file system. */
#ifndef TESTS_FUZZ_SCRATCH_H
#define TESTS_FUZZ_SCRATCH_H

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "core/own.h"

/* libtsk and what it opens containers with leak what they had when they meet damage. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libtsk\nleak:libvmdk\nleak:libvhdi\nleak:libewf\nleak:libafflib\n";
}

/* Writes data to the process's file of that name and returns its path. */
static const char *scratch_write(const char *name, struct bytes data)
{
	static char path[128];
	const char *folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	int fd;

	snprintf(path, sizeof(path), "%s/assay-fuzz-%s-%ld", folder, name, (long)getpid());
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || (data.size && write(fd, data.data, data.size) != (ssize_t)data.size))
		abort();
	close(fd);
	return path;
}

static void scratch_remove(const char *path)
{
	unlink(path);
}

#endif
