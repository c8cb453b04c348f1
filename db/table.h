/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table: rows of text in aligned columns, as db's commands print them. What is
 * shown is escaped. The heading is for people: it is left out of a pipe, so that
 * every line there is a row.
 */
#ifndef DB_TABLE_H
#define DB_TABLE_H

#include <stdio.h>

#include "core/bytes.h"

struct column {
	const char *heading;
	bool right; /* numbers */
};

struct table {
	const struct column *columns;
	size_t n_columns;
	unsigned indent;
	struct buf text; /* cells, each ended by a NUL; row by row */
	size_t n_cells;
};

/* The next cell of the current row. An empty one is shown as "-". */
void table_bytes(struct table *table, struct bytes text);
void table_string(struct table *table, const char *text);
void table_uint(struct table *table, uint64_t value);

/* Prints all rows; -1 and *err when memory ran out on the way. */
int table_print(struct table *table, FILE *out, struct error *err);

void table_clear(struct table *table);

#endif
