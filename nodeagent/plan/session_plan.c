/* The table of a session's next step. A session is spawned at most once in its life: the only way
 * into START is the phase NONE, and STARTING without a host never leads back to it. */
#include "nodeagent/plan/plan.h"

#include "bus/foundation/planted.h"

enum { DESIRED_COUNT = ROOST__WANTED_SESSION__DESIRED__STOP + 1 };

/* clang-format off */
static const enum session_step
steps[DESIRED_COUNT][SESSION_PHASE_COUNT][SESSION_GROUND_COUNT] = {
	[ROOST__WANTED_SESSION__DESIRED__RUN] = {
		/*                    coming                ready                 leaving               gone */
		[SESSION_NONE]     = {SESSION_PLAN_WAIT,    SESSION_PLAN_START,   SESSION_PLAN_ABANDON, SESSION_PLAN_ABANDON},
		[SESSION_STARTING] = {SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL},
		[SESSION_RUNNING]  = {SESSION_PLAN_TELL,    SESSION_PLAN_TELL,    SESSION_PLAN_WAIT,    SESSION_PLAN_STOP},
		[SESSION_STOPPING] = {SESSION_PLAN_STOP,    SESSION_PLAN_STOP,    SESSION_PLAN_STOP,    SESSION_PLAN_STOP},
		[SESSION_ENDED]    = {SESSION_PLAN_TELL,    SESSION_PLAN_TELL,    SESSION_PLAN_TELL,    SESSION_PLAN_TELL},
	},
	[ROOST__WANTED_SESSION__DESIRED__STOP] = {
		[SESSION_NONE]     = {SESSION_PLAN_ABANDON, SESSION_PLAN_ABANDON, SESSION_PLAN_ABANDON, SESSION_PLAN_ABANDON},
		[SESSION_STARTING] = {SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL,    SESSION_PLAN_FAIL},
		[SESSION_RUNNING]  = {SESSION_PLAN_STOP,    SESSION_PLAN_STOP,    SESSION_PLAN_WAIT,    SESSION_PLAN_STOP},
		[SESSION_STOPPING] = {SESSION_PLAN_STOP,    SESSION_PLAN_STOP,    SESSION_PLAN_STOP,    SESSION_PLAN_STOP},
		[SESSION_ENDED]    = {SESSION_PLAN_TELL,    SESSION_PLAN_TELL,    SESSION_PLAN_TELL,    SESSION_PLAN_TELL},
	},
};
/* clang-format on */

/* Whether a workspace that is wanted at the session's generation can still come to run at it. */
static bool generation_spent(const struct workspace_actual *actual, uint32_t generation)
{
	if (actual->generation < generation)
		return false;
	switch (actual->phase) {
	case WORKSPACE_FAILED:
	case WORKSPACE_STOP_FAILED:
	case WORKSPACE_REMOVING:
	case WORKSPACE_REMOVED:
		return true;
	default:
		return actual->generation > generation;
	}
}

enum session_ground plan_session_ground(const struct workspace_wanted *wanted, const struct workspace_actual *actual,
					uint32_t session_generation)
{
	if (!actual)
		return SESSION_GROUND_COMING;
	bool up = actual->phase == WORKSPACE_RUNNING && actual->generation == session_generation;
	bool going_down = actual->phase == WORKSPACE_STOPPING && actual->generation == session_generation;
	bool node_goes_on = wanted->node <= ROOST__WANTED_NODE__DESIRED__RUN;
	if (!wanted->known && node_goes_on)
		return up ? SESSION_GROUND_READY : going_down ? SESSION_GROUND_LEAVING : SESSION_GROUND_GONE;
	bool shall_run =
	    plan_desired(wanted) == ROOST__WANTED_WORKSPACE__DESIRED__RUN && wanted->generation <= session_generation;
	if (up && shall_run)
		return SESSION_GROUND_READY;
	if (up || going_down)
		return SESSION_GROUND_LEAVING;
	if (shall_run && !generation_spent(actual, session_generation))
		return SESSION_GROUND_COMING;
	return SESSION_GROUND_GONE;
}

enum session_step plan_session(const struct session_wanted *wanted, const struct session_actual *actual,
			       enum session_ground ground)
{
	if (actual->busy)
		return SESSION_PLAN_WAIT;
	if (planted(PLANTED_SESSION_STARTED_AGAIN) && actual->phase == SESSION_STARTING &&
	    ground == SESSION_GROUND_READY)
		return SESSION_PLAN_START;
	enum session_step step = steps[wanted->desired][actual->phase][ground];
	return step == SESSION_PLAN_TELL && actual->told ? SESSION_PLAN_NOTHING : step;
}

const char *session_phase_name(enum session_phase phase)
{
	static const char *const names[SESSION_PHASE_COUNT] = {
	    [SESSION_NONE] = "none",	     [SESSION_STARTING] = "starting", [SESSION_RUNNING] = "running",
	    [SESSION_STOPPING] = "stopping", [SESSION_ENDED] = "ended",
	};
	return names[phase];
}
