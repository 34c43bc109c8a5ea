/* The table of the node's next step: what is wanted of it against what is there. */
#include "nodeagent/plan/node_plan.h"

#include "bus/foundation/planted.h"

enum { DESIRED_COUNT = ROOST__WANTED_NODE__DESIRED__REMOVE + 1 };

/* clang-format off */
static const enum node_step steps[DESIRED_COUNT][NODE_STATE_COUNT] = {
	/*                                        at rest      stuck             under way  due */
	[ROOST__WANTED_NODE__DESIRED__RUN]    = {NODE_TELL,   NODE_TELL,        NODE_TELL, NODE_TELL},
	[ROOST__WANTED_NODE__DESIRED__STOP]   = {NODE_SEARCH, NODE_TELL_FAILED, NODE_WAIT, NODE_STOP_ALL},
	[ROOST__WANTED_NODE__DESIRED__REMOVE] = {NODE_SEARCH, NODE_TELL_FAILED, NODE_WAIT, NODE_REMOVE_ALL},
};
/* clang-format on */

enum node_state node_state_of(const struct workspace_wanted *wanted, const struct workspace_actual *actual)
{
	switch (plan_workspace(wanted, actual)) {
	case PLAN_WAIT:
	case PLAN_CANCEL:
		return NODE_UNDER_WAY;
	case PLAN_NOTHING:
		return actual->phase == WORKSPACE_STOP_FAILED ? NODE_STUCK : NODE_AT_REST;
	default:
		return NODE_DUE;
	}
}

static enum node_step after_search(const struct node_wanted *wanted, const struct node_actual *actual)
{
	bool remove = wanted->desired == ROOST__WANTED_NODE__DESIRED__REMOVE;
	if (actual->told_version < wanted->version)
		return NODE_TELL;
	return remove && !actual->reports_waiting ? NODE_END : NODE_NOTHING;
}

static enum node_step before_search(const struct node_wanted *wanted, const struct node_actual *actual)
{
	bool told = actual->told_version >= wanted->version || actual->told_failed >= wanted->version;
	if (actual->vain >= NODE_SEARCHES_VAIN && !told)
		return NODE_TELL_FAILED;
	return actual->search_due ? NODE_SEARCH : NODE_WAIT;
}

enum node_step plan_node(const struct node_wanted *wanted, const struct node_actual *actual)
{
	if (!wanted->desired)
		return NODE_NOTHING;
	if (actual->busy)
		return NODE_WAIT;
	bool told = actual->told_version >= wanted->version;
	if (planted(PLANTED_NODE_STOPPED_UNSEARCHED) && wanted->desired == ROOST__WANTED_NODE__DESIRED__STOP && !told)
		return NODE_TELL;
	enum node_step step = steps[wanted->desired][actual->state];
	switch (step) {
	case NODE_TELL:
		return told ? NODE_NOTHING : NODE_TELL;
	case NODE_TELL_FAILED:
		return told || actual->told_failed >= wanted->version ? NODE_WAIT : NODE_TELL_FAILED;
	case NODE_SEARCH:
		return actual->found_clear ? after_search(wanted, actual) : before_search(wanted, actual);
	default:
		return step;
	}
}

const char *node_step_name(enum node_step step)
{
	static const char *const names[] = {
	    [NODE_NOTHING] = "nothing",
	    [NODE_WAIT] = "wait",
	    [NODE_STOP_ALL] = "stop all",
	    [NODE_REMOVE_ALL] = "remove all",
	    [NODE_SEARCH] = "search",
	    [NODE_TELL] = "tell",
	    [NODE_TELL_FAILED] = "tell what is left",
	    [NODE_END] = "end",
	};
	return names[step];
}
