/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/ima/internal.h"

#include <inttypes.h>

/* Bytes wanted before a list's form is looked for; it may have less. */
#define FIRST_WINDOW (64 * 1024)

/* Entries hashed to find out what a list does not say. */
#define PROBE_ENTRIES 16

/* Template digests of 20, 32, 48 and 64 bytes: one list per bank since Linux 6.10. */
static const enum alg list_algs[] = { ALG_SHA1, ALG_SHA256, ALG_SHA384, ALG_SHA512 };

static bool name_plausible(struct bytes name)
{
	if (name.size == 0 || name.size > IMA_TEMPLATE_NAME_MAX)
		return false;
	for (size_t i = 0; i < name.size; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	return true;
}

int ima_list_break(struct ima_list *list, const struct error *at, struct error *err)
{
	list->broken = true;
	list->broken_error = *at;
	if (err)
		*err = *at;
	return -1;
}

static int broken(struct ima_list *list, enum error_code code, uint64_t offset, struct error *err,
		  const char *message)
{
	struct error at = { 0 };

	error_set(&at, code, list->in.source, offset, "entry %" PRIu64 ": %s", list->n_entries,
		  message);
	return ima_list_break(list, &at, err);
}

static void record_init(const struct ima_list *list, struct record *record, uint64_t offset,
			uint32_t pcr, size_t digest_size)
{
	record->content = RECORD_IMA_TEMPLATE;
	record->index = list->n_entries;
	record->offset = offset;
	record->pcr = pcr;
	record->type = 0;
	record->n_digests = 1;
	record->digests[0].alg = list->alg;
	record->digests[0].size = (uint8_t)digest_size;
}

/* --- binary (ima_measurements_show) ----------------------------------------------------------- */

/* The name of an "ima" entry has at most 255 bytes: if not after 20 bytes of SHA-1, its length is
 * after 16 of MD5. */
static size_t ima_data_size(bool big_endian, struct reader in)
{
	static const size_t digest_sizes[] = { 20, 16 };
	size_t sizes[ARRAY_SIZE(digest_sizes)];

	for (size_t i = 0; i < ARRAY_SIZE(digest_sizes); i++) {
		struct reader ahead = in;
		uint32_t name_size;

		reader_skip(&ahead, digest_sizes[i]);
		name_size = ima_u32(big_endian, &ahead);
		sizes[i] = digest_sizes[i] + 4 + name_size;
		if (!ahead.ran_out && name_size < IMA_NAME_PADDED)
			return sizes[i];
	}
	return sizes[0];
}

/* The template data: after its length; "ima" has none, but a digest, and a name with its length. */
static struct bytes binary_data(const struct ima_list *list, struct reader *in, struct bytes name)
{
	if (bytes_equal_string(name, "ima"))
		return reader_bytes(in, ima_data_size(list->big_endian, *in));
	return reader_bytes(in, ima_u32(list->big_endian, in));
}

static int binary_next(struct ima_list *list, struct record *out, struct error *err)
{
	struct reader in = list->in;
	uint64_t offset = reader_offset(&in), name_offset;
	uint32_t pcr = ima_u32(list->big_endian, &in), name_size;
	const size_t digest_size = alg_size(list->alg);
	const uint8_t *digest = reader_take(&in, digest_size);
	size_t data_size;
	char message[160];

	name_offset = reader_offset(&in);
	name_size = ima_u32(list->big_endian, &in);
	if (!in.ran_out && pcr >= PCR_COUNT) {
		snprintf(message, sizeof(message),
			 "PCR %" PRIu32 ", a TPM has 0 to %d: not an entry, or the one before has "
			 "a wrong length",
			 pcr, PCR_COUNT - 1);
		return broken(list, ERROR_MALFORMED, offset, err, message);
	}
	if (!in.ran_out && (name_size == 0 || name_size > IMA_TEMPLATE_NAME_MAX)) {
		snprintf(message, sizeof(message), "template name of %" PRIu32 " bytes, 1 to %d",
			 name_size, IMA_TEMPLATE_NAME_MAX);
		return broken(list, ERROR_LIMIT, name_offset, err, message);
	}
	out->name = reader_bytes(&in, name_size);
	if (!in.ran_out && !name_plausible(out->name))
		return broken(list, ERROR_MALFORMED, name_offset + 4, err,
			      "template name with characters that none has");
	out->data = binary_data(list, &in, out->name);
	data_size = in.ran_out ? in.ran_out_wanted : out->data.size;
	if (data_size > IMA_DATA_MAX) {
		snprintf(message, sizeof(message), "template data of %zu bytes, at most %d",
			 data_size, IMA_DATA_MAX);
		return broken(list, ERROR_LIMIT, reader_offset(&in) - out->data.size, err, message);
	}
	if (in.ran_out && list->pieces)
		return IMA_READ_WINDOW;
	if (in.ran_out) {
		snprintf(message, sizeof(message), "cut short: %zu bytes wanted, %zu left",
			 in.ran_out_wanted, in.size - in.pos);
		return broken(list, ERROR_TRUNCATED, in.ran_out_at, err, message);
	}
	out->data_offset = reader_offset(&in) - out->data.size;
	record_init(list, out, offset, pcr, digest_size);
	if (digest_size == 20) /* in most lists; no call then */
		memcpy(out->digests[0].value, digest, 20);
	else
		memcpy(out->digests[0].value, digest, digest_size);
	list->in.pos = in.pos;
	list->n_entries++;
	return 1;
}

/* --- text (ima_ascii_measurements_show) ------------------------------------------------------- */

/* One line without its newline; the end of the list ends the last. False at the end. */
static bool line_take(struct reader *in, struct bytes *line)
{
	const uint8_t *at = in->data + in->pos, *newline;
	size_t left = in->size - in->pos;

	if (left == 0)
		return false;
	newline = memchr(at, '\n', left);
	*line = bytes_of(at, newline ? (size_t)(newline - at) : left);
	in->pos += line->size + (newline ? 1 : 0);
	return true;
}

/* What stands before the next blank, and that blank. */
static struct bytes word_take(struct bytes *rest)
{
	size_t size = 0;
	struct bytes word;

	while (size < rest->size && rest->data[size] != ' ')
		size++;
	word = bytes_of(rest->data, size);
	size += size < rest->size;
	*rest = bytes_of(rest->data + size, rest->size - size);
	return word;
}

/* "%2d ": one or two digits, a blank before a single one. */
static bool pcr_take(struct bytes *rest, uint32_t *pcr)
{
	struct bytes word;

	if (rest->size && rest->data[0] == ' ')
		*rest = bytes_of(rest->data + 1, rest->size - 1);
	word = word_take(rest);
	if (word.size == 0 || word.size > 2)
		return false;
	*pcr = 0;
	for (size_t i = 0; i < word.size; i++) {
		if (word.data[i] < '0' || word.data[i] > '9')
			return false;
		*pcr = *pcr * 10 + (uint32_t)(word.data[i] - '0');
	}
	return *pcr < PCR_COUNT;
}

/* What precedes the fields of a line: PCR, template digest, template name. */
struct line_head {
	uint32_t pcr;
	struct bytes digest_hex;
	struct bytes name;
	struct bytes fields;
};

static bool head_parse(struct bytes line, struct line_head *out)
{
	if (!pcr_take(&line, &out->pcr))
		return false;
	out->digest_hex = word_take(&line);
	out->name = word_take(&line);
	out->fields = line;
	return name_plausible(out->name);
}

static int text_next(struct ima_list *list, struct ima_room *room, struct record *out,
		     struct error *err)
{
	struct reader in = list->in;
	struct ima_template scratch;
	const struct ima_template *template;
	struct line_head head;
	struct bytes line;
	uint64_t offset;
	size_t size = 0;

	do {
		offset = reader_offset(&in);
		if (!line_take(&in, &line))
			return list->pieces ? IMA_READ_WINDOW : 0;
	} while (line.size == 0);
	if (line.size > IMA_LINE_MAX)
		return broken(list, ERROR_LIMIT, offset, err, "line of more than 32 MiB");
	if (list->pieces && in.pos == in.size)
		return IMA_READ_WINDOW; /* may go on */
	if (room->size - room->used < line.size + IMA_TEXT_EXTRA) {
		room->needed = room->used + line.size + IMA_TEXT_EXTRA;
		return IMA_READ_ROOM;
	}
	record_init(list, out, offset, 0, alg_size(list->alg));
	if (!head_parse(line, &head) || head.digest_hex.size != 2 * alg_size(list->alg) ||
	    hex_parse(head.digest_hex, out->digests[0].value, alg_size(list->alg)) < 0)
		return broken(list, ERROR_MALFORMED, offset, err,
			      "not PCR, template digest and template as the lines before: damaged, "
			      "or a file name with a line break, which only the binary list shows");
	out->pcr = head.pcr;
	out->name = head.name;
	out->data = (struct bytes){ NULL, 0 };
	out->data_offset = ERROR_NO_OFFSET;
	template = ima_template_lookup(head.name, &scratch);
	if (template->n_fields && ima_text_encode(template, head.fields, list->big_endian,
						  room->data + room->used, &size)) {
		out->data = bytes_of(room->data + room->used, size);
		room->used += size;
	}
	list->in = in;
	list->n_entries++;
	return 1;
}

/* --- either ------------------------------------------------------------------------------------ */

int ima_list_read(struct ima_list *list, struct ima_room *room, struct record *out,
		  struct error *err)
{
	if (list->broken) {
		if (err)
			*err = list->broken_error;
		return -1;
	}
	if (list->in.pos == list->in.size)
		return list->pieces ? IMA_READ_WINDOW : 0;
	if (list->form == IMA_FORM_TEXT)
		return text_next(list, room, out, err);
	return binary_next(list, out, err);
}

int ima_list_move(struct ima_list *list, struct error *err)
{
	struct error at = { 0 };
	struct bytes window;
	int status = pieces_next(list->pieces, list->in.size - list->in.pos, &window, &at);

	if (status < 0)
		return ima_list_break(list, &at, err);
	list->in = reader_of(window, reader_offset(&list->in), list->in.source);
	if (status == 0)
		list->pieces = NULL;
	return 0;
}

int ima_list_next(struct ima_list *list, struct record *out, struct error *err)
{
	for (;;) {
		struct ima_room room = { list->text, list->text_size, 0, 0 };
		int status = ima_list_read(list, &room, out, err);

		if (status == IMA_READ_ROOM) {
			uint8_t *text = realloc(list->text, room.needed);

			if (!text)
				return error_memory(err, list->in.source);
			list->text = text;
			list->text_size = room.needed;
		} else if (status == IMA_READ_WINDOW) {
			if (ima_list_move(list, err) < 0)
				return -1;
		} else {
			return status;
		}
	}
}

/* --- what form a list has ---------------------------------------------------------------------- */

static bool text_detect(struct ima_list *list)
{
	struct reader in = list->in;
	struct line_head head;
	struct bytes line;

	do {
		if (!line_take(&in, &line))
			return false;
	} while (line.size == 0);
	if (!head_parse(line, &head))
		return false;
	list->form = IMA_FORM_TEXT;
	for (size_t i = 0; i < ARRAY_SIZE(list_algs); i++)
		if (head.digest_hex.size == 2 * alg_size(list_algs[i]))
			list->alg = list_algs[i];
	return true;
}

/* How far the first record of a binary list makes sense, read in one byte order with one size of
 * digest: 0 not at all, 1 its PCR, 2 its template name, 3 all of it. */
static unsigned binary_fits(const struct ima_list *list)
{
	struct reader in = list->in;
	uint32_t pcr = ima_u32(list->big_endian, &in), name_size;
	struct bytes name;

	if (in.ran_out || pcr >= PCR_COUNT)
		return in.ran_out;
	reader_skip(&in, alg_size(list->alg));
	name_size = ima_u32(list->big_endian, &in);
	name = reader_bytes(&in, name_size);
	if (in.ran_out || !name_plausible(name))
		return 1;
	binary_data(list, &in, name);
	return in.ran_out ? 2 : 3;
}

static bool binary_detect(struct ima_list *list)
{
	struct ima_list best = *list;
	unsigned best_fit = 0;

	for (size_t i = 0; i < 2 * ARRAY_SIZE(list_algs); i++) {
		struct ima_list candidate = *list;
		unsigned fit;

		candidate.big_endian = i >= ARRAY_SIZE(list_algs);
		candidate.form = candidate.big_endian ? IMA_FORM_BINARY_BE : IMA_FORM_BINARY_LE;
		candidate.alg = list_algs[i % ARRAY_SIZE(list_algs)];
		fit = binary_fits(&candidate);
		if (fit > best_fit) {
			best_fit = fit;
			best = candidate;
		}
	}
	*list = best;
	return best_fit > 0;
}

/* Whether a record's template hash comes out with this algorithm: 1, 0, or -1. */
static int reproduces(const struct ima_list *list, const struct record *record, enum alg alg,
		      struct hasher *hasher, struct error *err)
{
	struct bytes parts[IMA_HASHED_PARTS];
	struct digest digest;

	if (!record->data.data || !hasher_has(hasher, alg))
		return 0;
	if (hasher_digest(hasher, alg, parts, ima_hashed(list, record, parts), &digest, err) < 0)
		return -1;
	return bytes_equal(digest_bytes(&digest), digest_bytes(&record->digests[0]));
}

/* Reads the first entries as if alg and byte order were these: how many template hashes come out. */
static int probe(const struct ima_list *list, enum alg alg, bool big_endian, struct hasher *hasher,
		 struct error *err)
{
	struct ima_list copy = *list;
	struct record record;
	int status = 0, n = 0;

	copy.pieces = NULL; /* what is at hand is enough */
	copy.big_endian = big_endian;
	copy.text = NULL;
	copy.text_size = 0;
	for (int i = 0; i < PROBE_ENTRIES && status >= 0; i++) {
		struct error ignored;

		if (ima_list_next(&copy, &record, &ignored) <= 0)
			break; /* the reader of the list will say so */
		status = reproduces(&copy, &record, alg, hasher, err);
		n += status > 0;
	}
	free(copy.text);
	return status < 0 ? -1 : n;
}

/*
 * What only hashing tells: sm3_256 has the size of sha256, and text does not show the byte order of
 * the lengths that were hashed. The way in which most of the first entries come out is the list's;
 * not the first way in which one does, for "ima" hashes no lengths.
 */
static int find_out(struct ima_list *list, struct hasher *hasher, struct error *err)
{
	const enum alg algs[] = { list->alg, ALG_SM3_256 };
	const bool orders[] = { list->big_endian, true };
	size_t n_algs = list->alg == ALG_SHA256 ? 2 : 1;
	size_t n_orders = list->form == IMA_FORM_TEXT ? 2 : 1;
	int most = 0;

	for (size_t i = 0; i < n_algs * n_orders && n_algs * n_orders > 1; i++) {
		enum alg alg = algs[i % n_algs];
		bool big_endian = orders[i / n_algs];
		int n = probe(list, alg, big_endian, hasher, err);

		if (n < 0)
			return -1;
		if (n > most) {
			most = n;
			list->alg = alg;
			list->big_endian = big_endian;
		}
	}
	return 0;
}

static int list_begin(struct bytes bytes, const char *source, struct pieces *pieces,
		      struct hasher *hasher, struct ima_list **out, struct error *err)
{
	AUTO(ima_list_freep) struct ima_list *list = calloc(1, sizeof(*list));

	if (!list)
		return error_memory(err, source);
	list->in = reader_of(bytes, 0, source);
	list->pieces = pieces;
	list->alg = ALG_SHA1;
	if (bytes.size && !text_detect(list) && !binary_detect(list))
		return error_set(
			err, ERROR_MALFORMED, source, 0,
			"not an IMA measurement list: no PCR of 0 to %d in the first entry",
			PCR_COUNT - 1);
	if (find_out(list, hasher, err) < 0)
		return -1;
	*out = TAKE(list);
	return 0;
}

int ima_list_open(struct bytes bytes, const char *source, struct hasher *hasher,
		  struct ima_list **out, struct error *err)
{
	return list_begin(bytes, source, NULL, hasher, out, err);
}

int ima_list_open_pieces(struct pieces *pieces, struct hasher *hasher, struct ima_list **out,
			 struct error *err)
{
	struct bytes window;
	size_t size;
	int status;

	/* A pipe gives little at a time, and the form of a list shows in its first entries. */
	for (size = 0; (status = pieces_next(pieces, size, &window, err)) == 1; size = window.size)
		if (window.size >= FIRST_WINDOW)
			break;
	if (status < 0)
		return -1;
	return list_begin(window, pieces_name(pieces), status ? pieces : NULL, hasher, out, err);
}

bool ima_list_big_endian(const struct ima_list *list)
{
	return list->big_endian;
}

void ima_list_free(struct ima_list *list)
{
	if (!list)
		return;
	free(list->text);
	free(list);
}

void ima_list_freep(struct ima_list **list)
{
	ima_list_free(*list);
}

enum ima_form ima_list_form(const struct ima_list *list)
{
	return list->form;
}

enum alg ima_list_alg(const struct ima_list *list)
{
	return list->alg;
}
