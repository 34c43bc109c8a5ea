/* The inside of roost-sessionhost: one session, one process, one loop over poll(2). libuv is left out
 * here on purpose: a session's memory is counted by the hundred, and a dozen descriptors need no more.
 * Everything hangs on one struct; each file below does one job on it. */
#ifndef ROOST_NODEAGENT_SESSION_HOST_H
#define ROOST_NODEAGENT_SESSION_HOST_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/foundation/limits.h"
#include "nodeagent/session/frame.h"
#include "nodeagent/session/input_queue.h"
#include "nodeagent/session/ring.h"
#include "nodeagent/session/screen_process.h"
#include "sessionhost.pb-c.h"

#include <poll.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

enum {
	HOST_RUNTIME_SAID_MAX = 4096, /* the tail of what a failing runtime complained about */
	HOST_TEXT_MAX = 512,
};

struct host_client {
	int fd;	     /* -1: free place */
	bool broken; /* to be dropped at the loop's next turn; until then its place is not taken anew */
	struct frame_reader in;
	struct frame_writer out;
	bool following;
	uint64_t next;	     /* offset of the next output byte to be sent to a follower */
	int64_t progress_ms; /* when it last took something */
};

struct host {
	int folder, lock;
	struct arena *spec_arena, *request_arena;
	Roost__HostSpec *spec;
	uint32_t cols, rows;

	int listener, signals;
	struct stat socket_identity; /* to remove only our own socket */
	struct host_client clients[SESSION_HOST_CLIENTS_MAX];

	/* the program */
	Roost__HostState__Phase phase;
	bool by_runtime;     /* started by an OCI runtime's command */
	pid_t runtime;	     /* that command while it runs, else 0 */
	pid_t program;	     /* 0 until it is known and after its end */
	pid_t program_group; /* stays, for the last kill */
	int exec_failure;    /* pipe: errno of a failed exec; -1 once it is read */
	int runtime_output;  /* pipe: what the command says */
	char runtime_said[HOST_RUNTIME_SAID_MAX + 1];
	size_t runtime_said_size;
	int console, console_connection;
	int64_t spawn_deadline_ms;
	int exit_code;
	char message[HOST_TEXT_MAX], detail[HOST_RUNTIME_SAID_MAX + 1];

	/* its terminal */
	int terminal;	   /* the pty's master */
	int terminal_peer; /* its slave, held open so that no reader sees a hang-up while we live */
	struct ring ring;
	struct screen_process screen;
	struct input_queue *input;

	bool stop_wanted, stopping;
	uint32_t stop_grace_ms;
	int64_t kill_at_ms;   /* 0: not planned */
	int64_t finish_at_ms; /* once the session is over: when to stop waiting for slow clients */
};

/* ---- host.c ---- */

/* Takes the session: lock, spec, socket. False and the error; *status is what the starter exits with. */
bool host_open(struct host *host, int folder, int *status, struct error *error);

/* Starts the program and serves until the session is over. */
void host_run(struct host *host);

void host_close(struct host *host);

/* ---- host_spawn.c: starting the program ---- */

/* Begins; a failure ends the session as FAILED. */
void host_spawn(struct host *host);
/* The runtime handed the terminal over (console or its connection is readable). */
void host_console_ready(struct host *host);
/* The pipe of a failed exec, or of the runtime's complaints, is readable. */
void host_exec_failure_ready(struct host *host);
void host_runtime_output_ready(struct host *host);
/* A child ended: collects all that did. */
void host_reap(struct host *host);

/* ---- host_terminal.c: the pty, the ring, the screen ---- */

/* Takes a new terminal: non-blocking, sized. */
bool host_terminal_take(struct host *host, int fd, struct error *error);
bool host_terminal_wants_read(const struct host *host);
/* Reads what there is, at most a share so that clients get their turn, and sends it to followers. */
void host_terminal_read(struct host *host);
/* Types what waits. */
void host_terminal_write(struct host *host);
/* Reads all that was written before the program's end. */
void host_terminal_drain(struct host *host);
/* The screen process said something; or there has been no output for a moment. */
void host_screen_ready(struct host *host);
void host_terminal_quiet(struct host *host);
/* True while output waits for that moment. */
bool host_terminal_waits_for_quiet(const struct host *host);
bool host_terminal_resize(struct host *host, uint32_t cols, uint32_t rows);

/* ---- host_clients.c: the conversation ---- */

void host_client_accept(struct host *host);
/* What the client is to be polled for. */
short host_client_events(const struct host *host, const struct host_client *client);
/* Reads, answers, and sends what poll(2) said is possible. */
void host_client_ready(struct host *host, struct host_client *client, short events);
/* Sends what waits, and output to a follower. */
void host_client_send(struct host *host, struct host_client *client);
/* Drops the broken ones and the followers that have stalled; returns when the next one will have, in
 * monotonic milliseconds, or INT64_MAX. */
int64_t host_clients_sweep(struct host *host, int64_t now_ms);
/* True when everyone has everything. */
bool host_clients_satisfied(const struct host *host);
void host_clients_close(struct host *host);
void host_tell_state(struct host *host);
/* Output that some follower does not have yet and the ring must keep. */
uint64_t host_oldest_wanted(const struct host *host);

/* ---- host_end.c: stopping, and the end ---- */

void host_stop(struct host *host, uint32_t grace_ms);
/* The time for SIGKILL has come. */
void host_kill(struct host *host);
/* The program ended with this wait status. */
void host_ended(struct host *host, int wait_status);
/* It never began: a sentence for users and one for the log. */
void host_failed(struct host *host, const char *message, const char *detail);
bool host_is_over(const struct host *host);

#endif
