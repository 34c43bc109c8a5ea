/* A node agent, reduced to its promises: it stores wanted rows by version, starts a generation and a
 * session at most once, and keeps reports until a controller says that they are taken. */
#include "tests/simulation/projected/simulation.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct agent_row *row_of(struct agent *agent, const char *id, bool is_session)
{
	for (size_t i = 0; i < agent->row_count; i++)
		if (strcmp(agent->rows[i].id, id) == 0)
			return &agent->rows[i];
	assert_true(agent->row_count < ROWS_MAX);
	struct agent_row *row = &agent->rows[agent->row_count++];
	memcpy(row->id, id, sizeof(row->id));
	row->is_session = is_session;
	return row;
}

static void store_row(struct agent *agent, const char *id, bool is_session, uint64_t version, uint32_t generation,
		      int desired)
{
	struct agent_row *row = row_of(agent, id, is_session);
	if (version <= row->version)
		return; /* older than what it has */
	row->version = version;
	row->generation = generation;
	row->desired = desired;
}

/* One or more pages from a controller that may be behind, and that may know an old held version. */
void agent_receive(struct simulation *simulation, struct agent *agent, const struct controller *controller)
{
	struct error error = {0};
	uint64_t held = happens(simulation, 3) ? agent->held_version / 2 : agent->held_version;
	uint64_t from = held;
	struct wanted_page page = {.next = {.held_version = held, .version = held}};
	do {
		const struct wanted_cursor cursor = page.next;
		assert_true(projection_wanted(controller->projection, agent->node_id, &cursor, 300, simulation->step,
					      &page, &error));
		if (happens(simulation, 6))
			return; /* lost, and with it the pages after it */
		assert_true(from <= agent->held_version);
		for (size_t i = 0; i < page.workspace_count; i++)
			store_row(agent, page.workspaces[i]->id, false, page.workspaces[i]->version,
				  page.workspaces[i]->generation, page.workspaces[i]->desired);
		for (size_t i = 0; i < page.session_count; i++)
			store_row(agent, page.sessions[i]->id, true, page.sessions[i]->version,
				  page.sessions[i]->generation, page.sessions[i]->desired);
		if (page.to_version > agent->held_version)
			agent->held_version = page.to_version;
		from = page.to_version > from ? page.to_version : from;
	} while (page.more);
}

static Roost__Report *report(struct simulation *simulation, struct agent *agent, Roost__Report__ReportCase which)
{
	Roost__Report *made;
	assert_true(agent->reported < OUTBOX_ROOM);
	arena_message(simulation->arena, made, roost__report__init);
	made->has_number = true;
	made->number = agent->reported + 1;
	made->report_case = which;
	agent->outbox[agent->reported++] = made;
	return made;
}

#define REPORT_WORKSPACE(WHICH, field, init)                                                                           \
	do {                                                                                                           \
		Roost__Report *made = report(simulation, agent, ROOST__REPORT__REPORT_##WHICH);                        \
		arena_message(simulation->arena, made->field, init);                                                   \
		made->field->workspace_id = arena_strdup(simulation->arena, row->id);                                  \
		made->field->has_generation = true;                                                                    \
		made->field->generation = row->generation;                                                             \
	} while (0)

static void work_on_workspace(struct simulation *simulation, struct agent *agent, struct agent_row *row)
{
	if (row->desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN && row->generation > row->started_generation) {
		row->started_generation = row->generation;
		row->running = draw(simulation, 8) > 0;
		if (row->running)
			REPORT_WORKSPACE(WORKSPACE_RUNNING, workspace_running, roost__workspace_running__init);
		else
			REPORT_WORKSPACE(WORKSPACE_FAILED, workspace_failed, roost__workspace_failed__init);
	} else if (row->desired == ROOST__WANTED_WORKSPACE__DESIRED__STOP) {
		row->running = false;
		REPORT_WORKSPACE(WORKSPACE_STOPPED, workspace_stopped, roost__workspace_stopped__init);
	} else if (row->desired == ROOST__WANTED_WORKSPACE__DESIRED__REMOVE) {
		row->running = false;
		Roost__Report *made = report(simulation, agent, ROOST__REPORT__REPORT_WORKSPACE_REMOVED);
		arena_message(simulation->arena, made->workspace_removed, roost__workspace_deleted__init);
		made->workspace_removed->workspace_id = arena_strdup(simulation->arena, row->id);
	}
}

static void work_on_session(struct simulation *simulation, struct agent *agent, struct agent_row *row)
{
	const char *id = arena_strdup(simulation->arena, row->id);
	if (row->desired == ROOST__WANTED_SESSION__DESIRED__RUN) {
		if (row->starts > 0)
			return;
		row->starts++;
		row->running = true;
		Roost__Report *made = report(simulation, agent, ROOST__REPORT__REPORT_SESSION_RUNNING);
		arena_message(simulation->arena, made->session_running, roost__session_running__init);
		made->session_running->session_id = id;
		return;
	}
	row->running = false;
	Roost__Report *made = report(simulation, agent, ROOST__REPORT__REPORT_SESSION_ENDED);
	arena_message(simulation->arena, made->session_ended, roost__session_ended__init);
	made->session_ended->session_id = id;
}

/* One row that has not been seen to since it was last wanted. */
void agent_work(struct simulation *simulation, struct agent *agent)
{
	size_t first = agent->row_count == 0 ? 0 : draw(simulation, (uint32_t)agent->row_count);
	for (size_t i = 0; i < agent->row_count; i++) {
		struct agent_row *row = &agent->rows[(first + i) % agent->row_count];
		if (row->told_version >= row->version)
			continue;
		(row->is_session ? work_on_session : work_on_workspace)(simulation, agent, row);
		row->told_version = row->version;
		return;
	}
}

bool agent_idle(const struct agent *agent)
{
	for (size_t i = 0; i < agent->row_count; i++)
		if (agent->rows[i].told_version < agent->rows[i].version)
			return false;
	return agent->taken == agent->reported;
}

struct sending {
	Roost__ReportBatch batch;
	Roost__ReportAnswer *answer;
};

static struct decision *decide(const struct decision_inputs *inputs, void *context)
{
	struct sending *sending = context;
	return decide_reports(inputs, &sending->batch, &sending->answer);
}

/* The oldest batch; the answer may be lost, and then it is sent again. */
void agent_report(struct simulation *simulation, struct agent *agent, struct controller *controller)
{
	struct sending sending = {.batch = ROOST__REPORT_BATCH__INIT};
	uint64_t waiting = agent->reported - agent->taken;
	if (waiting == 0)
		return;
	sending.batch.node_id = agent->node_id;
	sending.batch.agent_epoch = 1;
	sending.batch.n_reports = waiting > 5 ? 5 : waiting;
	sending.batch.reports = agent->outbox + agent->taken;
	if (happens(simulation, 8) && agent->taken > 0) { /* an old packet arrives once more */
		sending.batch.reports--;
		sending.batch.n_reports = 1;
	}
	const struct decision_inputs inputs = plain_inputs(simulation, "report");
	if (controller_run(simulation, controller, &inputs, decide, &sending) == NULL || happens(simulation, 6))
		return;
	assert_true(sending.answer->taken <= agent->reported);
	if (sending.answer->taken > agent->taken)
		agent->taken = sending.answer->taken;
}
