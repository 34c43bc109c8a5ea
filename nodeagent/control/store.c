/* The store's file, identity and transactions. The happy path opens a file that is there. What can go
 * wrong: the file is new (the agent starts as nobody and finds its work again), or the machine was
 * started anew (the last commits may be lost, so report numbers must not be trusted). */
#include "nodeagent/control/store.h"

#include "bus/foundation/log.h"
#include "nodeagent/control/migrations.h"
#include "nodeagent/control/store_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void die(const struct error *error)
{
	log_error("the agent's database cannot be written, so the agent ends: %s", error->message);
	exit(EXIT_FAILURE);
}

bool store_row(struct store *store, sqlite3_stmt *statement)
{
	struct error error = {0};
	bool row = false;
	if (!database_step(store->database, statement, &row, &error))
		die(&error);
	return row;
}

void store_run(struct store *store, sqlite3_stmt *statement)
{
	store_row(store, statement);
	database_done(statement);
}

void store_save_agent(struct store *store)
{
	sqlite3_stmt *s =
	    database_statement(store->database, "UPDATE agent SET agent_epoch = ?1, log_id = ?2, log_epoch = ?3,"
						" held_version = ?4, reports_taken = ?5, reports_sent = ?6,"
						" node_desired = ?7, node_version = ?8, node_told = ?9,"
						" node_told_failed = ?10, degraded = ?11");
	database_bind_number(s, 1, (int64_t)store->identity.agent_epoch);
	database_bind_text(s, 2, store->identity.log_id);
	database_bind_number(s, 3, (int64_t)store->identity.log_epoch);
	database_bind_number(s, 4, (int64_t)store->identity.held_version);
	database_bind_number(s, 5, (int64_t)store->reports_taken);
	database_bind_number(s, 6, store->reports_sent_to);
	database_bind_number(s, 7, store->node.wanted.desired);
	database_bind_number(s, 8, (int64_t)store->node.wanted.version);
	database_bind_number(s, 9, (int64_t)store->node.told_version);
	database_bind_number(s, 10, (int64_t)store->node.told_failed);
	database_bind_text(s, 11, store->degraded);
	store_run(store, s);
}

static bool load(struct store *store, char boot_id[64])
{
	sqlite3_stmt *s =
	    database_statement(store->database, "SELECT agent_epoch, log_id, log_epoch, held_version, reports_taken,"
						" reports_sent, boot_id, (SELECT count(*) FROM outbox), node_desired,"
						" node_version, node_told, node_told_failed, degraded FROM agent");
	bool found = store_row(store, s);
	if (found) {
		store->identity.agent_epoch = (uint64_t)sqlite3_column_int64(s, 0);
		snprintf(store->identity.log_id, sizeof(store->identity.log_id), "%s", sqlite3_column_text(s, 1));
		store->identity.log_epoch = (uint64_t)sqlite3_column_int64(s, 2);
		store->identity.held_version = (uint64_t)sqlite3_column_int64(s, 3);
		store->reports_taken = (uint64_t)sqlite3_column_int64(s, 4);
		store->reports_sent_to = sqlite3_column_int64(s, 5);
		snprintf(boot_id, 64, "%s", sqlite3_column_text(s, 6));
		store->reports_waiting = (size_t)sqlite3_column_int64(s, 7);
		store->node = (struct node_row){
		    .wanted = {.desired = (Roost__WantedNode__Desired)sqlite3_column_int(s, 8),
			       .version = (uint64_t)sqlite3_column_int64(s, 9)},
		    .told_version = (uint64_t)sqlite3_column_int64(s, 10),
		    .told_failed = (uint64_t)sqlite3_column_int64(s, 11),
		};
		snprintf(store->degraded, sizeof(store->degraded), "%s", sqlite3_column_text(s, 12));
	}
	database_done(s);
	return found;
}

void store_load_agent(struct store *store)
{
	char boot_id[64];
	load(store, boot_id);
}

/* Milliseconds above, chance below, so that a later one is larger; 63 bits for SQLite's sake. */
static uint64_t make_epoch(int64_t now_ms, uint64_t above)
{
	uint16_t chance = 0;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		chance = 0;
	uint64_t epoch = ((uint64_t)now_ms & 0xffffffffffff) << 15 | (chance & 0x7fff);
	return epoch > above ? epoch : above + 1;
}

void store_renew_epoch(struct store *store, int64_t now_ms, uint64_t above)
{
	uint64_t present = store->identity.agent_epoch;
	store->identity.agent_epoch = make_epoch(now_ms, above > present ? above : present);
	store->reports_taken = 0;
	store->reports_sent_to = 0;
	store_save_agent(store);
}

static void insert_agent(struct store *store, const char *boot_id)
{
	sqlite3_stmt *s = database_statement(
	    store->database, "INSERT INTO agent (one, agent_epoch, boot_id, log_id, log_epoch, held_version, "
			     "reports_taken, reports_sent, capabilities) VALUES (1, 0, ?1, '', 0, 0, 0, 0, x'')");
	database_bind_text(s, 1, boot_id);
	store_run(store, s);
}

static void set_boot_id(struct store *store, const char *boot_id)
{
	sqlite3_stmt *s = database_statement(store->database, "UPDATE agent SET boot_id = ?1");
	database_bind_text(s, 1, boot_id);
	store_run(store, s);
}

static void establish(struct store *store, const char *boot_id, int64_t now_ms, bool *fresh)
{
	char stored[64] = "";
	*fresh = !load(store, stored);
	if (!*fresh && strcmp(stored, boot_id) == 0)
		return;
	store_begin(store);
	if (*fresh)
		insert_agent(store, boot_id);
	else
		set_boot_id(store, boot_id);
	store_renew_epoch(store, now_ms, 0);
	store_commit(store);
	log_info("%s: agent epoch %" PRIu64, *fresh ? "a new database" : "the machine was started anew",
		 store->identity.agent_epoch);
}

struct store *store_open(const char *path, const char *boot_id, int64_t now_ms, bool *fresh, struct error *error)
{
	struct store *store = calloc(1, sizeof(*store));
	if (!store) {
		error_set(error, ERROR_INTERNAL, "out of memory");
		return NULL;
	}
	ballast_open(&store->ballast, path);
	store->database = database_open(path, agent_migrations, agent_migration_count, error);
	if (!store->database) {
		error_wrap(error, "open %s", path);
		free(store);
		return NULL;
	}
	store->scratch = arena_new();
	establish(store, boot_id, now_ms, fresh);
	return store;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	database_close(store->database);
	arena_free(store->scratch);
	free(store);
}

void store_begin(struct store *store)
{
	struct error error = {0};
	ballast_tend(&store->ballast);
	if (!database_begin(store->database, &error))
		die(&error);
}

void store_commit(struct store *store)
{
	struct error error = {0};
	if (!database_commit(store->database, &error))
		die(&error);
}

bool store_try_commit(struct store *store, struct error *error)
{
	if (database_commit(store->database, error))
		return true;
	store_rollback(store);
	return error_wrap(error, "store");
}

void store_rollback(struct store *store)
{
	database_rollback(store->database);
	store_load_agent(store);
}

const struct agent_identity *store_identity(const struct store *store)
{
	return &store->identity;
}

void store_set_held(struct store *store, const char *log_id, uint64_t log_epoch, uint64_t held_version)
{
	snprintf(store->identity.log_id, sizeof(store->identity.log_id), "%s", log_id);
	store->identity.log_epoch = log_epoch;
	store->identity.held_version = held_version;
	store_save_agent(store);
}

const struct node_row *store_node(const struct store *store)
{
	return &store->node;
}

void store_put_node(struct store *store, const struct node_row *row)
{
	store->node = *row;
	store_save_agent(store);
}

const char *store_degraded(const struct store *store)
{
	return store->degraded;
}

void store_set_degraded(struct store *store, const char *sample)
{
	snprintf(store->degraded, sizeof(store->degraded), "%s", sample);
	store_save_agent(store);
}

void store_forget_told(struct store *store)
{
	struct database *database = store->database;
	store->node.told_version = store->node.told_failed = 0;
	store_save_agent(store);
	store_run(store, database_statement(database, "UPDATE workspace SET told_desired = 0, told_generation = 0,"
						      " told_version = 0"));
	store_run(store, database_statement(database, "UPDATE session SET told = 0"));
	store_run(store, database_statement(database, "UPDATE agent SET capabilities = x''"));
}

void store_switch_log(struct store *store, const char *log_id, uint64_t log_epoch)
{
	struct database *database = store->database;
	store_run(store, database_statement(database, "UPDATE workspace SET known = 0, version = 0"));
	store_run(store, database_statement(database, "DELETE FROM session WHERE phase = 0"));
	store_run(store, database_statement(database, "UPDATE session SET known = 0, version = 0"));
	store->node = (struct node_row){0};
	store_forget_told(store);
	store_set_held(store, log_id, log_epoch, 0);
}

struct bytes store_capabilities(struct store *store, struct arena *arena)
{
	sqlite3_stmt *s = database_statement(store->database, "SELECT capabilities FROM agent");
	struct bytes packed = {0};
	if (store_row(store, s))
		packed = database_bytes(s, 0, arena);
	database_done(s);
	return packed;
}

void store_set_capabilities(struct store *store, struct bytes packed)
{
	sqlite3_stmt *s = database_statement(store->database, "UPDATE agent SET capabilities = ?1");
	database_bind_bytes(s, 1, packed);
	store_run(store, s);
}
