/* Health as controller/effects/health.c announces it, over the real arithmetic of silence.c: a node is heard
 * by its beats and by its answers, and worse health is announced only by a controller that has itself
 * listened for twice the stale time. */
#include "tests/simulation/health.h"

#include "controller/domain/decision.h"
#include "tests/simulation/log.h"
#include <string.h>

enum { PROBE_MS = 3000 };

struct announcement {
	struct view *view;
	Roost__Node__Health health;
	int64_t silent_since_ms;
	char message[192];
};

static int64_t now_ms(const struct controller *controller)
{
	return monotonic_ms(controller->simulation, &controller->process);
}

static struct silence silence_now(const struct controller *controller, const struct view *view)
{
	return silence_of(&view->signs, controller->listening_ms, now_ms(controller));
}

/* ---- announcing ---- */

static struct decision *decide(struct work *work, const struct decision_inputs *inputs)
{
	const struct announcement *announcement = work->context;
	bool silent = announcement->health != ROOST__NODE__HEALTH__HEALTHY;
	return decide_node_health(inputs, announcement->view->agent->node_id, announcement->health,
				  announcement->silent_since_ms, silent ? announcement->message : NULL);
}

static void announced(struct work *work, enum error_code failure)
{
	(void)failure;
	((struct announcement *)work->context)->view->announcing = false;
}

static void announce(struct controller *controller, struct view *view, Roost__Node__Health health,
		     const struct silence *silence)
{
	struct announcement *announcement = arena_new_of(controller->simulation->arena, struct announcement);
	struct work *work = work_new(controller, view->agent->owner, "beat");
	announcement->view = view;
	announcement->health = health;
	announcement->silent_since_ms = controller_server_ms(controller) - silence->ms;
	silence_describe(silence, STALE_MS, announcement->message, sizeof(announcement->message));
	work->decide = decide;
	work->done = announced;
	work->context = announcement;
	view->announcing = true;
	work_run(work);
}

static const Roost__NodeState *node_of(struct controller *controller, const struct view *view)
{
	arena_reset(controller->simulation->scratch);
	return controller->store->entities.node(controller->store, view->agent->node_id,
						controller->simulation->scratch);
}

static Roost__Node__Health announced_of(const Roost__NodeState *node)
{
	return node->has_announced_health ? node->announced_health : ROOST__NODE__HEALTH__HEALTHY;
}

/* ---- for the better ---- */

static void heard_again(struct controller *controller, struct view *view, const Roost__NodeState *node)
{
	const struct node_signs *signs = &view->signs;
	struct silence silence = silence_now(controller, view);
	bool healthy = signs->beat && signs->answer && !signs->failing &&
		       silence_health(silence.ms, STALE_MS) == ROOST__NODE__HEALTH__HEALTHY;
	if (healthy && announced_of(node) != ROOST__NODE__HEALTH__HEALTHY && !view->announcing)
		announce(controller, view, ROOST__NODE__HEALTH__HEALTHY, &silence);
}

void health_called(struct controller *controller, struct view *view, bool answered)
{
	struct node_signs *signs = &view->signs;
	if (!answered) {
		if (!signs->failing)
			signs->failing_since_ms = now_ms(controller);
		signs->failing = true;
		return;
	}
	signs->answer = true;
	signs->failing = false;
	signs->answer_at_ms = now_ms(controller);
	const Roost__NodeState *node = node_of(controller, view);
	if (node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED)
		heard_again(controller, view, node);
}

void health_beat(struct controller *controller, struct agent *agent, const struct beat *beat, bool ours)
{
	struct view *view = controller->views;
	while (view->agent != agent)
		view++;
	const Roost__NodeState *node = node_of(controller, view);
	if (node == NULL)
		return;
	view->signs.beat = true;
	view->signs.beat_at_ms = now_ms(controller);
	if (node->resource->status != ROOST__NODE__STATUS__DELETED)
		heard_again(controller, view, node);
	if (ours && controller->process.up)
		wanted_heard(controller, view, node_of(controller, view), beat);
}

/* ---- probes ---- */

struct probe {
	struct controller *controller;
	struct moment moment;
	struct view *view;
	bool over;
};

static void on_probed(struct simulation *simulation, void *context)
{
	struct probe *probe = context;
	(void)simulation;
	if (!still(&probe->moment) || probe->over)
		return;
	probe->over = true;
	health_called(probe->controller, probe->view, true);
}

static void on_probe_late(struct simulation *simulation, void *context)
{
	struct probe *probe = context;
	(void)simulation;
	if (!still(&probe->moment) || probe->over)
		return;
	probe->over = true;
	health_called(probe->controller, probe->view, false);
}

static void probe_arrives(struct simulation *simulation, void *context)
{
	struct probe *probe = context;
	if (probe->view->agent->process.up)
		send_message(simulation, on_probed, probe);
}

static void ask(struct controller *controller, struct view *view)
{
	if (now_ms(controller) - view->asked_ms < PROBE_MS)
		return;
	view->asked_ms = now_ms(controller);
	struct probe *probe = arena_new_of(controller->simulation->arena, struct probe);
	*probe = (struct probe){.controller = controller, .moment = moment_of(&controller->process), .view = view};
	send_message(controller->simulation, probe_arrives, probe);
	after(controller->simulation, CALL_TIMEOUT_MS, on_probe_late, probe);
}

/* ---- for the worse ---- */

static void look_at(struct controller *controller, struct view *view, bool listened)
{
	const Roost__NodeState *node = node_of(controller, view);
	if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED)
		return;
	ask(controller, view);
	if (!listened || view->announcing || (!view->signs.beat && node->report_position == NULL))
		return;
	struct silence silence = silence_now(controller, view);
	Roost__Node__Health health = silence_health(silence.ms, STALE_MS);
	if (health > announced_of(node))
		announce(controller, view, health, &silence);
}

void health_look(struct controller *controller)
{
	if (!controller->simulation->bus_up) {
		controller->listening_ms = 0;
		wanted_forget(controller);
		return;
	}
	if (controller->listening_ms == 0)
		controller->listening_ms = now_ms(controller);
	bool listened = now_ms(controller) - controller->listening_ms >= 2 * STALE_MS;
	for (struct view *view = controller->views; view < controller->views + AGENTS_MAX; view++)
		if (view->agent != NULL && controller->process.up)
			look_at(controller, view, listened);
}
