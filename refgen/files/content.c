/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/files/internal.h"

#include <libelf.h>
#include <pthread.h>
#include <sys/stat.h>

/* How much of the file is still wanted for looking into it. */
enum looking {
	LOOK_START,  /* the first ELF_START_SIZE bytes */
	LOOK_HEAD,   /* the first ELF_HEAD_SIZE bytes of an executable or shared object */
	LOOK_RANGES, /* the segments it asked for */
	LOOK_WHOLE,  /* everything, up to CONTENT_HELD_MAX */
	LOOK_DONE,   /* nothing more */
};

struct content {
	struct hasher *hasher;
	alg_set algs;
	uint32_t mode;
	uint64_t size;
	bool is_firmware;
	enum compression module_compression; /* of a compressed module, by its name; else NONE */
	enum looking looking;
	struct buf held; /* the first bytes of the file, or all of it */
	bool is_elf, is_script;
	struct elf_facts facts;
	uint8_t *ranges; /* room for the data of facts.ranges, made at first use */
	struct digest by_alg[ALG_COUNT];
	struct digest digests[ALG_COUNT];
	size_t n_digests;
};

static pthread_once_t libelf_once = PTHREAD_ONCE_INIT;

static void libelf_begin(void)
{
	elf_version(EV_CURRENT);
}

int content_new(struct content **out, struct error *err)
{
	AUTO(content_freep) struct content *content = calloc(1, sizeof(*content));

	if (!content)
		return error_memory(err, NULL);
	pthread_once(&libelf_once, libelf_begin);
	if (hasher_new(&content->hasher, err) < 0)
		return -1;
	*out = TAKE(content);
	return 0;
}

void content_free(struct content *content)
{
	if (!content)
		return;
	hasher_free(content->hasher);
	buf_clear(&content->held);
	free(content->ranges);
	free(content);
}

void content_freep(struct content **content)
{
	content_free(*content);
}

bool content_has(const struct content *content, alg_set algs, struct error *err)
{
	for (enum alg alg = 0; alg < ALG_COUNT; alg++) {
		if (!(algs & 1u << alg) || hasher_has(content->hasher, alg))
			continue;
		error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
			  "libcrypto offers no %s here", alg_name(alg));
		return false;
	}
	return true;
}

static bool path_ends_with(struct bytes path, const char *end)
{
	size_t size = strlen(end);

	return path.size >= size && memcmp(path.data + path.size - size, end, size) == 0;
}

/* Modules are compressed as CONFIG_MODULE_COMPRESS_* of the kernel has it. */
static enum compression module_compression(struct bytes path)
{
	if (path_ends_with(path, ".ko.xz"))
		return COMPRESSION_XZ;
	if (path_ends_with(path, ".ko.zst"))
		return COMPRESSION_ZSTD;
	if (path_ends_with(path, ".ko.gz"))
		return COMPRESSION_GZIP;
	return COMPRESSION_NONE;
}

/* Where the kernel looks for firmware (drivers/base/firmware_loader), and for early microcode in an
 * initrd. */
static bool is_firmware_path(struct bytes path)
{
	return bytes_start_with(path, bytes_of_string("/lib/firmware/")) ||
	       bytes_start_with(path, bytes_of_string("/usr/lib/firmware/")) ||
	       bytes_start_with(path, bytes_of_string("/kernel/x86/microcode/"));
}

int content_begin(struct content *content, struct bytes path, uint32_t mode, alg_set algs,
		  struct error *err)
{
	content->algs = algs;
	content->mode = mode;
	content->size = 0;
	content->is_firmware = is_firmware_path(path);
	content->module_compression = module_compression(path);
	content->looking = LOOK_START;
	if (content->held.failed)
		buf_clear(&content->held);
	content->held.size = 0;
	content->is_elf = content->is_script = false;
	content->facts = (struct elf_facts){ 0 };
	content->n_digests = 0;
	return hasher_begin(content->hasher, algs, err);
}

/* Keeps the next bytes until limit are held; what is left of the block. */
static struct bytes hold(struct content *content, struct bytes block, size_t limit)
{
	size_t room = limit - content->held.size;
	size_t n = block.size < room ? block.size : room;

	buf_append(&content->held, bytes_of(block.data, n));
	return bytes_of(block.data + n, block.size - n);
}

/* Copies what block, at offset in the file, has of the segments asked for. */
static void keep_ranges(struct content *content, struct bytes block, uint64_t offset)
{
	for (size_t i = 0; i < content->facts.n_ranges; i++) {
		struct elf_range *range = &content->facts.ranges[i];
		uint64_t from = range->offset > offset ? range->offset : offset;
		uint64_t end = range->offset + range->size; /* checked not to wrap */

		if (end > offset + block.size)
			end = offset + block.size;
		if (from >= end)
			continue;
		memcpy(range->data + (from - range->offset), block.data + (from - offset),
		       (size_t)(end - from));
		if (end == range->offset + range->size)
			range->has_bytes = true;
	}
}

/* The head of an executable is there, or all of it. */
static int look_at_head(struct content *content, struct error *err)
{
	struct elf_facts *facts = &content->facts;
	size_t n = 0;

	elf_head(buf_bytes(&content->held), facts);
	content->looking = LOOK_DONE;
	for (size_t i = 0; i < facts->n_ranges; i++)
		if (facts->ranges[i].offset <= UINT64_MAX - facts->ranges[i].size)
			facts->ranges[n++] = facts->ranges[i];
	facts->n_ranges = n;
	if (n == 0)
		return 0;
	if (!content->ranges)
		content->ranges = malloc((size_t)ELF_RANGES_MAX * ELF_RANGE_MAX);
	if (!content->ranges)
		return error_memory(err, NULL);
	for (size_t i = 0; i < n; i++)
		facts->ranges[i].data = content->ranges + i * ELF_RANGE_MAX;
	content->looking = LOOK_RANGES;
	keep_ranges(content, buf_bytes(&content->held), 0);
	return 0;
}

/* The first bytes are there, or all of a smaller file: what is it, what more is needed? */
static void look_at_start(struct content *content)
{
	struct bytes start = buf_bytes(&content->held);

	content->looking = LOOK_DONE;
	content->is_elf = elf_magic(start);
	/* A Rust source file may begin with an attribute: #![...]. */
	content->is_script = start.size >= 2 && start.data[0] == '#' && start.data[1] == '!' &&
			     !(start.size > 2 && start.data[2] == '[');
	if (content->is_elf) {
		switch (elf_start(start, &content->facts)) {
		case ELF_NOTHING:
			break;
		case ELF_HEAD:
			content->looking = LOOK_HEAD;
			break;
		case ELF_WHOLE:
			content->looking = LOOK_WHOLE;
			break;
		}
	} else if (content->module_compression != COMPRESSION_NONE) {
		content->looking = LOOK_WHOLE;
	}
}

/* Looks at the next bytes; content->size is the offset of the block. */
static int look(struct content *content, struct bytes block, struct error *err)
{
	uint64_t offset = content->size;
	struct bytes rest = block;

	if (content->looking == LOOK_START) {
		rest = hold(content, rest, ELF_START_SIZE);
		if (content->held.size == ELF_START_SIZE)
			look_at_start(content);
	}
	if (content->looking == LOOK_HEAD) {
		rest = hold(content, rest, ELF_HEAD_SIZE);
		if (content->held.size == ELF_HEAD_SIZE && look_at_head(content, err) < 0)
			return -1;
	}
	if (content->looking == LOOK_RANGES)
		keep_ranges(content, rest, offset + (block.size - rest.size));
	/* Too large to look into: what its header says must do. */
	if (content->looking == LOOK_WHOLE && hold(content, rest, CONTENT_HELD_MAX).size > 0)
		content->looking = LOOK_DONE;
	return content->held.failed ? error_memory(err, NULL) : 0;
}

int content_feed(struct content *content, struct bytes block, struct error *err)
{
	if (content->looking != LOOK_DONE && block.size && look(content, block, err) < 0)
		return -1;
	content->size += block.size;
	return hasher_update(content->hasher, block, err);
}

/* Unpacks a compressed module and looks at what it is. A stream that cannot be unpacked is no module. */
static int look_into_module(struct content *content, bool *is_signed, struct error *err)
{
	struct decompressor_options options = { .compression = content->module_compression,
						.output_max = CONTENT_HELD_MAX };
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	AUTO(buf_clear) struct buf module = BUF_INIT;
	struct error reason = { 0 };
	struct bytes block;
	int got;

	if (decompressor_open_bytes(&options, buf_bytes(&content->held), &decompressor, &reason) <
	    0)
		got = -1;
	else
		while ((got = decompressor_next(decompressor, &block, &reason)) > 0)
			buf_append(&module, block);
	if (reason.code == ERROR_SYSTEM || module.failed)
		return error_memory(err, NULL);
	if (got < 0 || !elf_magic(buf_bytes(&module)))
		return 0;
	content->is_elf = true;
	if (elf_start(buf_bytes(&module), &content->facts) == ELF_WHOLE)
		elf_whole(buf_bytes(&module), &content->facts);
	*is_signed = module_is_signed(buf_bytes(&module));
	return 0;
}

/* Looks at what is held, now that the file has ended. */
static int look_at_end(struct content *content, bool *is_signed, struct error *err)
{
	if (content->looking == LOOK_START)
		look_at_start(content);
	if (content->looking == LOOK_HEAD && look_at_head(content, err) < 0)
		return -1;
	if (content->looking == LOOK_RANGES)
		elf_ranges(&content->facts);
	if (content->looking == LOOK_WHOLE && content->is_elf) {
		elf_whole(buf_bytes(&content->held), &content->facts);
		*is_signed = module_is_signed(buf_bytes(&content->held));
	} else if (content->looking == LOOK_WHOLE) {
		return look_into_module(content, is_signed, err);
	}
	return 0;
}

static enum file_kind kind_of(const struct content *content)
{
	if (content->is_firmware)
		return KIND_FIRMWARE;
	if (content->is_elf)
		return content->facts.kind;
	return content->is_script ? KIND_SCRIPT : KIND_OTHER;
}

int content_finish(struct content *content, struct golden_file *out, struct error *err)
{
	bool is_signed = false;

	if (look_at_end(content, &is_signed, err) < 0 ||
	    hasher_finish(content->hasher, content->by_alg, err) < 0)
		return -1;
	for (enum alg alg = 0; alg < ALG_COUNT; alg++)
		if (content->algs & 1u << alg)
			content->digests[content->n_digests++] = content->by_alg[alg];
	out->size = content->size;
	out->kind = kind_of(content);
	out->executable = content->mode & (S_IXUSR | S_IXGRP | S_IXOTH) ||
			  out->kind == KIND_EXECUTABLE || out->kind == KIND_SCRIPT;
	out->module_signed = out->kind == KIND_KERNEL_MODULE && is_signed;
	out->build_id = bytes_of(content->facts.build_id, content->facts.build_id_size);
	out->digests = content->digests;
	out->n_digests = content->n_digests;
	return 0;
}

const struct digest *content_digest(const struct content *content, enum alg alg)
{
	return content->algs & 1u << alg ? &content->by_alg[alg] : NULL;
}
