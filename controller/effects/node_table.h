/* What this controller knows of each node right now, beyond the projection: its beats and what has been
 * sent to it. One entry per node that ever beat or was sent to; lost with the process, and found again
 * by the next beat. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_NODE_TABLE_H
#define ROOST_CONTROLLER_EFFECTS_NODE_TABLE_H

#include "controller/projection/projection.h"

#include <stdbool.h>
#include <stdint.h>

/* From beats.c. */
struct node_beats {
	bool any;
	int64_t at_ms;	      /* monotonic, of the last one */
	int64_t at_server_ms; /* the same in the server's clock */
};

/* A record whose effect is waited for. */
struct settling {
	struct settling *next;
	void (*settled)(void *context);
	void *context;
};

/* Of wanted.c: one conversation at a time. */
struct node_sending {
	bool under_way;
	bool again; /* something changed meanwhile */
	bool held_known;
	uint64_t held_version;
	uint64_t idle_held, idle_version; /* nothing was to be sent for this pair */
	struct wanted_cursor cursor;
	bool more;
	int restarts;
	struct settling *now;	/* settled when the conversation ends */
	struct settling *later; /* came after it had begun: the next one's */
};

struct node_entry {
	char id[27];
	struct node_entry *next; /* of the same bucket */
	struct node_beats beats;
	bool announcing; /* a health record is under way */
	struct node_sending sending;
};

struct node_table;

struct node_table *node_table_new(void);

/* The entries go with it. Whoever keeps something in one has let go of it before. */
void node_table_free(struct node_table *table);

/* NULL when there is none. */
struct node_entry *node_table_find(const struct node_table *table, const char *id);

/* Made when absent. Entries stay where they are until the table is freed. */
struct node_entry *node_table_get(struct node_table *table, const char *id);

/* Calls `visit` for each entry; it must not add any. */
void node_table_each(struct node_table *table, void (*visit)(void *context, struct node_entry *entry), void *context);

#endif
