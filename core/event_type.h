/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * event_type: the types of events in a firmware log, EV_*, and their names.
 *
 * Source: TCG PC Client Platform Firmware Profile (PFP) 1.05 r23, 10.4.1.
 */
#ifndef CORE_EVENT_TYPE_H
#define CORE_EVENT_TYPE_H

#include "core/bytes.h"

enum event_type {
	EV_PREBOOT_CERT = 0x0,
	EV_POST_CODE = 0x1,
	EV_UNUSED = 0x2,
	EV_NO_ACTION = 0x3,
	EV_SEPARATOR = 0x4,
	EV_ACTION = 0x5,
	EV_EVENT_TAG = 0x6,
	EV_S_CRTM_CONTENTS = 0x7,
	EV_S_CRTM_VERSION = 0x8,
	EV_CPU_MICROCODE = 0x9,
	EV_PLATFORM_CONFIG_FLAGS = 0xa,
	EV_TABLE_OF_DEVICES = 0xb,
	EV_COMPACT_HASH = 0xc,
	EV_IPL = 0xd,
	EV_IPL_PARTITION_DATA = 0xe,
	EV_NONHOST_CODE = 0xf,
	EV_NONHOST_CONFIG = 0x10,
	EV_NONHOST_INFO = 0x11,
	EV_OMIT_BOOT_DEVICE_EVENTS = 0x12,
	EV_POST_CODE2 = 0x13,
};

/* The types of UEFI do not fit an enum's int. */
#define EV_EFI_EVENT_BASE                UINT32_C(0x80000000)
#define EV_EFI_VARIABLE_DRIVER_CONFIG    UINT32_C(0x80000001)
#define EV_EFI_VARIABLE_BOOT             UINT32_C(0x80000002)
#define EV_EFI_BOOT_SERVICES_APPLICATION UINT32_C(0x80000003)
#define EV_EFI_BOOT_SERVICES_DRIVER      UINT32_C(0x80000004)
#define EV_EFI_RUNTIME_SERVICES_DRIVER   UINT32_C(0x80000005)
#define EV_EFI_GPT_EVENT                 UINT32_C(0x80000006)
#define EV_EFI_ACTION                    UINT32_C(0x80000007)
#define EV_EFI_PLATFORM_FIRMWARE_BLOB    UINT32_C(0x80000008)
#define EV_EFI_HANDOFF_TABLES            UINT32_C(0x80000009)
#define EV_EFI_PLATFORM_FIRMWARE_BLOB2   UINT32_C(0x8000000a)
#define EV_EFI_HANDOFF_TABLES2           UINT32_C(0x8000000b)
#define EV_EFI_VARIABLE_BOOT2            UINT32_C(0x8000000c)
#define EV_EFI_GPT_EVENT2                UINT32_C(0x8000000d)
#define EV_EFI_HCRTM_EVENT               UINT32_C(0x80000010)
#define EV_EFI_VARIABLE_AUTHORITY        UINT32_C(0x800000e0)
#define EV_EFI_SPDM_FIRMWARE_BLOB        UINT32_C(0x800000e1)
#define EV_EFI_SPDM_FIRMWARE_CONFIG      UINT32_C(0x800000e2)
#define EV_EFI_SPDM_DEVICE_POLICY        UINT32_C(0x800000e3)
#define EV_EFI_SPDM_DEVICE_AUTHORITY     UINT32_C(0x800000e4)

/* "EV_SEPARATOR"; NULL for a type nobody defined. */
const char *event_type_name(uint32_t type);

/* The other way round, in either case; also "0x80000123". False, and *out untouched, for no such name. */
bool event_type_of_name(struct bytes name, uint32_t *out);

/* The name, or "0x80000123" written to out, which has room for EVENT_TYPE_TEXT bytes. */
#define EVENT_TYPE_TEXT 40
const char *event_type_text(uint32_t type, char out[EVENT_TYPE_TEXT]);

#endif
