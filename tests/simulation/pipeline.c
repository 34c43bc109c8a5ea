/* From a decision to a fact, as controller/pipeline and bus/log/append do it: a refusal stands only from
 * a projection that was caught up after the request came; an append is sent again with the same bytes
 * until its outcome is known; who lost a race decides again. Killed at any of the named places. */
#include "tests/simulation/controller.h"
#include "tests/simulation/log.h"
#include "tests/simulation/sweeper.h"

#include <inttypes.h>
#include <string.h>

enum { TRY_MS = 1000, AGAIN_AFTER_MS = 50 };

static void decide(struct work *work);

struct work *work_new(struct controller *controller, const char *owner, const char *cause)
{
	struct work *work = arena_new_of(controller->simulation->arena, struct work);
	work->controller = controller;
	work->owner = owner;
	work->actor = "controller";
	work->cause = cause;
	return work;
}

static void finish(struct work *work, enum error_code failure)
{
	if (work->finished)
		return;
	work->finished = true;
	work->done(work, failure);
}

/* It waited for a record that does not come: the log went back. */
static void on_overdue(struct simulation *simulation, void *context)
{
	struct work *work = context;
	(void)simulation;
	if (still(&work->moment))
		finish(work, ERROR_PLATFORM_UNAVAILABLE);
}

static int64_t time_left(const struct work *work)
{
	return work->deadline_ms - monotonic_ms(work->controller->simulation, &work->controller->process);
}

/* ---- what was decided, kept ---- */

static void *keep(const void *message, struct arena *arena)
{
	const ProtobufCMessage *base = message;
	if (base == NULL)
		return NULL;
	size_t size = protobuf_c_message_get_packed_size(base);
	unsigned char *data = arena_alloc(arena, size + 1);
	protobuf_c_message_pack(base, data);
	return protobuf_c_message_unpack(base->descriptor, arena_allocator(arena), size, data);
}

static void keep_decision(struct work *work, const struct decision *decision)
{
	struct arena *arena = work->controller->simulation->arena;
	work->decided = (struct decided){
	    .kind = decision->kind,
	    .again = decision->again,
	    .certain = decision->certain,
	    .expected_last_seq = decision->expected_last_seq,
	    .record = keep(decision->record, arena),
	    .answer.node = keep(decision->answer.node, arena),
	    .answer.workspace = keep(decision->answer.workspace, arena),
	    .answer.session = keep(decision->answer.session, arena),
	    .report_answer = keep(work->report_answer, arena),
	};
	if (decision->kind == DECISION_REFUSE) {
		work->decided.code = decision->refusal.code;
		work->decided.message = arena_strdup(arena, decision->refusal.message);
	}
}

/* ---- after the append ---- */

static void stored_and_projected(struct work *work)
{
	struct controller *controller = work->controller;
	if (dies(controller->simulation, &controller->process,
		 work->decided.again ? "claim acknowledged" : "before answer"))
		return;
	if (!work->decided.again) {
		finish(work, ERROR_NONE);
		return;
	}
	work->tries = 0;
	decide(work);
}

static void projected(struct simulation *simulation, void *context)
{
	struct work *work = context;
	(void)simulation;
	if (!still(&work->moment) || work->finished)
		return;
	if (time_left(work) < 0)
		finish(work, ERROR_PLATFORM_UNAVAILABLE);
	else
		stored_and_projected(work);
}

static void stored(struct work *work, uint64_t seq)
{
	struct controller *controller = work->controller;
	if (dies(controller->simulation, &controller->process, "append acknowledged"))
		return;
	work->seq = seq;
	if (controller->applied_seq == seq - 1)
		controller_apply(controller, seq);
	controller_wait(controller, seq, projected, work);
}

/* ---- the append ---- */

struct append {
	struct work *work;
	const Roost__Record *record;
	uint64_t expected_last_seq, above_seq;
	unsigned restored;  /* of the log that it was decided for */
	unsigned exchanges; /* a timer of an earlier one says nothing */
	bool known;	    /* what became of it */
	struct log_answer answer;
};

/* One answer on its way. */
struct append_answer {
	struct append *append;
	struct log_answer log;
	uint64_t conflict_seq; /* of a look: the subject's last */
	bool ours;
};

static void send_record(struct append *append);
static void look(struct append *append);

static bool over(const struct append *append)
{
	return append->known || append->work->finished || !still(&append->work->moment);
}

static void know(struct append *append, enum error_code failure, uint64_t seq)
{
	struct work *work = append->work;
	append->known = true;
	if (failure == ERROR_NONE && seq > append->above_seq)
		stored(work, seq);
	else
		finish(work, ERROR_PLATFORM_UNAVAILABLE);
}

/* A timer of one exchange. */
struct exchange {
	struct append *append;
	unsigned number;
	void (*again)(struct append *append);
};

static void on_exchange_late(struct simulation *simulation, void *context)
{
	const struct exchange *exchange = context;
	struct append *append = exchange->append;
	(void)simulation;
	if (over(append) || exchange->number != append->exchanges)
		return;
	if (time_left(append->work) < TRY_MS / 5)
		know(append, ERROR_PLATFORM_UNAVAILABLE, 0);
	else
		exchange->again(append);
}

static void expect_answer(struct append *append, int64_t within_ms, void (*again)(struct append *append))
{
	struct simulation *simulation = append->work->controller->simulation;
	struct exchange *exchange = arena_new_of(simulation->arena, struct exchange);
	*exchange = (struct exchange){append, ++append->exchanges, again};
	after(simulation, within_ms, on_exchange_late, exchange);
}

static void lost_race(struct simulation *simulation, void *context)
{
	struct work *work = context;
	(void)simulation;
	if (still(&work->moment))
		decide(work);
}

static void on_looked(struct simulation *simulation, void *context)
{
	const struct append_answer *answer = context;
	struct append *append = answer->append;
	struct work *work = append->work;
	(void)simulation;
	if (over(append))
		return;
	if (answer->ours) {
		know(append, ERROR_NONE, answer->log.seq);
	} else if (answer->conflict_seq == append->expected_last_seq) {
		expect_answer(append, AGAIN_AFTER_MS, send_record); /* who won is not stored yet */
	} else {
		append->known = true;
		trace(simulation, "%s lost a race for %s", work->controller->process.name,
		      append->record->aggregate_id);
		if (++work->tries >= APPEND_TRIES_MAX)
			finish(work, ERROR_CONFLICT);
		else if (answer->conflict_seq < append->expected_last_seq) /* the log went back */
			controller_catch_up(work->controller, lost_race, work);
		else
			controller_wait(work->controller, answer->conflict_seq, lost_race, work);
	}
}

static void look_arrives(struct simulation *simulation, void *context)
{
	struct append *append = context;
	struct append_answer *answer = arena_new_of(simulation->arena, struct append_answer);
	const struct log_record *place = log_next_of(simulation->log, append->record, append->expected_last_seq);
	const struct log_record *last = log_last_of(simulation->log, append->record);
	answer->append = append;
	answer->ours = place != NULL && strcmp(place->record->id, append->record->id) == 0;
	answer->log.seq = place == NULL ? 0 : place->seq;
	answer->conflict_seq = last == NULL ? 0 : last->seq;
	send_message(simulation, on_looked, answer);
}

static void look(struct append *append)
{
	send_message(append->work->controller->simulation, look_arrives, append);
	expect_answer(append, TRY_MS, look);
}

static void on_appended(struct simulation *simulation, void *context)
{
	const struct append_answer *answer = context;
	struct append *append = answer->append;
	struct controller *controller = append->work->controller;
	if (over(append))
		return;
	int64_t now_ms = monotonic_ms(simulation, &controller->process);
	server_clock_learn(&controller->clock, answer->log.server_ms, now_ms, now_ms);
	if (answer->log.outcome == LOG_WRONG_SEQUENCE)
		look(append);
	else
		know(append, ERROR_NONE, answer->log.seq);
}

static void append_arrives(struct simulation *simulation, void *context)
{
	struct append *append = context;
	struct append_answer *answer = arena_new_of(simulation->arena, struct append_answer);
	if (append->restored != simulation->log->restored)
		return; /* see the doubt in README.md */
	answer->append = append;
	answer->log = log_append_record(simulation->log, append->record, append->expected_last_seq);
	send_message(simulation, on_appended, answer);
}

static void send_record(struct append *append)
{
	struct simulation *simulation = append->work->controller->simulation;
	send_message(simulation, append_arrives, append);
	if (dies(simulation, &append->work->controller->process, "append sent"))
		return;
	expect_answer(append, TRY_MS, send_record);
}

static void append(struct work *work)
{
	struct simulation *simulation = work->controller->simulation;
	if (dies(simulation, &work->controller->process, "before append"))
		return;
	struct append *append = arena_new_of(simulation->arena, struct append);
	append->work = work;
	append->record = work->decided.record;
	append->expected_last_seq = work->decided.expected_last_seq;
	append->above_seq = work->controller->applied_seq;
	append->restored = simulation->log->restored;
	if (append->above_seq < append->expected_last_seq)
		append->above_seq = append->expected_last_seq;
	send_record(append);
}

/* ---- the decision ---- */

static void freshened(struct simulation *simulation, void *context)
{
	struct work *work = context;
	(void)simulation;
	if (!still(&work->moment))
		return;
	work->fresh = true;
	decide(work);
}

static struct decision *decide_once(struct work *work)
{
	struct controller *controller = work->controller;
	struct simulation *simulation = controller->simulation;
	arena_reset(simulation->scratch);
	const struct decision_inputs inputs = {
	    .now_ms = controller_server_ms(controller),
	    .record_id = id_new(simulation, wall_ms(simulation, &controller->process)),
	    .new_id = work->new_id,
	    .owner = work->owner,
	    .actor = work->actor,
	    .cause = work->cause,
	    .idempotency_key = work->key,
	    .request_hash = work->hash,
	    .limits = {.max_nodes_per_user = NODES_PER_OWNER_MAX,
		       .max_workspaces_per_node = WORKSPACES_PER_NODE_MAX,
		       .max_sessions_per_workspace = SESSIONS_PER_WORKSPACE_MAX,
		       .provision_timeout_ms = PROVISION_TIMEOUT_MS,
		       .idempotency_ms = IDEMPOTENCY_MS,
		       .sweep_grace_ms = SWEEP_GRACE_MS},
	    .store = &controller->store->entities,
	    .arena = simulation->scratch,
	};
	return work->decide(work, &inputs);
}

static void decide(struct work *work)
{
	struct controller *controller = work->controller;
	if (work->finished)
		return;
	if (time_left(work) < 0) {
		finish(work, ERROR_BUSY);
		return;
	}
	keep_decision(work, decide_once(work));
	const struct decided *decided = &work->decided;
	if (decided->kind == DECISION_REFUSE && decided->code == ERROR_INTERNAL)
		violated(controller->simulation, "%s: %s is refused as internal: %s", controller->process.name,
			 work->cause, decided->message);
	if (decided->kind == DECISION_APPEND)
		append(work);
	else if (work->fresh || decided->certain || decided->kind == DECISION_REPEAT)
		finish(work, ERROR_NONE);
	else
		controller_catch_up(controller, freshened, work);
}

void work_run(struct work *work)
{
	struct controller *controller = work->controller;
	struct simulation *simulation = controller->simulation;
	work->moment = moment_of(&controller->process);
	work->deadline_ms = monotonic_ms(simulation, &controller->process) + COMMAND_TIMEOUT_MS;
	work->new_id = id_new(simulation, controller_server_ms(controller));
	work->fresh = work->finished = false;
	work->tries = 0;
	after(simulation, COMMAND_TIMEOUT_MS + 500, on_overdue, work);
	decide(work);
}
