/* What node.logs and workspace.logs share: lines that a node keeps, asked of it. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_NODE_LOG_H
#define ROOST_CONTROLLER_COMMANDS_NODE_LOG_H

#include "controller/commands/request.h"
#include "node.pb-c.h"

struct log_question {
	const char *node_id;
	const char *workspace_id; /* NULL: the node's own log */
	const char *cursor;
	bool has_limit;
	uint32_t limit;
};

/* Asks and calls `done`. `again` is called on a fresher projection when `found` (the error of looking the
 * node or workspace up, NULL when it is there) needs one. */
void node_log_ask(struct request *request, const struct log_question *question, const struct error *found,
		  void (*again)(struct request *request),
		  void (*done)(struct request *request, const ProtobufCMessage *answer));

#endif
