/* Where decisions read and where applying a record reads and writes: entity by entity, behind a
 * vtable, so that the SQLite projection, the overlay in which a decision tries its record, and the
 * memory of tests and simulations share one implementation of every rule. Used on one thread.
 *
 * Reads return a state of their own, unpacked into the arena that is given, which the caller may
 * change; the store sees a change only by a put. A put copies what it is given. NULL: there is none.
 * Nothing here knows owners' rights: whoever reads compares the owner (D14). */
#ifndef ROOST_CONTROLLER_DOMAIN_ENTITY_STORE_H
#define ROOST_CONTROLLER_DOMAIN_ENTITY_STORE_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "state.pb-c.h"

/* The resource that answers a command; at most one pointer is set. */
struct answer {
	Roost__Node *node;
	Roost__Workspace *workspace;
	Roost__AgentSession *session;
};

/* What is remembered of a command that had an idempotency key. */
struct keyed_command {
	const unsigned char *request_hash; /* 32 bytes */
	int64_t recorded_at_ms;
	const char *answer_id; /* of the resource */
	const char *node_id;   /* the node of a claim; NULL when there was none */
	const char *of_node;   /* whose record it is, for puts: NULL for the owner's own */
	struct answer answer;  /* as it was right after the record; empty while only claimed */
};

struct workspace_states {
	Roost__WorkspaceState **items;
	size_t count;
};

struct snapshot_store;

struct entity_store {
	Roost__OwnerState *(*owner)(void *context, const char *owner, struct arena *arena);
	Roost__NodeState *(*node)(void *context, const char *id, struct arena *arena);
	Roost__WorkspaceState *(*workspace)(void *context, const char *id, struct arena *arena);
	Roost__SessionState *(*session)(void *context, const char *id, struct arena *arena);

	/* All but the deleted workspaces of a node, by id. */
	struct workspace_states (*workspaces)(void *context, const char *node_id, struct arena *arena);

	/* NULL when the owner has not used the key. Expiry is the decision's business. */
	struct keyed_command *(*keyed)(void *context, const char *owner, const char *key, struct arena *arena);

	void (*put_owner)(void *context, const Roost__OwnerState *state);
	void (*put_node)(void *context, const Roost__NodeState *state);
	void (*put_workspace)(void *context, const Roost__WorkspaceState *state);
	void (*put_session)(void *context, const Roost__SessionState *state);
	void (*put_keyed)(void *context, const char *owner, const char *key, const struct keyed_command *keyed);

	/* NULL for a store that never sees snapshots: they then change nothing in it. */
	const struct snapshot_store *snapshots;

	/* The first error that a read or a write met, or NULL. May be NULL for stores that cannot fail.
	 * A decision made on a failed store becomes a refusal with platform_unavailable. */
	const struct error *(*failure)(void *context);

	void *context;
};

#endif
