/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own: who frees what, said in the declaration.
 *
 *     AUTO(buf_clear) struct buf text = BUF_INIT;    cleaned when the scope ends
 *     AUTO(file_freep) struct file *f = NULL;
 *     *out = TAKE(f);                                 and is the caller's from here
 *
 * A cleanup function takes a pointer to the variable.
 */
#ifndef CORE_OWN_H
#define CORE_OWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#define AUTO(function) __attribute__((cleanup(function)))

#define TAKE(p)                                                                                    \
	__extension__({                                                                            \
		__typeof__(p) taken_ = (p);                                                        \
		(p) = NULL;                                                                        \
		taken_;                                                                            \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* For AUTO on memory from malloc: AUTO(own_free) char *text. */
static inline void own_free(void *pointer_to_pointer)
{
	free(*(void **)pointer_to_pointer);
}

/* Sums and products of lengths from input: false when the result would wrap. */
static inline bool size_add(size_t a, size_t b, size_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

static inline bool size_mul(size_t a, size_t b, size_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

#endif
