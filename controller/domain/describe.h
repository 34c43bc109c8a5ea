/* Every change as an event for people: level, type (the change's name in the oneof), a message that is
 * safe for users, and a detail where there is one. One table; pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_DESCRIBE_H
#define ROOST_CONTROLLER_DOMAIN_DESCRIBE_H

#include "bus/foundation/arena.h"
#include "record.pb-c.h"
#include "state.pb-c.h"

/* What the change is about, as it is after the change; NULL for what it is not about. */
struct described {
	const Roost__NodeState *node;
	const Roost__WorkspaceState *workspace;
	const Roost__SessionState *session;
};

/* The event of the record's change at `index`, in the arena. NULL for a change that this program does
 * not know. */
Roost__Event *describe_change(const Roost__Record *record, size_t index, uint64_t seq, const struct described *about,
			      struct arena *arena);

/* The name of a change in the oneof, such as "workspace_running"; NULL for an unknown one. */
const char *change_name(const Roost__Change *change);

#endif
