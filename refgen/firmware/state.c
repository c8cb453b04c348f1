/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a machine's boots have in common: the code image unpacked, its volumes hashed, the option ROMs.
 * Read when the machine runs for the first time, and kept by it.
 */
#include "refgen/firmware/run.h"

/* Facts as given, else the likeliest. */
static struct firmware_facts take_facts(const struct machine_facts *given)
{
	struct firmware_facts facts = {
		.i440fx = given->machine && (strcmp(given->machine, "i440fx") == 0 ||
					     strcmp(given->machine, "pc") == 0),
		.cpus = given->has_cpus ? given->cpus : 1,
		.memory_mib = given->has_memory_mib ? given->memory_mib > UINT32_MAX
							      ? UINT32_MAX
							      : (uint32_t)given->memory_mib
						    : 1024,
		.s3 = given->has_s3 && given->s3,
		.tseg_mib = given->has_tseg_mib ? given->tseg_mib : 16,
	};

	facts.max_cpus = given->has_max_cpus ? given->max_cpus : facts.cpus;
	return facts;
}

static int hash(const struct machine *machine, struct bytes bytes, struct digest out[ALG_BANKS],
		struct error *err)
{
	for (enum alg alg = 0; alg < ALG_BANKS; alg++)
		if (machine->banks & 1u << alg &&
		    hasher_digest_bytes(machine->hasher, alg, bytes, &out[alg], err) < 0)
			return -1;
	return 0;
}

static int hash_volumes(struct boot *boot, struct firmware_state *state, struct error *err)
{
	const char *kind = boot->machine->facts.machine;
	AUTO(buf_clear) struct buf pei = BUF_INIT;
	int known = 0;

	state->facts = take_facts(&boot->machine->facts);
	if (kind && !state->facts.i440fx && strcmp(kind, "q35") != 0)
		state->pei_reason = "a machine of a kind that is not known";
	else
		known = firmware_pei_volume(&state->firmware, &state->facts,
					    boot->has_store ? &boot->store : NULL, &pei,
					    &state->facts_used, &state->pei_reason, err);
	if (known < 0 || (known && hash(boot->machine, buf_bytes(&pei), state->pei, err) < 0))
		return -1;
	state->pei_known = known;
	return hash(boot->machine, state->firmware.dxe.bytes, state->dxe, err);
}

/* Moves bytes that lie in one run of bytes to the same place in another. */
static struct bytes moved(struct bytes bytes, struct bytes from, struct bytes to)
{
	uintptr_t at = (uintptr_t)bytes.data, begin = (uintptr_t)from.data;

	return at >= begin && at - begin < from.size ? bytes_of(to.data + (at - begin), bytes.size)
						     : bytes;
}

/* What was unpacked becomes the machine's. */
static int keep_unpacked(struct machine *machine, struct firmware *firmware, struct error *err)
{
	struct bytes unpacked = buf_bytes(&firmware->unpacked), kept;

	if (machine_copy(machine, unpacked, &kept, err) < 0)
		return -1;
	firmware->pei.bytes = moved(firmware->pei.bytes, unpacked, kept);
	firmware->dxe.bytes = moved(firmware->dxe.bytes, unpacked, kept);
	buf_clear(&firmware->unpacked);
	return 0;
}

static int read_firmware(struct boot *boot, struct firmware_state *state, struct error *err)
{
	struct machine *machine = boot->machine;
	AUTO(firmware_clear) struct firmware firmware = { 0 };

	if (machine->firmware.size == 0)
		return 0;
	if (firmware_open(machine->firmware, machine->firmware_name, &firmware, err) < 0 ||
	    keep_unpacked(machine, &firmware, err) < 0)
		return -1;
	state->firmware = firmware;
	state->has_firmware = true;
	return hash_volumes(boot, state, err);
}

int boot_read_state(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;
	struct firmware_state *state = machine->firmware_state;

	if (!state) {
		state = machine_take(machine, sizeof(*state), err);
		if (!state)
			return -1;
		state->last_driver = &state->drivers;
		boot->state = state;
		if (read_firmware(boot, state, err) < 0 || boot_read_roms(boot, err) < 0)
			return -1;
		machine->firmware_state = state;
	}
	boot->state = state;
	return 0;
}
