/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/export_state.h"

#include "core/json.h"
#include "core/own.h"
#include "core/regex.h"
#include "core/text.h"
#include "db/profile.h"

/* Room for one item more: what has room for them is as large as the next power of two. */
static void *grown(struct arena *arena, void *items, size_t n, size_t size)
{
	void *larger;

	if (n & (n - 1))
		return items;
	larger = arena_take(arena, (n ? 2 * n : 1) * size);
	if (larger && n)
		memcpy(larger, items, n * size);
	return larger;
}

/* --- a profile as a state ------------------------------------------------------------------------- */

struct maker {
	struct arena *arena;
	const struct profile *profile;
	struct reference_state state;
	struct state_firmware firmware;
	struct state_kernel kernel;
	size_t n_images, n_kernels, n_crtms, n_initrds, n_lines;
	bool has_switch;
	const char *problem; /* NULL: none */
};

static bool is_about(const struct profile_event *event, const char *component)
{
	return strcmp(event->component, component) == 0;
}

static const struct digest *sha256_of(const struct profile_event *event)
{
	return event->algs & 1u << ALG_SHA256 ? &event->digests[ALG_SHA256] : NULL;
}

static void add_digest(struct maker *m, struct state_digests *list,
		       const struct profile_event *event)
{
	struct state_digest *items = grown(m->arena, list->items, list->n, sizeof(*items));

	if (!items)
		return;
	items[list->n].algs = event->algs;
	memcpy(items[list->n].digests, event->digests, sizeof(event->digests));
	list->items = items;
	list->n++;
}

/* The data of a UEFI_VARIABLE_DATA (PFP 10.2). */
static bool variable_data(const struct profile_event *event, struct bytes *out)
{
	struct reader in = reader_of(event->text, 0, "");
	uint64_t name_size, size;

	reader_skip(&in, 16);
	name_size = reader_le64(&in);
	size = reader_le64(&in);
	if (event->encoding != TEXT_VARIABLE || name_size > event->text.size / 2 ||
	    size > event->text.size)
		return false;
	reader_skip(&in, 2 * (size_t)name_size);
	*out = reader_bytes(&in, (size_t)size);
	return !in.ran_out;
}

/* EFI_SIGNATURE_LISTs (UEFI 32.4.1). */
static bool add_keys(struct maker *m, struct state_keys *list, struct bytes data)
{
	struct reader in = reader_of(data, 0, "");

	while (reader_left(&in)) {
		uint32_t list_size, header_size, size;
		struct reader part;

		reader_skip(&in, 16);
		list_size = reader_le32(&in);
		header_size = reader_le32(&in);
		size = reader_le32(&in);
		if (in.ran_out || list_size < 28 || size <= 16)
			return false;
		part = reader_part(&in, list_size - 28);
		reader_skip(&part, header_size);
		while (reader_left(&part)) {
			struct state_key *items =
				grown(m->arena, list->items, list->n, sizeof(*items));
			struct bytes owner = reader_bytes(&part, 16);

			if (!items || list->n == STATE_ITEMS_MAX)
				return false;
			items[list->n].data = reader_bytes(&part, size - 16);
			if (part.ran_out)
				return false;
			memcpy(items[list->n].owner, owner.data, 16);
			list->items = items;
			list->n++;
		}
		if (in.ran_out || part.ran_out)
			return false;
	}
	return true;
}

static void take_variable(struct maker *m, const struct profile_event *event)
{
	struct bytes data;

	if (is_about(event, "SecureBoot")) {
		if (!variable_data(event, &data)) {
			m->problem = "the state of Secure Boot is not known";
			return;
		}
		m->has_switch = true;
		m->state.secure_boot = data.size == 1 && data.data[0] == 1;
		return;
	}
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		if (is_about(event, state_list_name((enum state_list)i)) &&
		    (!variable_data(event, &data) || !add_keys(m, &m->state.lists[i], data)))
			m->problem = "the keys of Secure Boot are not known";
}

static void take_image(struct maker *m, const struct profile_event *event)
{
	const struct digest *digest = sha256_of(event);
	bool is_kernel = m->n_images >= 2;

	if (!digest)
		m->problem = "an image's digest is not known";
	else if (m->n_images == 0 && is_about(event, "shim"))
		m->kernel.shim = *digest;
	else if (m->n_images == 1 && is_about(event, "grub"))
		m->kernel.grub = *digest;
	else if (is_kernel && is_about(event, "kernel") && m->n_images < 4 &&
		 (m->n_images == 2 || digest_equal(digest, &m->kernel.kernel)))
		m->kernel.kernel = *digest;
	else
		m->problem = "it does not start shim, GRUB and a kernel";
	m->n_images++;
}

static bool text_is_utf8(struct bytes text)
{
	uint32_t code;
	size_t n = 0;

	for (size_t at = 0; at < text.size; at += n)
		if ((n = utf8_next(text.data + at, text.size - at, &code)) == 0)
			return false;
	return text.size > 0;
}

/* What may stand in a hole, as an expression. */
static const char *hole_expression(enum hole_kind kind)
{
	switch (kind) {
	case HOLE_UUID:
		return "[0-9A-Fa-f-]+";
	case HOLE_MACHINE_ID:
		return "[0-9a-f]{32}";
	case HOLE_NUMBER:
		return "[0-9]+";
	case HOLE_HEX:
		return "[0-9a-f]+";
	case HOLE_NAME:
		return "[0-9A-Za-z._+:-]+";
	case HOLE_DEVICE:
		return "[0-9A-Za-z._+:/-]+";
	case HOLE_KIND_COUNT:
		break;
	}
	return "";
}

static void take_command_line(struct maker *m, const struct profile_event *event)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	size_t from = 0;

	for (size_t i = 0; i < event->n_holes; i++) {
		const struct profile_hole *hole = &event->holes[i];

		regex_escape(&text, bytes_of(event->text.data + from, hole->offset - from));
		buf_append_string(&text, hole_expression(hole->kind));
		from = hole->offset + hole->size;
	}
	regex_escape(&text, bytes_of(event->text.data + from, event->text.size - from));
	if (text.failed)
		m->arena->failed = true;
	else if (!text_is_utf8(buf_bytes(&text)) || memchr(text.data, 0, text.size))
		m->problem = "its command line is no UTF-8 text";
	else
		m->kernel.command_line = arena_copy(m->arena, buf_bytes(&text));
	m->n_lines++;
}

static void take_file(struct maker *m, const struct profile_event *event)
{
	const struct digest *digest = sha256_of(event);

	if (is_about(event, "initrd")) {
		m->n_initrds++;
		if (digest)
			m->kernel.initrd = *digest;
		else
			m->problem = "its initrd is not known";
	} else if (is_about(event, "kernel")) {
		m->n_kernels++;
		if (!m->state.secure_boot && digest)
			m->kernel.kernel = *digest;
		else if (!digest)
			m->problem = "its kernel is not known";
	}
}

static void take_event(struct maker *m, const struct profile_event *event)
{
	uint32_t type = event->type;

	if (event->pcr == 0 && type == EV_S_CRTM_VERSION) {
		m->n_crtms++;
		m->firmware.crtm.algs = event->algs;
		memcpy(m->firmware.crtm.digests, event->digests, sizeof(event->digests));
	} else if (event->pcr == 0 && (type == EV_EFI_PLATFORM_FIRMWARE_BLOB ||
				       type == EV_EFI_PLATFORM_FIRMWARE_BLOB2)) {
		if (!sha256_of(event))
			m->problem = "its firmware is not known";
		add_digest(m, &m->firmware.blobs, event);
	} else if (event->pcr == 7 && type == EV_EFI_VARIABLE_DRIVER_CONFIG) {
		take_variable(m, event);
	} else if (event->pcr == 4 && type == EV_EFI_BOOT_SERVICES_APPLICATION) {
		take_image(m, event);
	} else if (event->pcr == 9 && type == EV_IPL) {
		take_file(m, event);
	} else if (event->pcr == 8 && type == EV_IPL && is_about(event, "command line")) {
		take_command_line(m, event);
	} else if (event->pcr == 14 && type == EV_IPL && is_about(event, "MokList")) {
		add_digest(m, &m->state.mok, event);
	} else if (event->pcr == 14 && type == EV_IPL && is_about(event, "MokListX")) {
		add_digest(m, &m->state.mokx, event);
	}
}

/* The profile as a state; NULL, and why, when it cannot be said so. */
static const char *make_state(struct arena *arena, const struct profile *profile,
			      struct reference_state *out)
{
	struct maker m = { .arena = arena, .profile = profile };
	size_t images;

	if (*profile->ending)
		return "it starts no operating system";
	for (size_t i = 0; i < profile->n_events && !m.problem; i++)
		take_event(&m, &profile->events[i]);
	if (m.problem)
		return m.problem;
	images = m.state.secure_boot ? 3 : 2;
	if (m.n_crtms != 1 || !(m.firmware.crtm.algs & 1u << ALG_SHA256) || !m.has_switch)
		return "it was predicted without the firmware";
	if (m.n_images < images || (!m.state.secure_boot && m.n_images != 2))
		return "it does not start shim, GRUB and a kernel";
	if (m.n_kernels != 1 || m.n_initrds != 1 || m.n_lines != 1)
		return "GRUB does not start one kernel with one initrd";
	m.state.firmware = grown(arena, NULL, 0, sizeof(*m.state.firmware));
	m.state.kernels = grown(arena, NULL, 0, sizeof(*m.state.kernels));
	if (!m.state.firmware || !m.state.kernels)
		return "out of memory";
	m.state.firmware[0] = m.firmware;
	m.state.kernels[0] = m.kernel;
	m.state.n_firmware = m.state.n_kernels = 1;
	*out = m.state;
	return NULL;
}

/* --- several as one ------------------------------------------------------------------------------- */

/* A state's items one after the other, in one array; equal ones once. */
struct union_of {
	struct arena *arena;
	uint8_t *items;
	size_t n, size;
	bool (*equal)(const void *a, const void *b);
};

static int union_add(struct union_of *u, const void *items, size_t n, struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const uint8_t *item = (const uint8_t *)items + i * u->size;
		bool known = false;

		for (size_t k = 0; k < u->n && !known; k++)
			known = u->equal(u->items + k * u->size, item);
		if (known)
			continue;
		u->items = grown(u->arena, u->items, u->n, u->size);
		if (!u->items)
			return error_memory(err, NULL);
		memcpy(u->items + u->n++ * u->size, item, u->size);
	}
	return 0;
}

static bool digests_equal(const void *a, const void *b)
{
	const struct state_digest *x = a, *y = b;
	bool equal = x->algs == y->algs;

	for (enum alg alg = 0; alg < ALG_BANKS && equal; alg++)
		equal = !(x->algs & 1u << alg) || digest_equal(&x->digests[alg], &y->digests[alg]);
	return equal;
}

static bool firmware_equal(const void *a, const void *b)
{
	const struct state_firmware *x = a, *y = b;
	bool equal = x->blobs.n == y->blobs.n && digests_equal(&x->crtm, &y->crtm);

	for (size_t i = 0; i < x->blobs.n && equal; i++)
		equal = digests_equal(&x->blobs.items[i], &y->blobs.items[i]);
	return equal;
}

static bool keys_equal(const void *a, const void *b)
{
	const struct state_key *x = a, *y = b;

	return memcmp(x->owner, y->owner, sizeof(x->owner)) == 0 && bytes_equal(x->data, y->data);
}

static bool kernels_equal(const void *a, const void *b)
{
	const struct state_kernel *x = a, *y = b;

	return digest_equal(&x->shim, &y->shim) && digest_equal(&x->grub, &y->grub) &&
	       digest_equal(&x->kernel, &y->kernel) && digest_equal(&x->initrd, &y->initrd) &&
	       bytes_equal(x->command_line, y->command_line);
}

static void keep_common(struct state_keys *keys, const struct state_keys *others)
{
	size_t n = 0;

	for (size_t i = 0; i < keys->n; i++) {
		bool common = false;

		for (size_t k = 0; k < others->n && !common; k++)
			common = keys_equal(&keys->items[i], &others->items[k]);
		if (common)
			keys->items[n++] = keys->items[i];
	}
	keys->n = n;
}

#define UNION(target, count, other, n_other, is_equal)                                             \
	do {                                                                                       \
		struct union_of u = { arena, (uint8_t *)(target), (count), sizeof(*(target)),      \
				      (is_equal) };                                                \
		if (union_add(&u, (other), (n_other), err) < 0)                                    \
			return -1;                                                                 \
		(target) = (void *)u.items;                                                        \
		(count) = u.n;                                                                     \
	} while (0)

static int join(struct arena *arena, struct reference_state *all, const struct reference_state *one,
		bool is_first, struct error *err)
{
	UNION(all->firmware, all->n_firmware, one->firmware, one->n_firmware, firmware_equal);
	UNION(all->kernels, all->n_kernels, one->kernels, one->n_kernels, kernels_equal);
	UNION(all->mok.items, all->mok.n, one->mok.items, one->mok.n, digests_equal);
	UNION(all->mokx.items, all->mokx.n, one->mokx.items, one->mokx.n, digests_equal);
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		if (i != STATE_DBX || is_first)
			UNION(all->lists[i].items, all->lists[i].n, one->lists[i].items,
			      one->lists[i].n, keys_equal);
	if (!is_first)
		keep_common(&all->lists[STATE_DBX], &one->lists[STATE_DBX]);
	return 0;
}

/* --- writing -------------------------------------------------------------------------------------- */

static void write_hex(struct json *json, const char *key, struct bytes bytes)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;

	buf_append_string(&text, "0x");
	buf_append_hex(&text, bytes);
	buf_append_u8(&text, 0);
	json_string(json, key, text.failed ? "" : (const char *)text.data);
}

/* SHA-256 alone where it is known: Keylime takes an event for good when any one of them fits. */
static void write_digest(struct json *json, const char *key, const struct state_digest *digest)
{
	alg_set algs = digest->algs & 1u << ALG_SHA256 ? 1u << ALG_SHA256 : digest->algs;

	json_object_begin_compact(json, key);
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (algs & 1u << alg)
			write_hex(json, alg_name(alg), digest_bytes(&digest->digests[alg]));
	json_object_end(json);
}

static void write_digests(struct json *json, const char *key, const struct state_digests *digests)
{
	json_array_begin(json, key);
	for (size_t i = 0; i < digests->n; i++)
		write_digest(json, NULL, &digests->items[i]);
	json_array_end(json);
}

static void write_keys(struct json *json, const char *key, const struct state_keys *keys)
{
	json_array_begin(json, key);
	for (size_t i = 0; i < keys->n; i++) {
		const uint8_t *o = keys->items[i].owner;
		char guid[40];

		snprintf(guid, sizeof(guid),
			 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			 o[3], o[2], o[1], o[0], o[5], o[4], o[7], o[6], o[8], o[9], o[10], o[11],
			 o[12], o[13], o[14], o[15]);
		json_object_begin_compact(json, NULL);
		json_string(json, "SignatureOwner", guid);
		write_hex(json, "SignatureData", keys->items[i].data);
		json_object_end(json);
	}
	json_array_end(json);
}

static void write_kernel(struct json *json, const struct state_kernel *kernel, bool secure_boot)
{
	json_object_begin(json, NULL);
	write_hex(json, "shim_authcode_sha256", digest_bytes(&kernel->shim));
	write_hex(json, "grub_authcode_sha256", digest_bytes(&kernel->grub));
	write_hex(json, secure_boot ? "kernel_authcode_sha256" : "vmlinuz_plain_sha256",
		  digest_bytes(&kernel->kernel));
	write_hex(json, "initrd_plain_sha256", digest_bytes(&kernel->initrd));
	json_string(json, "kernel_cmdline", (const char *)kernel->command_line.data);
	json_object_end(json);
}

static int write_state(const struct reference_state *state, struct buf *out, struct error *err)
{
	static const char *const lists[STATE_LIST_COUNT] = { "pk", "kek", "db", "dbx" };
	struct json json = json_to_buf(out);

	json_object_begin(&json, NULL);
	json_bool(&json, "has_secureboot", state->secure_boot);
	json_array_begin(&json, "scrtm_and_bios");
	for (size_t i = 0; i < state->n_firmware; i++) {
		json_object_begin(&json, NULL);
		write_digest(&json, "scrtm", &state->firmware[i].crtm);
		write_digests(&json, "platform_firmware", &state->firmware[i].blobs);
		json_object_end(&json);
	}
	json_array_end(&json);
	for (size_t i = 0; i < STATE_LIST_COUNT; i++)
		write_keys(&json, lists[i], &state->lists[i]);
	write_digests(&json, "mokdig", &state->mok);
	write_digests(&json, "mokxdig", &state->mokx);
	json_array_begin(&json, "kernels");
	for (size_t i = 0; i < state->n_kernels; i++)
		write_kernel(&json, &state->kernels[i], state->secure_boot);
	json_array_end(&json);
	json_object_end(&json);
	return json_finish(&json, err);
}

/* --- the releases' -------------------------------------------------------------------------------- */

static void leave_out(struct state_export_left *left, const char *what, const char *why)
{
	if (left->n++ == 0)
		snprintf(left->why, sizeof(left->why), "'%s': %s", what, why);
}

/* Each profile that can be said as a state, then the states that were read as such. */
static int collect(struct profile_list *list, struct reference_state **out, size_t *n_out,
		   struct state_export_left *left, struct error *err)
{
	struct reference_state *states =
		arena_take(&list->arena, (list->n_profiles + list->n_states + 1) * sizeof(*states));
	size_t n = 0;

	if (!states)
		return error_memory(err, NULL);
	for (size_t i = 0; i < list->n_profiles; i++) {
		const char *why = make_state(&list->arena, &list->profiles[i], &states[n]);

		if (list->arena.failed)
			return error_memory(err, NULL);
		if (why)
			leave_out(left, list->profiles[i].name, why);
		else
			n++;
	}
	for (size_t i = 0; i < list->n_states; i++)
		states[n++] = list->states[i];
	*out = states;
	*n_out = n;
	return 0;
}

int state_export(struct db *db, const char *const *releases, size_t n_releases, struct buf *out,
		 struct state_export_left *left, struct error *err)
{
	AUTO(profile_list_clear) struct profile_list list = { 0 };
	struct reference_state all = { 0 }, *states = NULL;
	bool is_first = true;
	size_t n = 0;

	*left = (struct state_export_left){ 0 };
	if (db_profiles_read(db, releases, n_releases, &list, err) < 0 ||
	    collect(&list, &states, &n, left, err) < 0)
		return -1;
	if (n == 0)
		return error_set(err, ERROR_UNSUPPORTED, NULL, ERROR_NO_OFFSET,
				 "no boot of these releases can be said as a reference state%s%s",
				 left->n ? ": " : "", left->why);
	for (size_t i = 0; i < n; i++)
		all.secure_boot |= states[i].secure_boot;
	for (size_t i = 0; i < n; i++) {
		if (states[i].secure_boot != all.secure_boot) {
			leave_out(left, *states[i].artifact ? states[i].artifact : "a profile",
				  "Secure Boot is off there, and on in others");
			continue;
		}
		if (join(&list.arena, &all, &states[i], is_first, err) < 0)
			return -1;
		is_first = false;
	}
	return write_state(&all, out, err);
}
