/* A node whose word is worth nothing: it tells of other nodes' workspaces, of generations that never were,
 * of ends that did not come, numbers its reports as it likes and claims to hold versions that no log has.
 * All this may harm nobody but itself. */
#include "tests/simulation/agent.h"
#include "tests/simulation/oracle.h"

/* Any entity of any node; NULL when there is none. */
static const char *any_id(struct simulation *simulation, enum entity_kind kind)
{
	const struct entity *chosen = NULL;
	uint32_t seen = 0;
	for (const struct entity *one = simulation->oracle->store->first[kind]; one != NULL; one = one->next)
		if (draw(simulation, ++seen) == 0)
			chosen = one;
	return chosen == NULL ? NULL : chosen->id;
}

static uint32_t any_generation(struct simulation *simulation)
{
	return draw(simulation, 8) == 0 ? UINT32_MAX - draw(simulation, 4) : draw(simulation, 6);
}

static Roost__Report *about_workspace(struct agent *agent, const char *id)
{
	static const Roost__Report__ReportCase kinds[] = {
	    ROOST__REPORT__REPORT_WORKSPACE_RUNNING, ROOST__REPORT__REPORT_WORKSPACE_STOPPED,
	    ROOST__REPORT__REPORT_WORKSPACE_REMOVED, ROOST__REPORT__REPORT_WORKSPACE_LOST};
	struct arena *arena = agent->simulation->arena;
	uint32_t generation = any_generation(agent->simulation);
	Roost__Report *report = outbox_report(agent, kinds[draw(agent->simulation, 4)]);
	switch (report->report_case) {
	case ROOST__REPORT__REPORT_WORKSPACE_RUNNING:
		arena_message(arena, report->workspace_running, roost__workspace_running__init);
		report->workspace_running->workspace_id = id;
		report->workspace_running->has_generation = true;
		report->workspace_running->generation = generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_STOPPED:
		arena_message(arena, report->workspace_stopped, roost__workspace_stopped__init);
		report->workspace_stopped->workspace_id = id;
		report->workspace_stopped->has_generation = true;
		report->workspace_stopped->generation = generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_LOST:
		arena_message(arena, report->workspace_lost, roost__workspace_lost__init);
		report->workspace_lost->workspace_id = id;
		report->workspace_lost->has_generation = true;
		report->workspace_lost->generation = generation;
		break;
	default:
		arena_message(arena, report->workspace_removed, roost__workspace_deleted__init);
		report->workspace_removed->workspace_id = id;
	}
	return report;
}

static Roost__Report *about_session(struct agent *agent, const char *id)
{
	struct arena *arena = agent->simulation->arena;
	Roost__Report *report;
	if (draw(agent->simulation, 2) == 0) {
		report = outbox_report(agent, ROOST__REPORT__REPORT_SESSION_RUNNING);
		arena_message(arena, report->session_running, roost__session_running__init);
		report->session_running->session_id = id;
	} else {
		report = outbox_report(agent, ROOST__REPORT__REPORT_SESSION_ENDED);
		arena_message(arena, report->session_ended, roost__session_ended__init);
		report->session_ended->session_id = id;
	}
	return report;
}

static Roost__Report *about_node(struct agent *agent)
{
	struct arena *arena = agent->simulation->arena;
	Roost__Report *report;
	if (draw(agent->simulation, 10) == 0) {
		report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_REMOVED);
		arena_message(arena, report->node_removed, roost__node_deleted__init);
	} else {
		report = outbox_report(agent, ROOST__REPORT__REPORT_NODE_STOPPED);
		arena_message(arena, report->node_stopped, roost__node_stopped__init);
	}
	return report;
}

void agent_lie(struct agent *agent, struct beat *beat)
{
	struct simulation *simulation = agent->simulation;
	const char *workspace_id = any_id(simulation, ENTITY_WORKSPACE),
		   *session_id = any_id(simulation, ENTITY_SESSION);
	unsigned kind = draw(simulation, 8);
	if (kind == 0)
		outbox_add(agent, about_node(agent));
	else if (kind < 4 && workspace_id != NULL)
		outbox_add(agent, about_workspace(agent, workspace_id));
	else if (kind == 4 && session_id != NULL)
		outbox_add(agent, about_session(agent, session_id));
	else if (kind == 5)
		agent->reports_taken += draw(simulation, 2) * (agent->reports_made - agent->reports_taken);
	else if (kind == 6)
		beat->held_version += draw(simulation, 1000);
	else
		beat->log_epoch += draw(simulation, 3);
	outbox_kick(agent);
}
