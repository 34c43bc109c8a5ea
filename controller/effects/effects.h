/* What follows from the log: wanted state to nodes, deadlines, health, unfinished claims and releases. Loop
 * thread.
 *
 * Nothing here is remembered over a restart; everything is found again from the projection, the beats
 * and the consumer on the server. Any number of controllers may do all of it at once. */
#ifndef ROOST_CONTROLLER_EFFECTS_EFFECTS_H
#define ROOST_CONTROLLER_EFFECTS_EFFECTS_H

#include "bus/log/projection_runner.h"
#include "controller/effects/live.h"
#include "controller/pipeline/pipeline.h"

struct effects;

struct effects_settings {
	struct connection *work;
	struct projection *projection;
	struct projection_runner *runner;
	struct pipeline *pipeline;
	const struct server_clock *clock;
	int64_t stale_ms;	  /* NODE_HEARTBEAT_STALE_SECONDS */
	int64_t probe_ms;	  /* NODE_PROBE_SECONDS */
	uint32_t call_timeout_ms; /* of a call to a node */
};

/* From the options. */
void effects_settings_from_options(struct effects_settings *settings);

/* Prepares; does nothing yet. The settings are copied, what they point to is borrowed. */
struct effects *effects_new(const struct effects_settings *settings);

/* Begins, once the projection has caught up. More calls do nothing. */
void effects_begin(struct effects *effects);

/* The projection has advanced; for projection_runner_events. */
void effects_advanced(struct effects *effects);

/* The live fields of nodes, and where their answers to others are told of; valid as long as the effects. */
struct live_source effects_live(struct effects *effects);

/* Before the runner is stopped and the connection closed, and when the pipeline is empty. NULL is
 * allowed. */
void effects_free(struct effects *effects);

#endif
