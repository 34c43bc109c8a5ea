/* What a node agent does about the node as a whole: a pure decision like those of plan.h.
 *
 * The wish for the node reaches each workspace through `struct workspace_wanted`, whose own plan then
 * stops or removes it; here is decided when all of them are to be looked at again, when the machine
 * itself is searched, and when the end is told. A wish is told once per version.
 *
 *   STOP:    stop all ..> search ..> tell stopped
 *   REMOVE:  remove all ..> search (and take away what they shared) ..> tell removed ..> end
 *
 * "Stopped" and "removed" are never told from memory: a search of the machine comes first, and what it
 * finds is stopped or removed like everything else. */
#ifndef ROOST_NODEAGENT_PLAN_NODE_PLAN_H
#define ROOST_NODEAGENT_PLAN_NODE_PLAN_H

#include "nodeagent/plan/plan.h"

struct node_wanted {
	Roost__WantedNode__Desired desired; /* 0: nobody has said so far */
	uint64_t version;
};

/* How a workspace stands to what is wanted of the node; the greatest of all counts. */
enum node_state {
	NODE_AT_REST,	/* all is as wanted */
	NODE_STUCK,	/* something could not be stopped or removed; its time to be tried again has not come */
	NODE_UNDER_WAY, /* work is going on */
	NODE_DUE,	/* work has yet to begin */
	NODE_STATE_COUNT
};

struct node_actual {
	enum node_state state;
	bool busy;	       /* the machine is being searched, or what is there is not known yet */
	bool found_clear;      /* the last search found nothing, and nothing was begun since */
	bool search_due;       /* enough time went by since a search that failed */
	uint32_t vain;	       /* searches in a row that failed, or found what had been ended before */
	bool reports_waiting;  /* some report has not been taken yet */
	uint64_t told_version; /* whose end was told */
	uint64_t told_failed;  /* the version whose failure was told */
};

/* So many searches in vain are told as a failure. */
enum { NODE_SEARCHES_VAIN = 3 };

enum node_step {
	NODE_NOTHING,
	NODE_WAIT,
	NODE_STOP_ALL,	  /* let every workspace and session take the steps that are due */
	NODE_REMOVE_ALL,  /* the same, for their files too */
	NODE_SEARCH,	  /* look what is really there; for REMOVE also take away what all of them shared */
	NODE_TELL,	  /* running, stopped or removed */
	NODE_TELL_FAILED, /* what is left */
	NODE_END	  /* it was told and taken that nothing is left: the agent has nothing more to do */
};

enum node_state node_state_of(const struct workspace_wanted *wanted, const struct workspace_actual *actual);

enum node_step plan_node(const struct node_wanted *wanted, const struct node_actual *actual);

const char *node_step_name(enum node_step step);

#endif
