/* SPDX-License-Identifier: BSD-2-Clause */
#include "refgen/boot/boot.h"

#include <sys/stat.h>

#include "core/array.h"
#include "core/file.h"
#include "refgen/boot/internal.h"
#include "core/disk/disk.h"
#include "refgen/systemd/systemd.h"

static void boot_clear(struct boot *boot)
{
	for (size_t i = 0; i < boot->n_volumes; i++)
		volume_free(boot->volumes[i].volume);
	for (size_t i = 0; i < boot->n_disks; i++)
		disk_free(boot->disks[i]);
	for (size_t i = 0; i < boot->n_files; i++)
		file_free(boot->files[i]);
	baseline_free(boot->baseline);
	machine_free(boot->machine);
	hasher_free(boot->hasher);
	free(boot->volumes);
	free(boot->disks);
	free(boot->files);
	free(boot->singles);
	free(boot->profiles);
	free(boot->notes);
}

void boot_free(struct boot *boot)
{
	if (!boot)
		return;
	boot_clear(boot);
	free(boot);
}

void boot_freep(struct boot **boot)
{
	boot_free(*boot);
}

const struct boot_profile *boot_profiles(const struct boot *boot, size_t *n)
{
	*n = boot->n_profiles;
	return boot->profiles;
}

const char *const *boot_notes(const struct boot *boot, size_t *n)
{
	*n = boot->n_notes;
	return boot->notes;
}

const struct machine *boot_machine(const struct boot *boot)
{
	return boot->machine;
}

static int add_note(struct boot *boot, const char *text, struct error *err)
{
	if (array_room(&boot->notes, boot->n_notes, &boot->notes_capacity, sizeof(*boot->notes),
		       NULL, err) < 0)
		return -1;
	boot->notes[boot->n_notes++] = text;
	return 0;
}

/* --- inputs --------------------------------------------------------------------------------------- */

/* A file that stays open as long as the prediction. */
static int open_file(struct boot *boot, const char *path, struct bytes *out, struct error *err)
{
	if (array_room(&boot->files, boot->n_files, &boot->files_capacity, sizeof(*boot->files),
		       NULL, err) < 0 ||
	    file_open(path, &boot->files[boot->n_files], err) < 0)
		return -1;
	*out = file_bytes(boot->files[boot->n_files++]);
	return 0;
}

static int add_volume(struct boot *boot, struct volume *volume, struct disk *disk,
		      size_t disk_index, uint32_t partition, struct error *err)
{
	if (array_room(&boot->volumes, boot->n_volumes, &boot->volumes_capacity,
		       sizeof(*boot->volumes), NULL, err) < 0) {
		volume_free(volume);
		return -1;
	}
	boot->volumes[boot->n_volumes++] = (struct machine_volume){
		.volume = volume,
		.disk = disk,
		.disk_index = disk_index,
		.partition = partition,
		.name = machine_text(boot->machine, "%s", volume_info(volume)->name),
	};
	return 0;
}

/* The file systems of a disk's partitions; those of kinds nobody boots from are passed over. */
static int open_partitions(struct boot *boot, struct disk *disk, size_t index, struct error *err)
{
	size_t n;
	const struct partition *partitions = disk_partitions(disk, &n);

	for (size_t i = 0; i < n; i++) {
		struct volume *volume = NULL;
		struct error why = { 0 };

		if (volume_of_partition(disk, i, &volume, &why) == 0) {
			if (add_volume(boot, volume, disk, index, (uint32_t)partitions[i].number,
				       err) < 0)
				return -1;
			continue;
		}
		if (why.code != ERROR_UNSUPPORTED) {
			*err = why;
			return -1;
		}
		if (add_note(boot,
			     machine_text(boot->machine, "%s: partition %zu: %s", disk_name(disk),
					  partitions[i].number, why.message),
			     err) < 0)
			return -1;
	}
	return 0;
}

/* A disk without partitions: one file system, or a CD with a boot image on it. */
static int open_whole(struct boot *boot, struct disk *disk, size_t index, struct error *err)
{
	struct volume *volume = NULL;
	int found = volume_of_el_torito(disk, &volume, err);

	if (found < 0 || (found > 0 && add_volume(boot, volume, disk, index, 0, err) < 0))
		return -1;
	volume = NULL;
	if (volume_of_disk(disk, &volume, err) < 0)
		return -1;
	return add_volume(boot, volume, disk, index, 0, err);
}

static int open_image(struct boot *boot, const char *path, struct error *err)
{
	struct disk *disk;

	if (array_room(&boot->disks, boot->n_disks, &boot->disks_capacity, sizeof(*boot->disks),
		       NULL, err) < 0 ||
	    disk_open(path, &boot->disks[boot->n_disks], err) < 0)
		return -1;
	disk = boot->disks[boot->n_disks++];
	if (disk_has_gpt(disk))
		return open_partitions(boot, disk, boot->n_disks - 1, err);
	return open_whole(boot, disk, boot->n_disks - 1, err);
}

/* A directory is a volume, a PE file something to start, anything else a file to hash. */
static int open_path(struct boot *boot, const char *path, struct error *err)
{
	struct volume *volume = NULL;
	struct single single = { .path = path };
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (volume_of_directory(path, &volume, err) < 0)
			return -1;
		return add_volume(boot, volume, NULL, SIZE_MAX, 0, err);
	}
	if (open_file(boot, path, &single.contents, err) < 0 ||
	    array_room(&boot->singles, boot->n_singles, &boot->singles_capacity,
		       sizeof(*boot->singles), NULL, err) < 0)
		return -1;
	boot->singles[boot->n_singles++] = single;
	return 0;
}

static int open_facts(struct boot *boot, const char *path, struct error *err)
{
	struct machine *machine = boot->machine;
	struct bytes text;

	if (open_file(boot, path, &text, err) < 0 || facts_parse(text, path, machine, err) < 0)
		return -1;
	if (machine->facts.banks)
		machine->banks = machine->facts.banks;
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg && !hasher_has(boot->hasher, alg))
			return error_set(err, ERROR_UNSUPPORTED, path, ERROR_NO_OFFSET,
					 "libcrypto lacks %s, of which a bank is asked for",
					 alg_name(alg));
	return 0;
}

static int open_inputs(struct boot *boot, const struct boot_inputs *inputs, struct error *err)
{
	struct machine *machine = boot->machine;

	if (inputs->facts && open_facts(boot, inputs->facts, err) < 0)
		return -1;
	if (inputs->firmware && open_file(boot, inputs->firmware, &machine->firmware, err) < 0)
		return -1;
	if (inputs->varstore && open_file(boot, inputs->varstore, &machine->varstore, err) < 0)
		return -1;
	machine->firmware_name = inputs->firmware;
	machine->varstore_name = inputs->varstore;
	if (inputs->baseline && baseline_open(inputs->baseline, machine, &boot->baseline, err) < 0)
		return -1;
	for (size_t i = 0; i < inputs->n_images; i++)
		if (open_image(boot, inputs->images[i], err) < 0)
			return -1;
	for (size_t i = 0; i < inputs->n_paths; i++)
		if (open_path(boot, inputs->paths[i], err) < 0)
			return -1;
	machine->volumes = boot->volumes;
	machine->n_volumes = boot->n_volumes;
	return 0;
}

/* --- the ways a boot may go ------------------------------------------------------------------------ */

/* What was chosen on the way, where there was a choice; "default" where there was none. */
static const char *run_name(struct machine *machine, const struct machine_run *run)
{
	const char *name = "";

	for (size_t i = 0; i < run->n_choices; i++) {
		const struct machine_choice *choice = &run->choices[i];

		if (choice->n > 1)
			name = machine_text(machine, "%s%s%s", name, *name ? " / " : "",
					    choice->names[choice->taken]);
	}
	return *name ? name : "default";
}

/* A name that no profile has yet: two entries of a menu may be called the same. */
static const char *unique_name(struct boot *boot, const char *name)
{
	const char *made = name;
	size_t number = 1;

	for (size_t i = 0; i < boot->n_profiles; i++)
		if (strcmp(boot->profiles[i].profile.name, made) == 0) {
			made = machine_text(boot->machine, "%s (%zu)", name, ++number);
			i = SIZE_MAX; /* from the start again */
		}
	return made;
}

/*
 * What systemd measures when the kernel runs, behind the events of the firmware's log. It does so only
 * where systemd-stub measured the UKI.
 */
static int measure_later(struct boot *boot, struct error *err)
{
	const struct machine_facts *facts = &boot->machine->facts;

	if (*boot->machine->ending)
		return 0;
	for (size_t i = 0; i < facts->n_userspace; i++)
		if (systemd_measure_later(boot->machine, facts->userspace[i], err) < 0)
			return -1;
	return 0;
}

/* Ends a run of which the first n_events are the firmware's. */
static int end_run(struct boot *boot, size_t n_events, struct machine_run *run, struct error *err)
{
	struct profile *profile = &run->profile;

	if (machine_end(boot->machine, run, err) < 0)
		return -1;
	profile->later = profile->events + n_events;
	profile->n_later = profile->n_events - n_events;
	profile->n_events = n_events;
	if (profile_coverage(profile, 11) == COVERAGE_NONE)
		profile->n_later = 0;
	return 0;
}

static int keep_run(struct boot *boot, struct machine_run *run, struct error *err)
{
	struct boot_profile *profile;

	if (array_room(&boot->profiles, boot->n_profiles, &boot->profiles_capacity,
		       sizeof(*boot->profiles), NULL, err) < 0)
		return -1;
	profile = &boot->profiles[boot->n_profiles];
	*profile = (struct boot_profile){ .profile = run->profile,
					  .assumptions = run->assumptions,
					  .n_assumptions = run->n_assumptions };
	profile->profile.name = unique_name(boot, run_name(boot->machine, run));
	if (boot->baseline && baseline_fill(boot->baseline, boot->machine, &profile->profile,
					    &profile->n_unlike, err) < 0)
		return -1;
	boot->n_profiles++;
	return 0;
}

/* The first choices of a run that is still to be made. */
struct way {
	size_t n;
	size_t taken[]; /* n of them, in the machine's memory */
};

/* Every other way from the choices that a run made after those it was told. */
static int add_ways(struct boot *boot, const struct machine_run *run, size_t n_told,
		    struct error *err)
{
	for (size_t i = n_told; i < run->n_choices; i++)
		for (size_t other = 0; other < run->choices[i].n; other++) {
			struct way *way;

			if (other == run->choices[i].taken)
				continue;
			if (boot->n_ways >= BOOT_RUNS_MAX)
				return error_set(err, ERROR_LIMIT, NULL, ERROR_NO_OFFSET,
						 "more than %d ways to boot", BOOT_RUNS_MAX);
			way = machine_take(boot->machine,
					   sizeof(*way) + (i + 1) * sizeof(way->taken[0]), err);
			if (!way)
				return -1;
			way->n = i + 1;
			for (size_t k = 0; k < i; k++)
				way->taken[k] = run->choices[k].taken;
			way->taken[i] = other;
			boot->ways[boot->n_ways++] = way;
		}
	return 0;
}

static int run_all(struct boot *boot, struct error *err)
{
	static const size_t none[1];

	for (size_t done = 0; done <= boot->n_ways; done++) {
		const struct way *way = done ? boot->ways[done - 1] : NULL;
		size_t n_told = way ? way->n : 0;
		struct machine_run run;
		size_t n_events;

		machine_begin(boot->machine, way ? way->taken : none, n_told);
		if (boot_run(boot, err) < 0)
			return -1;
		n_events = machine_n_events(boot->machine);
		if (measure_later(boot, err) < 0 || end_run(boot, n_events, &run, err) < 0 ||
		    keep_run(boot, &run, err) < 0 || add_ways(boot, &run, n_told, err) < 0)
			return -1;
	}
	return 0;
}

/* Files given alone that no run used, hashed all the same. */
static int hash_singles(struct boot *boot, struct error *err)
{
	for (size_t i = 0; i < boot->n_singles; i++) {
		struct single *single = &boot->singles[i];
		struct machine_image *image;

		if (pe_detect(single->contents) &&
		    machine_image_of_bytes(boot->machine, single->path, single->contents, &image,
					   err) < 0)
			return -1;
		for (enum alg alg = 0; alg < ALG_BANKS; alg++)
			if (boot->machine->banks & 1u << alg &&
			    hasher_digest_bytes(boot->hasher, alg, single->contents,
						&single->digests[alg], err) < 0)
				return -1;
	}
	return 0;
}

int boot_predict(const struct boot_inputs *inputs, struct boot **out, struct error *err)
{
	AUTO(boot_freep) struct boot *boot = calloc(1, sizeof(*boot));

	if (!boot)
		return error_memory(err, NULL);
	if (hasher_new(&boot->hasher, err) < 0 ||
	    machine_new(1u << ALG_SHA1 | 1u << ALG_SHA256 | 1u << ALG_SHA384 | 1u << ALG_SHA512,
			boot->hasher, &boot->machine, err) < 0)
		return -1;
	boot->machine->start = boot_start;
	if (open_inputs(boot, inputs, err) < 0 || run_all(boot, err) < 0 ||
	    hash_singles(boot, err) < 0)
		return -1;
	*out = TAKE(boot);
	return 0;
}
