/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * systemd-stub: the sections of a UKI (PCR 11), command lines, credentials and extensions (PCR 12, 13),
 * add-ons, the initrd it puts together, and the kernel in it.
 *
 * What a release can do is seen in the stub's own code: the names of the sections it measures, of the
 * directories it looks into and of the archives it makes are strings there. Its version decides the rest.
 */
#include "core/disk/disk.h"
#include "refgen/pe/pe.h"
#include "refgen/systemd/internal.h"

#define PARTS_MAX 512 /* of an initrd, add-ons included */

/* In the order in which they are measured (UAPI.5; src/fundamental/uki.c). */
static const struct section_rule {
	const char *name;
	bool unmeasured;
} section_rules[] = {
	{".linux",    false},
        { ".osrel",   false},
        { ".cmdline", false},
        { ".initrd",  false},
	{ ".ucode",   false},
        { ".splash",  false},
        { ".dtb",     false},
        { ".uname",   false},
	{ ".sbat",    false},
        { ".pcrsig",  true },
        { ".pcrpkey", false},
        { ".profile", false},
	{ ".dtbauto", false},
        { ".hwids",   false},
        { ".efifw",   false},
};

struct addon_blob {
	struct bytes bytes;
	const char *name;
};

struct addons {
	const char *cmdline; /* of one directory; NULL: none */
	struct addon_blob *initrds, *ucodes, *devicetrees;
	size_t n_initrds, n_ucodes, n_devicetrees;
};

struct stub {
	struct machine *machine;
	struct machine_image *image;
	unsigned release;
	unsigned profile;
	struct machine_image *kernel; /* in .linux */
	const char *cmdline;          /* that the kernel gets; NULL: none */
	struct addons addons;
	struct linux_initrd_part *parts;
	size_t n_parts;
	const char *unknown_initrd;
};

/* --- what the stub knows ----------------------------------------------------------------------- */

static bool is_payload(struct bytes name)
{
	for (size_t i = 0; i < ARRAY_SIZE(section_rules); i++)
		if (bytes_equal_string(name, section_rules[i].name))
			return true;
	return false;
}

/* Whether the bytes are in the stub itself, not in what was put into it. */
static bool knows_bytes(const struct stub *stub, struct bytes wanted)
{
	const struct pe *pe = stub->image->pe;

	for (size_t i = 0; i < pe_n_sections(pe); i++) {
		const struct pe_section *section = pe_section(pe, i);

		if (!is_payload(section->name) &&
		    bytes_contain(pe_section_bytes(pe, section), wanted))
			return true;
	}
	return false;
}

static bool knows_section(const struct stub *stub, const char *name)
{
	return knows_bytes(stub, bytes_of(name, strlen(name) + 1));
}

/* In UTF-16, as all its file names and descriptions are. */
static bool knows_text(const struct stub *stub, const char *text)
{
	uint8_t utf16[128];
	size_t size = 0;

	for (; *text && size + 2 < sizeof(utf16); text++) {
		utf16[size++] = (uint8_t)*text;
		utf16[size++] = 0;
	}
	return knows_bytes(stub, bytes_of(utf16, size));
}

/* --- sections ---------------------------------------------------------------------------------- */

/* Of the chosen profile, else of all. */
static const struct pe_section *find_section(const struct stub *stub, const char *name)
{
	const struct pe *pe = stub->image->pe;
	const struct pe_section *section = NULL;

	if (stub->profile < pe_n_profiles(pe))
		section = pe_find_in(pe, stub->profile, name);
	if (!section)
		section = pe_find_in(pe, PE_PROFILE_BASE, name);
	return section && pe_section_size(section) > 0 ? section : NULL;
}

/* As it lies in memory, zeros behind what is stored. Empty where there is none. */
static int section_loaded(const struct stub *stub, const struct pe *pe,
			  const struct pe_section *section, struct bytes *out, struct error *err)
{
	uint8_t *copy;
	size_t size;

	*out = (struct bytes){ 0 };
	if (!section)
		return 0;
	*out = pe_section_bytes(pe, section);
	size = pe_section_size(section);
	if (size == out->size)
		return 0;
	if (size > MACHINE_READ_MAX)
		return error_set(err, ERROR_LIMIT, stub->image->name, section->raw_offset,
				 "a section of %zu bytes", size);
	copy = machine_take(stub->machine, size, err);
	if (!copy)
		return -1;
	if (out->size)
		memcpy(copy, out->data, out->size);
	*out = bytes_of(copy, size);
	return 0;
}

static int loaded_by_name(const struct stub *stub, const char *name, struct bytes *out,
			  struct error *err)
{
	return section_loaded(stub, stub->image->pe, find_section(stub, name), out, err);
}

/* kernel: the image in the section, whose digests the machine keeps; NULL for other sections. */
static int measure_section(const struct stub *stub, const char *name,
			   const struct pe_section *section, const struct machine_image *kernel,
			   struct error *err)
{
	struct machine *machine = stub->machine;
	const struct measurement what_name = {
		.pcr = 11,
		.type = EV_IPL,
		.component = "UKI",
		.source = stub->image->name,
		.over = machine_text(machine, "the name %s with its NUL", name),
	};
	const struct measurement what = {
		.pcr = 11,
		.type = EV_IPL,
		.component = machine_text(machine, "UKI %s", name),
		.source = machine_text(machine, "section %s of %s", name, stub->image->name),
		.over = "the section as loaded",
	};
	struct digest digests[ALG_COUNT];

	if (machine_measure(machine, &what_name, bytes_of(name, strlen(name) + 1), err) < 0)
		return -1;
	if (kernel)
		return machine_measure_digests(machine, &what, kernel->digests, err);
	if (pe_section_digests(stub->image->pe, section, machine->hasher, machine->banks, digests,
			       err) < 0)
		return -1;
	return machine_measure_digests(machine, &what, digests, err);
}

static int measure_sections(const struct stub *stub, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(section_rules); i++) {
		const struct section_rule *rule = &section_rules[i];
		const struct pe_section *section = find_section(stub, rule->name);

		if (rule->unmeasured || !section || !knows_section(stub, rule->name))
			continue;
		if (strcmp(rule->name, ".dtbauto") == 0 || strcmp(rule->name, ".efifw") == 0) {
			/* Measured where one fits the machine: by far most do not need one. */
			machine_assume(stub->machine, rule->name, "none of %s fits the machine",
				       stub->image->name);
			continue;
		}
		if (measure_section(stub, rule->name, section, i == 0 ? stub->kernel : NULL, err) <
		    0)
			return -1;
	}
	return 0;
}

static int measure_profile(const struct stub *stub, struct error *err)
{
	struct bytes text;

	if (stub->profile == 0)
		return 0;
	if (utf16_of(stub->machine, machine_text(stub->machine, "%u", stub->profile), &text, err) <
	    0)
		return -1;
	return measure_tag(stub->machine, 12, "UKI profile", stub->image->name,
			   "the profile's number in UTF-16 with its NUL", text, err);
}

/* --- load options ------------------------------------------------------------------------------ */

/* "@2 quiet": the profile and what is left; older stubs have no profiles. */
static const char *split_profile(struct stub *stub, const char *text)
{
	unsigned profile = 0;
	const char *at = text + 1;

	if (*text != '@' || !knows_text(stub, "StubProfile"))
		return text;
	for (; *at >= '0' && *at <= '9'; at++) {
		if (profile > 100000)
			return text;
		profile = profile * 10 + (unsigned)(*at - '0');
	}
	if (at == text + 1 || (*at != ' ' && *at != '\0'))
		return text;
	stub->profile = profile;
	return at + (*at == ' ');
}

/* The text of load options that look like one: garbage of some firmware is ignored. NULL: none. */
static int load_options_text(struct stub *stub, struct bytes load_options, const char **out,
			     struct error *err)
{
	bool with_nul, exact;
	size_t n = stub->release >= 257 ? load_options.size / 2 : 1; /* characters looked at */

	*out = NULL;
	if (load_options.size < 2)
		return 0;
	for (size_t i = 0; i < n; i++) {
		unsigned c = load_options.data[2 * i] | load_options.data[2 * i + 1] << 8;

		if (c == 0 && i > 0)
			break;
		if (c <= 0x1f && (c != 0 || stub->release < 257))
			return 0;
	}
	if (utf8_of(stub->machine, load_options, out, &with_nul, &exact, err) < 0)
		return -1;
	*out = split_profile(stub, *out);
	return 0;
}

static bool trims_start(const struct stub *stub)
{
	return stub->release >= 255;
}

/* Passed options are measured and used, but for a built-in line under Secure Boot. */
static int settle_cmdline(struct stub *stub, const char *passed, struct error *err)
{
	bool built_in = find_section(stub, ".cmdline") != NULL;
	struct bytes text;

	if (passed && stub->machine->secure_boot && built_in)
		passed = NULL;
	if (passed)
		passed = cmdline_clean(stub->machine, bytes_of_string(passed), trims_start(stub),
				       err);
	if (passed && *passed) {
		stub->cmdline = passed;
		return measure_cmdline(stub->machine, passed,
				       machine_text(stub->machine, "the load options of %s",
						    stub->image->name),
				       err);
	}
	if (!built_in)
		return 0;
	if (loaded_by_name(stub, ".cmdline", &text, err) < 0)
		return -1;
	stub->cmdline = cmdline_clean(stub->machine, text, trims_start(stub), err);
	return stub->cmdline ? 0 : -1;
}

/* --- add-ons ----------------------------------------------------------------------------------- */

/* The UKI's drop-in directory. Newer stubs leave the boot counter out of its name. */
static int extra_dir(const struct stub *stub, const char **out, struct error *err)
{
	const char *path = stub->image->path, *plus = strrchr(path, '+');
	struct volume_entry there;
	int found;

	*out = machine_text(stub->machine, "%s.extra.d", path);
	found = volume_stat(stub->image->volume->volume, *out, &there, err);
	if (found == 0 && plus && !strchr(plus, '/') && ends_with(path, ".efi") &&
	    stub->release >= 256)
		*out = machine_text(stub->machine, "%.*s.efi.extra.d", (int)(plus - path), path);
	return found < 0 ? -1 : 0;
}

static int blob_add(const struct stub *stub, const struct pe *pe, const char *section,
		    const char *name, struct addon_blob **blobs, size_t *n, struct error *err)
{
	struct addon_blob blob = { .name = name };
	const struct pe_section *found = pe_find(pe, section);

	if (!found || pe_section_size(found) == 0)
		return 0;
	if (!*blobs)
		*blobs = machine_take(stub->machine, PARTS_MAX * sizeof(**blobs), err);
	if (!*blobs)
		return -1;
	if (*n == PARTS_MAX / 4)
		return error_set(err, ERROR_LIMIT, stub->image->name, ERROR_NO_OFFSET,
				 "more than %d add-ons", PARTS_MAX / 4);
	if (section_loaded(stub, pe, found, &blob.bytes, err) < 0)
		return -1;
	(*blobs)[(*n)++] = blob;
	return 0;
}

/* Whether it is an add-on for this kernel. */
static int fits(const struct stub *stub, const struct pe *addon, bool *out, struct error *err)
{
	static const char *const wanted[] = { ".cmdline", ".dtb", ".dtbauto", ".initrd", ".ucode" };
	const struct pe_section *uname = pe_find(addon, ".uname");
	struct bytes own, theirs;
	bool any = false;

	*out = false;
	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
		any = any || pe_find(addon, wanted[i]);
	if (!any || pe_find(addon, ".linux"))
		return 0;
	*out = true;
	if (!uname || !find_section(stub, ".uname"))
		return 0;
	if (loaded_by_name(stub, ".uname", &own, err) < 0 ||
	    section_loaded(stub, addon, uname, &theirs, err) < 0)
		return -1;
	for (size_t i = 0; i < theirs.size && *out; i++) { /* as strncmp: up to a NUL of both */
		uint8_t mine = i < own.size ? own.data[i] : 0;

		*out = mine == theirs.data[i];
		if (mine == 0)
			break;
	}
	return 0;
}

static int addon_take(struct stub *stub, const struct pe *addon, const char *name,
		      struct error *err)
{
	struct addons *addons = &stub->addons;
	const struct pe_section *cmdline = pe_find(addon, ".cmdline");
	bool newer = knows_section(stub, ".ucode"); /* takes initrds, too */

	if (cmdline) {
		struct bytes bytes;
		const char *text;

		if (section_loaded(stub, addon, cmdline, &bytes, err) < 0 ||
		    !(text = cmdline_clean(stub->machine, bytes, trims_start(stub), err)))
			return -1;
		addons->cmdline =
			addons->cmdline && *addons->cmdline
				? machine_text(stub->machine, "%s %s", addons->cmdline, text)
				: text;
	}
	if (stub->release >= 255 &&
	    blob_add(stub, addon, pe_find(addon, ".dtbauto") ? ".dtbauto" : ".dtb", name,
		     &addons->devicetrees, &addons->n_devicetrees, err) < 0)
		return -1;
	if (!newer)
		return 0;
	if (blob_add(stub, addon, ".initrd", name, &addons->initrds, &addons->n_initrds, err) < 0)
		return -1;
	return blob_add(stub, addon, ".ucode", name, &addons->ucodes, &addons->n_ucodes, err);
}

static int addons_of(struct stub *stub, const char *dir, struct error *err)
{
	struct names names;

	if (names_of(stub->machine, stub->image->volume, dir, ".addon.efi", NULL, true, &names,
		     err) < 0)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		const char *path = machine_text(stub->machine, "%s/%s", dir, names.names[i]);
		struct machine_image *addon;
		struct error ignored;
		bool ok;
		int loaded;

		if (machine_image(stub->machine, stub->image->volume, path, &addon, &ignored) != 1)
			continue; /* no PE file: the firmware refuses it, and the stub goes on */
		loaded = load_image(stub->machine, addon, err);
		if (loaded < 0 || (loaded && fits(stub, addon->pe, &ok, err) < 0) ||
		    (loaded && ok && addon_take(stub, addon->pe, names.names[i], err) < 0))
			return -1;
	}
	return 0;
}

/* The lines of add-ons of one directory, or of both, behind the kernel's. */
static int addons_cmdline(struct stub *stub, struct error *err)
{
	const char *text = stub->addons.cmdline;

	stub->addons.cmdline = NULL;
	if (!text)
		return 0;
	text = cmdline_clean(stub->machine, bytes_of_string(text), trims_start(stub), err);
	if (!text)
		return -1;
	if (!*text)
		return 0;
	stub->cmdline = stub->cmdline && *stub->cmdline
				? machine_text(stub->machine, "%s %s", stub->cmdline, text)
				: text;
	return measure_cmdline(stub->machine, text,
			       machine_text(stub->machine, "add-ons of %s", stub->image->name),
			       err);
}

/* One event for all of them since 255; 254 has one for each directory. */
static int take_addons(struct stub *stub, const char *own_dir, struct error *err)
{
	if (!knows_text(stub, "\\loader\\addons"))
		return 0;
	if (addons_of(stub, "/loader/addons", err) < 0)
		return -1;
	if (stub->release < 255 && addons_cmdline(stub, err) < 0)
		return -1;
	return addons_of(stub, own_dir, err) < 0 ? -1 : addons_cmdline(stub, err);
}

static int measure_blobs(const struct stub *stub, const char *component,
			 const struct addon_blob *blobs, size_t n, bool backwards,
			 struct error *err)
{
	for (size_t i = 0; i < n; i++) {
		const struct addon_blob *blob = &blobs[backwards ? n - 1 - i : i];

		if (measure_tag(stub->machine, 12, component, blob->name, "the section as loaded",
				blob->bytes, err) < 0)
			return -1;
	}
	return 0;
}

/* --- the initrd -------------------------------------------------------------------------------- */

static int part_add(struct stub *stub, struct bytes bytes, struct error *err)
{
	if (bytes.size == 0)
		return 0;
	if (stub->n_parts == PARTS_MAX)
		return error_set(err, ERROR_LIMIT, stub->image->name, ERROR_NO_OFFSET,
				 "an initrd of more than %d parts", PARTS_MAX);
	stub->parts[stub->n_parts++] = (struct linux_initrd_part){ .bytes = bytes };
	return 0;
}

static int pack(struct stub *stub, const char *dir, uint32_t dir_mode, uint32_t file_mode,
		const struct cpio_file *files, size_t n, struct bytes *out, struct error *err)
{
	AUTO(buf_clear) struct buf cpio = BUF_INIT;

	cpio_pack(&cpio, dir, dir_mode, file_mode, files, n);
	if (buf_finish(&cpio, err) < 0)
		return -1;
	return machine_copy(stub->machine, buf_bytes(&cpio), out, err);
}

/* Files beside the UKI, which become a cpio that is measured. */
static const struct sidecar {
	const char *what; /* the event's text */
	const char *dir;  /* NULL: the UKI's own */
	const char *suffix, *without;
	const char *target;
	uint32_t dir_mode, file_mode, pcr;
	bool always; /* else only stubs that know its text */
} sidecars[] = {
	{"Credentials initrd",                     NULL,                  ".cred",        NULL,           ".extra/credentials", 0500, 0400, 12, true },
	{ "Global credentials initrd",             "/loader/credentials", ".cred",        NULL,
         ".extra/global_credentials",											   0500, 0400, 12, false},
	{ "System extension initrd",               NULL,                  ".raw",         ".confext.raw", ".extra/sysext",      0555, 0444, 13,
         true																	},
	{ "Global system extension initrd",        "/loader/extensions",  ".raw",         ".confext.raw",
         ".extra/global_sysext",												0555, 0444, 13, false},
	{ "Configuration extension initrd",        NULL,                  ".confext.raw", NULL,           ".extra/confext",     0555,
         0444,															      12, false},
	{ "Global configuration extension initrd", "/loader/extensions",  ".confext.raw", NULL,
         ".extra/global_confext",											       0555, 0444, 12, false},
};

static int add_sidecar(struct stub *stub, const struct sidecar *sidecar, const char *own_dir,
		       struct error *err)
{
	struct machine *machine = stub->machine;
	const char *dir = sidecar->dir ? sidecar->dir : own_dir;
	bool knows_confext = knows_text(stub, ".confext.raw");
	const struct measurement what = {
		.pcr = sidecar->pcr,
		.type = EV_IPL,
		.component = sidecar->what,
		.source = machine_text(machine, "%s of %s", dir, stub->image->volume->name),
		.over = "the cpio that the stub makes of them",
	};
	struct cpio_file *files;
	struct names names;
	struct bytes cpio;

	if (!sidecar->always && !knows_text(stub, sidecar->what))
		return 0;
	if (names_of(machine, stub->image->volume, dir, sidecar->suffix,
		     knows_confext ? sidecar->without : NULL, true, &names, err) < 0)
		return -1;
	if (names.n == 0)
		return 0;
	files = machine_take(machine, names.n * sizeof(*files), err);
	if (!files)
		return -1;
	for (size_t i = 0; i < names.n; i++) {
		files[i].name = names.names[i];
		if (machine_read(machine, stub->image->volume,
				 machine_text(machine, "%s/%s", dir, names.names[i]),
				 &files[i].contents, err) < 0)
			return -1;
	}
	if (pack(stub, sidecar->target, sidecar->dir_mode, sidecar->file_mode, files, names.n,
		 &cpio, err) < 0 ||
	    machine_measure(machine, &what, cpio, err) < 0)
		return -1;
	return part_add(stub, cpio, err);
}

/* Sections that are handed on as files in /.extra; not measured here. */
static int add_literals(struct stub *stub, struct error *err)
{
	static const struct {
		const char *section, *name;
	} literals[] = {
		{".pcrsig",   "tpm2-pcr-signature.json"},
		{ ".pcrpkey", "tpm2-pcr-public-key.pem"},
		{ ".osrel",   "os-release"             },
		{ ".profile", "profile"                },
	};

	for (size_t i = 0; i < ARRAY_SIZE(literals); i++) {
		struct cpio_file file = { .name = literals[i].name };
		struct bytes cpio;

		if (!find_section(stub, literals[i].section) || !knows_text(stub, literals[i].name))
			continue;
		if (loaded_by_name(stub, literals[i].section, &file.contents, err) < 0 ||
		    pack(stub, ".extra", 0555, 0444, &file, 1, &cpio, err) < 0 ||
		    part_add(stub, cpio, err) < 0)
			return -1;
	}
	return 0;
}

static int add_section(struct stub *stub, const char *name, struct error *err)
{
	struct bytes bytes;

	if (!knows_section(stub, name))
		return 0;
	return loaded_by_name(stub, name, &bytes, err) < 0 ? -1 : part_add(stub, bytes, err);
}

/* What a loader before the stub had registered: only the newest stubs look for it. */
static int add_previous(struct stub *stub, const struct linux_initrd *previous, struct error *err)
{
	static const char text[] = "previously registered initrd";

	if (!previous || !knows_bytes(stub, bytes_of(text, sizeof(text) - 1)))
		return 0;
	if (previous->unknown || previous->padding == INITRD_PAD_ALL ||
	    (previous->padding == INITRD_PAD_NONE && previous->n_parts > 1)) {
		stub->unknown_initrd = "an initrd that a loader before the stub registered";
		return 0;
	}
	for (size_t i = 0; i < previous->n_parts; i++) {
		if (stub->n_parts == PARTS_MAX)
			return error_set(err, ERROR_LIMIT, stub->image->name, ERROR_NO_OFFSET,
					 "an initrd of more than %d parts", PARTS_MAX);
		stub->parts[stub->n_parts++] = previous->parts[i];
	}
	return 0;
}

static int add_blobs(struct stub *stub, const struct addon_blob *blobs, size_t n, bool backwards,
		     struct error *err)
{
	for (size_t i = 0; i < n; i++)
		if (part_add(stub, blobs[backwards ? n - 1 - i : i].bytes, err) < 0)
			return -1;
	return 0;
}

/* In the order in which the kernel gets them. Add-ons are measured last, microcode first of all. */
static int make_initrd(struct stub *stub, const char *own_dir, const struct linux_initrd *previous,
		       struct error *err)
{
	const struct addons *addons = &stub->addons;

	stub->parts = machine_take(stub->machine, PARTS_MAX * sizeof(*stub->parts), err);
	if (!stub->parts ||
	    measure_blobs(stub, "devicetree add-on", addons->devicetrees, addons->n_devicetrees,
			  false, err) < 0 ||
	    add_blobs(stub, addons->ucodes, addons->n_ucodes, true, err) < 0 ||
	    add_section(stub, ".ucode", err) < 0 || add_previous(stub, previous, err) < 0 ||
	    add_section(stub, ".initrd", err) < 0)
		return -1;
	for (size_t i = 0; own_dir && i < ARRAY_SIZE(sidecars); i++)
		if (add_sidecar(stub, &sidecars[i], own_dir, err) < 0)
			return -1;
	if (add_literals(stub, err) < 0 ||
	    measure_blobs(stub, "microcode add-on", addons->ucodes, addons->n_ucodes, true, err) <
		    0 ||
	    measure_blobs(stub, "initrd add-on", addons->initrds, addons->n_initrds, false, err) <
		    0)
		return -1;
	if (knows_text(stub, "boot-secret"))
		machine_assume(stub->machine, "boot secret", "none is handed on by %s",
			       stub->image->name);
	return add_blobs(stub, addons->initrds, addons->n_initrds, false, err);
}

/* --- the kernel in it -------------------------------------------------------------------------- */

/*
 * With Secure Boot off firmware loads it, and measures it once more. With Secure Boot on the stub
 * overrides the firmware's security protocol for it, or a shim of 16 and later knows it as a section
 * of what it verified: neither measures. Newest stubs load it themselves. Before 252 the firmware was
 * asked first, and measured.
 */
static int load_kernel(struct stub *stub, struct machine_image *kernel, struct error *err)
{
	static const char own_loader[] = "Inner kernel image contains sections with relocations";
	const struct measurement what = {
		.pcr = 4,
		.type = EV_EFI_BOOT_SERVICES_APPLICATION,
		.component = "kernel",
		.source = kernel->name,
		.over = "Authenticode of the image",
	};

	if (knows_bytes(stub, bytes_of(own_loader, sizeof(own_loader) - 1)))
		return 1;
	if (!stub->machine->secure_boot)
		return machine_load(stub->machine, kernel, err);
	if (stub->release >= 252)
		return 1;
	return machine_measure_digests(stub->machine, &what, kernel->authenticode, err) < 0 ? -1
											    : 1;
}

static int start_kernel(struct stub *stub, struct error *err)
{
	struct machine *machine = stub->machine;
	struct linux_initrd initrd = {
		.parts = stub->parts,
		.n_parts = stub->n_parts,
		.padding = stub->n_parts > 1 ? INITRD_PAD_ALL : INITRD_PAD_NONE,
		.source = machine_text(machine, "what %s puts together", stub->image->name),
		.unknown = stub->unknown_initrd,
	};
	struct bytes load_options = { 0 };
	int loaded;

	loaded = load_kernel(stub, stub->kernel, err);
	if (loaded <= 0)
		return loaded;
	if (stub->cmdline && utf16_of(machine, stub->cmdline, &load_options, err) < 0)
		return -1;
	return linux_stub_run(machine, stub->kernel, load_options,
			      initrd.n_parts || initrd.unknown ? &initrd : NULL, err);
}

/* --- all of it --------------------------------------------------------------------------------- */

static int measure_smbios(const struct stub *stub, struct error *err)
{
	const struct measurement what = {
		.pcr = 1,
		.type = EV_EVENT_TAG,
		.component = "SMBIOS",
		.source = stub->image->name,
		.over = "SMBIOS tables of type 1, 2 and 11, which are the machine's",
	};

	if (!knows_text(stub, "LoaderPcrSMBIOS"))
		return 0;
	return machine_measure_unknown(stub->machine, &what, err);
}

int systemd_stub_run(struct machine *machine, struct machine_image *image,
		     struct bytes load_options, const struct linux_initrd *previous,
		     struct error *err)
{
	struct stub stub = { .machine = machine, .image = image };
	const char *passed, *own_dir = NULL;
	struct bytes contents;

	stub.release = release_of(pe_version(image->pe));
	if (stub.release == 0) {
		stub.release = 257;
		machine_assume(machine, "systemd-stub release", "257 (%s does not say)",
			       image->name);
	}
	if (load_options_text(&stub, load_options, &passed, err) < 0)
		return -1;
	if ((stub.profile > 0 && stub.profile >= pe_n_profiles(image->pe)) ||
	    !find_section(&stub, ".linux")) {
		machine_halt(machine, "%s has no kernel, or no profile %u", image->name,
			     stub.profile);
		return 0;
	}
	if (loaded_by_name(&stub, ".linux", &contents, err) < 0 ||
	    machine_image_of_bytes(machine, machine_text(machine, ".linux of %s", image->path),
				   contents, &stub.kernel, err) < 0)
		return -1;
	if (image->volume && extra_dir(&stub, &own_dir, err) < 0)
		return -1;
	if (measure_smbios(&stub, err) < 0 || measure_profile(&stub, err) < 0 ||
	    measure_sections(&stub, err) < 0 || settle_cmdline(&stub, passed, err) < 0)
		return -1;
	if (own_dir && take_addons(&stub, own_dir, err) < 0)
		return -1;
	if (make_initrd(&stub, own_dir, previous, err) < 0)
		return -1;
	return start_kernel(&stub, err);
}
