/* What has become of a stop or a delete, read from the states that the projection holds: still under way,
 * done, or failed with what is left (S4-25, S4-26). A delete of a workspace is looked at with all its
 * descendants, one of a node with all its workspaces. Pure. */
#ifndef ROOST_CONTROLLER_COMMANDS_OUTCOME_H
#define ROOST_CONTROLLER_COMMANDS_OUTCOME_H

#include "controller/domain/decision.h"

struct goal {
	const char *verb; /* "stopped" */
	bool of_node;	  /* else of a workspace */
	bool cascades;	  /* to a workspace's descendants */
	int under_way;	  /* the status that it has until it is settled */
};

extern const struct goal goal_node_stopped, goal_node_deleted, goal_workspace_stopped, goal_workspace_deleted;

/* What is looked at; in the arena that outcome_watch was given. */
struct watched {
	const struct goal *goal;
	const char *node_id;
	const char **workspaces; /* the one itself first; all of a node */
	size_t workspace_count;
	struct answer answer; /* when it began */
};

struct watched *outcome_watch(const struct entity_store *store, const struct goal *goal, const struct answer *answer,
			      struct arena *arena);

struct outcome {
	bool settled;
	bool failed;	      /* settled, and not as wanted: `refusal` and its details */
	struct answer answer; /* the resource as it is now; as it was at first when the store has none */
	struct error refusal;
	struct refusal_detail *details;
	size_t detail_count;
};

/* All of *outcome lives in the arena. */
void outcome_look(const struct entity_store *store, const struct watched *watched, struct arena *arena,
		  struct outcome *outcome);

#endif
