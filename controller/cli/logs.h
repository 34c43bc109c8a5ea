/* Lines of a log that a node keeps, for `roost node logs` and `roost workspace logs`. */
#ifndef ROOST_CONTROLLER_CLI_LOGS_H
#define ROOST_CONTROLLER_CLI_LOGS_H

#include "controller/cli/show.h"

/* The whole verb; the command's request has id, cursor, limit and wait_ms, its answer entries and
 * next_cursor. Returns the exit status. */
int logs_run(struct invocation *invocation, enum kind kind, enum api_command command);

#define OPTIONS_LOGS                                                                                                   \
	{"follow", NULL, "Go on with whatever is written, until Ctrl-C."},                                             \
	{                                                                                                              \
		"lines", "number", "Only the last ones of what is there."                                              \
	}

#endif
