/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/state.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/array.h"
#include "core/json.h"
#include "core/json_read.h"
#include "core/own.h"

#define VERSION 1

struct state {
	char *path;
	struct machine_state *machines; /* by key */
	size_t n_machines, capacity;
	char (*dropped)[2 * STATE_DIGEST + 1]; /* lists that were replaced */
	size_t n_dropped, dropped_capacity;
	bool is_changed;
};

void state_free(struct state *state)
{
	if (!state)
		return;
	free(state->path);
	free(state->machines);
	free(state->dropped);
	free(state);
}

void state_freep(struct state **state)
{
	state_free(*state);
}

size_t state_n_machines(const struct state *state)
{
	return state->n_machines;
}

/* Where a key is, or belongs. */
static size_t place_of(const struct state *state, const char *key, bool *found)
{
	size_t low = 0, high = state->n_machines;

	*found = false;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(state->machines[middle].key, key);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct machine_state *state_find(const struct state *state, const char *key)
{
	bool found;
	size_t i = place_of(state, key, &found);

	return found ? &state->machines[i] : NULL;
}

static int insert(struct state *state, const struct machine_state *machine, size_t at,
		  struct error *err)
{
	if (array_room(&state->machines, state->n_machines, &state->capacity,
		       sizeof(*state->machines), state->path, err) < 0)
		return -1;
	memmove(state->machines + at + 1, state->machines + at,
		(state->n_machines - at) * sizeof(*state->machines));
	state->machines[at] = *machine;
	state->n_machines++;
	return 0;
}

/* --- reading ------------------------------------------------------------------------------------ */

static int malformed(const struct state *state, struct error *err, struct bytes key,
		     const char *what)
{
	return error_set(err, ERROR_MALFORMED, state->path, ERROR_NO_OFFSET,
			 "a state of machines: %.*s: %s",
			 (int)(key.size < STATE_KEY_MAX ? key.size : STATE_KEY_MAX),
			 (const char *)key.data, what);
}

static bool read_log(const struct json_value *json, struct state_log *out)
{
	struct bytes hex;

	return json_value_uint(json_value_member(json, "size"), &out->size) &&
	       json_value_text(json_value_member(json, "digest"), &hex) &&
	       hex_parse(hex, out->digest, sizeof(out->digest)) == sizeof(out->digest);
}

static bool read_count(const struct json_value *json, const char *key, uint32_t *out)
{
	uint64_t number;

	if (!json_value_uint(json_value_member(json, key), &number) || number > UINT32_MAX)
		return false;
	*out = (uint32_t)number;
	return true;
}

static bool is_key(struct bytes key)
{
	if (key.size == 0 || key.size > STATE_KEY_MAX)
		return false;
	for (size_t i = 0; i < key.size; i++)
		if (!memchr("0123456789abcdef", key.data[i], 16))
			return false;
	return true;
}

static int read_machine(void *ctx, struct bytes key, const struct json_value *value,
			struct error *err)
{
	struct state *state = ctx;
	const struct json_value *userspace = json_value_member(value, "userspace");
	const struct json_value *ima = json_value_member(value, "ima");
	struct machine_state machine = { 0 };
	struct bytes boot_id;
	bool found;
	size_t at;

	if (!is_key(key))
		return malformed(state, err, bytes_of("", 0), "a key that is none");
	memcpy(machine.key, key.data, key.size);
	if (!json_value_uint(json_value_member(value, "clock"), &machine.clock) ||
	    !read_count(value, "reset_count", &machine.reset_count) ||
	    !read_count(value, "restart_count", &machine.restart_count))
		return malformed(state, err, key, "clock or counters are no numbers");
	if (json_value_member(value, "boot_log") &&
	    !read_log(json_value_member(value, "boot_log"), &machine.boot))
		return malformed(state, err, key, "boot_log has no size and digest");
	if (userspace &&
	    (!read_log(userspace, &machine.userspace) ||
	     !json_value_text(json_value_member(userspace, "boot_id"), &boot_id) ||
	     boot_id.size >= sizeof(machine.boot_id) || memchr(boot_id.data, 0, boot_id.size)))
		return malformed(state, err, key, "userspace has no size, digest and boot_id");
	if (userspace && boot_id.size)
		memcpy(machine.boot_id, boot_id.data, boot_id.size);
	if (ima && (!read_log(ima, &machine.ima) ||
		    !json_value_uint(json_value_member(ima, "entries"), &machine.n_entries)))
		return malformed(state, err, key, "ima has no size, digest and entries");
	if (state->n_machines == STATE_MACHINES_MAX)
		return error_set(err, ERROR_LIMIT, state->path, ERROR_NO_OFFSET,
				 "more than %zu machines", STATE_MACHINES_MAX);
	at = place_of(state, machine.key, &found);
	return insert(state, &machine, at, err);
}

int state_read(const char *path, struct state **out, struct error *err)
{
	AUTO(state_freep) struct state *state = calloc(1, sizeof(*state));
	AUTO(file_freep) struct file *file = NULL;
	AUTO(json_value_freep) struct json_value *document = NULL;
	const struct json_value *machines;
	uint64_t version;

	if (!state || !(state->path = strdup(path)))
		return error_memory(err, path);
	if (access(path, F_OK) < 0 && errno == ENOENT) {
		*out = TAKE(state);
		return 0;
	}
	if (file_open(path, &file, err) < 0 ||
	    json_read(file_bytes(file), path, &document, err) < 0)
		return -1;
	if (!json_value_uint(json_value_member(document, "version"), &version))
		return error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET,
				 "not a state of machines: it has no version");
	if (version != VERSION)
		return error_set(err, ERROR_UNSUPPORTED, path, ERROR_NO_OFFSET,
				 "a state of machines of version %" PRIu64 ", not %d", version,
				 VERSION);
	machines = json_value_member(document, "machines");
	if (!json_value_is_object(machines))
		return error_set(err, ERROR_MALFORMED, path, ERROR_NO_OFFSET,
				 "a state of machines: machines is no object");
	if (json_value_each(machines, read_machine, state, err) < 0)
		return -1;
	*out = TAKE(state);
	return 0;
}

/* --- lists -------------------------------------------------------------------------------------- */

static int list_path(const struct state *state, const char *name, struct buf *out,
		     struct error *err)
{
	buf_printf(out, "%s.lists/%s", state->path, name);
	return buf_finish(out, err);
}

int state_keep_list(const struct state *state, struct bytes list, const uint8_t *digest,
		    struct error *err)
{
	AUTO(buf_clear) struct buf folder = BUF_INIT;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	char name[2 * STATE_DIGEST + 1];

	hex_write(name, bytes_of(digest, STATE_DIGEST));
	if (list_path(state, "", &folder, err) < 0 || list_path(state, name, &path, err) < 0)
		return -1;
	if (mkdir((char *)folder.data, 0777) < 0 && errno != EEXIST)
		return error_errno(err, ERROR_SYSTEM, (char *)folder.data, errno, "cannot be made");
	if (access((char *)path.data, F_OK) == 0)
		return 0; /* named by what it holds */
	return file_write((char *)path.data, list, err);
}

int state_open_list(const struct state *state, const struct machine_state *machine,
		    struct hasher *hasher, struct file **out, struct error *err)
{
	AUTO(file_freep) struct file *file = NULL;
	AUTO(buf_clear) struct buf path = BUF_INIT;
	char name[2 * STATE_DIGEST + 1];
	struct digest digest;

	hex_write(name, bytes_of(machine->ima.digest, STATE_DIGEST));
	if (list_path(state, name, &path, err) < 0 ||
	    file_open((char *)path.data, &file, err) < 0 ||
	    hasher_digest_bytes(hasher, ALG_SHA256, file_bytes(file), &digest, err) < 0)
		return -1;
	if (file_bytes(file).size != machine->ima.size ||
	    memcmp(digest.value, machine->ima.digest, STATE_DIGEST) != 0)
		return error_set(err, ERROR_INPUT, (char *)path.data, ERROR_NO_OFFSET,
				 "is not the list that was attested: its SHA-256 is not its name");
	*out = TAKE(file);
	return 0;
}

static int note_dropped(struct state *state, const struct machine_state *machine, struct error *err)
{
	if (machine->ima.size == 0)
		return 0;
	if (array_room(&state->dropped, state->n_dropped, &state->dropped_capacity,
		       sizeof(*state->dropped), state->path, err) < 0)
		return -1;
	hex_write(state->dropped[state->n_dropped++], bytes_of(machine->ima.digest, STATE_DIGEST));
	return 0;
}

static bool is_later(const struct machine_state *a, const struct machine_state *b)
{
	if (a->reset_count != b->reset_count)
		return a->reset_count > b->reset_count;
	return a->clock >= b->clock;
}

int state_put(struct state *state, const struct machine_state *machine, struct error *err)
{
	bool found;
	size_t at = place_of(state, machine->key, &found);

	if (!found) {
		state->is_changed = true;
		return insert(state, machine, at, err);
	}
	if (!is_later(machine, &state->machines[at]))
		return 0;
	if (note_dropped(state, &state->machines[at], err) < 0)
		return -1;
	state->machines[at] = *machine;
	state->is_changed = true;
	return 0;
}

/* --- writing ------------------------------------------------------------------------------------ */

static void write_log(struct json *json, const struct state_log *log)
{
	json_uint(json, "size", log->size);
	json_hex(json, "digest", bytes_of(log->digest, STATE_DIGEST));
}

static void write_machine(struct json *json, const struct machine_state *machine)
{
	json_object_begin(json, machine->key);
	json_uint(json, "reset_count", machine->reset_count);
	json_uint(json, "restart_count", machine->restart_count);
	json_uint(json, "clock", machine->clock);
	if (machine->boot.size) {
		json_object_begin(json, "boot_log");
		write_log(json, &machine->boot);
		json_object_end(json);
	}
	if (machine->userspace.size) {
		json_object_begin(json, "userspace");
		json_string(json, "boot_id", machine->boot_id);
		write_log(json, &machine->userspace);
		json_object_end(json);
	}
	if (machine->ima.size) {
		json_object_begin(json, "ima");
		json_uint(json, "entries", machine->n_entries);
		write_log(json, &machine->ima);
		json_object_end(json);
	}
	json_object_end(json);
}

/* A list that no machine's state names any more; one that cannot be removed costs room, no more. */
static void drop_list(const struct state *state, const char *name)
{
	AUTO(buf_clear) struct buf path = BUF_INIT;

	for (size_t i = 0; i < state->n_machines; i++) {
		char used[2 * STATE_DIGEST + 1];

		hex_write(used, bytes_of(state->machines[i].ima.digest, STATE_DIGEST));
		if (state->machines[i].ima.size && strcmp(used, name) == 0)
			return;
	}
	if (list_path(state, name, &path, NULL) == 0)
		unlink((char *)path.data);
}

int state_write(struct state *state, struct error *err)
{
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct json json = json_to_buf(&text);

	if (!state->is_changed)
		return 0;
	json_object_begin(&json, NULL);
	json_uint(&json, "version", VERSION);
	json_object_begin(&json, "machines");
	for (size_t i = 0; i < state->n_machines; i++)
		write_machine(&json, &state->machines[i]);
	json_object_end(&json);
	json_object_end(&json);
	if (json_finish(&json, err) < 0 || buf_finish(&text, err) < 0 ||
	    file_write(state->path, buf_bytes(&text), err) < 0)
		return -1;
	for (size_t i = 0; i < state->n_dropped; i++)
		drop_list(state, state->dropped[i]);
	state->n_dropped = 0;
	state->is_changed = false;
	return 0;
}
