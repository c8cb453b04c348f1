/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles as the database keeps them. */
#include <inttypes.h>

#include "core/array.h"
#include "db/internal.h"
#include "db/profile.h"

/* Each has what those before it have: the events of the firmware's log, those of user space, images,
 * reference states. */
enum { VERSION_EVENTS = 1, VERSION_LATER = 2, VERSION_IMAGES = 3, VERSION_STATES = 4 };

/* --- writing ------------------------------------------------------------------------------------ */

static void append_text(struct buf *out, struct bytes text)
{
	buf_append_le32(out, (uint32_t)text.size);
	buf_append(out, text);
}

static void append_event(struct buf *out, const struct profile_event *event)
{
	buf_append_u8(out, (uint8_t)event->origin);
	buf_append_u8(out, (uint8_t)event->encoding);
	buf_append_u8(out, event->with_nul);
	buf_append_u8(out, 0);
	buf_append_le32(out, event->pcr);
	buf_append_le32(out, event->type);
	buf_append_le16(out, (uint16_t)event->algs);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (event->algs & 1u << alg)
			buf_append(out, digest_bytes(&event->digests[alg]));
	append_text(out, bytes_of_string(event->component));
	append_text(out, bytes_of_string(event->source));
	append_text(out, bytes_of_string(event->over));
	append_text(out, bytes_of_string(event->assumption));
	append_text(out, event->text);
	buf_append_le32(out, (uint32_t)event->n_holes);
	for (size_t i = 0; i < event->n_holes; i++) {
		buf_append_le32(out, (uint32_t)event->holes[i].offset);
		buf_append_le32(out, (uint32_t)event->holes[i].size);
		buf_append_u8(out, (uint8_t)event->holes[i].kind);
		append_text(out, bytes_of_string(event->holes[i].name));
	}
}

/* The encodings of all events that differ, and where each is. */
struct event_table {
	struct buf bytes;
	struct part {
		size_t offset, size;
	} * parts; /* owned */
	size_t n_parts, capacity;
};

static void event_table_clear(struct event_table *table)
{
	buf_clear(&table->bytes);
	free(table->parts);
}

/* The number of an event in the table, which gets it if it is new. */
static int event_number(struct event_table *table, const struct profile_event *event,
			uint32_t *number, struct error *err)
{
	size_t start = table->bytes.size, i = 0;
	struct bytes made;

	append_event(&table->bytes, event);
	if (table->bytes.failed)
		return error_memory(err, NULL);
	made = bytes_of(table->bytes.data + start, table->bytes.size - start);
	while (i < table->n_parts &&
	       !bytes_equal(made, bytes_of(table->bytes.data + table->parts[i].offset,
					   table->parts[i].size)))
		i++;
	*number = (uint32_t)i;
	if (i < table->n_parts) {
		table->bytes.size = start;
		return 0;
	}
	if (array_room(&table->parts, table->n_parts, &table->capacity, sizeof(*table->parts), NULL,
		       err) < 0)
		return -1;
	table->parts[table->n_parts++] = (struct part){ .offset = start, .size = made.size };
	return 0;
}

static int check_limits(const struct profile *profile, struct error *err)
{
	if (profile->n_events > PROFILE_EVENTS_MAX || profile->n_later > PROFILE_EVENTS_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "a boot profile of more than %d events", PROFILE_EVENTS_MAX);
	for (size_t i = 0; i < profile->n_events; i++)
		if (profile->events[i].text.size > PROFILE_TEXT_MAX)
			return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
					 "an event over a text of more than %" PRIu32 " bytes",
					 PROFILE_TEXT_MAX);
	return 0;
}

/* Count and numbers of a list of events. */
static int append_list(struct buf *out, struct event_table *table,
		       const struct profile_event *events, size_t n, struct error *err)
{
	buf_append_le32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		uint32_t number = 0;

		if (event_number(table, &events[i], &number, err) < 0)
			return -1;
		buf_append_le32(out, number);
	}
	return 0;
}

static int append_image(struct buf *out, const struct boot_image *image, struct error *err)
{
	buf_append_u8(out, (uint8_t)image->sbat_state);
	buf_append_u8(out, 0);
	buf_append_le16(out, (uint16_t)image->algs);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (image->algs & 1u << alg)
			buf_append(out, digest_bytes(&image->authenticode[alg]));
	append_text(out, bytes_of_string(image->source));
	append_text(out, bytes_of_string(image->kind));
	append_text(out, bytes_of_string(image->version));
	buf_append_le32(out, (uint32_t)image->n_sbat);
	for (size_t i = 0; i < image->n_sbat; i++) {
		append_text(out, image->sbat[i].component);
		buf_append_le16(out, image->sbat[i].generation);
		append_text(out, image->sbat[i].version);
	}
	buf_append_le32(out, (uint32_t)image->n_signatures);
	for (size_t i = 0; i < image->n_signatures; i++) {
		if (image->signatures[i].size > PROFILE_TEXT_MAX)
			return error_set(err, ERROR_LIMIT, image->source, ERROR_NO_OFFSET,
					 "a signature of more than %" PRIu32 " bytes",
					 PROFILE_TEXT_MAX);
		append_text(out, image->signatures[i]);
	}
	return 0;
}

static int append_images(struct buf *out, const struct boot_image *images, size_t n,
			 struct error *err)
{
	if (n > PROFILE_IMAGES_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "%zu boot images, at most %d", n, PROFILE_IMAGES_MAX);
	buf_append_le32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		if (append_image(out, &images[i], err) < 0)
			return -1;
	return 0;
}

int profiles_encode(const struct profile *profiles, size_t n_profiles,
		    const struct boot_image *images, size_t n_images, struct buf *out,
		    struct error *err)
{
	AUTO(event_table_clear) struct event_table table = { .bytes = BUF_INIT };
	AUTO(buf_clear) struct buf lists = BUF_INIT;

	if (n_profiles > PROFILES_MAX)
		return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
				 "%zu boot profiles, at most %d", n_profiles, PROFILES_MAX);
	for (size_t i = 0; i < n_profiles; i++) {
		const struct profile *profile = &profiles[i];

		if (check_limits(profile, err) < 0)
			return -1;
		append_text(&lists, bytes_of_string(profile->name));
		append_text(&lists, bytes_of_string(profile->ending));
		buf_append_le32(&lists, profile->banks);
		if (append_list(&lists, &table, profile->events, profile->n_events, err) < 0 ||
		    append_list(&lists, &table, profile->later, profile->n_later, err) < 0)
			return -1;
	}
	buf_append_u8(out, VERSION_IMAGES);
	buf_append_u8(out, 0);
	buf_append_le32(out, (uint32_t)table.n_parts);
	buf_append(out, buf_bytes(&table.bytes));
	buf_append_le32(out, (uint32_t)n_profiles);
	buf_append(out, buf_bytes(&lists));
	out->failed |= lists.failed;
	if (append_images(out, images, n_images, err) < 0)
		return -1;
	return buf_finish(out, err);
}

int reference_states_encode(const struct reference_state *states, size_t n, struct buf *out,
			    struct error *err)
{
	buf_append_u8(out, VERSION_STATES);
	buf_append_u8(out, 0);
	buf_append_le32(out, 0);
	buf_append_le32(out, 0);
	buf_append_le32(out, 0);
	if (reference_states_append(out, states, n, err) < 0)
		return -1;
	return buf_finish(out, err);
}

/* --- reading ------------------------------------------------------------------------------------ */

static int damaged(const struct reader *in, struct error *err, const char *what)
{
	return error_set(err, ERROR_MALFORMED, in->source, reader_offset(in),
			 "the database is damaged: boot profiles: %s", what);
}

/* A text, kept with a NUL behind it. */
static struct bytes read_text(struct reader *in, struct arena *arena)
{
	uint32_t size = reader_le32(in);

	return arena_copy(arena, reader_bytes(in, size));
}

/* The same as a C string: cut at a NUL, which none of ours has. */
static const char *read_string(struct reader *in, struct arena *arena)
{
	return (const char *)read_text(in, arena).data;
}

static int read_holes(struct reader *in, struct profile_event *event, struct arena *arena,
		      struct error *err)
{
	uint32_t n = reader_le32(in);
	size_t end = 0;

	if (n > event->text.size)
		return damaged(in, err, "more holes than text");
	event->holes = n ? arena_take(arena, n * sizeof(*event->holes)) : NULL;
	if (n && !event->holes)
		return error_memory(err, in->source);
	for (; event->n_holes < n; event->n_holes++) {
		struct profile_hole *hole = &event->holes[event->n_holes];
		uint8_t kind;

		hole->offset = reader_le32(in);
		hole->size = reader_le32(in);
		kind = reader_u8(in);
		hole->name = read_string(in, arena);
		if (kind >= HOLE_KIND_COUNT || hole->size == 0 || hole->offset < end ||
		    hole->offset > event->text.size || hole->size > event->text.size - hole->offset)
			return reader_check(in, err) < 0
				       ? -1
				       : damaged(in, err, "a hole outside its text");
		hole->kind = (enum hole_kind)kind;
		end = hole->offset + hole->size;
	}
	return 0;
}

static int read_event(struct reader *in, struct profile_event *out, struct arena *arena,
		      struct error *err)
{
	uint8_t origin = reader_u8(in), encoding = reader_u8(in);

	out->with_nul = reader_u8(in);
	reader_skip(in, 1);
	out->pcr = reader_le32(in);
	out->type = reader_le32(in);
	out->algs = reader_le16(in);
	if (origin >= ORIGIN_COUNT || encoding > TEXT_VARIABLE || out->pcr >= PCR_COUNT ||
	    out->algs >> ALG_BANKS)
		return damaged(in, err, "an event with a value out of range");
	out->origin = (enum event_origin)origin;
	out->encoding = (enum text_encoding)encoding;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (out->algs & 1u << alg)
			digest_init(&out->digests[alg], alg, reader_bytes(in, alg_size(alg)));
	out->component = read_string(in, arena);
	out->source = read_string(in, arena);
	out->over = read_string(in, arena);
	out->assumption = read_string(in, arena);
	out->text = read_text(in, arena);
	return read_holes(in, out, arena, err);
}

/* Room for n items, of which each takes at least some bytes of the input. */
static void *take_items(struct reader *in, struct arena *arena, size_t n, size_t item_size,
			size_t at_least, struct error *err)
{
	void *items = NULL;

	if (n > PROFILE_EVENTS_MAX || n > reader_left(in) / at_least)
		damaged(in, err, "a count larger than what is there");
	else if (!(items = arena_take(arena, n * item_size + 1)))
		error_memory(err, in->source);
	return items;
}

/* Copies of the table's events that a list numbers. */
static int read_list(struct reader *in, const struct profile_event *events, uint32_t n_events,
		     struct profile_event **out, size_t *n_out, struct arena *arena,
		     struct error *err)
{
	uint32_t n = reader_le32(in);

	*out = take_items(in, arena, n, sizeof(**out), 4, err);
	if (!*out)
		return -1;
	for (*n_out = 0; *n_out < n; ++*n_out) {
		uint32_t number = reader_le32(in);

		if (number >= n_events)
			return damaged(in, err, "a profile with an event that is not there");
		(*out)[*n_out] = events[number];
	}
	return 0;
}

static int read_profile(struct reader *in, uint8_t version, const struct profile_event *events,
			uint32_t n_events, struct profile *out, struct arena *arena,
			struct error *err)
{
	out->release = out->artifact = "";
	out->name = read_string(in, arena);
	out->ending = read_string(in, arena);
	out->banks = reader_le32(in);
	if (read_list(in, events, n_events, &out->events, &out->n_events, arena, err) < 0 ||
	    (version >= VERSION_LATER &&
	     read_list(in, events, n_events, &out->later, &out->n_later, arena, err) < 0))
		return -1;
	return out->banks >> ALG_BANKS ? damaged(in, err, "a profile of unknown banks") : 0;
}

static int read_sbat(struct reader *in, struct boot_image *out, struct arena *arena,
		     struct error *err)
{
	uint32_t n = reader_le32(in);

	out->sbat = take_items(in, arena, n, sizeof(*out->sbat), 10, err);
	if (!out->sbat)
		return -1;
	for (; out->n_sbat < n; out->n_sbat++) {
		struct boot_sbat *entry = &out->sbat[out->n_sbat];

		entry->component = read_text(in, arena);
		entry->generation = reader_le16(in);
		entry->version = read_text(in, arena);
	}
	return 0;
}

static int read_image(struct reader *in, struct boot_image *out, struct arena *arena,
		      struct error *err)
{
	uint8_t state = reader_u8(in);
	uint32_t n;

	reader_skip(in, 1);
	out->algs = reader_le16(in);
	if (state >= SBAT_STATE_COUNT || out->algs >> ALG_BANKS)
		return damaged(in, err, "an image with a value out of range");
	out->sbat_state = (enum sbat_state)state;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (out->algs & 1u << alg)
			digest_init(&out->authenticode[alg], alg, reader_bytes(in, alg_size(alg)));
	out->release = out->artifact = "";
	out->source = read_string(in, arena);
	out->kind = read_string(in, arena);
	out->version = read_string(in, arena);
	if (read_sbat(in, out, arena, err) < 0)
		return -1;
	n = reader_le32(in);
	out->signatures = take_items(in, arena, n, sizeof(*out->signatures), 4, err);
	if (!out->signatures)
		return -1;
	for (; out->n_signatures < n; out->n_signatures++)
		out->signatures[out->n_signatures] = read_text(in, arena);
	return 0;
}

/* What a blob adds to a list. */
struct decoded {
	struct profile *profiles;
	struct boot_image *images;
	struct reference_state *states;
	uint32_t n_profiles, n_images;
	size_t n_states;
};

static int read_profiles(struct reader *in, uint8_t version, struct profile_list *list,
			 struct decoded *out, struct error *err)
{
	struct profile_event *events;
	uint32_t n_events = reader_le32(in);

	events = take_items(in, &list->arena, n_events, sizeof(*events), 1, err);
	if (!events)
		return -1;
	for (uint32_t i = 0; i < n_events; i++)
		if (read_event(in, &events[i], &list->arena, err) < 0)
			return -1;
	out->n_profiles = reader_le32(in);
	out->profiles =
		take_items(in, &list->arena, out->n_profiles, sizeof(*out->profiles), 1, err);
	if (!out->profiles)
		return -1;
	for (uint32_t i = 0; i < out->n_profiles; i++)
		if (read_profile(in, version, events, n_events, &out->profiles[i], &list->arena,
				 err) < 0)
			return -1;
	return 0;
}

static int read_images(struct reader *in, struct profile_list *list, struct decoded *out,
		       struct error *err)
{
	out->n_images = reader_le32(in);
	if (out->n_images > PROFILE_IMAGES_MAX)
		return damaged(in, err, "more images than there may be");
	out->images = take_items(in, &list->arena, out->n_images, sizeof(*out->images), 1, err);
	if (!out->images)
		return -1;
	for (uint32_t i = 0; i < out->n_images; i++)
		if (read_image(in, &out->images[i], &list->arena, err) < 0)
			return -1;
	return 0;
}

/* An array in the arena with more items behind it; NULL when out of memory. */
static void *joined(struct arena *arena, const void *before, size_t n_before, const void *more,
		    size_t n_more, size_t item_size)
{
	uint8_t *items = arena_take(arena, (n_before + n_more) * item_size + 1);

	if (items && n_before)
		memcpy(items, before, n_before * item_size);
	if (items && n_more)
		memcpy(items + n_before * item_size, more, n_more * item_size);
	return items;
}

int profiles_decode(struct bytes blob, const char *source, struct profile_list *list,
		    struct error *err)
{
	struct reader in = reader_of(blob, 0, source);
	struct decoded decoded = { 0 };
	uint8_t version = reader_u8(&in);
	struct reference_state *states;
	struct profile *profiles;
	struct boot_image *images;

	if (version < VERSION_EVENTS || version > VERSION_STATES || reader_u8(&in) != 0)
		return damaged(&in, err, "of an unknown version");
	if (read_profiles(&in, version, list, &decoded, err) < 0 ||
	    (version >= VERSION_IMAGES && read_images(&in, list, &decoded, err) < 0) ||
	    (version >= VERSION_STATES && reference_states_read(&in, &list->arena, &decoded.states,
								&decoded.n_states, err) < 0) ||
	    reader_finish(&in, err) < 0)
		return -1;
	profiles = joined(&list->arena, list->profiles, list->n_profiles, decoded.profiles,
			  decoded.n_profiles, sizeof(*profiles));
	images = joined(&list->arena, list->images, list->n_images, decoded.images,
			decoded.n_images, sizeof(*images));
	states = joined(&list->arena, list->states, list->n_states, decoded.states,
			decoded.n_states, sizeof(*states));
	if (list->arena.failed)
		return error_memory(err, source);
	list->profiles = profiles;
	list->n_profiles += decoded.n_profiles;
	list->images = images;
	list->n_images += decoded.n_images;
	list->states = states;
	list->n_states += decoded.n_states;
	return 0;
}

void profile_list_clear(struct profile_list *list)
{
	arena_clear(&list->arena);
	*list = (struct profile_list){ 0 };
}

/* --- the database ------------------------------------------------------------------------------- */

static int by_release_and_name(const void *one, const void *other)
{
	const struct profile *a = one, *b = other;
	int order = strcmp(a->release, b->release);

	if (!order)
		order = strcmp(a->artifact, b->artifact);
	return order ? order : strcmp(a->name, b->name);
}

/* Adds the profiles of one release's boots. */
static int read_release(struct db *db, const struct artifact_list *boots,
			const struct release *release, struct profile_list *list, struct error *err)
{
	size_t n_boots = 0;

	for (size_t i = 0; i < boots->n_items; i++) {
		const struct artifact_row *row = &boots->items[i];
		AUTO(statement_reset) sqlite3_stmt *stmt = NULL;
		size_t first = list->n_profiles, first_image = list->n_images,
		       first_state = list->n_states;
		const char *of_release;
		struct bytes blob, name;
		bool has;

		if (release_has(db, release->name, row->id, &has, err) < 0)
			return -1;
		n_boots += has;
		if (!has || row->profiles < 0)
			continue;
		stmt = db_statement(db, SQL_CONTENT, err);
		if (!stmt || content_read(db, stmt, row->profiles, &blob, err) < 0 ||
		    profiles_decode(blob, db->path, list, err) < 0)
			return -1;
		name = arena_copy(&list->arena, row->artifact.name);
		of_release = arena_printf(&list->arena, "%s", release->name);
		if (list->arena.failed)
			break;
		for (size_t k = first; k < list->n_profiles; k++) {
			list->profiles[k].artifact = (const char *)name.data;
			list->profiles[k].release = of_release;
		}
		for (size_t k = first_image; k < list->n_images; k++) {
			list->images[k].artifact = (const char *)name.data;
			list->images[k].release = of_release;
		}
		for (size_t k = first_state; k < list->n_states; k++) {
			list->states[k].artifact = (const char *)name.data;
			list->states[k].release = of_release;
		}
	}
	if (n_boots != release->n_boots)
		return db_damaged(db, err, "a release holds %zu boots, not %zu", n_boots,
				  release->n_boots);
	return list->arena.failed ? error_memory(err, db->path) : 0;
}

int db_profiles_read(struct db *db, const char *const *releases, size_t n_releases,
		     struct profile_list *out, struct error *err)
{
	AUTO(artifact_list_clear) struct artifact_list boots = { .text = BUF_INIT };
	AUTO(release_list_clear) struct release_list all = { .text = BUF_INIT };
	AUTO(profile_list_clear) struct profile_list list = { 0 };

	if (boots_read(db, &boots, err) < 0 || release_names_read(db, &all, err) < 0)
		return -1;
	for (size_t i = 0; i < n_releases; i++)
		if (!release_list_find(db, &all, releases[i], err))
			return -1;
	for (size_t i = 0; i < all.n_items; i++) {
		bool wanted = n_releases == 0;

		for (size_t k = 0; k < n_releases; k++)
			wanted |= strcmp(all.items[i].name, releases[k]) == 0;
		if (wanted && read_release(db, &boots, &all.items[i], &list, err) < 0)
			return -1;
	}
	if (list.n_profiles)
		qsort(list.profiles, list.n_profiles, sizeof(*list.profiles), by_release_and_name);
	*out = list;
	list = (struct profile_list){ 0 };
	return 0;
}
