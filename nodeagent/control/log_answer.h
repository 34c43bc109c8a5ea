/* roost.node.<node>.log: lines of the node's own log or a workspace's, at once or when there are some. */
#ifndef ROOST_NODEAGENT_CONTROL_LOG_ANSWER_H
#define ROOST_NODEAGENT_CONTROL_LOG_ANSWER_H

#include "nodeagent/control/agent.h"
#include "nodeagent/control/reply.h"

/* `request` lives in the reply's arena. Answers once, now or later. */
void log_answer(struct agent *agent, const Roost__NodeLogRequest *request, struct reply *reply);

#endif
