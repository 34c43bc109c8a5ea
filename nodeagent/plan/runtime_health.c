/* A failure leads towards degraded, a success back to the beginning; nothing else moves. */
#include "nodeagent/plan/runtime_health.h"

#include <stdio.h>
#include <string.h>

static enum health_effect recover(struct runtime_health *health)
{
	bool was_degraded = health->degraded;
	*health = (struct runtime_health){.failures = 0};
	return was_degraded ? HEALTH_RECOVERS : HEALTH_AS_BEFORE;
}

static enum health_effect degrade(struct runtime_health *health)
{
	bool was_degraded = health->degraded;
	health->degraded = true;
	health->doubtful = false;
	return was_degraded ? HEALTH_AS_BEFORE : HEALTH_DEGRADES;
}

static enum health_effect count_failure(struct runtime_health *health, const char *workspace_id)
{
	if (health->failures == 0)
		snprintf(health->workspace, sizeof(health->workspace), "%s", workspace_id);
	health->several = health->several || strcmp(health->workspace, workspace_id) != 0;
	health->failures++;
	if (health->failures < HEALTH_FAILURES_MAX || health->degraded)
		return HEALTH_AS_BEFORE;
	if (health->several)
		return degrade(health);
	health->doubtful = true;
	return HEALTH_TRY;
}

enum health_effect runtime_health_take(struct runtime_health *health, enum health_event event, const char *workspace_id)
{
	switch (event) {
	case HEALTH_STARTED:
	case HEALTH_TRIAL_GOOD:
		return recover(health);
	case HEALTH_HUNG:
		return degrade(health);
	case HEALTH_FAILED:
		return count_failure(health, workspace_id);
	case HEALTH_TRIAL_FAILED:
		return health->doubtful ? degrade(health) : HEALTH_AS_BEFORE;
	default:
		return HEALTH_AS_BEFORE;
	}
}
