/* Decisions: state, request and inputs in, a record or a refusal out. Pure: the time, ids, keys and
 * limits are inputs, the state is read through the entity store, and what comes back lives in the
 * arena. The same inputs over the same state give the same bytes.
 *
 * How a caller goes on:
 *   APPEND   append `record` to its subject (`kind`, `aggregate_id` in the record) expecting
 *            `expected_last_seq`. On a conflict catch up and decide again with a new record_id and the
 *            same new_id. When it is stored and projected: if `again` is set, decide again (new
 *            record_id, same new_id) since it was only the owner's claim; otherwise answer `answer`.
 *   NOTHING  what was asked is so already: answer `answer`.
 *   REPEAT   this key and request were answered before: answer `answer`, the first answer again (D5).
 *   REFUSE   answer `refusal`.
 * NOTHING and REFUSE are final only from a caught-up projection unless `certain` is set (no state
 * could change the outcome: the request itself is wrong, or the log holds the answer). */
#ifndef ROOST_CONTROLLER_DOMAIN_DECISION_H
#define ROOST_CONTROLLER_DOMAIN_DECISION_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "command.pb-c.h"
#include "controller/domain/entity_store.h"
#include "node.pb-c.h"
#include "record.pb-c.h"

struct environment_pair {
	const char *name, *value;
};

/* What a workspace gets that names this template and does not say otherwise itself. */
struct workspace_template {
	const char *name;
	uint32_t provision_timeout_ms; /* 0: the runtime's */
	const char *image;	       /* NULL: the default one */
	const struct environment_pair *env;
	size_t env_count;
};

/* A timeout is recorded with the workspace that it is given to, and is final there. */
struct decision_limits {
	uint32_t max_nodes_per_user;
	uint32_t max_workspaces_per_node; /* recorded with a new node; an existing one keeps its own */
	uint32_t max_sessions_per_workspace;
	uint32_t provision_timeout_ms;	/* of the oci runtime, the only one; a template may say otherwise */
	uint32_t provision_override_ms; /* for all workspaces, whatever their template says; 0 for none */
	int64_t idempotency_ms;		/* how long a key is remembered */
	int64_t sweep_grace_ms; /* how long a state must have lasted before the sweeper's word about it counts */
	const struct workspace_template *templates;
	size_t template_count;
};

struct decision_inputs {
	int64_t now_ms;		     /* the NATS server's clock */
	const char *record_id;	     /* ULID, new for every decision */
	const char *new_id;	     /* ULID for what a create makes; the same for all decisions of one command */
	const char *owner;	     /* on whose behalf: from the command's subject, or of the node that reports */
	const char *actor;	     /* who did it; the owner, "node", "controller" */
	const char *cause;	     /* "workspace.create", "report", "deadline", "beat" */
	const char *idempotency_key; /* NULL for none */
	const unsigned char *request_hash; /* 32 bytes; NULL exactly when there is no key */
	const char *traceparent;	   /* NULL for none */
	struct decision_limits limits;
	const struct entity_store *store;
	struct arena *arena;
};

enum decision_kind {
	DECISION_APPEND,
	DECISION_NOTHING,
	DECISION_REPEAT,
	DECISION_REFUSE,
};

struct refusal_detail {
	const char *name, *value;
};

struct decision {
	enum decision_kind kind;
	Roost__Record *record;		/* APPEND */
	uint64_t expected_last_seq;	/* APPEND: of the record's subject */
	bool again;			/* APPEND: a claim; decide again once it is projected */
	bool certain;			/* see above */
	struct answer answer;		/* NOTHING, REPEAT, and APPEND unless again; without live fields */
	struct error refusal;		/* REFUSE */
	uint32_t cascade_deleted;	/* workspace.delete: how many descendants go with it; also for REPEAT */
	struct refusal_detail *details; /* REFUSE: for the error's details; what a confirmation lists is the
					   number of "workspaces", of "sessions", and under the id of each
					   workspace its name and what it is doing */
	size_t detail_count;
};

/* Commands, by their stem in schemas/commands.def. */
struct decision *decide_create_node(const struct decision_inputs *inputs, const Roost__CreateNodeRequest *request);
struct decision *decide_create_workspace(const struct decision_inputs *inputs,
					 const Roost__CreateWorkspaceRequest *request);
struct decision *decide_rename_workspace(const struct decision_inputs *inputs,
					 const Roost__RenameWorkspaceRequest *request);
struct decision *decide_stop_workspace(const struct decision_inputs *inputs,
				       const Roost__StopWorkspaceRequest *request);
struct decision *decide_restart_workspace(const struct decision_inputs *inputs,
					  const Roost__RestartWorkspaceRequest *request);
struct decision *decide_delete_workspace(const struct decision_inputs *inputs,
					 const Roost__DeleteWorkspaceRequest *request);
struct decision *decide_update_workspace(const struct decision_inputs *inputs,
					 const Roost__UpdateWorkspaceRequest *request);
struct decision *decide_rebuild_workspace(const struct decision_inputs *inputs,
					  const Roost__RebuildWorkspaceRequest *request);
struct decision *decide_reap_workspace(const struct decision_inputs *inputs,
				       const Roost__ReapWorkspaceRequest *request);
struct decision *decide_stop_node(const struct decision_inputs *inputs, const Roost__StopNodeRequest *request);
struct decision *decide_start_node(const struct decision_inputs *inputs, const Roost__StartNodeRequest *request);
struct decision *decide_delete_node(const struct decision_inputs *inputs, const Roost__DeleteNodeRequest *request);
struct decision *decide_create_session(const struct decision_inputs *inputs,
				       const Roost__CreateSessionRequest *request);
struct decision *decide_stop_session(const struct decision_inputs *inputs, const Roost__StopSessionRequest *request);

/* Reports of a node agent. `inputs->owner` is ignored: the node's owner counts. `answer` (in the
 * arena) is what to tell the node: for APPEND once the record is stored, for NOTHING at once (it had
 * them; an answer of another agent epoch or number makes it begin anew). A gap is a sign that the log went
 * back: it begins a new log epoch, and `taken` says where to go on. REFUSE only for a node that does not
 * exist. NOTHING needs no caught-up projection when it says "had it"; `certain` tells. */
struct decision *decide_reports(const struct decision_inputs *inputs, const Roost__ReportBatch *batch,
				Roost__ReportAnswer **answer);

/* A provisioning deadline: fails the workspace if it is still creating in that generation and its
 * deadline is over at now_ms; NOTHING otherwise. */
struct decision *decide_provision_deadline(const struct decision_inputs *inputs, const char *workspace_id,
					   uint32_t generation);

/* The health computed from beats and answered calls, when it is another than the announced one. `message`
 * tells what is silent; NULL when nothing is. */
struct decision *decide_node_health(const struct decision_inputs *inputs, const char *node_id,
				    Roost__Node__Health health, int64_t silent_since_ms, const char *message);

/* Makes the node of a claim whose maker never came back. NOTHING when it exists or is not claimed. The
 * key and hash of the claim, if it had one, are in the inputs, so that a late retry gets its answer. */
struct decision *decide_complete_node_claim(const struct decision_inputs *inputs, const char *node_id);

/* The second half of deleting a node: its owner's roster lets go of it. NOTHING unless the node is
 * deleted and still in the roster. */
struct decision *decide_release_node(const struct decision_inputs *inputs, const char *node_id);

/* The sweeper's finding, judged again by this state: a sweeper_found, and what follows from it (a
 * workspace_found, a workspace_wanted_anew, a workspace_lost ...). NOTHING when the state no longer bears
 * it out. `inputs->owner` is whose it is. Compaction is not decided here. */
struct decision *decide_act_sweep(const struct decision_inputs *inputs, const Roost__SweepFinding *finding);

/* The node says that it holds a later version or a later epoch than the log has, of the same log: the log was
 * restored from a backup. Begins a new epoch for the node. Only from a caught-up projection. */
struct decision *decide_log_rolled_back(const struct decision_inputs *inputs, const char *node_id, uint64_t log_epoch,
					uint64_t reported_version);

#endif
