/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * file: whole inputs as bytes, and outputs that appear whole or not at all.
 *
 * A regular file with a size is mapped; everything else (standard input as
 * "-", pipes, securityfs files, which report size 0) is read to its end. Inputs
 * are opened read-only. A mapped file must not shrink while it is read.
 */
#ifndef CORE_FILE_H
#define CORE_FILE_H

#include "core/bytes.h"

struct file;

/* Directories and devices are refused. -1 with ERROR_INPUT names the file and the reason. */
int file_open(const char *path, struct file **out, struct error *err);

/* The same for a descriptor that stays the caller's; name is what errors call it. */
int file_open_fd(int fd, const char *name, struct file **out, struct error *err);

/* Valid until the file is freed. */
struct bytes file_bytes(const struct file *file);

/* As the user named it; "<stdin>" for "-". */
const char *file_name(const struct file *file);

void file_free(struct file *file);
void file_freep(struct file **file);

/*
 * Writes contents beside path, synchronises and renames, so that path is the
 * old file or the whole new one. "-" is standard output.
 */
int file_write(const char *path, struct bytes contents, struct error *err);

#endif
