/* Capabilities: the runtime's facts and the machine's figures in one message. It is kept packed in the
 * store, so a change is a difference of bytes. */
#include "nodeagent/control/capabilities.h"

#include "bus/foundation/log.h"
#include "nodeagent/control/health.h"
#include "nodeagent/control/machine.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/report.h"
#include "nodeagent/control/work.h"

#include <stdio.h>
#include <string.h>

/* What a try of the runtime gave. */
struct runtime_trial {
	bool usable;
	struct runtime_facts facts;
	struct error error; /* why it is not */
};

static void fill_facts(Roost__Capabilities *message, const struct runtime_facts *facts)
{
	message->runtime = facts->driver;
	message->runtime_binary = facts->binary;
	message->has_user_namespace = message->has_disk_limit = message->has_network_isolation = true;
	message->user_namespace = facts->user_namespace;
	message->disk_limit = facts->disk_limit;
	message->network_isolation = facts->network_isolation;
	message->has_cgroup_version = true;
	message->cgroup_version = facts->cgroup_version;
}

static void fill_machine(Roost__Capabilities *message, const struct agent *agent, struct arena *arena)
{
	message->agents = machine_agents(arena, &message->n_agents);
	message->has_cpus = message->has_memory_bytes = message->has_disk_bytes = true;
	message->cpus = machine_cpus();
	message->memory_bytes = machine_memory_size();
	message->disk_bytes = machine_disk_size(agent->settings.folder);
}

/* A node that is told to run, or was told nothing yet, says that it runs; later only what has changed. */
static void report_ability(struct agent *agent, const Roost__Capabilities *message, struct arena *arena)
{
	struct node_row row = *store_node(agent->store);
	bool asked = row.wanted.desired == ROOST__WANTED_NODE__DESIRED__RUN;
	if (row.wanted.desired && (!asked || row.told_version >= row.wanted.version)) {
		report_capabilities(agent->store, message);
		return;
	}
	report_node(agent->store, message, machine_address(arena));
	row.told_version = row.wanted.version;
	store_put_node(agent->store, &row);
}

static void report_if_changed(struct agent *agent, const Roost__Capabilities *message, struct arena *arena)
{
	struct bytes packed = message_pack(&message->base, arena);
	struct bytes known = store_capabilities(agent->store, arena);
	if (known.size == packed.size && memcmp(known.data, packed.data, packed.size) == 0)
		return;
	store_begin(agent->store);
	store_set_capabilities(agent->store, packed);
	report_ability(agent, message, arena);
	store_commit(agent->store);
	outbox_kick(agent->outbox);
}

/* Tried again and again while it is broken; said once. */
static void note_trouble(struct agent *agent, const char *trouble)
{
	if (strcmp(agent->runtime_error, trouble) == 0)
		return;
	snprintf(agent->runtime_error, sizeof(agent->runtime_error), "%s", trouble);
	if (trouble[0])
		log_error("no workspace can be made on this node: %s", trouble);
}

static void take_trial(struct agent *agent, const struct runtime_trial *trial)
{
	struct arena *arena = arena_new();
	Roost__Capabilities message = ROOST__CAPABILITIES__INIT;
	note_trouble(agent, trial->usable ? "" : trial->error.message);
	if (trial->usable) {
		fill_facts(&message, &trial->facts);
		log_info("workspaces are made by %s (%s)", trial->facts.driver, trial->facts.binary);
	} else {
		message.runtime_error = agent->runtime_error;
	}
	fill_machine(&message, agent, arena);
	report_if_changed(agent, &message, arena);
	arena_free(arena);
	health_take(agent, trial->usable ? HEALTH_TRIAL_GOOD : HEALTH_TRIAL_FAILED, "", agent->runtime_error);
}

struct trial_job {
	struct job job; /* first */
	struct agent *agent;
	struct runtime *runtime;
	struct runtime_trial trial;
};

static void trial_work(struct job *base)
{
	struct trial_job *job = (struct trial_job *)base;
	job->trial.usable = runtime_probe(job->runtime, base->arena, &job->trial.facts, &job->trial.error);
}

static void trial_done(struct job *base)
{
	struct trial_job *job = (struct trial_job *)base;
	struct agent *agent = job->agent;
	bool first = !agent->tried;
	agent->trying = false;
	agent->tried = true;
	if (agent->ending)
		return;
	take_trial(agent, &job->trial);
	if (first)
		work_on_all(agent);
}

/* One of a kind at a time, which `busy` says. */
static void on_worker(struct agent *agent, bool *busy, void (*work)(struct job *job), void (*done)(struct job *job))
{
	if (!agent->adopted || *busy || agent->ending || !agent->runtime)
		return;
	*busy = true;
	struct arena *arena = arena_new();
	struct trial_job *job = arena_new_of(arena, struct trial_job);
	job->job.arena = arena;
	job->job.work = work;
	job->job.done = done;
	job->agent = agent;
	job->runtime = agent->runtime;
	jobs_submit(agent->jobs, &job->job);
}

void capabilities_refresh(struct agent *agent)
{
	on_worker(agent, &agent->trying, trial_work, trial_done);
}

static void tend_work(struct job *base)
{
	struct trial_job *job = (struct trial_job *)base;
	job->trial.usable = runtime_tend(job->runtime, &job->trial.error);
}

static void tend_done(struct job *base)
{
	struct trial_job *job = (struct trial_job *)base;
	job->agent->tending = false;
	if (!job->trial.usable)
		log_error("the workspaces' firewall cannot be made again: %s", job->trial.error.message);
}

void capabilities_tend(struct agent *agent)
{
	on_worker(agent, &agent->tending, tend_work, tend_done);
}
