/* What has had its time. Everything expires by the largest recorded_at that was applied, so it is the same
 * in every projection: events and keys to the millisecond (queries hide them, and commits delete some of
 * the oldest), deleted workspaces and ended sessions by the hour (they are deleted as the hour begins).
 * Rows of deleted nodes stay longer, until the log has let go of them: nobody sees them. */
#include "controller/projection/database.h"

enum { HOUR_MS = 3600 * 1000, EVENTS_AT_ONCE = 4000 };

int64_t events_floor(const struct projection *projection)
{
	return projection->newest_record_ms - projection->lifetimes.retention_ms;
}

/* Of a time in an hour. Who is asked for events of a thing must know the thing. */
static int64_t things_floor(const struct projection *projection)
{
	const struct projection_lifetimes *lifetimes = &projection->lifetimes;
	int64_t keep_ms =
	    lifetimes->tombstone_ms > lifetimes->retention_ms ? lifetimes->tombstone_ms : lifetimes->retention_ms;
	return projection->newest_record_ms / HOUR_MS * HOUR_MS - keep_ms;
}

void expiry_watch(struct projection *projection, int64_t ended_ms)
{
	if (ended_ms != 0 && ended_ms < things_floor(projection))
		projection->things_expired_ms = INT64_MIN;
}

void expiry_of_things(struct projection *projection)
{
	int64_t floor = things_floor(projection);
	if (projection->things_expired_ms == floor)
		return;
	projection->things_expired_ms = floor;
	entities_flush(projection);
	statement_run_with(projection, STATEMENT_FORGET_SESSIONS, floor, 0);
	statement_run_with(projection, STATEMENT_FORGET_WORKSPACES, floor, 0);
	statement_run_with(projection, STATEMENT_FORGET_NODES, floor, 0);
	statement_run_with(projection, STATEMENT_NODES_FALL_DUE, floor, projection->newest_record_ms);
	entities_forget_cached(projection);
}

/* The first place that is not expired, or that is beyond what is deleted at once. */
static int64_t first_kept(struct projection *projection)
{
	int64_t place = 0, floor = events_floor(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_OLDEST_EVENTS);
	if (stmt == NULL)
		return 0;
	sqlite3_bind_int64(stmt, 1, EVENTS_AT_ONCE);
	while (statement_row(projection, stmt)) {
		bool expired = sqlite3_column_int64(stmt, 1) < floor;
		place = sqlite3_column_int64(stmt, 0) + (expired ? 1 : 0);
		if (!expired)
			break;
	}
	sqlite3_reset(stmt);
	return place;
}

void expiry_of_events(struct projection *projection)
{
	int64_t place = first_kept(projection);
	if (place > 0)
		statement_run_with(projection, STATEMENT_FORGET_EVENTS, place, 0);
}
