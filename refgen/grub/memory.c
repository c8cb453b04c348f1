/* SPDX-License-Identifier: BSD-2-Clause */
#include <stdarg.h>
#include <stdio.h>

#include "refgen/grub/internal.h"

struct memory_block {
	struct memory_block *next;
	size_t size, used;
	unsigned char bytes[];
};

#define BLOCK_SIZE (64u << 10)

void *memory_take(struct grub *grub, size_t size)
{
	struct memory *memory = &grub->memory;
	struct memory_block *block = memory->blocks;
	void *at;

	if (size > GRUB_MEMORY_MAX - 16 || memory->used + size > GRUB_MEMORY_MAX) {
		grub_fail(grub, ERROR_LIMIT, "scripts and texts of more than %u bytes",
			  GRUB_MEMORY_MAX);
		return NULL;
	}
	size = (size + 15) & ~(size_t)15;
	memory->used += size;
	if (!block || size > block->size - block->used) {
		size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;

		block = malloc(sizeof(*block) + room);
		if (!block) {
			error_memory(grub->err, grub->source);
			return NULL;
		}
		*block = (struct memory_block){ .next = memory->blocks, .size = room };
		memory->blocks = block;
	}
	at = block->bytes + block->used;
	block->used += size;
	memset(at, 0, size);
	return at;
}

char *memory_copy(struct grub *grub, const char *text, size_t size)
{
	char *copy = memory_take(grub, size + 1);

	if (copy && size)
		memcpy(copy, text, size);
	return copy;
}

char *memory_text(struct grub *grub, const char *format, ...)
{
	va_list arguments;
	char *text;
	int size;

	va_start(arguments, format);
	size = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (size < 0 || (size_t)size > GRUB_TEXT_MAX) {
		grub_fail(grub, ERROR_LIMIT, "a text of more than %u bytes", GRUB_TEXT_MAX);
		return NULL;
	}
	text = memory_take(grub, (size_t)size + 1);
	if (!text)
		return NULL;
	va_start(arguments, format);
	vsnprintf(text, (size_t)size + 1, format, arguments);
	va_end(arguments);
	return text;
}

char *memory_buf(struct grub *grub, struct buf *buf)
{
	char *text = NULL;

	if (buf_finish(buf, grub->err) == 0) {
		if (buf->size > GRUB_TEXT_MAX)
			grub_fail(grub, ERROR_LIMIT, "a text of more than %u bytes", GRUB_TEXT_MAX);
		else
			text = memory_copy(grub, (const char *)buf->data, buf->size);
	}
	buf_clear(buf);
	return text;
}

void memory_clear(struct memory *memory)
{
	struct memory_block *block = memory->blocks;

	while (block) {
		struct memory_block *next = block->next;

		free(block);
		block = next;
	}
	*memory = (struct memory){ 0 };
}
