/* The steps of the node as a whole. The happy path of a stop: every workspace and session is told to end,
 * their ends come in one after another, the machine is searched, nothing is found, and that is told. What
 * can go wrong: something cannot be stopped or removed (told with its counts, and tried again for as long as
 * it is wanted), or the search finds what no row knew of (it becomes a row and is dealt with). */
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/control/adopt.h"
#include "nodeagent/control/capabilities.h"
#include "nodeagent/control/leftovers.h"
#include "nodeagent/control/machine.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/report.h"
#include "nodeagent/control/work.h"

#include <stdio.h>
#include <string.h>

enum { STEPS_AT_ONCE = 4 };

static bool shall_leave(const struct agent *agent)
{
	return store_node(agent->store)->wanted.desired == ROOST__WANTED_NODE__DESIRED__REMOVE;
}

/* --- what is there --- */

/* What is left of the workspaces that are stuck. */
struct look {
	enum node_state state;
	struct runtime_left left;
	uint32_t workspaces;
};

static void take(struct look *look, enum node_state state)
{
	if (state > look->state)
		look->state = state;
}

static void look_at_workspaces(struct agent *agent, struct arena *arena, struct look *look)
{
	struct workspace_row *rows = NULL;
	size_t count = store_workspaces(agent->store, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		work_complete(agent, &rows[i]);
		enum node_state state = node_state_of(&rows[i].wanted, &rows[i].actual);
		take(look, state);
		if (state != NODE_STUCK)
			continue;
		look->workspaces++;
		look->left.processes += rows[i].left.processes;
		look->left.mounts += rows[i].left.mounts;
		look->left.files = look->left.files || rows[i].left.files;
	}
}

/* A host whose workspace is yet to be stopped ends with it. */
static bool ends_with_workspace(struct agent *agent, const struct session_row *session, struct arena *arena)
{
	struct workspace_row row;
	if (!session->workspace_id[0] || !store_workspace(agent->store, session->workspace_id, arena, &row))
		return false;
	work_complete(agent, &row);
	return node_state_of(&row.wanted, &row.actual) != NODE_AT_REST;
}

static enum node_state state_of_session(struct agent *agent, const struct session_row *session, struct arena *arena)
{
	if (adopt_awaits_host(agent, session->id))
		return NODE_UNDER_WAY;
	if (!session_alive(agent->sessions, session->id))
		return NODE_AT_REST;
	bool asked = live_session(agent, session->id)->busy;
	return asked || ends_with_workspace(agent, session, arena) ? NODE_UNDER_WAY : NODE_DUE;
}

static void look_at_sessions(struct agent *agent, struct arena *arena, struct look *look)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, NULL, arena, &rows);
	for (size_t i = 0; i < count; i++)
		take(look, state_of_session(agent, &rows[i], arena));
	if (session_count(agent->sessions) > 0)
		take(look, NODE_UNDER_WAY);
}

/* --- all of them --- */

static void end_lone_sessions(struct agent *agent, struct arena *arena)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(agent->store, NULL, arena, &rows);
	for (size_t i = 0; i < count; i++) {
		if (state_of_session(agent, &rows[i], arena) != NODE_DUE)
			continue;
		live_session(agent, rows[i].id)->busy = true;
		session_stop(agent->sessions, rows[i].id, agent->settings.stop_grace_ms, NULL, NULL);
	}
}

/* --- the search --- */

struct search_job {
	struct job job; /* first */
	struct agent *agent;
	struct runtime *runtime;
	bool leave;
	struct runtime_found *found;
	size_t count;
	bool cleared; /* what all of them shared is gone too */
	bool ok;
	struct error error;
};

/* Leaving goes in two turns: first with the runtime, which takes away what it made for all workspaces, then
 * without it, when nobody looks into the folders any more. */
static void take_away_shared(struct search_job *job)
{
	if (job->runtime) {
		job->ok = runtime_remove_mirrors(job->runtime, &job->error);
		return;
	}
	cutpoint(CUTPOINT_AGENT_NODE_EMPTY);
	leftovers_remove_cgroups(&job->agent->settings);
	job->cleared = leftovers_remove_folders(&job->agent->settings);
}

static void search_work(struct job *base)
{
	struct search_job *job = (struct search_job *)base;
	job->ok = runtime_list(job->runtime, base->arena, &job->found, &job->count, &job->error);
	if (job->ok && job->leave && job->count == 0)
		take_away_shared(job);
}

/* What should not be there becomes a row that says so; the rest is the workspace's own plan. */
static bool take_found(struct search_job *job, const struct runtime_found *found)
{
	struct agent *agent = job->agent;
	struct workspace_row row = {.wanted = {.known = false}};
	if (!job->leave && !found->running && !found->has_remains)
		return false;
	if (!ulid_valid(found->id))
		return false;
	if (!store_workspace(agent->store, found->id, job->job.arena, &row)) {
		row.wanted.desired = ROOST__WANTED_WORKSPACE__DESIRED__RUN;
		row.actual.generation = found->generation;
		snprintf(row.id, sizeof(row.id), "%s", found->id);
	}
	if (live_workspace(agent, row.id)->job)
		return true;
	log_warning("workspace %s: is still there, though it was %s", row.id, workspace_phase_name(row.actual.phase));
	row.actual.phase = WORKSPACE_STOPPING;
	store_put_workspace(agent->store, &row);
	return true;
}

static bool take_all_found(struct search_job *job)
{
	bool any = false;
	store_begin(job->agent->store);
	for (size_t i = 0; i < job->count; i++)
		any = take_found(job, &job->found[i]) || any;
	store_commit(job->agent->store);
	return any;
}

/* Without a runtime the agent can only go on reporting, which is all that it has left to do. */
static void close_runtime(struct agent *agent)
{
	if (!agent->runtime || jobs_count(agent->jobs) > 0)
		return;
	runtime_close(agent->runtime);
	agent->runtime = NULL;
	agent->node.search_due = true;
}

static void found_nothing(struct search_job *job)
{
	struct agent *agent = job->agent;
	agent->node.found_clear = job->leave ? job->cleared : !agent->node.begun_since;
	agent->node.vain = agent->node.found_clear || agent->runtime ? 0 : agent->node.vain + 1;
	if (job->leave)
		close_runtime(agent);
}

static void search_done(struct job *base)
{
	struct search_job *job = (struct search_job *)base;
	struct agent *agent = job->agent;
	agent->node.searching = false;
	if (agent->ending)
		return;
	if (!job->ok)
		log_error("the machine cannot be searched: %s", job->error.message);
	if (!job->ok || take_all_found(job))
		agent->node.vain++;
	else
		found_nothing(job);
	work_on_node(agent);
}

static void begin_search(struct agent *agent)
{
	struct arena *arena = arena_new();
	struct search_job *job = arena_new_of(arena, struct search_job);
	job->job.arena = arena;
	job->job.work = search_work;
	job->job.done = search_done;
	job->agent = agent;
	job->runtime = agent->runtime;
	job->leave = shall_leave(agent);
	agent->node.searching = true;
	agent->node.search_due = false; /* until the next beat, when this one fails or finds something */
	agent->node.begun_since = false;
	jobs_submit(agent->jobs, &job->job);
}

/* --- telling --- */

/* False when what the node can do is not known yet; it is told as soon as that is. */
static bool report_runs(struct agent *agent, struct arena *arena)
{
	struct error error = {0};
	struct bytes packed = store_capabilities(agent->store, arena);
	const Roost__Capabilities *capabilities =
	    packed.size == 0
		? NULL
		: (const Roost__Capabilities *)message_unpack(&roost__capabilities__descriptor, packed, arena, &error);
	if (capabilities)
		report_node(agent->store, capabilities, machine_address(arena));
	return capabilities != NULL;
}

static bool tell(struct agent *agent, struct arena *arena)
{
	struct node_row row = *store_node(agent->store);
	bool told = true;
	store_begin(agent->store);
	switch (row.wanted.desired) {
	case ROOST__WANTED_NODE__DESIRED__STOP:
		log_info("nothing of this node runs any more");
		report_node_stopped(agent->store);
		break;
	case ROOST__WANTED_NODE__DESIRED__REMOVE:
		log_info("nothing of this node is left on the machine");
		report_node_removed(agent->store);
		break;
	default:
		told = report_runs(agent, arena);
	}
	if (told)
		row.told_version = row.wanted.version;
	store_put_node(agent->store, &row);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
	return told;
}

static void tell_failed(struct agent *agent, const struct look *look, struct arena *arena)
{
	struct node_row row = *store_node(agent->store);
	Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
	report_fill_left(&left, &look->left);
	left.has_workspaces = true;
	left.workspaces = look->workspaces;
	const char *done = shall_leave(agent) ? "removed" : "stopped";
	const char *message =
	    look->workspaces == 0
		? arena_printf(arena, "Something that was %s is still there. It is tried again.", done)
		: arena_printf(arena, "%u workspace%s could not be %s. It is tried again.", look->workspaces,
			       look->workspaces == 1 ? "" : "s", done);
	log_error("the node: %s", message);
	row.told_failed = row.wanted.version;
	store_begin(agent->store);
	report_node_stop_failed(agent->store, message, &left);
	store_put_node(agent->store, &row);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

/* --- the door --- */

static enum node_step next_step(struct agent *agent, struct look *look, struct arena *arena)
{
	const struct node_row *row = store_node(agent->store);
	struct node_actual actual = {
	    .busy = agent->node.searching,
	    .found_clear = agent->node.found_clear,
	    .search_due = agent->node.search_due,
	    .vain = agent->node.vain,
	    .reports_waiting = store_reports_waiting(agent->store) > 0,
	    .told_version = row->told_version,
	    .told_failed = row->told_failed,
	};
	/* Nobody who runs needs to be looked at. */
	if (row->wanted.desired > ROOST__WANTED_NODE__DESIRED__RUN) {
		look_at_workspaces(agent, arena, look);
		look_at_sessions(agent, arena, look);
	}
	actual.state = look->state;
	return plan_node(&row->wanted, &actual);
}

/* Takes one step; true when another one may be due at once. */
static bool take_step(struct agent *agent, struct arena *arena)
{
	struct look look = {.state = NODE_AT_REST};
	switch (next_step(agent, &look, arena)) {
	case NODE_STOP_ALL:
	case NODE_REMOVE_ALL:
		work_on_all(agent);
		end_lone_sessions(agent, arena);
		return true;
	case NODE_SEARCH:
		begin_search(agent);
		return false;
	case NODE_TELL:
		return tell(agent, arena);
	case NODE_TELL_FAILED:
		tell_failed(agent, &look, arena);
		return false;
	case NODE_END:
		cutpoint(CUTPOINT_AGENT_NODE_TOLD);
		agent->settings.deleted(agent->settings.deleted_context);
		return false;
	default:
		return false;
	}
}

void work_on_node(struct agent *agent)
{
	if (!agent->adopted || agent->ending || agent->node.working)
		return;
	struct arena *arena = arena_new();
	agent->node.working = true;
	for (int steps = 0; steps < STEPS_AT_ONCE && take_step(agent, arena); steps++)
		;
	agent->node.working = false;
	arena_free(arena);
}

void work_node_comes_back(struct agent *agent)
{
	struct error error = {0};
	if (agent->runtime || shall_leave(agent))
		return;
	if (agent_open_runtime(&agent->settings, &agent->runtime, &error))
		capabilities_refresh(agent);
	else
		log_error("the node is wanted again, and has no runtime: %s", error.message);
}

void work_node_begun(struct agent *agent)
{
	agent->node.changes++;
	agent->node.begun_since = true;
	agent->node.found_clear = false;
}

void work_node_may_search(struct agent *agent)
{
	agent->node.search_due = true;
	work_on_node(agent);
}
