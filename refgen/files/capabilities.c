/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sources: Linux include/uapi/linux/capability.h (struct vfs_cap_data and the
 * names), cap_to_text(3) for the text.
 */
#include "refgen/files/internal.h"

static const char *const names[] = {
	"cap_chown",
	"cap_dac_override",
	"cap_dac_read_search",
	"cap_fowner",
	"cap_fsetid",
	"cap_kill",
	"cap_setgid",
	"cap_setuid",
	"cap_setpcap",
	"cap_linux_immutable",
	"cap_net_bind_service",
	"cap_net_broadcast",
	"cap_net_admin",
	"cap_net_raw",
	"cap_ipc_lock",
	"cap_ipc_owner",
	"cap_sys_module",
	"cap_sys_rawio",
	"cap_sys_chroot",
	"cap_sys_ptrace",
	"cap_sys_pacct",
	"cap_sys_admin",
	"cap_sys_boot",
	"cap_sys_nice",
	"cap_sys_resource",
	"cap_sys_time",
	"cap_sys_tty_config",
	"cap_mknod",
	"cap_lease",
	"cap_audit_write",
	"cap_audit_control",
	"cap_setfcap",
	"cap_mac_override",
	"cap_mac_admin",
	"cap_syslog",
	"cap_wake_alarm",
	"cap_block_suspend",
	"cap_audit_read",
	"cap_perfmon",
	"cap_bpf",
	"cap_checkpoint_restore",
};

/* A capability's place in the three sets of a file. */
enum { PERMITTED = 1, INHERITABLE = 2, EFFECTIVE = 4, SETS = 8 };

static const char *const set_letters[SETS] = {
	[PERMITTED] = "p",
	[INHERITABLE] = "i",
	[PERMITTED | INHERITABLE] = "ip",
	[PERMITTED | EFFECTIVE] = "ep",
	[INHERITABLE | EFFECTIVE] = "ei",
	[PERMITTED | INHERITABLE | EFFECTIVE] = "eip",
};

static unsigned sets_of(uint64_t permitted, uint64_t inheritable, bool effective, unsigned cap)
{
	unsigned sets = 0;

	if (permitted >> cap & 1)
		sets |= PERMITTED;
	if (inheritable >> cap & 1)
		sets |= INHERITABLE;
	return sets && effective ? sets | EFFECTIVE : sets;
}

void capabilities_append(struct buf *out, struct bytes xattr)
{
	struct reader in = reader_of(xattr, 0, NULL);
	uint32_t magic = reader_le32(&in);
	unsigned revision = magic >> 24;
	uint64_t permitted = reader_le32(&in), inheritable = reader_le32(&in);
	bool any = false;

	if (revision >= 2) {
		permitted |= (uint64_t)reader_le32(&in) << 32;
		inheritable |= (uint64_t)reader_le32(&in) << 32;
	}
	if (revision >= 3)
		reader_skip(&in, 4); /* the user namespace's root */
	if (in.ran_out || reader_left(&in) || revision < 1 || revision > 3)
		return;
	for (unsigned sets = 1; sets < SETS; sets++) {
		bool first = true;

		for (unsigned cap = 0; cap < 64; cap++) {
			if (sets_of(permitted, inheritable, magic & 1, cap) != sets)
				continue;
			buf_append_string(out, !first ? "," : any ? " " : "");
			if (cap < ARRAY_SIZE(names))
				buf_append_string(out, names[cap]);
			else
				buf_printf(out, "%u", cap);
			first = false;
		}
		if (first)
			continue;
		buf_append_string(out, "=");
		buf_append_string(out, set_letters[sets]);
		any = true;
	}
}
