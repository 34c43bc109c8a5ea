/* roost workspace create */
#include "command.pb-c.h"
#include "controller/cli/repository.h"
#include "controller/cli/show.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

/* --env K=V, as often as it was given. */
static bool read_environment(struct invocation *invocation, Roost__CreateWorkspaceRequest *request, struct error *error)
{
	const char *pair;
	request->env =
	    arena_array_of(invocation->arena, Roost__CreateWorkspaceRequest__EnvEntry *, invocation->given_count + 1);
	while ((pair = invocation_value_at(invocation, "env", request->n_env)) != NULL) {
		const char *equals = strchr(pair, '=');
		if (equals == NULL || equals == pair)
			return error_set(error, ERROR_INVALID_ARGUMENT, "--env takes NAME=value, not \"%.80s\"", pair);
		Roost__CreateWorkspaceRequest__EnvEntry *entry;
		arena_message(invocation->arena, entry, roost__create_workspace_request__env_entry__init);
		entry->key = arena_copy(invocation->arena, pair, (size_t)(equals - pair));
		entry->value = equals + 1;
		request->env[request->n_env++] = entry;
	}
	return true;
}

static void read_options(struct invocation *invocation, Roost__CreateWorkspaceRequest *request)
{
	char folder[PATH_MAX];
	const char *repository = invocation_value(invocation, "repo");
	request->name = invocation->arguments[0];
	request->branch = invocation_value(invocation, "branch");
	request->image = invocation_value(invocation, "image");
	request->repository = repository;
	if (repository != NULL && getcwd(folder, sizeof(folder)) != NULL)
		request->repository = repository_absolute(repository, folder, invocation->arena);
}

static int run(struct invocation *invocation)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	struct api_call call = {.command = API_create_workspace, .request = &request.base};
	struct error error;
	read_options(invocation, &request);
	if (!read_environment(invocation, &request, &error))
		return verb_misused(invocation->verb, error.message);
	request.template_ = invocation_value(invocation, "template");
	if (!option_id(invocation, "node", KIND_NODE, &request.node_id, &call.min_seq, &error) ||
	    !option_id(invocation, "parent", KIND_WORKSPACE, &request.parent_id, &call.min_seq, &error))
		return verb_failed(&error);
	const ProtobufCMessage *answer = call_with_key(invocation, &call, &error);
	if (answer == NULL)
		return verb_failed(&error);
	const Roost__Workspace *workspace = ((const Roost__CreateWorkspaceResponse *)answer)->workspace;
	if (invocation_has(invocation, "wait"))
		return show_outcome(invocation, &goal_workspace_running, workspace->id, 0, call.seq);
	if (invocation->json)
		return show_json(invocation, API_create_workspace, answer);
	show_status(KIND_WORKSPACE, &workspace->base, invocation->arena);
	return EXIT_DONE;
}

static const struct verb_option options[] = {
    {"repo", "url or path", "Git repository to clone; without one the workspace begins empty."},
    {"branch", "name", "Branch to check out; the repository's default without it."},
    {"node", "node", "Where it is made; the platform chooses without it."},
    {"parent", "workspace", "Make it a child: on the same node, and deleted with it."},
    {"template", "name", "Where its image, time to start and variables come from, unless they are given."},
    {"image", "image", "What its root file system is; the node's own system, read-only, without it."},
    {"env", "NAME=value", "Variable for everything that runs in it; not for secrets. May be repeated."},
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_START),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_create = {
    .noun = "workspace",
    .name = "create",
    .arguments = "<name>",
    .sentence = "Make a workspace: a sandbox of its own with a checkout in it.",
    .least = 1,
    .most = 1,
    .options = options,
    .run = run,
};
