/* The fake agent's outbox: reports in order, one batch outstanding, again until they are answered.
 * Private to fake_agent.c. */
#ifndef ROOST_TESTS_SUPPORT_FAKE_OUTBOX_H
#define ROOST_TESTS_SUPPORT_FAKE_OUTBOX_H

#include "bus/link/connection.h"
#include "node.pb-c.h"

struct fake_outbox;

struct fake_outbox *fake_outbox_new(struct connection *connection, const char *node_id, uint64_t agent_epoch,
				    uint32_t answer_timeout_ms);
void fake_outbox_free(struct fake_outbox *outbox);
void fake_outbox_put(struct fake_outbox *outbox, const Roost__Report *report);
int fake_outbox_waiting(const struct fake_outbox *outbox);
uint64_t fake_outbox_epoch(const struct fake_outbox *outbox);

#endif
