/* Provisioning deadlines: a timer set to the next row, and its decision when it is over by the server's
 * clock. Any controller may fire one; the log lets one win. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_DEADLINES_H
#define ROOST_CONTROLLER_EFFECTS_DEADLINES_H

#include "controller/pipeline/pipeline.h"

struct deadlines;

struct deadlines_settings {
	uv_loop_t *loop;
	struct projection *projection;
	struct projection_runner *runner;
	struct pipeline *pipeline;
	const struct server_clock *clock;
};

struct deadlines *deadlines_start(const struct deadlines_settings *settings);

/* The projection has changed: there may be an earlier deadline. Cheap; looked at soon. */
void deadlines_advanced(struct deadlines *deadlines);

/* Only when none of its decisions is under way. */
void deadlines_stop(struct deadlines *deadlines);

#endif
