/* The outbox: reports in the order in which things happened. A report's number is its place behind
 * the last one that was answered for, so it needs no column; once given to a controller
 * (reports_sent_to) it must keep it, and is therefore never dropped. */
#include "bus/foundation/log.h"
#include "nodeagent/control/store_internal.h"

#include <inttypes.h>

static void drop_progress(struct store *store)
{
	sqlite3_stmt *s =
	    database_statement(store->database, "DELETE FROM outbox WHERE progress = 1 AND position > ?1");
	database_bind_number(s, 1, store->reports_sent_to);
	store_run(store, s);
	s = database_statement(store->database, "SELECT count(*) FROM outbox");
	size_t left = store_row(store, s) ? (size_t)sqlite3_column_int64(s, 0) : 0;
	database_done(s);
	log_warning("the outbox is full: %zu progress lines were dropped", store->reports_waiting - left);
	store->reports_waiting = left;
}

void store_add_report(struct store *store, const Roost__Report *report, bool progress)
{
	if (store->reports_waiting >= OUTBOX_MAX)
		drop_progress(store);
	if (progress && store->reports_waiting >= OUTBOX_MAX)
		return;
	sqlite3_stmt *s = database_statement(store->database, "INSERT INTO outbox (progress, report) VALUES (?1, ?2)");
	database_bind_number(s, 1, progress);
	database_bind_bytes(s, 2, message_pack(&report->base, store->scratch));
	store_run(store, s);
	arena_reset(store->scratch);
	store->reports_waiting++;
}

/* A row that does not decode keeps its number and says nothing: the log records it as rejected. */
static Roost__Report *decode(sqlite3_stmt *s, uint64_t number, struct arena *arena)
{
	struct error error = {0};
	struct bytes packed = database_bytes(s, 1, arena);
	Roost__Report *report = (Roost__Report *)message_unpack(&roost__report__descriptor, packed, arena, &error);
	if (!report) {
		log_error("report %" PRIu64 " cannot be read: %s", number, error.message);
		arena_message(arena, report, roost__report__init);
	}
	report->has_number = true;
	report->number = number;
	return report;
}

static void note_sent_to(struct store *store, int64_t position)
{
	if (position <= store->reports_sent_to)
		return;
	store_begin(store);
	store->reports_sent_to = position;
	store_save_agent(store);
	store_commit(store);
}

size_t store_batch(struct store *store, struct arena *arena, Roost__Report ***reports)
{
	size_t count = 0;
	size_t bytes = 0;
	int64_t last = 0;
	*reports = arena_array_of(arena, Roost__Report *, REPORT_BATCH_MAX);
	sqlite3_stmt *s =
	    database_statement(store->database, "SELECT position, report FROM outbox ORDER BY position LIMIT ?1");
	database_bind_number(s, 1, REPORT_BATCH_MAX);
	while (store_row(store, s)) {
		bytes += (size_t)sqlite3_column_bytes(s, 1);
		if (count > 0 && bytes > REPORT_BATCH_BYTES_MAX)
			break;
		(*reports)[count] = decode(s, store->reports_taken + count + 1, arena);
		last = sqlite3_column_int64(s, 0);
		count++;
	}
	database_done(s);
	note_sent_to(store, last);
	return count;
}

size_t store_reports_waiting(const struct store *store)
{
	return store->reports_waiting;
}

/* How many numbers were given to controllers and not answered for. */
static uint64_t count_sent(struct store *store)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT count(*) FROM outbox WHERE position <= ?1");
	database_bind_number(s, 1, store->reports_sent_to);
	uint64_t count = store_row(store, s) ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	database_done(s);
	return count;
}

static void delete_first(struct store *store, uint64_t count)
{
	sqlite3_stmt *s =
	    database_statement(store->database, "DELETE FROM outbox WHERE position IN"
						" (SELECT position FROM outbox ORDER BY position LIMIT ?1)");
	database_bind_number(s, 1, (int64_t)count);
	store_run(store, s);
	store->reports_waiting -= count;
}

static void begin_anew(struct store *store, int64_t now_ms, uint64_t above)
{
	store_begin(store);
	store_renew_epoch(store, now_ms, above);
	store_forget_told(store);
	store_commit(store);
	log_warning("the log counts reports differently than this agent: everything is told again as agent epoch"
		    " %" PRIu64,
		    store->identity.agent_epoch);
}

enum answer_effect store_take_answer(struct store *store, const Roost__ReportAnswer *answer, int64_t now_ms)
{
	const struct report_numbers own = {store->identity.agent_epoch, store->reports_taken, count_sent(store)};
	enum answer_effect effect = plan_answer(&own, answer->agent_epoch, answer->taken);
	if (effect == ANSWER_RENEWED)
		begin_anew(store, now_ms, answer->agent_epoch);
	if (effect != ANSWER_TOOK)
		return effect;
	store_begin(store);
	delete_first(store, answer->taken - store->reports_taken);
	store->reports_taken = answer->taken;
	store_save_agent(store);
	store_commit(store);
	return ANSWER_TOOK;
}
