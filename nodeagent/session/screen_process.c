/* The host's end of the screen process. At most one wish to draw is under way, so that the socket never
 * fills; the two requests that wait for their answer take what else arrives meanwhile as it comes. */
#include "nodeagent/session/screen_process.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/frame.h"
#include "nodeagent/session/screen_worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEATHS_MAX = 16,    /* afterwards the session has no screen: a fork for each attack is not for free */
	PATIENCE_MS = 3000, /* with one request; a client waits SESSION_REQUEST_TIMEOUT_MS for us */
	STUCK_MS = 20000,   /* without a word while it should draw: it hangs */
};

static bool start(struct screen_process *process)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		return false;
	process->pid = fork();
	if (process->pid == 0)
		screen_worker(pair[1], process->ring, process->asked, process->cols, process->rows, process->text);
	close(pair[1]);
	if (process->pid < 0) {
		close(pair[0]);
		return false;
	}
	process->socket = pair[0];
	return true;
}

static void end(struct screen_process *process)
{
	if (process->socket < 0)
		return;
	close(process->socket);
	process->socket = -1;
	if (process->pid > 0) {
		kill(process->pid, SIGKILL);
		waitpid(process->pid, NULL, 0);
	}
	process->pid = 0;
}

/* It died, or said what it may not say. What it was drawing is given up. */
static void died(struct screen_process *process)
{
	end(process);
	process->drawn = process->asked;
	process->deaths++;
	log_warning("the screen process ended at offset %llu, the %u. time", (unsigned long long)process->asked,
		    process->deaths);
	if (process->deaths >= DEATHS_MAX || !start(process))
		log_error("this session has no screen any more");
}

bool screen_process_open(struct screen_process *process, const struct ring *ring, uint32_t cols, uint32_t rows,
			 screen_answer answer, void *context)
{
	void *text = mmap(NULL, SESSION_TEXT_BYTES_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*process = (struct screen_process){.ring = ring,
					   .cols = cols,
					   .rows = rows,
					   .answer = answer,
					   .context = context,
					   .text = text == MAP_FAILED ? NULL : text,
					   .socket = -1};
	return process->text != NULL && start(process);
}

void screen_process_close(struct screen_process *process)
{
	end(process);
	if (process->text != NULL)
		munmap(process->text, SESSION_TEXT_BYTES_MAX);
	process->text = NULL;
}

bool screen_process_busy(const struct screen_process *process)
{
	return process->drawn < process->asked;
}

/* Sends, noting what is asked for. Without a screen everything counts as drawn. */
static bool tell(struct screen_process *process, struct screen_message *message)
{
	if (!screen_process_busy(process))
		process->progress_ms = clock_monotonic_ms();
	process->asked = process->ring->end;
	message->offset = process->asked;
	if (process->socket >= 0 &&
	    send(process->socket, message, sizeof(*message), MSG_NOSIGNAL | MSG_DONTWAIT) == sizeof(*message))
		return true;
	if (process->socket >= 0)
		died(process);
	process->drawn = process->asked;
	return false;
}

void screen_process_draw(struct screen_process *process)
{
	struct screen_message message = {.kind = SCREEN_DRAW};
	if (!screen_process_busy(process) && process->asked < process->ring->end)
		tell(process, &message);
}

/* One message from it; false when there is none now, or it has died. */
static bool hear(struct screen_process *process, struct screen_message *message)
{
	ssize_t size = recv(process->socket, message, sizeof(*message), MSG_DONTWAIT);
	if (size < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	process->progress_ms = clock_monotonic_ms();
	if (size == sizeof(*message)) {
		if (message->kind == SCREEN_DRAWN && message->offset >= process->drawn &&
		    message->offset <= process->asked) {
			process->drawn = message->offset;
			return true;
		}
		if (message->kind == SCREEN_ANSWER && message->size <= SCREEN_ANSWER_BYTES) {
			process->answer(process->context, message->data, message->size);
			return true;
		}
		if (message->kind == SCREEN_RESIZED ||
		    (message->kind == SCREEN_TEXT_DONE && message->size <= SESSION_TEXT_BYTES_MAX))
			return true;
	}
	died(process);
	return false;
}

void screen_process_ready(struct screen_process *process)
{
	struct screen_message message;
	while (process->socket >= 0 && hear(process, &message))
		;
}

/* Tells it and waits for an answer of that kind. */
static bool exchange(struct screen_process *process, struct screen_message *message, enum screen_message_kind wanted)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	uint32_t number = ++process->requests;
	message->number = number;
	if (!tell(process, message))
		return false;
	unsigned deaths = process->deaths;
	for (;;) {
		while (process->deaths == deaths && hear(process, message))
			if (message->kind == (uint32_t)wanted && message->a == number)
				return true;
		if (process->deaths != deaths)
			return false;
		int64_t left = deadline - clock_monotonic_ms();
		struct pollfd ready = {.fd = process->socket, .events = POLLIN};
		if (left > 0 && poll(&ready, 1, (int)left) != 0)
			continue;
		if (clock_monotonic_ms() - process->progress_ms >= STUCK_MS)
			died(process);
		return false;
	}
}

void screen_process_resize(struct screen_process *process, uint32_t cols, uint32_t rows)
{
	struct screen_message message = {.kind = SCREEN_RESIZE, .a = cols, .b = rows};
	process->cols = cols;
	process->rows = rows;
	exchange(process, &message, SCREEN_RESIZED);
}

bool screen_process_text(struct screen_process *process, uint32_t lines, struct arena *arena, struct screen_text *text)
{
	struct screen_message message = {.kind = SCREEN_TEXT, .a = lines};
	*text = (struct screen_text){.text = ""};
	if (!exchange(process, &message, SCREEN_TEXT_DONE))
		return false;
	const char *copy = arena_copy(arena, process->text, message.size);
	if (!frame_text_valid(copy, message.size)) {
		died(process);
		return false;
	}
	*text = (struct screen_text){.text = copy, .size = message.size, .screen_lines = message.b};
	return true;
}
