/* From nothing to an installation that works: nats-server, controllers, sweeper, the machine's node and
 * its agent, each when the one before is ready. Loop thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_BRING_UP_H
#define ROOST_CONTROLLER_INSTALLATION_BRING_UP_H

#include "controller/installation/keys.h"
#include "controller/installation/supervisor.h"

struct bring_up;

struct bring_up_settings {
	struct installation *installation; /* gets the node's id */
	const struct keys *keys;
	struct supervisor *supervisor;
	const char *programs; /* the folder of the daemons' programs */
	const char *nats_program;
	const char *nats_configuration;
	const char *owner;
	int controllers;
	void (*say)(const char *line);
	void (*ready)(void *context);
	void (*failed)(void *context, const struct error *error);
	bool (*agent_over)(void *context, int status); /* as `over` of supervisor.h; also after bring_up_free */
	void *context;
};

/* Everything in the settings is borrowed until bring_up_free. NULL with an error when nothing could be
 * started; daemons that were started stay with the supervisor. */
struct bring_up *bring_up_start(uv_loop_t *loop, const struct bring_up_settings *settings, struct error *error);

/* The node agent has ended for good, since its node was deleted: another node is made. */
void bring_up_node_deleted(struct bring_up *bring_up);

/* The node agent has ended since it cannot work with its settings: fails at once. `why` is copied. */
void bring_up_agent_refused(struct bring_up *bring_up, const char *why);

/* Any time; also inside `ready` and `failed`. */
void bring_up_free(struct bring_up *bring_up);

#endif
