/* workspace.get: one workspace of the owner's; somebody else's does not exist (D14). */
#include "controller/commands/commands_state.h"
#include "controller/commands/present.h"
#include "controller/domain/validate.h"

static ProtobufCMessage *query(struct request *request, struct error *error)
{
	const Roost__GetWorkspaceRequest *input = (const Roost__GetWorkspaceRequest *)request->input;
	struct projection *projection = request->commands->settings.projection;
	if (!validate_id("id", input->id, error))
		return NULL;
	Roost__WorkspaceState *state =
	    projection_workspace(projection, request->owner, input->id, request->arena, error);
	if (state == NULL)
		return NULL;
	Roost__GetWorkspaceResponse *response;
	arena_message(request->arena, response, roost__get_workspace_response__init);
	response->workspace = state->resource;
	present_workspace(request->commands, response->workspace, request->arena);
	return &response->base;
}

const struct command command_get_workspace = {.query = query};
