/* SPDX-License-Identifier: BSD-2-Clause */
/* Which form a policy has; flat allowlists; digests by path, and as artifacts. */
#include "refgen/allowlist/allowlist.h"

#include "refgen/allowlist/internal.h"

#include "core/array.h"
#include "core/text.h"

/* A digest's name and hex digits; longer ones are none. */
#define DIGEST_TEXT_MAX (16 + DIGEST_HEX_SIZE)

static enum alg alg_of_length(size_t digits, bool sm3)
{
	static const enum alg algs[] = { ALG_MD5,    ALG_SHA1,   ALG_SHA224,
					 ALG_SHA256, ALG_SHA384, ALG_SHA512 };

	for (size_t i = 0; i < ARRAY_SIZE(algs); i++)
		if (digits == 2 * alg_size(algs[i]))
			return algs[i] == ALG_SHA256 && sm3 ? ALG_SM3_256 : algs[i];
	return ALG_NONE;
}

static bool parse_digest(struct bytes text, bool sm3, struct digest *out)
{
	const uint8_t *colon = memchr(text.data, ':', text.size);
	struct bytes hex = text;
	uint8_t value[DIGEST_SIZE_MAX];
	enum alg alg;
	long size;

	if (text.size > DIGEST_TEXT_MAX)
		return false;
	if (colon) {
		size_t before = (size_t)(colon - text.data);

		alg = alg_of_name(bytes_of(text.data, before));
		hex = bytes_of(colon + 1, text.size - before - 1);
	} else {
		alg = alg_of_length(hex.size, sm3);
	}
	size = hex_parse(hex, value, sizeof(value));
	return alg != ALG_NONE && size > 0 && digest_init(out, alg, bytes_of(value, (size_t)size));
}

int allowlist_add(struct allowlist_reading *reading, struct bytes path, struct bytes text,
		  uint64_t at, struct error *err)
{
	struct allowlist *list = reading->list;
	struct allowlist_digest entry = { .path = path };
	char shown[160];

	if (!parse_digest(text, reading->options->sm3, &entry.digest))
		return error_set(err, ERROR_MALFORMED, reading->source, at,
				 "'%s' is no digest: hex of an algorithm that its length or a name "
				 "before a colon tells",
				 text_escape(shown, sizeof(shown), text));
	if (path.size == 0 || path.data[0] != '/') {
		list->n_relative++;
		return 0;
	}
	if (list->n_digests >= ALLOWLIST_DIGESTS_MAX)
		return error_set(err, ERROR_LIMIT, reading->source, at, "more than %d digests",
				 ALLOWLIST_DIGESTS_MAX);
	if (array_room(&list->digests, list->n_digests, &list->capacity, sizeof(*list->digests),
		       reading->source, err) < 0)
		return -1;
	list->digests[list->n_digests++] = entry;
	return 0;
}

int allowlist_add_buffer(struct allowlist_reading *reading, struct bytes name, struct bytes text,
			 struct error *err)
{
	struct allowlist *list = reading->list;
	char shown[160];

	if ((list->n_buffers & (list->n_buffers - 1)) == 0) {
		size_t room = list->n_buffers ? 2 * list->n_buffers : 1;
		struct allowlist_digest *larger = arena_take(&list->arena, room * sizeof(*larger));

		if (!larger)
			return error_memory(err, reading->source);
		if (list->n_buffers)
			memcpy(larger, list->buffers, list->n_buffers * sizeof(*larger));
		list->buffers = larger;
	}
	list->buffers[list->n_buffers].path = name;
	if (!parse_digest(text, reading->options->sm3, &list->buffers[list->n_buffers].digest))
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "'%s' is no digest of a buffer",
				 text_escape(shown, sizeof(shown), text));
	list->n_buffers++;
	return 0;
}

/* A line of a policy can name it: no comment begins in it, and no blanks are at its ends. */
static bool is_sayable(struct bytes name)
{
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] < 0x20 || name.data[i] == 0x7f || name.data[i] == ';')
			return false;
	return name.size > 0 && name.size <= 256 && name.data[0] != ' ' &&
	       name.data[name.size - 1] != ' ';
}

size_t allowlist_buffer_lines(const struct allowlist *list, struct buf *out)
{
	char hex[DIGEST_HEX_SIZE];
	size_t n_left = 0;

	for (size_t i = 0; i < list->n_buffers; i++) {
		const struct allowlist_digest *at = &list->buffers[i];

		if (!is_sayable(at->path)) {
			n_left++;
			continue;
		}
		buf_printf(out, "known-buffer = %s:%s ", alg_name(at->digest.alg),
			   digest_hex(&at->digest, hex));
		buf_append(out, at->path);
		buf_append_u8(out, '\n');
	}
	for (size_t i = 0; i < list->n_ignored; i++) {
		if (!is_sayable(list->ignored[i])) {
			n_left++;
			continue;
		}
		buf_append_string(out, "known-buffer = any ");
		buf_append(out, list->ignored[i]);
		buf_append_u8(out, '\n');
	}
	return n_left;
}

/* --- flat lists ------------------------------------------------------------------------------- */

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One line, without its newline: digest, blanks (and sha256sum's star), path. */
static int flat_line(struct allowlist_reading *reading, struct bytes line, uint64_t at,
		     struct error *err)
{
	size_t begin = 0, end, path;

	while (line.size && is_blank(line.data[line.size - 1]))
		line.size--;
	while (begin < line.size && is_blank(line.data[begin]))
		begin++;
	if (begin == line.size || line.data[begin] == '#')
		return 0;
	end = begin;
	while (end < line.size && !is_blank(line.data[end]))
		end++;
	path = end;
	while (path < line.size && is_blank(line.data[path]))
		path++;
	if (path < line.size && line.data[path] == '*')
		path++;
	if (path == line.size)
		return error_set(err, ERROR_MALFORMED, reading->source, at + begin,
				 "a line of an allowlist is a digest, blanks and a path");
	return allowlist_add(reading, bytes_of(line.data + path, line.size - path),
			     bytes_of(line.data + begin, end - begin), at + begin, err);
}

static int flat_read(struct allowlist_reading *reading, struct bytes text, struct error *err)
{
	reading->list->format = "flat allowlist";
	for (size_t at = 0; at < text.size;) {
		const uint8_t *newline = memchr(text.data + at, '\n', text.size - at);
		size_t size = newline ? (size_t)(newline - text.data) - at : text.size - at;

		if (flat_line(reading, bytes_of(text.data + at, size), at, err) < 0)
			return -1;
		at += size + 1;
	}
	return 0;
}

/* --- any form --------------------------------------------------------------------------------- */

static int read_json(struct allowlist_reading *reading, struct bytes text, bool signed_already,
		     struct error *err)
{
	AUTO(json_value_freep) struct json_value *document = NULL;
	struct bytes payload;

	if (json_read(text, reading->source, &document, err) < 0)
		return -1;
	if (!json_value_member(document, "payload"))
		return keylime_read(reading, document, err);
	if (signed_already)
		return error_set(err, ERROR_MALFORMED, reading->source, ERROR_NO_OFFSET,
				 "the payload of a signed policy is a signed policy again");
	if (dsse_open(reading, document, &payload, err) < 0)
		return -1;
	return read_json(reading, payload, true, err);
}

static int by_digest(const void *a, const void *b)
{
	const struct allowlist_digest *x = a, *y = b;
	int order = bytes_compare(x->path, y->path);

	if (!order)
		order = (x->digest.alg > y->digest.alg) - (x->digest.alg < y->digest.alg);
	return order ? order : bytes_compare(digest_bytes(&x->digest), digest_bytes(&y->digest));
}

static void sort(struct allowlist *list)
{
	size_t n = 0;

	if (list->n_digests > 1)
		qsort(list->digests, list->n_digests, sizeof(*list->digests), by_digest);
	for (size_t i = 0; i < list->n_digests; i++)
		if (i == 0 || by_digest(&list->digests[n - 1], &list->digests[i]) != 0)
			list->digests[n++] = list->digests[i];
	list->n_digests = n;
}

int allowlist_read(struct bytes text, const char *source, const struct allowlist_options *options,
		   struct allowlist *out, struct error *err)
{
	AUTO(allowlist_clear) struct allowlist list = { 0 };
	struct allowlist_reading reading = { source, options, &list };
	/* Paths are borrowed from the text, which the list outlives. */
	struct bytes copy = arena_copy(&list.arena, text);
	size_t first = 0;

	if (list.arena.failed)
		return error_memory(err, source);
	while (first < copy.size && (is_blank(copy.data[first]) || copy.data[first] == '\n'))
		first++;
	if (first == copy.size)
		return error_set(err, ERROR_MALFORMED, source, first, "an empty policy");
	if ((copy.data[first] == '{' ? read_json(&reading, copy, false, err)
				     : flat_read(&reading, copy, err)) < 0)
		return -1;
	if (list.arena.failed)
		return error_memory(err, source);
	sort(&list);
	*out = list;
	list = (struct allowlist){ 0 };
	return 0;
}

void allowlist_clear(struct allowlist *list)
{
	arena_clear(&list->arena);
	free(list->digests);
	*list = (struct allowlist){ 0 };
}

/* --- as artifacts ----------------------------------------------------------------------------- */

static bool same_kind(const struct allowlist_digest *a, const struct allowlist_digest *b)
{
	return a->digest.alg == b->digest.alg && bytes_equal(a->path, b->path);
}

size_t allowlist_n_artifacts(const struct allowlist *list)
{
	size_t most = 1, run = 1;

	for (size_t i = 1; i < list->n_digests; i++) {
		run = same_kind(&list->digests[i - 1], &list->digests[i]) ? run + 1 : 1;
		if (run > most)
			most = run;
	}
	return most;
}

/* The k-th digests of each algorithm that the path at *i has; *i moves behind it. */
static size_t kth_digests(const struct allowlist *list, size_t *i, size_t k, struct digest *out)
{
	struct bytes path = list->digests[*i].path;
	size_t n = 0, run = 0;

	for (size_t first = *i; *i < list->n_digests && bytes_equal(list->digests[*i].path, path);
	     ++*i) {
		const struct allowlist_digest *at = &list->digests[*i];

		run = *i > first && same_kind(at - 1, at) ? run + 1 : 0;
		if (run == k)
			out[n++] = at->digest;
	}
	return n;
}

static int kth_artifact(const struct artifact *base, size_t k, struct hasher *hasher,
			struct buf *name, struct artifact *out, struct error *err)
{
	uint8_t seed[32 + 4];

	*out = *base;
	if (k == 0)
		return 0;
	buf_append(name, base->name);
	buf_printf(name, "#%zu", k + 1);
	if (buf_finish(name, err) < 0)
		return -1;
	out->name = buf_bytes(name);
	memcpy(seed, base->digest.value, 32);
	for (int i = 0; i < 4; i++)
		seed[32 + i] = (uint8_t)((k + 1) >> (24 - 8 * i));
	return hasher_digest_bytes(hasher, ALG_SHA256, bytes_of(seed, sizeof(seed)), &out->digest,
				   err);
}

int allowlist_artifact(const struct allowlist *list, const struct artifact *base, size_t k,
		       struct hasher *hasher, struct file_set **out, struct error *err)
{
	AUTO(file_set_freep) struct file_set *set = NULL;
	AUTO(buf_clear) struct buf name = BUF_INIT;
	struct digest digests[ALG_COUNT];
	struct artifact artifact;

	if (file_set_new(0, &set, err) < 0 ||
	    kth_artifact(base, k, hasher, &name, &artifact, err) < 0 ||
	    file_set_artifact(set, &artifact, err) < 0)
		return -1;
	for (size_t i = 0; i < list->n_digests;) {
		struct golden_file file = { .path = list->digests[i].path,
					    .mode = 0100000,
					    .executable = true,
					    .digests = digests };

		file.n_digests = kth_digests(list, &i, k, digests);
		if (file.n_digests && file_set_add(set, &file, err) < 0)
			return -1;
	}
	*out = TAKE(set);
	return 0;
}
