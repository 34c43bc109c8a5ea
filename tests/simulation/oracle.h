/* Whoever knows everything: it applies each record the moment it is stored and holds it, and what
 * machines do, against the rules of design.md. It has rules of its own where the product has tables. */
#ifndef ROOST_TESTS_SIMULATION_ORACLE_H
#define ROOST_TESTS_SIMULATION_ORACLE_H

#include "tests/simulation/agent.h"
#include "tests/simulation/log.h"
#include "tests/simulation/store.h"

struct seen_key {
	struct seen_key *next;
	const Roost__Record *record;
};

struct oracle {
	struct simulation *simulation;
	struct seen_key *keys;
	struct store *store;
	struct arena *arena; /* of the record in hand */
	const struct log_record *taking;
	const Roost__ReportPosition *positions[AGENTS_MAX]; /* by agent: the last one */
};

struct oracle *oracle_new(struct simulation *simulation);

void oracle_free(struct oracle *oracle);

/* Some record has the key. */
bool oracle_has_key(const struct oracle *oracle, const char *key);

/* A record was stored. */
void oracle_take(struct oracle *oracle, const struct log_record *stored);
/* The log went back. */
void oracle_restore(struct oracle *oracle, uint64_t seq);

/* An agent deletes reports up to this number. */
void oracle_forgets(struct oracle *oracle, const struct agent *agent, uint64_t taken);

/* A machine is about to do something. */
void oracle_starts(struct oracle *oracle, const struct agent *agent, const char *workspace_id, uint32_t generation);
void oracle_stops(struct oracle *oracle, const struct agent *agent, const struct sandbox *sandbox);
void oracle_removes(struct oracle *oracle, const struct agent *agent, const struct sandbox *sandbox);
void oracle_spawns(struct oracle *oracle, const struct agent *agent, const struct host *host);

/* NULL when everything has come to rest; otherwise what has not. */
const char *oracle_restless(struct oracle *oracle);
/* What must hold once everything has come to rest. */
void oracle_check_all(struct oracle *oracle);

#endif
