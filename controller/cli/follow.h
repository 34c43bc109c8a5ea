/* Events as they happen. The feed only wakes; what is shown comes from event.list, oldest first, from
 * a cursor: no gaps, no polling, whatever restarts meanwhile. */
#ifndef ROOST_CONTROLLER_CLI_FOLLOW_H
#define ROOST_CONTROLLER_CLI_FOLLOW_H

#include "controller/cli/api.h"
#include "resource.pb-c.h"

struct follow {
	struct client *client;
	const char *node_id; /* NULL: any */
	const char *workspace_id;
	const char *session_id;
	uint64_t after_seq; /* events of records up to this one are not shown */
	uint64_t seq;	    /* the newest sequence heard of */
	int64_t until_ms;   /* monotonic: then it is given up; INT64_MAX for never */
	char cursor[256];   /* "" at first: then it begins after after_seq */
	void (*each)(void *context, const Roost__Event *event, struct arena *arena);
	void *context;
};

/* Calls `each` for everything that has happened and was not seen yet. */
bool follow_pull(struct follow *follow, struct error *error);

/* Waits until something was stored, or the given time (monotonic). client_watch must have been called before the
 * first pull. */
bool follow_wait(struct follow *follow, int64_t until_ms, struct error *error);

/* One line, and the detail of an error below it. */
void event_print(const Roost__Event *event, bool date, struct arena *arena);

#endif
