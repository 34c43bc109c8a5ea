/* The happy path is that nothing changes. */
#include "nodeagent/control/health.h"

#include "bus/foundation/log.h"
#include "nodeagent/control/beat.h"
#include "nodeagent/control/capabilities.h"
#include "nodeagent/control/note.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/report.h"

enum { TRIAL_BEATS = 3 }; /* between two trials of a degraded runtime */

void health_open(struct agent *agent, bool fresh)
{
	agent->health.degraded = store_degraded(agent->store)[0] != 0;
	agent->health_untold = fresh;
}

/* "" for well. */
static void tell(struct agent *agent, const char *sample)
{
	store_begin(agent->store);
	store_set_degraded(agent->store, sample);
	if (sample[0])
		report_degraded(agent->store, sample);
	else
		report_recovered(agent->store);
	store_commit(agent->store);
	agent->health_untold = false;
	outbox_kick(agent->outbox);
	beat_now(agent->beat);
}

static void degrade(struct agent *agent, const char *message)
{
	const char *sample = message && message[0] ? message : "The runtime does not answer.";
	log_error("the runtime is degraded: %s", sample);
	note(agent->logs, "", LOG_LINE_ERROR, "runtime", "The runtime fails at its work: %s", sample);
	tell(agent, sample);
}

static void recover(struct agent *agent)
{
	log_info("the runtime works again");
	note(agent->logs, "", LOG_LINE_INFO, "runtime", "The runtime works again.");
	tell(agent, "");
}

void health_take(struct agent *agent, enum health_event event, const char *workspace_id, const char *message)
{
	bool success = event == HEALTH_STARTED || event == HEALTH_TRIAL_GOOD;
	switch (runtime_health_take(&agent->health, event, workspace_id)) {
	case HEALTH_TRY:
		capabilities_refresh(agent);
		break;
	case HEALTH_DEGRADES:
		degrade(agent, message);
		break;
	case HEALTH_RECOVERS:
		recover(agent);
		break;
	default:
		if (success && agent->health_untold)
			tell(agent, "");
	}
}

void health_tell(struct agent *agent)
{
	agent->health_untold = true;
	if (agent->health.degraded)
		tell(agent, store_degraded(agent->store));
}

void health_beat(struct agent *agent)
{
	if (agent->health.degraded && ++agent->beats_degraded % TRIAL_BEATS == 0)
		capabilities_refresh(agent);
}
