/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/files/files.h"

#include <inttypes.h>
#include <sys/stat.h>

#define MAGIC_SIZE    6
#define NEWC_SIZE     110 /* magic and 13 fields of 8 hex digits */
#define STRIPPED_SIZE 14  /* magic and an index */

struct cpio {
	struct cpio_options options;
	struct byte_source input;
	struct bytes block; /* what is left of the input's last block */
	uint64_t position;  /* in the stream, of the next byte of block */
	struct cpio_entry entry;
	uint64_t n_entries;
	uint64_t data_left; /* of the entry */
	bool sum_wanted;    /* a sum to check when data_left reaches 0 */
	uint32_t sum, sum_stated;
	bool at_trailer;
	uint8_t header[NEWC_SIZE]; /* put together here where it spans two blocks */
	char name[CPIO_NAME_MAX];
};

int cpio_open(const struct cpio_options *options, struct byte_source input, struct cpio **out,
	      struct error *err)
{
	struct cpio *cpio = calloc(1, sizeof(*cpio));

	if (!cpio)
		return error_memory(err, options->source);
	cpio->options = *options;
	cpio->input = input;
	*out = cpio;
	return 0;
}

void cpio_free(struct cpio *cpio)
{
	free(cpio);
}

void cpio_freep(struct cpio **cpio)
{
	cpio_free(*cpio);
}

uint64_t cpio_consumed(const struct cpio *cpio)
{
	return cpio->position;
}

/* Fails at a byte of the stream. */
#define CPIO_ERROR(cpio, err, code, at, ...)                                                       \
	error_set(err, code, (cpio)->options.source, (cpio)->options.base + (at),                  \
		  "cpio: " __VA_ARGS__)

/* Makes block not empty: 1; 0 at the end of the input; -1 and *err. */
static int cpio_fill(struct cpio *cpio, struct error *err)
{
	while (cpio->block.size == 0) {
		int got = cpio->input.next(cpio->input.ctx, &cpio->block, err);

		if (got <= 0) {
			cpio->block.size = 0;
			return got;
		}
	}
	return 1;
}

static struct bytes cpio_eat(struct cpio *cpio, size_t size)
{
	struct bytes eaten = bytes_of(cpio->block.data, size);

	cpio->block = bytes_of(cpio->block.data + size, cpio->block.size - size);
	cpio->position += size;
	return eaten;
}

/* The next size bytes into out (NULL: passed over). what: which part, for the error. */
static int cpio_take(struct cpio *cpio, void *out, size_t size, const char *what, struct error *err)
{
	uint64_t start = cpio->position;
	uint8_t *to = out;

	while (size) {
		size_t n;
		int got = cpio_fill(cpio, err);

		if (got < 0)
			return -1;
		if (got == 0)
			return CPIO_ERROR(cpio, err, ERROR_TRUNCATED, start,
					  "the stream ends inside %s", what);
		n = size < cpio->block.size ? size : cpio->block.size;
		if (to) {
			memcpy(to, cpio->block.data, n);
			to += n;
		}
		cpio_eat(cpio, n);
		size -= n;
	}
	return 0;
}

static size_t padding(uint64_t position)
{
	return (size_t)(-position & 3);
}

/* 8 hex digits: false when they are not. */
static bool hex_field(const uint8_t *at, uint32_t *out)
{
	uint8_t wire[4];

	if (hex_parse(bytes_of(at, 8), wire, sizeof(wire)) != 4)
		return false;
	*out = (uint32_t)wire[0] << 24 | (uint32_t)wire[1] << 16 | (uint32_t)wire[2] << 8 | wire[3];
	return true;
}

/* The rest of a 07070X header: all that a package's own header does not say. */
static int stripped_next(struct cpio *cpio, struct error *err)
{
	struct cpio_entry *entry = &cpio->entry;

	if (!cpio->options.stripped_size)
		return CPIO_ERROR(cpio, err, ERROR_UNSUPPORTED, entry->offset,
				  "a stripped entry (07070X) outside a package");
	if (cpio_take(cpio, cpio->header + MAGIC_SIZE, STRIPPED_SIZE - MAGIC_SIZE, "a header",
		      err) < 0)
		return -1;
	if (!hex_field(cpio->header + MAGIC_SIZE, &entry->index))
		return CPIO_ERROR(cpio, err, ERROR_MALFORMED, entry->offset + MAGIC_SIZE,
				  "an index that is not 8 hex digits");
	if (cpio->options.stripped_size(cpio->options.ctx, entry->index, &entry->size, err) < 0)
		return -1;
	return cpio_take(cpio, NULL, padding(cpio->position), "a header", err);
}

/* The fields of a 070701 or 070702 header, in their order. */
enum {
	FIELD_INO,
	FIELD_MODE,
	FIELD_UID,
	FIELD_GID,
	FIELD_NLINK,
	FIELD_MTIME,
	FIELD_SIZE,
	FIELD_DEV_MAJOR,
	FIELD_DEV_MINOR,
	FIELD_RDEV_MAJOR,
	FIELD_RDEV_MINOR,
	FIELD_NAME_SIZE,
	FIELD_CHECK,
	FIELD_COUNT
};

static int name_next(struct cpio *cpio, uint32_t size, struct error *err)
{
	const uint64_t at = cpio->position;
	size_t length;

	if (size == 0)
		return CPIO_ERROR(cpio, err, ERROR_MALFORMED, at, "an empty name");
	if (size > CPIO_NAME_MAX)
		return CPIO_ERROR(cpio, err, ERROR_LIMIT, at,
				  "a name of %" PRIu32 " bytes, at most %d", size, CPIO_NAME_MAX);
	if (cpio_take(cpio, cpio->name, size, "a name", err) < 0)
		return -1;
	/* Some tools lengthen a name with NULs, so that the data begins at a page. */
	length = strnlen(cpio->name, size);
	if (length == size || !bytes_all(bytes_of(cpio->name + length, size - length), 0))
		return CPIO_ERROR(cpio, err, ERROR_MALFORMED, at,
				  "a name that does not end with its NUL");
	cpio->entry.name = bytes_of(cpio->name, length);
	return 0;
}

static int newc_next(struct cpio *cpio, struct error *err)
{
	struct cpio_entry *entry = &cpio->entry;
	uint32_t field[FIELD_COUNT];

	if (cpio_take(cpio, cpio->header + MAGIC_SIZE, NEWC_SIZE - MAGIC_SIZE, "a header", err) < 0)
		return -1;
	for (size_t i = 0; i < FIELD_COUNT; i++)
		if (!hex_field(cpio->header + MAGIC_SIZE + 8 * i, &field[i]))
			return CPIO_ERROR(cpio, err, ERROR_MALFORMED,
					  entry->offset + MAGIC_SIZE + 8 * i,
					  "a header field that is not 8 hex digits");
	entry->ino = field[FIELD_INO];
	entry->mode = field[FIELD_MODE];
	entry->uid = field[FIELD_UID];
	entry->gid = field[FIELD_GID];
	entry->nlink = field[FIELD_NLINK];
	entry->mtime = field[FIELD_MTIME];
	entry->size = field[FIELD_SIZE];
	entry->dev_major = field[FIELD_DEV_MAJOR];
	entry->dev_minor = field[FIELD_DEV_MINOR];
	entry->rdev_major = field[FIELD_RDEV_MAJOR];
	entry->rdev_minor = field[FIELD_RDEV_MINOR];
	cpio->sum_stated = field[FIELD_CHECK];
	if (name_next(cpio, field[FIELD_NAME_SIZE], err) < 0)
		return -1;
	if (bytes_equal_string(entry->name, "TRAILER!!!")) {
		if (entry->size)
			return CPIO_ERROR(cpio, err, ERROR_MALFORMED, entry->offset,
					  "a trailer with data");
		cpio->at_trailer = true;
		return 0;
	}
	return cpio_take(cpio, NULL, padding(cpio->position), "the padding of a name", err);
}

int cpio_next(struct cpio *cpio, const struct cpio_entry **out, struct error *err)
{
	struct cpio_entry *entry = &cpio->entry;
	struct bytes rest;
	int got;

	if (cpio->at_trailer)
		return 0;
	while ((got = cpio_data(cpio, &rest, err)) > 0)
		;
	if (got < 0 ||
	    cpio_take(cpio, NULL, padding(cpio->position), "the padding of data", err) < 0)
		return -1;
	*entry = (struct cpio_entry){ .offset = cpio->position };
	if (cpio_take(cpio, cpio->header, MAGIC_SIZE, "a header, before the trailer", err) < 0)
		return -1;
	if (memcmp(cpio->header, "070701", MAGIC_SIZE) == 0)
		entry->format = CPIO_NEWC;
	else if (memcmp(cpio->header, "070702", MAGIC_SIZE) == 0)
		entry->format = CPIO_CRC;
	else if (memcmp(cpio->header, "07070X", MAGIC_SIZE) == 0)
		entry->format = CPIO_STRIPPED;
	else if (memcmp(cpio->header, "070707", MAGIC_SIZE) == 0)
		return CPIO_ERROR(cpio, err, ERROR_UNSUPPORTED, entry->offset,
				  "the old character form (070707)");
	else
		return CPIO_ERROR(cpio, err, ERROR_MALFORMED, entry->offset,
				  "no entry begins here: its magic is missing");
	if ((entry->format == CPIO_STRIPPED ? stripped_next(cpio, err) : newc_next(cpio, err)) < 0)
		return -1;
	if (cpio->at_trailer)
		return 0;
	if (cpio->options.entries_max && cpio->n_entries >= cpio->options.entries_max)
		return CPIO_ERROR(cpio, err, ERROR_LIMIT, entry->offset,
				  "more than %" PRIu64 " entries", cpio->options.entries_max);
	cpio->n_entries++;
	entry->offset += cpio->options.base;
	cpio->data_left = entry->size;
	cpio->sum = 0;
	/* Links that leave their data to another entry state no sum; nor do those that are no files. */
	cpio->sum_wanted = entry->format == CPIO_CRC && S_ISREG(entry->mode) && entry->size;
	*out = entry;
	return 1;
}

static uint32_t sum_bytes(struct bytes bytes)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < bytes.size; i++)
		sum += bytes.data[i];
	return sum;
}

int cpio_data(struct cpio *cpio, struct bytes *block, struct error *err)
{
	size_t n;
	int got;

	if (cpio->data_left == 0) {
		if (!cpio->sum_wanted)
			return 0;
		cpio->sum_wanted = false;
		if (cpio->sum == cpio->sum_stated)
			return 0;
		return error_set(err, ERROR_MALFORMED, cpio->options.source, cpio->entry.offset,
				 "cpio: the data sums to 0x%08" PRIx32
				 ", the header says 0x%08" PRIx32,
				 cpio->sum, cpio->sum_stated);
	}
	got = cpio_fill(cpio, err);
	if (got < 0)
		return -1;
	if (got == 0)
		return CPIO_ERROR(cpio, err, ERROR_TRUNCATED, cpio->position,
				  "the stream ends %" PRIu64 " bytes before the data does",
				  cpio->data_left);
	n = cpio->block.size < cpio->data_left ? cpio->block.size : (size_t)cpio->data_left;
	*block = cpio_eat(cpio, n);
	cpio->data_left -= n;
	if (cpio->sum_wanted)
		cpio->sum += sum_bytes(*block);
	return 1;
}

int cpio_again(struct cpio *cpio, struct error *err)
{
	int got;

	while ((got = cpio_fill(cpio, err)) > 0) {
		size_t n = 0;

		while (n < cpio->block.size && cpio->block.data[n] == 0)
			n++;
		cpio_eat(cpio, n);
		if (cpio->block.size == 0)
			continue;
		if (cpio->block.data[0] != '0')
			return CPIO_ERROR(cpio, err, ERROR_MALFORMED, cpio->position,
					  "bytes after the trailer that begin no archive");
		if (padding(cpio->position) != 0)
			return CPIO_ERROR(cpio, err, ERROR_MALFORMED, cpio->position,
					  "an archive that does not begin at a multiple of 4");
		cpio->at_trailer = false;
		return 1;
	}
	return got;
}
