/* What the agent knows only while it runs: the job and the watch of a workspace, and whether a
 * session's host was asked something. Entries appear when asked for. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_LIVE_H
#define ROOST_NODEAGENT_CONTROL_LIVE_H

#include "bus/foundation/limits.h"
#include "nodeagent/control/jobs.h"

struct agent;

struct live_workspace {
	struct live_workspace *next;
	struct agent *agent;
	char id[IDENTIFIER_LENGTH + 1];
	struct job *job;      /* that makes, stops or removes it; NULL for none */
	uv_poll_t *watch;     /* of its first process; NULL for none */
	uv_timer_t *retry;    /* runs while a failed stop waits to be tried again */
	uint32_t retry_delay; /* of the last wait, in milliseconds */
	char progress[256];   /* what was last told of its start */
};

struct live_session {
	struct live_session *next;
	char id[IDENTIFIER_LENGTH + 1];
	bool busy;  /* its host, or a worker, was asked and has yet to answer */
	bool heard; /* the session client has said something of it */
};

struct live {
	struct live_workspace *workspaces;
	struct live_session *sessions;
};

/* Found or made. */
struct live_workspace *live_workspace(struct agent *agent, const char *id);
struct live_session *live_session(struct agent *agent, const char *id);

/* Forgets the session; the workspace, with its watch and timer, unless a job is at it. */
void live_forget_session(struct agent *agent, const char *id);
void live_forget_workspace(struct agent *agent, const char *id);

/* Calls `ended` once when the process behind the pidfd ends, and closes the pidfd; at most one watch per
 * workspace, an earlier one is dropped. */
void live_watch(struct live_workspace *workspace, int pidfd, void (*ended)(struct agent *agent, const char *id));
void live_unwatch(struct live_workspace *workspace);

/* Calls `due` after a wait that doubles from STOP_RETRY_FIRST_MS to STOP_RETRY_MAX_MS. */
void live_retry_later(struct live_workspace *workspace, void (*due)(struct agent *agent, const char *id));
void live_retry_reset(struct live_workspace *workspace);

/* Closes all watches and timers and forgets everything. */
void live_clear(struct agent *agent);

#endif
