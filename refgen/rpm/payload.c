/* SPDX-License-Identifier: BSD-2-Clause */
#include <inttypes.h>
#include <sys/stat.h>

#include "refgen/rpm/internal.h"

#define PAYLOAD_RULE "RPM payload"

/* What is known of each file of the list as the payload goes by. */
enum {
	SEEN = 1 << 0,   /* the payload has an entry of it */
	FILLED = 1 << 1, /* its contents were hashed */
};

struct unpacking {
	struct rpm_reader *reader;
	const struct rpm_opened *opened;
	struct rpm_filelist *list;
	const size_t *slots;
	struct file_set *set;
	struct cpio *cpio;
	alg_set algs;   /* that contents are hashed with: those asked for, and the header's */
	uint8_t *marks; /* SEEN and FILLED of each file; owned */
	uint32_t hint;
};

/* Hands a source's blocks on and hashes them. */
struct tee {
	struct byte_source inner;
	struct hasher *hasher;
};

static int tee_next(void *ctx, struct bytes *block, struct error *err)
{
	struct tee *tee = ctx;
	int status = tee->inner.next(tee->inner.ctx, block, err);

	if (status > 0 && hasher_update(tee->hasher, *block, err) < 0)
		return -1;
	return status;
}

static int refuse(const struct unpacking *un, enum error_code code, struct bytes path,
		  const char *what, struct error *err)
{
	return error_set(err, code, un->opened->source, un->opened->payload_at,
			 PAYLOAD_RULE ": '%.*s' %s", (int)(path.size > 160 ? 160 : path.size),
			 (const char *)path.data, what);
}

static int refuse_file(const struct unpacking *un, enum error_code code, uint32_t index,
		       const char *what, struct error *err)
{
	char path[RPM_PATH_MAX];

	return refuse(un, code, rpm_file_path(&un->list->files[index], path), what, err);
}

/* The size of the data of a stripped entry, which only the header knows. */
static int stripped_size(void *ctx, uint32_t index, uint64_t *size, struct error *err)
{
	const struct unpacking *un = ctx;
	const struct rpm_file *file;

	if (index >= un->list->n_files)
		return error_set(err, ERROR_MALFORMED, un->opened->source, un->opened->payload_at,
				 PAYLOAD_RULE ": entry of file %" PRIu32
					      ", the header has %" PRIu32,
				 index, un->list->n_files);
	file = &un->list->files[index];
	*size = rpm_filelist_has_content(un->list, index) || S_ISLNK(file->mode) ? file->size : 0;
	return 0;
}

/* The file of the list an entry is about. */
static int find_file(struct unpacking *un, const struct cpio_entry *entry, uint32_t *index,
		     struct error *err)
{
	int status = 1;

	if (entry->format == CPIO_STRIPPED)
		*index = entry->index; /* stripped_size has checked it */
	else
		status = rpm_filelist_find(un->list, entry->name, &un->hint, index, err);
	if (status < 0)
		return -1;
	if (status == 0)
		return refuse(un, ERROR_MISMATCH, entry->name,
			      "is in the payload, but not in the header", err);
	if (un->marks[*index] & SEEN)
		return refuse_file(un, ERROR_MALFORMED, *index, "is in the payload twice", err);
	un->marks[*index] |= SEEN;
	return 0;
}

/* Contents just hashed become those of one file, if its header digest agrees. */
static int fill(struct unpacking *un, uint32_t index, const struct golden_file *contents,
		struct error *err)
{
	struct digest stated;
	const struct digest *is;
	int status = rpm_filelist_digest(un->list, index, &stated, err);

	if (status < 0)
		return -1;
	is = status > 0 ? content_digest(un->reader->content, stated.alg) : NULL;
	if (is && !digest_equal(is, &stated)) {
		char what[2 * DIGEST_HEX_SIZE + 64], is_hex[DIGEST_HEX_SIZE],
			stated_hex[DIGEST_HEX_SIZE];

		snprintf(what, sizeof(what), "has %s %s, the header says %s", alg_name(is->alg),
			 digest_hex(is, is_hex), digest_hex(&stated, stated_hex));
		return refuse_file(un, ERROR_MISMATCH, index, what, err);
	}
	un->marks[index] |= FILLED;
	return file_set_content(un->set, un->slots[index], contents, err);
}

/* The contents of a regular file: for it and for its hard links that come without any. */
static int read_contents(struct unpacking *un, uint32_t index, uint64_t size, struct error *err)
{
	const struct rpm_file *file = &un->list->files[index];
	struct content *content = un->reader->content;
	struct golden_file contents = { 0 };
	char path[RPM_PATH_MAX];
	struct bytes block;
	int status;

	if (size != file->size) {
		char what[96];

		snprintf(what, sizeof(what), "has %" PRIu64 " bytes, the header says %" PRIu64,
			 size, file->size);
		return refuse_file(un, ERROR_MISMATCH, index, what, err);
	}
	if (content_begin(content, rpm_file_path(file, path), file->mode, un->algs, err) < 0)
		return -1;
	while ((status = cpio_data(un->cpio, &block, err)) > 0)
		if (content_feed(content, block, err) < 0)
			return -1;
	if (status < 0 || content_finish(content, &contents, err) < 0 ||
	    fill(un, index, &contents, err) < 0)
		return -1;
	for (uint32_t i = 0; i < file->group_size; i++) {
		uint32_t link = un->list->groups[file->group_at + i];

		if (!(un->marks[link] & FILLED) && fill(un, link, &contents, err) < 0)
			return -1;
	}
	return 0;
}

/* A symbolic link's data is its target: the header must say the same. */
static int read_target(struct unpacking *un, uint32_t index, struct error *err)
{
	struct bytes left = un->list->files[index].link, block;
	int status;

	while ((status = cpio_data(un->cpio, &block, err)) > 0) {
		if (!bytes_start_with(left, block))
			return refuse_file(un, ERROR_MISMATCH, index,
					   "links to something else than the header says", err);
		left = bytes_of(left.data + block.size, left.size - block.size);
	}
	if (status == 0 && left.size)
		return refuse_file(un, ERROR_MISMATCH, index,
				   "links to something else than the header says", err);
	return status;
}

static int read_entry(struct unpacking *un, const struct cpio_entry *entry, struct error *err)
{
	const struct rpm_file *file;
	uint32_t index;

	if (find_file(un, entry, &index, err) < 0)
		return -1;
	file = &un->list->files[index];
	if (file->flags & RPMFILE_GHOST)
		return 0; /* rpm does not install what it finds of one */
	if (S_ISLNK(file->mode))
		return read_target(un, index, err);
	if (!S_ISREG(file->mode))
		return 0;
	/* Of hard links, rpmbuild stores the contents with the last, other builders with each. */
	if (entry->size == 0 && file->size > 0 && file->group_size)
		return 0;
	return read_contents(un, index, entry->size, err);
}

static int check_all_seen(struct unpacking *un, struct error *err)
{
	for (uint32_t i = 0; i < un->list->n_files; i++) {
		const struct rpm_file *file = &un->list->files[i];

		if (file->flags & RPMFILE_GHOST)
			continue;
		if ((S_ISREG(file->mode) && !(un->marks[i] & FILLED)) ||
		    (S_ISLNK(file->mode) && !(un->marks[i] & SEEN)))
			return refuse_file(un, ERROR_MISMATCH, i,
					   "is in the header, but not in the payload", err);
	}
	return 0;
}

static int read_archive(struct unpacking *un, struct byte_source unpacked, struct error *err)
{
	AUTO(buf_clear) struct buf name = BUF_INIT;
	AUTO(cpio_freep) struct cpio *cpio = NULL;
	struct cpio_options options = {
		.stripped_size = stripped_size,
		.ctx = un,
		.entries_max = un->list->n_files,
	};
	const struct cpio_entry *entry;
	int status;

	buf_printf(&name, "%s (payload, unpacked)", un->opened->source);
	if (buf_finish(&name, err) < 0)
		return -1;
	options.source = (const char *)name.data;
	if (cpio_open(&options, unpacked, &cpio, err) < 0)
		return -1;
	un->cpio = cpio;
	while ((status = cpio_next(cpio, &entry, err)) > 0)
		if (read_entry(un, entry, err) < 0)
			return -1;
	if (status == 0)
		status = cpio_again(cpio, err);
	if (status > 0)
		return error_set(err, ERROR_MALFORMED, options.source, cpio_consumed(cpio),
				 PAYLOAD_RULE ": a second archive after the first");
	return status;
}

/*
 * How the payload is compressed. The tag says it, but a payload may be stored plain without a word
 * (rpm's "w.ufdio"), or be so now though it was compressed when it was built (v6).
 */
static int find_compression(const struct rpm_opened *opened, enum compression *out,
			    struct error *err)
{
	struct bytes start = bytes_of(opened->head.data + opened->payload_at,
				      opened->head.size - (size_t)opened->payload_at);
	struct bytes name = { NULL, 0 };
	int status = rpm_header_string(&opened->main, RPMTAG_PAYLOADCOMPRESSOR, &name, err);

	if (status < 0)
		return -1;
	if (bytes_start_with(start, bytes_of_string("0707"))) {
		*out = COMPRESSION_NONE;
		return 0;
	}
	*out = status > 0 ? compression_of_name(name) : compression_detect(start);
	if (*out == COMPRESSION_UNKNOWN)
		return error_set(err, ERROR_UNSUPPORTED, opened->source, opened->payload_at,
				 PAYLOAD_RULE ": compressed with '%.*s', which Assay does not know",
				 (int)(name.size > 32 ? 32 : name.size), (const char *)name.data);
	return 0;
}

/* A delta package has the payload format "drpm". */
static int check_format(const struct rpm_opened *opened, struct error *err)
{
	struct bytes format;
	int status = rpm_header_string(&opened->main, RPMTAG_PAYLOADFORMAT, &format, err);

	if (status > 0 && !bytes_equal_string(format, "cpio"))
		return error_set(err, ERROR_UNSUPPORTED, opened->source, opened->payload_at,
				 PAYLOAD_RULE ": of format '%.*s', only cpio is read",
				 (int)(format.size > 32 ? 32 : format.size),
				 (const char *)format.data);
	return status < 0 ? -1 : 0;
}

int rpm_payload_read(struct rpm_reader *reader, const struct rpm_opened *opened,
		     struct rpm_filelist *list, const size_t *slots, struct file_set *set,
		     struct error *err)
{
	AUTO(decompressor_freep) struct decompressor *decompressor = NULL;
	AUTO(own_free) uint8_t *marks = calloc(list->n_files ? list->n_files : 1, 1);
	struct rpm_payload_source packed = { opened, reader->block, opened->payload_at };
	struct decompressor_options options = { .source = opened->source,
						.base = opened->payload_at };
	struct unpacking un = { .reader = reader,
				.opened = opened,
				.list = list,
				.slots = slots,
				.set = set,
				.algs = reader->options.algs,
				.marks = marks };
	struct digest alternative[ALG_COUNT];
	alg_set alternative_algs;
	struct tee tee;

	if (!marks)
		return error_memory(err, opened->source);
	if (check_format(opened, err) < 0)
		return -1;
	if (list->n_files == 0 && opened->payload_at == opened->size)
		return 0; /* some builders write no empty archive */
	if (list->digest_alg != ALG_NONE &&
	    content_has(reader->content, 1u << list->digest_alg, NULL))
		un.algs |= 1u << list->digest_alg;
	if (find_compression(opened, &options.compression, err) < 0 ||
	    rpm_alternative_algs(reader, opened, &alternative_algs, err) < 0 ||
	    decompressor_open(&options, rpm_payload_source(&packed), &decompressor, err) < 0 ||
	    hasher_begin(reader->hasher, alternative_algs, err) < 0)
		return -1;
	tee = (struct tee){ decompressor_source(decompressor), reader->hasher };
	if (read_archive(&un, (struct byte_source){ tee_next, &tee }, err) < 0 ||
	    hasher_finish(reader->hasher, alternative, err) < 0 ||
	    rpm_alternative_check(opened, alternative_algs, alternative, err) < 0)
		return -1;
	return check_all_seen(&un, err);
}
