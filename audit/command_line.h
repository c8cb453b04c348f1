/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * command_line: what two command lines differ in, word by word, and which words take a protection away,
 * or give one that is gone now.
 *
 * Source:  Linux Documentation/admin-guide/kernel-parameters.txt; kernel-command-line(7),
 *          systemd-debug-generator(8), dracut.cmdline(7).
 * Threads: no shared state.
 */
#ifndef AUDIT_COMMAND_LINE_H
#define AUDIT_COMMAND_LINE_H

#include "core/bytes.h"

/* The next word from *at on; quotes keep blanks in it. */
bool command_line_next(struct bytes text, size_t *at, struct bytes *word);

bool command_line_has(struct bytes text, struct bytes word);

/* The words that a has and b has not are all among those that c has and d has not. */
bool command_line_beyond_is_in(struct bytes a, struct bytes b, struct bytes c, struct bytes d);

/* How words came to differ. */
enum command_line_words {
	WORDS_ADDED,           /* to a kernel's command line */
	WORDS_ADDED_TO_SCRIPT, /* to a boot loader's command, where short words mean other things */
	WORDS_LOST,            /* from either */
};

/* What a word that was added or lost means for the machine's protection; NULL: nothing known. */
const char *command_line_meaning(struct bytes word, enum command_line_words words);

/* Words of text that other lacks, in their order, each escaped and with what it means in brackets. */
void command_line_beyond(struct buf *out, struct bytes text, struct bytes other,
			 enum command_line_words words);

#endif
