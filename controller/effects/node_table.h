/* What this controller knows of each node right now, beyond the projection: what was heard of it and what
 * has been sent to it. Lost with the process, and found again by the next beat. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_NODE_TABLE_H
#define ROOST_CONTROLLER_EFFECTS_NODE_TABLE_H

#include "controller/effects/silence.h"
#include "controller/projection/projection.h"

#include <stdbool.h>
#include <stdint.h>

/* Of probes.c: calls that only ask whether the node answers. */
struct node_probing {
	uint64_t ticket;
	bool under_way;
	int64_t tried_at_ms; /* monotonic */
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
	bool for_good;	    /* it was deleted and holds more than the log: told under the last epoch of all */
	bool tell_epoch;    /* the agent may not know the node's epoch: to be sent even without rows */
	uint64_t log_epoch; /* of the node; held_version is of it */
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
	struct node_entry *next;      /* of the same bucket */
	struct node_entry *next_made; /* that was made after it */
	struct node_signs signs;
	int64_t beat_server_ms;	  /* of the last beat, in the server's clock */
	int64_t answer_server_ms; /* of the last answer, likewise */
	Roost__Node__Load load;	  /* of the last beat */
	bool announcing;	  /* a health record is under way */
	bool suspected;		  /* of being ahead of the log: that is being looked into */
	struct node_probing probing;
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

/* In the order of their making, by next_made: NULL while there is none. How many there are. */
struct node_entry *node_table_first(const struct node_table *table);
size_t node_table_count(const struct node_table *table);

/* Calls `visit` for each entry; it must not add any. */
void node_table_each(struct node_table *table, void (*visit)(void *context, struct node_entry *entry), void *context);

#endif
