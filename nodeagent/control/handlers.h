/* What controllers may ask of this agent: roost.node.<node>.<verb>. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_HANDLERS_H
#define ROOST_NODEAGENT_CONTROL_HANDLERS_H

#include "nodeagent/control/agent.h"

/* Answers one request; the table of verbs is in handlers.c. An unknown verb gets an error. */
void handlers_on_request(void *context, const struct incoming *message);

#endif
