/* Work that blocks, done on libuv's worker threads, with its results back on the loop as plain data.
 *
 * Jobs of one lane (a workspace's id) run one after another in the order in which they came, since the
 * runtime takes one call per workspace at once; jobs of different lanes run side by side. However many starts
 * wait for a slow server, stops, removals and questions find a thread (S0-05). Everything
 * but `work` is called on the loop. The only thing that crosses over while a job works is its progress
 * and its `cancelled` mark. */
#ifndef ROOST_NODEAGENT_CONTROL_JOBS_H
#define ROOST_NODEAGENT_CONTROL_JOBS_H

#include "bus/foundation/arena.h"
#include "bus/foundation/limits.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

struct jobs;

/* Threads of libuv's pool, and how many of them work that is slow may have at once. */
enum { JOBS_THREADS = 16, JOBS_SLOW_MOST = 12 };

/* Allocated in its own arena, as the first member of a larger struct. The arena is the worker's while
 * the job works; it is freed after `done`. */
struct job {
	char lane[IDENTIFIER_LENGTH + 1]; /* "" for none: runs at once */
	struct arena *arena;
	void (*work)(struct job *job);						  /* on a worker thread */
	void (*progress)(struct job *job, const char *step, const char *message); /* may be NULL */
	void (*done)(struct job *job);
	void *context;
	bool slow;	       /* may last for minutes: some threads are never given to such work */
	atomic_bool cancelled; /* asked to end early; what that means is the work's to know */

	/* of jobs.c */
	struct jobs *jobs;
	struct job *next;
	uv_work_t request;
	bool working;
};

/* NULL never: the process ends without memory. */
struct jobs *jobs_open(uv_loop_t *loop);

/* Nothing may be waiting or working. `closed` is called on the loop when the memory is gone. */
void jobs_close(struct jobs *jobs, void (*closed)(void *context), void *context);

/* Takes the job over. */
void jobs_submit(struct jobs *jobs, struct job *job);

/* From the worker: `progress` is called on the loop, before `done`. Copies the texts. */
void job_tell(struct job *job, const char *step, const char *message);

/* Jobs that wait or work. */
size_t jobs_count(const struct jobs *jobs);

/* Calls `idle` once, on the loop, when no job waits or works any more; at once when that is so. */
void jobs_when_idle(struct jobs *jobs, void (*idle)(void *context), void *context);

/* Calls `visit` for each job that waits or works. */
void jobs_each(struct jobs *jobs, void (*visit)(struct job *job, void *context), void *context);

#endif
