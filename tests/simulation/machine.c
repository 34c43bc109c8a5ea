/* What is really on a node: sandboxes and session hosts outlive the agent. Things end by themselves, and
 * now and then the whole machine is started anew. */
#include "tests/simulation/agent.h"
#include "tests/simulation/oracle.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_SHOW_THEMSELVES_MS = 5000 };

struct sandbox *machine_sandbox(struct machine *machine, const char *id, bool make)
{
	for (size_t i = 0; i < machine->sandbox_count; i++)
		if (strcmp(machine->sandboxes[i].id, id) == 0)
			return &machine->sandboxes[i];
	if (!make || machine->sandbox_count == ROWS_MAX)
		return NULL;
	struct sandbox *sandbox = &machine->sandboxes[machine->sandbox_count++];
	snprintf(sandbox->id, sizeof(sandbox->id), "%s", id);
	return sandbox;
}

struct host *machine_host(struct machine *machine, const char *id, bool make)
{
	for (size_t i = 0; i < machine->host_count; i++)
		if (strcmp(machine->hosts[i].id, id) == 0)
			return &machine->hosts[i];
	if (!make || machine->host_count == ROWS_MAX)
		return NULL;
	struct host *host = &machine->hosts[machine->host_count++];
	snprintf(host->id, sizeof(host->id), "%s", id);
	return host;
}

/* ---- what the machine says to its agent ---- */

struct word {
	struct moment moment;
	char id[ID_SIZE];
};

static void say(struct agent *agent, const char *id, event_function *hear, int64_t delay_ms)
{
	struct word *word = arena_new_of(agent->simulation->arena, struct word);
	word->moment = moment_of(&agent->process);
	snprintf(word->id, sizeof(word->id), "%s", id);
	after(agent->simulation, delay_ms, hear, word);
}

static void hear_lost(struct simulation *simulation, void *context)
{
	const struct word *word = context;
	(void)simulation;
	if (still(&word->moment))
		work_workspace_lost(word->moment.process->owner, word->id);
}

static void hear_ended(struct simulation *simulation, void *context)
{
	const struct word *word = context;
	(void)simulation;
	if (still(&word->moment))
		work_host_ended(word->moment.process->owner, word->id);
}

static void hear_running(struct simulation *simulation, void *context)
{
	const struct word *word = context;
	(void)simulation;
	if (still(&word->moment))
		work_host_running(word->moment.process->owner, word->id);
}

void machine_end_host(struct agent *agent, struct host *host)
{
	if (!host->alive)
		return;
	host->alive = false;
	say(agent, host->id, hear_ended, 5 + draw(agent->simulation, 50));
}

void machine_end_sandbox(struct agent *agent, struct sandbox *sandbox)
{
	sandbox->running = false;
	for (size_t i = 0; i < agent->machine.host_count; i++)
		if (strcmp(agent->machine.hosts[i].workspace_id, sandbox->id) == 0)
			machine_end_host(agent, &agent->machine.hosts[i]);
}

bool machine_spawn(struct agent *agent, const char *session_id, const char *workspace_id)
{
	struct host *host = machine_host(&agent->machine, session_id, true);
	if (host->there)
		return false;
	snprintf(host->workspace_id, sizeof(host->workspace_id), "%s", workspace_id);
	oracle_spawns(agent->simulation->oracle, agent, host);
	host->there = host->alive = true;
	host->spawned++;
	say(agent, session_id, hear_running, 5 + draw(agent->simulation, 100));
	return true;
}

/* What earlier installations left: some of it ours by its label, some another owner's, some quite young. */
void machine_leave_things(struct agent *agent)
{
	struct simulation *simulation = agent->simulation;
	for (unsigned count = draw(simulation, 4); count > 0; count--) {
		int64_t age_ms = draw(simulation, 2) == 0 ? 0 : (int64_t)draw(simulation, 3600 * 1000);
		struct sandbox *sandbox =
		    machine_sandbox(&agent->machine, id_new(simulation, simulation->now_ms - age_ms), true);
		sandbox->there = true;
		sandbox->generation = 1 + draw(simulation, 3);
		sandbox->owner = draw(simulation, 2) == 0 ? agent->owner : "somebody";
		sandbox->really_made_ms = simulation->now_ms - age_ms;
		sandbox->made_at = wall_ms(simulation, &agent->process) - age_ms;
	}
}

/* ---- mishaps ---- */

static void reboot(struct agent *agent)
{
	struct machine *machine = &agent->machine;
	trace(agent->simulation, "the machine of %s is started anew", agent->process.name);
	process_kill(agent->simulation, &agent->process);
	machine->boots++;
	for (size_t i = 0; i < machine->sandbox_count; i++)
		machine->sandboxes[i].running = false;
	for (size_t i = 0; i < machine->host_count; i++)
		machine->hosts[i].alive = false;
}

void machine_mishaps(struct agent *agent)
{
	struct simulation *simulation = agent->simulation;
	struct machine *machine = &agent->machine;
	if (happens(simulation, simulation->weather.reboots)) {
		reboot(agent);
		return;
	}
	for (size_t i = 0; i < machine->sandbox_count; i++) {
		struct sandbox *sandbox = &machine->sandboxes[i];
		if (!sandbox->running || !happens(simulation, simulation->weather.sandbox_dies))
			continue;
		trace(simulation, "the sandbox of %s ends by itself", sandbox->id);
		machine_end_sandbox(agent, sandbox);
		say(agent, sandbox->id, hear_lost, 5);
	}
	for (size_t i = 0; i < machine->host_count; i++)
		if (machine->hosts[i].alive && happens(simulation, simulation->weather.session_exits))
			machine_end_host(agent, &machine->hosts[i]);
}

/* ---- taking up what is there, as nodeagent/control/adopt.c does ---- */

static void take_over(const struct sandbox *found, struct workspace_row *row)
{
	row->actual.generation = found->generation;
	if (found->running && found->checkout_made) {
		row->actual.phase = WORKSPACE_RUNNING;
	} else if (found->running || found->has_remains) {
		row->actual.phase = WORKSPACE_PROVISIONING;
	} else {
		row->actual.phase = WORKSPACE_FAILED;
		row->lost = true;
		row->failure = "found stopped";
	}
}

static void correct(const struct sandbox *found, struct workspace_row *row)
{
	enum workspace_phase phase = row->actual.phase;
	bool at_rest = phase == WORKSPACE_STOPPED || phase == WORKSPACE_FAILED || phase == WORKSPACE_REMOVED;
	bool running = found != NULL && found->running;
	if (running && at_rest) {
		row->actual.phase = found->checkout_made ? WORKSPACE_RUNNING : WORKSPACE_PROVISIONING;
		row->actual.generation = found->generation;
		row->actual.told_desired = (Roost__WantedWorkspace__Desired)0;
	} else if (!running && phase == WORKSPACE_RUNNING) {
		row->actual.phase = WORKSPACE_STOPPING;
		row->lost = true;
		row->failure = "its sandbox is gone";
	}
}

static void on_hosts_late(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	(void)simulation;
	if (still(moment))
		work_on_all(moment->process->owner);
}

/* Hosts say whether they run or how they ended. */
static void find_hosts(struct agent *agent)
{
	struct machine *machine = &agent->machine;
	for (size_t i = 0; i < machine->host_count; i++)
		if (machine->hosts[i].there)
			say(agent, machine->hosts[i].id, machine->hosts[i].alive ? hear_running : hear_ended,
			    10 + draw(agent->simulation, happens(agent->simulation, 100) ? 10000 : 1000));
	for (size_t i = 0; i < agent->session_count; i++) {
		struct session_row *row = &agent->sessions[i];
		const struct host *host = machine_host(machine, row->id, false);
		if (row->actual.phase == SESSION_RUNNING && (host == NULL || !host->there))
			row->actual.phase = SESSION_STOPPING;
	}
}

void adopt(struct agent *agent)
{
	struct simulation *simulation = agent->simulation;
	struct machine *machine = &agent->machine;
	for (size_t i = 0; i < machine->sandbox_count; i++) {
		const struct sandbox *found = &machine->sandboxes[i];
		if (!found->there)
			continue;
		struct workspace_row *row = agent_workspace(agent, found->id, true);
		if (row->actual.phase == WORKSPACE_ABSENT)
			take_over(found, row);
		else
			correct(found, row);
	}
	for (size_t i = 0; i < agent->workspace_count; i++) {
		const struct sandbox *found = machine_sandbox(machine, agent->workspaces[i].id, false);
		if (found == NULL || !found->there)
			correct(NULL, &agent->workspaces[i]);
	}
	find_hosts(agent);
	agent->hosts_shown_ms = simulation->now_ms + HOSTS_SHOW_THEMSELVES_MS;
	struct moment *moment = arena_new_of(simulation->arena, struct moment);
	*moment = moment_of(&agent->process);
	after(simulation, HOSTS_SHOW_THEMSELVES_MS, on_hosts_late, moment);
	agent->adopted = true;
	agent_tell_all(agent);
}

bool machine_awaits_host(const struct agent *agent, const struct session_row *row)
{
	const struct host *host = machine_host((struct machine *)&agent->machine, row->id, false);
	return agent->simulation->now_ms < agent->hosts_shown_ms && !row->heard && host != NULL && host->there;
}
