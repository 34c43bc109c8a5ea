/* A node agent without a machine: it speaks the whole protocol (apply, input, output, probe, inventory,
 * reports from an outbox, beats) and obeys at once instead of building sandboxes, so that tests of
 * controllers run against what a node really says. On the test's loop.
 *
 * By itself it reports its node running, every workspace that is wanted running after one step, every
 * end, and its node stopped or removed once that is wanted and true. In manual mode it only stores and
 * answers, and the test reports. */
#ifndef ROOST_TESTS_SUPPORT_FAKE_AGENT_H
#define ROOST_TESTS_SUPPORT_FAKE_AGENT_H

#include "bus/foundation/arena.h"
#include "node.pb-c.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct fake_agent;

struct fake_agent_settings {
	uv_loop_t *loop;
	const char *url;
	const char *credentials_file;
	const char *node_id;
	uint64_t agent_epoch; /* 0: a new one */
	uint32_t beat_ms;     /* 0: no beats */
	bool manual;
	uint32_t answer_timeout_ms; /* to reports, until they are sent again; 0: 3 seconds */
};

struct fake_agent *fake_agent_start(const struct fake_agent_settings *settings);

/* Closes its connection; run the loop to its end afterwards. */
void fake_agent_stop(struct fake_agent *agent);

/* Puts a report into the outbox; its number is filled in. */
void fake_agent_report(struct fake_agent *agent, const Roost__Report *report);

/* The reports that nodes make, by name. */
void fake_agent_says_node_running(struct fake_agent *agent);
void fake_agent_says_workspace_step(struct fake_agent *agent, const char *id, uint32_t generation, const char *step);
void fake_agent_says_workspace_running(struct fake_agent *agent, const char *id, uint32_t generation);
void fake_agent_says_workspace_failed(struct fake_agent *agent, const char *id, uint32_t generation,
				      const char *message);
void fake_agent_says_workspace_stopped(struct fake_agent *agent, const char *id, uint32_t generation);
void fake_agent_says_workspace_removed(struct fake_agent *agent, const char *id);
void fake_agent_says_session_running(struct fake_agent *agent, const char *id);
void fake_agent_says_session_ended(struct fake_agent *agent, const char *id, int32_t exit_code);

void fake_agent_says_node_stopped(struct fake_agent *agent);
void fake_agent_says_node_removed(struct fake_agent *agent);
void fake_agent_says_node_stop_failed(struct fake_agent *agent, const char *message, uint32_t processes,
				      uint32_t workspaces);
void fake_agent_says_node_degraded(struct fake_agent *agent, const char *message);
void fake_agent_says_node_recovered(struct fake_agent *agent);
void fake_agent_says_workspace_stop_failed(struct fake_agent *agent, const char *id, uint32_t generation,
					   const char *message, uint32_t processes, uint32_t mounts);
void fake_agent_says_workspace_lost(struct fake_agent *agent, const char *id, uint32_t generation, const char *message);

/* A line in a log that it keeps: the workspace's, or with NULL the node's own. Whoever waits for it gets it. */
void fake_agent_writes_log(struct fake_agent *agent, const char *workspace_id, const char *text);

/* As if a workspace of ours lay on the machine that nobody ever wanted: beats and the inventory name it,
 * until it is wanted removed. */
void fake_agent_has_unknown(struct fake_agent *agent, const char *id, const char *owner, int64_t made_at_ms);

/* Every inventory goes through `change` (NULL: none), which may hide, add and forge what it likes, in the
 * arena; false makes the answer an error. `cursor` is "" for the first page. */
typedef bool fake_inventory_change(void *context, const char *cursor, Roost__InventoryResponse *response,
				   struct arena *arena);
void fake_agent_changes_inventory(struct fake_agent *agent, fake_inventory_change *change, void *context);
int fake_agent_inventories(const struct fake_agent *agent); /* asked for so far */

/* What is wanted of the node itself; 0 before it was told. */
Roost__WantedNode__Desired fake_agent_wanted_node(const struct fake_agent *agent);

/* True when it would have ended: wanted away, nothing left, and a controller has taken its word. */
bool fake_agent_is_done(const struct fake_agent *agent);

bool fake_agent_is_manual(const struct fake_agent *agent);

/* Reports that lie in the outbox, answered by nobody yet. */
int fake_agent_waiting(const struct fake_agent *agent);

/* While false it hears nothing of what is asked of it, and beats go on: an agent whose command channel
 * is broken. */
void fake_agent_listen(struct fake_agent *agent, bool listen);

/* What it was told and did. */
struct fake_workspace {
	char id[27];
	uint64_t version;
	uint32_t generation;
	Roost__WantedWorkspace__Desired desired;
	uint32_t started_generation; /* the last one that it started */
	int starts;		     /* over all generations; each generation counts once when all is well */
	bool removed;
	bool unknown; /* never wanted; fake_agent_has_unknown */
	char owner[129];
	int64_t made_at;
};
struct fake_session {
	char id[27];
	uint64_t version;
	Roost__WantedSession__Desired desired;
	int starts; /* at most 1 when all is well */
	bool ended;
	int inputs; /* different input ids */
	char typed[4096];
	char last_input_id[129];
};
/* As if the session had been wanted: input and output then find it. */
void fake_agent_knows_session(struct fake_agent *agent, const char *id, const char *workspace_id);
const struct fake_workspace *fake_agent_workspace(const struct fake_agent *agent, const char *id);
const struct fake_session *fake_agent_session(const struct fake_agent *agent, const char *id);
int fake_agent_workspace_count(const struct fake_agent *agent);
int fake_agent_session_count(const struct fake_agent *agent);
uint64_t fake_agent_held_version(const struct fake_agent *agent);
int fake_agent_applies(const struct fake_agent *agent); /* that changed something */
int fake_agent_probes(const struct fake_agent *agent);	/* answered */
int fake_agent_beats(const struct fake_agent *agent);	/* sent */

#endif
