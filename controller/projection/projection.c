/* Opening and writing the projection. A record is decoded, applied to the entities, and its events are
 * stored; position and counts go into the same transaction. What does not decode is counted, logged and
 * passed over, since a projection that stops at one bad record stops for ever. */
#include "controller/projection/projection.h"

#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/wire/subject.h"
#include "controller/domain/apply.h"
#include "controller/projection/database.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool move_aside(const char *path, struct error *error)
{
	static const char *const suffixes[] = {"", "-wal", "-shm"};
	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char *from = sqlite3_mprintf("%s%s", path, suffixes[i]);
		char *to = sqlite3_mprintf("%s.corrupt%s", path, suffixes[i]);
		int result = from == NULL || to == NULL ? -1 : rename(from, to);
		int number = errno;
		sqlite3_free(from);
		sqlite3_free(to);
		if (result != 0 && number != ENOENT)
			return error_errno(error, number, "%s: cannot be moved aside", path);
	}
	return true;
}

static void read_counts(struct projection *projection)
{
	sqlite3_stmt *stmt = statement(projection, STATEMENT_POSITION);
	if (stmt == NULL || !statement_row(projection, stmt))
		return;
	projection->records = (uint64_t)sqlite3_column_int64(stmt, 4);
	projection->undecodable = (uint64_t)sqlite3_column_int64(stmt, 5);
	projection->skipped = (uint64_t)sqlite3_column_int64(stmt, 6);
	projection->newest_record_ms = sqlite3_column_int64(stmt, 7);
	sqlite3_reset(stmt);
}

struct projection_lifetimes projection_lifetimes_from_options(void)
{
	static const int64_t day_ms = 24 * 3600 * 1000;
	return (struct projection_lifetimes){
	    .retention_ms = option_number(OPTION_LOG_RETENTION_DAYS) * day_ms,
	    .idempotency_ms = option_number(OPTION_IDEMPOTENCY_KEY_DAYS) * day_ms,
	    .tombstone_ms = option_number(OPTION_LOG_TOMBSTONE_DAYS) * day_ms,
	};
}

struct projection *projection_open(const char *path, const struct projection_lifetimes *lifetimes, struct error *error)
{
	struct projection *projection = calloc(1, sizeof(*projection));
	char *copy = strdup(path);
	if (projection == NULL || copy == NULL) {
		free(projection);
		free(copy);
		error_set(error, ERROR_PLATFORM_UNAVAILABLE, "out of memory");
		return NULL;
	}
	projection->path = copy;
	projection->lifetimes = *lifetimes;
	bool corrupt;
	bool opened = database_open(projection, &corrupt, error);
	if (!opened && corrupt) {
		log_error("the projection is damaged and is made again from the log; it is kept as %s.corrupt (%s)",
			  path, error->message);
		opened = move_aside(path, error) && database_open(projection, &corrupt, error);
	}
	if (!opened) {
		free(projection->path);
		free(projection);
		return NULL;
	}
	projection->scratch = arena_new();
	entities_open(projection);
	entities_read_numbers(projection);
	read_counts(projection);
	snapshots_read_pages(projection);
	return projection;
}

void projection_close(struct projection *projection)
{
	if (projection == NULL)
		return;
	struct error error;
	bool corrupt = projection->corrupt;
	database_close(projection);
	if (corrupt && !move_aside(projection->path, &error))
		log_error("%s", error.message);
	cache_clear(&projection->cache);
	arena_free(projection->scratch);
	free(projection->path);
	free(projection);
}

const struct entity_store *projection_entities(struct projection *projection)
{
	return &projection->entities;
}

const struct error *projection_failure(const struct projection *projection)
{
	return projection->failed ? &projection->failure : NULL;
}

static bool store_position(void *context, struct projection_position *out, struct error *error)
{
	struct projection *projection = context;
	*out = (struct projection_position){0};
	sqlite3_stmt *stmt = statement(projection, STATEMENT_POSITION);
	out->newest_ms = projection->newest_record_ms;
	if (stmt != NULL && statement_row(projection, stmt)) {
		snprintf(out->log_id, sizeof(out->log_id), "%s", (const char *)sqlite3_column_text(stmt, 0));
		out->log_epoch = (uint64_t)sqlite3_column_int64(stmt, 1);
		out->applied_seq = (uint64_t)sqlite3_column_int64(stmt, 2);
		snprintf(out->record_id, sizeof(out->record_id), "%s", (const char *)sqlite3_column_text(stmt, 3));
		sqlite3_reset(stmt);
	}
	return projection_sound(projection, error);
}

static bool store_begin(void *context, struct error *error)
{
	struct projection *projection = context;
	sqlite3_stmt *stmt = statement(projection, STATEMENT_BEGIN);
	if (stmt != NULL)
		statement_run(projection, stmt);
	return projection_sound(projection, error);
}

/* What could not be read still is its aggregate's newest record: the next append must expect it, or
 * nothing could ever be appended there again. */
static void stand_behind(struct projection *projection, const struct stored_record *stored)
{
	const struct entity_store *store = &projection->writing;
	struct event_subject subject;
	if (!subject_parse_event(stored->subject, &subject))
		return;
	if (strcmp(subject.kind, "node") == 0) {
		Roost__NodeState *node = store->node(store->context, subject.id, projection->scratch);
		if (node == NULL || strcmp(node->owner, subject.owner) != 0)
			return;
		node->has_last_seq = true;
		node->last_seq = stored->seq;
		store->put_node(store->context, node);
	} else if (strcmp(subject.kind, "owner") == 0 && strcmp(subject.id, subject.owner) == 0) {
		Roost__OwnerState *owner = store->owner(store->context, subject.id, projection->scratch);
		if (owner == NULL) {
			arena_message(projection->scratch, owner, roost__owner_state__init);
			owner->owner = subject.id;
		}
		owner->has_last_seq = true;
		owner->last_seq = stored->seq;
		store->put_owner(store->context, owner);
	}
}

static const char *word_of(Roost__Record__Kind kind)
{
	return kind == ROOST__RECORD__KIND__NODE ? "node" : kind == ROOST__RECORD__KIND__OWNER ? "owner" : "task";
}

/* NULL, or why the record is none of its subject's: nobody may change one aggregate by the log of another. */
static const char *misplaced(const Roost__Record *record, const char *text)
{
	struct event_subject subject;
	if (record->owner == NULL || record->aggregate_id == NULL)
		return "it names no owner or aggregate";
	if (!subject_parse_event(text, &subject) || strcmp(subject.owner, record->owner) != 0 ||
	    strcmp(subject.kind, word_of(record->kind)) != 0 || strcmp(subject.id, record->aggregate_id) != 0)
		return "it is of another owner or aggregate than its subject";
	return NULL;
}

static void store_event(struct projection *projection, uint64_t seq, uint32_t index, const Roost__Record *record,
			const Roost__Event *event)
{
	if (index < EVENTS_PER_RECORD)
		events_put(projection, record, (int64_t)(seq * EVENTS_PER_RECORD + index), event, projection->scratch);
}

static bool store_apply(void *context, const struct stored_record *stored, struct error *error)
{
	struct projection *projection = context;
	struct error reason;
	arena_reset(projection->scratch);
	projection->records++;
	const Roost__Record *record = (const Roost__Record *)message_unpack(&roost__record__descriptor, stored->data,
									    projection->scratch, &reason);
	const char *wrong = record == NULL ? reason.message : misplaced(record, stored->subject);
	if (wrong != NULL) {
		projection->undecodable++;
		log_warning("record %llu of %s is passed over: %s", (unsigned long long)stored->seq, stored->subject,
			    wrong);
		stand_behind(projection, stored);
		return projection_sound(projection, error);
	}
	struct apply_outcome outcome;
	if (record->recorded_at > projection->newest_record_ms)
		projection->newest_record_ms = record->recorded_at;
	expiry_of_things(projection);
	apply_record(&projection->writing, stored->seq, record, projection->scratch, &outcome);
	for (size_t i = 0; i < outcome.event_count; i++)
		store_event(projection, stored->seq, outcome.event_indexes[i], record, outcome.events[i]);
	if (outcome.skipped > 0) {
		projection->skipped += outcome.skipped;
		log_warning("%zu changes of record %llu of %s do not apply", outcome.skipped,
			    (unsigned long long)stored->seq, stored->subject);
	}
	expiry_of_things(projection); /* a snapshot may have brought old ones back */
	return projection_sound(projection, error);
}

static bool store_commit(void *context, const struct projection_position *position, struct error *error)
{
	struct projection *projection = context;
	entities_flush(projection);
	keys_forget_old(projection);
	expiry_of_events(projection);
	sqlite3_stmt *stmt = statement(projection, STATEMENT_SET_POSITION);
	if (stmt == NULL)
		return projection_sound(projection, error);
	bind_text(stmt, 1, position->log_id);
	sqlite3_bind_int64(stmt, 2, (int64_t)position->log_epoch);
	sqlite3_bind_int64(stmt, 3, (int64_t)position->applied_seq);
	bind_text(stmt, 4, position->record_id);
	sqlite3_bind_int64(stmt, 5, (int64_t)projection->records);
	sqlite3_bind_int64(stmt, 6, (int64_t)projection->undecodable);
	sqlite3_bind_int64(stmt, 7, (int64_t)projection->skipped);
	sqlite3_bind_int64(stmt, 8, projection->newest_record_ms);
	statement_run(projection, stmt);
	stmt = statement(projection, STATEMENT_COMMIT);
	if (stmt != NULL)
		statement_run(projection, stmt);
	if (cache_is_large(&projection->cache))
		cache_clear(&projection->cache);
	return projection_sound(projection, error);
}

static bool store_rebuild(void *context, const char *reason, struct error *error)
{
	struct projection *projection = context;
	log_warning("the projection is made again from the log: %s", reason);
	cache_clear(&projection->cache);
	projection->records = projection->undecodable = projection->skipped = 0;
	projection->newest_record_ms = projection->keys_forgotten_ms = projection->things_expired_ms = 0;
	if (!projection->failed && database_empty(projection))
		entities_read_numbers(projection);
	snapshots_read_pages(projection);
	return projection_sound(projection, error);
}

struct projection_store projection_runner_store(struct projection *projection)
{
	return (struct projection_store){
	    .position = store_position,
	    .begin = store_begin,
	    .apply = store_apply,
	    .commit = store_commit,
	    .rebuild = store_rebuild,
	    .context = projection,
	    .absence_ms_max = projection->lifetimes.tombstone_ms,
	};
}
