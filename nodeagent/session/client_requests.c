/* Requests to hosts. They are answered in the order in which they were sent, so those that wait are a
 * queue, oldest first, and all have the same patience. An answer that comes too late finds nobody and
 * is dropped. */
#include "nodeagent/session/client.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- callbacks ---- */

static void call(const struct request *request, const char *text, const struct error *error)
{
	if (request->text_done != NULL)
		request->text_done(request->context, text, error);
	else if (request->done != NULL)
		request->done(request->context, error);
}

static void put_off(struct session_client *client, const struct request *request, char *text, const struct error *error)
{
	struct later *later = calloc(1, sizeof(*later));
	if (later == NULL)
		abort();
	later->request = *request;
	later->text = text;
	later->failed = error != NULL;
	if (error != NULL)
		later->error = *error;
	if (client->later_last != NULL)
		client->later_last->next = later;
	else
		client->later_first = later;
	client->later_last = later;
	uv_timer_start(&client->later_timer, later_run, 0, 0);
}

static struct later *take_later(struct session_client *client)
{
	struct later *later = client->later_first;
	if (later == NULL)
		return NULL;
	client->later_first = later->next;
	if (client->later_first == NULL)
		client->later_last = NULL;
	return later;
}

static void later_free(struct later *later)
{
	free(later->text);
	free(later);
}

void later_run(uv_timer_t *timer)
{
	struct session_client *client = timer->data;
	struct later *later;
	/* a callback may close the client, which empties the queue; it is freed later, by libuv */
	while ((later = take_later(client)) != NULL) {
		call(&later->request, later->text, later->failed ? &later->error : NULL);
		later_free(later);
	}
}

void later_drop(struct session_client *client)
{
	struct later *later;
	while ((later = take_later(client)) != NULL)
		later_free(later);
}

/* ---- the queue ---- */

static struct request take_oldest(struct session *session)
{
	struct request request = session->requests[session->request_first];
	session->request_first = (session->request_first + 1) % SESSION_REQUESTS_MAX;
	session->request_count--;
	return request;
}

static void fail(const struct request *request, enum error_code code, const char *sentence)
{
	struct error error;
	error_set(&error, code, "%s", sentence);
	call(request, NULL, &error);
}

void session_requests_fail(struct session *session, enum error_code code, const char *sentence)
{
	while (session->request_count > 0) {
		struct request request = take_oldest(session);
		fail(&request, code, sentence);
	}
}

void session_requests_expire(struct session *session, int64_t now_ms)
{
	while (session->request_count > 0 && session->requests[session->request_first].deadline_ms <= now_ms) {
		struct request request = take_oldest(session);
		if (request.is_stop && folder_kill_holder(session->folder))
			log_error("session %s: its host does not stop and is killed", session->id);
		fail(&request, ERROR_BUSY, "The session host does not answer.");
	}
}

void session_requests_answered(struct session *session, const Roost__HostAnswer *answer)
{
	if (session->request_count == 0 || session->requests[session->request_first].id != answer->id)
		return;
	struct request request = take_oldest(session);
	session_set_timer(session);
	if (answer->error != NULL) {
		enum error_code code = ERROR_INTERNAL;
		if (answer->error_code != NULL)
			code = error_code_from_name(answer->error_code);
		fail(&request, code, answer->error);
		return;
	}
	call(&request, answer->text == NULL ? "" : answer->text, NULL);
}

static bool can_ask(const struct session *session, struct error *error)
{
	if (session->socket < 0 || session->hello_deadline_ms != 0)
		return error_set(error, ERROR_SESSION_NOT_RUNNING, "The session is starting or ending.");
	if (session->request_count == SESSION_REQUESTS_MAX)
		return error_set(error, ERROR_BUSY, "Too many requests wait for this session.");
	return true;
}

/* A session that the client has no connection to: why. */
static void refuse_unknown(const struct session_client *client, const char *session_id, struct error *error)
{
	int folder = client_open_folder(client, session_id, error);
	if (folder < 0)
		return;
	close(folder);
	error_set(error, ERROR_SESSION_NOT_RUNNING, "The session has ended.");
}

/* Sends the message; the request's id, deadline and, on failure, callback are handled here. */
static void ask(struct session_client *client, const char *session_id, Roost__HostRequest *message,
		struct request request)
{
	struct error error;
	struct session *session = client_find(client, session_id);
	if (request.is_stop && session != NULL && session->silent && folder_kill_holder(session->folder)) {
		log_error("session %s: its host is silent and is killed", session->id);
		put_off(client, &request, NULL, NULL);
		return;
	}
	bool possible = session != NULL && can_ask(session, &error);
	if (session == NULL)
		refuse_unknown(client, session_id, &error);
	if (!possible) {
		put_off(client, &request, NULL, &error);
		return;
	}
	message->has_id = true;
	message->id = ++session->last_request_id;
	if (!frame_writer_add(&session->out, &message->base)) {
		error_set(&error, ERROR_PAYLOAD_TOO_LARGE, "The input is too large.");
		put_off(client, &request, NULL, &error);
		return;
	}
	request.id = message->id;
	request.deadline_ms = clock_monotonic_ms() + SESSION_REQUEST_TIMEOUT_MS;
	size_t place = (session->request_first + session->request_count) % SESSION_REQUESTS_MAX;
	session->requests[place] = request;
	session->request_count++;
	session_set_timer(session);
	link_send(session);
}

/* ---- what the agent can ask ---- */

void session_input(struct session_client *client, const char *session_id, const char *input_id, const void *data,
		   size_t size, session_done done, void *context)
{
	struct request request = {.done = done, .context = context};
	if (size > INPUT_BYTES_MAX) {
		struct error error;
		error_set(&error, ERROR_PAYLOAD_TOO_LARGE, "The input is larger than %d bytes.", INPUT_BYTES_MAX);
		put_off(client, &request, NULL, &error);
		return;
	}
	Roost__HostInput input = ROOST__HOST_INPUT__INIT;
	Roost__HostRequest message = ROOST__HOST_REQUEST__INIT;
	input.input_id = input_id;
	input.has_data = true;
	input.data = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)data};
	message.request_case = ROOST__HOST_REQUEST__REQUEST_INPUT;
	message.input = &input;
	ask(client, session_id, &message, request);
}

void session_resize(struct session_client *client, const char *session_id, uint32_t cols, uint32_t rows,
		    session_done done, void *context)
{
	Roost__HostResize resize = ROOST__HOST_RESIZE__INIT;
	Roost__HostRequest message = ROOST__HOST_REQUEST__INIT;
	resize.has_cols = true;
	resize.cols = cols;
	resize.has_rows = true;
	resize.rows = rows;
	message.request_case = ROOST__HOST_REQUEST__REQUEST_RESIZE;
	message.resize = &resize;
	ask(client, session_id, &message, (struct request){.done = done, .context = context});
}

void session_stop(struct session_client *client, const char *session_id, uint32_t grace_ms, session_done done,
		  void *context)
{
	Roost__HostStop stop = ROOST__HOST_STOP__INIT;
	Roost__HostRequest message = ROOST__HOST_REQUEST__INIT;
	stop.has_grace_ms = true;
	stop.grace_ms = grace_ms;
	message.request_case = ROOST__HOST_REQUEST__REQUEST_STOP;
	message.stop = &stop;
	ask(client, session_id, &message, (struct request){.done = done, .context = context, .is_stop = true});
}

/* The last `lines` lines of text that ends each line with \n. */
static const char *last_lines(const char *text, uint32_t lines)
{
	const char *at = text + strlen(text);
	while (at > text) {
		if (lines == 0)
			return at;
		do
			at--;
		while (at > text && at[-1] != '\n');
		lines--;
	}
	return text;
}

/* From the `ended` file. NULL and the error when there is none. */
static char *text_of_ended(const struct session_client *client, const char *session_id, uint32_t lines,
			   struct error *error)
{
	int folder = client_open_folder(client, session_id, error);
	if (folder < 0)
		return NULL;
	struct arena *arena = arena_new();
	char *copy = NULL;
	if (faccessat(folder, FOLDER_ENDED, F_OK, 0) != 0) {
		error_set(error, ERROR_SESSION_NOT_RUNNING, "The session is starting or ending.");
	} else {
		Roost__HostEnded *ended = folder_read_ended(folder, arena, error);
		if (ended != NULL) {
			const char *text = ended->text == NULL ? "" : ended->text;
			copy = strdup(last_lines(text, lines == 0 ? ended->screen_lines : lines));
			if (copy == NULL)
				abort();
		}
	}
	arena_free(arena);
	close(folder);
	return copy;
}

void session_text(struct session_client *client, const char *session_id, uint32_t lines, session_text_done done,
		  void *context)
{
	struct request request = {.text_done = done, .context = context};
	const struct session *session = client_find(client, session_id);
	if (session == NULL || session->socket < 0) {
		struct error error;
		char *text = text_of_ended(client, session_id, lines, &error);
		put_off(client, &request, text, text == NULL ? &error : NULL);
		return;
	}
	Roost__HostScreen screen = ROOST__HOST_SCREEN__INIT;
	Roost__HostRequest message = ROOST__HOST_REQUEST__INIT;
	screen.has_lines = true;
	screen.lines = lines;
	message.request_case = ROOST__HOST_REQUEST__REQUEST_SCREEN;
	message.screen = &screen;
	ask(client, session_id, &message, request);
}
