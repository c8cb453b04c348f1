/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/event_type.h"

#include <inttypes.h>
#include <stdio.h>
#include <strings.h>

#include "core/own.h"

static const struct type_name {
	uint32_t type;
	const char *name;
} type_names[] = {
	{EV_PREBOOT_CERT,                   "EV_PREBOOT_CERT"                 },
	{ EV_POST_CODE,                     "EV_POST_CODE"                    },
	{ EV_UNUSED,			"EV_UNUSED"                       },
	{ EV_NO_ACTION,                     "EV_NO_ACTION"                    },
	{ EV_SEPARATOR,                     "EV_SEPARATOR"                    },
	{ EV_ACTION,			"EV_ACTION"                       },
	{ EV_EVENT_TAG,                     "EV_EVENT_TAG"                    },
	{ EV_S_CRTM_CONTENTS,               "EV_S_CRTM_CONTENTS"              },
	{ EV_S_CRTM_VERSION,                "EV_S_CRTM_VERSION"               },
	{ EV_CPU_MICROCODE,                 "EV_CPU_MICROCODE"                },
	{ EV_PLATFORM_CONFIG_FLAGS,         "EV_PLATFORM_CONFIG_FLAGS"        },
	{ EV_TABLE_OF_DEVICES,              "EV_TABLE_OF_DEVICES"             },
	{ EV_COMPACT_HASH,                  "EV_COMPACT_HASH"                 },
	{ EV_IPL,			   "EV_IPL"                          },
	{ EV_IPL_PARTITION_DATA,            "EV_IPL_PARTITION_DATA"           },
	{ EV_NONHOST_CODE,                  "EV_NONHOST_CODE"                 },
	{ EV_NONHOST_CONFIG,                "EV_NONHOST_CONFIG"               },
	{ EV_NONHOST_INFO,                  "EV_NONHOST_INFO"                 },
	{ EV_OMIT_BOOT_DEVICE_EVENTS,       "EV_OMIT_BOOT_DEVICE_EVENTS"      },
	{ EV_POST_CODE2,                    "EV_POST_CODE2"                   },
	{ EV_EFI_EVENT_BASE,                "EV_EFI_EVENT_BASE"               },
	{ EV_EFI_VARIABLE_DRIVER_CONFIG,    "EV_EFI_VARIABLE_DRIVER_CONFIG"   },
	{ EV_EFI_VARIABLE_BOOT,             "EV_EFI_VARIABLE_BOOT"            },
	{ EV_EFI_BOOT_SERVICES_APPLICATION, "EV_EFI_BOOT_SERVICES_APPLICATION"},
	{ EV_EFI_BOOT_SERVICES_DRIVER,      "EV_EFI_BOOT_SERVICES_DRIVER"     },
	{ EV_EFI_RUNTIME_SERVICES_DRIVER,   "EV_EFI_RUNTIME_SERVICES_DRIVER"  },
	{ EV_EFI_GPT_EVENT,                 "EV_EFI_GPT_EVENT"                },
	{ EV_EFI_ACTION,                    "EV_EFI_ACTION"                   },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB,    "EV_EFI_PLATFORM_FIRMWARE_BLOB"   },
	{ EV_EFI_HANDOFF_TABLES,            "EV_EFI_HANDOFF_TABLES"           },
	{ EV_EFI_PLATFORM_FIRMWARE_BLOB2,   "EV_EFI_PLATFORM_FIRMWARE_BLOB2"  },
	{ EV_EFI_HANDOFF_TABLES2,           "EV_EFI_HANDOFF_TABLES2"          },
	{ EV_EFI_VARIABLE_BOOT2,            "EV_EFI_VARIABLE_BOOT2"           },
	{ EV_EFI_GPT_EVENT2,                "EV_EFI_GPT_EVENT2"               },
	{ EV_EFI_HCRTM_EVENT,               "EV_EFI_HCRTM_EVENT"              },
	{ EV_EFI_VARIABLE_AUTHORITY,        "EV_EFI_VARIABLE_AUTHORITY"       },
	{ EV_EFI_SPDM_FIRMWARE_BLOB,        "EV_EFI_SPDM_FIRMWARE_BLOB"       },
	{ EV_EFI_SPDM_FIRMWARE_CONFIG,      "EV_EFI_SPDM_FIRMWARE_CONFIG"     },
	{ EV_EFI_SPDM_DEVICE_POLICY,        "EV_EFI_SPDM_DEVICE_POLICY"       },
	{ EV_EFI_SPDM_DEVICE_AUTHORITY,     "EV_EFI_SPDM_DEVICE_AUTHORITY"    },
};

const char *event_type_name(uint32_t type)
{
	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (type_names[i].type == type)
			return type_names[i].name;
	return NULL;
}

bool event_type_of_name(struct bytes name, uint32_t *out)
{
	uint8_t number[4];

	for (size_t i = 0; i < ARRAY_SIZE(type_names); i++)
		if (name.size == strlen(type_names[i].name) &&
		    strncasecmp((const char *)name.data, type_names[i].name, name.size) == 0) {
			*out = type_names[i].type;
			return true;
		}
	if (!bytes_start_with(name, bytes_of_string("0x")) ||
	    hex_parse(bytes_of(name.data + 2, name.size - 2), number, sizeof(number)) != 4)
		return false;
	*out = (uint32_t)number[0] << 24 | (uint32_t)number[1] << 16 | (uint32_t)number[2] << 8 |
	       number[3];
	return true;
}

const char *event_type_text(uint32_t type, char out[EVENT_TYPE_TEXT])
{
	const char *name = event_type_name(type);

	if (name)
		return name;
	snprintf(out, EVENT_TYPE_TEXT, "0x%08" PRIx32, type);
	return out;
}
