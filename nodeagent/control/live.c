/* Lists of what is in memory only. A node has tens of workspaces, so lists are searched one by one. */
#include "nodeagent/control/live.h"

#include "bus/foundation/log.h"
#include "nodeagent/control/agent.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STOP_RETRY_FIRST_MS = 5000, STOP_RETRY_MAX_MS = 300000 };

struct watch {
	uv_poll_t poll; /* first: libuv hands it back */
	int pidfd;
	struct live_workspace *workspace;
	void (*ended)(struct agent *agent, const char *id);
};

struct retry {
	uv_timer_t timer;
	struct live_workspace *workspace;
	void (*due)(struct agent *agent, const char *id);
};

static void *must_calloc(size_t size)
{
	void *memory = calloc(1, size);
	if (!memory)
		abort();
	return memory;
}

struct live_workspace *live_workspace(struct agent *agent, const char *id)
{
	struct live_workspace *entry = agent->live.workspaces;
	while (entry && strcmp(entry->id, id) != 0)
		entry = entry->next;
	if (entry)
		return entry;
	entry = must_calloc(sizeof(*entry));
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	entry->agent = agent;
	entry->next = agent->live.workspaces;
	agent->live.workspaces = entry;
	return entry;
}

struct live_session *live_session(struct agent *agent, const char *id)
{
	struct live_session *entry = agent->live.sessions;
	while (entry && strcmp(entry->id, id) != 0)
		entry = entry->next;
	if (entry)
		return entry;
	entry = must_calloc(sizeof(*entry));
	snprintf(entry->id, sizeof(entry->id), "%s", id);
	entry->next = agent->live.sessions;
	agent->live.sessions = entry;
	return entry;
}

void live_forget_session(struct agent *agent, const char *id)
{
	for (struct live_session **link = &agent->live.sessions; *link; link = &(*link)->next) {
		struct live_session *entry = *link;
		if (strcmp(entry->id, id) != 0)
			continue;
		*link = entry->next;
		free(entry);
		return;
	}
}

static void free_watch(uv_handle_t *handle)
{
	struct watch *watch = (struct watch *)handle;
	close(watch->pidfd);
	free(watch);
}

static void on_ended(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	struct watch *watch = (struct watch *)poll;
	struct live_workspace *workspace = watch->workspace;
	void (*ended)(struct agent *, const char *) = watch->ended;
	live_unwatch(workspace);
	ended(workspace->agent, workspace->id);
}

void live_watch(struct live_workspace *workspace, int pidfd, void (*ended)(struct agent *agent, const char *id))
{
	live_unwatch(workspace);
	struct watch *watch = must_calloc(sizeof(*watch));
	*watch = (struct watch){.pidfd = pidfd, .workspace = workspace, .ended = ended};
	if (uv_poll_init(workspace->agent->loop, &watch->poll, pidfd) != 0) {
		log_error("the end of workspace %s cannot be watched", workspace->id);
		close(pidfd);
		free(watch);
		return;
	}
	uv_poll_start(&watch->poll, UV_READABLE, on_ended);
	workspace->watch = &watch->poll;
}

void live_unwatch(struct live_workspace *workspace)
{
	if (!workspace->watch)
		return;
	uv_poll_stop(workspace->watch);
	uv_close((uv_handle_t *)workspace->watch, free_watch);
	workspace->watch = NULL;
}

static void free_retry(uv_handle_t *handle)
{
	free(handle);
}

static void drop_retry(struct live_workspace *workspace)
{
	if (workspace->retry)
		uv_close((uv_handle_t *)workspace->retry, free_retry);
	workspace->retry = NULL;
}

static void on_due(uv_timer_t *timer)
{
	struct retry *retry = (struct retry *)timer;
	struct live_workspace *workspace = retry->workspace;
	void (*due)(struct agent *, const char *) = retry->due;
	drop_retry(workspace);
	due(workspace->agent, workspace->id);
}

void live_retry_later(struct live_workspace *workspace, void (*due)(struct agent *agent, const char *id))
{
	drop_retry(workspace);
	uint32_t delay = workspace->retry_delay ? 2 * workspace->retry_delay : STOP_RETRY_FIRST_MS;
	workspace->retry_delay = delay < STOP_RETRY_MAX_MS ? delay : STOP_RETRY_MAX_MS;
	struct retry *retry = must_calloc(sizeof(*retry));
	*retry = (struct retry){.workspace = workspace, .due = due};
	uv_timer_init(workspace->agent->loop, &retry->timer);
	uv_timer_start(&retry->timer, on_due, workspace->retry_delay, 0);
	workspace->retry = &retry->timer;
}

void live_retry_reset(struct live_workspace *workspace)
{
	drop_retry(workspace);
	workspace->retry_delay = 0;
}

void live_forget_workspace(struct agent *agent, const char *id)
{
	for (struct live_workspace **link = &agent->live.workspaces; *link; link = &(*link)->next) {
		struct live_workspace *entry = *link;
		if (strcmp(entry->id, id) != 0 || entry->job)
			continue;
		*link = entry->next;
		live_unwatch(entry);
		drop_retry(entry);
		free(entry);
		return;
	}
}

void live_clear(struct agent *agent)
{
	while (agent->live.workspaces) {
		struct live_workspace *entry = agent->live.workspaces;
		agent->live.workspaces = entry->next;
		live_unwatch(entry);
		drop_retry(entry);
		free(entry);
	}
	while (agent->live.sessions) {
		struct live_session *entry = agent->live.sessions;
		agent->live.sessions = entry->next;
		free(entry);
	}
}
