/* Once faults and commands have stopped: has everything come to rest, and is it as it should be? */
#include "controller/domain/apply.h"
#include "tests/simulation/client.h"
#include "tests/simulation/controller.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sweeper.h"

#include <inttypes.h>
#include <string.h>

static const struct agent *agent_of(const struct oracle *oracle, const char *node_id)
{
	const struct simulation *simulation = oracle->simulation;
	for (size_t i = 0; i < simulation->agent_count; i++)
		if (strcmp(simulation->agents[i]->node_id, node_id) == 0)
			return simulation->agents[i];
	return NULL;
}

/* Whether anybody can expect something of the node. */
static bool excused(const struct oracle *oracle, const char *node_id)
{
	const struct agent *agent = agent_of(oracle, node_id);
	return agent == NULL || agent->lies || (agent->process.ended && oracle->simulation->log->restored > 0);
}

static bool is_settled(const struct entity *entity)
{
	switch (entity->kind) {
	case ENTITY_NODE:
		return entity->status == ROOST__NODE__STATUS__RUNNING ||
		       entity->status == ROOST__NODE__STATUS__STOPPED || entity->status == ROOST__NODE__STATUS__ERROR ||
		       entity->status == ROOST__NODE__STATUS__DELETED;
	case ENTITY_WORKSPACE:
		return entity->status == ROOST__WORKSPACE__STATUS__RUNNING ||
		       entity->status == ROOST__WORKSPACE__STATUS__STOPPED ||
		       entity->status == ROOST__WORKSPACE__STATUS__ERROR ||
		       entity->status == ROOST__WORKSPACE__STATUS__DELETED;
	case ENTITY_SESSION:
		return entity->status == ROOST__AGENT_SESSION__STATUS__RUNNING ||
		       entity->status == ROOST__AGENT_SESSION__STATUS__STOPPED ||
		       entity->status == ROOST__AGENT_SESSION__STATUS__ERROR;
	default:
		return true;
	}
}

static const char *unsettled_entity(struct oracle *oracle)
{
	for (int kind = ENTITY_NODE; kind < ENTITY_KINDS; kind++)
		for (const struct entity *one = oracle->store->first[kind]; one != NULL; one = one->next) {
			const char *node_id = kind == ENTITY_NODE ? one->id : one->node_id;
			if (!is_settled(one) && !excused(oracle, node_id))
				return arena_printf(oracle->simulation->scratch, "%s stays in status %d", one->id,
						    one->status);
		}
	return NULL;
}

/* ---- the machines ---- */

static const char *wrong_sandbox(struct oracle *oracle, const struct agent *agent)
{
	for (size_t i = 0; i < agent->machine.sandbox_count; i++) {
		const struct sandbox *sandbox = &agent->machine.sandboxes[i];
		const struct entity *entity = store_find(oracle->store, ENTITY_WORKSPACE, sandbox->id);
		bool exists = entity != NULL && entity->status != ROOST__WORKSPACE__STATUS__DELETED;
		bool runs = exists && entity->status == ROOST__WORKSPACE__STATUS__RUNNING &&
			    entity->generation == sandbox->generation;
		if (entity == NULL && oracle->simulation->log->restored > 0)
			continue; /* the log has forgotten it, and it is kept */
		if (sandbox->there && !exists && strcmp(sandbox->owner, agent->owner) != 0)
			continue; /* somebody else's */
		if (sandbox->there && !exists &&
		    sandbox->made_at > oracle->simulation->now_ms - 2 * SWEEP_UNKNOWN_AGE_MS)
			continue; /* its machine's clock was ahead, so its age is doubted */
		if (sandbox->there && !exists)
			return arena_printf(oracle->simulation->scratch, "workspace %s is left behind on %s",
					    sandbox->id, agent->process.name);
		if (sandbox->running != runs)
			return arena_printf(oracle->simulation->scratch, "workspace %s %s on %s", sandbox->id,
					    sandbox->running ? "still runs" : "does not run", agent->process.name);
		if (sandbox->has_remains && !runs)
			return arena_printf(oracle->simulation->scratch, "something of workspace %s is left on %s",
					    sandbox->id, agent->process.name);
	}
	return NULL;
}

static const char *wrong_host(struct oracle *oracle, const struct agent *agent)
{
	for (size_t i = 0; i < agent->machine.host_count; i++) {
		const struct host *host = &agent->machine.hosts[i];
		const struct entity *entity = store_find(oracle->store, ENTITY_SESSION, host->id);
		bool runs = entity != NULL && entity->status == ROOST__AGENT_SESSION__STATUS__RUNNING;
		if (entity == NULL && oracle->simulation->log->restored > 0)
			continue;
		if (host->alive != runs)
			return arena_printf(oracle->simulation->scratch, "session %s %s on %s", host->id,
					    host->alive ? "still runs" : "does not run", agent->process.name);
	}
	return NULL;
}

/* What the log says runs must be on the machine at all. */
static const char *missing(struct oracle *oracle, const struct agent *agent)
{
	struct machine *machine = (struct machine *)&agent->machine;
	for (const struct entity *one = oracle->store->first[ENTITY_WORKSPACE]; one != NULL; one = one->next)
		if (one->status == ROOST__WORKSPACE__STATUS__RUNNING && strcmp(one->node_id, agent->node_id) == 0 &&
		    machine_sandbox(machine, one->id, false) == NULL)
			return arena_printf(oracle->simulation->scratch, "workspace %s is nowhere", one->id);
	for (const struct entity *one = oracle->store->first[ENTITY_SESSION]; one != NULL; one = one->next)
		if (one->status == ROOST__AGENT_SESSION__STATUS__RUNNING && strcmp(one->node_id, agent->node_id) == 0 &&
		    machine_host(machine, one->id, false) == NULL)
			return arena_printf(oracle->simulation->scratch, "session %s is nowhere", one->id);
	return NULL;
}

static const char *restless_agent(struct oracle *oracle, const struct agent *agent)
{
	const struct entity *node = store_find(oracle->store, ENTITY_NODE, agent->node_id);
	if (agent->lies || node == NULL || excused(oracle, agent->node_id))
		return NULL;
	if (agent->process.ended != (node->status == ROOST__NODE__STATUS__DELETED))
		return arena_printf(oracle->simulation->scratch, "%s %s", agent->process.name,
				    agent->process.ended ? "has ended, and its node has not" : "outlives its node");
	if (agent->reports_made > agent->reports_taken)
		return arena_printf(oracle->simulation->scratch, "%s has %" PRIu64 " reports that nobody takes",
				    agent->process.name, agent->reports_made - agent->reports_taken);
	const char *wrong = wrong_sandbox(oracle, agent);
	if (wrong == NULL)
		wrong = wrong_host(oracle, agent);
	return wrong != NULL ? wrong : missing(oracle, agent);
}

/* ---- health ---- */

static const char *wrong_health(struct oracle *oracle)
{
	struct arena *scratch = oracle->simulation->scratch;
	for (const struct entity *one = oracle->store->first[ENTITY_NODE]; one != NULL; one = one->next) {
		const Roost__NodeState *node = oracle->store->entities.node(oracle->store, one->id, scratch);
		if (one->status == ROOST__NODE__STATUS__RUNNING && !excused(oracle, one->id) &&
		    node->has_announced_health && node->announced_health != ROOST__NODE__HEALTH__HEALTHY)
			return arena_printf(scratch, "node %s beats and is not announced healthy", one->id);
	}
	return NULL;
}

/* Claimed and never made. */
static const char *unmade_node(struct oracle *oracle)
{
	struct arena *scratch = oracle->simulation->scratch;
	for (const struct entity *one = oracle->store->first[ENTITY_OWNER]; one != NULL; one = one->next) {
		const Roost__OwnerState *owner = oracle->store->entities.owner(oracle->store, one->id, scratch);
		for (size_t i = 0; i < owner->n_nodes; i++)
			if (store_find(oracle->store, ENTITY_NODE, owner->nodes[i]->node_id) == NULL)
				return arena_printf(scratch, "node %s was claimed and is not made",
						    owner->nodes[i]->node_id);
	}
	return NULL;
}

const char *oracle_restless(struct oracle *oracle)
{
	struct simulation *simulation = oracle->simulation;
	arena_reset(simulation->scratch);
	const char *what = clients_waiting(simulation->clients);
	if (what == NULL)
		what = unsettled_entity(oracle);
	if (what == NULL)
		what = unmade_node(oracle);
	for (size_t i = 0; what == NULL && i < simulation->agent_count; i++)
		what = restless_agent(oracle, simulation->agents[i]);
	return what != NULL ? what : wrong_health(oracle);
}

/* ---- one truth ---- */

static struct store *replay(struct oracle *oracle)
{
	struct simulation *simulation = oracle->simulation;
	struct store *store = store_new(simulation->arena);
	for (size_t i = 0; i < simulation->log->count; i++) {
		struct apply_outcome outcome;
		arena_reset(simulation->scratch);
		apply_record(&store->entities, i + 1, simulation->log->records[i].record, simulation->scratch,
			     &outcome);
	}
	return store;
}

void oracle_check_all(struct oracle *oracle)
{
	struct simulation *simulation = oracle->simulation;
	const struct store *whole = replay(oracle);
	arena_reset(simulation->scratch);
	for (int i = 0; i < CONTROLLERS + simulation->swept; i++) {
		const struct controller *who = i < CONTROLLERS ? simulation->controllers[i] : simulation->sweeper->eyes;
		const char *what = stores_differ(whole, who->store, simulation->scratch);
		if (what != NULL)
			violated(simulation, "%s has another %s than the log", who->process.name, what);
	}
}
