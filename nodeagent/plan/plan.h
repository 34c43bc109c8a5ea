/* What a node agent does next: pure decisions from what is wanted and what is there.
 *
 * The caller keeps a row per workspace and per session, asks for the next step whenever either half
 * of it changes, performs the step, writes down the new phase, and asks again until the answer is
 * PLAN_NOTHING or PLAN_WAIT. Nothing here reads a clock, a file or the bus. Any thread.
 *
 *   absent -> provisioning -> running -> stopping -> stopped -> removing -> removed
 *                 |              |          |                       |
 *                 v              v          v                       v
 *               failed        failed    stop_failed  <--------------+
 *
 * Rules that the tables hold:
 * - A generation is started once. A failed or lost one is told and left alone; only a higher one
 *   starts it again, after what is left of the old one was stopped.
 * - Removing is stopping, then removing.
 * - Phases that name work (provisioning, stopping, removing) without a worker at it were interrupted
 *   by the end of an agent: the work is done again, which completes or clears what was half made.
 * - A wish with an older generation than the one that was begun comes from a log that went back: what
 *   runs is told and left alone, so that the log can raise its generation.
 * - A workspace that the log does not know is never started; stopped or removed only when that is wanted of
 *   the whole node (node_plan.h). Work on it that was interrupted is brought to its safe end. */
#ifndef ROOST_NODEAGENT_PLAN_PLAN_H
#define ROOST_NODEAGENT_PLAN_PLAN_H

#include "node.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

enum workspace_phase {
	WORKSPACE_ABSENT,	/* never heard of on this machine */
	WORKSPACE_PROVISIONING, /* disk, network, sandbox and checkout are being made */
	WORKSPACE_RUNNING,	/* its sandbox runs */
	WORKSPACE_STOPPING,	/* its processes are being ended */
	WORKSPACE_STOPPED,	/* nothing runs, files are kept */
	WORKSPACE_FAILED,	/* could not be made, or was lost; nothing runs, files are kept */
	WORKSPACE_STOP_FAILED,	/* something could not be stopped or removed */
	WORKSPACE_REMOVING,	/* its files are being deleted */
	WORKSPACE_REMOVED,	/* nothing is left */
	WORKSPACE_PHASE_COUNT
};

enum plan_step {
	PLAN_NOTHING,	/* all is as wanted, and the controllers were told */
	PLAN_WAIT,	/* the right work is under way, or what it needs is */
	PLAN_CANCEL,	/* the work under way is no longer wanted: ask it to end early */
	PLAN_PROVISION, /* make it, at the wanted generation */
	PLAN_STOP,	/* end every process of it, keep its files */
	PLAN_REMOVE,	/* delete what is left of it */
	PLAN_TELL	/* final, but not yet told for what is wanted now: report it */
};

/* What the log wants of a workspace. */
struct workspace_wanted {
	bool known; /* false: no log that counts names it */
	Roost__WantedWorkspace__Desired desired;
	uint32_t generation;
	uint64_t version;		 /* of the node, that last changed this row */
	Roost__WantedNode__Desired node; /* of the whole node: RUN (or 0) leaves each workspace its own wish */
	uint64_t node_version;
};

/* What is there, and for which wish it was last told. */
struct workspace_actual {
	enum workspace_phase phase;
	uint32_t generation;			      /* that was last begun; 0 for none */
	bool busy;				      /* a worker is at it */
	bool retry_due;				      /* stop_failed: enough time went by to try again */
	Roost__WantedWorkspace__Desired told_desired; /* 0 for none */
	uint32_t told_generation;
	uint64_t told_version;
};

enum plan_step plan_workspace(const struct workspace_wanted *wanted, const struct workspace_actual *actual);

/* What is wanted of it in the end: its own wish, or the node's when that takes more away. */
Roost__WantedWorkspace__Desired plan_desired(const struct workspace_wanted *wanted);

/* The version that last asked for that. */
uint64_t plan_version(const struct workspace_wanted *wanted);

enum session_phase {
	SESSION_NONE,	  /* wanted, nothing done */
	SESSION_STARTING, /* noted before the spawn; whether the host runs is not known */
	SESSION_RUNNING,  /* its host has said so */
	SESSION_STOPPING, /* its host was asked to end it */
	SESSION_ENDED,	  /* final: ended, failed or never started */
	SESSION_PHASE_COUNT
};

enum session_step {
	SESSION_PLAN_NOTHING,
	SESSION_PLAN_WAIT,
	SESSION_PLAN_START,   /* write down STARTING, then spawn */
	SESSION_PLAN_STOP,    /* ask the host to end the program */
	SESSION_PLAN_ABANDON, /* never started and never will be: tell that it ended */
	SESSION_PLAN_FAIL,    /* begun, but no host is there: tell that it failed, never spawn it again */
	SESSION_PLAN_TELL     /* running or ended, but not yet told */
};

/* The workspace below a session, seen from the session's generation. */
enum session_ground {
	SESSION_GROUND_COMING,	/* may still come to run at that generation */
	SESSION_GROUND_READY,	/* runs at it and shall go on */
	SESSION_GROUND_LEAVING, /* still up, but on its way down */
	SESSION_GROUND_GONE,	/* will not run at that generation any more */
	SESSION_GROUND_COUNT
};

struct session_wanted {
	Roost__WantedSession__Desired desired;
	uint32_t generation; /* of the workspace */
};

struct session_actual {
	enum session_phase phase;
	bool busy; /* a worker is at it, or its host was asked and has not ended */
	bool told;
};

/* `actual` NULL: the workspace's own row has not come yet. */
enum session_ground plan_session_ground(const struct workspace_wanted *wanted, const struct workspace_actual *actual,
					uint32_t session_generation);

enum session_step plan_session(const struct session_wanted *wanted, const struct session_actual *actual,
			       enum session_ground ground);

/* Whether a wanted row says nothing new: it is held in a newer version, or it was held, came to its end
 * and is forgotten. `found` and `known` are about the row that the agent has, `held` is the version that
 * it held before the page with the row came: what is not newer than that has been here. */
bool plan_row_is_old(bool found, bool known, uint64_t row_version, uint64_t version, uint64_t held);

/* How far an agent's reports are: those up to `taken` were answered for, and `sent` more were sent. */
struct report_numbers {
	uint64_t agent_epoch, taken, sent;
};

/* What an answer makes of the outbox. */
enum answer_effect {
	ANSWER_TOOK,	/* some were taken and are to be deleted */
	ANSWER_NOTHING, /* none was taken: try again later */
	ANSWER_RENEWED	/* numbers do not fit: a new agent epoch begins, everything is told anew */
};
enum answer_effect plan_answer(const struct report_numbers *own, uint64_t agent_epoch, uint64_t taken);

/* Words for log lines and tests. */
const char *workspace_phase_name(enum workspace_phase phase);
const char *session_phase_name(enum session_phase phase);
const char *plan_step_name(enum plan_step step);

#endif
