/* A call to a node agent on behalf of a request. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_NODE_CALL_H
#define ROOST_CONTROLLER_COMMANDS_NODE_CALL_H

#include "controller/commands/request.h"

/* Sends `message` to roost.node.<node>.<verb> and calls `done` with the decoded answer (in the request's
 * arena). When there is none the request has failed already, with the node's own error or with
 * ERROR_NODE_UNREACHABLE, and `done` is not called. */
void node_call(struct request *request, const char *node, const char *verb, const ProtobufCMessage *message,
	       const ProtobufCMessageDescriptor *answer,
	       void (*done)(struct request *request, const ProtobufCMessage *answer));

#endif
