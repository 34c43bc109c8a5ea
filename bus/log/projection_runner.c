/* One projection behind one log.
 *
 *	AWAY ---> ASKING ------> COMPARING ------> REPLAYING ---> LIVE
 *	 ^   the log's identity   the record at     until the log's end
 *	 |   and end              applied_seq
 *	 +--- anything that goes wrong, after a pause; the replay's end; the connection lost
 *
 * Any difference found on the way rebuilds the projection. So does an absence after which the log no
 * longer tells all that happened (tombstones go after their time), and a last record that is gone from the
 * log. Compaction takes a record only when a snapshot of its aggregate is days older than the log's newest
 * record, so this befalls only a projection that was away for days. It has missed nothing that the log
 * does not tell (snapshots replace what it has), but nothing is left that proves that it grew from this
 * log and not from one that went back. Rebuilding a log that is compacted costs seconds.
 *
 * Records are applied as the loop hands them over, and whoever waits for them is told at the end of that
 * turn of the loop; the transaction that holds them ends a little later (TRANSACTION_MS_MAX), with those
 * that came meanwhile. Readers share the store's connection and see what is applied, and what a crash
 * takes with it is in the log: so nobody waits for a commit. */
#include "bus/log/projection_runner.h"

#include "bus/foundation/log.h"
#include "bus/log/pause.h"
#include "bus/log/stored_message.h"
#include "bus/log/waiters.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ASK_TIMEOUT_MS = 5000,
	FIRST_PAUSE_MS = 50,
	PAUSE_MS_MAX = 2000,
	OFFLINE_PAUSE_MS = 60000, /* coming online ends it */
	CLOCK_REFRESH_MS = 20000,
	TRANSACTION_RECORDS_MAX = 1000,
	TRANSACTION_MS_MAX = 50,
	HANDLES = 5,
};

enum state { AWAY, ASKING, COMPARING, REPLAYING, LIVE, FAILED };

struct projection_runner {
	struct connection *connection;
	struct server_clock *clock;
	struct projection_store store;
	struct projection_runner_events events;
	enum state state;
	struct log_info log; /* as the server told when this start over began */

	struct projection_position position; /* of the last record applied */
	uint64_t told_seq;		     /* waiters and listeners know that it was applied */
	uint64_t covered_seq;		     /* the log has nothing between told_seq and this: it was purged */
	bool in_transaction;
	unsigned transaction_records;
	int64_t transaction_began_ms;

	struct jetstream_call *call; /* of ASKING or COMPARING */
	struct replay *replay;
	struct pause *pause;
	uint32_t pause_ms;
	bool announced;

	struct jetstream_call *question; /* "where does the log end now?" */
	uint64_t held_when_asked;	 /* what was applied when it went out: the log must hold that */
	struct waiters to_ask;		 /* came after the question had gone out */
	struct waiters asked;
	struct waiters waiting;
	int64_t deadline_ms; /* what `deadlines` is set to */

	uv_check_t turn_end; /* runs when the loop has handed over what was at hand */
	uv_idle_t no_wait;   /* keeps the loop from sleeping while there is something to tell */
	uv_timer_t commit_timer;
	uv_timer_t deadlines;
	uv_timer_t clock_refresh;
	int handles_open;
};

static void start_over(struct projection_runner *runner, const char *reason);
static void ask_end(struct projection_runner *runner);

static bool identity_known(const struct projection_runner *runner)
{
	return runner->state == REPLAYING || runner->state == LIVE;
}

/* ---- the end of everything ---- */

static void let_go(struct projection_runner *runner)
{
	jetstream_forget(runner->call);
	jetstream_forget(runner->question);
	replay_stop(runner->replay);
	pause_cancel(runner->pause);
	runner->call = runner->question = NULL;
	runner->replay = NULL;
	runner->pause = NULL;
	waiters_move(&runner->asked, &runner->to_ask, 0);
}

static void fail_waiters(struct projection_runner *runner, const char *reason)
{
	struct error error = {0};
	error_set(&error, ERROR_PLATFORM_UNAVAILABLE, "%s", reason);
	waiters_fail(&runner->waiting, &error);
	waiters_fail(&runner->asked, &error);
	waiters_fail(&runner->to_ask, &error);
}

static bool fail(struct projection_runner *runner, const struct error *error)
{
	if (runner->state == FAILED)
		return false;
	runner->state = FAILED;
	runner->in_transaction = false;
	uv_check_stop(&runner->turn_end);
	uv_idle_stop(&runner->no_wait);
	uv_timer_stop(&runner->commit_timer);
	let_go(runner);
	fail_waiters(runner, "the projection cannot be written");
	runner->events.failed(runner->events.context, error);
	return false;
}

/* ---- records into the store ---- */

/* Tells whoever waits how far records are applied. */
static void tell(struct projection_runner *runner)
{
	uv_check_stop(&runner->turn_end);
	uv_idle_stop(&runner->no_wait);
	if (runner->told_seq == runner->position.applied_seq)
		return;
	runner->told_seq = runner->position.applied_seq;
	if (runner->covered_seq < runner->told_seq)
		runner->covered_seq = runner->told_seq;
	if (runner->events.advanced != NULL)
		runner->events.advanced(runner->events.context, runner->told_seq);
	if (identity_known(runner))
		waiters_reach(&runner->waiting, runner->covered_seq);
}

/* Ends the transaction, if one is open, and tells. */
static bool commit(struct projection_runner *runner)
{
	struct error error = {0};
	if (!runner->in_transaction)
		return runner->state != FAILED;
	uv_timer_stop(&runner->commit_timer);
	if (!runner->store.commit(runner->store.context, &runner->position, &error))
		return fail(runner, &error);
	runner->in_transaction = false;
	tell(runner);
	return true;
}

static void on_turn_end(uv_check_t *check)
{
	tell(check->data);
}

static void on_commit_timer(uv_timer_t *timer)
{
	commit(timer->data);
}

static void on_no_wait(uv_idle_t *idle)
{
	(void)idle;
}

static bool begin(struct projection_runner *runner)
{
	struct error error = {0};
	if (runner->in_transaction)
		return true;
	if (!runner->store.begin(runner->store.context, &error))
		return fail(runner, &error);
	runner->in_transaction = true;
	runner->transaction_records = 0;
	runner->transaction_began_ms = clock_monotonic_ms();
	uv_timer_start(&runner->commit_timer, on_commit_timer, TRANSACTION_MS_MAX, 0);
	return true;
}

static bool apply(struct projection_runner *runner, const struct stored_record *record)
{
	struct error error = {0};
	if (!begin(runner))
		return false;
	if (!runner->store.apply(runner->store.context, record, &error)) {
		error_wrap(&error, "record %llu", (unsigned long long)record->seq);
		return fail(runner, &error);
	}
	runner->position.applied_seq = record->seq;
	snprintf(runner->position.record_id, sizeof(runner->position.record_id), "%.26s", record->record_id);
	runner->transaction_records++;
	if (runner->events.applied != NULL)
		runner->events.applied(runner->events.context, record);
	uv_check_start(&runner->turn_end, on_turn_end);
	uv_idle_start(&runner->no_wait, on_no_wait);
	return true;
}

static bool transaction_full(const struct projection_runner *runner)
{
	return runner->transaction_records >= TRANSACTION_RECORDS_MAX ||
	       clock_monotonic_ms() - runner->transaction_began_ms >= TRANSACTION_MS_MAX;
}

/* ---- replay ---- */

static void reached_end(struct projection_runner *runner)
{
	if (!commit(runner) || runner->state != REPLAYING)
		return;
	runner->state = LIVE;
	runner->pause_ms = FIRST_PAUSE_MS;
	if (runner->covered_seq < runner->log.last_seq)
		runner->covered_seq = runner->log.last_seq;
	waiters_reach(&runner->waiting, runner->covered_seq);
	if (runner->to_ask.first != NULL && runner->question == NULL)
		ask_end(runner);
	if (runner->announced)
		return;
	runner->announced = true;
	runner->events.caught_up(runner->events.context);
}

static void on_replay_started(void *context, uint64_t pending)
{
	if (pending == 0)
		reached_end(context);
}

static void on_replay_record(void *context, const struct stored_record *record, uint64_t pending)
{
	struct projection_runner *runner = context;
	if (record->seq > runner->position.applied_seq) { /* else it came by the fast path */
		if (!apply(runner, record))
			return;
		if (transaction_full(runner) && !commit(runner))
			return;
	}
	if (runner->state == REPLAYING && (pending == 0 || record->seq >= runner->log.last_seq))
		reached_end(runner);
}

static void on_replay_ended(void *context, const char *reason)
{
	start_over(context, reason);
}

static void begin_replay(struct projection_runner *runner)
{
	const struct replay_events events = {on_replay_started, on_replay_record, on_replay_ended, runner};
	runner->state = REPLAYING;
	runner->covered_seq = runner->told_seq;
	waiters_reach(&runner->waiting, runner->covered_seq);
	if (runner->state == REPLAYING)
		runner->replay =
		    replay_start(runner->connection, LOG_STREAM, runner->position.applied_seq + 1, &events);
}

/* ---- is it still the same log? ---- */

static bool rebuild(struct projection_runner *runner, const char *reason)
{
	struct error error = {0};
	log_warning("the projection is rebuilt: %s", reason);
	if (!runner->store.rebuild(runner->store.context, reason, &error))
		return fail(runner, &error);
	runner->position = (struct projection_position){0};
	runner->told_seq = runner->covered_seq = 0;
	struct error replaced = {ERROR_PLATFORM_UNAVAILABLE, "the projection is being rebuilt"};
	waiters_fail(&runner->waiting, &replaced);
	return runner->state != FAILED;
}

static void follow(struct projection_runner *runner)
{
	memcpy(runner->position.log_id, runner->log.identity.log_id, sizeof(runner->position.log_id));
	runner->position.log_epoch = runner->log.identity.log_epoch;
	begin_replay(runner);
}

static void on_compared(void *context, const struct jetstream_answer *answer)
{
	struct projection_runner *runner = context;
	struct stored_message stored;
	struct error error = {0};
	char reason[160] = "", here[27];
	runner->call = NULL;
	if (!stored_message_read(answer, &stored, &error)) {
		start_over(runner, error.message);
		return;
	}
	unsigned long long seq = runner->position.applied_seq;
	snprintf(here, sizeof(here), "%.26s", stored.record_id);
	if (!stored.found)
		snprintf(reason, sizeof(reason), "record %llu, its last one, is gone from the log", seq);
	else if (strcmp(here, runner->position.record_id) != 0)
		snprintf(reason, sizeof(reason), "record %llu is %s here and %s in the log", seq,
			 runner->position.record_id, here);
	if (reason[0] == '\0' || rebuild(runner, reason))
		follow(runner);
}

/* Whether records may be gone whose effect no later record tells. */
static bool away_for_too_long(const struct projection_runner *runner, char *reason, size_t size)
{
	struct projection_position at = {0};
	struct error error = {0};
	int64_t longest_ms = runner->store.absence_ms_max;
	if (longest_ms == 0 || runner->position.applied_seq >= runner->log.last_seq ||
	    !runner->store.position(runner->store.context, &at, &error) || at.newest_ms == 0 ||
	    runner->log.last_ms - at.newest_ms <= longest_ms)
		return false;
	snprintf(reason, size, "it was away for %lld days of the log, which remembers what was deleted for %lld",
		 (long long)((runner->log.last_ms - at.newest_ms) / 86400000), (long long)(longest_ms / 86400000));
	return true;
}

static bool same_log(const struct projection_position *at, const struct log_info *log, char *reason, size_t size)
{
	if (strcmp(at->log_id, log->identity.log_id) != 0)
		snprintf(reason, size, "it is of the log %s, and this is the log %s", at->log_id, log->identity.log_id);
	else if (at->log_epoch != log->identity.log_epoch)
		snprintf(reason, size, "it is of the log's epoch %llu, and this is epoch %llu",
			 (unsigned long long)at->log_epoch, (unsigned long long)log->identity.log_epoch);
	else if (at->applied_seq > log->last_seq)
		snprintf(reason, size, "it holds record %llu, and the log went back to %llu",
			 (unsigned long long)at->applied_seq, (unsigned long long)log->last_seq);
	else
		return true;
	return false;
}

static void on_asked(void *context, const struct jetstream_answer *answer)
{
	struct projection_runner *runner = context;
	struct error error = {0};
	char reason[160];
	runner->call = NULL;
	if (!log_stream_read(answer, runner->clock, &runner->log, &error)) {
		start_over(runner, error.message);
		return;
	}
	if (runner->log.miscounted && runner->position.applied_seq > runner->log.last_seq) {
		start_over(runner, "nats-server has lost count of the log: make room on its disk and restart it");
	} else if (runner->position.applied_seq == 0) {
		follow(runner);
	} else if (same_log(&runner->position, &runner->log, reason, sizeof(reason)) &&
		   !away_for_too_long(runner, reason, sizeof(reason))) {
		struct stored_message_query query = {STORED_AT, runner->position.applied_seq, NULL};
		runner->state = COMPARING;
		runner->call =
		    stored_message_ask(runner->connection, LOG_STREAM, &query, ASK_TIMEOUT_MS, on_compared, runner);
	} else if (rebuild(runner, reason)) {
		follow(runner);
	}
}

/* ---- starting, and starting over ---- */

static void on_resume(void *context, bool closing);

static void ask(struct projection_runner *runner)
{
	if (connection_is_online(runner->connection)) {
		runner->state = ASKING;
		runner->call = log_stream_ask(runner->connection, ASK_TIMEOUT_MS, on_asked, runner);
	} else {
		runner->pause = pause_start(runner->connection, OFFLINE_PAUSE_MS, on_resume, runner);
	}
}

static void on_resume(void *context, bool closing)
{
	struct projection_runner *runner = context;
	runner->pause = NULL;
	if (!closing)
		ask(runner);
}

static void start_over(struct projection_runner *runner, const char *reason)
{
	if (!commit(runner))
		return;
	log_info("following the log starts over: %s", reason);
	let_go(runner);
	runner->state = AWAY;
	runner->pause = pause_start(runner->connection, runner->pause_ms, on_resume, runner);
	runner->pause_ms = runner->pause_ms * 2 > PAUSE_MS_MAX ? PAUSE_MS_MAX : runner->pause_ms * 2;
}

/* ---- waiting ---- */

static void on_deadline(uv_timer_t *timer);

static void set_deadline(struct projection_runner *runner, int64_t deadline_ms)
{
	int64_t left = deadline_ms - clock_monotonic_ms();
	runner->deadline_ms = deadline_ms;
	if (deadline_ms == INT64_MAX)
		uv_timer_stop(&runner->deadlines);
	else
		uv_timer_start(&runner->deadlines, on_deadline, left > 0 ? (uint64_t)left : 0, 0);
}

static int64_t earliest_deadline(const struct projection_runner *runner)
{
	const struct waiters *lists[] = {&runner->waiting, &runner->asked, &runner->to_ask};
	int64_t earliest = INT64_MAX;
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if (waiters_deadline(lists[i]) < earliest)
			earliest = waiters_deadline(lists[i]);
	return earliest;
}

static void on_deadline(uv_timer_t *timer)
{
	struct projection_runner *runner = timer->data;
	struct error error = {0};
	int64_t now = clock_monotonic_ms();
	error_set(&error, ERROR_PLATFORM_UNAVAILABLE,
		  "the projection did not come up to the log in time; it is at %llu",
		  (unsigned long long)runner->told_seq);
	runner->deadline_ms = INT64_MAX;
	waiters_expire(&runner->waiting, now, &error);
	waiters_expire(&runner->asked, now, &error);
	waiters_expire(&runner->to_ask, now, &error);
	set_deadline(runner, earliest_deadline(runner));
}

static void add_waiter(struct projection_runner *runner, struct waiters *waiters, uint64_t seq, uint32_t timeout_ms,
		       void (*done)(void *context, const struct error *error), void *context)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	struct error error = {ERROR_PLATFORM_UNAVAILABLE, "the projection has ended"};
	if (runner->state == FAILED) {
		done(context, &error);
		return;
	}
	waiters_add(waiters, seq, timeout_ms, done, context);
	if (deadline_ms < runner->deadline_ms)
		set_deadline(runner, deadline_ms);
}

void projection_runner_wait(struct projection_runner *runner, uint64_t seq, uint32_t timeout_ms,
			    void (*done)(void *context, const struct error *error), void *context)
{
	if (identity_known(runner) && (seq <= runner->covered_seq || seq <= runner->position.applied_seq))
		done(context, NULL);
	else
		add_waiter(runner, &runner->waiting, seq, timeout_ms, done, context);
}

static void on_end(void *context, const struct jetstream_answer *answer)
{
	struct projection_runner *runner = context;
	struct log_info now;
	struct error error = {0};
	char reason[160];
	runner->question = NULL;
	if (!log_stream_read(answer, runner->clock, &now, &error)) {
		start_over(runner, error.message);
		return;
	}
	/* A record that came since may have overtaken the answer. */
	struct projection_position then = runner->position;
	then.applied_seq = runner->held_when_asked;
	if (then.applied_seq != 0 && !same_log(&then, &now, reason, sizeof(reason))) {
		start_over(runner, reason);
		return;
	}
	waiters_move(&runner->asked, &runner->waiting, now.last_seq);
	if (runner->to_ask.first != NULL)
		ask_end(runner);
	waiters_reach(&runner->waiting, runner->covered_seq);
}

static void ask_end(struct projection_runner *runner)
{
	waiters_move(&runner->to_ask, &runner->asked, 0);
	runner->held_when_asked = runner->position.applied_seq;
	runner->question = log_stream_ask(runner->connection, ASK_TIMEOUT_MS, on_end, runner);
}

void projection_runner_catch_up(struct projection_runner *runner, uint32_t timeout_ms,
				void (*done)(void *context, const struct error *error), void *context)
{
	add_waiter(runner, &runner->to_ask, 0, timeout_ms, done, context);
	if (identity_known(runner) && runner->question == NULL && runner->to_ask.first != NULL)
		ask_end(runner);
}

static void on_clock_refresh(uv_timer_t *timer)
{
	struct projection_runner *runner = timer->data;
	struct projection_position unused;
	struct error error = {0};
	/* A reader may have met the damage: then nothing is decided any more, so no record would show it. */
	if (!runner->store.position(runner->store.context, &unused, &error)) {
		fail(runner, &error);
		return;
	}
	bool old = !runner->clock->known || clock_monotonic_ms() - runner->clock->learnt_at_ms >= CLOCK_REFRESH_MS / 2;
	if (old && identity_known(runner) && runner->question == NULL)
		ask_end(runner);
}

/* ---- for everybody ---- */

bool projection_runner_apply_own(struct projection_runner *runner, const struct stored_record *record)
{
	if (!identity_known(runner) || record->seq != runner->position.applied_seq + 1)
		return false;
	return apply(runner, record) && (!transaction_full(runner) || commit(runner));
}

uint64_t projection_runner_applied_seq(const struct projection_runner *runner)
{
	return runner->position.applied_seq;
}

bool projection_runner_caught_up(const struct projection_runner *runner)
{
	return runner->state == LIVE;
}

const struct log_identity *projection_runner_identity(const struct projection_runner *runner)
{
	return &runner->log.identity;
}

static void open_handles(struct projection_runner *runner)
{
	uv_loop_t *loop = connection_loop(runner->connection);
	uv_check_init(loop, &runner->turn_end);
	uv_timer_init(loop, &runner->commit_timer);
	uv_idle_init(loop, &runner->no_wait);
	uv_timer_init(loop, &runner->deadlines);
	uv_timer_init(loop, &runner->clock_refresh);
	runner->handles_open = HANDLES;
	runner->turn_end.data = runner->no_wait.data = runner->commit_timer.data = runner;
	runner->deadlines.data = runner->clock_refresh.data = runner;
	uv_timer_start(&runner->clock_refresh, on_clock_refresh, CLOCK_REFRESH_MS, CLOCK_REFRESH_MS);
}

struct projection_runner *projection_runner_start(struct connection *connection, struct server_clock *clock,
						  const struct projection_store *store,
						  const struct projection_runner_events *events, struct error *error)
{
	struct projection_runner *runner = calloc(1, sizeof(*runner));
	runner->connection = connection;
	runner->clock = clock;
	runner->store = *store;
	runner->events = *events;
	runner->pause_ms = FIRST_PAUSE_MS;
	runner->deadline_ms = INT64_MAX;
	if (!store->position(store->context, &runner->position, error)) {
		free(runner);
		error_wrap(error, "read the projection's position");
		return NULL;
	}
	runner->told_seq = runner->covered_seq = runner->position.applied_seq;
	open_handles(runner);
	ask(runner);
	return runner;
}

static void on_closed(uv_handle_t *handle)
{
	struct projection_runner *runner = handle->data;
	if (--runner->handles_open == 0)
		free(runner);
}

void projection_runner_stop(struct projection_runner *runner)
{
	commit(runner);
	let_go(runner);
	runner->state = FAILED; /* whoever asks from now on is told so */
	fail_waiters(runner, "the process is stopping");
	uv_close((uv_handle_t *)&runner->turn_end, on_closed);
	uv_close((uv_handle_t *)&runner->commit_timer, on_closed);
	uv_close((uv_handle_t *)&runner->no_wait, on_closed);
	uv_close((uv_handle_t *)&runner->deadlines, on_closed);
	uv_close((uv_handle_t *)&runner->clock_refresh, on_closed);
}
