/* Tables have what is searched as columns and the rest as the packed state message. Rows refer to each
 * other by number, so that the rows of events and their indexes stay small. */
#include "controller/projection/migrations.h"

const struct migration migrations[] = {
    {"position, owners, nodes, workspaces, sessions, events and idempotency keys",
     "CREATE TABLE position ("
     "  one INTEGER PRIMARY KEY CHECK (one = 1),"
     "  log_id TEXT NOT NULL, log_epoch INTEGER NOT NULL,"
     "  applied_seq INTEGER NOT NULL, record_id TEXT NOT NULL,"
     "  records INTEGER NOT NULL, undecodable INTEGER NOT NULL, skipped INTEGER NOT NULL);"
     "INSERT INTO position VALUES (1, '', 0, 0, '', 0, 0, 0);"

     "CREATE TABLE owner ("
     "  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
     "  state BLOB);" /* NULL: only its things are known */

     "CREATE TABLE node ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('pending', 'creating', 'running', 'stopping', 'stopped',"
     "    'error', 'deleting', 'deleted')),"
     "  state BLOB NOT NULL);"
     "CREATE INDEX node_of_owner ON node (owner, id) WHERE status <> 'deleted';"

     "CREATE TABLE workspace ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, node INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('creating', 'running', 'stopping', 'stopped', 'error',"
     "    'deleting', 'deleted')),"
     "  name_key TEXT, wanted_version INTEGER NOT NULL, deadline_at INTEGER, state BLOB NOT NULL);"
     "CREATE UNIQUE INDEX workspace_name ON workspace (node, name_key) WHERE status <> 'deleted';"
     "CREATE INDEX workspace_of_owner ON workspace (owner, id) WHERE status <> 'deleted';"
     "CREATE INDEX workspace_wanted ON workspace (node, wanted_version);"
     "CREATE INDEX workspace_deadline ON workspace (deadline_at, id) WHERE deadline_at IS NOT NULL;"

     "CREATE TABLE session ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, node INTEGER NOT NULL,"
     "  workspace INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('starting', 'running', 'stopping', 'stopped', 'error')),"
     "  wanted_version INTEGER NOT NULL, state BLOB NOT NULL);"
     "CREATE INDEX session_of_owner ON session (owner, id);"
     "CREATE INDEX session_of_workspace ON session (workspace, id);"
     "CREATE INDEX session_wanted ON session (node, wanted_version);"
     "CREATE INDEX session_live ON session (number) WHERE status IN ('starting', 'running', 'stopping');"

     "CREATE TABLE event (" /* place: sequence * 4096 + index of the change */
     "  place INTEGER PRIMARY KEY, owner INTEGER NOT NULL, node INTEGER, workspace INTEGER, session INTEGER,"
     "  event BLOB NOT NULL);"
     "CREATE INDEX event_of_owner ON event (owner);"
     "CREATE INDEX event_of_node ON event (node) WHERE node IS NOT NULL;"
     "CREATE INDEX event_of_workspace ON event (workspace) WHERE workspace IS NOT NULL;"
     "CREATE INDEX event_of_session ON event (session) WHERE session IS NOT NULL;"

     "CREATE TABLE keyed ("
     "  owner INTEGER NOT NULL, key TEXT NOT NULL, request_hash BLOB NOT NULL, recorded_at INTEGER NOT NULL,"
     "  answer_id TEXT, node_id TEXT,"
     "  answer_kind INTEGER NOT NULL," /* 0 none: a claim; 1 node, 2 workspace, 3 session */
     "  answer BLOB, PRIMARY KEY (owner, key)) WITHOUT ROWID;"
     "CREATE INDEX keyed_recorded_at ON keyed (recorded_at);"},

    {"times at which things expire, pages of snapshots; states count their records, so all is made again",
     "DROP TABLE position; DROP TABLE owner; DROP TABLE node; DROP TABLE workspace; DROP TABLE session;"
     "DROP TABLE event; DROP TABLE keyed;"

     "CREATE TABLE position ("
     "  one INTEGER PRIMARY KEY CHECK (one = 1),"
     "  log_id TEXT NOT NULL, log_epoch INTEGER NOT NULL,"
     "  applied_seq INTEGER NOT NULL, record_id TEXT NOT NULL,"
     "  records INTEGER NOT NULL, undecodable INTEGER NOT NULL, skipped INTEGER NOT NULL,"
     "  newest_at INTEGER NOT NULL);" /* the largest recorded_at */
     "INSERT INTO position VALUES (1, '', 0, 0, '', 0, 0, 0, 0);"

     "CREATE TABLE owner ("
     "  number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
     "  state BLOB,"			     /* NULL: only its things are known */
     "  purged INTEGER NOT NULL DEFAULT 0);" /* the log has nothing of it below this; not from the log */

     "CREATE TABLE node ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('pending', 'creating', 'running', 'stopping', 'stopped',"
     "    'error', 'deleting', 'deleted')),"
     "  ended_at INTEGER, due_at INTEGER," /* deleted; found to be past its time (not from the log) */
     "  purged INTEGER NOT NULL DEFAULT 0, state BLOB NOT NULL);"
     "CREATE INDEX node_of_owner ON node (owner, id) WHERE status <> 'deleted';"
     "CREATE INDEX node_ended ON node (ended_at) WHERE ended_at IS NOT NULL;"

     "CREATE TABLE workspace ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, node INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('creating', 'running', 'stopping', 'stopped', 'error',"
     "    'deleting', 'deleted')),"
     "  name_key TEXT, wanted_version INTEGER NOT NULL, deadline_at INTEGER,"
     "  ended_at INTEGER," /* deleted */
     "  state BLOB NOT NULL);"
     "CREATE UNIQUE INDEX workspace_name ON workspace (node, name_key) WHERE status <> 'deleted';"
     "CREATE INDEX workspace_of_owner ON workspace (owner, id) WHERE status <> 'deleted';"
     "CREATE INDEX workspace_wanted ON workspace (node, wanted_version);"
     "CREATE INDEX workspace_deadline ON workspace (deadline_at, id) WHERE deadline_at IS NOT NULL;"
     "CREATE INDEX workspace_ended ON workspace (ended_at) WHERE ended_at IS NOT NULL;"

     "CREATE TABLE session ("
     "  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, owner INTEGER NOT NULL, node INTEGER NOT NULL,"
     "  workspace INTEGER NOT NULL,"
     "  status TEXT NOT NULL CHECK (status IN ('starting', 'running', 'stopping', 'stopped', 'error')),"
     "  wanted_version INTEGER NOT NULL, ended_at INTEGER, state BLOB NOT NULL);"
     "CREATE INDEX session_of_owner ON session (owner, id);"
     "CREATE INDEX session_of_workspace ON session (workspace, id);"
     "CREATE INDEX session_wanted ON session (node, wanted_version);"
     "CREATE INDEX session_ended ON session (ended_at) WHERE ended_at IS NOT NULL;"

     "CREATE TABLE event (" /* place: sequence * 4096 + index of the change; node: NULL for the owner's own */
     "  place INTEGER PRIMARY KEY, at INTEGER NOT NULL, owner INTEGER NOT NULL, node INTEGER,"
     "  workspace INTEGER, session INTEGER, event BLOB NOT NULL);"
     "CREATE INDEX event_of_owner ON event (owner);"
     "CREATE INDEX event_of_node ON event (node) WHERE node IS NOT NULL;"
     "CREATE INDEX event_of_workspace ON event (workspace) WHERE workspace IS NOT NULL;"
     "CREATE INDEX event_of_session ON event (session) WHERE session IS NOT NULL;"

     "CREATE TABLE keyed ("
     "  owner INTEGER NOT NULL, key TEXT NOT NULL, request_hash BLOB NOT NULL, recorded_at INTEGER NOT NULL,"
     "  answer_id TEXT, node_id TEXT,"
     "  answer_kind INTEGER NOT NULL," /* 0 none: a claim; 1 node, 2 workspace, 3 session */
     "  answer BLOB,"
     "  node INTEGER NOT NULL," /* whose record it is; 0 the owner's own */
     "  PRIMARY KEY (owner, key)) WITHOUT ROWID;"
     "CREATE INDEX keyed_recorded_at ON keyed (recorded_at);"

     /* Of snapshots whose last page has not come. `data` is empty when everything was known before. */
     "CREATE TABLE page ("
     "  kind INTEGER NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, snapshot_id TEXT NOT NULL,"
     "  first_seq INTEGER NOT NULL, known INTEGER NOT NULL, data BLOB NOT NULL,"
     "  PRIMARY KEY (kind, id, number)) WITHOUT ROWID;"},

    {"what is on its way to another status, for the sweeper",
     "CREATE INDEX workspace_moving ON workspace (id) WHERE status IN ('creating', 'stopping', 'deleting', 'error');"
     "CREATE INDEX session_moving ON session (id) WHERE status IN ('starting', 'stopping');"},
};

const size_t migration_count = sizeof(migrations) / sizeof(migrations[0]);
