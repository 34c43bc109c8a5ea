/* The rules of `apply`. The happy path: a page that begins at or below the held version, stored whole.
 * Early, late, repeated and reordered pages are all harmless: rows carry the version that last changed
 * them, and pages say where they begin. */
#include "nodeagent/control/apply.h"

#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/plan/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static bool check_workspace(const Roost__WantedWorkspace *row, struct error *error)
{
	if (!row->id || !ulid_valid(row->id))
		return error_set(error, ERROR_INVALID_ARGUMENT, "workspaces: an id is not a ULID");
	if (!row->has_desired || !row->has_generation || row->generation == 0 || !row->has_version)
		return error_set(error, ERROR_INVALID_ARGUMENT, "workspaces: %s lacks desired, generation or version",
				 row->id);
	if (row->desired < ROOST__WANTED_WORKSPACE__DESIRED__RUN ||
	    row->desired > ROOST__WANTED_WORKSPACE__DESIRED__REMOVE)
		return error_set(error, ERROR_INVALID_ARGUMENT, "workspaces: %s: desired is unknown to this agent",
				 row->id);
	return true;
}

static bool check_node(const Roost__WantedNode *row, struct error *error)
{
	if (!row || (row->has_version && row->has_desired && row->desired >= ROOST__WANTED_NODE__DESIRED__RUN &&
		     row->desired <= ROOST__WANTED_NODE__DESIRED__REMOVE))
		return true;
	return error_set(error, ERROR_INVALID_ARGUMENT, "node: lacks version, or a desired that this agent knows");
}

static bool check_session(const Roost__WantedSession *row, struct error *error)
{
	if (!row->id || !ulid_valid(row->id) || !row->workspace_id || !ulid_valid(row->workspace_id))
		return error_set(error, ERROR_INVALID_ARGUMENT, "sessions: an id is not a ULID");
	if (!row->has_desired || !row->has_generation || row->generation == 0 || !row->has_version)
		return error_set(error, ERROR_INVALID_ARGUMENT, "sessions: %s lacks desired, generation or version",
				 row->id);
	if (row->desired < ROOST__WANTED_SESSION__DESIRED__RUN || row->desired > ROOST__WANTED_SESSION__DESIRED__STOP)
		return error_set(error, ERROR_INVALID_ARGUMENT, "sessions: %s: desired is unknown to this agent",
				 row->id);
	return true;
}

static bool check(const Roost__ApplyRequest *request, struct error *error)
{
	if (!request->log_id || !request->log_id[0] || strlen(request->log_id) > LOG_ID_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "log_id: 1 to %d bytes", LOG_ID_MAX);
	if (!request->has_to_version || request->to_version < request->from_version)
		return error_set(error, ERROR_INVALID_ARGUMENT, "to_version: below from_version");
	for (size_t i = 0; i < request->n_workspaces; i++)
		if (!check_workspace(request->workspaces[i], error))
			return false;
	for (size_t i = 0; i < request->n_sessions; i++)
		if (!check_session(request->sessions[i], error))
			return false;
	return check_node(request->node, error);
}

static void store_wanted_workspace(struct store *store, const Roost__WantedWorkspace *wanted, uint64_t held,
				   struct arena *arena)
{
	struct workspace_row row = {.wanted = {.known = false}};
	bool found = store_workspace(store, wanted->id, arena, &row);
	if (plan_row_is_old(found, row.wanted.known, row.wanted.version, wanted->version, held))
		return;
	snprintf(row.id, sizeof(row.id), "%s", wanted->id);
	row.wanted = (struct workspace_wanted){
	    .known = true, .desired = wanted->desired, .generation = wanted->generation, .version = wanted->version};
	row.message = message_pack(&wanted->base, arena);
	store_put_workspace(store, &row);
}

static void store_wanted_session(struct store *store, const Roost__WantedSession *wanted, uint64_t held,
				 struct arena *arena)
{
	struct session_row row = {0};
	bool found = store_session(store, wanted->id, arena, &row);
	if (plan_row_is_old(found, row.known, row.version, wanted->version, held))
		return;
	snprintf(row.id, sizeof(row.id), "%s", wanted->id);
	snprintf(row.workspace_id, sizeof(row.workspace_id), "%s", wanted->workspace_id);
	row.known = true;
	/* Asked for once more: what became of it is told once more. */
	row.actual.told = row.actual.told && wanted->version <= row.version;
	row.version = wanted->version;
	row.wanted = (struct session_wanted){.desired = wanted->desired, .generation = wanted->generation};
	row.message = message_pack(&wanted->base, arena);
	store_put_session(store, &row);
}

static void store_wanted_node(struct store *store, const Roost__WantedNode *wanted)
{
	static const char *const words[] = {"run", "stop", "be removed"};
	struct node_row row = *store_node(store);
	if (!wanted || wanted->version <= row.wanted.version)
		return;
	if (row.wanted.desired != wanted->desired)
		log_info("this node shall %s", words[wanted->desired - ROOST__WANTED_NODE__DESIRED__RUN]);
	row.wanted = (struct node_wanted){.desired = wanted->desired, .version = wanted->version};
	store_put_node(store, &row);
}

static void store_rows(struct store *store, const Roost__ApplyRequest *request)
{
	struct arena *arena = arena_new();
	uint64_t held = store_identity(store)->held_version;
	store_wanted_node(store, request->node);
	for (size_t i = 0; i < request->n_workspaces; i++)
		store_wanted_workspace(store, request->workspaces[i], held, arena);
	for (size_t i = 0; i < request->n_sessions; i++)
		store_wanted_session(store, request->sessions[i], held, arena);
	arena_free(arena);
}

/* Another log counts when its name differs or its epoch is higher. */
static bool is_another_log(const struct agent_identity *held, const Roost__ApplyRequest *request)
{
	return strcmp(held->log_id, request->log_id) != 0 || request->log_epoch > held->log_epoch;
}

/* The first log of a new database takes nothing's place. */
static void follow_log(struct store *store, const Roost__ApplyRequest *request)
{
	const struct agent_identity *held = store_identity(store);
	if (!held->log_id[0]) {
		store_set_held(store, request->log_id, request->log_epoch, 0);
	} else if (is_another_log(held, request)) {
		log_warning("another log counts from now on: %s, epoch %" PRIu64 " (was %s, epoch %" PRIu64 ")",
			    request->log_id, request->log_epoch, held->log_id, held->log_epoch);
		store_switch_log(store, request->log_id, request->log_epoch);
	}
}

static void answer_held(const struct agent_identity *held, Roost__ApplyResponse *answer)
{
	answer->log_id = held->log_id;
	answer->has_log_epoch = true;
	answer->log_epoch = held->log_epoch;
	answer->has_held_version = true;
	answer->held_version = held->held_version;
}

bool apply_store(struct store *store, const Roost__ApplyRequest *request, Roost__ApplyResponse *answer,
		 struct error *error)
{
	if (!check(request, error))
		return false;
	const struct agent_identity *held = store_identity(store);
	cutpoint(CUTPOINT_AGENT_BEFORE_STORE);
	store_begin(store);
	follow_log(store, request);
	if (request->log_epoch == held->log_epoch && request->from_version <= held->held_version) {
		store_rows(store, request);
		if (request->to_version > held->held_version)
			store_set_held(store, request->log_id, request->log_epoch, request->to_version);
	}
	if (!store_try_commit(store, error))
		return false;
	cutpoint(CUTPOINT_AGENT_STORED);
	answer_held(held, answer);
	return true;
}
