/* An installation in which people work while its processes are killed: two controllers, a sweeper, a node
 * agent with real sandboxes, nats-server and session hosts. What people have been told is remembered, so
 * that it can be compared with what is there when the killing has stopped. */
#ifndef ROOST_TESTS_FAULT_SOAK_TOWN_H
#define ROOST_TESTS_FAULT_SOAK_TOWN_H

#include "tests/support/installed.h"
#include "tests/support/process.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PEOPLE = 4, /* commands at once */
	WORKSPACES_MAX = 20000,
	REFUSALS_MAX = 32,
	SETTLE_MS = 120000,
	COMMAND_MS = 90000,
};

/* What somebody has asked for and been told. */
struct workspace {
	char name[32];
	char key[32];
	char id[27]; /* "" until a create was answered */
	bool asked_delete;
	const struct workspace *parent; /* whose end is its own too */
};

/* Its end was asked for, or that of what it belongs to. */
bool is_to_go(const struct workspace *workspace);

struct person {
	struct process process;
	struct workspace *workspace; /* that the running command is about; NULL for a command about a node */
	char output[512];
	bool creating;
};

struct town {
	const char *data;
	const char *node_id; /* of the installation's own node */
	struct workspace workspaces[WORKSPACES_MAX];
	size_t count;
	struct person people[PEOPLE];
	int commands, refused, kills;
	struct refusal {
		char code[48];
		int times;
	} refusals[REFUSALS_MAX]; /* by error code */
};

/* The one town of the program. */
extern struct town town;

/* Brings the installation up in a folder of its own, and takes it away with everything in it. */
void town_begin(void);
void town_end(void);

/* People work and processes are killed for so long; then everybody waits for the last answers. */
void town_under_fire(int64_t duration_ms);

/* Prints what people did and what they were refused. */
void town_tell_work(void);

/* The text of a field, "" when there is none. */
const char *text_of(const json_t *object, const char *field);

/* A list command's answer, to be released; NULL when there was none. */
json_t *list_of(const char *resource);

#endif
