/* SPDX-License-Identifier: BSD-2-Clause */
/* Secure Boot's variables, and the boot menu's, by the rules of reference states. */
#include "audit/reference_internal.h"

static const struct efi_guid guid_global = {
	{0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b,
         0x8c}
};
static const struct efi_guid guid_security = {
	{0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65,
         0x6f}
};
static const struct efi_guid guid_shim = {
	{0x50, 0xab, 0x5d, 0x60, 0x46, 0xe0, 0x00, 0x43, 0xab, 0xb6, 0x3d, 0xd8, 0x10, 0xdd, 0x8b,
         0x23}
};

static bool is_variable(const struct event_variable *variable, const struct efi_guid *guid,
			const char *name)
{
	if (memcmp(&variable->guid, guid, sizeof(*guid)) != 0 ||
	    variable->name.size != 2 * strlen(name))
		return false;
	for (size_t i = 0; name[i]; i++)
		if (variable->name.data[2 * i] != (uint8_t)name[i] ||
		    variable->name.data[2 * i + 1])
			return false;
	return true;
}

/* BootOrder, or Boot and hexadecimal digits. */
static bool is_boot_variable(const struct event_variable *variable)
{
	static const char boot[] = "Boot";
	size_t n = variable->name.size / 2;

	if (is_variable(variable, &guid_global, "BootOrder"))
		return true;
	if (memcmp(&variable->guid, &guid_global, sizeof(guid_global)) != 0 || n < 5 ||
	    variable->name.size % 2)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = variable->name.data[2 * i];

		if (variable->name.data[2 * i + 1])
			return false;
		if (i < 4 ? c != (uint8_t)boot[i]
			  : !((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')))
			return false;
	}
	return true;
}

/* The same GUID, or with the bytes of its first fields turned round: tpm2-tools before 5.2 wrote those
 * so, and reference states made with it have them. */
static bool is_owner(const uint8_t owner[16], const struct efi_guid *guid)
{
	static const uint8_t turned[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
	bool same = memcmp(owner, guid->bytes, 16) == 0, other = true;

	for (size_t i = 0; i < 16; i++)
		other &= owner[i] == guid->bytes[turned[i]];
	return same || other;
}

static bool has_key(const struct state_keys *keys, const struct efi_signature *signature)
{
	for (size_t i = 0; i < keys->n; i++)
		if (bytes_equal(keys->items[i].data, signature->data) &&
		    is_owner(keys->items[i].owner, &signature->owner))
			return true;
	return false;
}

static bool is_of_type(const struct efi_signature *signature, const char *type)
{
	const char *name = efi_guid_name(&signature->type);

	return name && strcmp(name, type) == 0;
}

/* What is wrong with a list of keys that all must be known; NULL: nothing. */
static const char *keys_problem(const struct reference_fitter *f, enum state_list list,
				struct bytes data)
{
	struct efi_signature_cursor cursor = efi_signatures(data, 0, "");
	const struct state_keys *keys = &f->state->lists[list];
	struct efi_signature signature;
	struct error problem;
	size_t n = 0;
	int more;

	while ((more = efi_signature_next(&cursor, &signature, &problem)) > 0) {
		if (!is_of_type(&signature, "x509") &&
		    (list != STATE_DB || !is_of_type(&signature, "sha256")))
			return "it has an entry of a type that it should not have";
		if (!has_key(keys, &signature))
			return arena_printf(f->arena, "its entry %zu is none of the state's", n);
		n++;
	}
	return more < 0 ? "its lists are broken" : NULL;
}

/* The same of a dbx that must hold all of the state's. */
static const char *revoked_problem(const struct reference_fitter *f, struct bytes data)
{
	const struct state_keys *keys = &f->state->lists[STATE_DBX];
	size_t missing = 0;

	for (size_t i = 0; i < keys->n; i++) {
		struct efi_signature_cursor cursor = efi_signatures(data, 0, "");
		struct efi_signature signature;
		bool found = false;
		struct error problem;
		int more;

		while ((more = efi_signature_next(&cursor, &signature, &problem)) > 0)
			found |= bytes_equal(signature.data, keys->items[i].data) &&
				 is_owner(keys->items[i].owner, &signature.owner);
		if (more < 0)
			return "its lists are broken";
		missing += !found;
	}
	return missing ? arena_printf(f->arena, "it lacks %zu of the state's entries", missing)
		       : NULL;
}

static void fit_list(struct reference_fitter *f, enum state_list list,
		     const struct fit_event *found, const struct event_variable *variable)
{
	enum reference_subject subject = list == STATE_DBX ? REFERENCE_REVOKED : REFERENCE_KEYS;
	const char *name = state_list_name(list), *why;

	if (!reference_once(f, ONCE_PK + (unsigned)list, 1)) {
		reference_add_extra(f, found, "the variable was measured before");
		return;
	}
	if (!f->state->secure_boot && f->state->lists[list].n == 0) {
		reference_add_unseen(f, found,
				     "Secure Boot being off, and nothing in the state's list");
		return;
	}
	if (variable->data.size == 0)
		why = "it is empty";
	else if (list == STATE_DBX)
		why = revoked_problem(f, variable->data);
	else
		why = keys_problem(f, list, variable->data);
	reference_add(f, why ? REFERENCE_OTHER : REFERENCE_SAME, subject, name, why ? why : "",
		      NULL, found);
}

static void fit_secure_boot(struct reference_fitter *f, const struct fit_event *found,
			    struct bytes data)
{
	bool is_on = data.size == 1 && data.data[0] == 1;

	reference_add(f, is_on == f->state->secure_boot ? REFERENCE_SAME : REFERENCE_OTHER,
		      REFERENCE_SECURE_BOOT, "SecureBoot",
		      is_on == f->state->secure_boot ? ""
		      : is_on                        ? "Secure Boot is on, the state has it off"
						     : "Secure Boot is off, the state has it on",
		      NULL, found);
}

static void fit_authority(struct reference_fitter *f, const struct fit_event *found,
			  const struct event_variable *variable)
{
	static const struct {
		const struct efi_guid *guid;
		const char *name;
		unsigned rule;
	} authorities[] = {
		{&guid_security, "db",             ONCE_AUTHORITY_DB},
		{ &guid_shim,    "SbatLevel",      ONCE_SBAT_LEVEL  },
		{ &guid_shim,    "Shim",           ONCE_SHIM        },
		{ &guid_shim,    "MokListTrusted", ONCE_MOK_TRUSTED },
		{ &guid_shim,    "MokListRT",      ONCE_MOK_RT      },
	};

	for (size_t i = 0; i < ARRAY_SIZE(authorities); i++)
		if (is_variable(variable, authorities[i].guid, authorities[i].name)) {
			reference_add_once(f, authorities[i].rule, found, "the variable's name");
			return;
		}
	reference_add_extra(f, found, "an authority that the rules do not know");
}

/* A variable of PCR 7, whose digest must be over what the event has. */
int reference_fit_variable(struct reference_fitter *f, const struct fit_event *found,
			   struct error *err)
{
	static const struct {
		const struct efi_guid *guid;
		enum state_list list;
	} lists[] = {
		{&guid_global,    STATE_PK },
		{ &guid_global,   STATE_KEK},
		{ &guid_security, STATE_DB },
		{ &guid_security, STATE_DBX},
	};
	struct record record = reference_record(found);
	struct event_check check;
	struct event event;

	event_decode(&record, &event);
	if (event.kind != EVENT_VARIABLE) {
		reference_add_extra(f, found, "no variable");
		return 0;
	}
	if (event_check(&record, &event, f->hasher, &check, err) < 0)
		return -1;
	if (!found->has_digest || check.result != DATA_MATCH) {
		reference_add_extra(f, found, "its digest is not over the variable that it names");
		return 0;
	}
	if (found->type == EV_EFI_VARIABLE_AUTHORITY) {
		fit_authority(f, found, &event.variable);
		return 0;
	}
	if (is_variable(&event.variable, &guid_global, "SecureBoot")) {
		fit_secure_boot(f, found, event.variable.data);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (is_variable(&event.variable, lists[i].guid, state_list_name(lists[i].list))) {
			fit_list(f, lists[i].list, found, &event.variable);
			return 0;
		}
	reference_add_extra(f, found, "a variable that the rules do not know");
	return 0;
}

void reference_fit_boot_variable(struct reference_fitter *f, const struct fit_event *found)
{
	struct record record = reference_record(found);
	struct event event;

	event_decode(&record, &event);
	if (event.kind == EVENT_VARIABLE && is_boot_variable(&event.variable))
		reference_add_unseen(f, found, "the variable's name");
	else
		reference_add_extra(f, found, "a variable that is none of the boot menu's");
}
