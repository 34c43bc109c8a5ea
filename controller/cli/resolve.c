/* Names are looked up in the lists that the platform gives, so they mean what `roost ... list` shows. */
#include "controller/cli/resolve.h"

#include "bus/foundation/ulid.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	enum error_code not_found;
} kinds[] = {
    [KIND_NODE] = {"node", ERROR_NODE_NOT_FOUND},
    [KIND_WORKSPACE] = {"workspace", ERROR_WORKSPACE_NOT_FOUND},
    [KIND_SESSION] = {"session", ERROR_SESSION_NOT_FOUND},
};

const char *kind_name(enum kind kind)
{
	return kinds[kind].name;
}

enum match { MATCH_PREFIX, MATCH_ENDED_NAME, MATCH_NAME, MATCH_ID, MATCH_NONE };

static enum match match(const struct candidate *candidate, const char *text)
{
	if (strcasecmp(candidate->id, text) == 0)
		return MATCH_ID;
	if (candidate->name != NULL && strcasecmp(candidate->name, text) == 0)
		return candidate->ended ? MATCH_ENDED_NAME : MATCH_NAME;
	return strncasecmp(candidate->id, text, strlen(text)) == 0 ? MATCH_PREFIX : MATCH_NONE;
}

static bool ambiguous(enum kind kind, const char *text, const struct candidate *const *found, size_t count,
		      struct arena *arena, struct error *error)
{
	enum { SHOWN_MAX = 8 };
	const char *lines = "";
	for (size_t i = 0; i < count && i < SHOWN_MAX; i++)
		lines = arena_printf(arena, "%s\n  %s  %.40s%s%.40s", lines, found[i]->id,
				     text_safe(found[i]->name, false, arena), found[i]->place == NULL ? "" : " in ",
				     text_safe(found[i]->place, false, arena));
	return error_set(error, ERROR_INVALID_ARGUMENT, "\"%s\" may mean %zu %ss. Use an id:%s%s",
			 text_safe(text, false, arena), count, kinds[kind].name, lines,
			 count > SHOWN_MAX ? "\n  ..." : "");
}

bool resolve_choose(enum kind kind, const char *text, const struct candidate *candidates, size_t count,
		    struct arena *arena, size_t *chosen, struct error *error)
{
	const struct candidate **found = arena_array_of(arena, const struct candidate *, count + 1);
	for (int wanted = MATCH_ID; text[0] != '\0' && wanted >= MATCH_PREFIX; wanted--) {
		size_t matches = 0;
		for (size_t i = 0; i < count; i++) {
			if (match(&candidates[i], text) != (enum match)wanted)
				continue;
			found[matches++] = &candidates[i];
			*chosen = i;
		}
		if (matches == 1)
			return true;
		if (matches > 1)
			return ambiguous(kind, text, found, matches, arena, error);
	}
	return error_set(error, kinds[kind].not_found, "There is no %s \"%.100s\". See: roost %s list",
			 kinds[kind].name, text_safe(text, false, arena), kinds[kind].name);
}

static struct candidate *list_nodes(struct client *client, struct arena *arena, uint64_t *seq, size_t *count,
				    struct error *error)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	const Roost__ListNodesResponse *list =
	    (const Roost__ListNodesResponse *)api_list(client, API_list_nodes, &request.base, arena, seq, error);
	if (list == NULL)
		return NULL;
	struct candidate *candidates = arena_array_of(arena, struct candidate, list->n_nodes + 1);
	*count = list->n_nodes;
	for (size_t i = 0; i < list->n_nodes; i++)
		candidates[i] = (struct candidate){.id = list->nodes[i]->id, .name = list->nodes[i]->name};
	return candidates;
}

static struct candidate *list_workspaces(struct client *client, struct arena *arena, uint64_t *seq, size_t *count,
					 struct error *error)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	const Roost__ListWorkspacesResponse *list = (const Roost__ListWorkspacesResponse *)api_list(
	    client, API_list_workspaces, &request.base, arena, seq, error);
	if (list == NULL)
		return NULL;
	struct candidate *candidates = arena_array_of(arena, struct candidate, list->n_workspaces + 1);
	*count = list->n_workspaces;
	for (size_t i = 0; i < list->n_workspaces; i++)
		candidates[i] = (struct candidate){.id = list->workspaces[i]->id,
						   .name = list->workspaces[i]->display_name,
						   .place = list->workspaces[i]->node_id};
	return candidates;
}

static bool has_ended(const Roost__AgentSession *session)
{
	return session->status == ROOST__AGENT_SESSION__STATUS__STOPPED ||
	       session->status == ROOST__AGENT_SESSION__STATUS__ERROR;
}

static struct candidate *list_sessions(struct client *client, struct arena *arena, uint64_t *seq, size_t *count,
				       struct error *error)
{
	Roost__ListSessionsRequest request = ROOST__LIST_SESSIONS_REQUEST__INIT;
	const Roost__ListSessionsResponse *list =
	    (const Roost__ListSessionsResponse *)api_list(client, API_list_sessions, &request.base, arena, seq, error);
	if (list == NULL)
		return NULL;
	struct candidate *candidates = arena_array_of(arena, struct candidate, list->n_sessions + 1);
	*count = list->n_sessions;
	for (size_t i = 0; i < list->n_sessions; i++)
		candidates[i] = (struct candidate){.id = list->sessions[i]->id,
						   .name = list->sessions[i]->label,
						   .place = list->sessions[i]->workspace_id,
						   .ended = has_ended(list->sessions[i])};
	return candidates;
}

/* A whole id in upper case, or NULL. */
static const char *whole_id(const char *text, struct arena *arena)
{
	char *id = arena_strdup(arena, text);
	for (char *at = id; *at != '\0'; at++)
		*at = (char)toupper((unsigned char)*at);
	return ulid_valid(id) ? id : NULL;
}

const char *resolve(struct client *client, enum kind kind, const char *text, struct arena *arena, uint64_t *seq,
		    struct error *error)
{
	typedef struct candidate *lister(struct client *, struct arena *, uint64_t *, size_t *, struct error *);
	static lister *const listers[] = {
	    [KIND_NODE] = list_nodes, [KIND_WORKSPACE] = list_workspaces, [KIND_SESSION] = list_sessions};
	size_t count = 0;
	size_t chosen = 0;
	const struct candidate *candidates = listers[kind](client, arena, seq, &count, error);
	if (candidates == NULL)
		return NULL;
	if (resolve_choose(kind, text, candidates, count, arena, &chosen, error))
		return candidates[chosen].id;
	/* What is not listed any more, such as a deleted workspace, still has its id and its events. */
	return error->code == kinds[kind].not_found ? whole_id(text, arena) : NULL;
}
