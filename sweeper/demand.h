/* roost.sweep: a run on demand, on one owner's behalf, asked for by a controller. Loop thread. */
#ifndef ROOST_SWEEPER_DEMAND_H
#define ROOST_SWEEPER_DEMAND_H

#include "bus/link/service.h"
#include "sweeper/run.h"

struct demand;

/* Listens from now on; one of several sweepers gets each request. */
struct demand *demand_start(struct parts *parts);

/* Before the connection is closed. NULL is allowed. */
void demand_stop(struct demand *demand);

/* For $SRV.STATS; counted here. */
struct service_endpoint *demand_endpoint(struct demand *demand);

#endif
