/* SPDX-License-Identifier: BSD-2-Clause */
#include "audit/command_line.h"

#include "core/own.h"
#include "core/text.h"

/* Words beyond so many bytes are left out: the evidence is hostile. */
#define SHOWN_MAX 2000

struct rule {
	const char *word; /* or its beginning, if it ends in '=' or '.' */
	const char *why;
};

/* Added, they take a protection away, or let somebody in. */
static const struct rule dangers[] = {
	{"init=",			   "starts another first program"                     },
	{ "rdinit=",			"starts another first program"                     },
	{ "ima=off",			"switches IMA off"                                 },
	{ "ima_appraise=",                  "changes what IMA enforces"                        },
	{ "ima_policy=",                    "changes what IMA measures"                        },
	{ "ima_hash=",                      "changes what IMA hashes with"                     },
	{ "ima_template=",                  "changes what IMA logs"                            },
	{ "ima_template_fmt=",              "changes what IMA logs"                            },
	{ "ima_tcb",			"changes what IMA measures"                        },
	{ "evm=",			   "changes what EVM enforces"                        },
	{ "module.sig_enforce=0",           "lets unsigned kernel modules in"                  },
	{ "module.sig_enforce=n",           "lets unsigned kernel modules in"                  },
	{ "module_blacklist=",              "keeps kernel modules out"                         },
	{ "modprobe.blacklist=",            "keeps kernel modules out"                         },
	{ "initcall_blacklist=",            "leaves out parts of the kernel"                   },
	{ "lockdown=",                      "changes the kernel's lockdown"                    },
	{ "selinux=0",                      "switches SELinux off"                             },
	{ "enforcing=0",                    "SELinux only warns"                               },
	{ "apparmor=0",                     "switches AppArmor off"                            },
	{ "security=",                      "chooses another security module"                  },
	{ "lsm=",			   "chooses other security modules"                   },
	{ "audit=0",			"switches auditing off"                            },
	{ "audit=off",                      "switches auditing off"                            },
	{ "mitigations=",                   "changes mitigations of CPU flaws"                 },
	{ "nopti",			  "switches a mitigation of CPU flaws off"           },
	{ "pti=off",			"switches a mitigation of CPU flaws off"           },
	{ "nospectre_v1",                   "switches a mitigation of CPU flaws off"           },
	{ "nospectre_v2",                   "switches a mitigation of CPU flaws off"           },
	{ "spectre_v2=off",                 "switches a mitigation of CPU flaws off"           },
	{ "nokaslr",			"puts the kernel at an address that is known"      },
	{ "nosmep",			 "lets the kernel run programs' memory"             },
	{ "nosmap",			 "lets the kernel use programs' memory"             },
	{ "iommu=off",                      "lets devices use all memory"                      },
	{ "intel_iommu=off",                "lets devices use all memory"                      },
	{ "amd_iommu=off",                  "lets devices use all memory"                      },
	{ "iommu=pt",		       "lets devices use all memory"                      },
	{ "iommu.passthrough=1",            "lets devices use all memory"                      },
	{ "efi=",			   "changes how the kernel uses the firmware"         },
	{ "noefi",			  "takes the firmware's services away"               },
	{ "acpi_rsdp=",                     "takes ACPI tables from elsewhere"                 },
	{ "initrd=",			"names another initrd"                             },
	{ "noinitrd",		       "passes the initrd over"                           },
	{ "kgdboc=",			"opens the kernel to a debugger"                   },
	{ "kgdbwait",		       "opens the kernel to a debugger"                   },
	{ "no_hash_pointers",               "shows the kernel's addresses"                     },
	{ "rd.break",		       "stops in the initrd with a shell"                 },
	{ "rd.break=",                      "stops in the initrd with a shell"                 },
	{ "rd.shell",		       "opens a shell in the initrd"                      },
	{ "rd.shell=1",                     "opens a shell in the initrd"                      },
	{ "rd.systemd.unit=",               "starts another target in the initrd"              },
	{ "rd.systemd.debug_shell",         "opens a shell without a password"                 },
	{ "rd.luks=0",                      "leaves encrypted disks closed"                    },
	{ "systemd.debug-shell",            "opens a shell without a password"                 },
	{ "systemd.debug_shell",            "opens a shell without a password"                 },
	{ "systemd.debug-shell=",           "opens a shell without a password"                 },
	{ "systemd.debug_shell=",           "opens a shell without a password"                 },
	{ "systemd.unit=",                  "starts another target"                            },
	{ "systemd.mask=",                  "keeps a service from starting"                    },
	{ "systemd.wants=",                 "starts another service"                           },
	{ "systemd.run=",                   "runs a command"                                   },
	{ "systemd.setenv=",                "changes the environment of all services"          },
	{ "systemd.set_credential=",        "gives services a credential"                      },
	{ "systemd.set_credential_binary=", "gives services a credential"                      },
	{ "systemd.verity=0",               "switches dm-verity off"                           },
	{ "systemd.verity=no",              "switches dm-verity off"                           },
	{ "systemd.volatile=",              "replaces the root file system"                    },
	{ "systemd.gpt_auto=",              "changes which file systems are mounted"           },
	{ "systemd.firstboot=",             "changes whether the first boot asks for passwords"},
	{ "systemd.condition-first-boot=",  "makes the boot count as the first one"            },
	{ "single",			 "starts a single-user shell"                       },
	{ "rescue",			 "starts a single-user shell"                       },
	{ "emergency",                      "starts a single-user shell"                       },
	{ "rw",			     "lets the root be written from the start"          },
	{ "debugfs=on",                     "opens the kernel's internals"                     },
	{ "slub_debug=-",                   "switches checks of memory off"                    },
	{ "init_on_alloc=0",                "leaves memory as it was before"                   },
	{ "init_on_free=0",                 "leaves memory as it was before"                   },
	{ "hardened_usercopy=off",          "switches checks of memory off"                    },
	{ "strict_devmem=0",                "opens the kernel's memory"                        },
	{ "iomem=relaxed",                  "opens the kernel's memory"                        },
	{ "vsyscall=emulate",               "keeps code at an address that is known"           },
	{ "vsyscall=xonly",                 "keeps code at an address that is known"           },
	{ "dis_ucode_ldr",                  "keeps microcode updates out"                      },
};

/* The same, but too short to mean that in a boot loader's script. */
static const struct rule shells[] = {
	{"s",       "starts a single-user shell"      },
	{ "S",      "starts a single-user shell"      },
	{ "1",      "starts a single-user shell"      },
	{ "-b",     "starts a single-user shell"      },
	{ "break",  "stops in the initrd with a shell"},
	{ "break=", "stops in the initrd with a shell"},
};

/* Gone, a protection is gone with them. */
static const struct rule losses[] = {
	{"ima_policy=",                 "IMA measures less without it"                  },
	{ "ima_appraise=enforce",       "IMA enforces nothing without it"               },
	{ "ima_appraise_tcb",           "IMA enforces nothing without it"               },
	{ "ima_hash=",                  "IMA hashes with its default"                   },
	{ "ima_template=",              "IMA logs its default"                          },
	{ "ima_tcb",                    "IMA measures less without it"                  },
	{ "evm=",		       "EVM stays as it is built"                      },
	{ "module.sig_enforce",         "unsigned kernel modules may be let in"         },
	{ "module.sig_enforce=1",       "unsigned kernel modules may be let in"         },
	{ "module.sig_enforce=y",       "unsigned kernel modules may be let in"         },
	{ "lockdown=",                  "the kernel may not be locked down"             },
	{ "selinux=1",                  "SELinux may be off"                            },
	{ "enforcing=1",                "SELinux may only warn"                         },
	{ "apparmor=1",                 "AppArmor may be off"                           },
	{ "security=",                  "another security module may be used"           },
	{ "lsm=",		       "other security modules may be used"            },
	{ "audit=1",                    "auditing begins later"                         },
	{ "mitigations=auto,nosmt",     "CPU flaws between threads stay open"           },
	{ "pti=on",		     "a mitigation may be off"                       },
	{ "spectre_v2=on",              "a mitigation may be off"                       },
	{ "iommu=force",                "devices may use all memory"                    },
	{ "intel_iommu=on",             "devices may use all memory"                    },
	{ "amd_iommu=force_isolation",  "devices may use all memory"                    },
	{ "iommu.strict=1",             "devices may use memory a while longer"         },
	{ "iommu.passthrough=0",        "devices may use all memory"                    },
	{ "efi=disable_early_pci_dma",  "devices may use memory while the kernel starts"},
	{ "roothash=",                  "the root file system is not verified"          },
	{ "usrhash=",                   "/usr is not verified"                          },
	{ "systemd.verity=",            "dm-verity is as it is by default"              },
	{ "systemd.verity_root_data=",  "the root file system may be another"           },
	{ "rd.shell=0",                 "the initrd may open a shell"                   },
	{ "rd.emergency=",              "the initrd may open a shell"                   },
	{ "panic=",		     "the kernel stays when it fails"                },
	{ "init_on_alloc=1",            "memory is left as it was before"               },
	{ "init_on_free=1",             "memory is left as it was before"               },
	{ "slab_nomerge",               "kinds of memory are mixed"                     },
	{ "page_alloc.shuffle=1",       "memory is less random"                         },
	{ "randomize_kstack_offset=on", "the kernel's stack is less random"             },
	{ "vsyscall=none",              "code stays at an address that is known"        },
	{ "debugfs=off",                "the kernel's internals are open"               },
	{ "ro",			 "the root may be written from the start"        },
};

bool command_line_next(struct bytes text, size_t *at, struct bytes *word)
{
	bool quoted = false;
	size_t start;

	while (*at < text.size && text.data[*at] <= ' ')
		++*at;
	start = *at;
	while (*at < text.size && (quoted || text.data[*at] > ' '))
		quoted ^= text.data[(*at)++] == '"';
	*word = bytes_of(text.data + start, *at - start);
	return *at > start;
}

bool command_line_has(struct bytes text, struct bytes word)
{
	struct bytes other;
	size_t at = 0;

	while (command_line_next(text, &at, &other))
		if (bytes_equal(other, word))
			return true;
	return false;
}

bool command_line_beyond_is_in(struct bytes a, struct bytes b, struct bytes c, struct bytes d)
{
	struct bytes word;
	size_t at = 0;

	while (command_line_next(a, &at, &word))
		if (!command_line_has(b, word) &&
		    (!command_line_has(c, word) || command_line_has(d, word)))
			return false;
	return true;
}

/* The kernel takes '-' and '_' in a parameter's name for the same. */
static bool same_byte(uint8_t a, char b)
{
	return a == (uint8_t)b || (a == '-' && b == '_') || (a == '_' && b == '-');
}

static bool rule_fits(const char *rule, struct bytes word)
{
	size_t size = strlen(rule);
	bool is_beginning = rule[size - 1] == '=';

	if (word.size < size || (word.size > size && !is_beginning))
		return false;
	for (size_t i = 0; i < size; i++)
		if (!same_byte(word.data[i], rule[i]))
			return false;
	return true;
}

static const char *find(const struct rule *rules, size_t n, struct bytes word)
{
	for (size_t i = 0; i < n; i++)
		if (rule_fits(rules[i].word, word))
			return rules[i].why;
	return NULL;
}

const char *command_line_meaning(struct bytes word, enum command_line_words words)
{
	const char *why = NULL;

	switch (words) {
	case WORDS_ADDED:
		why = find(shells, ARRAY_SIZE(shells), word);
		return why ? why : find(dangers, ARRAY_SIZE(dangers), word);
	case WORDS_ADDED_TO_SCRIPT:
		return find(dangers, ARRAY_SIZE(dangers), word);
	case WORDS_LOST:
		return find(losses, ARRAY_SIZE(losses), word);
	}
	return why;
}

void command_line_beyond(struct buf *out, struct bytes text, struct bytes other,
			 enum command_line_words words)
{
	size_t at = 0, start = out->size;
	struct bytes word;

	while (command_line_next(text, &at, &word)) {
		const char *why = command_line_meaning(word, words);

		if (command_line_has(other, word))
			continue;
		if (out->size - start > SHOWN_MAX) {
			buf_append_string(out, " ...");
			return;
		}
		buf_append_string(out, out->size > start ? ", " : "");
		text_append(out, word);
		if (why)
			buf_printf(out, " (%s)", why);
	}
}
