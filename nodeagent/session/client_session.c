/* What became of a session. Three things can be seen from outside: its lock, its `ended` file and its
 * socket. Locked means a host lives: connect to it. `ended` means that it is over. Neither means that
 * its host vanished, or never began: then the client itself takes the lock and writes `ended`, which
 * also keeps a host that is still on its way from starting anything.
 *
 * The kernel tells nobody when a lock is let go or a socket appears, so between a host's first breath
 * and its socket, and between its death and its lock, the session is looked at again after 1, 2, 4 ...
 * 250 ms. These are moments of microseconds. A host that is silent for longer is still not killed for
 * it: the machine may be busy, and it holds somebody's work. It is asked again, and killed only when the
 * session is to be stopped. */
#include "nodeagent/session/client.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FIRST_PAUSE_MS = 1, LONGEST_PAUSE_MS = 250 };

static const char vanished[] = "The session host ended unexpectedly.";
static const char not_launched[] = "The session host could not be started.";

static void on_timer(uv_timer_t *timer);

struct session *session_new(struct session_client *client, const char *session_id, int folder, struct error *error)
{
	struct session *session = calloc(1, sizeof(*session));
	if (session == NULL) {
		close(folder);
		error_set(error, ERROR_INTERNAL, "out of memory");
		return NULL;
	}
	session->client = client;
	snprintf(session->id, sizeof(session->id), "%s", session_id);
	session->folder = folder;
	session->socket = -1;
	uv_timer_init(client->loop, &session->timer);
	session->timer.data = session;
	session->handles = 1;
	client->handles++;
	return session;
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct session *session = handle->data;
	struct session_client *client = session->client;
	if (--session->handles == 0)
		free(session);
	client_handle_closed(client);
}

void session_let_go(struct session *session)
{
	session->over = true;
	session->request_count = 0;
	link_close(session);
	close(session->folder);
	session->folder = -1;
	uv_close((uv_handle_t *)&session->timer, on_handle_closed);
	if (session->has_launcher)
		uv_close((uv_handle_t *)&session->launcher, on_handle_closed);
}

/* ---- the end ---- */

static void tell_end(struct session *session, const struct session_end *end)
{
	struct session_client *client = session->client;
	client_forget(session);
	session_requests_fail(session, ERROR_SESSION_NOT_RUNNING, "The session has ended.");
	if (client->callbacks.on_ended != NULL)
		client->callbacks.on_ended(client->callbacks.context, session->id, end);
	session_let_go(session);
}

static const char *text_or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static void tell_state_as_end(struct session *session, const Roost__HostState *state, const Roost__HostEnded *ended)
{
	struct session_end end = {
	    .started = state->phase != ROOST__HOST_STATE__PHASE__FAILED,
	    .unexpected = ended != NULL && ended->unexpected,
	    .exit_code = state->has_exit_code ? state->exit_code : -1,
	    .ended_at_ms = ended != NULL ? ended->ended_at : clock_wall_ms(),
	    .output_bytes = state->output_bytes,
	    .message = text_or_empty(state->message),
	    .detail = ended != NULL ? text_or_empty(ended->detail) : "",
	};
	tell_end(session, &end);
}

/* Tells the end as the folder has it. */
static void tell_from_file(struct session *session)
{
	struct arena *arena = arena_new();
	struct error error;
	Roost__HostEnded *ended = folder_read_ended(session->folder, arena, &error);
	if (ended != NULL && ended->state != NULL) {
		tell_state_as_end(session, ended->state, ended);
	} else {
		Roost__HostState state = ROOST__HOST_STATE__INIT;
		state.message = "How the session ended is not known: its last word is damaged.";
		state.phase = ROOST__HOST_STATE__PHASE__ENDED;
		log_error("session %s: %s", session->id, ended == NULL ? error.message : "the file ended is empty");
		tell_state_as_end(session, &state, NULL);
	}
	arena_free(arena);
}

/* Nobody has the lock: takes it and writes `ended` unless it is there after all. False: try again. */
static bool write_for_the_vanished(struct session *session, const char *message, Roost__HostState__Phase phase)
{
	struct error error;
	int lock = folder_lock(session->folder, &error);
	if (lock < 0) {
		if (error.code != ERROR_CONFLICT)
			log_error("session %s: %s", session->id, error.message);
		return error.code != ERROR_CONFLICT;
	}
	Roost__HostState state = ROOST__HOST_STATE__INIT;
	Roost__HostEnded ended = ROOST__HOST_ENDED__INIT;
	state.has_phase = true;
	state.phase = phase;
	state.has_exit_code = true;
	state.exit_code = -1;
	state.message = message;
	ended.state = &state;
	ended.has_unexpected = true;
	ended.unexpected = true;
	ended.has_ended_at = true;
	ended.ended_at = clock_wall_ms();
	if (faccessat(session->folder, FOLDER_ENDED, F_OK, 0) != 0 &&
	    !folder_write_ended(session->folder, &ended, &error))
		log_error("session %s: its end cannot be written: %s", session->id, error.message);
	unlinkat(session->folder, FOLDER_SOCKET, 0);
	close(lock);
	return true;
}

/* ---- looking ---- */

void session_set_timer(struct session *session)
{
	int64_t due = session->look_at_ms;
	if (session->hello_deadline_ms != 0 && (due == 0 || session->hello_deadline_ms < due))
		due = session->hello_deadline_ms;
	if (session->request_count > 0) {
		int64_t oldest = session->requests[session->request_first].deadline_ms;
		if (due == 0 || oldest < due)
			due = oldest;
	}
	if (session->over || due == 0) {
		uv_timer_stop(&session->timer);
		return;
	}
	int64_t left = due - clock_monotonic_ms();
	uv_update_time(session->client->loop);
	uv_timer_start(&session->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

void session_look_soon(struct session *session, int64_t pause_ms)
{
	int64_t now_ms = clock_monotonic_ms();
	session->first_look_ms = now_ms;
	session->pause_ms = FIRST_PAUSE_MS;
	session->look_at_ms = now_ms + pause_ms;
	session_set_timer(session);
}

static void look_again(struct session *session)
{
	int64_t now_ms = clock_monotonic_ms();
	if (now_ms - session->first_look_ms > SESSION_HOST_START_MS) {
		log_warning("session %s: its host cannot be reached", session->id);
		session->silent = true;
		session->first_look_ms = now_ms;
	}
	session->look_at_ms = now_ms + session->pause_ms;
	session->pause_ms = session->pause_ms * 2 < LONGEST_PAUSE_MS ? session->pause_ms * 2 : LONGEST_PAUSE_MS;
	session_set_timer(session);
}

static void look(struct session *session)
{
	session->look_at_ms = 0;
	switch (folder_look(session->folder)) {
	case FOLDER_IS_OVER:
		tell_from_file(session);
		return;
	case FOLDER_DEAD:
		if (write_for_the_vanished(session, vanished, ROOST__HOST_STATE__PHASE__ENDED))
			tell_from_file(session);
		else
			look_again(session);
		return;
	case FOLDER_LIVE:
		if (link_open(session)) {
			session->hello_deadline_ms = clock_monotonic_ms() + SESSION_REQUEST_TIMEOUT_MS;
			session_set_timer(session);
		} else {
			look_again(session);
		}
		return;
	}
}

static void on_timer(uv_timer_t *timer)
{
	struct session *session = timer->data;
	int64_t now_ms = clock_monotonic_ms();
	session_requests_expire(session, now_ms);
	if (session->over)
		return;
	if (session->hello_deadline_ms != 0 && now_ms >= session->hello_deadline_ms) {
		log_warning("session %s: its host does not say hello", session->id);
		session->silent = true;
		session_lost(session);
		return;
	}
	if (session->look_at_ms != 0 && now_ms >= session->look_at_ms)
		look(session);
	else
		session_set_timer(session);
}

void session_lost(struct session *session)
{
	link_close(session);
	session->hello_deadline_ms = 0;
	session_requests_fail(session, ERROR_BUSY, "The session host was lost; ask again.");
	if (!session->over)
		session_look_soon(session, 0);
}

void session_heard_state(struct session *session, const Roost__HostState *state)
{
	session->hello_deadline_ms = 0;
	session->silent = false;
	session_set_timer(session);
	const struct session_callbacks *callbacks = &session->client->callbacks;
	switch (state->phase) {
	case ROOST__HOST_STATE__PHASE__SPAWNING:
		return;
	case ROOST__HOST_STATE__PHASE__RUNNING:
		if (session->running_told)
			return;
		session->running_told = true;
		if (callbacks->on_running != NULL)
			callbacks->on_running(callbacks->context, session->id, state->program_pid);
		return;
	case ROOST__HOST_STATE__PHASE__ENDED:
	case ROOST__HOST_STATE__PHASE__FAILED:
		/* its last word is on disk, unless the disk was full to the last block */
		if (faccessat(session->folder, FOLDER_ENDED, F_OK, 0) == 0)
			tell_from_file(session);
		else
			tell_state_as_end(session, state, NULL);
		return;
	default:
		return;
	}
}

/* ---- starting ---- */

static void on_launched(uv_process_t *process, int64_t status, int number)
{
	struct session *session = process->data;
	session->launching = false;
	if (session->over)
		return;
	bool failed = number != 0 || status == HOST_START_FAILED || status > HOST_START_ENDED;
	if (failed && folder_look(session->folder) == FOLDER_DEAD &&
	    write_for_the_vanished(session, not_launched, ROOST__HOST_STATE__PHASE__FAILED))
		tell_from_file(session);
	else
		session_look_soon(session, 0);
}

bool session_launch(struct session *session, struct error *error)
{
	struct session_client *client = session->client;
	char path[4096];
	int size = snprintf(path, sizeof(path), "%s/%s", client->folder, session->id);
	if (size >= (int)sizeof(path))
		return error_set(error, ERROR_INTERNAL, "the path of the session is too long");
	char *arguments[] = {client->host_program, path, NULL};
	uv_stdio_container_t stdio[3] = {
	    {.flags = UV_IGNORE},
	    {.flags = UV_IGNORE},
	    {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO},
	};
	uv_process_options_t options = {
	    .exit_cb = on_launched,
	    .file = client->host_program,
	    .args = arguments,
	    .flags = UV_PROCESS_DETACHED,
	    .stdio = stdio,
	    .stdio_count = 3,
	};
	int result = uv_spawn(client->loop, &session->launcher, &options);
	session->launcher.data = session;
	session->has_launcher = true; /* to be closed, also when the spawn failed */
	session->handles++;
	client->handles++;
	if (result != 0)
		return error_set(error, ERROR_INTERNAL, "start %s: %s", client->host_program, uv_strerror(result));
	session->launching = true;
	return true;
}
