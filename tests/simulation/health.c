/* Silence is measured by the controller's own monotonic clock from a beat's arrival. Worse health is
 * announced only after it has itself listened for twice the stale time. */
#include "tests/simulation/health.h"

#include "controller/domain/decision.h"
#include <string.h>

struct announcement {
	struct view *view;
	Roost__Node__Health health;
	int64_t silent_since_ms;
};

static int64_t silence_of(const struct controller *controller, const struct view *view)
{
	int64_t now_ms = monotonic_ms(controller->simulation, &controller->process);
	return now_ms - (view->heard ? view->heard_ms : controller->listening_ms);
}

static Roost__Node__Health health_of(int64_t silence_ms)
{
	return silence_ms <= STALE_MS	    ? ROOST__NODE__HEALTH__HEALTHY
	       : silence_ms <= 2 * STALE_MS ? ROOST__NODE__HEALTH__STALE
					    : ROOST__NODE__HEALTH__UNHEALTHY;
}

static struct decision *decide(struct work *work, const struct decision_inputs *inputs)
{
	const struct announcement *announcement = work->context;
	return decide_node_health(inputs, announcement->view->agent->node_id, announcement->health,
				  announcement->silent_since_ms,
				  announcement->health == ROOST__NODE__HEALTH__HEALTHY ? NULL : "it does not beat");
}

static void announced(struct work *work, enum error_code failure)
{
	(void)failure;
	((struct announcement *)work->context)->view->announcing = false;
}

static void announce(struct controller *controller, struct view *view, Roost__Node__Health health, int64_t silence_ms)
{
	struct announcement *announcement = arena_new_of(controller->simulation->arena, struct announcement);
	struct work *work = work_new(controller, view->agent->owner, "beat");
	*announcement = (struct announcement){view, health, controller_server_ms(controller) - silence_ms};
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

void health_beat(struct controller *controller, struct agent *agent, const struct beat *beat)
{
	struct view *view = controller->views;
	while (view->agent != agent)
		view++;
	const Roost__NodeState *node = node_of(controller, view);
	if (node == NULL || node->resource->status == ROOST__NODE__STATUS__DELETED)
		return;
	view->heard = true;
	view->heard_ms = monotonic_ms(controller->simulation, &controller->process);
	bool recovered = announced_of(node) != ROOST__NODE__HEALTH__HEALTHY;
	wanted_heard(controller, view, node, beat->held_version);
	if (recovered && !view->announcing && controller->process.up)
		announce(controller, view, ROOST__NODE__HEALTH__HEALTHY, 0);
}

void health_look(struct controller *controller)
{
	int64_t listened_ms = monotonic_ms(controller->simulation, &controller->process) - controller->listening_ms;
	if (!controller->simulation->bus_up)
		controller->listening_ms += listened_ms; /* from now on, again */
	if (!controller->simulation->bus_up || listened_ms < 2 * STALE_MS)
		return;
	for (struct view *view = controller->views; view < controller->views + AGENTS_MAX; view++) {
		if (view->agent == NULL || view->announcing)
			continue;
		const Roost__NodeState *node = node_of(controller, view);
		if (node == NULL || node->resource->status != ROOST__NODE__STATUS__RUNNING)
			continue;
		int64_t silence_ms = silence_of(controller, view);
		if (health_of(silence_ms) > announced_of(node))
			announce(controller, view, health_of(silence_ms), silence_ms);
	}
}
