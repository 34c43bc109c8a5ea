/* What a workspace gets of its template. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_TEMPLATES_H
#define ROOST_CONTROLLER_DOMAIN_TEMPLATES_H

#include "controller/domain/decision.h"

/* The template that the request names. False, with ERROR_INVALID_ARGUMENT, when there is none of that
 * name; *found is NULL when it names none. */
bool template_find(const struct decision_limits *limits, const Roost__CreateWorkspaceRequest *request,
		   const struct workspace_template **found, struct error *error);

/* The time in which a workspace must become running: what the operator says of all, or else the template,
 * or else the runtime. `template` may be NULL. */
uint32_t template_timeout_ms(const struct decision_limits *limits, const struct workspace_template *template);

/* The request's own words where it has some, else the template's. `template` may be NULL. */
Roost__WorkspaceSpec *template_spec(const struct workspace_template *template,
				    const Roost__CreateWorkspaceRequest *request, struct arena *arena);

#endif
