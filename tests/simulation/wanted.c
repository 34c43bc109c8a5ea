/* Wanted state to agents and beats from them, as controller/effects does it: nothing is remembered of
 * what was sent; the agent's word is what it holds, and the difference is sent in pages. */
#include "tests/simulation/controller.h"
#include "tests/simulation/health.h"
#include "tests/simulation/log.h"

#include <inttypes.h>
#include <string.h>

enum { RESTARTS_MAX = 3 };

/* A record whose effect is waited for by the consumer. */
struct settling {
	struct settling *next;
	uint64_t seq;
	unsigned restored;
};

static void converse(struct controller *controller, struct view *view);

static void settle(struct controller *controller, struct settling **list)
{
	struct log *log = controller->simulation->log;
	for (struct settling *one = *list; one != NULL; one = one->next)
		if (one->restored == log->restored)
			log_effect_done(log, one->seq, false);
	*list = NULL;
}

static void move_all(struct settling **to, struct settling **from)
{
	while (*to != NULL)
		to = &(*to)->next;
	*to = *from;
	*from = NULL;
}

static void end_conversation(struct controller *controller, struct view *view, bool reached)
{
	bool again = reached && view->again;
	if (!reached)
		move_all(&view->now, &view->later);
	view->again = view->under_way = false;
	settle(controller, &view->now);
	if (again)
		converse(controller, view);
}

/* ---- an agent that holds more than there is ---- */

struct suspicion {
	struct controller *controller;
	struct moment moment;
	struct view *view;
	uint64_t log_epoch, held_version;
};

static struct decision *decide_rolled_back(struct work *work, const struct decision_inputs *inputs)
{
	const struct suspicion *suspicion = work->context;
	return decide_log_rolled_back(inputs, suspicion->view->agent->node_id, suspicion->log_epoch,
				      suspicion->held_version);
}

static void rolled_back(struct work *work, enum error_code failure)
{
	(void)failure;
	((struct suspicion *)work->context)->view->suspected = false;
}

/* Most suspicions end here: a node often hears of a record before this controller does. */
static void suspicion_caught_up(struct simulation *simulation, void *context)
{
	struct suspicion *suspicion = context;
	struct controller *controller = suspicion->controller;
	if (!still(&suspicion->moment))
		return;
	arena_reset(simulation->scratch);
	const Roost__NodeState *node =
	    controller->store->entities.node(controller->store, suspicion->view->agent->node_id, simulation->scratch);
	bool is_ahead = node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED &&
			(suspicion->log_epoch > node->log_epoch ||
			 (suspicion->log_epoch == node->log_epoch && suspicion->held_version > node->version));
	if (!is_ahead) {
		suspicion->view->suspected = false;
		return;
	}
	struct work *work = work_new(controller, suspicion->view->agent->owner, "beat");
	work->decide = decide_rolled_back;
	work->done = rolled_back;
	work->context = suspicion;
	work_run(work);
}

static void ahead(struct controller *controller, struct view *view, uint64_t log_epoch, uint64_t held_version)
{
	if (view->suspected)
		return;
	struct suspicion *suspicion = arena_new_of(controller->simulation->arena, struct suspicion);
	*suspicion = (struct suspicion){controller, moment_of(&controller->process), view, log_epoch, held_version};
	view->suspected = true;
	controller_catch_up(controller, suspicion_caught_up, suspicion);
}

/* ---- one page ---- */

struct call {
	struct controller *controller;
	struct moment moment;
	struct view *view;
	const Roost__ApplyRequest *request;
	uint64_t to_version;
	Roost__ApplyResponse answer;
	bool over;
};

static void next_page(struct controller *controller, struct view *view);

static void from_held_version(struct view *view)
{
	view->cursor = (struct store_cursor){.held_version = view->held_version, .version = view->held_version};
}

static void on_held(struct controller *controller, struct view *view, uint64_t from_version)
{
	if (view->held_version < from_version) { /* it stored nothing: it holds less than we thought */
		if (++view->restarts > RESTARTS_MAX) {
			end_conversation(controller, view, false);
			return;
		}
		from_held_version(view);
		next_page(controller, view);
	} else if (view->more) {
		next_page(controller, view);
	} else {
		end_conversation(controller, view, true);
	}
}

static void on_answer(struct simulation *simulation, void *context)
{
	struct call *call = context;
	struct controller *controller = call->controller;
	if (!still(&call->moment) || call->over)
		return;
	call->over = true;
	if (dies(simulation, &controller->process, "apply stored"))
		return;
	struct view *view = call->view;
	health_called(controller, view, true);
	if (!controller->process.up)
		return;
	if (call->answer.log_epoch != view->log_epoch) {
		if (call->answer.log_epoch > view->log_epoch)
			ahead(controller, view, call->answer.log_epoch, call->answer.held_version);
		view->held_known = false;
		end_conversation(controller, view, false);
		return;
	}
	view->tell_epoch = false;
	if (!view->more && call->answer.held_version > call->to_version)
		ahead(controller, view, view->log_epoch, call->answer.held_version);
	view->held_known = true;
	view->held_version = call->answer.held_version;
	on_held(controller, view, call->request->from_version);
}

static void on_call_late(struct simulation *simulation, void *context)
{
	struct call *call = context;
	(void)simulation;
	if (!still(&call->moment) || call->over)
		return;
	call->over = true;
	health_called(call->controller, call->view, false);
	call->view->held_known = false;
	end_conversation(call->controller, call->view, false);
}

static void call_arrives(struct simulation *simulation, void *context)
{
	struct call *call = context;
	if (agent_apply(call->view->agent, call->request, &call->answer))
		send_message(simulation, on_answer, call);
}

static Roost__ApplyRequest *request_of(const struct view *view, const struct store_page *page, struct arena *arena)
{
	Roost__ApplyRequest request = ROOST__APPLY_REQUEST__INIT;
	request.log_id = LOG_ID;
	request.has_log_epoch = request.has_from_version = request.has_to_version = true;
	request.log_epoch = view->log_epoch;
	request.node = page->node;
	request.from_version = view->held_version;
	request.to_version = page->to_version > view->held_version ? page->to_version : view->held_version;
	request.n_workspaces = page->workspace_count;
	request.workspaces = page->workspaces;
	request.n_sessions = page->session_count;
	request.sessions = page->sessions;
	size_t size = protobuf_c_message_get_packed_size(&request.base);
	unsigned char *data = arena_alloc(arena, size + 1);
	protobuf_c_message_pack(&request.base, data);
	return (Roost__ApplyRequest *)protobuf_c_message_unpack(request.base.descriptor, arena_allocator(arena), size,
								data);
}

static void next_page(struct controller *controller, struct view *view)
{
	struct simulation *simulation = controller->simulation;
	struct store_page page;
	arena_reset(simulation->scratch);
	size_t rows_max = draw(simulation, 4) == 0 ? 1 + draw(simulation, 3) : 1000;
	store_wanted(controller->store, view->agent->node_id, &view->cursor, rows_max, simulation->scratch, &page);
	if (page.log_epoch != view->log_epoch) { /* what the agent holds counts no more */
		view->log_epoch = page.log_epoch;
		view->tell_epoch = true;
		view->held_version = 0;
		from_held_version(view);
		next_page(controller, view);
		return;
	}
	if (page.node == NULL && page.workspace_count + page.session_count == 0 && !view->tell_epoch) {
		view->idle_held = view->held_version;
		view->idle_version = page.to_version;
		end_conversation(controller, view, true);
		return;
	}
	view->more = page.more;
	view->cursor = page.next;
	if (dies(simulation, &controller->process, "before apply"))
		return;
	struct call *call = arena_new_of(simulation->arena, struct call);
	call->controller = controller;
	call->moment = moment_of(&controller->process);
	call->view = view;
	call->to_version = page.to_version;
	call->request = request_of(view, &page, simulation->arena);
	send_message(simulation, call_arrives, call);
	after(simulation, CALL_TIMEOUT_MS, on_call_late, call);
}

struct beginning {
	struct controller *controller;
	struct moment moment;
	struct view *view;
};

static void caught_up(struct simulation *simulation, void *context)
{
	const struct beginning *beginning = context;
	(void)simulation;
	if (still(&beginning->moment))
		next_page(beginning->controller, beginning->view);
}

static void converse(struct controller *controller, struct view *view)
{
	view->under_way = true;
	view->again = false;
	view->restarts = 0;
	move_all(&view->now, &view->later);
	if (!view->held_known)
		view->held_version = 0; /* everything; the answer tells */
	from_held_version(view);
	if (view->held_version > 0) {
		next_page(controller, view);
		return;
	}
	/* An agent that has lost its database believes whatever it is told. */
	struct beginning *beginning = arena_new_of(controller->simulation->arena, struct beginning);
	*beginning = (struct beginning){controller, moment_of(&controller->process), view};
	controller_catch_up(controller, caught_up, beginning);
}

/* ---- what begins one ---- */

static struct view *view_of(struct controller *controller, const struct agent *agent)
{
	struct view *view = controller->views;
	while (view->agent != agent)
		view++;
	return view;
}

void wanted_changed(struct controller *controller, struct agent *agent, uint64_t seq)
{
	struct view *view = view_of(controller, agent);
	struct settling *one = arena_new_of(controller->simulation->arena, struct settling);
	*one = (struct settling){.next = view->later, .seq = seq, .restored = controller->simulation->log->restored};
	view->later = one;
	if (view->under_way)
		view->again = true;
	else
		converse(controller, view);
}

/* It holds more than there is, as far as this projection knows. */
static bool holds_more(const Roost__NodeState *node, const struct beat *beat)
{
	if (node->resource->status == ROOST__NODE__STATUS__DELETED)
		return false; /* it is told to go, whatever else it knows */
	return beat->log_epoch > node->log_epoch ||
	       (beat->log_epoch == node->log_epoch && beat->held_version > node->version);
}

void wanted_heard(struct controller *controller, struct view *view, const Roost__NodeState *node,
		  const struct beat *beat)
{
	uint64_t held = beat->follows_log && beat->log_epoch == node->log_epoch ? beat->held_version : 0;
	if (beat->follows_log && holds_more(node, beat)) {
		ahead(controller, view, beat->log_epoch, beat->held_version);
		return;
	}
	if (view->under_way)
		return; /* its answer is newer than this beat */
	view->held_known = true;
	view->log_epoch = node->log_epoch;
	view->held_version = held;
	view->tell_epoch = beat->follows_log && beat->log_epoch < node->log_epoch;
	if (held >= node->version ||
	    (!view->tell_epoch && view->idle_held == held && view->idle_version == node->version))
		return;
	converse(controller, view);
}

void wanted_forget(struct controller *controller)
{
	for (struct view *view = controller->views; view < controller->views + AGENTS_MAX; view++) {
		view->held_known = false;
		view->idle_version = 0;
	}
}
