/* The agent's side of session hosts: starting them, finding those that live on after a restart of the
 * agent, and talking to them. One libuv loop, one thread: call everything on the loop's thread; every
 * callback comes on it too, never from inside the call that asked for it.
 *
 * Every session has a folder of its own, `<folder>/<session id>/` (mode 0700):
 *
 *   spec     what to run, a HostSpec; written before the host is started
 *   lock     locked by the host for as long as it lives; holds its pid and start time as text
 *   socket   where the host answers (sessionhost.proto)
 *   console  while an OCI runtime starts the program: where it hands over the terminal
 *   pid      the same, the runtime's pid file
 *   log      what the host had to complain about
 *   ended    a HostEnded, from the moment that the session has ended; durable before anyone is told
 *
 * and the host is started as `roost-sessionhost <that folder>`. It puts itself into the background,
 * outside the agent's process group and cgroup. Exit status of the starting process: 0 the host
 * answers on its socket; 3 the session has a host already; 4 the session has ended; 1 anything else.
 *
 * A session has one of three fates, and the agent hears of each exactly once while it lives:
 * on_running and later on_ended; or on_ended alone. After a restart of the agent, session_client_adopt
 * tells them again for every folder that is still there, so the agent's own books decide whether an
 * end is news. A session whose host vanished without a word (kill -9) is ended by the client itself,
 * which takes the lock and writes `ended`, so that a late host cannot start anything. */
#ifndef ROOST_NODEAGENT_SESSION_SESSION_CLIENT_H
#define ROOST_NODEAGENT_SESSION_SESSION_CLIENT_H

#include "bus/foundation/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* The first argument that is exactly one of these is replaced by the host. Whoever names the console gets
 * the way of OCI runtimes, for example
 *   runc exec --detach --tty --console-socket %console% --pid-file %pidfile% --env TERM=... ID bash
 * (both are needed, --detach too): the program's terminal arrives over the console socket, its pid in
 * the pid file, and the program becomes a child of the host once the runtime's command has ended. Its
 * environment is then the runtime's business. Without them the command itself gets the terminal. */
#define SESSION_ARGUMENT_CONSOLE  "%console%"
#define SESSION_ARGUMENT_PID_FILE "%pidfile%"

/* The message of a program that did not start for no reason that its host knows. */
#define SESSION_COULD_NOT_START "The program could not be started."

struct session_client;

/* How a session ended. Strings live for the duration of the callback. */
struct session_end {
	bool started;	       /* false: the program never ran */
	bool unexpected;       /* the session host vanished; the program's own end is not known */
	int exit_code;	       /* 128 + n after signal n; -1 when it is not known */
	int64_t ended_at_ms;   /* wall clock of this machine */
	uint64_t output_bytes; /* everything that the program wrote */
	const char *message;   /* a safe sentence when it did not start or ended unexpectedly, else "" */
	const char *detail;    /* for the agent's own log, may hold internals; "" mostly */
};

struct session_callbacks {
	/* The program runs. program_pid is its pid as this machine sees it. */
	void (*on_running)(void *context, const char *session_id, int program_pid);
	/* The session is over and its folder holds `ended`. */
	void (*on_ended)(void *context, const char *session_id, const struct session_end *end);
	void *context;
};

struct session_client_options {
	uv_loop_t *loop;
	const char *folder;	  /* of the sessions' folders; made when absent */
	const char *host_program; /* roost-sessionhost */
	const char *cgroup;	  /* for the hosts, relative to the cgroup roots, such as
				   * "roost-<installation>/sessionhosts"; NULL leaves them where they are */
	struct session_callbacks callbacks;
};

/* What to start. All is copied. */
struct session_start {
	const char *session_id;	    /* a ULID */
	const char *const *argv;    /* ends with NULL */
	const char *const *env;	    /* NAME=value, ends with NULL; NULL for none. TERM is added when it is absent */
	const char *working_folder; /* NULL: the session's folder */
	uint32_t cols, rows;	    /* 0: 80 and 24 */
};

/* Copies the options. NULL and the error when the folder cannot be made. The caller ends it with
 * session_client_close. */
struct session_client *session_client_open(const struct session_client_options *options, struct error *error);

/* Leaves all hosts alone, drops the connections, forgets requests under way (their callbacks are not
 * called) and frees the client once libuv has let go; `closed` may be NULL. */
void session_client_close(struct session_client *client, void (*closed)(void *context), void *context);

/* Looks at every session folder: a living host is connected to and ends in on_running (or on_ended), an
 * ended one in on_ended, one without a host and without `ended` is ended as unexpected. What is not a
 * session folder is logged and left alone. */
bool session_client_adopt(struct session_client *client, struct error *error);

/* Writes the spec and starts a host. True: exactly one on_ended will follow, and on_running before it
 * if the program came to run. False: nothing was started and nothing will be called;
 * ERROR_CONFLICT when the session's folder is already there. */
bool session_start(struct session_client *client, const struct session_start *start, struct error *error);

/* True when the client knows a host of this session that has not ended. */
bool session_alive(const struct session_client *client, const char *session_id);

/* How many such there are. */
size_t session_count(const struct session_client *client);

/* The answer to a request: `error` is NULL on success. */
typedef void (*session_done)(void *context, const struct error *error);
/* `text` is UTF-8 with lines ended by \n, NULL on failure; it lives for the duration of the call. */
typedef void (*session_text_done)(void *context, const char *text, const struct error *error);

/* Each of the following answers exactly once unless the client is closed before, within
 * SESSION_REQUEST_TIMEOUT_MS. Errors of all: ERROR_SESSION_NOT_FOUND (no such folder),
 * ERROR_SESSION_NOT_RUNNING (starting, ended or ending), ERROR_BUSY (the host does not answer, or too
 * many requests wait). `done` may be NULL for input, resize and stop. */

/* Types `size` bytes (1..INPUT_BYTES_MAX) as they are. The same input_id (1..128 bytes) again is
 * answered with success and typed once. Success: typed, or queued in order behind input that the
 * program has not read yet. ERROR_BUSY: that queue is full, nothing of it was taken. */
void session_input(struct session_client *client, const char *session_id, const char *input_id, const void *data,
		   size_t size, session_done done, void *context);

/* What the screen shows, without trailing blanks; with lines > 0 the last `lines` lines of scrollback
 * and screen. Ended sessions answer from their `ended` file (D15). At most SESSION_TEXT_BYTES_MAX, from
 * the end. */
void session_text(struct session_client *client, const char *session_id, uint32_t lines, session_text_done done,
		  void *context);

/* Sets the terminal's size, 1..TERMINAL_SIDE_MAX each; ERROR_INVALID_ARGUMENT beyond. */
void session_resize(struct session_client *client, const char *session_id, uint32_t cols, uint32_t rows,
		    session_done done, void *context);

/* Ends the program: SIGHUP and SIGTERM at once, SIGKILL after grace_ms. Answers when the host has begun;
 * the end comes as on_ended. Whatever else runs in the session's cgroup is the runtime driver's to kill.
 * A host that does not answer is killed itself, and only then: silence alone ends no session. */
void session_stop(struct session_client *client, const char *session_id, uint32_t grace_ms, session_done done,
		  void *context);

/* Removes the folder of an ended session, and with it its last output. ERROR_CONFLICT while it lives. */
bool session_remove(struct session_client *client, const char *session_id, struct error *error);

#endif
