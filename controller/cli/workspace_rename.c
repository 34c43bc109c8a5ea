/* roost workspace rename */
#include "command.pb-c.h"
#include "controller/cli/show.h"

static int run(struct invocation *invocation)
{
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	struct api_call call = {.command = API_rename_workspace, .request = &request.base};
	request.id = argument_id(invocation, 0, KIND_WORKSPACE, &call.min_seq);
	request.display_name = invocation->arguments[1];
	if (request.id == NULL)
		return EXIT_FAILED;
	struct error error;
	const ProtobufCMessage *answer = call_with_key(invocation, &call, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation->json)
		return show_json(invocation, API_rename_workspace, answer);
	show_status(KIND_WORKSPACE, &((const Roost__RenameWorkspaceResponse *)answer)->workspace->base,
		    invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_rename = {
    .noun = "workspace",
    .name = "rename",
    .arguments = "<workspace> <name>",
    .sentence = "Give a workspace another name; one that is taken on its node gets a number.",
    .least = 2,
    .most = 2,
    .options = options,
    .run = run,
};
