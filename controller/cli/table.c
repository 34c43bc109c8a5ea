/* Rows are kept until all are known, since the widest cell makes the column. */
#include "controller/cli/table.h"

#include "controller/cli/text.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct table_line {
	struct table_line *next;
	const char **cells;
};

struct table {
	struct arena *arena;
	const char *const *headings;
	size_t columns;
	size_t *widths;
	struct table_line *first;
	struct table_line **end;
};

static void widen(struct table *table, size_t column, const char *cell)
{
	size_t width = text_width(cell);
	if (width > table->widths[column])
		table->widths[column] = width;
}

struct table *table_new(const char *const *headings, struct arena *arena)
{
	struct table *table = arena_new_of(arena, struct table);
	table->arena = arena;
	table->headings = headings;
	table->end = &table->first;
	while (headings[table->columns] != NULL)
		table->columns++;
	table->widths = arena_array_of(arena, size_t, table->columns);
	for (size_t i = 0; i < table->columns; i++)
		widen(table, i, headings[i]);
	return table;
}

void table_row(struct table *table, const char *const *cells)
{
	struct table_line *line = arena_new_of(table->arena, struct table_line);
	line->cells = arena_array_of(table->arena, const char *, table->columns);
	for (size_t i = 0; i < table->columns; i++) {
		line->cells[i] = text_safe(cells[i], false, table->arena);
		widen(table, i, line->cells[i]);
	}
	*table->end = line;
	table->end = &line->next;
}

static void print_cells(const struct table *table, const char *const *cells, bool colours)
{
	for (size_t i = 0; i < table->columns; i++) {
		const char *colour = colours ? text_colour_of(cells[i]) : "";
		size_t padding = i + 1 < table->columns ? table->widths[i] - text_width(cells[i]) + 2 : 0;
		printf("%s%s%s%*s", colour, cells[i], colour[0] == '\0' ? "" : "\x1b[0m", (int)padding, "");
	}
	putchar('\n');
}

void table_print(const struct table *table, const char *when_empty)
{
	if (table->first == NULL) {
		fprintf(stderr, "%s\n", when_empty);
		return;
	}
	bool colours = text_colours();
	print_cells(table, table->headings, false);
	for (const struct table_line *line = table->first; line != NULL; line = line->next)
		print_cells(table, line->cells, colours);
}
