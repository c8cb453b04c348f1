/* SPDX-License-Identifier: BSD-2-Clause */
#include "replay/eventlog/eventlog.h"

#include "tests/unit/replay/eventlog/make_log.h"

/* GUIDs as they lie in a structure. */
#define GLOBAL    "61dfe48bca93d211aa0d00e098032b8c" /* EFI_GLOBAL_VARIABLE */
#define SECURITY  "cbb219d73a3d9645a3bcdad00e67656f" /* EFI_IMAGE_SECURITY_DATABASE */
#define SHA256_T  "2616c4c14c509240aca941f936934328" /* EFI_CERT_SHA256_GUID */
#define X509_T    "a159c0a5e494a74a87b5ab155c2bf072" /* EFI_CERT_X509_GUID */
#define MICROSOFT "bd9afa775903324dbd6028f4e78f784b"
#define ESP       "28732ac11ff8d211ba4b00a0c93ec93b"
#define Z16       "00000000000000000000000000000000"
#define Z32       Z16 Z16

/* UTF-16LE */
#define U_DB          "64006200"
#define U_PK          "50004b00"
#define U_SECURE_BOOT "53006500630075007200650042006f006f007400"
#define U_BOOT_ORDER  "42006f006f0074004f007200640065007200"
#define U_BOOT0001    "42006f006f0074003000300030003100"
#define U_A           "61000000"

/* PciRoot(0x0)/Pci(0x1F,0x2), without an end */
#define PATH_PCI                                                                                   \
	"02010c00d041030a00000000"                                                                 \
	"01010600021f"
#define PATH_END "7fff0400"
/* \a.efi, with its NUL */
#define PATH_FILE                                                                                  \
	"040412005c0061002e00650066006900"                                                         \
	"0000"

static const struct decode_case {
	const char *name;
	uint32_t type, pcr;
	const char *hex; /* of the event's data */
	enum event_kind kind;
	const char *described;
} decode_cases[] = {
  /* Nothing and anything */
	{"no data",			       EV_EFI_ACTION,                    4,  "",					      EVENT_EMPTY,     "no data"								      },
	{ "unknown type",                         0x8000beef,                       0,  "000102",                                        EVENT_RAW,       "000102"								       },
	{ "unknown type with text",               0x8000beef,                       0,  "68690a",                                        EVENT_TEXT,      "hi\\x0a"                                                                      },
	{ "long bytes",			   EV_COMPACT_HASH,                  6,  Z32 "ff",                                        EVENT_RAW,
         "0000000000000000000000000000000000000000000000000000000000000000... (33 bytes)"																		},

 /* Texts */
	{ "action",			       EV_EFI_ACTION,                    5,  "45786974",                                      EVENT_TEXT,      "Exit"									 },
	{ "action with a NUL",                    EV_ACTION,                        5,  "4578697400",                                    EVENT_TEXT,      "Exit"                                                                         },
	{ "escape sequence in a text",            EV_ACTION,                        5,  "411b5b324a",                                    EVENT_RAW,       "411b5b324a"                                                                   },
	{ "backslash in a text",                  EV_ACTION,                        5,  "415c",                                          EVENT_TEXT,      "A\\\\"                                                                        },
	{ "version in utf-16",                    EV_S_CRTM_VERSION,                0,  "31002e0032000000",                              EVENT_TEXT,      "1.2"                                                                          },
	{ "empty version in utf-16",              EV_S_CRTM_VERSION,                0,  "0000",                                          EVENT_TEXT,      "empty text"                                                                   },
	{ "version that is a GUID",               EV_S_CRTM_VERSION,                0,  "1efb6b540c1d0540a4ad4ef4bf17b83a",
         EVENT_GUID,																      "546bfb1e-1d0c-4005-a4ad-4ef4bf17b83a"                                         },
	{ "post code",			    EV_POST_CODE,                     0,  "504f535420434f4445",                            EVENT_TEXT,      "POST CODE"                                                                    },
	{ "post code that is a blob",             EV_POST_CODE,                     0,  "0000f4ff00000000 0000060000000000",
         EVENT_BLOB,																      "393216 bytes at 0xfff40000"						   },
	{ "microcode",			    EV_CPU_MICROCODE,                 1,  "4d6963726f",                                    EVENT_TEXT,      "Micro"                                                                        },
	{ "boot device events omitted",           EV_OMIT_BOOT_DEVICE_EVENTS,       4,  "424f4f54",                                      EVENT_TEXT,
         "BOOT"																											  },

 /* Boot loaders */
	{ "grub command",                         EV_IPL,                           8,  "677275625f636d643a206c7300",                    EVENT_TEXT,      "grub_cmd: ls"                                                                 },
	{ "grub command, stray byte",             EV_IPL,                           8,  "677275625f636d64206c730060",                    EVENT_TEXT,
         "grub_cmd ls"																										   },
	{ "grub command that is no text",         EV_IPL,                           8,  "677275625f636d643a20ff00ff",                    EVENT_RAW,
         "677275625f636d643a20ff00ff"																								    },
	{ "kernel command line",                  EV_IPL,                           8,  "6b65726e656c5f636d646c696e653a202f7620726f00",
         EVENT_TEXT,																      "kernel_cmdline: /v ro"							},
	{ "grub file",			    EV_IPL,                           9,  "2f626f6f742f7600",                              EVENT_TEXT,      "/boot/v"                                                                      },
	{ "text with a stray byte",               EV_IPL,                           9,  "6b65726e656c00aa",                              EVENT_TEXT,      "kernel"                                                                       },
	{ "MokList",			      EV_IPL,                           14, "4d6f6b4c69737400",                              EVENT_TEXT,      "MokList"                                                                      },
	{ "systemd command line",                 EV_IPL,                           12, "720077000000",                                  EVENT_TEXT,      "rw"                                                                           },
	{ "UKI section",			  EV_IPL,                           11, "2e006f0073000000",                              EVENT_TEXT,      ".os"                                                                          },
	{ "initrd archive",                       EV_IPL,                           12, "78002000 69006e0069007400720064000000",         EVENT_TEXT,
         "x initrd"																										      },

 /* Separators */
	{ "separator",			    EV_SEPARATOR,                     7,  "00000000",                                      EVENT_SEPARATOR, "00000000"                                                                     },
	{ "separator of ones",                    EV_SEPARATOR,                     7,  "ffffffff",                                      EVENT_SEPARATOR, "ffffffff"                                                                     },
	{ "error separator",                      EV_SEPARATOR,                     7,  "01000000",                                      EVENT_SEPARATOR, "error"                                                                        },
	{ "error separator with text",            EV_SEPARATOR,                     7,  "01000000 62616400",                             EVENT_SEPARATOR,
         "error: bad"																										    },
	{ "separator of Windows",                 EV_SEPARATOR,                     12, "5742434c",                                      EVENT_SEPARATOR,
         "5742434c \"WBCL\""																									     },
	{ "separator too short",                  EV_SEPARATOR,                     7,  "000000",                                        EVENT_RAW,
         "000000 (a separator of less than four bytes, at 0x100)"																					},

 /* Variables */
	{ "SecureBoot",			   EV_EFI_VARIABLE_DRIVER_CONFIG,    7,
         GLOBAL "0a00000000000000 0100000000000000" U_SECURE_BOOT "01",                                                                  EVENT_VARIABLE,
         "SecureBoot = 1"																										},
	{ "PK that is not set",                   EV_EFI_VARIABLE_DRIVER_CONFIG,    7,
         GLOBAL "0200000000000000 0000000000000000" U_PK,										EVENT_VARIABLE,  "PK is not set"                                                                },
	{ "db of one digest",                     EV_EFI_VARIABLE_DRIVER_CONFIG,    7,
         SECURITY "0200000000000000 4c00000000000000" U_DB SHA256_T
		   "4c000000 00000000 30000000" MICROSOFT Z32,
         EVENT_VARIABLE,																  "db: 1 digest"								 },
	{ "db of a broken list",                  EV_EFI_VARIABLE_DRIVER_CONFIG,    7,
         SECURITY "0200000000000000 4c00000000000000" U_DB SHA256_T
		   "4d000000 00000000 30000000" MICROSOFT Z32,
         EVENT_VARIABLE,																  "db: broken signature lists"                                                   },
	{ "db of no certificate",                 EV_EFI_VARIABLE_DRIVER_CONFIG,    7,
         SECURITY "0200000000000000 2e00000000000000" U_DB X509_T
		   "2e000000 00000000 12000000" MICROSOFT "3000",
         EVENT_VARIABLE,																  "db: an unreadable certificate of 2 bytes"                                     },
	{ "db authority that is a digest",        EV_EFI_VARIABLE_AUTHORITY,        7,
         SECURITY "0200000000000000 1200000000000000" U_DB MICROSOFT "abcd",                                                             EVENT_VARIABLE,
         "db: abcd, owner Microsoft"																								     },
	{ "BootOrder",			    EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0900000000000000 0400000000000000" U_BOOT_ORDER "0100ff0a",                                                             EVENT_VARIABLE,
         "BootOrder: 0001,0AFF"																									  },
	{ "Boot0001",			     EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0800000000000000 2200000000000000" U_BOOT0001
		 "01000000 1600" U_A PATH_PCI PATH_END "0102",
         EVENT_VARIABLE,																  "Boot0001: \"a\" PciRoot(0x0)/Pci(0x1F,0x2), 2 bytes of load options"          },
	{ "Boot0001 not active, without a path",  EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0800000000000000 0e00000000000000" U_BOOT0001 "00000000 0400" U_A PATH_END,
         EVENT_VARIABLE,																  "Boot0001: \"a\", not active"                                                  },
	{ "Boot0001 without a NUL",               EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0800000000000000 0800000000000000" U_BOOT0001 "00000000 0400 6100",
         EVENT_VARIABLE,																  "Boot0001: 0000000004006100"                                                   },
	{ "unknown variable",                     EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0100000000000000 0200000000000000 7800 beef",									   EVENT_VARIABLE,  "x = beef"                                                                     },
	{ "variable data cut short",              EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0100000000000000 0300000000000000 7800 beef",									   EVENT_VARIABLE,
         "x = beef (a variable's data is longer than the event, at 0x122)"																			       },
	{ "bytes after a variable",               EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0100000000000000 0100000000000000 7800 beef",									   EVENT_VARIABLE,
         "x = be (bytes after a variable's data, at 0x123)"																					      },
	{ "variable name too long",               EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0200000000000000 0000000000000000 7800",										EVENT_RAW,
         "61dfe48bca93d211aa0d00e098032b8c02000000000000000000000000000000... (34 bytes) (a "
	  "variable's name is longer than the event, at 0x110)"																					  },
	{ "variable name length that wraps",      EV_EFI_VARIABLE_BOOT,             1,
         GLOBAL "0100000000000080 0000000000000000 7800",										EVENT_RAW,
         "61dfe48bca93d211aa0d00e098032b8c01000000000000800000000000000000... (34 bytes) (a "
	  "variable's name is longer than the event, at 0x110)"																					  },
	{ "variable cut short",                   EV_EFI_VARIABLE_BOOT,             1,  GLOBAL "00000000",                               EVENT_RAW,
         "61dfe48bca93d211aa0d00e098032b8c00000000 (shorter than the header of a variable, at "
	  "0x114)"																										       },

 /* Images */
	{ "image",				EV_EFI_BOOT_SERVICES_APPLICATION, 4,
         "0010000000000000 0020000000000000 0000000000000000 2800000000000000" PATH_PCI PATH_FILE
		  PATH_END,													      EVENT_IMAGE,     "PciRoot(0x0)/Pci(0x1F,0x2)/\\\\a.efi"                                         },
	{ "image without a path",                 EV_EFI_BOOT_SERVICES_DRIVER,      4,
         "0010000000000000 0020000000000000 0000000000000000 0000000000000000",                                                          EVENT_IMAGE,
         "an image without a path, 8192 bytes at 0x1000"																						 },
	{ "image path too long",                  EV_EFI_BOOT_SERVICES_APPLICATION, 4,
         "0010000000000000 0020000000000000 0000000000000000 ffffffffffffffff" PATH_PCI,
         EVENT_IMAGE,																     "PciRoot(0x0)/Pci(0x1F,0x2) (a device path is longer than the event, at 0x118)"},
	{ "image cut short",                      EV_EFI_RUNTIME_SERVICES_DRIVER,   4,  "00100000",                                      EVENT_RAW,
         "00100000 (shorter than the header of an image load event, at 0x104)"																			   },

 /* Partition tables */
	{ "gpt",				  EV_EFI_GPT_EVENT,                 5,
         "4546492050415254 00000100 5c000000 00000000 00000000 0100000000000000 ff00000000000000"
	  "2200000000000000 de00000000000000 000102030405060708090a0b0c0d0e0f 0200000000000000"
	  "80000000 80000000 00000000 0100000000000000" ESP Z16 "2800000000000000 5000000000000000"
	  "0000000000000000 61000000" Z32 Z32 "00000000",
         EVENT_GPT,																       "disk 03020100-0504-0706-0809-0a0b0c0d0e0f, 1 partition: EFI system partition" },
	{ "gpt with more entries than there are", EV_EFI_GPT_EVENT2,                5,
         "4546492050415254 00000100 5c000000 00000000 00000000 0100000000000000 ff00000000000000"
	  "2200000000000000 de00000000000000 000102030405060708090a0b0c0d0e0f 0200000000000000"
	  "80000000 80000000 00000000 ffffffffffffffff",										 EVENT_GPT,
         "disk 03020100-0504-0706-0809-0a0b0c0d0e0f, 0 partitions (more GPT entries than the "
	  "event "
	  "holds, at 0x15c)"																									     },
	{ "gpt with entries of no size",          EV_EFI_GPT_EVENT,                 5,
         "4546492050415254 00000100 5c000000 00000000 00000000 0100000000000000 ff00000000000000"
	  "2200000000000000 de00000000000000 000102030405060708090a0b0c0d0e0f 0200000000000000"
	  "80000000 00000000 00000000 0100000000000000",										 EVENT_RAW,
         "4546492050415254000001005c00000000000000000000000100000000000000... (100 bytes) (GPT "
	  "entries smaller than 128 bytes, at 0x154)"																						    },
	{ "no gpt",			       EV_EFI_GPT_EVENT,                 5,  Z16,                                             EVENT_RAW,       Z16 " (no GPT header, at 0x100)"                                               },

 /* Firmware and tables */
	{ "blob",				 EV_EFI_PLATFORM_FIRMWARE_BLOB,    0,  "0000820000000000 00000e0000000000",             EVENT_BLOB,
         "917504 bytes at 0x820000"																								      },
	{ "blob with a description",              EV_EFI_PLATFORM_FIRMWARE_BLOB2,   0,
         "03 466f6f 0000820000000000 00000e0000000000",										  EVENT_BLOB,
         "Foo, 917504 bytes at 0x820000"																								 },
	{ "blob with a description, cut short",   EV_EFI_PLATFORM_FIRMWARE_BLOB2,   0,  "ff 466f6f",
         EVENT_RAW,																       "ff466f6f (shorter than a firmware blob with a description, at 0x101)"         },
	{ "tables",			       EV_EFI_HANDOFF_TABLES,            1,
         "0100000000000000 312d9deb882dd3119a160090273fc14d 0010000000000000",                                                           EVENT_TABLES,
         "SMBIOS at 0x1000"																									      },
	{ "tables with a description",            EV_EFI_HANDOFF_TABLES2,           1,
         "02 4142 0100000000000000 312d9deb882dd3119a160090273fc14d 0010000000000000",						   EVENT_TABLES,    "AB: SMBIOS at 0x1000"							 },
	{ "no tables",			    EV_EFI_HANDOFF_TABLES,            1,  "0000000000000000",                              EVENT_TABLES,    "no tables"                                                                    },
	{ "more tables than there are",           EV_EFI_HANDOFF_TABLES,            1,  "0100000000000000 3132",
         EVENT_RAW,																       "01000000000000003132 (more tables than the event holds, at 0x100)"            },

 /* Tagged events */
	{ "Linux initrd",                         EV_EVENT_TAG,                     9,  "ec223b8f 0d000000 4c696e757820696e6974726400",
         EVENT_TAGGED,																    "tag 0x8f3b22ec, Linux initrd: Linux initrd"                                   },
	{ "loader.conf",			  EV_EVENT_TAG,                     5,  "2a58bcf5 06000000 610062000000",                EVENT_TAGGED,
         "tag 0xf5bc582a, systemd loader.conf: ab"																						       },
	{ "unknown tag",			  EV_EVENT_TAG,                     5,  "01000000 02000000 ff00",                        EVENT_TAGGED,
         "tag 0x00000001: ff00"																									  },
	{ "tag of another size",                  EV_EVENT_TAG,                     5,  "01000000 03000000 ff00",                        EVENT_RAW,
         "0100000003000000ff00 (no tagged event: its size is not that of the data, at 0x100)"																	    },
	{ "text instead of a tag",                EV_EVENT_TAG,                     5,  "68656c6c6f",                                    EVENT_TEXT,      "hello"                                                                        },

 /* EV_NO_ACTION */
	{ "startup locality",                     EV_NO_ACTION,                     0,  "537461727475704c6f63616c69747900 03",
         EVENT_LOCALITY,																  "startup locality 3"							   },
	{ "SP800-155",			    EV_NO_ACTION,                     0,  "53503830302d3135352045766e6e7400",              EVENT_TEXT,
         "SP800-155 Evnnt"																									       },
	{ "SP800-155 event 1",                    EV_NO_ACTION,                     0,  "53503830302d313535204576656e7400 792b0000" Z16,
         EVENT_SP800_155,																 "reference manifest 00000000-0000-0000-0000-000000000000 of vendor 11129"      },
	{ "SP800-155 event 2",                    EV_NO_ACTION,                     0,
         "53503830302d313535204576656e7432 792b0000" Z16
	  "03414200 02424300 00 00 00000000 02312e00",										   EVENT_SP800_155, NULL									   },
	{ "SP800-155 event 3, cut short",         EV_NO_ACTION,                     0,
         "53503830302d313535204576656e7433 792b0000",										    EVENT_RAW,
         "53503830302d313535204576656e7433792b0000 (cut short inside an SP800-155 event, at "
	  "0x114)"																										       },
	{ "H-CRTM",			       EV_EFI_HCRTM_EVENT,               0,  "484352544d",                                    EVENT_HCRTM,     "HCRTM"                                                                        },
	{ "H-CRTM component",                     EV_NO_ACTION,                     0,  "482d4352544d20436f6d704d65617300 02 4142 0000",
         EVENT_HCRTM,																     "H-CRTM component AB"							  },
	{ "NV index",			     EV_NO_ACTION,                     0,  "4e76496e646578496e7374616e636500 00",           EVENT_NV_INDEX,
         "NvIndexInstance"																									       },
	{ "a further Spec ID",                    EV_NO_ACTION,                     0,  "53706563204944204576656e74303300 00",
         EVENT_SPEC_ID,																   "Spec ID Event03"							      },
};

static struct record record_of(uint32_t type, uint32_t pcr, struct bytes data)
{
	return (struct record){
		.type = type, .pcr = pcr, .data = data, .offset = 0x80, .data_offset = 0x100
	};
}

static void decode(void **state)
{
	const struct decode_case *row = *state;
	AUTO(buf_clear) struct buf described = BUF_INIT;
	AUTO(buf_clear) struct buf text = BUF_INIT;
	struct bytes data = test_hex(row->hex);
	struct record record = record_of(row->type, row->pcr, data);
	struct json json = json_to_buf(&text);
	struct event event;

	event_decode(&record, &event);
	assert_int_equal(event.kind, row->kind);
	event_describe(&record, &event, &described);
	assert_int_equal(buf_finish(&described, NULL), 0);
	if (row->described)
		assert_string_equal((char *)described.data, row->described);
	json_object_begin(&json, NULL);
	event_write_json(&record, &event, &json);
	json_object_end(&json);
	assert_int_equal(json_finish(&json, NULL), 0);
	test_drop(data);
}

/* --- structures for other code --------------------------------------------------------------------- */

static const struct cmdline_case {
	const char *name;
	uint32_t pcr;
	const char *hex, *cmdline; /* NULL: none */
} cmdline_cases[] = {
	{"grub",          8,  "6b65726e656c5f636d646c696e653a202f7620726f00", "/v ro"},
	{ "systemd",      12, "720077000000",                                 "rw"   },
	{ "grub command", 8,  "677275625f636d643a206c7300",                   NULL   },
	{ "file",         9,  "2f7600",				       NULL   },
	{ "section",      11, "2e006f0073000000",                             NULL   },
	{ "no text",      8,  "ff",					   NULL   },
};

static void cmdline(void **state)
{
	const struct cmdline_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes data = test_hex(row->hex);
	struct record record = record_of(EV_IPL, row->pcr, data);
	struct event event;

	event_decode(&record, &event);
	assert_int_equal(event_kernel_cmdline(&event, &out), row->cmdline != NULL);
	if (row->cmdline)
		test_bytes(buf_bytes(&out), bytes_of_string(row->cmdline));
	else
		assert_int_equal(out.size, 0);
	test_drop(data);
}

static void image_file(void **state)
{
	struct bytes data = test_hex(
		"0010000000000000 0020000000000000 0000000000000000 2800000000000000" PATH_PCI
			PATH_FILE PATH_END);
	struct record record = record_of(EV_EFI_BOOT_SERVICES_APPLICATION, 4, data);
	struct event event;

	(void)state;
	event_decode(&record, &event);
	assert_int_equal(event.image.address, 0x1000);
	assert_int_equal(event.image.size, 0x2000);
	test_bytes_hex(event.image.file, "5c0061002e00650066006900");
	test_drop(data);
}

static void signatures(void **state)
{
	/* Two lists: one of two digests, one, with a header, of one. */
	struct bytes data = test_hex(
		SHA256_T "7c000000 00000000 30000000" MICROSOFT Z32 Z16
			 "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff" SHA256_T
			 "50000000 04000000 30000000 aabbccdd" MICROSOFT Z32);
	struct efi_signature_cursor cursor = efi_signatures(data, 0x200, "db");
	struct efi_signature signature;
	struct error err = { 0 };

	(void)state;
	assert_int_equal(efi_signature_next(&cursor, &signature, &err), 1);
	assert_string_equal(efi_guid_name(&signature.type), "sha256");
	assert_string_equal(efi_guid_name(&signature.owner), "Microsoft");
	assert_int_equal(signature.data.size, 32);
	assert_int_equal(signature.data_offset, 0x200 + 28 + 16);
	assert_int_equal(efi_signature_next(&cursor, &signature, &err), 1);
	assert_null(efi_guid_name(&signature.owner));
	assert_int_equal(signature.data.data[0], 0xff);
	assert_int_equal(efi_signature_next(&cursor, &signature, &err), 1);
	assert_int_equal(signature.data_offset, 0x200 + 0x7c + 28 + 4 + 16);
	assert_int_equal(efi_signature_next(&cursor, &signature, &err), 0);
	test_drop(data);
}

static const struct bad_list {
	const char *name, *hex;
	enum error_code code;
	uint64_t offset;
} bad_lists[] = {
	{"header cut short",             SHA256_T "7c000000 0000",                            ERROR_TRUNCATED, 0x214},
	{ "smaller than its header",     SHA256_T "1b000000 00000000 30000000",               ERROR_MALFORMED,
         0x200												      },
	{ "longer than the data",        SHA256_T "4c000000 00000000 30000000" MICROSOFT,     ERROR_MALFORMED,
         0x200												      },
	{ "header longer than the list", SHA256_T "4c000000 31000000 30000000" MICROSOFT Z32,
         ERROR_MALFORMED,										      0x200},
	{ "signatures of no size",       SHA256_T "4c000000 00000000 00000000" MICROSOFT Z32,
         ERROR_MALFORMED,										      0x200},
	{ "signatures without data",     SHA256_T "4c000000 00000000 10000000" MICROSOFT Z32,
         ERROR_MALFORMED,										      0x200},
	{ "half a signature",            SHA256_T "4b000000 00000000 30000000" MICROSOFT Z32, ERROR_MALFORMED,
         0x200												      },
};

static void bad_list(void **state)
{
	const struct bad_list *row = *state;
	struct bytes data = test_hex(row->hex);
	struct efi_signature_cursor cursor = efi_signatures(data, 0x200, "db");
	struct efi_signature signature;
	struct error err = { 0 };

	assert_int_equal(efi_signature_next(&cursor, &signature, &err), -1);
	test_error(&err, row->code, row->offset);
	test_drop(data);
}

static void guids(void **state)
{
	struct bytes bytes = test_hex(GLOBAL);
	struct efi_guid guid;
	char text[EFI_GUID_TEXT];

	(void)state;
	memcpy(guid.bytes, bytes.data, sizeof(guid.bytes));
	assert_string_equal(efi_guid_text(&guid, text), "8be4df61-93ca-11d2-aa0d-00e098032b8c");
	assert_string_equal(efi_guid_name(&guid), "EFI_GLOBAL_VARIABLE");
	test_drop(bytes);
}

/* --- device paths (the texts of UEFI 10.6.1.6) ------------------------------------------------------- */

static const struct path_case {
	const char *name, *hex, *text;
} path_cases[] = {
	{"empty",			"",									   ""					    },
	{ "end",			 PATH_END,								     ""					    },
	{ "pci",			 PATH_PCI PATH_END,							    "PciRoot(0x0)/Pci(0x1F,0x2)"                  },
	{ "without an end",              PATH_PCI,								     "PciRoot(0x0)/Pci(0x1F,0x2)"                  },
	{ "two instances",
         "01010600021f"
	  "7f010400"
	  "010106000102" PATH_END,
         "Pci(0x1F,0x2),Pci(0x2,0x1)"																},
	{ "what follows the end",        PATH_END "01010600021f",                                                      ""                                            },
	{ "memory mapped",               "01031800 0b000000 0000820000000000 ffff8f0000000000" PATH_END,
         "MemoryMapped(0xB,0x820000,0x8FFFFF)"														       },
	{ "vendor hardware",             "01041600" GLOBAL "0102" PATH_END,
         "VenHw(8be4df61-93ca-11d2-aa0d-00e098032b8c,0102)"													  },
	{ "controller",                  "01050800 02000000" PATH_END,                                                 "Ctrl(0x2)"                                   },
	{ "bmc",			 "01060d00 01 0001000000000000" PATH_END,                                      "BMC(0x1,0x100)"                              },
	{ "pc card",		     "01020500 03" PATH_END,						       "PcCard(0x3)"                                 },
	{ "acpi",			"02010c00 d0410b0a 01000000" PATH_END,                                        "Acpi(PNP0A0B,0x1)"                           },
	{ "pcie root",                   "02010c00 d041080a 01000000" PATH_END,                                        "PcieRoot(0x1)"                               },
	{ "floppy",		      "02010c00 d0410406 01000000" PATH_END,                                        "Floppy(0x1)"                                 },
	{ "acpi expanded",               "02021300 d041030a 00000000 00000000 000000" PATH_END,
         "AcpiEx(PNP0A03,0,0x0)"																     },
	{ "acpi expanded, text",         "02021600 00000000 00000000 00000000 41424300 0000" PATH_END,
         "AcpiEx(ABC,0,0x0)"																	 },
	{ "acpi address",                "02030c00 00010180 01000000" PATH_END,                                        "AcpiAdr(0x80010100,0x1)"                     },
	{ "ata",			 "03010800 01 01 0000" PATH_END,                                               "Ata(Secondary,Slave,0x0)"                    },
	{ "scsi",			"03020800 0100 0200" PATH_END,                                                "Scsi(0x1,0x2)"                               },
	{ "fibre",		       "03031800 00000000 0100000000000000 0200000000000000" PATH_END,
         "Fibre(0x1,0x2)"																	    },
	{ "1394",			"03041000 00000000 3412000000000000" PATH_END,                                "I1394(1234)"                                 },
	{ "usb",			 "03050600 0200" PATH_END,						     "USB(0x2,0x0)"                                },
	{ "i2o",			 "03060800 05000000" PATH_END,						 "I2O(0x5)"                                    },
	{ "infiniband",
         "03093000 01000000" Z16 "0200000000000000 0300000000000000 0400000000000000" PATH_END,
         "Infiniband(0x1,00000000-0000-0000-0000-000000000000,0x2,0x3,0x4)"											  },
	{ "vendor message",              "030a1400" GLOBAL PATH_END,
         "VenMsg(8be4df61-93ca-11d2-aa0d-00e098032b8c)"													      },
	{ "mac",			 "030b2500 525400123456" Z16 "00000000000000000000 01" PATH_END,
         "MAC(525400123456,0x1)"																     },
	{ "ipv4",			"030c1b00 c0a80002 c0a80001 0000 0000 0600 01 00000000 00000000" PATH_END,
         "IPv4(192.168.0.1,TCP,Static,192.168.0.2,0.0.0.0,0.0.0.0)"												  },
	{ "ipv4, old",                   "030c1300 c0a80002 c0a80001 0000 0000 1100 00" PATH_END,
         "IPv4(192.168.0.1,UDP,DHCP,192.168.0.2)"														    },
	{ "ipv6",			"030d2b00" Z16 "fe800000000000000000000000000001 0000 0000 0600 00" PATH_END,
         "IPv6(FE80:0:0:0:0:0:0:1,TCP,Static,0:0:0:0:0:0:0:0)"												       },
	{ "uart",			"030e1300 00000000 00c2010000000000 08 01 01" PATH_END,                       "Uart(115200,8,N,1)"                          },
	{ "usb class",                   "030f0b00 ffff ffff 08 06 50" PATH_END,
         "UsbClass(0xFFFF,0xFFFF,0x8,0x6,0x50)"														      },
	{ "usb wwid",                    "03100e00 0000 3412 7856 61006200" PATH_END,
         "UsbWwid(0x1234,0x5678,0x0,\"ab\")"															 },
	{ "logical unit",                "03110500 01" PATH_END,						       "Unit(0x1)"                                   },
	{ "sata",			"03120a00 0000 ffff 0000" PATH_END,                                           "Sata(0x0,0xFFFF,0x0)"                        },
	{ "iscsi",		       "03131700 0000 0000 0001000000000000 0100 69716e2e78" PATH_END,
         "iSCSI(iqn.x,0x1,0x0001000000000000,0x0,TCP)"													       },
	{ "vlan",			"03140600 0500" PATH_END,						     "Vlan(5)"                                     },
	{ "fibre ex",                    "03151800 00000000 0000000000000001 0000000000000002" PATH_END,
         "FibreEx(0x1,0x2)"																	  },
	{ "sas ex",		      "03161800 0000000000000001 0000000000000002 0300 0400" PATH_END,
         "SasEx(0x1,0x2,0x4,0x3)"																    },
	{ "nvme",			"03171000 01000000 0102030405060708" PATH_END,
         "NVMe(0x1,08-07-06-05-04-03-02-01)"															 },
	{ "uri",			 "03180c00 687474703a2f2f78" PATH_END,                                         "Uri(http://x)"                               },
	{ "ufs",			 "03190600 0001" PATH_END,						     "UFS(0x0,0x1)"                                },
	{ "sd",			  "031a0500 00" PATH_END,						       "SD(0x0)"                                     },
	{ "bluetooth",                   "031b0a00 010203040506" PATH_END,                                             "Bluetooth(010203040506)"                     },
	{ "wifi",			"031c2400 68656c6c6f" Z16 "0000000000000000000000" PATH_END,                  "Wi-Fi(hello)"                                },
	{ "emmc",			"031d0500 00" PATH_END,						       "eMMC(0x0)"                                   },
	{ "bluetooth le",                "031e0b00 010203040506 01" PATH_END,                                          "BluetoothLE(010203040506,0x1)"               },
	{ "dns",
         "031f1500 00 08080808"
	  "000000000000000000000000" PATH_END,
         "Dns(8.8.8.8)"																	      },
	{ "nvdimm",		      "03201400" GLOBAL PATH_END,						   "NVDIMM(8be4df61-93ca-11d2-aa0d-00e098032b8c)"},
	{ "gpt partition",
         "04012a00 01000000 0008000000000000 0000020000000000" GLOBAL "02 02" PATH_END,
         "HD(1,GPT,8be4df61-93ca-11d2-aa0d-00e098032b8c,0x800,0x20000)"											      },
	{ "mbr partition",
         "04012a00 01000000 0008000000000000 0000020000000000 efbeadde000000000000000000000000 01 "
	  "01" PATH_END,
         "HD(1,MBR,0xDEADBEEF,0x800,0x20000)"															},
	{ "cdrom",		       "04021800 01000000 1000000000000000 2000000000000000" PATH_END,
         "CDROM(0x1,0x10,0x20)"																      },
	{ "vendor media",                "04031400" GLOBAL PATH_END,
         "VenMedia(8be4df61-93ca-11d2-aa0d-00e098032b8c)"													    },
	{ "file",			PATH_FILE PATH_END,							   "\\a.efi"                                     },
	{ "two files",                   PATH_FILE PATH_FILE PATH_END,                                                 "\\a.efi/\\a.efi"                             },
	{ "media protocol",              "04051400" GLOBAL PATH_END,
         "Media(8be4df61-93ca-11d2-aa0d-00e098032b8c)"													       },
	{ "fv file",		     "04061400" GLOBAL PATH_END,						   "FvFile(8be4df61-93ca-11d2-aa0d-00e098032b8c)"},
	{ "fv",			  "04071400" GLOBAL PATH_END,						   "Fv(8be4df61-93ca-11d2-aa0d-00e098032b8c)"    },
	{ "offset",		      "04081800 00000000 00ee000000000000 fffd010000000000" PATH_END,
         "Offset(0xEE00,0x1FDFF)"																    },
	{ "ram disk",                    "04092600 0010000000000000 ff1f000000000000" GLOBAL "0000" PATH_END,
         "RamDisk(0x1000,0x1FFF,0,8be4df61-93ca-11d2-aa0d-00e098032b8c)"											     },
	{ "bbs",			 "05010a00 0200 0100 4100" PATH_END,                                           "BBS(HD,A,0x1)"                               },
	{ "bbs of another type",         "05010a00 8100 0100 4100" PATH_END,                                           "BBS(0x81,A,0x1)"                             },

	{ "unknown type",                "09010600 abcd" PATH_END,						     "Path(9,1,abcd)"                              },
	{ "unknown subtype",             "01630400" PATH_END,							  "Path(1,99)"                                  },
	{ "node too short for its kind",
         "01010500 02"
	  "01010600021f" PATH_END,
         "Path(1,1,02)/Pci(0x1F,0x2)"																},
	{ "node of no length",
         "010106 00021f"
	  "01010000",												  "Pci(0x1F,0x2)/Broken(01010000)"              },
	{ "node of three bytes",         "01010300",								   "Broken(01010300)"                            },
	{ "node longer than the path",   "01010700021f",							       "Broken(01010700021f)"                        },
	{ "two bytes",                   "0101",								       "Broken(0101)"                                },
};

static void path(void **state)
{
	const struct path_case *row = *state;
	AUTO(buf_clear) struct buf out = BUF_INIT;
	struct bytes bytes = test_hex(row->hex);

	device_path_append(&out, bytes);
	assert_int_equal(buf_finish(&out, NULL), 0);
	assert_string_equal((char *)out.data, row->text);
	test_drop(bytes);
}

/* Every event of the table, cut at every length: no read outside (a sanitizer would see it). */
static void cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(decode_cases); i++) {
		struct bytes whole = test_hex(decode_cases[i].hex);

		for (size_t size = 0; size < whole.size; size++) {
			AUTO(buf_clear) struct buf out = BUF_INIT;
			struct bytes part = test_copy(bytes_of(whole.data, size));
			struct record record =
				record_of(decode_cases[i].type, decode_cases[i].pcr, part);
			struct json json = json_to_buf(&out);
			struct event event;

			event_decode(&record, &event);
			event_describe(&record, &event, &out);
			json_object_begin(&json, NULL);
			event_write_json(&record, &event, &json);
			json_object_end(&json);
			assert_int_equal(json_finish(&json, NULL), 0);
			test_drop(part);
		}
		test_drop(whole);
	}
}

/* Memory that runs out is told by the buffer, and at the end of the document. */
static void out_of_memory(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(decode_cases); i++) {
		struct bytes data = test_hex(decode_cases[i].hex);
		struct record record = record_of(decode_cases[i].type, decode_cases[i].pcr, data);
		struct event event;
		bool failed = true;

		event_decode(&record, &event);
		for (unsigned n = 1; failed; n++) {
			AUTO(buf_clear) struct buf described = BUF_INIT;
			AUTO(buf_clear) struct buf text = BUF_INIT;
			struct json json = json_to_buf(&text);
			struct error err = { 0 };
			int status;

			test_alloc_fail(n);
			event_describe(&record, &event, &described);
			json_object_begin(&json, NULL);
			event_write_json(&record, &event, &json);
			json_object_end(&json);
			status = json_finish(&json, &err);
			failed = test_alloc_failed();
			test_alloc_fail(0);
			assert_int_equal(described.failed || status < 0, failed);
		}
		test_drop(data);
	}
}

int main(void)
{
	struct test_list tests = { 0 };

	TEST_ROWS(&tests, decode, decode_cases);
	TEST_ROWS(&tests, cmdline, cmdline_cases);
	TEST(&tests, image_file);
	TEST(&tests, signatures);
	TEST_ROWS(&tests, bad_list, bad_lists);
	TEST(&tests, guids);
	TEST_ROWS(&tests, path, path_cases);
	TEST(&tests, cut);
	TEST(&tests, out_of_memory);
	return test_run(&tests, "replay/eventlog/decode");
}
