/* The connection to one host: frames out, frames in, on the loop. */
#include "nodeagent/session/client.h"

#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { RECEIVE_BYTES = 64 * 1024 };

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct session *session)
{
	size_t waiting;
	frame_writer_pending(&session->out, &waiting);
	uv_poll_start(&session->poll, UV_READABLE | (waiting > 0 ? UV_WRITABLE : 0), on_ready);
}

static void on_answer(struct session *session, const Roost__HostAnswer *answer)
{
	if (answer->state != NULL)
		session_heard_state(session, answer->state);
	else if (answer->id != 0)
		session_requests_answered(session, answer);
}

/* False when the host breaks the rules. Stops when a callback has let the session go. */
static bool take_frames(struct session *session)
{
	struct arena *arena = arena_new();
	ProtobufCMessage *message;
	enum frame_result result = FRAME_MORE;
	while (session->socket >= 0) {
		result = frame_reader_next(&session->in, &roost__host_answer__descriptor, arena, &message);
		if (result != FRAME_READY)
			break;
		on_answer(session, (const Roost__HostAnswer *)message);
		arena_reset(arena);
	}
	arena_free(arena);
	return result != FRAME_BROKEN;
}

static void receive(struct session *session)
{
	unsigned char data[RECEIVE_BYTES];
	ssize_t size = recv(session->socket, data, sizeof(data), MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (size <= 0) {
		session_lost(session);
		return;
	}
	frame_reader_add(&session->in, data, (size_t)size);
	if (!take_frames(session)) {
		log_error("session %s: its host sent rubbish", session->id);
		session_lost(session);
	}
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	struct session *session = poll->data;
	if (status < 0 || (events & UV_READABLE) != 0)
		receive(session);
	if (session->socket >= 0 && (events & UV_WRITABLE) != 0)
		link_send(session);
}

void link_send(struct session *session)
{
	for (;;) {
		size_t size;
		const unsigned char *data = frame_writer_pending(&session->out, &size);
		if (size == 0)
			break;
		ssize_t sent = send(session->socket, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			break; /* full: later; broken: the loop sees it as readable */
		frame_writer_sent(&session->out, (size_t)sent);
	}
	watch(session);
}

bool link_open(struct session *session)
{
	struct error error;
	if (session->has_poll)
		return false; /* the former one is still being closed */
	int fd = folder_connect(session->folder, FOLDER_SOCKET, &error);
	if (fd < 0)
		return false;
	if (uv_poll_init(session->client->loop, &session->poll, fd) != 0) {
		close(fd);
		return false;
	}
	session->socket = fd;
	session->poll.data = session;
	session->has_poll = true;
	session->handles++;
	session->client->handles++;
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	Roost__HostHello hello = ROOST__HOST_HELLO__INIT;
	request.has_id = true;
	request.id = ++session->last_request_id;
	request.request_case = ROOST__HOST_REQUEST__REQUEST_HELLO;
	request.hello = &hello;
	frame_writer_add(&session->out, &request.base);
	link_send(session);
	return true;
}

static void on_poll_closed(uv_handle_t *handle)
{
	struct session *session = handle->data;
	struct session_client *client = session->client;
	session->has_poll = false;
	if (--session->handles == 0)
		free(session);
	client_handle_closed(client);
}

void link_close(struct session *session)
{
	if (session->socket < 0)
		return;
	uv_poll_stop(&session->poll);
	uv_close((uv_handle_t *)&session->poll, on_poll_closed);
	close(session->socket);
	session->socket = -1;
	frame_reader_free(&session->in);
	frame_writer_free(&session->out);
}
