/* The conversation with agents. Every request is answered in order; what breaks the rules of frames
 * ends the connection. A client that does not take its answers is not listened to; a follower that does
 * not take the output holds the program up until SESSION_FOLLOWER_STALL_MS have passed, then it is
 * dropped. */
#include "nodeagent/session/host.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	OUTPUT_PIECE = 64 * 1024,
	OUTPUT_AHEAD = 128 * 1024,  /* waiting in a follower's buffer; the rest waits in the ring */
	ANSWERS_AHEAD = 512 * 1024, /* waiting to be taken before the next request is looked at */
	RECEIVE_BYTES = 16 * 1024,
};

static void drop(struct host_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	frame_reader_free(&client->in);
	frame_writer_free(&client->out);
	*client = (struct host_client){.fd = -1};
}

void host_clients_close(struct host *host)
{
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		drop(&host->clients[i]);
}

static size_t waiting_bytes(const struct host_client *client)
{
	size_t size;
	frame_writer_pending(&client->out, &size);
	return size;
}

/* True while there is something that the client has yet to take. */
static bool is_behind(const struct host *host, const struct host_client *client)
{
	return waiting_bytes(client) > 0 || (client->following && client->next < host->ring.end);
}

bool host_clients_satisfied(const struct host *host)
{
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		if (host->clients[i].fd >= 0 && is_behind(host, &host->clients[i]))
			return false;
	return true;
}

int64_t host_clients_sweep(struct host *host, int64_t now_ms)
{
	int64_t next = INT64_MAX;
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++) {
		struct host_client *client = &host->clients[i];
		if (client->fd < 0)
			continue;
		int64_t deadline = INT64_MAX;
		if (client->following && is_behind(host, client))
			deadline = client->progress_ms + SESSION_FOLLOWER_STALL_MS;
		if (client->broken || deadline <= now_ms)
			drop(client);
		else if (deadline < next)
			next = deadline;
	}
	return next;
}

static bool is_trusted(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
		return false;
	return peer.uid == 0 || peer.uid == geteuid();
}

void host_client_accept(struct host *host)
{
	int fd = accept4(host->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	for (int i = 0; is_trusted(fd) && i < SESSION_HOST_CLIENTS_MAX; i++) {
		if (host->clients[i].fd >= 0)
			continue;
		host->clients[i] = (struct host_client){.fd = fd, .progress_ms = clock_monotonic_ms()};
		return;
	}
	close(fd);
}

uint64_t host_oldest_wanted(const struct host *host)
{
	uint64_t oldest = host->ring.end;
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++) {
		const struct host_client *client = &host->clients[i];
		if (client->fd >= 0 && client->following && client->next < oldest)
			oldest = client->next;
	}
	return oldest;
}

/* ---- answers ---- */

static void add(struct host_client *client, const Roost__HostAnswer *answer)
{
	if (!frame_writer_add(&client->out, &answer->base))
		log_error("an answer was too large to be sent");
}

static void answer_error(struct host_client *client, uint64_t id, enum error_code code, const char *sentence)
{
	Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
	answer.has_id = true;
	answer.id = id;
	answer.error = sentence;
	answer.error_code = error_code_name(code);
	add(client, &answer);
}

static void answer_done(struct host_client *client, uint64_t id)
{
	Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
	answer.has_id = true;
	answer.id = id;
	add(client, &answer);
}

static void answer_state(struct host *host, struct host_client *client, uint64_t id)
{
	Roost__HostState state = ROOST__HOST_STATE__INIT;
	Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
	state.has_phase = true;
	state.phase = host->phase;
	state.has_exit_code = host_is_over(host);
	state.exit_code = host->exit_code;
	state.message = host->message;
	state.has_program_pid = host->program > 0;
	state.program_pid = host->program;
	state.has_output_bytes = true;
	state.output_bytes = host->ring.end;
	answer.has_id = true;
	answer.id = id;
	answer.state = &state;
	add(client, &answer);
}

void host_tell_state(struct host *host)
{
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++) {
		if (host->clients[i].fd < 0)
			continue;
		answer_state(host, &host->clients[i], 0);
		host_client_send(host, &host->clients[i]);
	}
}

/* ---- requests ---- */

static void on_input(struct host *host, struct host_client *client, uint64_t id, const Roost__HostInput *input)
{
	if (input->input_id == NULL || input->input_id[0] == '\0' ||
	    strlen(input->input_id) > SESSION_INPUT_ID_BYTES_MAX || !input->has_data || input->data.len == 0 ||
	    input->data.len > INPUT_BYTES_MAX) {
		answer_error(client, id, ERROR_INVALID_ARGUMENT, "The input needs an id and 1 to 65536 bytes.");
		return;
	}
	if (host->phase != ROOST__HOST_STATE__PHASE__RUNNING) {
		answer_error(client, id, ERROR_SESSION_NOT_RUNNING, "The session is not running.");
		return;
	}
	switch (input_queue_add(host->input, input->input_id, input->data.data, input->data.len)) {
	case INPUT_FULL:
		answer_error(client, id, ERROR_BUSY, "The program does not read its input. Try again later.");
		return;
	case INPUT_OTHER:
		answer_error(client, id, ERROR_IDEMPOTENCY_KEY_REUSED,
			     error_code_sentence(ERROR_IDEMPOTENCY_KEY_REUSED));
		return;
	case INPUT_TAKEN:
		host_terminal_write(host);
		break;
	case INPUT_HAD_IT:
		break;
	}
	answer_done(client, id);
}

static void on_screen(struct host *host, struct host_client *client, uint64_t id, const Roost__HostScreen *request)
{
	uint32_t lines = request->lines < OUTPUT_LINES_MAX ? request->lines : OUTPUT_LINES_MAX;
	if (host_terminal_wants_read(host))
		host_terminal_read(host);
	struct arena *arena = arena_new();
	struct screen_text text;
	if (screen_process_text(&host->screen, lines, arena, &text)) {
		Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
		answer.has_id = true;
		answer.id = id;
		answer.text = text.text;
		add(client, &answer);
	} else {
		answer_error(client, id, ERROR_BUSY, "The screen is not available just now.");
	}
	arena_free(arena);
}

static void on_resize(struct host *host, struct host_client *client, uint64_t id, const Roost__HostResize *request)
{
	if (request->cols < 1 || request->cols > TERMINAL_SIDE_MAX || request->rows < 1 ||
	    request->rows > TERMINAL_SIDE_MAX) {
		answer_error(client, id, ERROR_INVALID_ARGUMENT, "cols and rows are 1 to 1000.");
		return;
	}
	if (host_terminal_resize(host, request->cols, request->rows))
		answer_done(client, id);
	else
		answer_error(client, id, ERROR_INTERNAL, "The terminal could not be resized.");
}

static void on_follow(struct host *host, struct host_client *client, uint64_t id, const Roost__HostFollow *request)
{
	uint64_t start = ring_start(&host->ring);
	if (request->offset > host->ring.end) {
		answer_error(client, id, ERROR_INVALID_ARGUMENT, "There is not so much output yet.");
		return;
	}
	client->following = true;
	client->next = request->offset > start ? request->offset : start;
	client->progress_ms = clock_monotonic_ms();
	answer_done(client, id);
}

static void on_request(struct host *host, struct host_client *client, const Roost__HostRequest *request)
{
	uint64_t id = request->id;
	switch (request->request_case) {
	case ROOST__HOST_REQUEST__REQUEST_HELLO:
		answer_state(host, client, id);
		break;
	case ROOST__HOST_REQUEST__REQUEST_INPUT:
		on_input(host, client, id, request->input);
		break;
	case ROOST__HOST_REQUEST__REQUEST_SCREEN:
		on_screen(host, client, id, request->screen);
		break;
	case ROOST__HOST_REQUEST__REQUEST_STOP:
		host_stop(host, request->stop->grace_ms);
		answer_done(client, id);
		break;
	case ROOST__HOST_REQUEST__REQUEST_RESIZE:
		on_resize(host, client, id, request->resize);
		break;
	case ROOST__HOST_REQUEST__REQUEST_FOLLOW:
		on_follow(host, client, id, request->follow);
		break;
	default:
		answer_error(client, id, ERROR_INVALID_ARGUMENT, "This session host does not know the request.");
		break;
	}
}

/* Answers what has arrived, as long as the answers are taken. */
static void serve(struct host *host, struct host_client *client)
{
	struct arena *arena = host->request_arena;
	ProtobufCMessage *message;
	enum frame_result result = FRAME_MORE;
	while (!client->broken && waiting_bytes(client) < ANSWERS_AHEAD) {
		result = frame_reader_next(&client->in, &roost__host_request__descriptor, arena, &message);
		if (result != FRAME_READY)
			break;
		on_request(host, client, (const Roost__HostRequest *)message);
		arena_reset(arena);
		host_client_send(host, client);
	}
	arena_reset(arena);
	if (result == FRAME_BROKEN) {
		log_warning("a client sent rubbish and was dropped");
		client->broken = true;
	}
}

static void receive(struct host_client *client)
{
	unsigned char data[RECEIVE_BYTES];
	ssize_t size = recv(client->fd, data, sizeof(data), MSG_DONTWAIT);
	if (size > 0)
		frame_reader_add(&client->in, data, (size_t)size);
	else if (size == 0 || (errno != EAGAIN && errno != EINTR))
		client->broken = true;
}

short host_client_events(const struct host *host, const struct host_client *client)
{
	short events = 0;
	if (waiting_bytes(client) < ANSWERS_AHEAD)
		events |= POLLIN;
	if (is_behind(host, client))
		events |= POLLOUT;
	return events;
}

void host_client_ready(struct host *host, struct host_client *client, short events)
{
	if ((events & (POLLERR | POLLNVAL)) != 0)
		client->broken = true;
	if (!client->broken && (events & POLLOUT) != 0)
		host_client_send(host, client);
	if (!client->broken && (events & (POLLIN | POLLHUP)) != 0)
		receive(client);
	serve(host, client);
}

/* ---- sending ---- */

static void add_output(struct host *host, struct host_client *client)
{
	while (waiting_bytes(client) < OUTPUT_AHEAD && client->next < host->ring.end) {
		Roost__HostOutput output = ROOST__HOST_OUTPUT__INIT;
		Roost__HostAnswer answer = ROOST__HOST_ANSWER__INIT;
		size_t size;
		const unsigned char *piece = ring_piece(&host->ring, client->next, OUTPUT_PIECE, &size);
		output.has_offset = true;
		output.offset = client->next;
		output.has_data = true;
		output.data = (ProtobufCBinaryData){.len = size, .data = (uint8_t *)piece};
		answer.has_id = true;
		answer.output = &output;
		add(client, &answer);
		client->next += size;
	}
}

void host_client_send(struct host *host, struct host_client *client)
{
	while (!client->broken) {
		if (client->following)
			add_output(host, client);
		size_t size;
		const unsigned char *data = frame_writer_pending(&client->out, &size);
		if (size == 0)
			return;
		ssize_t sent = send(client->fd, data, size, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0) {
			client->broken = errno != EAGAIN;
			return;
		}
		client->progress_ms = clock_monotonic_ms();
		frame_writer_sent(&client->out, (size_t)sent);
	}
}
