/* A round every few seconds: what the time shows of each row, then each node's inventory, and what that
 * proves once the projection is newer than it. Nothing is remembered over a kill. */
#include "tests/simulation/sweeper.h"

#include "sweeper/passes/judge.h"

#include <string.h>

enum { ROUND_MS = 4000 };

static const struct sweep_rules rules = {
    .stop_timeout_ms = SWEEP_STOP_TIMEOUT_MS,
    .grace_ms = SWEEP_GRACE_MS,
    .unknown_age_ms = SWEEP_UNKNOWN_AGE_MS,
    .stale_ms = STALE_MS,
};

/* Seen in each look at its node since then. */
struct sighting {
	struct sighting *next;
	Roost__SweepFinding__Pass pass;
	const char *id, *node_id;
	int64_t first_ms;
	bool again;
};

/* ---- asking a controller to act ---- */

struct act {
	Roost__SweepFinding finding;
	const char *owner;
};

static struct decision *decide(struct work *work, const struct decision_inputs *inputs)
{
	return decide_act_sweep(inputs, &((const struct act *)work->context)->finding);
}

static void acted(struct work *work, enum error_code failure)
{
	(void)work;
	(void)failure;
}

static void act_arrives(struct simulation *simulation, void *context)
{
	struct act *act = context;
	struct controller *controller = simulation->controllers[draw(simulation, CONTROLLERS)];
	if (!controller->process.up || !controller->serving)
		return;
	struct work *work = work_new(controller, act->owner, "sweep.act");
	work->actor = "sweeper";
	work->decide = decide;
	work->done = acted;
	work->context = act;
	work_run(work);
}

struct found {
	struct sweep_judgement judgement;
	Roost__SweepFinding__Pass pass;
	const char *owner, *node_id, *workspace_id, *session_id;
	uint32_t generation;
};

static void take(struct sweeper *sweeper, const struct found *found)
{
	struct simulation *simulation = sweeper->simulation;
	if (found->judgement.verdict != SWEEP_ACT && found->judgement.verdict != SWEEP_TELL)
		return;
	struct act *act = arena_new_of(simulation->arena, struct act);
	roost__sweep_finding__init(&act->finding);
	act->owner = arena_strdup(simulation->arena, found->owner);
	act->finding.has_pass = true;
	act->finding.pass = found->pass;
	act->finding.node_id = arena_strdup(simulation->arena, found->node_id);
	act->finding.workspace_id = arena_strdup(simulation->arena, found->workspace_id);
	act->finding.session_id = arena_strdup(simulation->arena, found->session_id);
	act->finding.has_generation = true;
	act->finding.generation = found->generation;
	act->finding.reason = found->judgement.reason;
	act->finding.next_step = found->judgement.next_step;
	trace(simulation, "sweeper: %s %s: %s", found->node_id,
	      found->session_id != NULL	    ? found->session_id
	      : found->workspace_id != NULL ? found->workspace_id
					    : "",
	      found->judgement.reason);
	send_message(simulation, act_arrives, act);
}

/* ---- sightings ---- */

static int64_t see(struct sweeper *sweeper, Roost__SweepFinding__Pass pass, const char *node_id, const char *id,
		   int64_t asked_ms)
{
	struct arena *arena = sweeper->simulation->arena;
	for (struct sighting *one = sweeper->sightings; one != NULL; one = one->next)
		if (one->pass == pass && strcmp(one->id, id) == 0) {
			one->again = true;
			return one->first_ms;
		}
	struct sighting *sighting = arena_new_of(arena, struct sighting);
	*sighting = (struct sighting){sweeper->sightings,	    pass,     arena_strdup(arena, id),
				      arena_strdup(arena, node_id), asked_ms, true};
	sweeper->sightings = sighting;
	return 0;
}

/* What this look at the node did not show is forgotten. */
static void end_look(struct sweeper *sweeper, const char *node_id)
{
	struct sighting **place = &sweeper->sightings;
	while (*place != NULL) {
		struct sighting *one = *place;
		bool forget = strcmp(one->node_id, node_id) == 0 && !one->again;
		one->again = false;
		if (forget)
			*place = one->next;
		else
			place = &one->next;
	}
}

/* ---- inventories ---- */

struct inventory {
	struct sweeper *sweeper;
	struct moment moment;
	struct view *view;
	Roost__InventoryResponse__Workspace *workspaces;
	const char **sessions;
	size_t workspace_count, session_count;
	struct sweep_inventory proofs;
	bool taken;
};

static struct sweep_heard heard_of(const struct sweeper *sweeper, const struct view *view)
{
	int64_t now_ms = monotonic_ms(sweeper->simulation, &sweeper->eyes->process);
	struct sweep_heard heard = {.listening_ms = now_ms - sweeper->eyes->listening_ms};
	heard.silence_ms = view->signs.beat ? now_ms - view->signs.beat_at_ms : heard.listening_ms;
	return heard;
}

static uint64_t highest_wanted(const struct store *store, const Roost__NodeState *node)
{
	uint64_t highest = node->wanted_version;
	for (int kind = ENTITY_WORKSPACE; kind <= ENTITY_SESSION; kind++)
		for (const struct entity *one = store->first[kind]; one != NULL; one = one->next)
			if (strcmp(one->node_id, node->resource->id) == 0 && one->wanted_version > highest)
				highest = one->wanted_version;
	return highest;
}

static const Roost__InventoryResponse__Workspace *listed(const struct inventory *inventory, const char *id)
{
	for (size_t i = 0; i < inventory->workspace_count; i++)
		if (strcmp(inventory->workspaces[i].id, id) == 0)
			return &inventory->workspaces[i];
	return NULL;
}

static bool has_session(const struct inventory *inventory, const char *id)
{
	for (size_t i = 0; i < inventory->session_count; i++)
		if (strcmp(inventory->sessions[i], id) == 0)
			return true;
	return false;
}

/* What is there: removed but running, or unknown. */
static void look_at_present(struct sweeper *sweeper, const struct inventory *inventory, const Roost__NodeState *node,
			    int64_t now_ms, struct arena *arena)
{
	const struct entity_store *store = &sweeper->eyes->store->entities;
	const struct sweep_inventory *proofs = &inventory->proofs;
	struct found found = {.owner = node->owner, .node_id = node->resource->id};
	for (size_t i = 0; i < inventory->workspace_count; i++) {
		const Roost__InventoryResponse__Workspace *one = &inventory->workspaces[i];
		const Roost__WorkspaceState *workspace = store->workspace(store->context, one->id, arena);
		found.workspace_id = one->id;
		found.generation = one->generation;
		if (workspace != NULL) {
			found.pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING;
			found.judgement = judge_removed_workspace(&rules, now_ms, proofs, node, workspace, one);
		} else {
			found.pass = ROOST__SWEEP_FINDING__PASS__UNKNOWN;
			int64_t first_ms = see(sweeper, found.pass, found.node_id, one->id, proofs->asked_at_ms);
			found.judgement = judge_unknown(&rules, now_ms, proofs, node, one, first_ms);
		}
		take(sweeper, &found);
	}
	for (size_t i = 0; i < inventory->session_count; i++) {
		const Roost__SessionState *session = store->session(store->context, inventory->sessions[i], arena);
		if (session == NULL)
			continue;
		found.pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING;
		found.workspace_id = session->resource->workspace_id;
		found.session_id = session->resource->id;
		found.judgement = judge_removed_session(&rules, now_ms, proofs, node, session);
		take(sweeper, &found);
	}
}

static void look_for_sessions(struct sweeper *sweeper, const struct inventory *inventory, const Roost__NodeState *node,
			      const Roost__WorkspaceState *workspace, int64_t now_ms, struct arena *arena)
{
	const struct entity_store *store = &sweeper->eyes->store->entities;
	struct found found = {.pass = ROOST__SWEEP_FINDING__PASS__ABSENT,
			      .owner = node->owner,
			      .node_id = node->resource->id,
			      .workspace_id = workspace->resource->id};
	for (size_t i = 0; i < workspace->n_live_sessions; i++) {
		found.session_id = workspace->live_sessions[i];
		const Roost__SessionState *session = store->session(store->context, found.session_id, arena);
		if (session == NULL || has_session(inventory, found.session_id))
			continue;
		int64_t first_ms =
		    see(sweeper, found.pass, found.node_id, found.session_id, inventory->proofs.asked_at_ms);
		found.judgement = judge_absent_session(&rules, now_ms, &inventory->proofs, node, session, first_ms);
		take(sweeper, &found);
	}
}

/* What is not there and should be. */
static void look_for_absent(struct sweeper *sweeper, const struct inventory *inventory, const Roost__NodeState *node,
			    int64_t now_ms, struct arena *arena)
{
	const struct entity_store *store = &sweeper->eyes->store->entities;
	struct workspace_states all = store->workspaces(store->context, node->resource->id, arena);
	struct found found = {
	    .pass = ROOST__SWEEP_FINDING__PASS__ABSENT, .owner = node->owner, .node_id = node->resource->id};
	for (size_t i = 0; i < all.count; i++) {
		const Roost__WorkspaceState *workspace = all.items[i];
		const Roost__InventoryResponse__Workspace *one = listed(inventory, workspace->resource->id);
		if (workspace->resource->status != ROOST__WORKSPACE__STATUS__RUNNING)
			continue;
		if (one != NULL && one->running && one->generation == workspace->resource->generation) {
			look_for_sessions(sweeper, inventory, node, workspace, now_ms, arena);
			continue;
		}
		found.workspace_id = workspace->resource->id;
		found.generation = workspace->resource->generation;
		int64_t first_ms =
		    see(sweeper, found.pass, found.node_id, found.workspace_id, inventory->proofs.asked_at_ms);
		found.judgement =
		    judge_absent_workspace(&rules, now_ms, &inventory->proofs, node, workspace, one, first_ms);
		take(sweeper, &found);
	}
}

static void judge_look(struct simulation *simulation, void *context)
{
	struct inventory *inventory = context;
	struct sweeper *sweeper = inventory->sweeper;
	const struct entity_store *store = &sweeper->eyes->store->entities;
	(void)simulation;
	if (!still(&inventory->moment))
		return;
	struct arena *arena = arena_new();
	const Roost__NodeState *node = store->node(store->context, inventory->view->agent->node_id, arena);
	struct sweep_heard heard = heard_of(sweeper, inventory->view);
	int64_t now_ms = controller_server_ms(sweeper->eyes);
	if (node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED) {
		inventory->proofs.our_log_id = LOG_ID;
		inventory->proofs.our_log_epoch = node->log_epoch;
		inventory->proofs.wanted_version = highest_wanted(sweeper->eyes->store, node);
		inventory->proofs.projection_is_newer = true;
		inventory->proofs.heard = &heard;
		look_at_present(sweeper, inventory, node, now_ms, arena);
		look_for_absent(sweeper, inventory, node, now_ms, arena);
		end_look(sweeper, node->resource->id);
	}
	arena_free(arena);
}

static void on_inventory(struct simulation *simulation, void *context)
{
	struct inventory *inventory = context;
	(void)simulation;
	if (!still(&inventory->moment) || inventory->taken)
		return;
	inventory->taken = true;
	controller_catch_up(inventory->sweeper->eyes, judge_look, inventory);
}

/* At the agent: what the machine has right now. */
static void inventory_arrives(struct simulation *simulation, void *context)
{
	struct inventory *inventory = arena_copy(simulation->arena, context, sizeof(*inventory));
	struct agent *agent = inventory->view->agent;
	struct arena *arena = simulation->arena;
	if (!agent->process.up || !agent->adopted || inventory->taken)
		return;
	inventory->workspaces =
	    arena_array_of(arena, Roost__InventoryResponse__Workspace, agent->machine.sandbox_count + 1);
	inventory->sessions = arena_array_of(arena, const char *, agent->machine.host_count + 1);
	for (size_t i = 0; i < agent->machine.sandbox_count; i++) {
		const struct sandbox *sandbox = &agent->machine.sandboxes[i];
		const struct workspace_row *row = agent_workspace(agent, sandbox->id, false);
		if (!sandbox->there)
			continue;
		Roost__InventoryResponse__Workspace *one = &inventory->workspaces[inventory->workspace_count++];
		roost__inventory_response__workspace__init(one);
		one->id = sandbox->id;
		one->generation = sandbox->generation;
		one->running = sandbox->running;
		one->has_known = true;
		one->known = row != NULL && row->wanted.known;
		one->owner = sandbox->owner;
		one->has_made_at = true;
		one->made_at = sandbox->made_at;
	}
	for (size_t i = 0; i < agent->machine.host_count; i++)
		if (agent->machine.hosts[i].alive)
			inventory->sessions[inventory->session_count++] = agent->machine.hosts[i].id;
	inventory->proofs.log_id = agent->follows_log ? LOG_ID : NULL;
	inventory->proofs.log_epoch = agent->log_epoch;
	inventory->proofs.held_version = agent->held_version;
	send_message(simulation, on_inventory, inventory);
}

static void ask(struct sweeper *sweeper, struct view *view)
{
	struct inventory *inventory = arena_new_of(sweeper->simulation->arena, struct inventory);
	inventory->sweeper = sweeper;
	inventory->moment = moment_of(&sweeper->eyes->process);
	inventory->view = view;
	inventory->proofs.asked_at_ms = controller_server_ms(sweeper->eyes);
	send_message(sweeper->simulation, inventory_arrives, inventory);
}

/* ---- what the time shows ---- */

static void look_at_rows(struct sweeper *sweeper, const struct view *view, const Roost__NodeState *node,
			 struct arena *arena)
{
	const struct store *seen = sweeper->eyes->store;
	const struct entity_store *store = &seen->entities;
	struct sweep_heard heard = heard_of(sweeper, view);
	int64_t now_ms = controller_server_ms(sweeper->eyes);
	struct found found = {.owner = node->owner,
			      .node_id = node->resource->id,
			      .pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE,
			      .judgement = judge_silent_node(&rules, &heard, node)};
	take(sweeper, &found);
	found.pass = ROOST__SWEEP_FINDING__PASS__STUCK;
	found.judgement = judge_stuck_node(&rules, now_ms, &heard, node);
	take(sweeper, &found);
	for (const struct entity *one = seen->first[ENTITY_WORKSPACE]; one != NULL; one = one->next)
		if (strcmp(one->node_id, node->resource->id) == 0) {
			const Roost__WorkspaceState *workspace = store->workspace(store->context, one->id, arena);
			found.workspace_id = one->id;
			found.generation = one->generation;
			found.judgement = judge_stuck_workspace(&rules, now_ms, &heard, workspace);
			take(sweeper, &found);
		}
	for (const struct entity *one = seen->first[ENTITY_SESSION]; one != NULL; one = one->next)
		if (strcmp(one->node_id, node->resource->id) == 0) {
			const Roost__SessionState *session = store->session(store->context, one->id, arena);
			found.workspace_id = session->resource->workspace_id;
			found.session_id = one->id;
			found.judgement = judge_stuck_session(&rules, now_ms, &heard, session);
			take(sweeper, &found);
		}
}

/* ---- its life ---- */

static void sweep(struct simulation *simulation, void *context)
{
	struct moment *moment = context;
	struct sweeper *sweeper = simulation->sweeper;
	struct controller *eyes = sweeper->eyes;
	if (!still(moment) || dies(simulation, &eyes->process, "at rest"))
		return;
	controller_catch_up(eyes, NULL, NULL);
	if (!simulation->bus_up)
		eyes->listening_ms = monotonic_ms(simulation, &eyes->process);
	struct arena *arena = arena_new();
	for (struct view *view = eyes->views; view < eyes->views + AGENTS_MAX; view++) {
		const Roost__NodeState *node =
		    view->agent == NULL ? NULL : eyes->store->entities.node(eyes->store, view->agent->node_id, arena);
		if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED)
			continue;
		look_at_rows(sweeper, view, node, arena);
		ask(sweeper, view);
	}
	arena_free(arena);
	after(simulation, ROUND_MS + draw(simulation, 500), sweep, moment);
}

static void ready(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	if (!still(moment))
		return;
	struct sweeper *sweeper = simulation->sweeper;
	sweeper->sightings = NULL;
	sweeper->eyes->serving = true;
	sweeper->eyes->listening_ms = monotonic_ms(simulation, &sweeper->eyes->process);
	sweep(simulation, context);
}

struct sweeper *sweeper_new(struct simulation *simulation)
{
	struct sweeper *sweeper = arena_new_of(simulation->arena, struct sweeper);
	sweeper->simulation = simulation;
	sweeper->eyes = controller_new(simulation, "sweeper");
	sweeper->eyes->ready = ready;
	return sweeper;
}
