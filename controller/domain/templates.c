/* Templates say what a workspace is like, the platform where it runs (S2-08). What was taken of one is
 * recorded with the workspace: a template that changes later concerns later workspaces. */
#include "controller/domain/templates.h"

#include <string.h>

bool template_find(const struct decision_limits *limits, const Roost__CreateWorkspaceRequest *request,
		   const struct workspace_template **found, struct error *error)
{
	*found = NULL;
	if (request->template_ == NULL || request->template_[0] == '\0')
		return true;
	for (size_t i = 0; i < limits->template_count && *found == NULL; i++)
		if (strcmp(limits->templates[i].name, request->template_) == 0)
			*found = &limits->templates[i];
	return *found != NULL ||
	       error_set(error, ERROR_INVALID_ARGUMENT, "template: there is no template \"%s\"", request->template_);
}

uint32_t template_timeout_ms(const struct decision_limits *limits, const struct workspace_template *template)
{
	if (limits->provision_override_ms != 0)
		return limits->provision_override_ms;
	if (template != NULL && template->provision_timeout_ms != 0)
		return template->provision_timeout_ms;
	return limits->provision_timeout_ms;
}

static bool has_own(const Roost__CreateWorkspaceRequest *request, const char *name)
{
	for (size_t i = 0; i < request->n_env; i++)
		if (strcmp(request->env[i]->key, name) == 0)
			return true;
	return false;
}

static void add_variable(Roost__WorkspaceSpec *spec, const char *name, const char *value, struct arena *arena)
{
	Roost__WorkspaceSpec__EnvEntry *entry;
	arena_message(arena, entry, roost__workspace_spec__env_entry__init);
	entry->key = name;
	entry->value = value;
	spec->env[spec->n_env++] = entry;
}

Roost__WorkspaceSpec *template_spec(const struct workspace_template *template,
				    const Roost__CreateWorkspaceRequest *request, struct arena *arena)
{
	Roost__WorkspaceSpec *spec;
	size_t defaults = template == NULL ? 0 : template->env_count;
	bool own_image = request->image != NULL && request->image[0] != '\0';
	arena_message(arena, spec, roost__workspace_spec__init);
	spec->repository = request->repository == NULL ? "" : request->repository;
	spec->branch = request->branch == NULL ? "" : request->branch;
	spec->image = own_image					    ? request->image
		      : template != NULL && template->image != NULL ? template->image
								    : "host";
	spec->template_ = request->template_;
	spec->env = arena_array_of(arena, Roost__WorkspaceSpec__EnvEntry *, request->n_env + defaults + 1);
	for (size_t i = 0; i < defaults; i++)
		if (!has_own(request, template->env[i].name))
			add_variable(spec, template->env[i].name, template->env[i].value, arena);
	for (size_t i = 0; i < request->n_env; i++)
		add_variable(spec, request->env[i]->key, request->env[i]->value, arena);
	return spec;
}
