/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The firmware's part of a boot, in the order of its events: its code (PCR 0), Secure Boot's variables
 * (PCR 7), tables (PCR 1), option ROMs (PCR 2), boot variables (PCR 1), separators, and then the boot
 * options one after the other until one starts something.
 *
 * Source: EDK II, SecurityPkg/Tcg/Tcg2Pei/Tcg2Pei.c, SecurityPkg/Tcg/Tcg2Dxe/Tcg2Dxe.c,
 * SecurityPkg/Library/AuthVariableLib/AuthVariableLib.c; PFP 1.05, 2.3.4 and 3.3.4.
 */
#include "refgen/firmware/run.h"

#include <inttypes.h>

#include "core/file.h"

#define COMPONENT "firmware"

static const struct guid guid_secure_boot_enable =
	GUID(0xf0a30bc7, 0xaf08, 0x4556, 0x99, 0xc4, 0x00, 0x10, 0x09, 0xc9, 0x3a, 0x44);

static int measure(struct boot *boot, uint32_t pcr, uint32_t type, const char *source,
		   const char *over_name, struct bytes over, struct error *err)
{
	const struct measurement what = { .pcr = pcr,
					  .type = type,
					  .component = COMPONENT,
					  .source = source,
					  .over = over_name,
					  .assumption = boot->assumption };

	return machine_measure(boot->machine, &what, over, err);
}

static int measure_unknown(struct boot *boot, uint32_t pcr, uint32_t type, const char *source,
			   const char *why, struct error *err)
{
	const struct measurement what = {
		.pcr = pcr, .type = type, .component = COMPONENT, .source = source, .over = why
	};

	return machine_measure_unknown(boot->machine, &what, err);
}

/* --- what is assumed ------------------------------------------------------------------------- */

/* Adds one assumption to those of the event at hand. */
static void assume(struct boot *boot, const char *assumption)
{
	boot->assumption = boot->assumption ? machine_text(boot->machine, "%s, %s",
							   boot->assumption, assumption)
					    : assumption;
}

static void assume_facts(struct boot *boot)
{
	const struct firmware_facts *facts = &boot->state->facts;
	uint32_t used = boot->state->facts_used;
	const struct machine_facts *given = &boot->machine->facts;
	struct machine *machine = boot->machine;

	if (used & 1u << FACT_MACHINE && !given->machine)
		assume(boot, machine_assume(machine, "machine", "%s", "q35"));
	if (used & 1u << FACT_CPUS && !given->has_cpus)
		assume(boot, machine_assume(machine, "cpus", "%" PRIu32, facts->cpus));
	if (used & 1u << FACT_MAX_CPUS && !given->has_max_cpus)
		assume(boot, machine_assume(machine, "max_cpus", "%" PRIu32, facts->max_cpus));
	if (used & 1u << FACT_MEMORY && !given->has_memory_mib)
		assume(boot, machine_assume(machine, "memory_mib", "%" PRIu32, facts->memory_mib));
	if (used & 1u << FACT_S3 && !given->has_s3)
		assume(boot, machine_assume(machine, "s3", "%s", facts->s3 ? "true" : "false"));
	if (used & 1u << FACT_TSEG && !given->has_tseg_mib)
		assume(boot, machine_assume(machine, "tseg_mib", "%" PRIu32, facts->tseg_mib));
}

/* --- PCR 0 ----------------------------------------------------------------------------------- */

static int measure_version(struct boot *boot, struct error *err)
{
	const struct firmware *firmware = &boot->state->firmware;
	AUTO(buf_clear) struct buf version = BUF_INIT;

	if (!firmware->version_known)
		return measure_unknown(boot, 0, EV_S_CRTM_VERSION, firmware->source,
				       "the firmware's version, which its image does not tell",
				       err);
	buf_append(&version, bytes_of(firmware->version.utf16, firmware->version.size));
	buf_append_le16(&version, 0);
	if (buf_finish(&version, err) < 0)
		return -1;
	return measure(boot, 0, EV_S_CRTM_VERSION, firmware->source,
		       "the firmware's version, UTF-16 with NUL", buf_bytes(&version), err);
}

static int measure_volumes(struct boot *boot, struct error *err)
{
	const struct firmware_state *state = boot->state;
	struct measurement what = { .type = EV_EFI_PLATFORM_FIRMWARE_BLOB,
				    .component = COMPONENT,
				    .source = state->firmware.source };
	int status;

	if (state->pei_known) {
		assume_facts(boot);
		what.over = "the PEI volume with what its modules have written";
		what.assumption = boot->assumption;
		status = machine_measure_digests(boot->machine, &what, state->pei, err);
	} else {
		what.over = machine_text(boot->machine, "the PEI volume: %s", state->pei_reason);
		status = machine_measure_unknown(boot->machine, &what, err);
	}
	if (status < 0)
		return -1;
	what.over = "the DXE volume";
	what.assumption = boot->assumption = NULL;
	return machine_measure_digests(boot->machine, &what, state->dxe, err);
}

static int measure_code(struct boot *boot, struct error *err)
{
	if (boot->state->has_firmware)
		return measure_version(boot, err) < 0 || measure_volumes(boot, err) < 0 ? -1 : 0;
	return measure_unknown(boot, 0, EV_S_CRTM_VERSION, NULL,
			       "the firmware's version: no code image was given", err) < 0 ||
			       measure_unknown(boot, 0, EV_EFI_PLATFORM_FIRMWARE_BLOB, NULL,
					       "the firmware's code: no image of it was given",
					       err) < 0
		       ? -1
		       : 0;
}

/* --- variables and PCR 7 --------------------------------------------------------------------- */

/* What the firmware makes of its store before anybody reads it: AuthVariableLib's initialisation. */
static int set_variables(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;
	const uint32_t volatile_variable = VARIABLE_BOOTSERVICE_ACCESS | VARIABLE_RUNTIME_ACCESS;
	const struct machine_variable *enable;
	uint8_t user_mode, setup_mode, secure_boot;

	for (size_t i = 0; boot->has_store && i < boot->store.n_variables; i++) {
		const struct variable *variable = &boot->store.variables[i];

		if (!machine_variable(machine, &variable->guid, variable->text) &&
		    machine_variable_set(machine, &variable->guid, variable->text,
					 variable->attributes, variable->data, err) < 0)
			return -1;
	}
	if (boot->state->has_firmware && !boot->state->firmware.secure_boot)
		return 0;
	user_mode = machine_variable(machine, &guid_global_variable, "PK") != NULL;
	setup_mode = !user_mode;
	enable = machine_variable(machine, &guid_secure_boot_enable, "SecureBootEnable");
	/* Where the switch is missing, the firmware makes it, switched on. */
	secure_boot =
		user_mode && (!enable || (enable->data.size == 1 && enable->data.data[0] == 1));
	machine->secure_boot = secure_boot;
	return machine_variable_set(machine, &guid_global_variable, "SetupMode", volatile_variable,
				    bytes_of(&setup_mode, 1), err) < 0 ||
			       machine_variable_set(machine, &guid_global_variable, "SecureBoot",
						    volatile_variable, bytes_of(&secure_boot, 1),
						    err) < 0
		       ? -1
		       : 0;
}

/* In the order of Tcg2Dxe's table; a variable that is missing is measured without data, except dbt. */
static const struct policy_variable {
	const struct guid *guid;
	const char *name;
	bool if_present;
} policy_variables[] = {
	{&guid_global_variable,  "SecureBoot", false},
        { &guid_global_variable, "PK",         false},
	{ &guid_global_variable, "KEK",        false},
        { &guid_image_security,  "db",         false},
	{ &guid_image_security,  "dbx",        false},
        { &guid_image_security,  "dbt",        true },
};

static int measure_policy(struct boot *boot, struct error *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_variables); i++) {
		const struct policy_variable *row = &policy_variables[i];
		const struct machine_variable *variable =
			machine_variable(boot->machine, row->guid, row->name);
		struct measurement what = {
			.pcr = 7,
			.type = EV_EFI_VARIABLE_DRIVER_CONFIG,
			.component = row->name,
			.source = boot->machine->varstore_name,
			.over = machine_text(boot->machine, "the variable %s with its name",
					     row->name),
			.assumption = boot->assumption,
		};
		AUTO(buf_clear) struct buf over = BUF_INIT;

		if (!variable && row->if_present)
			continue;
		if (!boot->has_store) {
			what.over = machine_text(boot->machine, "%s: no variable store was given",
						 row->name);
			what.source = NULL;
			if (machine_measure_unknown(boot->machine, &what, err) < 0)
				return -1;
			continue;
		}
		guid_append_variable_data(&over, row->guid, row->name,
					  variable ? variable->data : bytes_of(NULL, 0));
		if (buf_finish(&over, err) < 0 ||
		    machine_measure(boot->machine, &what, buf_bytes(&over), err) < 0)
			return -1;
	}
	return 0;
}

static int measure_separator(struct boot *boot, uint32_t pcr, struct error *err)
{
	static const uint8_t zeros[4];

	return measure(boot, pcr, EV_SEPARATOR, NULL, "four bytes of zeros",
		       bytes_of(zeros, sizeof(zeros)), err);
}

/* --- tables: PCR 1 --------------------------------------------------------------------------- */

/* What QEMU hands over, in the order of its table loader's allocations. */
static const char *const acpi_blobs[] = { "etc/table-loader", "etc/acpi/rsdp", "etc/tpm/log",
					  "etc/acpi/tables" };

static int measure_acpi(struct boot *boot, struct error *err)
{
	const struct machine_facts *facts = &boot->machine->facts;

	if (!facts->has_acpi_blobs) {
		for (size_t i = 0; i < ARRAY_SIZE(acpi_blobs); i++)
			if (measure_unknown(boot, 1, EV_PLATFORM_CONFIG_FLAGS, NULL,
					    machine_text(boot->machine, "the machine's %s",
							 acpi_blobs[i]),
					    err) < 0)
				return -1;
		return 0;
	}
	for (size_t i = 0; i < facts->n_acpi_blobs; i++) {
		AUTO(file_freep) struct file *file = NULL;

		if (file_open(facts->acpi_blobs[i], &file, err) < 0 ||
		    measure(boot, 1, EV_PLATFORM_CONFIG_FLAGS, facts->acpi_blobs[i],
			    "the whole file", file_bytes(file), err) < 0)
			return -1;
	}
	return 0;
}

static int measure_tables(struct boot *boot, struct error *err)
{
	if (boot->state->has_firmware && boot->state->firmware.measures_acpi &&
	    measure_acpi(boot, err) < 0)
		return -1;
	if (boot->state->has_firmware && boot->state->firmware.measures_smbios)
		return measure_unknown(boot, 1, EV_EFI_HANDOFF_TABLES, NULL,
				       "the machine's SMBIOS tables", err);
	return 0;
}

/* --- boot variables: PCR 1 ------------------------------------------------------------------- */

static int measure_boot_variables(struct boot *boot, struct error *err)
{
	const struct boot_list *list = &boot->list;
	AUTO(buf_clear) struct buf order = BUF_INIT;
	char name[16];

	if (!boot->state->has_firmware)
		return measure_unknown(boot, 1, EV_EFI_VARIABLE_BOOT, NULL,
				       "BootOrder and its options: no firmware image was given",
				       err);
	for (size_t i = 0; i < list->n_entries; i++)
		buf_append_le16(&order, list->entries[i].number);
	if (buf_finish(&order, err) < 0)
		return -1;
	if (boot->assumed_order)
		assume(boot, boot->assumed_order);
	if (order.size > 0 &&
	    measure(boot, 1, EV_EFI_VARIABLE_BOOT, boot->machine->varstore_name,
		    "BootOrder as the boot manager makes it", buf_bytes(&order), err) < 0)
		return -1;
	for (size_t i = 0; i < list->n_entries; i++) {
		const struct boot_entry *entry = &list->entries[i];
		int status;

		if (entry->missing && entry->data.size == 0)
			continue;
		snprintf(name, sizeof(name), "Boot%04" PRIX16, entry->number);
		if (entry->unknown)
			status = measure_unknown(boot, 1, EV_EFI_VARIABLE_BOOT, NULL,
						 machine_text(boot->machine, "%s: %s", name,
							      entry->unknown),
						 err);
		else
			status =
				measure(boot, 1, EV_EFI_VARIABLE_BOOT, boot->machine->varstore_name,
					machine_text(boot->machine, "the data of %s", name),
					buf_bytes(&entry->data), err);
		if (status < 0)
			return -1;
	}
	boot->assumption = NULL;
	return 0;
}

/* The variables become what was measured. */
static int set_boot_variables(struct boot *boot, struct error *err)
{
	const uint32_t attributes =
		VARIABLE_NON_VOLATILE | VARIABLE_BOOTSERVICE_ACCESS | VARIABLE_RUNTIME_ACCESS;
	AUTO(buf_clear) struct buf order = BUF_INIT;
	char name[16];

	for (size_t i = 0; i < boot->list.n_entries; i++) {
		const struct boot_entry *entry = &boot->list.entries[i];

		buf_append_le16(&order, entry->number);
		snprintf(name, sizeof(name), "Boot%04" PRIX16, entry->number);
		if (entry->data.size > 0 &&
		    machine_variable_set(boot->machine, &guid_global_variable, name, attributes,
					 buf_bytes(&entry->data), err) < 0)
			return -1;
	}
	if (buf_finish(&order, err) < 0)
		return -1;
	return machine_variable_set(boot->machine, &guid_global_variable, "BootOrder", attributes,
				    buf_bytes(&order), err);
}

/* --- ready to boot --------------------------------------------------------------------------- */

static int measure_action(struct boot *boot, const char *text, struct error *err)
{
	const struct measurement what = { .pcr = 4,
					  .type = EV_EFI_ACTION,
					  .component = COMPONENT,
					  .over = "the action's text",
					  .encoding = TEXT_BYTES };

	return machine_measure_text(boot->machine, &what, bytes_of_string(text), err);
}

int boot_measure_attempt(struct boot *boot, struct error *err)
{
	if (boot->n_attempts++ > 0) {
		if (measure_action(boot, "Returning from EFI Application from Boot Option", err) <
		    0)
			return -1;
		return measure_action(boot, "Calling EFI Application from Boot Option", err);
	}
	if (measure_boot_variables(boot, err) < 0 ||
	    measure_action(boot, "Calling EFI Application from Boot Option", err) < 0)
		return -1;
	for (uint32_t pcr = 0; pcr <= 6; pcr++)
		if (measure_separator(boot, pcr, err) < 0)
			return -1;
	return 0;
}

static void boot_clear(struct boot *boot)
{
	boot_list_clear(&boot->list);
	if (boot->has_store)
		varstore_clear(&boot->store);
	free(boot->devices);
}

static int read_store(struct boot *boot, struct error *err)
{
	struct machine *machine = boot->machine;

	if (machine->varstore.size == 0)
		return 0;
	if (varstore_parse(machine->varstore, machine->varstore_name, &boot->store, err) < 0)
		return -1;
	boot->has_store = true;
	return 0;
}

int firmware_run(struct machine *machine, struct error *err)
{
	AUTO(boot_clear) struct boot boot = { .machine = machine };

	if (read_store(&boot, err) < 0 || boot_read_state(&boot, err) < 0 ||
	    set_variables(&boot, err) < 0 || measure_code(&boot, err) < 0 ||
	    measure_policy(&boot, err) < 0 || measure_separator(&boot, 7, err) < 0 ||
	    measure_tables(&boot, err) < 0 || boot_load_drivers(&boot, err) < 0 ||
	    boot_make_list(&boot, err) < 0 || set_boot_variables(&boot, err) < 0)
		return -1;
	return boot_try_options(&boot, err);
}
