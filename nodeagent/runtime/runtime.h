/* The one door to workspaces on this machine: picks the driver, runs the steps in order, cleans up
 * after a step that failed. No other code calls a driver (S2-04..S2-07).
 *
 * Threads: runtime_open, runtime_close and runtime_cancel belong to the loop. All other calls block and
 * belong on a libuv worker thread: at most one call per workspace at once, several workspaces in
 * parallel; the caller keeps to that. (UV_THREADPOOL_SIZE bounds the parallelism.)
 *
 * Without a usable driver a start fails at once with the true cause (D7); stop and remove succeed when
 * nobody runs it. A NULL runtime behaves like that too. A runtime program that never ends is ended after
 * program_timeout_seconds, so every call ends in bounded time. */
#ifndef ROOST_NODEAGENT_RUNTIME_RUNTIME_H
#define ROOST_NODEAGENT_RUNTIME_RUNTIME_H

#include "nodeagent/runtime/runtime_driver.h"

struct runtime;

/* Who hears of a start while it goes on; called on the worker thread that runs it. Each may be NULL. */
struct runtime_listener {
	void *context;
	/* Before each step ("disk", "network", "sandbox", "clone"). `message` is a sentence for users. */
	void (*progress)(void *context, const char *step, const char *message);
	/* Each line that a program of the step says (git, tar, the runtime), as it says it: safe text without
	 * its end, at most LOG_LINE_BYTES_MAX; a longer one comes in pieces. Repetitions are passed on. */
	void (*output)(void *context, const char *step, const char *line);
};

/* Where the cause of a failure lies. WORKSPACE is no sign of trouble; the others are, though a workspace that
 * has wrecked its own root can make MACHINE of it: a probe tells for certain. */
enum runtime_cause {
	RUNTIME_CAUSE_WORKSPACE, /* in what was asked for: repository, branch, image, size; or it was cancelled */
	RUNTIME_CAUSE_MACHINE,	 /* in the node: its disk, network, kernel, runtime program */
	RUNTIME_CAUSE_HANG	 /* a program of the node did not answer in its time */
};

/* Why a start failed, for WorkspaceFailed. Texts live in the arena of the call. */
struct runtime_failure {
	enum runtime_cause cause;
	const char *step;    /* "runtime", "disk", "network", "sandbox", "clone" */
	const char *message; /* safe for users */
	const char *detail;  /* tail of the step's output, at most STEP_OUTPUT_TAIL_BYTES; "" for none */
	bool cancelled;	     /* by runtime_cancel */
};

/* Makes a runtime over the driver (NULL: none, every start fails). `settings` is copied shallowly: its
 * texts stay the caller's and must outlive the runtime. The caller frees it with runtime_close. */
bool runtime_open(const struct runtime_driver *driver, const struct runtime_settings *settings,
		  struct runtime **runtime, struct error *error);

/* Frees it; running workspaces run on. Nothing may be going on. NULL is allowed. */
void runtime_close(struct runtime *runtime);

/* Tries the driver out (takes some tenths of a second) and fills the facts, which live in the arena.
 * False with the cause when no workspace can be made. Must be called once before the first start; again
 * whenever the agent wants to know whether things have changed. */
bool runtime_probe(struct runtime *runtime, struct arena *arena, struct runtime_facts *facts, struct error *error);

/* Makes again what running workspaces need of the machine and somebody else took away (a firewall that is
 * loaded anew flushes the rules of all). Blocks for a moment; to be called now and then. */
bool runtime_tend(struct runtime *runtime, struct error *error);

/* Whether a start could succeed, as far as that is known before anything is made: the runtime, the image, and
 * for a workspace that starts for the `first` time its repository. False with the true cause at once. */
bool runtime_preflight(struct runtime *runtime, struct arena *arena, const struct runtime_workspace *workspace,
		       bool first, struct runtime_failure *failure);

/* Disk, network, sandbox and checkout, whatever of them is missing. On success the workspace runs with
 * its repository checked out. On failure the sandbox and network are gone again, and the disk too unless
 * it was there before; `failure` says why. Idempotent: also after a kill -9 in the middle.
 * A workspace that runs already, with its checkout, is left alone. */
bool runtime_start(struct runtime *runtime, struct arena *arena, const struct runtime_workspace *workspace,
		   const struct runtime_listener *listener, struct runtime_failure *failure);

/* In the three calls that end or ask, no id (NULL, "") stands for what was never started: they succeed. */

/* Ends everything that runs in it and keeps the files. Succeeds when nothing runs. STOP_FAILED, and `left`
 * says what is left; calling again is right. Ends in bounded time: the grace and about half a minute. */
bool runtime_stop(struct runtime *runtime, const char *workspace_id, uint32_t grace_ms, struct runtime_left *left,
		  struct error *error);

/* Stops it without grace and takes everything away. Succeeds when nothing is there. As above for the rest;
 * while it cannot be stopped its files are kept (S4-23). */
bool runtime_remove(struct runtime *runtime, const char *workspace_id, struct runtime_left *left, struct error *error);

/* Takes away the mirrors of repositories, which belong to no workspace and are not listed: part of leaving
 * nothing on the machine. No start may be going on. Succeeds when there are none. */
bool runtime_remove_mirrors(struct runtime *runtime, struct error *error);

/* True in `running` when its first process lives. */
bool runtime_is_running(struct runtime *runtime, const char *workspace_id, bool *running, struct error *error);

/* How many processes it may have when it has as good as that many, so that a program may have failed to start for
 * it; else 0. */
uint32_t runtime_process_limit_reached(struct runtime *runtime, const char *workspace_id);

/* A pidfd of the workspace's first process: readable from the moment that it ends, so that the loop
 * notices by itself. Close-on-exec; the caller closes it. WORKSPACE_NOT_RUNNING when it does not run. */
bool runtime_watch(struct runtime *runtime, const char *workspace_id, int *pidfd, struct error *error);

/* All workspaces of this installation on this machine, from disk and kernel. */
bool runtime_list(struct runtime *runtime, struct arena *arena, struct runtime_found **found, size_t *count,
		  struct error *error);

/* The argv that runs a program inside a running workspace; execute it on the machine, with no other
 * privileges than the agent's, any number of seconds later. The program's cgroup exists afterwards.
 *
 * With console_socket: the started command sends the terminal's master over that unix socket (listening
 * before, one SCM_RIGHTS message), writes pid_file and exits 0 once the program runs. The program is then
 * a child of the nearest child subreaper (PR_SET_CHILD_SUBREAPER) above the command, which can wait for
 * it and gets its exit status.
 * Without: the command's standard files are the program's, and its exit status becomes the command's. */
bool runtime_command(struct runtime *runtime, struct arena *arena, const struct runtime_program *program, char ***argv,
		     struct error *error);

/* Ends every process of a group (a session), by force after `grace_ms`, and removes the group. Of an
 * absent one, succeeds. */
bool runtime_kill_processes(struct runtime *runtime, const char *workspace_id, const char *group, uint32_t grace_ms,
			    struct error *error);

/* From the loop: ends the external program that the workspace's present start waits for, and makes that
 * start fail with `cancelled`. Without a start going on it does nothing. Never blocks. */
void runtime_cancel(struct runtime *runtime, const char *workspace_id);

#endif
