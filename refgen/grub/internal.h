/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of the interpreter share. Texts are C strings in the run's memory, which is freed as
 * a whole when the run ends, so nothing here owns anything.
 *
 * Functions that return int for a command give GRUB's own error number (0 is success), or a negative
 * value that ends the run: RUN_ERROR with the run's error filled, RUN_ENDED when something was
 * started or GRUB stopped. Allocating functions return NULL when the run must end with an error.
 */
#ifndef REFGEN_GRUB_INTERNAL_H
#define REFGEN_GRUB_INTERNAL_H

#include "refgen/grub/grub.h"

enum { RUN_ERROR = -1, RUN_ENDED = -2 };

/* GRUB's error numbers (include/grub/err.h): scripts see them as $?. */
enum grub_status {
	STATUS_NONE = 0,
	STATUS_TEST_FAILURE = 1,
	STATUS_FILE_NOT_FOUND = 5,
	STATUS_BAD_FILENAME = 7,
	STATUS_UNKNOWN_DEVICE = 12,
	STATUS_UNKNOWN_COMMAND = 16,
	STATUS_INVALID_COMMAND = 17,
	STATUS_BAD_ARGUMENT = 18,
	STATUS_BAD_FILE_TYPE = 4,
	STATUS_BAD_NUMBER = 10,
	STATUS_OUT_OF_RANGE = 11,
	STATUS_BAD_FONT = 23,
	STATUS_BAD_OS = 21,
	STATUS_MENU = 27,
	STATUS_ACCESS_DENIED = 30,
};

struct memory_block;
struct memory {
	struct memory_block *blocks; /* owned */
	size_t used;
};

/* --- scripts ------------------------------------------------------------------------------ */

enum part_type {
	PART_TEXT,   /* unquoted: may hold wildcards, a backslash escapes */
	PART_QUOTED, /* '...' or a piece of "..." */
	PART_VARIABLE,
	PART_QUOTED_VARIABLE,
	PART_GETTEXT, /* $"..." */
	PART_BLOCK,   /* { ... }: the source between the braces */
};

struct part {
	enum part_type type;
	const char *text;
	struct part *next;
};

struct word {
	struct part *parts;
	struct word *next;
};

enum statement_type {
	STATEMENT_COMMAND,
	STATEMENT_IF,
	STATEMENT_FOR,
	STATEMENT_WHILE,
	STATEMENT_UNTIL,
};

struct statement {
	enum statement_type type;
	struct word *words;            /* of a command; what a for goes through */
	bool has_block;                /* the last word is a block */
	const char *name;              /* of a for's variable */
	struct statement *condition;   /* of if, while, until: a list */
	struct statement *body;        /* then, do: a list */
	struct statement *alternative; /* else, or an elif's if */
	size_t line;
	struct statement *next;
};

struct function {
	const char *name;
	struct statement *body;
	const char *source;
	struct function *next;
};

/* Where the lines of a script come from. */
struct lines {
	struct bytes text;
	size_t pos;
	size_t line;        /* number of the line at pos, from 1 */
	uint64_t offset;    /* of text in the file source names; 0 where it is no part of one */
	const char *source; /* for messages and events */
	/* A file is read without its carriage returns and the lines that begin with '#'; a menu entry's
	 * source as it is. */
	bool is_file;
};

/* --- the run ------------------------------------------------------------------------------ */

struct value {
	const char *text;
	const char *unknown; /* not NULL: why text is only the likeliest */
};

struct variable {
	const char *name;
	struct value value;
	bool exported;
	struct variable *next;
};

struct entry {
	const char *title, *id;
	struct value setparams; /* the words behind "setparams", quoted again */
	struct value *arguments;
	size_t n_arguments;
	const char *source; /* its commands */
	const char *file;   /* the script that defined it */
	size_t line;
	bool is_submenu;
	struct entry *next;
};

struct menu {
	struct entry *entries, **end;
	size_t n;
};

/* Variables and a menu; configfile and submenus open a new one. */
struct context {
	struct variable *variables;
	struct menu *menu; /* NULL: none yet */
	struct context *outer;
};

/* Positional parameters. */
struct scope {
	struct value *arguments;
	size_t n, shifted;
};

struct loaded_module {
	const char *name;
	bool built_in;
	struct loaded_module *next;
};

/* A command that command.lst says is in a module not loaded yet. */
struct autoload {
	const char *command, *module;
	struct autoload *next;
};

struct search_hit {
	char type; /* f, l, u */
	const char *key;
	const struct grub_device *device;
	struct search_hit *next;
};

struct written {
	const struct grub_device *device;
	const char *path;
	struct bytes contents;
	struct written *next;
};

/* How this GRUB differs from others; found in its modules (release.c). */
struct behaviour {
	bool tries_config_first; /* `normal` opens grub.cfg once to see whether it is there */
	bool fw_path;            /* and looks beside the image before it does in $prefix */
	bool fonts_in_memdisk;   /* loadfont NAME looks into (memdisk) first */
	bool linux_hands_over;   /* linux gives way to linuxefi under Secure Boot */
	bool asks_shim_again;    /* linuxefi asks shim itself, after the verifier did */
	bool efi_stub;           /* linux starts the kernel's EFI entry */
	bool own_pe_loader;      /* with a loader of its own, so that nobody else measures it */
	bool blscfg_upstream;    /* 2.14's blsuki.c, not rhboot's blscfg.c */
	const char *assumption;  /* not NULL: this release was never compared with a boot */
};

struct loader {
	bool loaded;
	struct grub_start start;
};

struct grub {
	const struct grub_image *image;
	const struct grub_host *host;
	struct error *err;
	struct memory memory;
	struct behaviour behaviour;

	struct context *context;
	struct scope *scope;
	struct function *functions;
	struct loaded_module *modules;
	struct autoload *autoloads;
	struct search_hit *hits;
	struct written *written;
	struct loader loader;

	size_t active_loops, active_breaks;
	bool is_continue, is_return;
	size_t steps, depth, menus;
	bool hooks;        /* normal has run: writing prefix reads the lists again */
	bool graphics;     /* gfxterm is active */
	bool catalogue;    /* translations are loaded */
	const char *doubt; /* of the command being run: why its status is only the likeliest */
	const char *status_doubt; /* the same of $? */

	const char *source; /* of the command being run */
	size_t line;
};

/* An argument list after expansion. */
struct arguments {
	struct value *values; /* the command first */
	size_t n;
	const char *block; /* NULL: none */
};

/* memory.c */
void *memory_take(struct grub *grub, size_t size);
char *memory_copy(struct grub *grub, const char *text, size_t size);
char *memory_text(struct grub *grub, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What a buffer holds, in the run's memory; the buffer is cleared. */
char *memory_buf(struct grub *grub, struct buf *buf);
void memory_clear(struct memory *memory);

/* lexer.c, parser.c: the statements of the next line, or of as many lines as they take.
 * 1 and *out (NULL for none), 0 at the end, RUN_ERROR. Functions are defined on the way. */
int script_next(struct grub *grub, struct lines *lines, struct statement **out);

/* The next line with its newline, appended to out: 1, 0 at the end, RUN_ERROR. */
int lines_next(struct grub *grub, struct lines *lines, struct buf *out);

/* words.c */
int words_expand(struct grub *grub, const struct word *words, struct arguments *out);
bool text_is_special(const char *name); /* $1, $#, $@, $* */
int glob_expand(struct grub *grub, const char *pattern, const char *const **out, size_t *n);

/* execute.c */
int script_run(struct grub *grub, struct lines *lines);
int script_run_source(struct grub *grub, const char *source, const char *name, size_t line);
int statements_run(struct grub *grub, const struct statement *list);
int command_run(struct grub *grub, struct arguments *arguments);

/* $? decides something: where it is in doubt, that is an assumption. */
void status_used(struct grub *grub);

/* variables.c */
const struct variable *variable_get(const struct grub *grub, const char *name);
const char *variable_text(const struct grub *grub, const char *name); /* NULL: not set */
int variable_set(struct grub *grub, const char *name, struct value value);
int variable_unset(struct grub *grub, const char *name);
int variable_export(struct grub *grub, const char *name);
int context_open(struct grub *grub);
void context_close(struct grub *grub);

/* file.c */
struct grub_file file_of_name(struct grub *grub, const char *name); /* device NULL: there is none */
const struct grub_device *device_find(const struct grub *grub, const char *name);
int file_stat(struct grub *grub, const struct grub_file *file, struct grub_stat *out);
/* Opens a file as GRUB's file layer does, which measures it: 1, 0 there is none, or it ends. */
int file_open_measured(struct grub *grub, const char *name, const char *unknown,
		       struct grub_file *out);
int file_read(struct grub *grub, const struct grub_file *file, size_t max, struct bytes *out);
int file_is_exempt(const struct grub_file *file); /* (memdisk), (proc): never measured */
int event_measure(struct grub *grub, enum grub_event_kind kind, const char *text,
		  const char *unknown);
int event_hand(struct grub *grub, const struct grub_event *event);
/* The end of the run, nothing started; NULL: out of memory, an error. */
int grub_halt(struct grub *grub, const char *why);
/* The end of the run, with an error of ours: GRUB's script at hand is named. */
int grub_fail(struct grub *grub, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* commands.c */
struct command_spec {
	const char *name;
	const char *module; /* "": in the kernel image; else the module that has it */
	int (*run)(struct grub *grub, struct arguments *arguments);
	/* What its status says in a branch, where run is NULL or cannot know: the reason. */
	const char *doubt;
};
const struct command_spec *command_find(const char *name);
bool module_is_loaded(const struct grub *grub, const char *name);
int module_load(struct grub *grub, const char *name);
int module_load_file(struct grub *grub, const char *name);

/* Options of a command, GRUB's way: --name[=ARG], --name ARG, -n ARG, "--" ends them. */
struct option_spec {
	const char *name;
	char letter;
	enum { OPTION_FLAG, OPTION_ARGUMENT, OPTION_OPTIONAL, OPTION_REPEATED } kind;
};
#define OPTION_VALUES_MAX 32
struct option {
	bool set;
	const struct value *values[OPTION_VALUES_MAX];
	size_t n;
};
/* The words that are no options move to the front of arguments, behind the command. accept_dash:
 * what looks like an unknown option is a word. 0 or a status. */
int options_parse(struct grub *grub, struct arguments *arguments, const struct option_spec *specs,
		  size_t n, bool accept_dash, struct option *out);

int run_test(struct grub *grub, struct arguments *arguments);
int run_search(struct grub *grub, struct arguments *arguments);
int run_search_short(struct grub *grub, struct arguments *arguments);
int run_probe(struct grub *grub, struct arguments *arguments);
int run_regexp(struct grub *grub, struct arguments *arguments);
int run_load_env(struct grub *grub, struct arguments *arguments);
int run_save_env(struct grub *grub, struct arguments *arguments);
int run_list_env(struct grub *grub, struct arguments *arguments);
int run_menuentry(struct grub *grub, struct arguments *arguments);
int run_source(struct grub *grub, struct arguments *arguments);
int run_extract(struct grub *grub, struct arguments *arguments);
int run_normal(struct grub *grub, struct arguments *arguments);
int run_linux(struct grub *grub, struct arguments *arguments);
int run_initrd(struct grub *grub, struct arguments *arguments);
int run_chainloader(struct grub *grub, struct arguments *arguments);
int run_boot(struct grub *grub, struct arguments *arguments);
int run_blscfg(struct grub *grub, struct arguments *arguments);
int run_loadfont(struct grub *grub, struct arguments *arguments);
int run_insmod(struct grub *grub, struct arguments *arguments);

/* menu.c */
int config_read(struct grub *grub, const char *name, const char *unknown);
int normal_enter(struct grub *grub, const char *config);
int menu_show(struct grub *grub, bool automatic);
int menu_add(struct grub *grub, const struct value *arguments, size_t n, const char *id,
	     const char *source, bool is_submenu);
int lists_read(struct grub *grub, const char *prefix);
int catalogue_read(struct grub *grub, const char *prefix);

/* image.c: a module's section of that name; empty when there is none. */
struct bytes module_section(struct bytes module, const char *name);

/* release.c */
void behaviour_find(struct grub *grub);

/* rescue.c */
int rescue_run(struct grub *grub, struct bytes config);

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\v' || c == '\f' || c == '\r';
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* GRUB's strtoul: base 0, 10 or 16; false when there is no number or it does not fit. */
bool number_parse(const char *text, const char **end, int base, unsigned long *out);

#endif
