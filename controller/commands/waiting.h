/* Requests with wait_ms whose change is in the log and whose answer waits for what becomes of it. Woken by
 * records of the node alone, whoever appended them; nothing polls. Over WAITERS_MAX, at the end of its
 * time, and when the controller stops, a request is answered with what is so then. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_WAITING_H
#define ROOST_CONTROLLER_COMMANDS_WAITING_H

#include "controller/commands/command.h"

struct waiting;

struct waiting *waiting_new(struct commands *commands);

/* Answers all that wait; later ones are answered at once. */
void waiting_end(struct waiting *waiting);

/* After waiting_end. */
void waiting_free(struct waiting *waiting);

/* Takes the request over: it is answered now or later. `answer` is what the decision came to. */
void waiting_begin(struct waiting *waiting, struct request *request, const struct answer *answer);

/* A record of this aggregate was applied; and the end of a turn in which some were. */
void waiting_touched(struct waiting *waiting, const char *aggregate_id);
void waiting_advanced(struct waiting *waiting);

#endif
