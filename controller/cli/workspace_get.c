/* roost workspace get */
#include "command.pb-c.h"
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	Roost__GetWorkspaceRequest request = ROOST__GET_WORKSPACE_REQUEST__INIT;
	struct api_call call = {.command = API_get_workspace, .request = &request.base};
	request.id = argument_id(invocation, 0, KIND_WORKSPACE, &call.min_seq);
	if (request.id == NULL)
		return EXIT_FAILED;
	struct error error;
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_get_workspace, answer);
	show_fields(&((const Roost__GetWorkspaceResponse *)answer)->workspace->base, invocation->arena);
	return EXIT_DONE;
}

const struct verb verb_workspace_get = {
    .noun = "workspace",
    .name = "get",
    .arguments = "<workspace>",
    .sentence = "Show everything about one workspace.",
    .least = 1,
    .most = 1,
    .run = run,
};
