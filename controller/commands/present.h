/* Resources as users see them: what the projection holds and, over it, the live fields. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_PRESENT_H
#define ROOST_CONTROLLER_COMMANDS_PRESENT_H

#include "controller/commands/commands.h"
#include "controller/domain/entity_store.h"

/* Fill in the live fields; strings come from the arena. */
void present_node(const struct commands *commands, Roost__Node *node, struct arena *arena);
void present_workspace(const struct commands *commands, Roost__Workspace *workspace, struct arena *arena);
void present_answer(const struct commands *commands, const struct answer *answer, struct arena *arena);

#endif
