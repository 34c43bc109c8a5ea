/* The schema of nodeagent.db, as an append-only list. Phases and desires are the numbers of
 * nodeagent/plan/plan.h and schemas/node.proto. */
#include "nodeagent/control/migrations.h"

const char *const agent_migrations[] = {
    /* 1: the agent, its workspaces and sessions (wanted and actual side by side), its outbox */
    "CREATE TABLE agent ("
    " one INTEGER PRIMARY KEY CHECK (one = 1),"
    " agent_epoch INTEGER NOT NULL,"
    " boot_id TEXT NOT NULL,"
    " log_id TEXT NOT NULL,"
    " log_epoch INTEGER NOT NULL,"
    " held_version INTEGER NOT NULL,"
    " reports_taken INTEGER NOT NULL," /* the last number that a controller answered for */
    " reports_sent INTEGER NOT NULL,"  /* the outbox's position up to which numbers are given */
    " capabilities BLOB NOT NULL"      /* as last reported; empty for never */
    ") STRICT;"
    "CREATE TABLE workspace ("
    " id TEXT PRIMARY KEY,"
    " known INTEGER NOT NULL,"
    " desired INTEGER NOT NULL,"
    " wanted_generation INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " wanted BLOB NOT NULL," /* WantedWorkspace */
    " phase INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " lost INTEGER NOT NULL," /* failed after it had run */
    " failed_step TEXT NOT NULL,"
    " failure TEXT NOT NULL,"
    " failure_detail TEXT NOT NULL,"
    " told_desired INTEGER NOT NULL,"
    " told_generation INTEGER NOT NULL,"
    " told_version INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE session ("
    " id TEXT PRIMARY KEY,"
    " workspace_id TEXT NOT NULL," /* empty while only its host is known */
    " known INTEGER NOT NULL,"
    " desired INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " wanted BLOB NOT NULL," /* WantedSession */
    " phase INTEGER NOT NULL,"
    " failed INTEGER NOT NULL,"
    " reason INTEGER NOT NULL,"
    " exit_code INTEGER," /* null when it is not known */
    " failure TEXT NOT NULL,"
    " told INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX session_of_workspace ON session (workspace_id);"
    "CREATE TABLE outbox ("
    " position INTEGER PRIMARY KEY AUTOINCREMENT,"
    " progress INTEGER NOT NULL," /* may be dropped when there are too many */
    " report BLOB NOT NULL"	  /* Report without its number */
    ") STRICT;",
    /* 2: what is wanted of the node, what a stop left, whether the runtime fails, a workspace's token */
    "ALTER TABLE agent ADD COLUMN node_desired INTEGER NOT NULL DEFAULT 0;" /* 0: nobody has said */
    "ALTER TABLE agent ADD COLUMN node_version INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN node_told INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN node_told_failed INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE agent ADD COLUMN degraded TEXT NOT NULL DEFAULT '';" /* a sample of what fails */
    "ALTER TABLE workspace ADD COLUMN left_processes INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE workspace ADD COLUMN left_mounts INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE workspace ADD COLUMN left_files INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE workspace ADD COLUMN token TEXT NOT NULL DEFAULT '';", /* of its present generation */
};
const int agent_migration_count = sizeof(agent_migrations) / sizeof(agent_migrations[0]);
