/* The lines that have left the screen at its top, as UTF-8 text without trailing blanks. Bounded by
 * OUTPUT_LINES_MAX lines and SESSION_SCROLLBACK_BYTES; the oldest go first. */
#ifndef ROOST_NODEAGENT_SESSION_SCROLLBACK_H
#define ROOST_NODEAGENT_SESSION_SCROLLBACK_H

#include <stdbool.h>
#include <stddef.h>

struct scrollback {
	char *data;   /* a circle of lines, each ended by \n */
	size_t first; /* where the oldest line begins */
	size_t used;  /* bytes in use from there on */
	size_t lines;
};

/* False when there is no memory. */
bool scrollback_open(struct scrollback *scrollback);
void scrollback_close(struct scrollback *scrollback);

/* Adds a line (without its \n, and holding none). Trailing spaces are cut. */
void scrollback_add(struct scrollback *scrollback, const char *line, size_t size);

/* Bytes of the newest `lines` lines, their \n included, of as many as are there and fit into `most`. */
size_t scrollback_measure(const struct scrollback *scrollback, size_t lines, size_t most);

/* Copies the newest `size` bytes, as scrollback_measure counted them, to `into`. */
void scrollback_copy(const struct scrollback *scrollback, char *into, size_t size);

#endif
