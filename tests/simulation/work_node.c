/* The node as a whole, as nodeagent/control/work_node.c does it: stop or remove everything, search the
 * machine, tell, and in the end go away for good. */
#include "tests/simulation/agent.h"

#include <string.h>

enum { STEPS_AT_ONCE = 4 };

void work_node_begun(struct agent *agent)
{
	agent->begun_since = true;
	agent->found_clear = false;
}

void work_node_may_search(struct agent *agent)
{
	agent->search_due = true;
	work_on_node(agent);
}

void work_node_wanted_anew(struct agent *agent)
{
	agent->found_clear = false;
	agent->search_due = true;
	work_on_all(agent);
}

/* ---- what is there ---- */

static enum node_state larger(enum node_state one, enum node_state other)
{
	return one > other ? one : other;
}

static enum node_state state_of_workspace(struct agent *agent, struct workspace_row *row)
{
	agent_complete(agent, row);
	return node_state_of(&row->wanted, &row->actual);
}

static enum node_state state_of_session(struct agent *agent, struct session_row *row)
{
	const struct host *host = machine_host(&agent->machine, row->id, false);
	struct workspace_row *workspace = agent_workspace(agent, row->workspace_id, false);
	if (machine_awaits_host(agent, row))
		return NODE_UNDER_WAY;
	if (host == NULL || !host->alive)
		return NODE_AT_REST;
	bool ends_with_it = workspace != NULL && state_of_workspace(agent, workspace) != NODE_AT_REST;
	return row->busy || ends_with_it ? NODE_UNDER_WAY : NODE_DUE;
}

static enum node_state look(struct agent *agent)
{
	enum node_state state = NODE_AT_REST;
	for (size_t i = 0; i < agent->workspace_count; i++)
		state = larger(state, state_of_workspace(agent, &agent->workspaces[i]));
	for (size_t i = 0; i < agent->session_count; i++)
		if (!agent->sessions[i].forgotten)
			state = larger(state, state_of_session(agent, &agent->sessions[i]));
	for (size_t i = 0; i < agent->machine.host_count; i++)
		if (agent->machine.hosts[i].alive)
			state = larger(state, NODE_UNDER_WAY);
	return state;
}

static void end_lone_sessions(struct agent *agent)
{
	for (size_t i = 0; i < agent->session_count; i++) {
		struct session_row *row = &agent->sessions[i];
		if (row->forgotten || state_of_session(agent, row) != NODE_DUE)
			continue;
		row->busy = true;
		machine_end_host(agent, machine_host(&agent->machine, row->id, false));
	}
}

/* ---- the search ---- */

/* What should not be there becomes a row that says so; the rest is the workspace's own plan. */
static bool take_found(struct agent *agent, const struct sandbox *found, bool leave)
{
	if (!found->there || (!leave && !found->running && !found->has_remains))
		return false;
	struct workspace_row *row = agent_workspace(agent, found->id, false);
	if (row == NULL) {
		row = agent_workspace(agent, found->id, true);
		row->actual.generation = found->generation;
	}
	if (row->job == NULL)
		row->actual.phase = WORKSPACE_STOPPING;
	return true;
}

static void on_searched(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	if (!still(moment))
		return;
	struct agent *agent = moment->process->owner;
	bool leave = agent->node.desired == ROOST__WANTED_NODE__DESIRED__REMOVE, any = false;
	agent->searching = false;
	if (!happens(simulation, simulation->weather.job_fails)) {
		for (size_t i = 0; i < agent->machine.sandbox_count; i++)
			any = take_found(agent, &agent->machine.sandboxes[i], leave) || any;
		if (!any)
			agent->found_clear = !agent->begun_since;
	}
	work_on_node(agent);
}

static void begin_search(struct agent *agent)
{
	struct moment *moment = arena_new_of(agent->simulation->arena, struct moment);
	*moment = moment_of(&agent->process);
	agent->searching = true;
	agent->search_due = agent->begun_since = false;
	after(agent->simulation, 20 + draw(agent->simulation, 200), on_searched, moment);
}

/* ---- telling ---- */

static void tell(struct agent *agent)
{
	struct arena *arena = agent->simulation->arena;
	Roost__Report *report;
	if (agent->node.desired == ROOST__WANTED_NODE__DESIRED__STOP) {
		report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_STOPPED);
		arena_message(arena, report->node_stopped, roost__node_stopped__init);
	} else if (agent->node.desired == ROOST__WANTED_NODE__DESIRED__REMOVE) {
		report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_REMOVED);
		arena_message(arena, report->node_removed, roost__node_deleted__init);
	} else {
		report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_RUNNING);
		arena_message(arena, report->node_running, roost__node_running__init);
	}
	outbox_add(agent, report);
	agent->node_told = agent->node.version;
	outbox_kick(agent);
}

static void tell_failed(struct agent *agent)
{
	Roost__Report *report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_STOP_FAILED);
	arena_message(agent->simulation->arena, report->node_stop_failed, roost__node_stop_failed__init);
	report->node_stop_failed->message = "1 workspace could not be stopped";
	outbox_add(agent, report);
	agent->node_told_failed = agent->node.version;
	outbox_kick(agent);
}

static void end_for_good(struct agent *agent)
{
	trace(agent->simulation, "%s ends for good", agent->process.name);
	agent->process.ended = true;
	process_kill(agent->simulation, &agent->process);
}

/* ---- the door ---- */

/* Takes one step; true when another one may be due at once. */
static bool take_step(struct agent *agent)
{
	bool looks = agent->node.desired > ROOST__WANTED_NODE__DESIRED__RUN;
	const struct node_actual actual = {
	    .state = looks ? look(agent) : NODE_AT_REST,
	    .busy = agent->searching,
	    .found_clear = agent->found_clear,
	    .search_due = agent->search_due,
	    .reports_waiting = agent->reports_made > agent->reports_taken,
	    .told_version = agent->node_told,
	    .told_failed = agent->node_told_failed,
	};
	switch (plan_node(&agent->node, &actual)) {
	case NODE_STOP_ALL:
	case NODE_REMOVE_ALL:
		work_on_all(agent);
		end_lone_sessions(agent);
		return true;
	case NODE_SEARCH:
		begin_search(agent);
		return false;
	case NODE_TELL:
		tell(agent);
		return true;
	case NODE_TELL_FAILED:
		tell_failed(agent);
		return false;
	case NODE_END:
		end_for_good(agent);
		return false;
	default:
		return false;
	}
}

void work_on_node(struct agent *agent)
{
	if (!agent->adopted || !agent->process.up || agent->working_on_node)
		return;
	agent->working_on_node = true;
	for (int steps = 0; steps < STEPS_AT_ONCE && agent->process.up && take_step(agent); steps++)
		;
	agent->working_on_node = false;
}
