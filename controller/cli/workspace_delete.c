/* roost workspace delete */
#include "controller/cli/change.h"

static int run(struct invocation *invocation)
{
	static const struct change change = {.kind = KIND_WORKSPACE,
					     .command = API_delete_workspace,
					     .goal = &goal_workspace_deleted,
					     .platform_waits = true};
	int status = EXIT_DONE;
	if (invocation->argument_count > 1 && invocation_has(invocation, "idempotency-key"))
		return verb_misused(invocation->verb, "an idempotency key is for one workspace");
	for (; invocation->argument_count > 0; invocation->arguments++, invocation->argument_count--) {
		int one = change_run(invocation, &change);
		if (one == EXIT_USAGE)
			return one;
		if (status == EXIT_DONE)
			status = one;
	}
	return status;
}

static const struct verb_option options[] = {
    OPTION_WAIT,
    OPTION_TIMEOUT(PATIENCE_SECONDS_STOP),
    OPTION_KEY,
    OPTION_END,
};

const struct verb verb_workspace_delete = {
    .noun = "workspace",
    .name = "delete",
    .arguments = "<workspace>...",
    .sentence =
	"End workspaces and their children and remove their files, for good; the exit status is the first failure's.",
    .least = 1,
    .most = SIZE_MAX,
    .options = options,
    .run = run,
};
