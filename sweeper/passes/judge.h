/* The sweeper's judgements: a row of the projection, what was heard of its node, the time and the rules
 * in; nothing, a finding that must wait, or a finding to act on out. Pure: no I/O, no clock, no memory
 * of its own. Any thread.
 *
 * What follows from a finding is decided by a controller, which judges it again by its own state
 * (decide_act_sweep): a sweeper can be wrong, be doubled or be replayed without harm. Nothing here
 * destroys anything because it does not know better: every missing proof is a SWEEP_WAIT (D16). */
#ifndef ROOST_SWEEPER_PASSES_JUDGE_H
#define ROOST_SWEEPER_PASSES_JUDGE_H

#include "node.pb-c.h"
#include "state.pb-c.h"

#include <stdbool.h>
#include <stdint.h>

/* The options, in milliseconds. */
struct sweep_rules {
	int64_t stop_timeout_ms; /* STOP_TIMEOUT_SECONDS */
	int64_t grace_ms;	 /* SWEEP_GRACE_SECONDS */
	int64_t unknown_age_ms;	 /* SWEEP_UNKNOWN_AGE_SECONDS */
	int64_t stale_ms;	 /* NODE_HEARTBEAT_STALE_SECONDS */
};

/* Two looks at a node that are less than this apart count as one. */
enum { SWEEP_LOOKS_APART_MS = 2000 };

enum sweep_verdict {
	SWEEP_NOTHING, /* all is well, or it is none of this pass's business */
	SWEEP_WAIT,    /* something is wrong, but a proof or the time is missing: `why_not` */
	SWEEP_TELL,    /* worth an event; the controller will do no more */
	SWEEP_ACT,
};

struct sweep_judgement {
	enum sweep_verdict verdict;
	const char *reason;    /* sentences for people, static; NULL with SWEEP_NOTHING */
	const char *next_step; /* what acting does */
	const char *why_not;   /* SWEEP_WAIT */
	int64_t since_ms;      /* when that which was found began: the same finding has the same */
};

/* What the sweeper itself has heard of a node. */
struct sweep_heard {
	int64_t silence_ms;   /* since its last beat, or since the sweeper has listened without a break */
	int64_t listening_ms; /* for how long it has */
};

/* One complete inventory of a node and the proofs that belong to it. Times are the server's. */
struct sweep_inventory {
	int64_t asked_at_ms; /* before the first page was asked for */
	const char *log_id;  /* what the agent held, the same on every page */
	uint64_t log_epoch;
	uint64_t held_version;
	const char *our_log_id;	  /* of the log that the projection follows */
	uint64_t our_log_epoch;	  /* that controllers tell this node */
	uint64_t wanted_version;  /* the highest of anything that is wanted on this node; of the projection */
	bool projection_is_newer; /* it holds the log's last sequence, asked for after the inventory's last page */
	const struct sweep_heard *heard;
};

/* The agent holds all that is wanted, of this log. Only then does its inventory prove anything. */
bool sweep_agent_is_current(const struct sweep_inventory *inventory, const Roost__NodeState *node);

/* Has beaten within the stale time. */
bool sweep_beat_is_fresh(const struct sweep_rules *rules, const struct sweep_heard *heard);

/* ---- what an inventory shows ---- */

/* The node has what the log says is deleted, or has been deleting for too long; or what was stopped and
 * still runs. */
struct sweep_judgement judge_removed_workspace(const struct sweep_rules *rules, int64_t now_ms,
					       const struct sweep_inventory *inventory, const Roost__NodeState *node,
					       const Roost__WorkspaceState *workspace,
					       const Roost__InventoryResponse__Workspace *found);

/* The node has a live host of a session that has ended. */
struct sweep_judgement judge_removed_session(const struct sweep_rules *rules, int64_t now_ms,
					     const struct sweep_inventory *inventory, const Roost__NodeState *node,
					     const Roost__SessionState *session);

/* The node has what carries our label and is in no log (the caller has looked for the id in the
 * projection). `first_seen_ms` is the asked_at_ms of the earliest of the uninterrupted looks that showed
 * it so, 0 for none before this one (D16). */
struct sweep_judgement judge_unknown(const struct sweep_rules *rules, int64_t now_ms,
				     const struct sweep_inventory *inventory, const Roost__NodeState *node,
				     const Roost__InventoryResponse__Workspace *found, int64_t first_seen_ms);

/* The log says that it runs, and the inventory does not have it (`found` NULL), or has it without life
 * or of another generation. `first_seen_ms` as above. */
struct sweep_judgement judge_absent_workspace(const struct sweep_rules *rules, int64_t now_ms,
					      const struct sweep_inventory *inventory, const Roost__NodeState *node,
					      const Roost__WorkspaceState *workspace,
					      const Roost__InventoryResponse__Workspace *found, int64_t first_seen_ms);

/* The same for a session that is running by the log and not among the inventory's sessions. */
struct sweep_judgement judge_absent_session(const struct sweep_rules *rules, int64_t now_ms,
					    const struct sweep_inventory *inventory, const Roost__NodeState *node,
					    const Roost__SessionState *session, int64_t first_seen_ms);

/* ---- what the projection and the beats show ---- */

/* Creating past its deadline; starting, stopping or deleting for too long; error with something left
 * behind. What the node must do is not asked of a silent one. Tried again at growing distances. */
struct sweep_judgement judge_stuck_node(const struct sweep_rules *rules, int64_t now_ms,
					const struct sweep_heard *heard, const Roost__NodeState *node);
struct sweep_judgement judge_stuck_workspace(const struct sweep_rules *rules, int64_t now_ms,
					     const struct sweep_heard *heard, const Roost__WorkspaceState *workspace);
struct sweep_judgement judge_stuck_session(const struct sweep_rules *rules, int64_t now_ms,
					   const struct sweep_heard *heard, const Roost__SessionState *session);

/* A node that was announced silent and that the sweeper does not hear either; told once per silence. */
struct sweep_judgement judge_silent_node(const struct sweep_rules *rules, const struct sweep_heard *heard,
					 const Roost__NodeState *node);

#endif
