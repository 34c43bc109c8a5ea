/* The logs that a fake agent keeps, and its answers to roost.node.<node>.log. Private to the fake agent. */
#ifndef ROOST_TESTS_SUPPORT_FAKE_LOG_H
#define ROOST_TESTS_SUPPORT_FAKE_LOG_H

#include "bus/link/connection.h"
#include "node.pb-c.h"

struct fake_log;

struct fake_log *fake_log_new(struct connection *connection);
void fake_log_free(struct fake_log *log);

void fake_log_write(struct fake_log *log, const char *workspace_id, const char *text);

/* Answers now, or when there is a line, or when the wait is over. */
void fake_log_asked(struct fake_log *log, const char *reply, const Roost__NodeLogRequest *request);

#endif
