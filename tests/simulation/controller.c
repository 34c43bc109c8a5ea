/* A controller's life: its projection follows the log, its timers look for deadlines, silence and claims
 * that nobody completed, the durable consumer brings it records whose effects are wanted. After a kill
 * only the projection is there, and sometimes not even that. */
#include "tests/simulation/controller.h"

#include "controller/domain/apply.h"
#include "tests/simulation/health.h"
#include "tests/simulation/log.h"

#include <inttypes.h>
#include <string.h>

enum { TICK_MS = 700, MAKER_MS = 5000 };

int64_t controller_server_ms(const struct controller *controller)
{
	const struct simulation *simulation = controller->simulation;
	return server_clock_at(&controller->clock, monotonic_ms(simulation, &controller->process),
			       wall_ms(simulation, &controller->process));
}

/* ---- the projection ---- */

static void rebuild(struct controller *controller)
{
	trace(controller->simulation, "%s rebuilds its projection", controller->process.name);
	controller->store = store_new(controller->simulation->arena);
	controller->applied_seq = 0;
	controller->applied = NULL;
}

/* The log's record there is another one, or is gone. */
static void compare_position(struct controller *controller)
{
	const struct log *log = controller->simulation->log;
	uint64_t seq = controller->applied_seq;
	if (seq > 0 && (seq > log->count || log->records[seq - 1].record != controller->applied))
		rebuild(controller);
	controller->known_restored = log->restored;
}

void controller_reconnect(struct controller *controller)
{
	if (controller->process.up && controller->known_restored != controller->simulation->log->restored)
		compare_position(controller);
	if (controller->process.up)
		wanted_forget(controller);
}

static void wake_waiting(struct controller *controller)
{
	struct wait **place = &controller->waits;
	while (*place != NULL) {
		struct wait *wait = *place;
		if (wait->seq > controller->applied_seq) {
			place = &wait->next;
			continue;
		}
		*place = wait->next;
		after(controller->simulation, 0, wait->reached, wait->context);
	}
}

void controller_apply(struct controller *controller, uint64_t seq)
{
	struct simulation *simulation = controller->simulation;
	struct log *log = simulation->log;
	if (simulation->now_ms < controller->stalled_until_ms)
		return;
	if (controller->known_restored != log->restored)
		compare_position(controller);
	while (controller->applied_seq < seq && controller->applied_seq < log->count) {
		const struct log_record *next = &log->records[controller->applied_seq];
		struct apply_outcome outcome;
		arena_reset(simulation->scratch);
		apply_record(&controller->store->entities, next->seq, next->record, simulation->scratch, &outcome);
		controller->applied_seq = next->seq;
		controller->applied = next->record;
	}
	wake_waiting(controller);
}

void controller_wait(struct controller *controller, uint64_t seq, event_function *reached, void *context)
{
	struct wait *wait = arena_new_of(controller->simulation->arena, struct wait);
	*wait = (struct wait){.next = controller->waits, .seq = seq, .reached = reached, .context = context};
	controller->waits = wait;
	wake_waiting(controller);
}

static void on_stall_over(struct simulation *simulation, void *context)
{
	struct controller *controller = context;
	if (controller->process.up)
		controller_apply(controller, simulation->log->count);
}

void controller_stall(struct controller *controller, int64_t ms)
{
	trace(controller->simulation, "the projection of %s stalls", controller->process.name);
	controller->stalled_until_ms = controller->simulation->now_ms + ms;
	after(controller->simulation, ms, on_stall_over, controller);
}

struct feeding {
	struct controller *controller;
	uint64_t seq;
};

static void feed_arrives(struct simulation *simulation, void *context)
{
	const struct feeding *feeding = context;
	(void)simulation;
	if (feeding->controller->process.up)
		controller_apply(feeding->controller, feeding->seq);
}

void controller_notify(struct controller *controller)
{
	struct simulation *simulation = controller->simulation;
	if (!controller->process.up)
		return;
	struct feeding *feeding = arena_new_of(simulation->arena, struct feeding);
	*feeding = (struct feeding){controller, simulation->log->count};
	send_message(simulation, feed_arrives, feeding);
}

/* ---- asking how new the log is ---- */

struct question {
	struct controller *controller;
	struct moment moment;
	event_function *reached;
	void *context;
	bool answered;
	unsigned tries;
};

struct asking {
	struct question *question;
	int64_t sent_ms; /* monotonic */
	uint64_t last_seq;
	int64_t server_ms;
};

static void ask(struct simulation *simulation, void *context);

static void on_last(struct simulation *simulation, void *context)
{
	const struct asking *asking = context;
	struct question *question = asking->question;
	struct controller *controller = question->controller;
	if (!still(&question->moment) || question->answered)
		return;
	question->answered = true;
	server_clock_learn(&controller->clock, asking->server_ms, asking->sent_ms,
			   monotonic_ms(simulation, &controller->process));
	controller_apply(controller, asking->last_seq);
	if (question->reached != NULL)
		controller_wait(controller, asking->last_seq, question->reached, question->context);
}

static void question_arrives(struct simulation *simulation, void *context)
{
	struct asking *answer = arena_copy(simulation->arena, context, sizeof(*answer));
	if (answer->question->answered)
		return;
	answer->last_seq = simulation->log->count;
	answer->server_ms = simulation->now_ms;
	send_message(simulation, on_last, answer);
}

static void ask(struct simulation *simulation, void *context)
{
	struct question *question = context;
	if (!still(&question->moment) || question->answered || (question->tries++ > 0 && question->reached == NULL))
		return;
	struct asking *asking = arena_new_of(simulation->arena, struct asking);
	asking->question = question;
	asking->sent_ms = monotonic_ms(simulation, &question->controller->process);
	send_message(simulation, question_arrives, asking);
	after(simulation, 300, ask, question);
}

void controller_catch_up(struct controller *controller, event_function *reached, void *context)
{
	struct question *question = arena_new_of(controller->simulation->arena, struct question);
	question->controller = controller;
	question->moment = moment_of(&controller->process);
	question->reached = reached;
	question->context = context;
	ask(controller->simulation, question);
}

/* ---- deadlines ---- */

struct deadline {
	const char *workspace_id;
	uint32_t generation;
};

static struct decision *decide_deadline(struct work *work, const struct decision_inputs *inputs)
{
	const struct deadline *deadline = work->context;
	return decide_provision_deadline(inputs, deadline->workspace_id, deadline->generation);
}

static void deadline_done(struct work *work, enum error_code failure)
{
	(void)failure;
	work->controller->firing = false;
}

static void look_at_deadlines(struct controller *controller)
{
	struct simulation *simulation = controller->simulation;
	const struct entity *next = store_next_deadline(controller->store);
	if (controller->firing || next == NULL || next->deadline_ms > controller_server_ms(controller) ||
	    !server_clock_fresh_at(&controller->clock, monotonic_ms(simulation, &controller->process)))
		return;
	struct deadline *deadline = arena_new_of(simulation->arena, struct deadline);
	*deadline = (struct deadline){arena_strdup(simulation->arena, next->id), next->generation};
	arena_reset(simulation->scratch);
	const Roost__WorkspaceState *workspace =
	    controller->store->entities.workspace(controller->store, next->id, simulation->scratch);
	struct work *work = work_new(controller, arena_strdup(simulation->arena, workspace->owner), "deadline");
	work->decide = decide_deadline;
	work->done = deadline_done;
	work->context = deadline;
	controller->firing = true;
	trace(simulation, "%s: workspace %s has not become ready in time", controller->process.name, next->id);
	work_run(work);
}

/* ---- claims ---- */

static struct decision *decide_claim(struct work *work, const struct decision_inputs *inputs)
{
	return decide_complete_node_claim(inputs, work->context);
}

static void nothing_more(struct work *work, enum error_code failure)
{
	(void)work;
	(void)failure;
}

static void complete_claim(struct controller *controller, const char *owner, const char *node_id)
{
	struct arena *arena = controller->simulation->arena;
	struct work *work = work_new(controller, arena_strdup(arena, owner), "claim");
	const struct keyed_entity *key = store_key_of(controller->store, owner, node_id);
	work->decide = decide_claim;
	work->done = nothing_more;
	work->context = arena_strdup(arena, node_id);
	if (key != NULL) {
		work->key = arena_strdup(arena, key->key);
		work->hash = arena_copy(arena, key->keyed.request_hash, 32);
	}
	work_run(work);
}

/* Older than MAKER_MS by the time that its id tells. */
static bool is_overdue(struct controller *controller, const char *node_id)
{
	const char *before = id_new(controller->simulation, controller_server_ms(controller) - MAKER_MS);
	return strncmp(node_id, before, 10) < 0;
}

/* True when one of the owners' claims has no node yet; completes those that have had their time. */
static bool look_at_claims(struct controller *controller)
{
	struct arena *arena = arena_new();
	bool unmade = false;
	for (const struct entity *one = controller->store->first[ENTITY_OWNER]; one != NULL; one = one->next) {
		const Roost__OwnerState *owner = controller->store->entities.owner(controller->store, one->id, arena);
		for (size_t i = 0; i < owner->n_nodes; i++) {
			const char *node_id = owner->nodes[i]->node_id;
			if (store_find(controller->store, ENTITY_NODE, node_id) != NULL)
				continue;
			unmade = true;
			if (is_overdue(controller, node_id))
				complete_claim(controller, owner->owner, node_id);
		}
	}
	arena_free(arena);
	return unmade;
}

/* ---- rosters let go of what is deleted ---- */

static struct decision *decide_release(struct work *work, const struct decision_inputs *inputs)
{
	return decide_release_node(inputs, work->context);
}

static void release(struct controller *controller, const char *owner, const char *node_id)
{
	struct arena *arena = controller->simulation->arena;
	struct work *work = work_new(controller, arena_strdup(arena, owner), "release");
	work->decide = decide_release;
	work->done = nothing_more;
	work->context = arena_strdup(arena, node_id);
	work_run(work);
}

/* True when some deleted node is still in its owner's roster. */
static bool look_at_releases(struct controller *controller)
{
	struct arena *arena = arena_new();
	bool unreleased = false;
	for (const struct entity *one = controller->store->first[ENTITY_OWNER]; one != NULL; one = one->next) {
		const Roost__OwnerState *owner = controller->store->entities.owner(controller->store, one->id, arena);
		for (size_t i = 0; i < owner->n_nodes; i++) {
			const struct entity *node =
			    store_find(controller->store, ENTITY_NODE, owner->nodes[i]->node_id);
			if (node == NULL || node->status != ROOST__NODE__STATUS__DELETED)
				continue;
			unreleased = true;
			release(controller, owner->owner, node->id);
		}
	}
	arena_free(arena);
	return unreleased;
}

/* ---- effects ---- */

struct fed {
	struct controller *controller;
	struct moment moment;
	uint64_t seq;
	unsigned deliveries, restored;
};

static struct agent *agent_of(struct simulation *simulation, const char *node_id)
{
	for (size_t i = 0; i < simulation->agent_count; i++)
		if (strcmp(simulation->agents[i]->node_id, node_id) == 0)
			return simulation->agents[i];
	return NULL;
}

static void take_fed(struct simulation *simulation, void *context)
{
	const struct fed *fed = context;
	struct controller *controller = fed->controller;
	if (!still(&fed->moment) || fed->restored != simulation->log->restored)
		return;
	const Roost__Record *record = simulation->log->records[fed->seq - 1].record;
	struct agent *agent = agent_of(simulation, record->aggregate_id);
	if (look_at_releases(controller))
		log_effect_done(simulation->log, fed->seq, true);
	else if (record->kind == ROOST__RECORD__KIND__NODE && agent != NULL)
		wanted_changed(controller, agent, fed->seq);
	else
		log_effect_done(simulation->log, fed->seq,
				record->kind == ROOST__RECORD__KIND__OWNER && look_at_claims(controller));
}

void controller_fed(struct controller *controller, uint64_t seq, unsigned deliveries)
{
	struct simulation *simulation = controller->simulation;
	if (!controller->process.up || !controller->serving)
		return;
	struct fed *fed = arena_new_of(simulation->arena, struct fed);
	*fed = (struct fed){controller, moment_of(&controller->process), seq, deliveries, simulation->log->restored};
	controller_wait(controller, seq, take_fed, fed);
}

/* ---- its life ---- */

static void tick(struct simulation *simulation, void *context)
{
	struct moment *moment = context;
	if (!still(moment))
		return;
	struct controller *controller = moment->process->owner;
	if (dies(simulation, &controller->process, "at rest"))
		return;
	controller_catch_up(controller, NULL, NULL);
	look_at_deadlines(controller);
	health_look(controller);
	after(simulation, TICK_MS + draw(simulation, 100), tick, moment);
}

static void ready(struct simulation *simulation, void *context)
{
	const struct moment *moment = context;
	struct controller *controller = moment->process->owner;
	if (!still(moment))
		return;
	controller->serving = true;
	controller->listening_ms = monotonic_ms(simulation, &controller->process);
	look_at_claims(controller);
	look_at_releases(controller);
	tick(simulation, context);
}

static void start(struct simulation *simulation, void *owner)
{
	struct controller *controller = owner;
	controller->clock = (struct server_clock){0};
	controller->waits = NULL;
	controller->stalled_until_ms = 0;
	controller->firing = controller->serving = false;
	memset(controller->views, 0, sizeof(controller->views));
	for (size_t i = 0; i < AGENTS_MAX; i++)
		controller->views[i].agent = simulation->agents[i];
	compare_position(controller);
	if (happens(simulation, simulation->weather.store_lost))
		rebuild(controller);
	struct moment *moment = arena_new_of(simulation->arena, struct moment);
	*moment = moment_of(&controller->process);
	controller_catch_up(controller, controller->ready, moment);
}

struct controller *controller_new(struct simulation *simulation, const char *name)
{
	struct controller *controller = arena_new_of(simulation->arena, struct controller);
	controller->simulation = simulation;
	controller->process = (struct process){.name = name, .start = start, .owner = controller};
	controller->store = store_new(simulation->arena);
	controller->ready = ready;
	return controller;
}
