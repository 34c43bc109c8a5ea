/* A workspace's steps, as nodeagent/control/work_workspace.c takes them: the real plan says which, jobs
 * take time, pass through half-made stages at which the agent can be killed, fail, hang and are called
 * off. */
#include "tests/simulation/agent.h"
#include "tests/simulation/oracle.h"

#include <inttypes.h>
#include <string.h>

enum { RETRY_FIRST_MS = 5000, RETRY_MOST_MS = 60 * 1000 };

static bool take_step(struct agent *agent, struct workspace_row *row);

/* ---- telling ---- */

static const char *copy_id(struct agent *agent, const char *id)
{
	return arena_strdup(agent->simulation->arena, id);
}

#define REPORT(WHICH, field, init, row)                                                                                \
	Roost__Report *report = outbox_report(agent, ROOST__REPORT__REPORT_##WHICH);                                   \
	arena_message(agent->simulation->arena, report->field, init);                                                  \
	report->field->workspace_id = copy_id(agent, (row)->id)

static void report_running(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_RUNNING, workspace_running, roost__workspace_running__init, row);
	report->workspace_running->has_generation = true;
	report->workspace_running->generation = row->actual.generation;
	outbox_add(agent, report);
}

static void report_failed(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_FAILED, workspace_failed, roost__workspace_failed__init, row);
	report->workspace_failed->has_generation = true;
	report->workspace_failed->generation = row->actual.generation;
	report->workspace_failed->message = row->failure;
	outbox_add(agent, report);
}

static void report_lost(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_LOST, workspace_lost, roost__workspace_lost__init, row);
	report->workspace_lost->has_generation = true;
	report->workspace_lost->generation = row->actual.generation;
	report->workspace_lost->message = row->failure;
	outbox_add(agent, report);
}

static uint32_t generation_to_end(const struct workspace_row *row)
{
	return row->wanted.generation > row->actual.generation ? row->wanted.generation : row->actual.generation;
}

static void report_stopped(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_STOPPED, workspace_stopped, roost__workspace_stopped__init, row);
	report->workspace_stopped->has_generation = true;
	report->workspace_stopped->generation = generation_to_end(row);
	outbox_add(agent, report);
}

static void report_removed(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_REMOVED, workspace_removed, roost__workspace_deleted__init, row);
	outbox_add(agent, report);
}

static void report_stop_failed(struct agent *agent, const struct workspace_row *row)
{
	REPORT(WORKSPACE_STOP_FAILED, workspace_stop_failed, roost__workspace_stop_failed__init, row);
	report->workspace_stop_failed->has_generation = true;
	report->workspace_stop_failed->generation = generation_to_end(row);
	report->workspace_stop_failed->message = row->failure;
	arena_message(agent->simulation->arena, report->workspace_stop_failed->left, roost__left_behind__init);
	report->workspace_stop_failed->left->has_processes = true;
	report->workspace_stop_failed->left->processes = 2;
	outbox_add(agent, report);
}

static void report_step(struct agent *agent, const struct workspace_row *row, const char *step)
{
	REPORT(WORKSPACE_STEP, workspace_step, roost__workspace_step__init, row);
	report->workspace_step->has_generation = true;
	report->workspace_step->generation = row->actual.generation;
	report->workspace_step->step = step;
	outbox_add(agent, report);
}

static void report_workspace(struct agent *agent, const struct workspace_row *row)
{
	if (plan_desired(&row->wanted) == ROOST__WANTED_WORKSPACE__DESIRED__REMOVE)
		report_removed(agent, row);
	else if (plan_desired(&row->wanted) == ROOST__WANTED_WORKSPACE__DESIRED__STOP)
		report_stopped(agent, row);
	else if (row->actual.phase == WORKSPACE_RUNNING)
		report_running(agent, row);
	else if (row->actual.phase == WORKSPACE_REMOVED || (row->actual.phase == WORKSPACE_FAILED && row->lost))
		report_lost(agent, row);
	else if (row->actual.phase == WORKSPACE_FAILED)
		report_failed(agent, row);
	else
		report_stopped(agent, row);
}

/* ---- rows ---- */

static enum plan_step plan(struct agent *agent, struct workspace_row *row)
{
	agent_complete(agent, row);
	return plan_workspace(&row->wanted, &row->actual);
}

static void settle(struct agent *agent, struct workspace_row *row)
{
	if (plan(agent, row) != PLAN_TELL)
		return;
	report_workspace(agent, row);
	row->actual.told_desired = plan_desired(&row->wanted);
	row->actual.told_generation = row->wanted.generation;
	row->actual.told_version = plan_version(&row->wanted);
}

static void set_phase(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	trace(agent->simulation, "%s: workspace %s: %s -> %s, generation %" PRIu32, agent->process.name, row->id,
	      workspace_phase_name(row->actual.phase), workspace_phase_name(phase), row->actual.generation);
	row->actual.phase = phase;
}

static void arrive(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	set_phase(agent, row, phase);
	row->actual.told_desired = (Roost__WantedWorkspace__Desired)0;
}

static void finish(struct agent *agent, struct workspace_row *row, enum workspace_phase phase)
{
	arrive(agent, row, phase);
	settle(agent, row);
	outbox_kick(agent);
}

/* ---- jobs ---- */

static void on_stage(struct simulation *simulation, void *context);

static void next_stage(struct job *job)
{
	struct simulation *simulation = job->agent->simulation;
	int64_t ms = 20 + draw(simulation, job->step == PLAN_PROVISION ? 700 : 150);
	if (job->step == PLAN_PROVISION && happens(simulation, simulation->weather.job_hangs))
		ms += draw(simulation, 2 * PROVISION_TIMEOUT_MS);
	after(simulation, ms, on_stage, job);
}

static void begin_job(struct agent *agent, struct workspace_row *row, enum plan_step step)
{
	struct job *job = arena_new_of(agent->simulation->arena, struct job);
	job->agent = agent;
	job->moment = moment_of(&agent->process);
	job->row = row;
	job->step = step;
	job->generation = row->actual.generation;
	row->job = job;
	work_node_begun(agent);
	next_stage(job);
}

static void end_job(struct job *job)
{
	job->row->job = NULL;
}

/* ---- provision ---- */

static void provision_over(struct job *job, const char *failure)
{
	struct agent *agent = job->agent;
	struct workspace_row *row = job->row;
	struct sandbox *sandbox = machine_sandbox(&agent->machine, row->id, true);
	end_job(job);
	if (job->cancelled) {
		set_phase(agent, row, WORKSPACE_STOPPING);
	} else if (failure != NULL) { /* cleaned up */
		machine_end_sandbox(agent, sandbox);
		sandbox->has_remains = false;
		row->failure = failure;
		finish(agent, row, WORKSPACE_FAILED);
	} else if (!sandbox->running) {
		set_phase(agent, row, WORKSPACE_RUNNING);
		work_workspace_lost(agent, row->id);
	} else {
		finish(agent, row, WORKSPACE_RUNNING);
	}
	work_on_workspace(agent, row->id);
}

static void provision_stage(struct job *job)
{
	static const char *const steps[] = {"disk", "network", "sandbox"};
	struct agent *agent = job->agent;
	struct simulation *simulation = agent->simulation;
	struct sandbox *sandbox = machine_sandbox(&agent->machine, job->row->id, true);
	if (job->cancelled || happens(simulation, simulation->weather.job_fails)) {
		provision_over(job, "it failed");
		return;
	}
	switch (job->stage++) {
	case 0:
		oracle_starts(simulation->oracle, agent, job->row->id, job->generation);
		if (!sandbox->there) {
			sandbox->owner = agent->owner;
			sandbox->made_at = wall_ms(simulation, &agent->process);
			sandbox->really_made_ms = simulation->now_ms;
		}
		sandbox->there = sandbox->has_remains = true;
		sandbox->checkout_made = false;
		sandbox->generation = job->generation;
		break;
	case 1:
		sandbox->running = true;
		sandbox->running_since_ms = simulation->now_ms;
		break;
	default:
		sandbox->checkout_made = true;
		if (!dies(simulation, &agent->process, "checkout made"))
			provision_over(job, NULL);
		return;
	}
	report_step(agent, job->row, steps[job->stage]);
	outbox_kick(agent);
	if (!dies(simulation, &agent->process, steps[job->stage]))
		next_stage(job);
}

static void begin_provision(struct agent *agent, struct workspace_row *row)
{
	if (row->wanted.generation > row->actual.generation)
		row->actual.generation = row->wanted.generation;
	row->lost = false;
	row->failure = NULL;
	set_phase(agent, row, WORKSPACE_PROVISIONING);
	begin_job(agent, row, PLAN_PROVISION);
}

/* ---- stop and remove ---- */

struct retry {
	struct moment moment;
	struct workspace_row *row;
};

static void on_retry(struct simulation *simulation, void *context)
{
	const struct retry *retry = context;
	(void)simulation;
	if (!still(&retry->moment))
		return;
	retry->row->waits = false;
	work_on_workspace(retry->moment.process->owner, retry->row->id);
}

static void stop_failed(struct job *job)
{
	struct agent *agent = job->agent;
	struct workspace_row *row = job->row;
	bool news = row->wanted.known && row->actual.told_version < plan_version(&row->wanted);
	end_job(job);
	set_phase(agent, row, WORKSPACE_STOP_FAILED);
	row->actual.told_version = plan_version(&row->wanted);
	row->failure = "2 processes are left";
	if (news)
		report_stop_failed(agent, row);
	row->waits = true;
	int64_t ms = (int64_t)RETRY_FIRST_MS << (row->tries < 4 ? row->tries++ : 4);
	struct retry *retry = arena_new_of(agent->simulation->arena, struct retry);
	*retry = (struct retry){moment_of(&agent->process), row};
	after(agent->simulation, ms < RETRY_MOST_MS ? ms : RETRY_MOST_MS, on_retry, retry);
	outbox_kick(agent);
	work_on_workspace(agent, row->id);
}

static void stopped(struct job *job)
{
	struct agent *agent = job->agent;
	struct workspace_row *row = job->row;
	end_job(job);
	row->tries = 0;
	arrive(agent, row, row->lost ? WORKSPACE_FAILED : WORKSPACE_STOPPED);
	work_end_sessions(agent, row);
	settle(agent, row);
	outbox_kick(agent);
	work_on_workspace(agent, row->id);
}

static void stop_stage(struct job *job)
{
	struct agent *agent = job->agent;
	struct simulation *simulation = agent->simulation;
	struct sandbox *sandbox = machine_sandbox(&agent->machine, job->row->id, true);
	if (happens(simulation, simulation->weather.job_fails)) {
		stop_failed(job);
		return;
	}
	if (job->stage++ == 0) {
		oracle_stops(simulation->oracle, agent, sandbox);
		machine_end_sandbox(agent, sandbox);
		if (!dies(simulation, &agent->process, "sandbox stopped"))
			next_stage(job);
		return;
	}
	sandbox->has_remains = false;
	stopped(job);
}

static void begin_stop(struct agent *agent, struct workspace_row *row)
{
	if (row->actual.phase == WORKSPACE_FAILED)
		row->lost = false; /* told already; it now becomes stopped */
	set_phase(agent, row, WORKSPACE_STOPPING);
	begin_job(agent, row, PLAN_STOP);
}

static void remove_stage(struct job *job)
{
	struct agent *agent = job->agent;
	struct simulation *simulation = agent->simulation;
	struct workspace_row *row = job->row;
	struct sandbox *sandbox = machine_sandbox(&agent->machine, row->id, true);
	if (happens(simulation, simulation->weather.job_fails)) {
		stop_failed(job);
		return;
	}
	oracle_removes(simulation->oracle, agent, sandbox);
	sandbox->there = sandbox->has_remains = sandbox->checkout_made = false;
	if (dies(simulation, &agent->process, "disk removed"))
		return;
	end_job(job);
	arrive(agent, row, WORKSPACE_REMOVED);
	row->lost = false;
	work_end_sessions(agent, row);
	settle(agent, row);
	work_forget_sessions(agent, row->id);
	outbox_kick(agent);
	work_on_workspace(agent, row->id);
}

static void begin_remove(struct agent *agent, struct workspace_row *row)
{
	set_phase(agent, row, WORKSPACE_REMOVING);
	begin_job(agent, row, PLAN_REMOVE);
}

static void on_stage(struct simulation *simulation, void *context)
{
	struct job *job = context;
	(void)simulation;
	if (!still(&job->moment) || job->row->job != job)
		return;
	if (job->step == PLAN_PROVISION)
		provision_stage(job);
	else if (job->step == PLAN_STOP)
		stop_stage(job);
	else
		remove_stage(job);
}

void work_workspace_lost(struct agent *agent, const char *id)
{
	struct workspace_row *row = agent_workspace(agent, id, false);
	if (row == NULL || row->job != NULL || row->actual.phase != WORKSPACE_RUNNING)
		return;
	row->lost = true;
	row->failure = "its sandbox ended by itself";
	begin_stop(agent, row);
}

/* ---- the door ---- */

static void cancel(struct job *job)
{
	if (job->cancelled)
		return;
	job->cancelled = true;
	after(job->agent->simulation, 10, on_stage, job); /* it need not wait for what hangs */
}

static bool take_step(struct agent *agent, struct workspace_row *row)
{
	switch (plan(agent, row)) {
	case PLAN_PROVISION:
		begin_provision(agent, row);
		return true;
	case PLAN_STOP:
		begin_stop(agent, row);
		return false;
	case PLAN_REMOVE:
		begin_remove(agent, row);
		return false;
	case PLAN_TELL:
		settle(agent, row);
		outbox_kick(agent);
		return true;
	case PLAN_CANCEL:
		cancel(row->job);
		return false;
	default:
		return false;
	}
}

void work_on_workspace(struct agent *agent, const char *id)
{
	if (!agent->adopted || !agent->process.up)
		return;
	struct workspace_row *row = agent_workspace(agent, id, false);
	while (row != NULL && agent->process.up && take_step(agent, row))
		;
	for (size_t i = 0; i < agent->session_count && agent->process.up; i++)
		if (!agent->sessions[i].forgotten && strcmp(agent->sessions[i].workspace_id, id) == 0)
			work_on_session(agent, &agent->sessions[i], row);
	work_on_node(agent);
}

void work_on_all(struct agent *agent)
{
	for (size_t i = 0; i < agent->workspace_count && agent->process.up; i++)
		work_on_workspace(agent, agent->workspaces[i].id);
	work_on_node(agent);
}
