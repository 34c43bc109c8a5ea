/* What a person would see: the terminal's screen, kept by libvterm, and the lines above it as text.
 * Pure: bytes in, text out, and the terminal's own answers (to "where is the cursor?") by a callback. */
#ifndef ROOST_NODEAGENT_SESSION_SCREEN_H
#define ROOST_NODEAGENT_SESSION_SCREEN_H

#include "bus/foundation/arena.h"

#include <stddef.h>
#include <stdint.h>

struct screen;

/* What the terminal answers to the program. */
typedef void (*screen_answer)(void *context, const char *data, size_t size);

struct screen_text {
	const char *text; /* UTF-8, each line ended by \n and without trailing blanks */
	size_t size;
	uint32_t screen_lines; /* how many of the lines are the screen; the ones before are scrollback */
};

/* Sizes are 1..TERMINAL_SIDE_MAX; rows are cut so that there are at most SESSION_CELLS_MAX cells
 * (screen_fit tells). NULL when there is no memory. */
struct screen *screen_new(uint32_t cols, uint32_t rows, screen_answer answer, void *context);
void screen_free(struct screen *screen);
void screen_fit(uint32_t *cols, uint32_t *rows);

/* Takes the next output, in order. Returns how many of the bytes it took, at least one: plain text goes
 * fast, but a call works on little else before it returns, so that input does not wait for it. */
size_t screen_write(struct screen *screen, const char *data, size_t size);

void screen_resize(struct screen *screen, uint32_t cols, uint32_t rows);

/* The screen without trailing blank lines, or with lines > 0 the last `lines` lines of scrollback and
 * screen; at most SESSION_TEXT_BYTES_MAX from the end. */
struct screen_text screen_text(struct screen *screen, uint32_t lines, struct arena *arena);

#endif
