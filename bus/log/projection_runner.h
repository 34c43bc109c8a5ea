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
#include "bus/log/replay.h"

struct projection_position {
	char log_id[27]; /* "" for an empty projection */
	uint64_t log_epoch;
	uint64_t applied_seq;
	char record_id[27]; /* of the record at applied_seq; "" when none */
	int64_t newest_ms;  /* the store's to say: the largest time of the records that it holds; 0 for unknown */
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
	/* After a longer absence the log no longer tells what was deleted meanwhile: it is rebuilt. 0 for
	 * no limit. */
	int64_t absence_ms_max;
};

struct projection_runner;

struct projection_runner_events {
	/* The projection holds everything that the server had when replay started. Said once in the
	 * runner's life; projection_runner_caught_up tells how it is now. */
	void (*caught_up)(void *context);
	/* One record was applied, though `advanced` has not told yet. It must not call the runner. May be NULL. */
	void (*applied)(void *context, const struct stored_record *record);
	/* Records were applied; said at the end of the loop's turn. May be NULL. */
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

/* Before the connection is closed, and from inside none of the runner's callbacks. Whoever waits is
 * told so before it returns; no callback comes afterwards. */
void projection_runner_stop(struct projection_runner *runner);

/* The last applied record: readers of the store see it, though its transaction may still be open. */
uint64_t projection_runner_applied_seq(const struct projection_runner *runner);

/* False while replaying at start, while the connection is lost, until the log's identity is checked
 * again after it came back, and during a rebuild. */
bool projection_runner_caught_up(const struct projection_runner *runner);

/* Of the log that is being followed; log_id is "" before the first answer of the server. */
const struct log_identity *projection_runner_identity(const struct projection_runner *runner);

/* The fast path after our own append: applies the record at once when it is the next one
 * (seq == applied_seq + 1). False when it is not, or while the log's identity is in doubt; it then
 * arrives by replay. */
bool projection_runner_apply_own(struct projection_runner *runner, const struct stored_record *record);

/* Calls `done` once with a NULL error when applied_seq >= seq, or with ERROR_PLATFORM_UNAVAILABLE after
 * timeout_ms. Calls at once (before returning) when it is there already and the log's identity is not
 * in doubt. */
void projection_runner_wait(struct projection_runner *runner, uint64_t seq, uint32_t timeout_ms,
			    void (*done)(void *context, const struct error *error), void *context);

/* Waits until the projection is as new as the log is now: asks the server for its last sequence and
 * waits for it. Calls share a question that is sent after all of them came, never one already on its
 * way. */
void projection_runner_catch_up(struct projection_runner *runner, uint32_t timeout_ms,
				void (*done)(void *context, const struct error *error), void *context);

#endif
