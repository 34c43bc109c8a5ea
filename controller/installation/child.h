/* One process of a daemon: started, its output kept in a bounded log, its end noticed. It has a session
 * of its own, so that Ctrl-C at the terminal reaches only the supervisor, and it dies with the
 * supervisor. Loop thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_CHILD_H
#define ROOST_CONTROLLER_INSTALLATION_CHILD_H

#include "bus/foundation/error.h"
#include "controller/installation/process_identity.h"

#include <uv.h>

struct child;

struct child_settings {
	const char *const *argv;  /* NULL-terminated; looked up in PATH */
	char *const *environment; /* NAME=value on top of this process's own, NULL-terminated */
	const char *log_path;
	/* It has ended; `status` as from waitpid. The child is freed afterwards. */
	void (*ended)(void *context, int status);
	void *context;
};

/* NULL with an error when the program cannot be started. The settings' texts are used at once. */
struct child *child_start(uv_loop_t *loop, const struct child_settings *settings, struct error *error);

struct process_identity child_identity(const struct child *child);

void child_signal(struct child *child, int signal);

#endif
