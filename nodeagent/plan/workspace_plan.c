/* The table of a workspace's next step. The happy path reads down the rows of RUN: absent and
 * stopped are provisioned, running is told. What can go wrong is in the columns: a wanted generation
 * older than the one that was begun (a log that went back) never undoes anything by itself. */
#include "nodeagent/plan/plan.h"

#include "bus/foundation/planted.h"

/* How the wanted generation stands to the one that was last begun. */
enum relation { OLDER, SAME, NEWER, RELATION_COUNT };

enum { DESIRED_COUNT = ROOST__WANTED_WORKSPACE__DESIRED__REMOVE + 1 };

/* clang-format off */
static const enum plan_step idle_steps[DESIRED_COUNT][WORKSPACE_PHASE_COUNT][RELATION_COUNT] = {
	[ROOST__WANTED_WORKSPACE__DESIRED__RUN] = {
		/*                          older           same            newer */
		[WORKSPACE_ABSENT]       = {PLAN_PROVISION, PLAN_PROVISION, PLAN_PROVISION},
		[WORKSPACE_PROVISIONING] = {PLAN_PROVISION, PLAN_PROVISION, PLAN_STOP},
		[WORKSPACE_RUNNING]      = {PLAN_TELL,      PLAN_TELL,      PLAN_STOP},
		[WORKSPACE_STOPPING]     = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_STOPPED]      = {PLAN_TELL,      PLAN_PROVISION, PLAN_PROVISION},
		[WORKSPACE_FAILED]       = {PLAN_TELL,      PLAN_TELL,      PLAN_PROVISION},
		[WORKSPACE_STOP_FAILED]  = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_REMOVING]     = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_REMOVED]      = {PLAN_TELL,      PLAN_TELL,      PLAN_PROVISION},
	},
	[ROOST__WANTED_WORKSPACE__DESIRED__STOP] = {
		[WORKSPACE_ABSENT]       = {PLAN_TELL,      PLAN_TELL,      PLAN_TELL},
		[WORKSPACE_PROVISIONING] = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_RUNNING]      = {PLAN_TELL,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_STOPPING]     = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_STOPPED]      = {PLAN_TELL,      PLAN_TELL,      PLAN_TELL},
		[WORKSPACE_FAILED]       = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP}, /* the clean-up may have failed too */
		[WORKSPACE_STOP_FAILED]  = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_REMOVING]     = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_REMOVED]      = {PLAN_TELL,      PLAN_TELL,      PLAN_TELL},
	},
	[ROOST__WANTED_WORKSPACE__DESIRED__REMOVE] = {
		[WORKSPACE_ABSENT]       = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_PROVISIONING] = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_RUNNING]      = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_STOPPING]     = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_STOPPED]      = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_FAILED]       = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_STOP_FAILED]  = {PLAN_STOP,      PLAN_STOP,      PLAN_STOP},
		[WORKSPACE_REMOVING]     = {PLAN_REMOVE,    PLAN_REMOVE,    PLAN_REMOVE},
		[WORKSPACE_REMOVED]      = {PLAN_TELL,      PLAN_TELL,      PLAN_TELL},
	},
};
/* clang-format on */

Roost__WantedWorkspace__Desired plan_desired(const struct workspace_wanted *wanted)
{
	/* The two enums count the same way: run, stop, remove. */
	Roost__WantedWorkspace__Desired node = (Roost__WantedWorkspace__Desired)wanted->node;
	return node > wanted->desired || !wanted->known ? node : wanted->desired;
}

uint64_t plan_version(const struct workspace_wanted *wanted)
{
	bool asked = wanted->node > ROOST__WANTED_NODE__DESIRED__RUN;
	return asked && wanted->node_version > wanted->version ? wanted->node_version : wanted->version;
}

static bool leaves_nothing_running(const struct workspace_wanted *wanted)
{
	return wanted->node > ROOST__WANTED_NODE__DESIRED__RUN;
}

/* What is wanted of the whole node does not ask for generations. */
static enum relation relate(const struct workspace_wanted *wanted, uint32_t begun)
{
	if (wanted->generation == begun || leaves_nothing_running(wanted))
		return SAME;
	return wanted->generation < begun ? OLDER : NEWER;
}

/* While a worker is at it: only making something can be called off. */
static enum plan_step plan_busy(const struct workspace_wanted *wanted, const struct workspace_actual *actual)
{
	bool making = actual->phase == WORKSPACE_PROVISIONING;
	bool may_run = !leaves_nothing_running(wanted);
	bool still_wanted = may_run && (!wanted->known || (wanted->desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN &&
							   wanted->generation <= actual->generation));
	return making && !still_wanted ? PLAN_CANCEL : PLAN_WAIT;
}

static enum plan_step plan_unknown(const struct workspace_actual *actual)
{
	switch (actual->phase) {
	case WORKSPACE_PROVISIONING:
	case WORKSPACE_STOPPING:
		return PLAN_STOP;
	case WORKSPACE_REMOVING:
		return PLAN_REMOVE;
	default:
		return PLAN_NOTHING;
	}
}

/* Something else than running is told once more when it is asked for once more: whoever keeps the log may have
 * missed it. */
static bool told(const struct workspace_wanted *wanted, const struct workspace_actual *actual)
{
	bool asked_since = plan_version(wanted) > actual->told_version && actual->phase != WORKSPACE_RUNNING;
	return actual->told_desired == plan_desired(wanted) && actual->told_generation == wanted->generation &&
	       !asked_since;
}

enum plan_step plan_workspace(const struct workspace_wanted *wanted, const struct workspace_actual *actual)
{
	if (actual->busy)
		return plan_busy(wanted, actual);
	if (!wanted->known && !leaves_nothing_running(wanted))
		return plan_unknown(actual);
	/* What could not be stopped is tried again when somebody asks again, or after a while. */
	if (actual->phase == WORKSPACE_STOP_FAILED && !actual->retry_due &&
	    plan_version(wanted) <= actual->told_version)
		return PLAN_NOTHING;
	if (planted(PLANTED_DELETE_BEFORE_STOP) && wanted->desired == ROOST__WANTED_WORKSPACE__DESIRED__REMOVE &&
	    actual->phase == WORKSPACE_RUNNING)
		return PLAN_REMOVE;
	enum plan_step step = idle_steps[plan_desired(wanted)][actual->phase][relate(wanted, actual->generation)];
	return step == PLAN_TELL && (!wanted->known || told(wanted, actual)) ? PLAN_NOTHING : step;
}

const char *workspace_phase_name(enum workspace_phase phase)
{
	static const char *const names[WORKSPACE_PHASE_COUNT] = {
	    [WORKSPACE_ABSENT] = "absent",	     [WORKSPACE_PROVISIONING] = "provisioning",
	    [WORKSPACE_RUNNING] = "running",	     [WORKSPACE_STOPPING] = "stopping",
	    [WORKSPACE_STOPPED] = "stopped",	     [WORKSPACE_FAILED] = "failed",
	    [WORKSPACE_STOP_FAILED] = "stop_failed", [WORKSPACE_REMOVING] = "removing",
	    [WORKSPACE_REMOVED] = "removed",
	};
	return names[phase];
}

const char *plan_step_name(enum plan_step step)
{
	static const char *const names[] = {
	    [PLAN_NOTHING] = "nothing",	    [PLAN_WAIT] = "wait", [PLAN_CANCEL] = "cancel",
	    [PLAN_PROVISION] = "provision", [PLAN_STOP] = "stop", [PLAN_REMOVE] = "remove",
	    [PLAN_TELL] = "tell",
	};
	return names[step];
}
