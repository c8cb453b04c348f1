/* SPDX-License-Identifier: BSD-2-Clause */
/* Single events against a state whose digests are of names; whole logs are in tests/e2e/reference-state.sh. */
#include "audit/reference_fit.h"

#include "core/crypto.h"

#include "tests/unit/test.h"

static const struct row {
	const char *name;
	uint32_t pcr, type;
	const char *data, *hashed; /* hashed: NULL: the data */
	enum reference_kind kind;
	enum reference_subject subject;
} rows[] = {
	{"separator",                   3,  EV_SEPARATOR,                     "\xff\xff\xff\xff",            NULL,                            REFERENCE_SAME,   REFERENCE_EVENT       },
	{ "separator of an error",      3,  EV_SEPARATOR,                     "\x01\x01\x01\x01",            NULL,                            REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "separator over other bytes", 3,  EV_SEPARATOR,                     "\xff\xff\xff\xff",            "x",                             REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "separator of PCR 8",         8,  EV_SEPARATOR,                     "\xff\xff\xff\xff",            NULL,                            REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "action",		     5,  EV_EFI_ACTION,                    "",                            "Exit Boot Services Invocation", REFERENCE_SAME,
         REFERENCE_EVENT																			      },
	{ "action of another PCR",      4,  EV_EFI_ACTION,                    "",                            "Exit Boot Services Invocation",
         REFERENCE_EXTRA,																       REFERENCE_EVENT       },
	{ "version",                    0,  EV_S_CRTM_VERSION,                "?",                           "version",                       REFERENCE_SAME,   REFERENCE_COMPONENT   },
	{ "another version",            0,  EV_S_CRTM_VERSION,                "version",                     "other",                         REFERENCE_OTHER,
         REFERENCE_COMPONENT																			  },
	{ "volume",		     0,  EV_EFI_PLATFORM_FIRMWARE_BLOB2,   "?",                           "volume",                        REFERENCE_SAME,
         REFERENCE_COMPONENT																			  },
	{ "POST code",                  0,  EV_POST_CODE,                     "ACPI DATA",                   "x",                             REFERENCE_EXTRA,  REFERENCE_EVENT       },
	{ "microcode",                  1,  EV_CPU_MICROCODE,                 "?",                           "x",                             REFERENCE_UNSEEN, REFERENCE_EVENT       },
	{ "driver",		     2,  EV_EFI_BOOT_SERVICES_DRIVER,      "?",                           "x",                             REFERENCE_UNSEEN, REFERENCE_EVENT       },
	{ "shim",		       4,  EV_EFI_BOOT_SERVICES_APPLICATION, "?",                           "shim",                          REFERENCE_SAME,
         REFERENCE_COMPONENT																			  },
	{ "GRUB in shim's place",       4,  EV_EFI_BOOT_SERVICES_APPLICATION, "?",                           "grub",                          REFERENCE_OTHER,
         REFERENCE_COMPONENT																			  },
	{ "no variable",                7,  EV_EFI_VARIABLE_DRIVER_CONFIG,    "?",                           "x",                             REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "GRUB's command",             8,  EV_IPL,                           "grub_cmd: a\nb",              "x",                             REFERENCE_UNSEEN, REFERENCE_EVENT       },
	{ "command line",               8,  EV_IPL,                           "kernel_cmdline: /vmlinuz ro", "/vmlinuz ro",                   REFERENCE_SAME,
         REFERENCE_COMMAND_LINE																		       },
	{ "another command line",       8,  EV_IPL,                           "kernel_cmdline: /vmlinuz rw", "/vmlinuz rw",
         REFERENCE_OTHER,																       REFERENCE_COMMAND_LINE},
	{ "command line over another",  8,  EV_IPL,                           "kernel_cmdline: /vmlinuz ro", "/vmlinuz rw",
         REFERENCE_OTHER,																       REFERENCE_COMMAND_LINE},
	{ "other text of PCR 8",        8,  EV_IPL,                           "module_cmdline: x",           "x",                             REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "GRUB's file",                9,  EV_IPL,                           "/boot/grub/grub.cfg",         "x",                             REFERENCE_UNSEEN, REFERENCE_EVENT       },
	{ "kernel's file",              9,  EV_IPL,                           "/boot/vmlinuz",               "x",                             REFERENCE_UNSEEN, REFERENCE_COMPONENT   },
	{ "initrd",		     9,  EV_IPL,                           "/boot/initrd.img",            "initrd",                        REFERENCE_SAME,   REFERENCE_COMPONENT   },
	{ "another initrd",             9,  EV_IPL,                           "/boot/initramfs.img",         "x",                             REFERENCE_OTHER,
         REFERENCE_COMPONENT																			  },
	{ "another file",               9,  EV_IPL,                           "/boot/xen",                   "x",                             REFERENCE_EXTRA,  REFERENCE_EVENT       },
	{ "a name of two lines",        9,  EV_IPL,                           "/boot/initrd\n",              "initrd",                        REFERENCE_EXTRA,
         REFERENCE_EVENT																			      },
	{ "MokList",                    14, EV_IPL,                           "MokList",                     "mok",                           REFERENCE_SAME,   REFERENCE_KEYS        },
	{ "another MokList",            14, EV_IPL,                           "MokList",                     "x",                             REFERENCE_OTHER,  REFERENCE_KEYS        },
	{ "MokListX where none may be", 14, EV_IPL,                           "MokListX",                    "x",                             REFERENCE_OTHER,
         REFERENCE_REVOKED																			    },
	{ "MokListTrusted",             14, EV_IPL,                           "MokListTrusted",              "x",                             REFERENCE_UNSEEN, REFERENCE_EVENT       },
	{ "PCR 11",		     11, EV_IPL,                           ".linux",                      NULL,                            REFERENCE_EXTRA,  REFERENCE_EVENT       },
};

static struct hasher *hasher;

static struct digest digest_of(const char *text)
{
	struct digest digest;

	assert_int_equal(hasher_digest_bytes(hasher, ALG_SHA256, bytes_of_string(text), &digest,
					     NULL),
			 0);
	return digest;
}

static struct state_digest state_digest_of(const char *text)
{
	struct state_digest out = { .algs = 1u << ALG_SHA256 };

	out.digests[ALG_SHA256] = digest_of(text);
	return out;
}

/* The step of the row's event; how many others are wrong without it is the same in every row. */
static void fits(void **state)
{
	const struct row *row = *state;
	struct state_digest volume = state_digest_of("volume"), mok = state_digest_of("mok");
	struct state_firmware firmware = {
		state_digest_of("version"), {&volume, 1}
	};
	struct state_kernel kernel = { digest_of("shim"), digest_of("grub"), digest_of("kernel"),
				       digest_of("initrd"), bytes_of_string("/vmlinuz.* ro") };
	const struct reference_state reference = {
		.secure_boot = true,
		.firmware = &firmware,
		.n_firmware = 1,
		.mok = {&mok, 1},
		.kernels = &kernel,
		.n_kernels = 1
	};
	struct fit_event event = { .pcr = row->pcr,
				   .type = row->type,
				   .has_digest = true,
				   .data = test_copy(bytes_of_string(row->data)) };
	struct arena arena = { 0 };
	struct reference_fit fit;
	size_t n = 0;

	event.digest = digest_of(row->hashed ? row->hashed : row->data);
	fit_event_text(&event, hasher, &arena);
	assert_int_equal(reference_fit(&reference, &event, 1, hasher, &arena, &fit, NULL), 0);
	for (size_t i = 0; i < fit.n_steps; i++) {
		if (!fit.steps[i].found)
			continue;
		assert_int_equal(fit.steps[i].kind, row->kind);
		assert_int_equal(fit.steps[i].subject, row->subject);
		assert_int_equal(fit.steps[i].pcr, row->pcr);
		n++;
	}
	assert_int_equal(n, 1);
	assert_int_equal(fit.n_same + fit.n_unseen,
			 row->kind == REFERENCE_SAME || row->kind == REFERENCE_UNSEEN);
	assert_true(fit.cost > 0); /* the rest of the boot is missing */
	arena_clear(&arena);
	test_drop(event.data);
}

int main(void)
{
	struct test_list tests = { 0 };
	int failed;

	assert_int_equal(hasher_new(&hasher, NULL), 0);
	TEST_ROWS(&tests, fits, rows);
	failed = test_run(&tests, "audit/reference_fit");
	hasher_free(hasher);
	return failed;
}
