/* Sends what is in the outbox: in order, one batch outstanding, again after 1 s to 30 s with jitter
 * while nobody takes it (S1-10), at once when the connection comes back. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_OUTBOX_H
#define ROOST_NODEAGENT_CONTROL_OUTBOX_H

#include "bus/link/connection.h"
#include "nodeagent/control/store.h"

struct outbox;

struct outbox_settings {
	struct connection *connection;
	struct store *store;
	const char *node_id; /* borrowed */
	/* Numbers did not fit the log: a new agent epoch began and everything is to be told anew. */
	void (*renewed)(void *context);
	/* The last report was taken. */
	void (*emptied)(void *context);
	void *context;
};

struct outbox *outbox_open(uv_loop_t *loop, const struct outbox_settings *settings);

/* Forgets what is outstanding; it stays in the store. `closed` is called when the memory is gone. */
void outbox_close(struct outbox *outbox, void (*closed)(void *context), void *context);

/* Something may be waiting: sends it unless a batch is outstanding or its time has not come. NULL is
 * allowed. */
void outbox_kick(struct outbox *outbox);

/* The connection is back: what waits is sent now. */
void outbox_online(struct outbox *outbox);

#endif
