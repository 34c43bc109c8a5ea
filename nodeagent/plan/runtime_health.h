/* Whether the runtime of a node can be relied on: a pure judgement from how starts, stops and trials end. Any
 * thread.
 *
 *   well --- 3 failures of the machine in a row, of several workspaces, or a hang ---> degraded
 *   well --- 3 in a row of one workspace alone ---> doubtful --- a failed trial ---> degraded
 *   doubtful, degraded --- a start, or a trial that really made a sandbox ---> well
 *
 * Time changes nothing, and what lies in the workspace itself (its repository, its image) counts neither
 * way (S4-19, S4-20). One workspace alone proves nothing, since it may have wrecked its own files. */
#ifndef ROOST_NODEAGENT_PLAN_RUNTIME_HEALTH_H
#define ROOST_NODEAGENT_PLAN_RUNTIME_HEALTH_H

#include "bus/foundation/limits.h"

#include <stdbool.h>
#include <stdint.h>

enum { HEALTH_FAILURES_MAX = 3 };

/* How something ended. */
enum health_event {
	HEALTH_STARTED,	   /* a workspace runs */
	HEALTH_FAILED,	   /* a start or stop, for a reason that lies in the machine */
	HEALTH_HUNG,	   /* a program of the machine did not answer in its time */
	HEALTH_OTHER,	   /* for a reason that lies in the workspace, or it was called off */
	HEALTH_TRIAL_GOOD, /* a sandbox was made and ended, to see whether that works */
	HEALTH_TRIAL_FAILED
};

struct runtime_health {
	uint32_t failures; /* of the machine, in a row */
	bool several;	   /* of more than one workspace */
	bool doubtful;
	bool degraded;
	char workspace[IDENTIFIER_LENGTH + 1]; /* of the first failure in the row */
};

enum health_effect {
	HEALTH_AS_BEFORE,
	HEALTH_TRY,	 /* a trial shall tell */
	HEALTH_DEGRADES, /* from now on */
	HEALTH_RECOVERS
};

/* `workspace_id` is "" for a trial. */
enum health_effect runtime_health_take(struct runtime_health *health, enum health_event event,
				       const char *workspace_id);

#endif
