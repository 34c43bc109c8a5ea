/* When the passes run by themselves. Those that look at inventories share a walk; they and the others
 * never wait for each other. Loop thread. */
#ifndef ROOST_SWEEPER_SCHEDULE_H
#define ROOST_SWEEPER_SCHEDULE_H

#include "sweeper/run.h"

struct schedule;

/* A pass runs first when beats have had the time to be heard, and then at its interval. */
struct schedule *schedule_start(uv_loop_t *loop, struct parts *parts);

/* Before the connection is closed. NULL is allowed. */
void schedule_stop(struct schedule *schedule);

#endif
