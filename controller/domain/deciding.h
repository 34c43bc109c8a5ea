/* What the decisions share: looking things up on an owner's behalf, and the four ways to end. Nobody
 * else's business. The four ends return the decision. */
#ifndef ROOST_CONTROLLER_DOMAIN_DECIDING_H
#define ROOST_CONTROLLER_DOMAIN_DECIDING_H

#include "controller/domain/decision.h"

/* A new, undecided decision. */
struct decision *decision_new(const struct decision_inputs *inputs);

/* Refuses with the error that is in decision->refusal already; certain, since it is about the request
 * alone. */
struct decision *decision_invalid(struct decision *decision);

struct decision *decision_refuse(const struct decision_inputs *inputs, struct decision *decision, enum error_code code,
				 const char *format, ...) __attribute__((format(printf, 4, 5)));

/* What was asked is so already. */
struct decision *decision_nothing(const struct decision_inputs *inputs, struct decision *decision,
				  struct answer answer);

/* True when the inputs' key decides: the first answer again, or a refusal because the key was used for
 * another request (D5). A claim under the key that is not yet fulfilled decides nothing and is given
 * in *claim; it is NULL otherwise. */
bool decision_by_key(const struct decision_inputs *inputs, struct decision *decision,
		     const struct keyed_command **claim);

/* The aggregate that a record is appended to. */
struct aggregate {
	Roost__Record__Kind kind;
	const char *id;
	const char *owner;
	uint64_t version;
	uint64_t last_seq;
};
struct aggregate aggregate_of_node(const Roost__NodeState *node);
struct aggregate aggregate_of_owner(const Roost__OwnerState *owner, const char *name);

/* Makes the record, tries it on an overlay and takes the answer from there. A record that would not
 * apply, or is too large, becomes a refusal. `answer_id` may be NULL. */
struct decision *decision_append(const struct decision_inputs *inputs, struct decision *decision,
				 const struct aggregate *aggregate, Roost__Change **changes, size_t count,
				 const char *answer_id);

/* The same with where the node's reports have been taken up to. */
struct decision *decision_append_reports(const struct decision_inputs *inputs, struct decision *decision,
					 const struct aggregate *aggregate, Roost__Change **changes, size_t count,
					 Roost__ReportPosition *position);

Roost__Change *change_new(struct arena *arena, Roost__Change__ChangeCase which);

/* The owner's own, existing one; NULL when there is none: somebody else's is the same as none (D14),
 * and so is a deleted node, a deleted workspace, and what was in it. */
Roost__NodeState *own_node(const struct decision_inputs *inputs, const char *id);
Roost__WorkspaceState *own_workspace(const struct decision_inputs *inputs, const char *id);
Roost__SessionState *own_session(const struct decision_inputs *inputs, const char *id);

/* Refusals that several verbs have in common. */
struct decision *refuse_unknown_node(const struct decision_inputs *inputs, struct decision *decision, const char *id);
struct decision *refuse_unknown_workspace(const struct decision_inputs *inputs, struct decision *decision,
					  const char *id);
struct decision *refuse_unknown_session(const struct decision_inputs *inputs, struct decision *decision,
					const char *id);
struct decision *refuse_node_not_running(const struct decision_inputs *inputs, struct decision *decision,
					 const Roost__NodeState *node);

struct decision *refuse_workspace_move(const struct decision_inputs *inputs, struct decision *decision,
				       const Roost__WorkspaceState *workspace, const char *verb, const char *advice);

/* What all verbs about one existing workspace share before they differ: a valid id, no earlier answer,
 * and the owner's workspace with its node. NULL when it is decided already. */
Roost__WorkspaceState *begin_workspace_command(const struct decision_inputs *inputs, struct decision *decision,
					       const char *id, Roost__NodeState **node);

/* The same for a node. */
Roost__NodeState *begin_node_command(const struct decision_inputs *inputs, struct decision *decision, const char *id);

/* A refusal that lists what a confirmation would end: in the message the first few, in the details all
 * up to a hundred. `message` says what is about to happen, such as "Stopping node n ends". */
struct decision *refuse_unconfirmed(const struct decision_inputs *inputs, struct decision *decision,
				    const char *message, const struct workspace_states *dying);

/* The log went back under the node: its versions and what it was told count no more. */
struct decision *decision_new_epoch(const struct decision_inputs *inputs, struct decision *decision,
				    const Roost__NodeState *node, uint64_t log_epoch, uint64_t reported_version);

#endif
