/* An agent's life: its database outlives a kill, what it had under way does not. It stores wanted state
 * whole, beats, and takes up what is on the machine after each start. */
#include "tests/simulation/agent.h"

#include "tests/simulation/controller.h"
#include "tests/simulation/health.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sweeper.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct workspace_row *agent_workspace(struct agent *agent, const char *id, bool make)
{
	for (size_t i = 0; i < agent->workspace_count; i++)
		if (strcmp(agent->workspaces[i].id, id) == 0)
			return agent_complete(agent, &agent->workspaces[i]);
	if (!make)
		return NULL;
	if (agent->workspace_count == ROWS_MAX)
		violated(agent->simulation, "%s has too many workspaces", agent->process.name);
	struct workspace_row *row = &agent->workspaces[agent->workspace_count++];
	*row = (struct workspace_row){.wanted.desired = ROOST__WANTED_WORKSPACE__DESIRED__RUN};
	snprintf(row->id, sizeof(row->id), "%s", id);
	return agent_complete(agent, row);
}

struct workspace_row *agent_complete(struct agent *agent, struct workspace_row *row)
{
	row->wanted.node = agent->node.desired;
	row->wanted.node_version = agent->node.version;
	row->actual.busy = row->job != NULL;
	row->actual.retry_due = !row->waits;
	return row;
}

struct session_row *agent_session(struct agent *agent, const char *id, bool make)
{
	for (size_t i = 0; i < agent->session_count; i++)
		if (!agent->sessions[i].forgotten && strcmp(agent->sessions[i].id, id) == 0)
			return &agent->sessions[i];
	if (!make)
		return NULL;
	if (agent->session_count == ROWS_MAX)
		violated(agent->simulation, "%s has too many sessions", agent->process.name);
	struct session_row *row = &agent->sessions[agent->session_count++];
	*row = (struct session_row){.wanted.desired = ROOST__WANTED_SESSION__DESIRED__RUN};
	snprintf(row->id, sizeof(row->id), "%s", id);
	return row;
}

/* ---- wanted state ---- */

static void store_workspace(struct agent *agent, const Roost__WantedWorkspace *wanted)
{
	struct workspace_row *row = agent_workspace(agent, wanted->id, false);
	bool found = row != NULL;
	if (plan_row_is_old(found, found && row->wanted.known, found ? row->wanted.version : 0, wanted->version,
			    agent->held_version))
		return;
	row = agent_workspace(agent, wanted->id, true);
	row->wanted = (struct workspace_wanted){
	    .known = true, .desired = wanted->desired, .generation = wanted->generation, .version = wanted->version};
}

static void store_session(struct agent *agent, const Roost__WantedSession *wanted)
{
	struct session_row *row = agent_session(agent, wanted->id, false);
	bool found = row != NULL;
	if (plan_row_is_old(found, found && row->known, found ? row->version : 0, wanted->version, agent->held_version))
		return;
	row = agent_session(agent, wanted->id, true);
	snprintf(row->workspace_id, sizeof(row->workspace_id), "%s", wanted->workspace_id);
	row->known = true;
	row->actual.told = row->actual.told && wanted->version <= row->version;
	row->version = wanted->version;
	row->wanted = (struct session_wanted){.desired = wanted->desired, .generation = wanted->generation};
}

static void store_node(struct agent *agent, const Roost__WantedNode *wanted)
{
	if (wanted != NULL && wanted->version > agent->node.version)
		agent->node = (struct node_wanted){.desired = wanted->desired, .version = wanted->version};
}

/* Of another log, or of one that went back, everything is unknown until it names it. */
static void follow_log(struct agent *agent, uint64_t log_epoch)
{
	if (agent->follows_log && log_epoch <= agent->log_epoch)
		return;
	if (agent->follows_log) {
		for (size_t i = 0; i < agent->workspace_count; i++) {
			agent->workspaces[i].wanted.known = false;
			agent->workspaces[i].wanted.version = 0;
		}
		for (size_t i = 0; i < agent->session_count; i++) {
			struct session_row *row = &agent->sessions[i];
			row->known = false;
			row->version = 0;
			row->forgotten = row->forgotten || row->actual.phase == SESSION_NONE;
		}
		agent->held_version = 0;
		agent->node = (struct node_wanted){0};
		outbox_forget_told(agent);
	}
	agent->follows_log = true;
	agent->log_epoch = log_epoch;
}

static void work_on_wanted(struct agent *agent, const Roost__ApplyRequest *request)
{
	for (size_t i = 0; i < request->n_workspaces; i++)
		work_on_workspace(agent, request->workspaces[i]->id);
	for (size_t i = 0; i < request->n_sessions; i++)
		work_on_workspace(agent, request->sessions[i]->workspace_id);
}

bool agent_apply(struct agent *agent, const Roost__ApplyRequest *request, Roost__ApplyResponse *answer)
{
	struct simulation *simulation = agent->simulation;
	uint64_t before = agent->held_version, epoch = agent->log_epoch, node_version = agent->node.version;
	bool followed = agent->follows_log;
	if (dies(simulation, &agent->process, "before store"))
		return false;
	follow_log(agent, request->log_epoch);
	if (request->log_epoch == agent->log_epoch && request->from_version <= agent->held_version) {
		store_node(agent, request->node);
		for (size_t i = 0; i < request->n_workspaces; i++)
			store_workspace(agent, request->workspaces[i]);
		for (size_t i = 0; i < request->n_sessions; i++)
			store_session(agent, request->sessions[i]);
		if (request->to_version > agent->held_version)
			agent->held_version = request->to_version;
	}
	trace(simulation, "%s stores %" PRIu64 "..%" PRIu64 " and holds %" PRIu64, agent->process.name,
	      request->from_version, request->to_version, agent->held_version);
	if (dies(simulation, &agent->process, "stored"))
		return false;
	*answer = (Roost__ApplyResponse)ROOST__APPLY_RESPONSE__INIT;
	answer->log_epoch = agent->log_epoch;
	answer->held_version = agent->held_version;
	if (followed && epoch != agent->log_epoch)
		agent_tell_all(agent);
	if (before != agent->held_version)
		agent_beat(agent);
	if (node_version != agent->node.version)
		work_node_wanted_anew(agent);
	else
		work_on_wanted(agent, request);
	return true;
}

/* ---- beats ---- */

struct beat_to {
	struct beat beat;
	bool ours;
	struct controller *controller;
};

static void beat_arrives(struct simulation *simulation, void *context)
{
	struct beat_to *beat = context;
	(void)simulation;
	if (beat->controller->process.up && beat->controller->serving)
		health_beat(beat->controller, beat->beat.agent, &beat->beat, beat->ours);
}

static void beat_seen(struct simulation *simulation, void *context)
{
	const struct beat_to *beat = context;
	struct controller *eyes = beat->controller;
	struct view *view = eyes->views;
	if (!eyes->process.up || !eyes->serving)
		return;
	while (view->agent != beat->beat.agent)
		view++;
	view->signs.beat = true;
	view->signs.beat_at_ms = monotonic_ms(simulation, &eyes->process);
}

void agent_beat(struct agent *agent)
{
	struct beat told = {.agent = agent,
			    .follows_log = agent->follows_log,
			    .agent_epoch = agent->agent_epoch,
			    .held_version = agent->held_version,
			    .log_epoch = agent->log_epoch};
	if (agent->lies && happens(agent->simulation, 400))
		agent_lie(agent, &told);
	int acts = (int)draw(agent->simulation, CONTROLLERS);
	for (int i = 0; i < CONTROLLERS; i++) {
		struct beat_to *beat = arena_new_of(agent->simulation->arena, struct beat_to);
		beat->beat = told;
		beat->controller = agent->simulation->controllers[i];
		beat->ours = i == acts;
		send_message(agent->simulation, beat_arrives, beat);
	}
	struct beat_to *seen = arena_new_of(agent->simulation->arena, struct beat_to);
	seen->beat.agent = agent;
	seen->controller = agent->simulation->sweeper->eyes;
	send_message(agent->simulation, beat_seen, seen);
}

static void on_beat(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	struct agent *agent = moment->process->owner;
	if (!still(moment) || dies(simulation, &agent->process, "at rest"))
		return;
	machine_mishaps(agent);
	if (!still(moment))
		return;
	agent_beat(agent);
	work_node_may_search(agent);
	after(simulation, BEAT_MS, on_beat, context);
}

/* ---- its life ---- */

static void lose_database(struct agent *agent)
{
	trace(agent->simulation, "%s has lost its database", agent->process.name);
	agent->lost_database_ms = agent->simulation->now_ms;
	agent->workspace_count = agent->session_count = 0;
	agent->held_version = agent->log_epoch = 0;
	agent->follows_log = false;
	agent->node = (struct node_wanted){0};
	agent->node_told = agent->node_told_failed = 0;
	agent->agent_epoch = 0;
	agent->reports_taken = agent->reports_made = agent->reports_sent = 0;
}

static void forget_live(struct agent *agent)
{
	agent->adopted = agent->outstanding = agent->waiting = false;
	agent->searching = agent->found_clear = agent->begun_since = agent->working_on_node = false;
	agent->search_due = true;
	agent->ticket++;
	agent->backoff_ms = 0;
	for (size_t i = 0; i < agent->workspace_count; i++) {
		agent->workspaces[i].job = NULL;
		agent->workspaces[i].waits = false;
		agent->workspaces[i].tries = 0;
	}
	for (size_t i = 0; i < agent->session_count; i++)
		agent->sessions[i].busy = agent->sessions[i].heard = false;
}

static void adoption(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	struct agent *agent = moment->process->owner;
	(void)simulation;
	if (!still(moment))
		return;
	adopt(agent);
	on_beat(simulation, context);
}

static void start(struct simulation *simulation, void *owner)
{
	struct agent *agent = owner;
	if (happens(simulation, simulation->weather.store_lost))
		lose_database(agent);
	forget_live(agent);
	if (agent->agent_epoch == 0 || agent->known_boots != agent->machine.boots)
		outbox_new_epoch(agent, 0);
	agent->known_boots = agent->machine.boots;
	struct moment *moment = arena_new_of(simulation->arena, struct moment);
	*moment = moment_of(&agent->process);
	after(simulation, 20 + draw(simulation, 200), adoption, moment);
}

struct agent *agent_new(struct simulation *simulation, const char *node_id, const char *owner)
{
	if (simulation->agent_count == AGENTS_MAX)
		return NULL;
	struct agent *agent = arena_new_of(simulation->arena, struct agent);
	agent->simulation = simulation;
	agent->node_id = node_id;
	agent->owner = owner;
	agent->process = (struct process){.name = arena_printf(simulation->arena, "agent%zu", simulation->agent_count),
					  .start = start,
					  .owner = agent};
	simulation->agents[simulation->agent_count++] = agent;
	for (int i = 0; i < CONTROLLERS; i++)
		for (size_t j = 0; j < AGENTS_MAX; j++)
			simulation->controllers[i]->views[j].agent = simulation->agents[j];
	for (size_t j = 0; j < AGENTS_MAX; j++)
		simulation->sweeper->eyes->views[j].agent = simulation->agents[j];
	return agent;
}
