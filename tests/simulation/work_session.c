/* A session's steps, as nodeagent/control/work_session.c takes them, and what hosts say. */
#include "tests/simulation/agent.h"

#include <string.h>

/* ---- telling ---- */

static void report_running(struct agent *agent, const struct session_row *row)
{
	Roost__Report *report = outbox_report(agent, ROOST__REPORT__REPORT_SESSION_RUNNING);
	arena_message(agent->simulation->arena, report->session_running, roost__session_running__init);
	report->session_running->session_id = arena_strdup(agent->simulation->arena, row->id);
	outbox_add(agent, report);
}

static void report_failed(struct agent *agent, const struct session_row *row)
{
	Roost__Report *report = outbox_report(agent, ROOST__REPORT__REPORT_SESSION_FAILED);
	arena_message(agent->simulation->arena, report->session_failed, roost__session_failed__init);
	report->session_failed->session_id = arena_strdup(agent->simulation->arena, row->id);
	report->session_failed->message = row->failure;
	outbox_add(agent, report);
}

static void report_end(struct agent *agent, const struct session_row *row)
{
	if (row->failed) {
		report_failed(agent, row);
		return;
	}
	Roost__Report *report = outbox_report(agent, ROOST__REPORT__REPORT_SESSION_ENDED);
	arena_message(agent->simulation->arena, report->session_ended, roost__session_ended__init);
	report->session_ended->session_id = arena_strdup(agent->simulation->arena, row->id);
	report->session_ended->has_reason = true;
	report->session_ended->reason = row->reason != 0 ? row->reason : ROOST__AGENT_SESSION__STOP_REASON__EXITED;
	outbox_add(agent, report);
}

static void set_phase(struct agent *agent, struct session_row *row, enum session_phase phase)
{
	trace(agent->simulation, "%s: session %s: %s -> %s", agent->process.name, row->id,
	      session_phase_name(row->actual.phase), session_phase_name(phase));
	row->actual.phase = phase;
}

static void put_ended(struct agent *agent, struct session_row *row)
{
	set_phase(agent, row, SESSION_ENDED);
	row->actual.told = row->known;
	if (row->known)
		report_end(agent, row);
}

static void finish(struct agent *agent, struct session_row *row)
{
	row->busy = false;
	put_ended(agent, row);
	outbox_kick(agent);
}

static void fail(struct agent *agent, struct session_row *row, const char *sentence)
{
	row->failed = true;
	row->failure = sentence;
	finish(agent, row);
}

/* Why it ended if it did not end by itself; 0 when it did. */
static Roost__AgentSession__StopReason asked_for(const struct session_row *row, const struct workspace_row *workspace)
{
	bool known = workspace != NULL && workspace->wanted.known;
	if (workspace != NULL && workspace->wanted.node == ROOST__WANTED_NODE__DESIRED__STOP)
		return ROOST__AGENT_SESSION__STOP_REASON__NODE_STOP;
	if (known && plan_desired(&workspace->wanted) != ROOST__WANTED_WORKSPACE__DESIRED__RUN)
		return ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_STOP;
	if (known && workspace->wanted.generation > row->wanted.generation)
		return ROOST__AGENT_SESSION__STOP_REASON__WORKSPACE_RESTART;
	if (row->wanted.desired == ROOST__WANTED_SESSION__DESIRED__STOP)
		return ROOST__AGENT_SESSION__STOP_REASON__USER_STOP;
	return (Roost__AgentSession__StopReason)0;
}

/* ---- start ---- */

struct starting {
	struct moment moment;
	struct session_row *row;
};

static void command_made(struct simulation *simulation, void *context)
{
	const struct starting *starting = context;
	struct session_row *row = starting->row;
	if (!still(&starting->moment))
		return;
	struct agent *agent = starting->moment.process->owner;
	row->busy = false;
	if (row->actual.phase != SESSION_STARTING)
		return;
	const struct workspace_row *workspace = agent_workspace(agent, row->workspace_id, false);
	bool wanted = row->wanted.desired == ROOST__WANTED_SESSION__DESIRED__RUN &&
		      plan_session_ground(workspace == NULL ? NULL : &workspace->wanted,
					  workspace == NULL ? NULL : &workspace->actual,
					  row->wanted.generation) == SESSION_GROUND_READY;
	if (!wanted) {
		fail(agent, row, "the workspace stopped before");
		return;
	}
	if (happens(simulation, simulation->weather.job_fails)) {
		fail(agent, row, "it could not be started");
		return;
	}
	row->busy = true;
	if (dies(simulation, &agent->process, "before spawn"))
		return;
	bool spawned = machine_spawn(agent, row->id, row->workspace_id);
	if (dies(simulation, &agent->process, "spawned"))
		return;
	if (!spawned && !machine_host(&agent->machine, row->id, false)->alive)
		fail(agent, row, "it has been started before");
}

static void begin_start(struct agent *agent, struct session_row *row)
{
	struct starting *starting = arena_new_of(agent->simulation->arena, struct starting);
	*starting = (struct starting){moment_of(&agent->process), row};
	if (row->begun)
		violated(agent->simulation, "%s starts session %s a second time", agent->process.name, row->id);
	row->begun = true;
	set_phase(agent, row, SESSION_STARTING);
	row->busy = true;
	work_node_begun(agent);
	after(agent->simulation, 10 + draw(agent->simulation, 100), command_made, starting);
}

/* ---- what hosts say ---- */

static void tell_running(struct agent *agent, struct session_row *row)
{
	set_phase(agent, row, SESSION_RUNNING);
	row->actual.told = row->known;
	if (row->known)
		report_running(agent, row);
	outbox_kick(agent);
}

static void work_on_its_workspace(struct agent *agent, const struct session_row *row)
{
	if (row->workspace_id[0] != '\0')
		work_on_workspace(agent, row->workspace_id);
}

void work_host_running(struct agent *agent, const char *session_id)
{
	struct session_row *row = agent_session(agent, session_id, true);
	row->busy = false;
	row->heard = true;
	if (row->actual.phase == SESSION_ENDED)
		machine_end_host(agent, machine_host(&agent->machine, session_id, false));
	else if (row->actual.phase == SESSION_NONE || row->actual.phase == SESSION_STARTING)
		tell_running(agent, row);
	work_on_its_workspace(agent, row);
}

static void session_over(struct agent *agent, struct session_row *row, bool unexpected)
{
	const struct workspace_row *workspace = agent_workspace(agent, row->workspace_id, false);
	row->reason = asked_for(row, workspace);
	if (unexpected && row->reason == 0)
		row->reason = ROOST__AGENT_SESSION__STOP_REASON__FAILED;
	finish(agent, row);
}

void work_host_ended(struct agent *agent, const char *session_id)
{
	struct session_row *row = agent_session(agent, session_id, true);
	row->busy = false;
	row->heard = true;
	if (row->actual.phase != SESSION_ENDED) {
		session_over(agent, row, false);
		work_on_its_workspace(agent, row);
		return;
	}
	const struct workspace_row *workspace = agent_workspace(agent, row->workspace_id, false);
	if (workspace != NULL && workspace->actual.phase == WORKSPACE_REMOVED)
		work_forget_sessions(agent, row->workspace_id);
	work_on_node(agent);
}

/* ---- stop ---- */

static void begin_stop(struct agent *agent, struct session_row *row)
{
	struct host *host = machine_host(&agent->machine, row->id, false);
	set_phase(agent, row, SESSION_STOPPING);
	if (host == NULL || !host->alive) {
		session_over(agent, row, true);
		return;
	}
	row->busy = true;
	machine_end_host(agent, host);
}

/* ---- the door ---- */

static void abandon(struct agent *agent, struct session_row *row, const struct workspace_row *workspace)
{
	row->reason = asked_for(row, workspace);
	if (row->reason == 0)
		fail(agent, row, "the workspace stopped before");
	else
		finish(agent, row);
}

static void tell(struct agent *agent, struct session_row *row)
{
	if (row->known && row->actual.phase == SESSION_RUNNING)
		tell_running(agent, row);
	else if (row->known)
		finish(agent, row);
}

void work_on_session(struct agent *agent, struct session_row *row, struct workspace_row *workspace)
{
	row->actual.busy = row->busy || (row->actual.phase != SESSION_ENDED && machine_awaits_host(agent, row));
	enum session_ground ground =
	    plan_session_ground(workspace == NULL ? NULL : &workspace->wanted,
				workspace == NULL ? NULL : &workspace->actual, row->wanted.generation);
	switch (plan_session(&row->wanted, &row->actual, ground)) {
	case SESSION_PLAN_START:
		begin_start(agent, row);
		break;
	case SESSION_PLAN_STOP:
		begin_stop(agent, row);
		break;
	case SESSION_PLAN_ABANDON:
		abandon(agent, row, workspace);
		break;
	case SESSION_PLAN_FAIL:
		fail(agent, row, "the agent was restarted meanwhile");
		break;
	case SESSION_PLAN_TELL:
		tell(agent, row);
		break;
	default:
		break;
	}
}

void work_end_sessions(struct agent *agent, const struct workspace_row *workspace)
{
	for (size_t i = 0; i < agent->session_count; i++) {
		struct session_row *row = &agent->sessions[i];
		if (row->forgotten || strcmp(row->workspace_id, workspace->id) != 0 ||
		    row->actual.phase == SESSION_ENDED || row->wanted.generation > workspace->actual.generation)
			continue;
		row->reason = asked_for(row, workspace);
		if (row->reason == 0)
			row->reason = ROOST__AGENT_SESSION__STOP_REASON__FAILED;
		put_ended(agent, row);
		struct host *host = machine_host(&agent->machine, row->id, false);
		if (host != NULL)
			machine_end_host(agent, host);
	}
}

void work_forget_sessions(struct agent *agent, const char *workspace_id)
{
	for (size_t i = 0; i < agent->session_count; i++) {
		struct session_row *row = &agent->sessions[i];
		struct host *host = machine_host(&agent->machine, row->id, false);
		if (row->forgotten || strcmp(row->workspace_id, workspace_id) != 0 || (host != NULL && host->alive))
			continue;
		if (host != NULL)
			host->there = false;
		row->forgotten = true;
	}
}
