/* What dies when the user confirms, in words and as details. Long lists are cut: whoever deletes a
 * thousand workspaces is told how many there are, not each. */
#include "controller/domain/deciding.h"
#include "controller/domain/states.h"

enum { LISTED_IN_MESSAGE = 5, LISTED_IN_DETAILS = 100 };

static const char *plural(size_t count)
{
	return count == 1 ? "" : "s";
}

static const char *describe(const Roost__WorkspaceState *workspace, struct arena *arena)
{
	const char *status = workspace_status_word(workspace->resource->status);
	size_t sessions = workspace->n_live_sessions;
	if (sessions == 0)
		return arena_printf(arena, "%s (%s)", workspace->resource->display_name, status);
	return arena_printf(arena, "%s (%s, %zu session%s)", workspace->resource->display_name, status, sessions,
			    plural(sessions));
}

static void detail(struct decision *decision, const char *name, const char *value)
{
	decision->details[decision->detail_count++] = (struct refusal_detail){name, value};
}

struct decision *refuse_unconfirmed(const struct decision_inputs *inputs, struct decision *decision,
				    const char *message, const struct workspace_states *dying)
{
	struct arena *arena = inputs->arena;
	const char *list = "";
	size_t sessions = 0;
	decision->details = arena_array_of(arena, struct refusal_detail, LISTED_IN_DETAILS + 2);
	for (size_t i = 0; i < dying->count; i++)
		sessions += dying->items[i]->n_live_sessions;
	detail(decision, "workspaces", arena_printf(arena, "%zu", dying->count));
	detail(decision, "sessions", arena_printf(arena, "%zu", sessions));
	for (size_t i = 0; i < dying->count && i < LISTED_IN_DETAILS; i++) {
		const char *description = describe(dying->items[i], arena);
		detail(decision, dying->items[i]->resource->id, description);
		if (i < LISTED_IN_MESSAGE)
			list = arena_printf(arena, "%s%s%s", list, i == 0 ? ": " : ", ", description);
	}
	if (dying->count > LISTED_IN_MESSAGE)
		list = arena_printf(arena, "%s and %zu more", list, dying->count - LISTED_IN_MESSAGE);
	return decision_refuse(inputs, decision, ERROR_CONFIRMATION_REQUIRED,
			       "%s %zu workspace%s and %zu session%s%s. Confirm to go on.", message, dying->count,
			       plural(dying->count), sessions, plural(sessions), list);
}
