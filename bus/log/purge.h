/* Taking old records of a subject out of the log for good, and what must be known before. Asked here, the
 * answer read there, so that a call can be forgotten. Loop thread. */
#ifndef ROOST_BUS_LOG_PURGE_H
#define ROOST_BUS_LOG_PURGE_H

#include "bus/log/jetstream.h"

/* Purges the subject's records below `below_seq`, which must not be 0: that would mean all of them. Doing
 * it again does nothing. */
struct jetstream_call *log_purge_ask(struct connection *connection, const char *subject, uint64_t below_seq,
				     uint32_t timeout_ms, jetstream_done *done, void *context);
bool log_purge_read(const struct jetstream_answer *answer, uint64_t *purged, struct error *error);

/* The last record up to which a durable consumer has acknowledged all it was to get. A purge takes also
 * what a consumer has not had yet. */
struct jetstream_call *log_floor_ask(struct connection *connection, const char *consumer, uint32_t timeout_ms,
				     jetstream_done *done, void *context);
bool log_floor_read(const struct jetstream_answer *answer, uint64_t *floor, struct error *error);

#endif
