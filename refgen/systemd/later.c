/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What systemd's services measure once the kernel runs.
 *
 * Source: systemd's docs/TPM2_PCR_MEASUREMENTS.md and systemd-pcrphase.service(8); 257 as booted.
 */
#include "refgen/systemd/internal.h"

#define PHASES_PCR   ((pcr_set)1 << 11)
#define IDENTITY_PCR ((pcr_set)1 << 15)
#define NVPCR_PCR    ((pcr_set)1 << 9)
#define OS_PCRS      ((pcr_set)0x72ff) /* 0-7, 9, 12-14 */

static const struct word {
	const char *text;
	bool is_prefix;
	pcr_set pcrs;
	const char *component, *service;
} words[] = {
	{"enter-initrd",     false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "leave-initrd",    false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "sysinit",         false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "ready",           false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "shutdown",        false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "final",           false, PHASES_PCR,   "boot phase",  "pcrphase"      },
	{ "machine-id:",     true,  IDENTITY_PCR, "machine id",  "pcrmachine"    },
	{ "file-system:",    true,  IDENTITY_PCR, "file system", "pcrfs"         },
	{ "nvpcr-init:",     true,  NVPCR_PCR,    "NvPCR",       "tpm2-setup"    },
	{ "nvpcr-separator", false, NVPCR_PCR,    "separator",   "pcrnvdone"     },
	{ "os-separator",    false, OS_PCRS,      "separator",   "pcrosseparator"},
};

static const char any_machine[] = "machine-id";

static const struct word *find_word(struct bytes text)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (words[i].is_prefix ? bytes_start_with(text, bytes_of_string(words[i].text)) &&
						 text.size > strlen(words[i].text)
				       : bytes_equal_string(text, words[i].text))
			return &words[i];
	return NULL;
}

bool systemd_knows_word(struct bytes word)
{
	return bytes_equal_string(word, any_machine) || find_word(word);
}

int systemd_measure_later(struct machine *machine, const char *word, struct error *err)
{
	const struct word *known;

	/* Which machine it is, the log or nobody says: the id is a hole. */
	if (strcmp(word, any_machine) == 0)
		word = "machine-id:00000000000000000000000000000000";
	known = find_word(bytes_of_string(word));
	if (!known)
		return error_set(err, ERROR_USAGE, NULL, ERROR_NO_OFFSET,
				 "systemd measures nothing called \"%s\"", word);
	for (uint32_t pcr = 0; pcr < PCR_COUNT; pcr++) {
		const struct measurement what = {
			.pcr = pcr,
			.type = EV_IPL,
			.component = known->component,
			.source = machine_text(machine,
					       "systemd-%s, after the firmware's log has ended",
					       known->service),
			.over = "the text",
			.encoding = TEXT_BYTES,
		};

		if (known->pcrs >> pcr & 1 &&
		    machine_measure_text(machine, &what, bytes_of_string(word), err) < 0)
			return -1;
	}
	return 0;
}
