/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/rpm/internal.h"

#include "core/own.h"

/* One package at work. */
struct rpm_slot {
	bool busy;
	size_t item;
	struct rpm_opened opened;
	struct rpm_package package;
	struct rpm_hashing hashing;
};

/* Each has two streams. */
#define SLOTS_MAX (STREAMS_MAX / 2)

int rpm_reader_new(const struct rpm_options *options, struct rpm_reader **out, struct error *err)
{
	AUTO(rpm_reader_freep) struct rpm_reader *reader = calloc(1, sizeof(*reader));

	if (!reader || !(reader->block = malloc(RPM_BLOCK_SIZE)))
		return error_memory(err, NULL);
	reader->options = *options;
	/* Packages that are to be unpacked had better be taken by threads that have nothing to do. */
	reader->n_slots = options->header_only ? SLOTS_MAX : 1;
	reader->slots = calloc(reader->n_slots, sizeof(*reader->slots));
	if (!reader->slots)
		return error_memory(err, NULL);
	for (size_t i = 0; i < reader->n_slots; i++)
		reader->slots[i].opened = (struct rpm_opened)RPM_OPENED_INIT;
	if (hasher_new(&reader->hasher, err) < 0 ||
	    streams_new(2 * reader->n_slots, &reader->streams, err) < 0 ||
	    content_new(&reader->content, err) < 0 ||
	    rpm_verifier_new(options->keyring, &reader->verifier, err) < 0 ||
	    !content_has(reader->content, options->algs, err))
		return -1;
	*out = TAKE(reader);
	return 0;
}

void rpm_reader_free(struct rpm_reader *reader)
{
	if (!reader)
		return;
	for (size_t i = 0; reader->slots && i < reader->n_slots; i++) {
		rpm_hashing_clear(&reader->slots[i].hashing);
		rpm_opened_clear(&reader->slots[i].opened);
	}
	free(reader->slots);
	streams_free(reader->streams);
	hasher_free(reader->hasher);
	content_free(reader->content);
	rpm_verifier_free(reader->verifier);
	free(reader->block);
	free(reader);
}

void rpm_reader_freep(struct rpm_reader **reader)
{
	rpm_reader_free(*reader);
}

void rpm_package_clear(struct rpm_package *package)
{
	file_set_free(package->set);
	buf_clear(&package->notes);
	*package = (struct rpm_package){ 0 };
}

/* --- one slot ----------------------------------------------------------------------------------- */

static size_t first_stream(const struct rpm_reader *reader, const struct rpm_slot *slot)
{
	return 2 * (size_t)(slot - reader->slots);
}

/* The slot is free again: its package is given, or why there is none. */
static void slot_end(struct rpm_slot *slot, const struct rpm_queue *queue, const struct error *why)
{
	rpm_opened_close(&slot->opened);
	if (why) {
		rpm_package_clear(&slot->package);
		queue->give(queue->ctx, slot->item, NULL, why);
	} else {
		queue->give(queue->ctx, slot->item, &slot->package, NULL);
	}
	slot->package = (struct rpm_package){ 0 };
	slot->busy = false;
}

/* Opens a package and checks its header. 0: it is to be hashed; 1: there is nothing more to do. */
static int slot_begin(struct rpm_reader *reader, struct rpm_slot *slot, const char *path,
		      struct error *err)
{
	struct rpm_package *package = &slot->package;
	bool source;

	*package = (struct rpm_package){ .outcome = RPM_READ };
	if (rpm_open(path, &slot->opened, err) < 0 ||
	    rpm_verify_header(reader, &slot->opened, &package->notes, err) < 0 ||
	    rpm_check_source(&slot->opened, &source, err) < 0)
		return -1;
	if (source) {
		rpm_package_clear(package);
		package->outcome = RPM_SOURCE;
		return 1;
	}
	return rpm_hashing_begin(reader, &slot->hashing, first_stream(reader, slot), &slot->opened,
				 &package->notes, err);
}

static int slot_finish(struct rpm_reader *reader, struct rpm_slot *slot, struct error *err)
{
	struct rpm_package *package = &slot->package;
	struct rpm_seal seal;

	if (rpm_hashing_finish(reader, &slot->hashing, first_stream(reader, slot), &seal, err) <
		    0 ||
	    rpm_verify_signatures(reader, &slot->opened, &seal, &package->notes, err) < 0)
		return -1;
	return rpm_package_read(reader, &slot->opened, &seal, package, err);
}

/* --- all of them -------------------------------------------------------------------------------- */

/* Gives each free slot a package, if there is one. How many slots are busy. */
static size_t fill_slots(struct rpm_reader *reader, const struct rpm_queue *queue)
{
	size_t n_busy = 0;

	for (size_t i = 0; i < reader->n_slots; i++)
		n_busy += reader->slots[i].busy;
	for (size_t i = 0; i < reader->n_slots; i++) {
		struct rpm_slot *slot = &reader->slots[i];

		while (!slot->busy) {
			struct error err = { 0 };
			const char *path = queue->take(queue->ctx, n_busy == 0, &slot->item);
			int status;

			if (!path)
				return n_busy;
			status = slot_begin(reader, slot, path, &err);
			slot->busy = status == 0;
			if (status == 0)
				n_busy++;
			else
				slot_end(slot, queue, status < 0 ? &err : NULL);
		}
	}
	return n_busy;
}

/* A block of each package. */
static void step(struct rpm_reader *reader, const struct rpm_queue *queue)
{
	struct bytes next[STREAMS_MAX] = {
		{NULL, 0}
	};
	bool at_end[SLOTS_MAX] = { false };
	struct error broken = { 0 };
	int hashed;

	for (size_t i = 0; i < reader->n_slots; i++) {
		struct rpm_slot *slot = &reader->slots[i];
		struct error err = { 0 };
		int status;

		if (!slot->busy)
			continue;
		status = rpm_hashing_next(&slot->hashing, &next[2 * i], &err);
		at_end[i] = status == 0;
		if (status < 0) {
			next[2 * i] = next[2 * i + 1] = bytes_of(NULL, 0);
			slot_end(slot, queue, &err);
		}
	}
	hashed = streams_update(reader->streams, next, &broken);
	for (size_t i = 0; i < reader->n_slots; i++) {
		struct rpm_slot *slot = &reader->slots[i];
		struct error err = broken;

		if (slot->busy && hashed < 0)
			slot_end(slot, queue, &err);
		else if (slot->busy && at_end[i])
			slot_end(slot, queue, slot_finish(reader, slot, &err) < 0 ? &err : NULL);
	}
}

void rpm_read_all(struct rpm_reader *reader, const struct rpm_queue *queue)
{
	while (fill_slots(reader, queue))
		step(reader, queue);
}

/* --- one package -------------------------------------------------------------------------------- */

struct one {
	const char *path; /* NULL once it was taken */
	struct rpm_package *out;
	struct error *err;
	int status;
};

static const char *one_take(void *ctx, bool wait, size_t *item)
{
	struct one *one = ctx;
	const char *path = one->path;

	(void)wait;
	*item = 0;
	one->path = NULL;
	return path;
}

static void one_give(void *ctx, size_t item, const struct rpm_package *package,
		     const struct error *why)
{
	struct one *one = ctx;

	(void)item;
	one->status = package ? 0 : -1;
	if (package)
		*one->out = *package;
	else if (one->err)
		*one->err = *why;
}

int rpm_read(struct rpm_reader *reader, const char *path, struct rpm_package *out,
	     struct error *err)
{
	struct one one = { path, out, err, -1 };
	const struct rpm_queue queue = { &one, one_take, one_give };

	rpm_read_all(reader, &queue);
	return one.status;
}
