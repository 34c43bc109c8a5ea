/* Random but repeatable lives of control planes: commands of users, some with keys and some sent again,
 * reports that are late, doubled, reordered or rubbish, deadlines and health, nodes that stop, go and come,
 * a sweeper that may be wrong, and logs that go back. After each step the invariants are checked. */
#ifndef ROOST_TESTS_UNIT_DOMAIN_RANDOM_STEPS_H
#define ROOST_TESTS_UNIT_DOMAIN_RANDOM_STEPS_H

#include "tests/unit/domain/world.h"

enum { RANDOM_NODES_MAX = 8, RANDOM_THINGS_MAX = 4096, RANDOM_KEYS = 64 };

struct remembered_key {
	bool used;
	char key[16];
	unsigned char hash;
	enum { KEYED_WORKSPACE, KEYED_SESSION } kind;
	const char *target; /* node, NULL for a placement, or workspace */
	const char *name;
	unsigned char *answer;
	size_t answer_size;
};

struct random_life {
	struct world *world;
	uint64_t state;
	const char *nodes[RANDOM_NODES_MAX];
	size_t node_count;
	const char *workspaces[RANDOM_THINGS_MAX];
	size_t workspace_count;
	const char *sessions[RANDOM_THINGS_MAX];
	size_t session_count;
	struct remembered_key keys[RANDOM_KEYS];
	size_t key_count;
};

void random_life_begin(struct random_life *life, struct world *world, uint64_t seed);
void random_life_end(struct random_life *life);

/* Lets later steps meet the workspace, too. */
void random_life_note_workspace(struct random_life *life, const char *id);

/* One step, whatever it is. */
void random_step(struct random_life *life);

/* Fails the test when something that must always hold does not. */
void random_life_check(struct random_life *life);

#endif
