/* session.create: only in a running workspace, at most so many at a time, once per key (S0-18). */
#include "bus/foundation/limits.h"
#include "controller/domain/deciding.h"
#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include "controller/domain/validate.h"
#include <string.h>

enum { COLUMNS_DEFAULT = 80, ROWS_DEFAULT = 24 };

static const char *agent_type_of(const Roost__CreateSessionRequest *request)
{
	if (request->agent_type != NULL && request->agent_type[0] != '\0')
		return request->agent_type;
	return request->n_command > 0 ? "custom" : "shell";
}

static bool request_is_valid(const Roost__CreateSessionRequest *request, struct error *error)
{
	if (!validate_id("workspaceId", request->workspace_id, error) ||
	    (request->label != NULL && !validate_name("label", request->label, error)) ||
	    (request->agent_type != NULL && request->agent_type[0] != '\0' &&
	     !validate_name("agentType", request->agent_type, error)) ||
	    !validate_command_line("command", request->command, request->n_command, error) ||
	    !validate_terminal_side("cols", request->has_cols, request->cols, error) ||
	    !validate_terminal_side("rows", request->has_rows, request->rows, error))
		return false;
	bool custom = strcmp(agent_type_of(request), "custom") == 0;
	if (custom && request->n_command == 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "command: must be given with agentType custom");
	if (!custom && request->n_command > 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "command: is only for agentType custom");
	return true;
}

/* "shell", "custom", or an agent program that the node has found. */
static bool node_has_agent(const Roost__NodeState *node, const char *agent_type)
{
	const Roost__Capabilities *capabilities = node->resource->capabilities;
	if (strcmp(agent_type, "shell") == 0 || strcmp(agent_type, "custom") == 0)
		return true;
	for (size_t i = 0; capabilities != NULL && i < capabilities->n_agents; i++)
		if (strcmp(capabilities->agents[i], agent_type) == 0)
			return true;
	return false;
}

/* A shell is bash where the image has it; an agent is the program of its name. */
static void set_command(Roost__SessionCreated *created, const Roost__CreateSessionRequest *request, struct arena *arena)
{
	static const char *shell[] = {"/bin/sh", "-c", "command -v bash >/dev/null && exec bash -l; exec sh -l"};
	if (request->n_command > 0) {
		created->n_command = request->n_command;
		created->command = request->command;
	} else if (strcmp(created->agent_type, "shell") == 0) {
		created->n_command = sizeof(shell) / sizeof(shell[0]);
		created->command = shell;
	} else {
		created->n_command = 1;
		created->command = arena_array_of(arena, const char *, 1);
		created->command[0] = created->agent_type;
	}
}

/* What the user calls it, or else the program's own name. */
static const char *label_of(const Roost__CreateSessionRequest *request, const char *agent_type, struct arena *arena)
{
	if (request->label != NULL)
		return name_trim(request->label, arena);
	if (request->n_command == 0)
		return agent_type;
	const char *slash = strrchr(request->command[0], '/');
	const char *program = slash == NULL ? request->command[0] : slash + 1;
	return validate_name("label", program, NULL) ? program : agent_type;
}

static Roost__SessionCreated *session_created(const struct decision_inputs *inputs,
					      const Roost__CreateSessionRequest *request,
					      const Roost__WorkspaceState *workspace)
{
	Roost__SessionCreated *created;
	const char *agent_type = agent_type_of(request);
	arena_message(inputs->arena, created, roost__session_created__init);
	created->session_id = inputs->new_id;
	created->workspace_id = workspace->resource->id;
	created->has_generation = true;
	created->generation = workspace->resource->generation;
	created->label = label_of(request, agent_type, inputs->arena);
	created->agent_type = agent_type;
	set_command(created, request, inputs->arena);
	created->has_cols = created->has_rows = true;
	created->cols = request->has_cols ? request->cols : COLUMNS_DEFAULT;
	created->rows = request->has_rows ? request->rows : ROWS_DEFAULT;
	return created;
}

struct decision *decide_create_session(const struct decision_inputs *inputs, const Roost__CreateSessionRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct keyed_command *claim;
	if (!request_is_valid(request, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &claim))
		return decision;
	const Roost__WorkspaceState *workspace = own_workspace(inputs, request->workspace_id);
	const Roost__NodeState *node = workspace == NULL ? NULL : own_node(inputs, workspace->resource->node_id);
	if (node == NULL)
		return refuse_unknown_workspace(inputs, decision, request->workspace_id);
	if (workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING)
		return decision_refuse(
		    inputs, decision, ERROR_WORKSPACE_NOT_RUNNING, "Workspace %s is %s. A session needs a running one.",
		    workspace->resource->display_name, workspace_status_word(workspace->resource->status));
	if (!node_has_agent(node, agent_type_of(request)))
		return decision_refuse(inputs, decision, ERROR_INVALID_ARGUMENT,
				       "agentType: node %s has no program \"%s\"; \"shell\" and \"custom\" always work",
				       node->resource->name, agent_type_of(request));
	if (workspace->n_live_sessions >= inputs->limits.max_sessions_per_workspace)
		return decision_refuse(inputs, decision, ERROR_LIMIT_REACHED,
				       "Workspace %s has %zu sessions, which is the limit "
				       "(MAX_AGENT_SESSIONS_PER_WORKSPACE). Stop one first.",
				       workspace->resource->display_name, workspace->n_live_sessions);
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_SESSION_CREATED);
	change->session_created = session_created(inputs, request, workspace);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, inputs->new_id);
}
