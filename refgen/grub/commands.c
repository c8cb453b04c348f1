/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The commands: which module has each, what it does to scripts and measurements. One that is not here
 * does nothing but being measured.
 */
#include "refgen/grub/internal.h"

/* --- variables and flow ------------------------------------------------------------------- */

static int run_set(struct grub *grub, struct arguments *arguments)
{
	const struct value *word = &arguments->values[1];
	const char *equals;
	char *name;

	if (arguments->n < 2)
		return STATUS_NONE;
	equals = strchr(word->text, '=');
	if (!equals)
		return STATUS_BAD_ARGUMENT;
	name = memory_copy(grub, word->text, (size_t)(equals - word->text));
	if (!name)
		return RUN_ERROR;
	return variable_set(grub, name, (struct value){ equals + 1, word->unknown });
}

static int run_unset(struct grub *grub, struct arguments *arguments)
{
	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	return variable_unset(grub, arguments->values[1].text);
}

static int run_export(struct grub *grub, struct arguments *arguments)
{
	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	for (size_t i = 1; i < arguments->n; i++)
		if (variable_export(grub, arguments->values[i].text) < 0)
			return RUN_ERROR;
	return STATUS_NONE;
}

static int run_break(struct grub *grub, struct arguments *arguments)
{
	unsigned long count = 1;
	const char *end = "";

	if (arguments->n > 2)
		return STATUS_BAD_ARGUMENT;
	if (arguments->n == 2 && !number_parse(arguments->values[1].text, &end, 10, &count))
		return STATUS_BAD_NUMBER;
	if (*end || count == 0)
		return STATUS_BAD_ARGUMENT;
	grub->is_continue = arguments->values[0].text[0] == 'c';
	grub->active_breaks = count > grub->active_loops ? grub->active_loops : count;
	return STATUS_NONE;
}

static int run_return(struct grub *grub, struct arguments *arguments)
{
	const char *status = variable_text(grub, "?"), *end;
	unsigned long number;

	if (!grub->scope || arguments->n > 2)
		return STATUS_BAD_ARGUMENT;
	if (arguments->n == 1) {
		grub->is_return = true;
		if (!status || !number_parse(status, NULL, 10, &number))
			return STATUS_NONE;
		grub->doubt = grub->status_doubt;
		return (int)(number & 0x7fffffff);
	}
	if (!number_parse(arguments->values[1].text, &end, 10, &number))
		return STATUS_BAD_NUMBER;
	if (*end)
		return STATUS_BAD_ARGUMENT;
	grub->is_return = true;
	grub->doubt = arguments->values[1].unknown;
	return (int)(number & 0x7fffffff);
}

static int run_shift(struct grub *grub, struct arguments *arguments)
{
	struct scope *scope = grub->scope;
	unsigned long n = 1;
	const char *end = "";

	if (!scope)
		return STATUS_NONE;
	if (arguments->n > 2)
		return STATUS_BAD_ARGUMENT;
	if (arguments->n == 2)
		(void)number_parse(arguments->values[1].text, &end, 10, &n);
	if (*end || n > scope->n)
		return STATUS_BAD_ARGUMENT;
	scope->arguments += n;
	scope->n -= n;
	return STATUS_NONE;
}

static int run_setparams(struct grub *grub, struct arguments *arguments)
{
	if (!grub->scope)
		return STATUS_INVALID_COMMAND;
	/* An entry's own first line: what is not known of its title stays so. */
	for (size_t i = 1; i < arguments->n && i <= grub->scope->n; i++)
		if (!arguments->values[i].unknown)
			arguments->values[i].unknown = grub->scope->arguments[i - 1].unknown;
	*grub->scope = (struct scope){ arguments->values + 1, arguments->n - 1, 0 };
	return STATUS_NONE;
}

static int run_false(struct grub *grub, struct arguments *arguments)
{
	(void)grub;
	(void)arguments;
	return STATUS_TEST_FAILURE;
}

static int run_eval(struct grub *grub, struct arguments *arguments)
{
	struct buf text = BUF_INIT;
	const char *source;

	for (size_t i = 1; i < arguments->n; i++) {
		if (i > 1)
			buf_append_u8(&text, ' ');
		buf_append_string(&text, arguments->values[i].text);
		if (arguments->values[i].unknown)
			grub->host->assume(grub->host->ctx, arguments->values[i].unknown);
	}
	source = memory_buf(grub, &text);
	if (!source)
		return RUN_ERROR;
	return script_run_source(grub, source, grub->source, grub->line ? grub->line - 1 : 0);
}

/* increment and decrement of a variable (rhboot). */
static int run_increment(struct grub *grub, struct arguments *arguments)
{
	const struct variable *variable;
	char digits[32];
	unsigned long number;

	if (arguments->n != 2)
		return STATUS_BAD_ARGUMENT;
	variable = variable_get(grub, arguments->values[1].text);
	if (!variable)
		return STATUS_BAD_NUMBER;
	if (!number_parse(variable->value.text, NULL, 10, &number) || number > 0x7ffffffe)
		return STATUS_BAD_NUMBER;
	snprintf(digits, sizeof(digits), "%ld",
		 (long)number + (arguments->values[0].text[0] == 'i' ? 1 : -1));
	return variable_set(grub, arguments->values[1].text,
			    (struct value){ digits, variable->value.unknown });
}

/* --- what only the machine knows ---------------------------------------------------------- */

/* A command with --set NAME, whose value nobody but the machine knows. */
static int run_ask(struct grub *grub, struct arguments *arguments)
{
	const char *name = NULL, *why;

	for (size_t i = 1; i < arguments->n; i++) {
		const char *text = arguments->values[i].text;

		if (strncmp(text, "--set=", 6) == 0)
			name = text + 6;
		else if (i + 1 < arguments->n &&
			 (strcmp(text, "--set") == 0 || strcmp(text, "-s") == 0))
			name = arguments->values[i + 1].text;
	}
	why = memory_text(grub, "what %s says of the machine is not known",
			  arguments->values[0].text);
	if (!why)
		return RUN_ERROR;
	grub->doubt = why;
	return name ? variable_set(grub, name, (struct value){ "", why }) : STATUS_NONE;
}

/* read NAME: a line from the keyboard. */
static int run_read(struct grub *grub, struct arguments *arguments)
{
	const char *name = arguments->n > 1 ? arguments->values[arguments->n - 1].text : NULL;

	grub->doubt = "what is typed is not known";
	return name ? variable_set(grub, name, (struct value){ "", grub->doubt }) : STATUS_NONE;
}

/* No key is held down, most likely. */
static int run_keystatus(struct grub *grub, struct arguments *arguments)
{
	(void)arguments;
	grub->doubt = "no key is held down";
	return STATUS_TEST_FAILURE;
}

/* --- files and display -------------------------------------------------------------------- */

static int run_cat(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"dos", -1, OPTION_FLAG}
	};
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct grub_file file;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r != STATUS_NONE)
		return r;
	if (arguments->n != 2)
		return STATUS_BAD_ARGUMENT;
	r = file_open_measured(grub, arguments->values[1].text, arguments->values[1].unknown,
			       &file);
	return r < 0 ? r : r > 0 ? STATUS_NONE : STATUS_FILE_NOT_FOUND;
}

/* One font by a name of its own or a path: a status. */
static int font_load(struct grub *grub, const struct value *word)
{
	const char *prefix = variable_text(grub, "prefix");
	struct grub_file file;
	char *name;
	int r;

	if (strchr("(/+", word->text[0])) {
		r = file_open_measured(grub, word->text, word->unknown, &file);
	} else {
		if (grub->behaviour.fonts_in_memdisk && device_find(grub, "memdisk")) {
			name = memory_text(grub, "(memdisk)/fonts/%s.pf2", word->text);
			r = name ? file_open_measured(grub, name, NULL, &file) : RUN_ERROR;
			if (r != 0)
				return r < 0 ? r : STATUS_NONE;
			if (!device_find(grub, "memdisk")->volume) {
				grub->doubt = "which fonts the image's RAM disk holds is not known";
				return strcmp(word->text, "unicode") == 0 ? STATUS_NONE
									  : STATUS_FILE_NOT_FOUND;
			}
		}
		if (!prefix)
			return STATUS_FILE_NOT_FOUND;
		name = memory_text(grub, "%s/fonts/%s.pf2", prefix, word->text);
		r = name ? file_open_measured(grub, name, word->unknown, &file) : RUN_ERROR;
	}
	if (r <= 0)
		return r < 0 ? r : STATUS_FILE_NOT_FOUND;
	/* Measured first, then refused: the shim_lock verifier lets no fonts in. */
	return grub->host->secure_boot ? STATUS_ACCESS_DENIED : STATUS_NONE;
}

int run_loadfont(struct grub *grub, struct arguments *arguments)
{
	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	for (size_t i = 1; i < arguments->n; i++) {
		int r = font_load(grub, &arguments->values[i]);

		if (r != STATUS_NONE)
			return r;
	}
	return STATUS_NONE;
}

static int run_terminal_output(struct grub *grub, struct arguments *arguments)
{
	bool graphics = false;

	for (size_t i = 1; i < arguments->n; i++)
		graphics |= strcmp(arguments->values[i].text, "gfxterm") == 0;
	if (!graphics) {
		if (arguments->n > 1 && strcmp(arguments->values[1].text, "--append") != 0)
			grub->graphics = false;
		return STATUS_NONE;
	}
	grub->graphics = grub->host->has_graphics;
	grub->doubt =
		grub->graphics ? "GRUB can draw on the display" : "GRUB cannot draw on a display";
	return grub->graphics ? STATUS_NONE : STATUS_BAD_ARGUMENT;
}

static int run_background_image(struct grub *grub, struct arguments *arguments)
{
	static const struct option_spec specs[] = {
		{"mode", 'm', OPTION_ARGUMENT}
	};
	struct option options[ARRAY_SIZE(specs)] = { 0 };
	struct grub_file file;
	int r = options_parse(grub, arguments, specs, ARRAY_SIZE(specs), false, options);

	if (r != STATUS_NONE)
		return r;
	if (!grub->graphics)
		return STATUS_BAD_ARGUMENT;
	if (arguments->n != 2)
		return STATUS_NONE;
	grub->host->assume(grub->host->ctx, "GRUB can draw on the display");
	r = file_open_measured(grub, arguments->values[1].text, arguments->values[1].unknown,
			       &file);
	return r < 0 ? r : r > 0 ? STATUS_NONE : STATUS_FILE_NOT_FOUND;
}

static int run_leave(struct grub *grub, struct arguments *arguments)
{
	return grub_halt(grub, memory_text(grub, "GRUB's command %s", arguments->values[0].text));
}

static int run_fwsetup(struct grub *grub, struct arguments *arguments)
{
	if (arguments->n < 2)
		return run_leave(grub, arguments);
	grub->doubt = "the firmware can be asked to show its setup";
	return STATUS_NONE;
}

/* --- modules ------------------------------------------------------------------------------ */

bool module_is_loaded(const struct grub *grub, const char *name)
{
	const struct loaded_module *module;

	if (!*name)
		return true;
	for (module = grub->modules; module; module = module->next)
		if (strcmp(module->name, name) == 0)
			return true;
	return false;
}

int module_load(struct grub *grub, const char *name)
{
	const char *prefix = variable_text(grub, "prefix");
	char *path;

	if (module_is_loaded(grub, name))
		return STATUS_NONE;
	if (!prefix)
		return STATUS_FILE_NOT_FOUND;
	path = memory_text(grub, "%s/x86_64-efi/%s.mod", prefix, name);
	return path ? module_load_file(grub, path) : RUN_ERROR;
}

int run_insmod(struct grub *grub, struct arguments *arguments)
{
	int r;

	if (arguments->n < 2)
		return STATUS_BAD_ARGUMENT;
	r = strchr(arguments->values[1].text, '/')
		    ? module_load_file(grub, arguments->values[1].text)
		    : module_load(grub, arguments->values[1].text);
	return r < 0 ? r : STATUS_NONE; /* whether it is there or not */
}

/* --- the table ---------------------------------------------------------------------------- */

static const struct command_spec specs[] = {
  /* kernel image */
	{"set",			 "",                   run_set,              NULL					      },
	{ "unset",		      "",                   run_unset,            NULL					      },
	{ "ls",			 "",                   NULL,                 NULL					      },
	{ "insmod",		     "",                   run_insmod,           NULL					      },
 /* normal */
	{ "normal",		     "normal",             run_normal,           NULL                                              },
	{ "normal_exit",                "normal",             run_leave,            NULL                                              },
	{ "menuentry",                  "normal",             run_menuentry,        NULL                                              },
	{ "submenu",                    "normal",             run_menuentry,        NULL                                              },
	{ "export",		     "normal",             run_export,           NULL                                              },
	{ "break",		      "normal",             run_break,            NULL					      },
	{ "continue",                   "normal",             run_break,            NULL                                              },
	{ "shift",		      "normal",             run_shift,            NULL					      },
	{ "setparams",                  "normal",             run_setparams,        NULL                                              },
	{ "return",		     "normal",             run_return,           NULL                                              },
	{ "clear",		      "normal",             NULL,                 NULL					      },
	{ "authenticate",               "normal",             NULL,                 "nobody has to log in"                            },
 /* flow and variables */
	{ "true",		       "true",               NULL,                 NULL					      },
	{ "false",		      "true",               run_false,            NULL					      },
	{ "test",		       "test",               run_test,             NULL					      },
	{ "[",			  "test",               run_test,             NULL					      },
	{ "echo",		       "echo",               NULL,                 NULL					      },
	{ "eval",		       "eval",               run_eval,             NULL					      },
	{ "read",		       "read",               run_read,             NULL					      },
	{ "regexp",		     "regexp",             run_regexp,           NULL                                              },
	{ "increment",                  "increment",          run_increment,        NULL                                              },
	{ "decrement",                  "increment",          run_increment,        NULL                                              },
	{ "sleep",		      "sleep",              NULL,                 NULL					      },
	{ "load_env",                   "loadenv",            run_load_env,         NULL                                              },
	{ "list_env",                   "loadenv",            run_list_env,         NULL                                              },
	{ "save_env",                   "loadenv",            run_save_env,         NULL                                              },
 /* files and devices */
	{ "source",		     "configfile",         run_source,           NULL                                              },
	{ ".",			  "configfile",         run_source,           NULL					      },
	{ "configfile",                 "configfile",         run_source,           NULL                                              },
	{ "extract_entries_source",     "configfile",         run_extract,          NULL                                              },
	{ "extract_entries_configfile", "configfile",         run_extract,          NULL                                              },
	{ "search",		     "search",             run_search,           NULL                                              },
	{ "search.fs_uuid",             "search_fs_uuid",     run_search_short,     NULL                                              },
	{ "search.fs_label",            "search_label",       run_search_short,     NULL                                              },
	{ "search.file",                "search_fs_file",     run_search_short,     NULL                                              },
	{ "probe",		      "probe",              run_probe,            NULL					      },
	{ "cat",			"cat",                run_cat,              NULL					      },
	{ "blscfg",		     "blscfg",             run_blscfg,           NULL                                              },
	{ "bls_import",                 "blscfg",             run_blscfg,           NULL                                              },
	{ "cryptomount",                "cryptodisk",         NULL,                 "whether an encrypted disk is opened is not known"},
	{ "loopback",                   "loopback",           NULL,                 "a disk made of a file is not followed"           },
	{ "rmmod",		      "minicmd",            NULL,                 NULL					      },
	{ "lsmod",		      "minicmd",            NULL,                 NULL					      },
	{ "help",		       "help",               NULL,                 NULL					      },
	{ "exit",		       "minicmd",            run_leave,            NULL					      },
 /* kernels */
	{ "linux",		      "linux",              run_linux,            NULL					      },
	{ "initrd",		     "linux",              run_initrd,           NULL					      },
	{ "linuxefi",                   "linuxefi",           run_linux,            NULL                                              },
	{ "initrdefi",                  "linuxefi",           run_initrd,           NULL                                              },
	{ "linux16",                    "linux16",            run_linux,            NULL                                              },
	{ "initrd16",                   "linux16",            run_initrd,           NULL                                              },
	{ "chainloader",                "chain",              run_chainloader,      NULL                                              },
	{ "boot",		       "boot",               run_boot,             NULL					      },
	{ "reboot",		     "reboot",             run_leave,            NULL					      },
	{ "halt",		       "halt",               run_leave,            NULL					      },
	{ "fwsetup",                    "efifwsetup",         run_fwsetup,          NULL                                              },
 /* display */
	{ "loadfont",                   "font",               run_loadfont,         NULL                                              },
	{ "lsfonts",                    "font",               NULL,                 NULL					      },
	{ "terminal_output",            "terminal",           run_terminal_output,  NULL                                              },
	{ "terminal_input",             "terminal",           NULL,                 "the terminal is there"                           },
	{ "background_image",           "gfxterm_background", run_background_image, NULL                                              },
	{ "background_color",           "gfxterm_background", NULL,                 NULL                                              },
	{ "terminfo",                   "terminfo",           NULL,                 NULL					      },
	{ "serial",		     "serial",             NULL,                 "the serial port is there"                        },
	{ "gettext",                    "gettext",            NULL,                 NULL					      },
	{ "play",		       "play",               NULL,                 NULL					      },
	{ "password",                   "password",           NULL,                 NULL					      },
	{ "password_pbkdf2",            "password_pbkdf2",    NULL,                 NULL                                              },
 /* the machine */
	{ "keystatus",                  "keystatus",          run_keystatus,        NULL                                              },
	{ "smbios",		     "smbios",             run_ask,              NULL					      },
	{ "getenv",		     "efienv",             run_ask,              NULL					      },
	{ "setpci",		     "setpci",             run_ask,              NULL					      },
	{ "cpuid",		      "cpuid",              NULL,                 NULL					      },
	{ "acpi",		       "acpi",               NULL,                 "ACPI tables given to GRUB are not followed"      },
};

const struct command_spec *command_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		if (strcmp(specs[i].name, name) == 0)
			return &specs[i];
	return NULL;
}
