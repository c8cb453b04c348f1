/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/shim/shim.h"

#include <strings.h>

#include "refgen/shim/internal.h"

#define SBAT_ATTRIBUTES     0x3u /* non-volatile, boot services */
#define PATH_MAX_CHARACTERS 256

bool shim_since(const struct shim *shim, const char *version)
{
	return shim->version.size == 0 || pe_version_compare(shim->version, version) >= 0;
}

bool shim_secure(const struct machine *machine, const struct shim *shim)
{
	return machine->secure_boot && !shim->insecure;
}

/* --- measuring ------------------------------------------------------------------------------------ */

int shim_measure_variable(struct machine *machine, struct shim *shim, const char *name,
			  const struct guid *guid, struct bytes data, const char *why,
			  struct error *err)
{
	AUTO(buf_clear) struct buf over = BUF_INIT;
	const struct measurement what = {
		.pcr = 7,
		.type = EV_EFI_VARIABLE_AUTHORITY,
		/* An entry of a list is there for what it lets run, a variable for itself. */
		.component = strcmp(name, "SbatLevel") != 0 && (strncmp(name, "Mok", 3) != 0 ||
								strcmp(name, "MokListRT") == 0)
				     ? "secure boot authority"
				     : name,
		.source = why,
		.over = machine_text(machine, "UEFI_VARIABLE_DATA of %s", name),
		.assumption = shim->assumption ? shim->assumption : machine->keys_assumption,
	};

	for (size_t i = 0; i < shim->n_measured; i++)
		if (strcmp(shim->measured[i].name, name) == 0 &&
		    guid_equal(&shim->measured[i].guid, guid) &&
		    bytes_equal(shim->measured[i].data, data))
			return 0;
	if (shim->n_measured == SHIM_MEASURED_MAX)
		return error_set(err, ERROR_LIMIT, shim->self->path, ERROR_NO_OFFSET,
				 "shim: more than %d variables and entries measured",
				 SHIM_MEASURED_MAX);
	shim->measured[shim->n_measured] = (struct shim_measured){ .name = name, .guid = *guid };
	if (machine_copy(machine, data, &shim->measured[shim->n_measured].data, err) < 0)
		return -1;
	shim->n_measured++;
	guid_append_variable_data(&over, guid, name, data);
	if (buf_finish(&over, err) < 0)
		return -1;
	return machine_measure(machine, &what, buf_bytes(&over), err);
}

int shim_measure_image(struct machine *machine, struct shim *shim,
		       const struct machine_image *image, struct error *err)
{
	const struct measurement what = {
		.pcr = 4,
		.type = EV_EFI_BOOT_SERVICES_APPLICATION,
		.component = pe_kind_name(pe_kind(image->pe)),
		.source = image->name,
		.over = "Authenticode of the image",
		.assumption = shim->assumption,
	};

	return machine_measure_digests(machine, &what, image->authenticode, err);
}

/* --- services for those that shim starts ------------------------------------------------------- */

/* shim_lock: measures first, then asks. */
static int verify(struct machine *machine, struct machine_image *image, struct error *err)
{
	struct shim *shim = machine->shim;

	shim->refusal = "";
	if (shim_measure_image(machine, shim, image, err) < 0)
		return -1;
	if (!shim_secure(machine, shim))
		return 1;
	return shim_check(machine, shim, image, true, err);
}

static bool lies_in(struct bytes part, struct bytes whole)
{
	return part.size && part.data >= whole.data && part.data < whole.data + whole.size &&
	       part.size <= (size_t)(whole.data + whole.size - part.data);
}

/* Remembers what was verified, for what may be loaded out of it. */
static void loaded(struct shim *shim, const struct machine_image *image)
{
	if (shim->n_loaded < SHIM_IMAGES_MAX)
		shim->loaded[shim->n_loaded++] = image;
}

/* LoadImage of 16.x: a section of an image that shim loaded itself is neither asked nor measured. */
static int load_image(struct machine *machine, struct machine_image *image, struct error *err)
{
	struct shim *shim = machine->shim;
	int result;

	for (size_t i = 0; i < shim->n_loaded; i++)
		if (!image->volume && lies_in(image->contents, shim->loaded[i]->contents))
			return 1;
	result = shim_check(machine, shim, image, true, err);
	if (result <= 0) {
		if (result == 0)
			machine->refusal = shim->refusal;
		return result;
	}
	if (shim_measure_image(machine, shim, image, err) < 0)
		return -1;
	loaded(shim, image);
	return 1;
}

/* --- SBAT ----------------------------------------------------------------------------------------- */

/* Sets the level; false, and the boot halted, where shim gives up. */
static int set_level(struct machine *machine, struct shim *shim, bool *goes_on, struct error *err)
{
	const struct pe *pe = shim->self->pe;
	struct shim_sbat_candidates candidates;
	struct shim_sbat_level level;
	struct bytes component;

	*goes_on = true;
	shim_sbat_candidates(pe, &candidates);
	shim_sbat_decide(pe, &candidates, machine->secure_boot,
			 machine_variable(machine, &guid_shim, "SbatLevel"),
			 machine_variable(machine, &guid_shim, "SbatPolicy"), &level);
	if (level.text.size == 0)
		return 0;
	if (candidates.guessed && level.written && shim_since(shim, "15.6"))
		shim->assumption =
			machine_assume(machine, "shim's SBAT level", "%.*s",
				       (int)level.text.size - 1, (const char *)level.text.data);
	if (machine_copy(machine, level.text, &shim->sbat_level, err) < 0)
		return -1;
	if (level.policy_removed &&
	    machine_variable_set(machine, &guid_shim, "SbatPolicy", 0, bytes_of(NULL, 0), err) < 0)
		return -1;
	if (level.written && machine_variable_set(machine, &guid_shim, "SbatLevel", SBAT_ATTRIBUTES,
						  shim->sbat_level, err) < 0)
		return -1;
	if (!machine->secure_boot)
		return 0;
	if (level.failure[0]) {
		machine_halt(machine, "%s: %s", shim->self->name, level.failure);
		*goes_on = false;
	} else if (!shim_sbat_meets(pe, shim->sbat_level, &component)) {
		machine_halt(
			machine,
			"%s revokes itself: the SBAT generation of \"%.*s\" is below SbatLevel",
			shim->self->name, (int)component.size, (const char *)component.data);
		*goes_on = false;
	}
	return 0;
}

/* --- the next stage ----------------------------------------------------------------------------- */

const char *shim_beside(struct machine *machine, const struct shim *shim, const char *name)
{
	const char *path = shim->self->path, *slash = strrchr(path, '/');

	while (*name == '/' || *name == '\\')
		name++;
	return machine_text(machine, "%.*s/%s", slash ? (int)(slash - path) : 0, path, name);
}

/* A file or image beside shim, which has none beside it where it was given by itself. 1, 0, -1. */
static int read_beside(struct machine *machine, const struct shim *shim, const char *name,
		       struct bytes *out, struct error *err)
{
	if (!shim->self->volume)
		return 0;
	return machine_read(machine, shim->self->volume, shim_beside(machine, shim, name), out,
			    err);
}

static int image_beside(struct machine *machine, const struct shim *shim, const char *name,
			struct machine_image **out, struct error *err)
{
	if (!shim->self->volume)
		return 0;
	return machine_image(machine, shim->self->volume, shim_beside(machine, shim, name), out,
			     err);
}

/* \EFI\BOOT\BOOT*.EFI: where firmware looks when no boot option says more. */
static bool is_removable_path(const char *path)
{
	size_t size;

	while (*path == '/')
		path++;
	size = strlen(path);
	return strncasecmp(path, "EFI/BOOT/BOOT", 13) == 0 && size >= 4 &&
	       strcasecmp(path + size - 4, ".EFI") == 0;
}

/* UTF-16LE text that is ASCII, up to a NUL or the end, into out; its length, or 0 if it is none. */
static size_t ascii_of(struct bytes wide, char *out, size_t out_size)
{
	size_t n = 0;

	for (; 2 * n + 1 < wide.size && n + 1 < out_size; n++) {
		uint8_t c = wide.data[2 * n];

		if (wide.data[2 * n + 1] || (c && (c < 0x20 || c > 0x7e)))
			return 0;
		if (c == 0)
			break;
		out[n] = (char)c;
	}
	out[n] = 0;
	return n;
}

/* The loader this shim was built to start: the path in it that is neither fallback nor MokManager. */
static const char *default_loader(struct machine *machine, const struct shim *shim)
{
	struct bytes left = shim->self->contents;
	char path[PATH_MAX_CHARACTERS];

	while (left.size >= 2) {
		const uint8_t *at = memchr(left.data, '\\', left.size - 1);
		const char *name;
		size_t n;

		if (!at)
			break;
		left = bytes_of(at + 1, left.size - (size_t)(at + 1 - left.data));
		n = ascii_of(bytes_of(at, left.size + 1), path, sizeof(path));
		name = path + strspn(path, "\\");
		if (n < 6 || strcasecmp(path + n - 4, ".efi") != 0 || strchr(name, '\\') ||
		    strncmp(name, "fb", 2) == 0 || strncmp(name, "mm", 2) == 0)
			continue;
		return machine_text(machine, "%s", name);
	}
	return machine_text(machine, "grub%s.efi", shim->suffix);
}

/* UTF-16LE text up to its first comma or the end of its line. */
static struct bytes first_field(struct bytes wide)
{
	for (size_t i = 0; i + 1 < wide.size; i += 2)
		if (wide.data[i + 1] == 0 && wide.data[i] && strchr(",\r\n", wide.data[i]))
			return bytes_of(wide.data, i);
	return wide;
}

/* The first field of options.csv (16.x), in UTF-16 with or without a mark. NULL: there is none. */
static int options_file(struct machine *machine, const struct shim *shim, const char **out,
			struct error *err)
{
	struct bytes contents;
	char text[PATH_MAX_CHARACTERS];
	int found;

	*out = NULL;
	if (!shim_since(shim, "16.0"))
		return 0;
	found = read_beside(machine, shim, "options.csv", &contents, err);
	if (found <= 0)
		return found;
	if (contents.size >= 2 && contents.data[0] == 0xff && contents.data[1] == 0xfe)
		contents = bytes_of(contents.data + 2, contents.size - 2);
	if (ascii_of(first_field(contents), text, sizeof(text)) > 0)
		*out = machine_text(machine, "%s", text);
	return 0;
}

/*
 * Load options: the first word names the next stage, unless it is shim's own path; what follows goes
 * to the next stage. NULL: they name none.
 */
static const char *stage_of_options(struct machine *machine, const struct shim *shim,
				    struct bytes options, struct bytes *rest)
{
	char text[PATH_MAX_CHARACTERS], own[PATH_MAX_CHARACTERS];
	char *word = text;
	size_t n = ascii_of(options, text, sizeof(text)), used;

	*rest = bytes_of(NULL, 0);
	if (n == 0)
		return NULL;
	snprintf(own, sizeof(own), "%s", shim->self->path);
	for (char *at = own; *at; at++)
		*at = *at == '/' ? '\\' : *at;
	word += strspn(word, " ");
	used = strcspn(word, " ");
	if (strncasecmp(word, own, used) == 0 && own[used] == 0) {
		word += used;
		word += strspn(word, " ");
		used = strcspn(word, " ");
	}
	if (used == 0)
		return NULL;
	if (word[used]) {
		size_t at = 2 * ((size_t)(word - text) + used + 1);

		*rest = bytes_of(options.data + at, options.size - at);
	}
	word[used] = 0;
	for (char *at = word; *at; at++)
		*at = *at == '\\' ? '/' : *at;
	return machine_text(machine, "%s", word);
}

enum stage { STAGE_RETURNED, STAGE_MISSING, STAGE_REFUSED };

/* Reads, verifies, measures and starts a file beside shim. -1, or an enum stage. */
static int start_image(struct machine *machine, struct shim *shim, const char *name,
		       struct bytes load_options, struct error *err)
{
	struct machine_image *image;
	struct error problem = { 0 };
	int found, result;

	shim->refusal = "";
	found = image_beside(machine, shim, name, &image, &problem);
	if (found < 0 && problem.code != ERROR_MALFORMED && problem.code != ERROR_TRUNCATED &&
	    problem.code != ERROR_UNSUPPORTED) {
		if (err)
			*err = problem;
		return -1;
	}
	if (found < 0) {
		shim->refusal = machine_text(machine, "%s is no image: %s", name, problem.message);
		return STAGE_REFUSED;
	}
	if (found == 0)
		return STAGE_MISSING;
	if (shim_secure(machine, shim)) {
		result = shim_check(machine, shim, image, false, err);
		if (result < 0)
			return -1;
		if (result == 0)
			return STAGE_REFUSED;
	}
	if (shim_measure_image(machine, shim, image, err) < 0)
		return -1;
	loaded(shim, image);
	return machine_start(machine, image, load_options, err) < 0 ? -1 : STAGE_RETURNED;
}

static const char *companion(struct machine *machine, const struct shim *shim, const char *what)
{
	return machine_text(machine, "%s%s.efi", what, shim->suffix);
}

/* Verifies and measures an image that a person has to deal with, or that ends this boot. */
static int load_companion(struct machine *machine, struct shim *shim, const char *name,
			  struct error *err)
{
	struct machine_image *image;
	int result = image_beside(machine, shim, name, &image, err);

	if (result > 0 && shim_secure(machine, shim))
		result = shim_check(machine, shim, image, false, err);
	if (result > 0 && shim_measure_image(machine, shim, image, err) < 0)
		return -1;
	return result;
}

/* A request that mokutil left is shown by MokManager, whose prompt gives up after ten seconds. */
static int mok_requests(struct machine *machine, struct shim *shim, struct error *err)
{
	static const char *const requests[] = { "MokNew", "MokSB",   "MokPW",   "MokAuth", "MokDel",
						"MokDB",  "MokXNew", "MokXDel", "MokXAuth" };
	const char *manager = companion(machine, shim, "mm");

	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		int result;

		if (!machine_variable(machine, &guid_shim, requests[i]))
			continue;
		result = load_companion(machine, shim, manager, err);
		if (result > 0)
			(void)machine_assume(machine, "MokManager",
					     "nobody answered its prompt for %s", requests[i]);
		else if (result == 0)
			machine_halt(machine, "%s asks for %s, which cannot be started",
				     requests[i], manager);
		return result < 0 ? -1 : 0;
	}
	return 0;
}

/* \EFI\BOOT\fbx64.efi beside the path for removable media: it makes boot options, and where there is a
 * TPM it resets the machine, which then boots by them. */
static int fallback(struct machine *machine, struct shim *shim, bool *used, struct error *err)
{
	const char *name = companion(machine, shim, "fb");
	struct bytes contents;
	int result = 0;

	*used = false;
	if (is_removable_path(shim->self->path))
		result = read_beside(machine, shim, name, &contents, err);
	if (result <= 0)
		return result;
	*used = true;
	result = load_companion(machine, shim, name, err);
	if (result > 0)
		machine_halt(machine, "%s makes boot options and resets the machine", name);
	else if (result == 0)
		machine_halt(machine, "%s", shim->refusal);
	return result < 0 ? -1 : 0;
}

static int next_stage(struct machine *machine, struct shim *shim, struct bytes load_options,
		      struct error *err)
{
	struct bytes rest;
	const char *stage = stage_of_options(machine, shim, load_options, &rest), *optional;
	const char *standard = default_loader(machine, shim);
	const char *manager = companion(machine, shim, "mm");
	int result;

	if (!shim->self->volume) {
		machine_halt(machine, "what %s starts is not among the inputs", shim->self->name);
		return 0;
	}
	if (options_file(machine, shim, &optional, err) < 0)
		return -1;
	if (!stage)
		stage = optional ? optional : standard;
	result = start_image(machine, shim, stage, rest, err);
	if (result == STAGE_MISSING && strcmp(stage, standard) != 0) {
		stage = standard;
		result = start_image(machine, shim, stage, bytes_of(NULL, 0), err);
	}
	if (result == STAGE_MISSING)
		machine_halt(machine, "%s finds no %s beside it", shim->self->name, stage);
	if (result == STAGE_REFUSED) {
		const char *refusal = shim->refusal;

		machine_halt(machine, "%s", refusal);
		if (load_companion(machine, shim, manager, err) < 0)
			return -1;
	}
	return result < 0 ? -1 : 0;
}

/* --- all of it ------------------------------------------------------------------------------------ */

static const char *suffix_of(const struct pe *pe)
{
	switch (pe_machine(pe)) {
	case PE_MACHINE_I386:
		return "ia32";
	case PE_MACHINE_ARM:
		return "arm";
	case PE_MACHINE_AARCH64:
		return "aa64";
	case PE_MACHINE_RISCV64:
		return "riscv64";
	}
	return "x64";
}

static struct shim *shim_new(struct machine *machine, struct machine_image *self, struct error *err)
{
	struct shim *shim = machine_take(machine, sizeof(*shim), err);

	if (!shim)
		return NULL;
	shim->self = self;
	shim->version = pe_version(self->pe);
	shim->suffix = suffix_of(self->pe);
	shim->refusal = "";
	if (shim->version.size == 0)
		shim->assumption = machine_assume(machine, "shim", "16.1 or as it");
	if (shim_read_vendor(shim, self->pe, err) < 0)
		return NULL;
	return shim;
}

int shim_run(struct machine *machine, struct machine_image *self, struct bytes load_options,
	     struct error *err)
{
	struct shim *shim = shim_new(machine, self, err);
	bool goes_on, used;

	if (!shim || set_level(machine, shim, &goes_on, err) < 0)
		return -1;
	if (!goes_on)
		return 0;
	if (shim_secure(machine, shim) && shim_load_trust(machine, shim, err) < 0)
		return -1;
	if (shim_mirror(machine, shim, err) < 0 || mok_requests(machine, shim, err) < 0)
		return -1;
	if (machine->has_left)
		return 0;
	machine->shim = shim;
	machine->shim_verify = verify;
	if (shim_secure(machine, shim) && shim_since(shim, "16.0") &&
	    (shim->vendor_certificate.size || shim->vendor_db.size || shim->vendor_dbx.size))
		machine->load_image = load_image;
	if (fallback(machine, shim, &used, err) < 0)
		return -1;
	if (used)
		return 0;
	return next_stage(machine, shim, load_options, err);
}
