/* Wanted state as a function of state, nothing else. */
#include "controller/domain/wanted.h"

#include <stdbool.h>

Roost__WantedWorkspace__Desired wanted_of_workspace(Roost__Workspace__Status status)
{
	switch (status) {
	case ROOST__WORKSPACE__STATUS__CREATING:
	case ROOST__WORKSPACE__STATUS__RUNNING:
		return ROOST__WANTED_WORKSPACE__DESIRED__RUN;
	case ROOST__WORKSPACE__STATUS__DELETING:
	case ROOST__WORKSPACE__STATUS__DELETED:
		return ROOST__WANTED_WORKSPACE__DESIRED__REMOVE;
	default: /* also for a status of a newer program: what is not understood must not run */
		return ROOST__WANTED_WORKSPACE__DESIRED__STOP;
	}
}

Roost__WantedSession__Desired wanted_of_session(Roost__AgentSession__Status status)
{
	bool run = status == ROOST__AGENT_SESSION__STATUS__STARTING || status == ROOST__AGENT_SESSION__STATUS__RUNNING;
	return run ? ROOST__WANTED_SESSION__DESIRED__RUN : ROOST__WANTED_SESSION__DESIRED__STOP;
}

Roost__WantedNode__Desired wanted_of_node(Roost__Node__Status status)
{
	switch (status) {
	case ROOST__NODE__STATUS__STOPPING:
	case ROOST__NODE__STATUS__STOPPED:
		return ROOST__WANTED_NODE__DESIRED__STOP;
	case ROOST__NODE__STATUS__DELETING:
	case ROOST__NODE__STATUS__DELETED:
		return ROOST__WANTED_NODE__DESIRED__REMOVE;
	default: /* also for a status of a newer program: a node that is not understood is left as it is */
		return ROOST__WANTED_NODE__DESIRED__RUN;
	}
}

Roost__WantedNode *wanted_node(const Roost__NodeState *state, struct arena *arena)
{
	Roost__WantedNode *row;
	arena_message(arena, row, roost__wanted_node__init);
	row->has_version = true;
	row->version = state->wanted_version;
	row->has_desired = true;
	row->desired = wanted_of_node(state->resource->status);
	return row;
}

Roost__WantedWorkspace *wanted_workspace(const Roost__WorkspaceState *state, struct arena *arena)
{
	Roost__WantedWorkspace *row;
	arena_message(arena, row, roost__wanted_workspace__init);
	row->id = state->resource->id;
	row->owner = state->owner;
	row->has_version = true;
	row->version = state->wanted_version;
	row->has_generation = true;
	row->generation = state->resource->generation;
	row->has_desired = true;
	row->desired = wanted_of_workspace(state->resource->status);
	row->spec = state->spec;
	row->display_name = state->resource->display_name;
	row->parent_id = state->resource->parent_id;
	row->has_rebuild_generation = state->has_rebuild_generation;
	row->rebuild_generation = state->rebuild_generation;
	return row;
}

Roost__WantedSession *wanted_session(const Roost__SessionState *state, struct arena *arena)
{
	Roost__WantedSession *row;
	arena_message(arena, row, roost__wanted_session__init);
	row->id = state->resource->id;
	row->workspace_id = state->resource->workspace_id;
	row->has_version = true;
	row->version = state->wanted_version;
	row->has_generation = true;
	row->generation = state->generation;
	row->has_desired = true;
	row->desired = wanted_of_session(state->resource->status);
	row->n_command = state->n_command;
	row->command = state->command;
	row->has_cols = state->has_cols;
	row->cols = state->cols;
	row->has_rows = state->has_rows;
	row->rows = state->rows;
	return row;
}
