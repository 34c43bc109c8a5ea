/* A call to a node agent or to the sweeper on behalf of a request. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_NODE_CALL_H
#define ROOST_CONTROLLER_COMMANDS_NODE_CALL_H

#include "controller/commands/request.h"

/* Sends `message` to roost.node.<node>.<verb> and calls `done` with the decoded answer (in the request's
 * arena). The node may take request->wait_ms longer than any other call. When there is no answer the
 * request has failed already, with the node's own error or with ERROR_NODE_UNREACHABLE, and `done` is not
 * called. */
void node_call(struct request *request, const char *node, const char *verb, const ProtobufCMessage *message,
	       const ProtobufCMessageDescriptor *answer,
	       void (*done)(struct request *request, const ProtobufCMessage *answer));

/* The same to roost.sweep, within the request's deadline; ERROR_PLATFORM_UNAVAILABLE when no sweeper
 * answers. */
void sweeper_call(struct request *request, const ProtobufCMessage *message, const ProtobufCMessageDescriptor *answer,
		  void (*done)(struct request *request, const ProtobufCMessage *answer));

/* Fails those that wait at a node: the controller stops, another one will answer. */
void node_calls_end(struct commands *commands);

#endif
