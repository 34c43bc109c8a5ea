/* Keeps a projection up with the log: ordered replay from applied_seq + 1, many records per
 * transaction, the position in the same one, and the checks of identity at start and after every
 * reconnect. Loop thread.
 *
 * The projection itself is behind a vtable, so the controller, the sweeper and tests bring their own.
 * The runner owns no SQL. */
#ifndef ROOST_BUS_LOG_PROJECTION_RUNNER_H
#define ROOST_BUS_LOG_PROJECTION_RUNNER_H

#include "bus/link/connection.h"
#include "bus/log/log_stream.h"

struct projection_position {
	char log_id[27];     /* "" for an empty projection */
	uint64_t log_epoch;
	uint64_t applied_seq;
	char record_id[27];  /* of the record at applied_seq; "" when none */
};

struct stored_record {
	uint64_t seq;
	int64_t stored_ms; /* the server's timestamp */
	const char *subject;
	const char *record_id; /* Nats-Msg-Id, "" when absent */
	struct bytes data;
};

/* All return false with an error when the store fails; the runner then ends the process's work by
 * `failed` (a projection that cannot be written must not answer). */
struct projection_store {
	bool (*position)(void *context, struct projection_position *out, struct error *error);
	bool (*begin)(void *context, struct error *error);
	/* Applies one record. One that does not decode is the store's to count and report, and is no
	 * failure. */
	bool (*apply)(void *context, const struct stored_record *record, struct error *error);
	/* Writes the position and ends the transaction. */
	bool (*commit)(void *context, const struct projection_position *position, struct error *error);
	/* Forgets everything: the log is another one, or went back. `reason` is for people. */
	bool (*rebuild)(void *context, const char *reason, struct error *error);
	void *context;
};

struct projection_runner;

struct projection_runner_events {
	/* The projection holds everything that the server had when replay started; said once per start. */
	void (*caught_up)(void *context);
	/* A transaction was committed; also after a fast-path apply. May be NULL. */
	void (*advanced)(void *context, uint64_t applied_seq);
	/* The store failed, for good. */
	void (*failed)(void *context, const struct error *error);
	void *context;
};

/* Starts when the connection is online, and starts over after each reconnect. `clock` is the process's
 * server clock, owned by its main: the runner keeps it fresh (at least every 20 seconds while online). */
struct projection_runner *projection_runner_start(struct connection *connection, struct server_clock *clock,
						  const struct projection_store *store,
						  const struct projection_runner_events *events, struct error *error);
void projection_runner_stop(struct projection_runner *runner);

uint64_t projection_runner_applied_seq(const struct projection_runner *runner);
bool projection_runner_caught_up(const struct projection_runner *runner);
const struct log_identity *projection_runner_identity(const struct projection_runner *runner);

/* The fast path after our own append: applies the record at once when it is the next one
 * (seq == applied_seq + 1). False when it is not; it then arrives by replay. */
bool projection_runner_apply_own(struct projection_runner *runner, const struct stored_record *record);

/* Calls `done` once when applied_seq >= seq, or with ERROR_PLATFORM_UNAVAILABLE after timeout_ms.
 * Calls at once (before returning) when it is there already. */
void projection_runner_wait(struct projection_runner *runner, uint64_t seq, uint32_t timeout_ms,
			    void (*done)(void *context, const struct error *error), void *context);

/* Waits until the projection is as new as the log is now: asks the server for its last sequence and
 * waits for it. Concurrent calls share one question where that is sound. */
void projection_runner_catch_up(struct projection_runner *runner, uint32_t timeout_ms,
				void (*done)(void *context, const struct error *error), void *context);

#endif
