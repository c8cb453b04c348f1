/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/arena.h"

#include <stdalign.h>
#include <stdio.h>

#include "core/own.h"

/* What most reports need fits into one block. */
#define BLOCK_SIZE ((size_t)16 << 10)

struct arena_block {
	struct arena_block *older;
	size_t size;
	alignas(max_align_t) uint8_t data[];
};

static bool add_block(struct arena *arena, size_t size)
{
	struct arena_block *block;
	size_t whole;

	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	if (!size_add(size, sizeof(*block), &whole) || !(block = malloc(whole)))
		return false;
	block->size = size;
	block->older = arena->blocks;
	arena->blocks = block;
	arena->left = size;
	return true;
}

void *arena_take(struct arena *arena, size_t size)
{
	const size_t step = alignof(max_align_t);
	size_t whole;
	void *at;

	if (arena->failed || !size_add(size, step - 1, &whole)) {
		arena->failed = true;
		return NULL;
	}
	whole -= whole % step;
	if (whole > arena->left && !add_block(arena, whole)) {
		arena->failed = true;
		return NULL;
	}
	at = arena->blocks->data + (arena->blocks->size - arena->left);
	arena->left -= whole;
	return memset(at, 0, size);
}

struct bytes arena_copy(struct arena *arena, struct bytes bytes)
{
	uint8_t *at = bytes.size < SIZE_MAX ? arena_take(arena, bytes.size + 1) : NULL;

	if (!at)
		return bytes_of("", 0);
	if (bytes.size)
		memcpy(at, bytes.data, bytes.size);
	return bytes_of(at, bytes.size);
}

const char *arena_vprintf(struct arena *arena, const char *format, va_list args)
{
	va_list again;
	char *at;
	int size;

	va_copy(again, args);
	size = vsnprintf(NULL, 0, format, again);
	va_end(again);
	at = size < 0 ? NULL : arena_take(arena, (size_t)size + 1);
	if (!at) {
		arena->failed = true;
		return "";
	}
	vsnprintf(at, (size_t)size + 1, format, args);
	return at;
}

const char *arena_printf(struct arena *arena, const char *format, ...)
{
	const char *text;
	va_list args;

	va_start(args, format);
	text = arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void arena_clear(struct arena *arena)
{
	while (arena->blocks) {
		struct arena_block *older = arena->blocks->older;

		free(arena->blocks);
		arena->blocks = older;
	}
	*arena = (struct arena){ 0 };
}
