/* roost workspace get */
#include "command.pb-c.h"
#include "controller/cli/change.h"
#include "controller/cli/text.h"

#include <stdio.h>
#include <string.h>

/* A line for each child. */
static int show_children(struct invocation *invocation, const char *id, uint64_t seq)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	struct error error;
	const Roost__ListWorkspacesResponse *list = (const Roost__ListWorkspacesResponse *)api_list(
	    invocation->client, API_list_workspaces, &request.base, invocation->arena, &seq, &error);
	if (list == NULL)
		return verb_failed(&error);
	for (size_t i = 0; i < list->n_workspaces; i++) {
		const Roost__Workspace *child = list->workspaces[i];
		if (child->parent_id != NULL && strcmp(child->parent_id, id) == 0)
			printf("%-32s %s (%s)\n", "child", text_safe(child->display_name, false, invocation->arena),
			       child->id);
	}
	return EXIT_DONE;
}

static int run(struct invocation *invocation)
{
	uint64_t seq = 0;
	int status = get_run(invocation, KIND_WORKSPACE, API_get_workspace);
	if (status != EXIT_DONE || invocation->json)
		return status;
	const char *id = argument_id(invocation, 0, KIND_WORKSPACE, &seq);
	return id == NULL ? EXIT_FAILED : show_children(invocation, id, seq);
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
