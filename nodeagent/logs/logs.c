/* A list of open logs behind one lock, and a list of those who wait. A worker that writes a line only wakes the
 * loop; whether anybody waited for it is found out there. */
#include "nodeagent/logs/logs.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { WAITING_MOST = 64 };

struct open_log {
	struct open_log *next;
	char id[IDENTIFIER_LENGTH + 1];
	struct log_file *file;
};

struct waiter {
	uv_timer_t timer; /* first: libuv hands it back */
	struct waiter *next;
	struct logs *logs;
	char id[IDENTIFIER_LENGTH + 1];
	uint64_t seen;
	void (*ready)(void *context);
	void *context;
};

struct logs {
	uv_loop_t *loop;
	uv_async_t wake;
	uv_mutex_t mutex; /* guards open, files included */
	struct open_log *open;
	struct waiter *waiters;
	size_t waiter_count;
	char folder[PATH_MAX - 64];
	uint64_t bytes_max;
	void (*closed)(void *context);
	void *context;
};

static void *must_calloc(size_t size)
{
	void *memory = calloc(1, size);
	if (!memory)
		abort();
	return memory;
}

/* --- files; with the lock held --- */

static struct log_file *file_of(struct logs *logs, const char *id)
{
	char path[PATH_MAX];
	struct open_log *open = logs->open;
	while (open && strcmp(open->id, id) != 0)
		open = open->next;
	if (open)
		return open->file;
	open = must_calloc(sizeof(*open));
	snprintf(open->id, sizeof(open->id), "%s", id);
	snprintf(path, sizeof(path), "%s/%s.log", logs->folder, id[0] ? id : "node");
	open->file = log_file_open(path, logs->bytes_max);
	open->next = logs->open;
	logs->open = open;
	return open->file;
}

static void close_log(struct logs *logs, const char *id)
{
	for (struct open_log **link = &logs->open; *link; link = &(*link)->next) {
		struct open_log *open = *link;
		if (strcmp(open->id, id) != 0)
			continue;
		*link = open->next;
		log_file_close(open->file);
		free(open);
		return;
	}
}

/* A log without a line is of a workspace that is gone, or never was: whoever asks for it leaves nothing behind. */
static uint64_t next_of(struct logs *logs, const char *id)
{
	uint64_t next = log_file_next(file_of(logs, id));
	if (next == 0)
		close_log(logs, id);
	return next;
}

void logs_write(struct logs *logs, const char *id, enum log_line_level level, const char *step, const char *text)
{
	struct log_line line = {.at_ms = clock_wall_ms(), .level = level, .step = step, .text = text};
	uv_mutex_lock(&logs->mutex);
	bool added = log_file_append(file_of(logs, id), &line);
	uv_mutex_unlock(&logs->mutex);
	if (added)
		uv_async_send(&logs->wake);
}

void logs_remove(struct logs *logs, const char *id)
{
	uv_mutex_lock(&logs->mutex);
	log_file_remove(file_of(logs, id));
	close_log(logs, id);
	uv_mutex_unlock(&logs->mutex);
}

size_t logs_read(struct logs *logs, const char *id, struct log_cursor *cursor, size_t most, size_t bytes_most,
		 struct arena *arena, struct log_line **lines, uint64_t *seen)
{
	uv_mutex_lock(&logs->mutex);
	size_t count = log_file_read(file_of(logs, id), cursor, most, bytes_most, arena, lines);
	*seen = next_of(logs, id);
	uv_mutex_unlock(&logs->mutex);
	return count;
}

/* --- waiting --- */

static void free_waiter(uv_handle_t *handle)
{
	free(handle);
}

static void end_wait(struct waiter *waiter)
{
	struct logs *logs = waiter->logs;
	struct waiter **link = &logs->waiters;
	while (*link != waiter)
		link = &(*link)->next;
	*link = waiter->next;
	logs->waiter_count--;
	waiter->ready(waiter->context);
	uv_close((uv_handle_t *)&waiter->timer, free_waiter);
}

static void on_time_over(uv_timer_t *timer)
{
	end_wait((struct waiter *)timer);
}

static bool has_more(struct logs *logs, const struct waiter *waiter)
{
	uv_mutex_lock(&logs->mutex);
	bool more = next_of(logs, waiter->id) != waiter->seen;
	uv_mutex_unlock(&logs->mutex);
	return more;
}

static void on_wake(uv_async_t *wake)
{
	struct logs *logs = wake->data;
	struct waiter *next = NULL;
	for (struct waiter *waiter = logs->waiters; waiter; waiter = next) {
		next = waiter->next;
		if (has_more(logs, waiter))
			end_wait(waiter);
	}
}

bool logs_wait(struct logs *logs, const char *id, uint64_t seen, uint32_t wait_ms, void (*ready)(void *context),
	       void *context)
{
	if (logs->waiter_count == WAITING_MOST)
		return false;
	struct waiter *waiter = must_calloc(sizeof(*waiter));
	*waiter =
	    (struct waiter){.logs = logs, .seen = seen, .ready = ready, .context = context, .next = logs->waiters};
	snprintf(waiter->id, sizeof(waiter->id), "%s", id);
	logs->waiters = waiter;
	logs->waiter_count++;
	uv_timer_init(logs->loop, &waiter->timer);
	uv_timer_start(&waiter->timer, on_time_over, wait_ms, 0);
	uv_async_send(&logs->wake); /* a line may have come between the read and now */
	return true;
}

/* --- life --- */

struct logs *logs_open(uv_loop_t *loop, const char *folder, uint64_t bytes_max)
{
	struct logs *logs = must_calloc(sizeof(*logs));
	if (uv_mutex_init(&logs->mutex) != 0 || uv_async_init(loop, &logs->wake, on_wake) != 0)
		abort();
	logs->loop = loop;
	logs->wake.data = logs;
	logs->bytes_max = bytes_max;
	snprintf(logs->folder, sizeof(logs->folder), "%s", folder);
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		log_warning("no logs are kept: %s: %s", folder, strerror(errno));
	return logs;
}

static void on_closed(uv_handle_t *handle)
{
	struct logs *logs = handle->data;
	void (*closed)(void *) = logs->closed;
	void *context = logs->context;
	while (logs->open) {
		struct open_log *open = logs->open;
		logs->open = open->next;
		log_file_close(open->file);
		free(open);
	}
	uv_mutex_destroy(&logs->mutex);
	free(logs);
	if (closed)
		closed(context);
}

void logs_close(struct logs *logs, void (*closed)(void *context), void *context)
{
	while (logs->waiters)
		end_wait(logs->waiters);
	logs->closed = closed;
	logs->context = context;
	uv_close((uv_handle_t *)&logs->wake, on_closed);
}
