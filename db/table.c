/* SPDX-License-Identifier: BSD-2-Clause */
#include "db/table.h"

#include <inttypes.h>
#include <unistd.h>

#include "core/text.h"

void table_bytes(struct table *table, struct bytes text)
{
	if (text.size)
		text_append(&table->text, text);
	else
		buf_append_string(&table->text, "-");
	buf_append_u8(&table->text, 0);
	table->n_cells++;
}

void table_string(struct table *table, const char *text)
{
	table_bytes(table, bytes_of_string(text));
}

void table_uint(struct table *table, uint64_t value)
{
	buf_printf(&table->text, "%" PRIu64, value);
	buf_append_u8(&table->text, 0);
	table->n_cells++;
}

/* Characters, not bytes: good enough for names and paths. */
static size_t shown_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

static void print_cell(const struct table *table, FILE *out, size_t column, const char *text,
		       size_t width)
{
	size_t padding = width - shown_width(text);
	bool last = column + 1 == table->n_columns;

	if (table->columns[column].right)
		fprintf(out, "%*s%s%s", (int)padding, "", text, last ? "\n" : "  ");
	else
		fprintf(out, "%s%*s", text, last ? 0 : (int)padding + 2, "");
	if (last && !table->columns[column].right)
		putc('\n', out);
}

int table_print(struct table *table, FILE *out, struct error *err)
{
	AUTO(own_free) size_t *widths = calloc(table->n_columns, sizeof(*widths));
	bool heading = isatty(fileno(out)) && table->n_cells;
	const char *cell;

	if (!widths || buf_finish(&table->text, err) < 0)
		return error_memory(err, NULL);
	for (size_t i = 0; heading && i < table->n_columns; i++)
		widths[i] = shown_width(table->columns[i].heading);
	cell = (const char *)table->text.data;
	for (size_t i = 0; i < table->n_cells; i++, cell += strlen(cell) + 1) {
		size_t width = shown_width(cell);

		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
	for (size_t i = 0; heading && i < table->n_columns; i++) {
		if (i == 0)
			fprintf(out, "%*s", (int)table->indent, "");
		print_cell(table, out, i, table->columns[i].heading, widths[i]);
	}
	cell = (const char *)table->text.data;
	for (size_t i = 0; i < table->n_cells; i++, cell += strlen(cell) + 1) {
		if (i % table->n_columns == 0)
			fprintf(out, "%*s", (int)table->indent, "");
		print_cell(table, out, i % table->n_columns, cell, widths[i % table->n_columns]);
	}
	return 0;
}

void table_clear(struct table *table)
{
	buf_clear(&table->text);
	table->n_cells = 0;
}
