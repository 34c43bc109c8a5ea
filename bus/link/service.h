/* $SRV.PING, $SRV.INFO and $SRV.STATS of one daemon, after the NATS services convention (ADR-32), so
 * that `nats micro ls` shows it. Loop thread. */
#ifndef ROOST_BUS_LINK_SERVICE_H
#define ROOST_BUS_LINK_SERVICE_H

#include "bus/link/connection.h"

struct service;

struct service_endpoint {
	const char *name;    /* "workspace.create" */
	const char *subject; /* "roost.cmd.*.workspace.create" */
	const char *queue;   /* its queue group; NULL for none */
	uint64_t requests;
	uint64_t errors;
	int64_t processing_ns;
	char last_error[160];
};

/* The endpoints are borrowed and counted by their owner. `name` such as "roost-controller", `version`
 * a semantic version. The other texts are copied. */
struct service *service_start(struct connection *connection, const char *name, const char *version, const char *id,
			      const char *description, struct service_endpoint *endpoints, size_t endpoint_count);
/* Before or after the connection is closed. NULL is allowed. */
void service_stop(struct service *service);

#endif
