/* Each record and each deed of a machine, held against the rules. What each may do is written down here
 * once more, and not taken from the product's tables, since those might be what is wrong. */
#include "tests/simulation/oracle.h"

#include "controller/domain/apply.h"
#include "tests/simulation/sweeper.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Half of the longest way there and back of a question for the server's time. */
enum { CLOCK_ERROR_MS = 4100 };

/* From what a sweeper saw to the record that follows from it. */
enum { WORD_MAX_MS = 4100 + 7100 + COMMAND_TIMEOUT_MS };

/* ---- legal moves, from design.md section 4 ---- */

struct move {
	int from, to;
};

#define NODE(name)	ROOST__NODE__STATUS__##name
#define WORKSPACE(name) ROOST__WORKSPACE__STATUS__##name
#define SESSION(name)	ROOST__AGENT_SESSION__STATUS__##name

/* 0: it did not exist. A record may make two moves; what is compared here is before and after it. Deleting
 * is in none of them: it comes from anywhere but deleted. */
static const struct move node_moves[] = {
    {0, NODE(CREATING)},
    {NODE(PENDING), NODE(CREATING)},
    {NODE(CREATING), NODE(RUNNING)},
    {NODE(CREATING), NODE(ERROR)},
    {NODE(RUNNING), NODE(STOPPING)},
    {NODE(RUNNING), NODE(ERROR)},
    {NODE(STOPPING), NODE(STOPPED)},
    {NODE(STOPPING), NODE(ERROR)},
    {NODE(STOPPED), NODE(CREATING)},
    {NODE(ERROR), NODE(CREATING)},
    {NODE(ERROR), NODE(STOPPING)},
    {NODE(DELETING), NODE(DELETED)},
};
static const struct move workspace_moves[] = {
    {0, WORKSPACE(CREATING)},
    {WORKSPACE(CREATING), WORKSPACE(RUNNING)},
    {WORKSPACE(CREATING), WORKSPACE(ERROR)},
    {WORKSPACE(CREATING), WORKSPACE(STOPPING)},
    {WORKSPACE(RUNNING), WORKSPACE(STOPPING)},
    {WORKSPACE(RUNNING), WORKSPACE(ERROR)},
    {WORKSPACE(RUNNING), WORKSPACE(CREATING)},
    {WORKSPACE(STOPPING), WORKSPACE(STOPPED)},
    {WORKSPACE(STOPPING), WORKSPACE(ERROR)},
    {WORKSPACE(STOPPED), WORKSPACE(CREATING)},
    {WORKSPACE(ERROR), WORKSPACE(CREATING)},
    {WORKSPACE(ERROR), WORKSPACE(STOPPING)},
    {WORKSPACE(ERROR), WORKSPACE(STOPPED)}, /* through stopping, when a stop that had failed has come to its end */
    {WORKSPACE(DELETING), WORKSPACE(DELETED)},
};
static const struct move session_moves[] = {
    {0, SESSION(STARTING)},
    {SESSION(STARTING), SESSION(RUNNING)},
    {SESSION(STARTING), SESSION(STOPPING)},
    {SESSION(STARTING), SESSION(STOPPED)},
    {SESSION(STARTING), SESSION(ERROR)},
    {SESSION(RUNNING), SESSION(STOPPING)},
    {SESSION(RUNNING), SESSION(STOPPED)},
    {SESSION(RUNNING), SESSION(ERROR)},
    {SESSION(STOPPING), SESSION(STOPPED)},
    {SESSION(STOPPING), SESSION(ERROR)},
    {SESSION(ERROR), SESSION(STOPPING)},
};

static bool among(const struct move *moves, size_t count, int from, int to)
{
	for (size_t i = 0; i < count; i++)
		if (moves[i].from == from && moves[i].to == to)
			return true;
	return false;
}

#define AMONG(moves, from, to) among(moves, sizeof(moves) / sizeof((moves)[0]), from, to)

static bool legal(enum entity_kind kind, int from, int to)
{
	if (from == to)
		return true;
	if (kind == ENTITY_NODE)
		return AMONG(node_moves, from, to) || (to >= NODE(DELETING) && from != NODE(DELETED) && from != 0);
	if (kind == ENTITY_WORKSPACE)
		return AMONG(workspace_moves, from, to) || (to == WORKSPACE(DELETING) && from != WORKSPACE(DELETED));
	return AMONG(session_moves, from, to);
}

static void check_workspace(struct oracle *oracle, const struct entity *entity, const struct entity *before)
{
	bool begun = entity->status == WORKSPACE(CREATING) && before->status != WORKSPACE(CREATING);
	if (entity->generation < before->generation || (begun && entity->generation == before->generation))
		violated(oracle->simulation, "workspace %s: generation %" PRIu32 " after %" PRIu32, entity->id,
			 entity->generation, before->generation);
}

static void on_changed(void *context, const struct entity *entity, const struct entity *before)
{
	struct oracle *oracle = context;
	const Roost__Record *record = oracle->taking->record;
	if (entity->kind == ENTITY_OWNER)
		return;
	if (!legal(entity->kind, before->status, entity->status))
		violated(oracle->simulation, "illegal move: %s from status %d to %d by %s", entity->id, before->status,
			 entity->status, record->cause);
	if (entity->kind == ENTITY_WORKSPACE)
		check_workspace(oracle, entity, before);
	bool late = before->deadline_ms != 0 && before->deadline_ms <= record->recorded_at;
	if (entity->kind == ENTITY_WORKSPACE && before->status == WORKSPACE(CREATING) &&
	    entity->status == WORKSPACE(ERROR) && strcmp(record->cause, "deadline") == 0 && !late)
		violated(oracle->simulation, "workspace %s fails before its deadline", entity->id);
	const char *node_id = entity->kind == ENTITY_NODE ? entity->id : entity->node_id;
	if (strcmp(node_id, record->aggregate_id) != 0)
		violated(oracle->simulation, "a record of node %s changes %s of node %s", record->aggregate_id,
			 entity->id, node_id);
}

/* ---- what holds in every aggregate ---- */

static void fold(const char *name, char *folded, size_t size)
{
	size_t length = 0;
	for (; *name == ' '; name++)
		;
	for (; *name != '\0' && length + 1 < size; name++)
		folded[length++] = (char)tolower((unsigned char)*name);
	while (length > 0 && folded[length - 1] == ' ')
		length--;
	folded[length] = '\0';
}

static void check_node(struct oracle *oracle, const char *node_id)
{
	struct entity_store *store = &oracle->store->entities;
	struct workspace_states all = store->workspaces(store->context, node_id, oracle->arena);
	size_t made = 0;
	for (size_t i = 0; i < all.count; i++)
		made += !all.items[i]->found;
	if (made > WORKSPACES_PER_NODE_MAX)
		violated(oracle->simulation, "node %s has %zu workspaces", node_id, made);
	for (size_t i = 0; i < all.count; i++)
		for (size_t j = 0; j < i; j++) {
			char one[64], other[64];
			fold(all.items[i]->resource->display_name, one, sizeof(one));
			fold(all.items[j]->resource->display_name, other, sizeof(other));
			if (strcmp(one, other) == 0)
				violated(oracle->simulation, "node %s has two workspaces with the name %s", node_id,
					 one);
		}
}

/* S0-19, S0-34: what runs in a workspace ends with it. */
static void check_sessions(struct oracle *oracle)
{
	for (const struct entity *one = oracle->store->first[ENTITY_SESSION]; one != NULL; one = one->next) {
		const struct entity *workspace = store_find(oracle->store, ENTITY_WORKSPACE, one->workspace_id);
		bool goes_on = one->status == SESSION(STARTING) || one->status == SESSION(RUNNING);
		if (goes_on && (workspace->status != WORKSPACE(RUNNING) || workspace->generation != one->generation))
			violated(oracle->simulation, "session %s goes on, and its workspace does not", one->id);
	}
}

/* D11: a change that tells of a start tells of the present one. */
static void check_generations(struct oracle *oracle, const Roost__Record *record)
{
	for (size_t i = record->n_changes; i-- > 0;) {
		const Roost__Change *change = record->changes[i];
		const char *id = NULL;
		uint32_t generation = 0;
		switch (change->change_case) {
		case ROOST__CHANGE__CHANGE_WORKSPACE_GENERATION_RAISED:
			return; /* what came before it was about an earlier one */
		case ROOST__CHANGE__CHANGE_WORKSPACE_STEP:
			id = change->workspace_step->workspace_id;
			generation = change->workspace_step->generation;
			break;
		case ROOST__CHANGE__CHANGE_WORKSPACE_RUNNING:
			id = change->workspace_running->workspace_id;
			generation = change->workspace_running->generation;
			break;
		case ROOST__CHANGE__CHANGE_WORKSPACE_FAILED:
			id = change->workspace_failed->workspace_id;
			generation = change->workspace_failed->generation;
			break;
		case ROOST__CHANGE__CHANGE_WORKSPACE_LOST:
			id = change->workspace_lost->workspace_id;
			generation = change->workspace_lost->generation;
			break;
		case ROOST__CHANGE__CHANGE_WORKSPACE_STOPPED:
			id = change->workspace_stopped->workspace_id;
			generation = change->workspace_stopped->generation;
			break;
		default:
			continue;
		}
		const struct entity *entity = store_find(oracle->store, ENTITY_WORKSPACE, id);
		if (entity->generation != generation)
			violated(oracle->simulation,
				 "what happened to generation %" PRIu32 " of %s counts for %" PRIu32, generation, id,
				 entity->generation);
	}
}

/* ---- what the sweeper and nodes are believed ---- */

static size_t agent_number(const struct simulation *simulation, const char *node_id)
{
	size_t i = 0;
	while (i < simulation->agent_count && strcmp(simulation->agents[i]->node_id, node_id) != 0)
		i++;
	return i;
}

static struct agent *agent_of(struct simulation *simulation, const char *node_id)
{
	for (size_t i = 0; i < simulation->agent_count; i++)
		if (strcmp(simulation->agents[i]->node_id, node_id) == 0)
			return simulation->agents[i];
	return NULL;
}

/* D16: exactly ours, and old. What a log that went back forgot is not the sweeper's to take. */
static void check_found(struct oracle *oracle, struct agent *agent, const Roost__WorkspaceFound *found)
{
	const struct sandbox *sandbox = machine_sandbox(&agent->machine, found->workspace_id, false);
	int64_t age_ms = oracle->simulation->now_ms - sandbox->really_made_ms;
	if (strcmp(sandbox->owner, agent->owner) != 0)
		violated(oracle->simulation, "the sweeper takes %s, which is somebody else's", found->workspace_id);
	if (age_ms < SWEEP_UNKNOWN_AGE_MS - CLOCK_ERROR_MS)
		violated(oracle->simulation, "the sweeper takes %s, which is %" PRId64 " ms old", found->workspace_id,
			 age_ms);
}

static void check_lost(struct oracle *oracle, struct agent *agent, const Roost__WorkspaceLost *lost)
{
	const struct sandbox *sandbox = machine_sandbox(&agent->machine, lost->workspace_id, false);
	int64_t now_ms = oracle->simulation->now_ms;
	if (sandbox == NULL || !sandbox->running || sandbox->generation != lost->generation)
		return;
	/* An agent that lost its database with its sandboxes makes them again while the word is on its way. */
	bool made_again = agent->lost_database_ms > 0 && now_ms - agent->lost_database_ms < 60 * 1000;
	if (!made_again || now_ms - sandbox->running_since_ms > WORD_MAX_MS)
		violated(oracle->simulation, "the sweeper gives up %s, which runs", lost->workspace_id);
}

static const char *still_there(const struct agent *agent, bool files)
{
	for (size_t i = 0; i < agent->machine.sandbox_count; i++)
		if (agent->machine.sandboxes[i].running || (files && agent->machine.sandboxes[i].there))
			return agent->machine.sandboxes[i].id;
	for (size_t i = 0; i < agent->machine.host_count; i++)
		if (agent->machine.hosts[i].alive)
			return agent->machine.hosts[i].id;
	return NULL;
}

static void check_clear(struct oracle *oracle, const struct agent *agent, bool removed)
{
	const char *left = still_there(agent, removed);
	if (left != NULL)
		violated(oracle->simulation, "the node of %s counts as %s, and %s is there", agent->process.name,
			 removed ? "deleted" : "stopped", left);
}

/* What a log that went back has forgotten may be somebody's work. */
static void check_spared(struct oracle *oracle, const Roost__Record *record, bool sweeps)
{
	const struct entity_store *store = &oracle->store->entities;
	const Roost__NodeState *node = store->node(store->context, record->aggregate_id, oracle->arena);
	for (size_t i = 0; sweeps && i < record->n_changes; i++)
		if (record->changes[i]->change_case == ROOST__CHANGE__CHANGE_WORKSPACE_FOUND && node->log_epoch > 0)
			violated(oracle->simulation, "the sweeper takes %s on a node whose log went back",
				 record->changes[i]->workspace_found->workspace_id);
}

/* What is told against what is so. */
static void check_words(struct oracle *oracle, const Roost__Record *record)
{
	struct agent *agent = agent_of(oracle->simulation, record->aggregate_id);
	bool sweeps = strcmp(record->cause, "sweep.act") == 0;
	if (agent == NULL || agent->lies)
		return;
	check_spared(oracle, record, sweeps);
	if (oracle->simulation->log->restored > 0)
		return;
	for (size_t i = 0; i < record->n_changes; i++) {
		const Roost__Change *change = record->changes[i];
		if (change->change_case == ROOST__CHANGE__CHANGE_WORKSPACE_FOUND && sweeps)
			check_found(oracle, agent, change->workspace_found);
		else if (change->change_case == ROOST__CHANGE__CHANGE_WORKSPACE_LOST && sweeps)
			check_lost(oracle, agent, change->workspace_lost);
		else if (change->change_case == ROOST__CHANGE__CHANGE_NODE_STOPPED)
			check_clear(oracle, agent, false);
		else if (change->change_case == ROOST__CHANGE__CHANGE_NODE_DELETED &&
			 !change->node_deleted->abandoned &&
			 oracle->positions[agent_number(oracle->simulation, agent->node_id)] != NULL)
			check_clear(oracle, agent, true);
	}
}

static void check_owner(struct oracle *oracle, const char *name)
{
	struct entity_store *store = &oracle->store->entities;
	const Roost__OwnerState *owner = store->owner(store->context, name, oracle->arena);
	if (owner->n_nodes > NODES_PER_OWNER_MAX)
		violated(oracle->simulation, "%s has %zu nodes", name, owner->n_nodes);
}

/* ---- once for each key and kind ---- */

static void check_key(struct oracle *oracle, const Roost__Record *record)
{
	if (record->idempotency_key == NULL)
		return;
	for (const struct seen_key *seen = oracle->keys; seen != NULL; seen = seen->next)
		if (seen->record->kind == record->kind &&
		    strcmp(seen->record->idempotency_key, record->idempotency_key) == 0)
			violated(oracle->simulation, "the command with key %s had its effect twice",
				 record->idempotency_key);
	struct seen_key *seen = arena_new_of(oracle->simulation->arena, struct seen_key);
	*seen = (struct seen_key){oracle->keys, record};
	oracle->keys = seen;
}

bool oracle_has_key(const struct oracle *oracle, const char *key)
{
	for (const struct seen_key *seen = oracle->keys; seen != NULL; seen = seen->next)
		if (strcmp(seen->record->idempotency_key, key) == 0)
			return true;
	return false;
}

/* ---- reports in order, once ---- */

static void check_position(struct oracle *oracle, const Roost__Record *record)
{
	const Roost__ReportPosition *position = record->report_position;
	size_t i = agent_number(oracle->simulation, record->aggregate_id);
	if (position == NULL || i == oracle->simulation->agent_count)
		return;
	const struct agent *agent = oracle->simulation->agents[i];
	const Roost__ReportPosition *last = oracle->positions[i];
	if (last != NULL && (position->agent_epoch < last->agent_epoch ||
			     (position->agent_epoch == last->agent_epoch && position->number <= last->number)))
		violated(oracle->simulation, "reports of %s are taken again: %" PRIu64 " after %" PRIu64,
			 agent->process.name, position->number, last->number);
	if (!agent->lies && position->agent_epoch == agent->agent_epoch && position->number > agent->reports_sent)
		violated(oracle->simulation, "report %" PRIu64 " of %s is taken, which was never sent",
			 position->number, agent->process.name);
	oracle->positions[i] = position;
}

static bool node_is(const struct oracle *oracle, const struct agent *agent, int status)
{
	const struct entity *node = store_find(oracle->store, ENTITY_NODE, agent->node_id);
	return node != NULL && node->status == status;
}

void oracle_forgets(struct oracle *oracle, const struct agent *agent, uint64_t taken)
{
	if (agent->lies)
		return;
	size_t i = agent_number(oracle->simulation, agent->node_id);
	const Roost__ReportPosition *last = oracle->positions[i];
	bool held = last != NULL && (last->agent_epoch > agent->agent_epoch ||
				     (last->agent_epoch == agent->agent_epoch && last->number >= taken));
	if (!held && oracle->simulation->log->restored == 0 && !node_is(oracle, agent, NODE(DELETED)))
		violated(oracle->simulation, "%s forgets report %" PRIu64 ", which no record has taken",
			 agent->process.name, taken);
}

/* ---- a record ---- */

static void start_agent(struct simulation *simulation, void *context)
{
	process_start(simulation, context);
}

/* A node has been created: somebody starts an agent for it, sooner or later. */
static void add_agent(struct oracle *oracle, const Roost__Record *record)
{
	struct simulation *simulation = oracle->simulation;
	struct agent *agent = agent_new(simulation, record->aggregate_id, record->owner);
	if (agent == NULL)
		violated(simulation, "there are more than %d nodes", AGENTS_MAX);
	agent->process.boot_ms = simulation->now_ms - draw(simulation, 1000000);
	agent->lies = draw(simulation, 12) == 0;
	if (draw(simulation, 3) == 0)
		agent->process.skew_ms = (int64_t)draw(simulation, 2 * CLOCK_SKEW_MAX_MS) - CLOCK_SKEW_MAX_MS;
	if (simulation->swept && draw(simulation, 3) == 0)
		machine_leave_things(agent);
	after(simulation, draw(simulation, 3000), start_agent, &agent->process);
}

static void take(struct oracle *oracle, const struct log_record *stored)
{
	const Roost__Record *record = stored->record;
	struct apply_outcome outcome;
	arena_reset(oracle->arena);
	oracle->taking = stored;
	apply_record(&oracle->store->entities, stored->seq, record, oracle->arena, &outcome);
	if (outcome.skipped > 0)
		violated(oracle->simulation, "record %" PRIu64 " (%s) holds changes that do not apply", stored->seq,
			 record->cause);
	if (record->kind == ROOST__RECORD__KIND__NODE) {
		check_node(oracle, record->aggregate_id);
		check_sessions(oracle);
		check_generations(oracle, record);
		check_words(oracle, record);
	} else {
		check_owner(oracle, record->aggregate_id);
	}
	check_key(oracle, record);
	check_position(oracle, record);
}

void oracle_take(struct oracle *oracle, const struct log_record *stored)
{
	const Roost__Record *record = stored->record;
	struct simulation *simulation = oracle->simulation;
	if (record->recorded_at < simulation->now_ms - COMMAND_TIMEOUT_MS - CLOCK_ERROR_MS ||
	    record->recorded_at > simulation->now_ms + CLOCK_ERROR_MS)
		violated(simulation, "record %" PRIu64 " says %" PRId64 " ms after the server's time", stored->seq,
			 record->recorded_at - simulation->now_ms);
	take(oracle, stored);
	for (size_t i = 0; i < record->n_changes; i++)
		if (record->changes[i]->change_case == ROOST__CHANGE__CHANGE_NODE_CREATED &&
		    agent_number(simulation, record->aggregate_id) == simulation->agent_count)
			add_agent(oracle, record);
}

static void begin(struct oracle *oracle)
{
	oracle->store = store_new(oracle->simulation->arena);
	oracle->store->changed = on_changed;
	oracle->store->context = oracle;
	oracle->keys = NULL;
	memset(oracle->positions, 0, sizeof(oracle->positions));
}

void oracle_restore(struct oracle *oracle, uint64_t seq)
{
	begin(oracle);
	for (uint64_t i = 0; i < seq; i++)
		take(oracle, &oracle->simulation->log->records[i]);
}

struct oracle *oracle_new(struct simulation *simulation)
{
	struct oracle *oracle = arena_new_of(simulation->arena, struct oracle);
	oracle->simulation = simulation;
	oracle->arena = arena_new();
	begin(oracle);
	return oracle;
}

void oracle_free(struct oracle *oracle)
{
	if (oracle != NULL)
		arena_free(oracle->arena);
}

/* ---- deeds of machines ---- */

static const struct entity *workspace_of(const struct oracle *oracle, const char *id)
{
	return store_find(oracle->store, ENTITY_WORKSPACE, id);
}

void oracle_starts(struct oracle *oracle, const struct agent *agent, const char *workspace_id, uint32_t generation)
{
	const struct entity *entity = workspace_of(oracle, workspace_id);
	if (oracle->simulation->log->restored > 0 || agent->lies)
		return;
	if (node_is(oracle, agent, NODE(DELETED))) /* abandoned, and it has not heard of it yet */
		return;
	if (entity == NULL || entity->status == WORKSPACE(DELETED) || generation > entity->generation)
		violated(oracle->simulation, "%s starts workspace %s, generation %" PRIu32 ", which nobody wants",
			 agent->process.name, workspace_id, generation);
}

void oracle_stops(struct oracle *oracle, const struct agent *agent, const struct sandbox *sandbox)
{
	const struct entity *entity = workspace_of(oracle, sandbox->id);
	if (oracle->simulation->log->restored > 0 || agent->lies)
		return; /* it may do what a log that is no more wanted */
	bool wanted = entity != NULL && entity->generation == sandbox->generation &&
		      (entity->status == WORKSPACE(CREATING) || entity->status == WORKSPACE(RUNNING));
	if (wanted && sandbox->running && sandbox->checkout_made)
		violated(oracle->simulation, "%s stops workspace %s, generation %" PRIu32 ", which is to run",
			 agent->process.name, sandbox->id, sandbox->generation);
}

void oracle_removes(struct oracle *oracle, const struct agent *agent, const struct sandbox *sandbox)
{
	const struct entity *entity = workspace_of(oracle, sandbox->id);
	if (!sandbox->there)
		return;
	if (sandbox->running)
		violated(oracle->simulation, "%s removes workspace %s while it runs", agent->process.name, sandbox->id);
	if (oracle->simulation->log->restored > 0 || agent->lies)
		return;
	bool node_goes = node_is(oracle, agent, NODE(DELETING)) || node_is(oracle, agent, NODE(DELETED));
	if (!node_goes &&
	    (entity == NULL || (entity->status != WORKSPACE(DELETING) && entity->status != WORKSPACE(DELETED))))
		violated(oracle->simulation, "%s removes workspace %s, which nobody deleted", agent->process.name,
			 sandbox->id);
}

void oracle_spawns(struct oracle *oracle, const struct agent *agent, const struct host *host)
{
	const struct sandbox *sandbox = machine_sandbox((struct machine *)&agent->machine, host->workspace_id, false);
	if (host->spawned > 0)
		violated(oracle->simulation, "%s starts session %s a second time", agent->process.name, host->id);
	if (sandbox == NULL || !sandbox->there)
		violated(oracle->simulation, "%s starts session %s in no workspace", agent->process.name, host->id);
}
