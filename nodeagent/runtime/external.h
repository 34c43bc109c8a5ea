/* Runs an external program on a worker thread and waits for it: with a deadline, with a cancel from
 * another thread, keeping the last of its output and telling its lines. The one place of the runtime that spawns. */
#ifndef ROOST_NODEAGENT_RUNTIME_EXTERNAL_H
#define ROOST_NODEAGENT_RUNTIME_EXTERNAL_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a worker's waits can be interrupted by, and who hears of them. Made by the dispatcher for each call. */
struct external_wait {
	int cancel_fd; /* an eventfd, readable once cancelled; -1 for none */
	bool *hung;    /* set when a program that must answer did not; NULL: nobody asks */
	/* Gets each line of output, made safe, without its end; NULL: nobody listens. */
	void (*output)(void *context, const char *line);
	void *output_context;
};

/* True once cancelled. NULL is allowed. */
bool external_wait_cancelled(const struct external_wait *wait);

enum external_end { EXTERNAL_EXITED, EXTERNAL_TIMED_OUT, EXTERNAL_CANCELLED };

struct external_result {
	enum external_end end;
	bool hung;	    /* timed out where it had to answer */
	int exit_code;	    /* 128 + signal when killed by one; -1 unless EXITED */
	const char *output; /* the last STEP_OUTPUT_TAIL_BYTES of both outputs, in the arena */
};

struct external_options {
	char *const *argv;
	char *const *environment; /* NULL: a minimal one (PATH, LC_ALL=C) */
	const char *input;	  /* given on standard input; NULL for none */
	int lock_fd;		  /* 0 for none; the program keeps it open, so that a lock outlives a killed agent */
	uint32_t timeout_ms;	  /* 0 for none */
	uint32_t answer_ms;	  /* 0, or the time in which it must begin to say something, else it hangs */
	bool must_answer;	  /* out of time means that the machine hangs, not that there was much to do */
};

/* Runs it in a process group of its own, which is killed whole when the time is up or it is cancelled.
 * Returns false only when it could not be run at all; how it ended is in the result. Output is taken
 * until the program has ended, so a grandchild that holds the pipe does not hang the caller. */
bool external_run(const struct external_options *options, const struct external_wait *wait, struct arena *arena,
		  struct external_result *result, struct error *error);

#endif
