/* The watch over an installation's daemons: starts them, starts those again that die (with backoff that
 * begins anew once one has lived for a while), ends them in reverse order. Loop thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_SUPERVISOR_H
#define ROOST_CONTROLLER_INSTALLATION_SUPERVISOR_H

#include "controller/installation/layout.h"

#include <uv.h>

enum {
	DAEMONS_MAX = 16,
	RESTART_FIRST_MS = 200,
	RESTART_MAX_MS = 30 * 1000,
	RESTART_FORGIVEN_MS = 5 * 1000, /* having lived so long, a daemon begins with the first wait again */
	STOP_GRACE_MS = 20 * 1000,
};

struct supervisor;

/* `installation` is borrowed. `say` gets lines for a person. */
struct supervisor *supervisor_new(uv_loop_t *loop, const struct installation *installation,
				  void (*say)(const char *line));

struct daemon_settings {
	const char *name;	  /* also of its log */
	const char *const *argv;  /* NULL-terminated */
	char *const *environment; /* NULL-terminated */
	/* Asked when it has ended by itself, `status` as from waitpid: true when that was its end for good, so
	 * that it is not started again. NULL: it never is. */
	bool (*over)(void *context, int status);
	void *context;
};

/* Starts a daemon and keeps it running. Everything is copied. False only when the program cannot be
 * started the first time. */
bool supervisor_add(struct supervisor *supervisor, const struct daemon_settings *settings, struct error *error);

/* How often daemons were started again. */
uint64_t supervisor_restarts(const struct supervisor *supervisor);

/* SIGTERM to the last one, SIGKILL when it does not end in time, then the one before, and so on;
 * `stopped` when all have ended. Called again: SIGKILL to all at once. */
void supervisor_stop(struct supervisor *supervisor, void (*stopped)(void *context), void *context);

/* After `stopped`. */
void supervisor_free(struct supervisor *supervisor);

#endif
