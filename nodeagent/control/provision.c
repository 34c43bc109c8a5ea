/* Four steps in one file, so that none of them is gone around. */
#include "nodeagent/control/provision.h"

#include "bus/foundation/ulid.h"
#include "nodeagent/control/machine.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { IDENTITY_MAX = 8 };

static bool fail(struct provision *provision, const char *step, const char *message)
{
	provision->failure =
	    (struct runtime_failure){.cause = RUNTIME_CAUSE_WORKSPACE, .step = step, .message = message, .detail = ""};
	return false;
}

/* --- prepare --- */

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* Who the workspace is; its owner cannot say otherwise (S2-11, S2-12). */
static size_t identity(const struct agent *agent, const Roost__WantedWorkspace *message, uint32_t generation,
		       struct runtime_variable *variables, struct arena *arena)
{
	size_t count = 0;
	variables[count++] = (struct runtime_variable){"ROOST_NODE_ID", agent->settings.node_id};
	variables[count++] = (struct runtime_variable){"ROOST_OWNER", or_empty(message->owner)};
	variables[count++] = (struct runtime_variable){"ROOST_GENERATION", arena_printf(arena, "%" PRIu32, generation)};
	variables[count++] = (struct runtime_variable){"WORKSPACE", or_empty(message->display_name)};
	variables[count++] = (struct runtime_variable){"ROOST_TOKEN_FILE", RUNTIME_TOKEN_PATH};
	if (message->parent_id && message->parent_id[0]) {
		variables[count++] = (struct runtime_variable){"PARENT_ID", message->parent_id};
		variables[count++] = (struct runtime_variable){"ROOST_PARENT_ID", message->parent_id};
	}
	return count;
}

static bool names(const struct runtime_variable *variables, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(variables[i].name, name) == 0)
			return true;
	return strcmp(name, "ROOST_WORKSPACE_ID") == 0; /* the runtime's own */
}

static void fill_environment(struct runtime_workspace *workspace, const struct agent *agent,
			     const Roost__WantedWorkspace *message, const Roost__WorkspaceSpec *spec,
			     struct arena *arena)
{
	struct runtime_variable *all = arena_array_of(arena, struct runtime_variable, IDENTITY_MAX + spec->n_env);
	size_t fixed = identity(agent, message, workspace->generation, all, arena);
	size_t count = fixed;
	for (size_t i = 0; i < spec->n_env; i++) {
		const char *name = or_empty(spec->env[i]->key);
		if (!names(all, fixed, name))
			all[count++] = (struct runtime_variable){name, or_empty(spec->env[i]->value)};
	}
	workspace->environment = all;
	workspace->environment_count = count;
}

static bool prepare(struct provision *provision, const struct agent *agent, const struct workspace_row *row,
		    struct arena *arena)
{
	static const Roost__WorkspaceSpec nothing = ROOST__WORKSPACE_SPEC__INIT;
	struct error error = {0};
	const Roost__WantedWorkspace *message = (const Roost__WantedWorkspace *)message_unpack(
	    &roost__wanted_workspace__descriptor, row->message, arena, &error);
	if (!message)
		return fail(provision, "runtime", "What is wanted of the workspace cannot be read.");
	const Roost__WorkspaceSpec *spec = message->spec ? message->spec : &nothing;
	provision->workspace = (struct runtime_workspace){
	    .id = arena_strdup(arena, row->id),
	    .owner = or_empty(message->owner),
	    .generation = row->actual.generation,
	    .rebuild_generation = message->rebuild_generation,
	    .made_at = ulid_time_ms(row->id), /* by the controllers' clock, not this machine's */
	    .image = or_empty(spec->image),
	    .repository = or_empty(spec->repository),
	    .branch = or_empty(spec->branch),
	};
	fill_environment(&provision->workspace, agent, message, spec, arena);
	return true;
}

/* --- mint --- */

/* A start that an agent's end interrupted goes on with the token that it had. */
static bool has_token(const struct workspace_row *row)
{
	return row->actual.phase == WORKSPACE_PROVISIONING && row->token[0] != 0;
}

static bool mint(struct provision *provision, struct workspace_row *row, struct arena *arena)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t chance[TOKEN_LENGTH];
	if (!has_token(row)) {
		if (getrandom(chance, sizeof(chance), 0) != sizeof(chance))
			return fail(provision, "runtime", "The workspace's token could not be made.");
		for (size_t i = 0; i < TOKEN_LENGTH; i++)
			row->token[i] = digits[chance[i] % 64];
		row->token[TOKEN_LENGTH] = 0;
	}
	provision->workspace.token = arena_strdup(arena, row->token);
	return true;
}

bool provision_prepare(struct provision *provision, const struct agent *agent, struct workspace_row *row,
		       struct arena *arena)
{
	provision->settings = &agent->settings;
	provision->runtime = agent->runtime;
	return prepare(provision, agent, row, arena) && mint(provision, row, arena);
}

/* --- preflight --- */

/* A new workspace, and one that could not be made before, needs room on the disk; one that has run may always
 * come back. */
static bool has_room(struct provision *provision, struct arena *arena)
{
	uint64_t free_mb = machine_disk_available(provision->settings->folder) / (1024 * 1024);
	uint64_t reserve_mb = provision->settings->disk_reserve_mb;
	if (!provision->first || free_mb >= reserve_mb)
		return true;
	return fail(provision, "disk",
		    arena_printf(arena,
				 "The node has %" PRIu64 " MiB of free disk, less than the %" PRIu64
				 " MiB that it keeps in reserve. Delete a workspace, or free space on the node.",
				 free_mb, reserve_mb));
}

static bool preflight(struct provision *provision, struct arena *arena)
{
	return has_room(provision, arena) && runtime_preflight(provision->runtime, arena, &provision->workspace,
							       provision->first, &provision->failure);
}

bool provision_run(struct provision *provision, struct arena *arena, const struct runtime_listener *listener)
{
	return preflight(provision, arena) &&
	       runtime_start(provision->runtime, arena, &provision->workspace, listener, &provision->failure);
}
