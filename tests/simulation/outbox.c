/* Reports, as nodeagent/control keeps and sends them: numbered within an agent epoch, in order, one batch
 * outstanding, deleted when a controller says that they are taken, sent again with growing pauses. */
#include "tests/simulation/agent.h"
#include "tests/simulation/controller.h"
#include "tests/simulation/oracle.h"

#include <inttypes.h>
#include <string.h>

enum { REPORT_TIMEOUT_MS = 5000, BACKOFF_LEAST_MS = 1000, BACKOFF_MOST_MS = 30000 };

Roost__Report *outbox_report(struct agent *agent, Roost__Report__ReportCase which)
{
	Roost__Report *report;
	arena_message(agent->simulation->arena, report, roost__report__init);
	report->report_case = which;
	report->has_happened_at = true;
	report->happened_at = wall_ms(agent->simulation, &agent->process);
	return report;
}

void outbox_add(struct agent *agent, Roost__Report *report)
{
	if (agent->reports_made - agent->reports_taken == OUTBOX_ROOM)
		violated(agent->simulation, "the outbox of %s is full", agent->process.name);
	agent->outbox[agent->reports_made % OUTBOX_ROOM] = report;
	agent->reports_made++;
}

/* ---- sending ---- */

struct batch {
	struct agent *agent;
	struct moment moment;
	unsigned ticket;
	Roost__ReportBatch message;
	uint64_t agent_epoch; /* of the answer */
	uint64_t taken;
};

static void on_waited(struct simulation *simulation, void *context)
{
	const struct batch *batch = context;
	(void)simulation;
	if (!still(&batch->moment) || batch->ticket != batch->agent->ticket)
		return;
	batch->agent->waiting = false;
	outbox_kick(batch->agent);
}

static void wait_longer(struct agent *agent)
{
	struct simulation *simulation = agent->simulation;
	unsigned delay = agent->backoff_ms != 0 ? 2 * agent->backoff_ms : BACKOFF_LEAST_MS;
	agent->backoff_ms = delay < BACKOFF_MOST_MS ? delay : BACKOFF_MOST_MS;
	agent->waiting = true;
	struct batch *batch = arena_new_of(simulation->arena, struct batch);
	batch->agent = agent;
	batch->moment = moment_of(&agent->process);
	batch->ticket = ++agent->ticket;
	after(simulation, agent->backoff_ms - agent->backoff_ms / 4 + draw(simulation, agent->backoff_ms / 2),
	      on_waited, batch);
}

static void take(struct agent *agent, const struct batch *batch)
{
	const struct report_numbers own = {agent->agent_epoch, agent->reports_taken,
					   agent->reports_sent - agent->reports_taken};
	switch (plan_answer(&own, batch->agent_epoch, batch->taken)) {
	case ANSWER_TOOK:
		oracle_forgets(agent->simulation->oracle, agent, batch->taken);
		agent->reports_taken = batch->taken;
		agent->backoff_ms = 0;
		outbox_kick(agent);
		work_on_node(agent);
		break;
	case ANSWER_NOTHING:
		wait_longer(agent);
		break;
	case ANSWER_RENEWED:
		trace(agent->simulation, "%s tells everything anew", agent->process.name);
		outbox_new_epoch(agent, batch->agent_epoch);
		outbox_forget_told(agent);
		agent_tell_all(agent);
		outbox_kick(agent);
	}
}

static void on_answer(struct simulation *simulation, void *context)
{
	const struct batch *batch = context;
	struct agent *agent = batch->agent;
	if (!still(&batch->moment) || !agent->outstanding || batch->ticket != agent->ticket)
		return;
	agent->outstanding = false;
	if (dies(simulation, &agent->process, "report taken"))
		return;
	take(agent, batch);
}

static void on_late(struct simulation *simulation, void *context)
{
	const struct batch *batch = context;
	(void)simulation;
	if (!still(&batch->moment) || !batch->agent->outstanding || batch->ticket != batch->agent->ticket)
		return;
	batch->agent->outstanding = false;
	wait_longer(batch->agent);
}

/* ---- in a controller ---- */

static struct decision *decide(struct work *work, const struct decision_inputs *inputs)
{
	struct batch *batch = work->context;
	Roost__ReportAnswer *answer;
	struct decision *decision = decide_reports(inputs, &batch->message, &answer);
	work->report_answer = answer;
	return decision;
}

static void decided(struct work *work, enum error_code failure)
{
	struct batch *batch = work->context;
	struct simulation *simulation = work->controller->simulation;
	if (failure != ERROR_NONE || work->decided.kind == DECISION_REFUSE)
		return; /* an error: the agent tries again */
	if (dies(simulation, &work->controller->process, "before report answer"))
		return;
	struct batch *answer = arena_new_of(simulation->arena, struct batch);
	*answer = *batch;
	answer->agent_epoch = work->decided.report_answer->agent_epoch;
	answer->taken = work->decided.report_answer->taken;
	send_message(simulation, on_answer, answer);
}

static void batch_arrives(struct simulation *simulation, void *context)
{
	struct batch *batch = context;
	struct controller *controller = simulation->controllers[draw(simulation, CONTROLLERS)];
	if (!controller->process.up || !controller->serving)
		return;
	struct work *work = work_new(controller, batch->agent->owner, "report");
	work->actor = "node";
	work->decide = decide;
	work->done = decided;
	work->context = batch;
	work_run(work);
}

/* Numbers are given when a report is sent for the first time; it keeps its own from then on. */
static Roost__Report *numbered(struct agent *agent, uint64_t number)
{
	Roost__Report *report = arena_new_of(agent->simulation->arena, Roost__Report);
	*report = *agent->outbox[(number - 1) % OUTBOX_ROOM];
	report->has_number = true;
	report->number = number;
	return report;
}

void outbox_kick(struct agent *agent)
{
	struct simulation *simulation = agent->simulation;
	uint64_t waiting = agent->reports_made - agent->reports_taken;
	if (!agent->process.up || agent->outstanding || agent->waiting || waiting == 0)
		return;
	struct batch *batch = arena_new_of(simulation->arena, struct batch);
	batch->agent = agent;
	batch->moment = moment_of(&agent->process);
	batch->ticket = ++agent->ticket;
	roost__report_batch__init(&batch->message);
	batch->message.node_id = agent->node_id;
	batch->message.has_agent_epoch = true;
	batch->message.agent_epoch = agent->agent_epoch;
	batch->message.n_reports = waiting > 6 ? 6 : waiting;
	batch->message.reports = arena_array_of(simulation->arena, Roost__Report *, batch->message.n_reports);
	for (size_t i = 0; i < batch->message.n_reports; i++)
		batch->message.reports[i] = numbered(agent, agent->reports_taken + 1 + i);
	if (agent->reports_sent < agent->reports_taken + batch->message.n_reports)
		agent->reports_sent = agent->reports_taken + batch->message.n_reports;
	agent->outstanding = true;
	if (dies(simulation, &agent->process, "before report"))
		return;
	send_message(simulation, batch_arrives, batch);
	after(simulation, REPORT_TIMEOUT_MS, on_late, batch);
}

/* ---- everything anew ---- */

/* Milliseconds above, chance below. What was in the outbox is numbered from 1 again. */
void outbox_new_epoch(struct agent *agent, uint64_t above)
{
	struct simulation *simulation = agent->simulation;
	uint64_t present = agent->agent_epoch > above ? agent->agent_epoch : above;
	uint64_t epoch = (uint64_t)wall_ms(simulation, &agent->process) << 15 | draw(simulation, 0x8000);
	uint64_t waiting = agent->reports_made - agent->reports_taken;
	const Roost__Report **kept = arena_array_of(simulation->arena, const Roost__Report *, waiting + 1);
	for (uint64_t i = 0; i < waiting; i++)
		kept[i] = agent->outbox[(agent->reports_taken + i) % OUTBOX_ROOM];
	memcpy(agent->outbox, kept, waiting * sizeof(*kept));
	agent->reports_taken = agent->reports_sent = 0;
	agent->reports_made = waiting;
	agent->agent_epoch = epoch > present ? epoch : present + 1;
}

void outbox_forget_told(struct agent *agent)
{
	agent->node_told = agent->node_told_failed = 0;
	for (size_t i = 0; i < agent->workspace_count; i++) {
		struct workspace_actual *actual = &agent->workspaces[i].actual;
		actual->told_desired = (Roost__WantedWorkspace__Desired)0;
		actual->told_generation = 0;
		actual->told_version = 0;
	}
	for (size_t i = 0; i < agent->session_count; i++)
		agent->sessions[i].actual.told = false;
}

void agent_tell_all(struct agent *agent)
{
	work_on_all(agent);
	outbox_kick(agent);
}
