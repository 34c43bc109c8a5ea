/* Runs an external program on a worker thread and waits for it: with a deadline, with a cancel from
 * another thread, keeping the last of its output. The one place of the runtime that spawns. */
#ifndef ROOST_NODEAGENT_RUNTIME_EXTERNAL_H
#define ROOST_NODEAGENT_RUNTIME_EXTERNAL_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXTERNAL_LOG_BYTES_MAX = 1024 * 1024 };

/* What a worker's waits can be interrupted by. Made by the dispatcher for each call. */
struct external_wait {
	int cancel_fd; /* an eventfd, readable once cancelled; -1 for none */
};

/* True once cancelled. NULL is allowed. */
bool external_wait_cancelled(const struct external_wait *wait);

enum external_end { EXTERNAL_EXITED, EXTERNAL_TIMED_OUT, EXTERNAL_CANCELLED };

struct external_result {
	enum external_end end;
	int exit_code;	    /* 128 + signal when killed by one; -1 unless EXITED */
	const char *output; /* the last STEP_OUTPUT_TAIL_BYTES of both outputs, in the arena */
};

struct external_options {
	char *const *argv;
	char *const *environment; /* NULL: a minimal one (PATH, LC_ALL=C) */
	const char *input;	  /* given on standard input; NULL for none */
	const char *log_path;	  /* NULL, or a file that gets the first EXTERNAL_LOG_BYTES_MAX of output */
	int lock_fd;		  /* 0 for none; the program keeps it open, so that a lock outlives a killed agent */
	uint32_t timeout_ms;	  /* 0 for none */
};

/* Runs it in a process group of its own, which is killed whole when the time is up or it is cancelled.
 * Returns false only when it could not be run at all; how it ended is in the result. Output is taken
 * until the program has ended, so a grandchild that holds the pipe does not hang the caller. */
bool external_run(const struct external_options *options, const struct external_wait *wait, struct arena *arena,
		  struct external_result *result, struct error *error);

/* Makes bytes of strangers fit to be shown: control characters and broken UTF-8 become '?', carriage
 * returns line ends. Works in place; the length stays. */
void external_text_make_safe(char *text, size_t size);

#endif
