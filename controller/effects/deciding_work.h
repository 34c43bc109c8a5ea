/* A decision of the controller's own on its way through the pipeline, with memory of its own. Private to
 * controller/effects. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_DECIDING_WORK_H
#define ROOST_CONTROLLER_EFFECTS_DECIDING_WORK_H

#include "controller/pipeline/pipeline.h"

struct deciding_work {
	struct pipeline_work work; /* first: the pipeline gives it back */
	void *context;
	void (*ended)(void *context, struct deciding_work *work, bool stands);
	/* What it is about; which of them, `decide` knows. */
	const char *node_id;
	const char *workspace_id;
	uint32_t generation;
	Roost__Node__Health health;
	int64_t silent_since_ms;
	const char *message;
	uint64_t log_epoch, held_version;
};

/* In an arena of its own, together with everything of it; freed after `ended`. */
struct deciding_work *deciding_work_new(const char *owner, const char *cause,
					struct decision *(*decide)(struct pipeline_work *work,
								   const struct decision_inputs *inputs));

void deciding_work_run(struct deciding_work *work, struct pipeline *pipeline);

#endif
