/* From node to node, a few at a time: asks each for its inventory, brings the projection up to the log
 * as it is after that, and shows both. Only nodes that beat are asked. Loop thread. */
#ifndef ROOST_SWEEPER_WALK_H
#define ROOST_SWEEPER_WALK_H

#include "sweeper/pass.h"

struct walk_settings {
	struct parts *parts;
	const char *owner;	  /* whose nodes alone; NULL: everybody's. Borrowed until `done` */
	uint32_t node_timeout_ms; /* for each page of an inventory */
	void (*look)(void *context, const struct look *look);
	void (*failed)(void *context, const char *node_id, const struct error *error); /* the walk goes on */
	bool (*goes_on)(void *context); /* false: no further node is asked */
	void (*done)(void *context);	/* perhaps before walk_start returns */
	void *context;
};

/* False when the nodes cannot be read: nothing is called then. */
bool walk_start(const struct walk_settings *settings, struct error *error);

#endif
