/* What is kept and told of a program's output: its last bytes, and every line to whoever listens. Bytes of
 * strangers are made safe on the way. One thread. */
#ifndef ROOST_NODEAGENT_RUNTIME_OUTPUT_H
#define ROOST_NODEAGENT_RUNTIME_OUTPUT_H

#include "bus/foundation/arena.h"
#include "bus/foundation/limits.h"

#include <stdbool.h>
#include <stddef.h>

/* A program that says more than this is listened to no longer; a last line says so. */
enum { OUTPUT_TOLD_BYTES_MAX = 1024 * 1024 };

struct output {
	void (*tell)(void *context, const char *line); /* NULL: nobody listens */
	void *context;
	char line[LOG_LINE_BYTES_MAX]; /* the one that has not ended yet */
	size_t line_size;
	size_t told;			   /* bytes */
	size_t seen;			   /* bytes of output so far */
	char tail[STEP_OUTPUT_TAIL_BYTES]; /* a ring */
};

/* Takes the next bytes; tells the lines that end in them. */
void output_take(struct output *output, const char *data, size_t size);

/* Tells the last line, which has no end; returns the last STEP_OUTPUT_TAIL_BYTES as safe text in the arena. */
const char *output_end(struct output *output, struct arena *arena);

/* Makes bytes of strangers fit to be shown: control characters and broken UTF-8 become '?', carriage
 * returns line ends. Works in place; the length stays. */
void output_make_safe(char *text, size_t size);

#endif
