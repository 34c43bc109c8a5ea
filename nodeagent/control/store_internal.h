/* What the files of the store share. */
#ifndef ROOST_NODEAGENT_CONTROL_STORE_INTERNAL_H
#define ROOST_NODEAGENT_CONTROL_STORE_INTERNAL_H

#include "nodeagent/control/ballast.h"
#include "nodeagent/control/database.h"
#include "nodeagent/control/store.h"

struct store {
	struct database *database;
	struct ballast ballast;
	struct agent_identity identity;
	struct node_row node;
	char degraded[ERROR_MESSAGE_MAX];
	uint64_t reports_taken;	 /* the last number that was answered for */
	int64_t reports_sent_to; /* the outbox's position up to which numbers are given */
	size_t reports_waiting;
	struct arena *scratch; /* for packing; emptied by each user */
};

/* Runs a statement that gives no row, and gives it back; ends the process when it fails. */
void store_run(struct store *store, sqlite3_stmt *statement);
/* Steps a statement; ends the process when it fails. The caller gives it back with database_done. */
bool store_row(struct store *store, sqlite3_stmt *statement);
/* The identity and outbox counters as they are in the struct. */
void store_save_agent(struct store *store);
/* Reads them back, after a rollback. */
void store_load_agent(struct store *store);
/* A new agent epoch, above both the present one and `above`; reports are numbered from 1 again. */
void store_renew_epoch(struct store *store, int64_t now_ms, uint64_t above);
/* Everything counts as not yet told, the node's capabilities too. */
void store_forget_told(struct store *store);

#endif
