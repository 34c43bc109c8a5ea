/* The inside of the agent's side. A session object lives from its start or adoption until its end is
 * told; client.c knows which there are, client_session.c finds out what became of each,
 * client_link.c carries frames, client_requests.c keeps what waits for an answer. */
#ifndef ROOST_NODEAGENT_SESSION_CLIENT_H
#define ROOST_NODEAGENT_SESSION_CLIENT_H

#include "bus/foundation/limits.h"
#include "nodeagent/session/frame.h"
#include "nodeagent/session/session_client.h"
#include "sessionhost.pb-c.h"

struct request {
	uint64_t id;
	bool is_stop; /* a host that does not answer this one is killed */
	session_done done;
	session_text_done text_done; /* instead, for screens */
	void *context;
	int64_t deadline_ms;
};

/* A callback that must not come from inside the call that asked for it. */
struct later {
	struct later *next;
	struct request request;
	bool failed;
	struct error error;
	char *text;
};

struct session {
	struct session_client *client;
	char id[IDENTIFIER_LENGTH + 1];
	int folder;
	bool launching;	   /* the starting process runs */
	bool running_told; /* on_running was called */
	bool silent;	   /* its host did not answer in time; a stop will kill it */
	bool over;	   /* on_ended was called; only handles are left to close */

	uv_process_t launcher;
	uv_timer_t timer; /* the next look, or the oldest request's deadline */
	uv_poll_t poll;
	bool has_launcher, has_poll;
	int handles; /* not yet closed by libuv */

	int socket; /* -1: not connected */
	struct frame_reader in;
	struct frame_writer out;
	int64_t look_at_ms;	   /* 0: no look planned */
	int64_t first_look_ms;	   /* of this row of vain looks */
	int64_t pause_ms;	   /* before the next one */
	int64_t hello_deadline_ms; /* 0: said */

	struct request requests[SESSION_REQUESTS_MAX]; /* in the order sent, which is the order answered */
	size_t request_first, request_count;
	uint64_t last_request_id;
};

struct session_client {
	uv_loop_t *loop;
	char *folder, *host_program, *cgroup;
	struct session_callbacks callbacks;
	struct session **sessions; /* sorted by id */
	size_t count, capacity;
	uv_timer_t later_timer;
	struct later *later_first, *later_last;
	int handles; /* of all sessions and our own, not yet closed */
	bool closing;
	void (*closed)(void *context);
	void *closed_context;
};

/* ---- client.c ---- */

struct session *client_find(const struct session_client *client, const char *session_id);
/* Out of the books; the object itself is freed when its handles are closed. */
void client_forget(struct session *session);
/* A handle of a session, or the client's own, was closed. */
void client_handle_closed(struct session_client *client);
/* The opened folder of any session, living or not; -1 and the error. */
int client_open_folder(const struct session_client *client, const char *session_id, struct error *error);

/* ---- client_session.c ---- */

/* A new object with its timer; NULL and the error. Owns `folder` then. */
struct session *session_new(struct session_client *client, const char *session_id, int folder, struct error *error);
/* Starts a host; false and the error when it cannot even be tried. */
bool session_launch(struct session *session, struct error *error);
/* Looks at the session after so many milliseconds, and again until it is connected or over. */
void session_look_soon(struct session *session, int64_t pause_ms);
/* What the host says of itself. */
void session_heard_state(struct session *session, const Roost__HostState *state);
/* The connection is gone or never answered. */
void session_lost(struct session *session);
/* Closes the handles; the object is freed with the last. */
void session_let_go(struct session *session);
/* Sets the timer to whatever comes first. */
void session_set_timer(struct session *session);

/* ---- client_link.c ---- */

/* False when the host cannot be reached just now. */
bool link_open(struct session *session);
void link_close(struct session *session);
/* Sends what waits; a broken connection is noticed by the loop later. */
void link_send(struct session *session);

/* ---- client_requests.c ---- */

/* An answer to a request arrived. */
void session_requests_answered(struct session *session, const Roost__HostAnswer *answer);
/* Fails all that wait. */
void session_requests_fail(struct session *session, enum error_code code, const char *sentence);
/* Fails those whose time has passed. */
void session_requests_expire(struct session *session, int64_t now_ms);
/* Runs, or on closing drops, what was put off. */
void later_run(uv_timer_t *timer);
void later_drop(struct session_client *client);

#endif
