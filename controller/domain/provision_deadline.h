/* What a provisioning deadline that is over means; between the timer and the sweeper. */
#ifndef ROOST_CONTROLLER_DOMAIN_PROVISION_DEADLINE_H
#define ROOST_CONTROLLER_DOMAIN_PROVISION_DEADLINE_H

#include "controller/domain/decision.h"

/* The change that fails the workspace; NULL unless it is creating and its deadline is over. */
Roost__Change *provision_deadline_change(const Roost__WorkspaceState *workspace, int64_t now_ms, struct arena *arena);

#endif
