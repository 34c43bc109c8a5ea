/* The screen process: draws what it is told to, from the shared ring, and says what it shows. */
#include "nodeagent/session/screen_worker.h"

#include "bus/foundation/arena.h"
#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "nodeagent/session/screen.h"
#include "nodeagent/session/screen_jail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROGRESS_BYTES = 32 * 1024, PROGRESS_MS = 100 };

struct worker {
	int socket;
	struct ring ring; /* `end` is as far as the host has told */
	uint64_t drawn;
	struct screen *screen;
	char *text;
};

static void say(const struct worker *worker, const struct screen_message *message)
{
	ssize_t sent;
	do
		sent = send(worker->socket, message, sizeof(*message), MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent != sizeof(*message))
		_exit(0); /* nobody listens any more */
}

static void on_answer(void *context, const char *data, size_t size)
{
	const struct worker *worker = context;
	while (size > 0) {
		struct screen_message message = {.kind = SCREEN_ANSWER};
		message.size = (uint32_t)(size < SCREEN_ANSWER_BYTES ? size : SCREEN_ANSWER_BYTES);
		memcpy(message.data, data, message.size);
		say(worker, &message);
		data += message.size;
		size -= message.size;
	}
}

static void draw(struct worker *worker, uint64_t end)
{
	uint64_t told = worker->drawn;
	int64_t told_ms = clock_monotonic_ms();
	worker->ring.end = end;
	while (worker->drawn < end) {
		size_t size;
		const unsigned char *piece = ring_piece(&worker->ring, worker->drawn, worker->ring.size, &size);
		worker->drawn += screen_write(worker->screen, (const char *)piece, size);
		if (worker->drawn - told >= PROGRESS_BYTES || worker->drawn == end ||
		    clock_monotonic_ms() - told_ms >= PROGRESS_MS) {
			say(worker, &(struct screen_message){.kind = SCREEN_DRAWN, .offset = worker->drawn});
			told = worker->drawn;
			told_ms = clock_monotonic_ms();
		}
	}
}

static void leave_text(struct worker *worker, const struct screen_message *request)
{
	struct arena *arena = arena_new();
	struct screen_text text = screen_text(worker->screen, request->a, arena);
	memcpy(worker->text, text.text, text.size);
	say(worker,
	    &(struct screen_message){
		.kind = SCREEN_TEXT_DONE, .size = (uint32_t)text.size, .a = request->number, .b = text.screen_lines});
	arena_free(arena);
}

static void serve(struct worker *worker, const struct screen_message *message)
{
	draw(worker, message->offset);
	if (message->kind == SCREEN_RESIZE) {
		screen_resize(worker->screen, message->a, message->b);
		say(worker, &(struct screen_message){.kind = SCREEN_RESIZED, .a = message->number});
	} else if (message->kind == SCREEN_TEXT) {
		leave_text(worker, message);
	}
}

_Noreturn void screen_worker(int socket, const struct ring *ring, uint64_t from, uint32_t cols, uint32_t rows,
			     char *text)
{
	struct worker worker = {.ring = *ring, .drawn = from, .text = text};
	/* the program's output is the host's to write */
	if (mprotect(ring->data, ring->size, PROT_READ) != 0)
		_exit(1);
	worker.socket = screen_jail_enter(socket);
	worker.screen = worker.socket < 0 ? NULL : screen_new(cols, rows, on_answer, &worker);
	if (worker.screen == NULL)
		_exit(1);
	for (;;) {
		struct screen_message message;
		ssize_t size = recv(worker.socket, &message, sizeof(message), 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size != sizeof(message))
			_exit(0);
		serve(&worker, &message);
	}
}
