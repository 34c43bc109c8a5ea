/* From what is waited for to its node. What cannot be read is not told: whoever waits reads it himself and
 * says what is wrong. */
#include "controller/cli/silence.h"

#include "command.pb-c.h"
#include "controller/cli/text.h"

#include <stdio.h>

static const ProtobufCMessage *get(const struct silence *silence, enum api_command command, const char *id,
				   uint64_t min_seq, struct arena *arena)
{
	struct error ignored;
	struct api_call call = {.command = command, .request = api_request(command, id, arena), .min_seq = min_seq};
	return api_call(silence->waiting->client, &call, arena, &ignored);
}

static const char *node_of_workspace(const struct silence *silence, const char *id, uint64_t min_seq,
				     struct arena *arena)
{
	const Roost__GetWorkspaceResponse *answer =
	    (const Roost__GetWorkspaceResponse *)get(silence, API_get_workspace, id, min_seq, arena);
	return answer == NULL ? NULL : answer->workspace->node_id;
}

static const char *find_node(const struct silence *silence, uint64_t min_seq, struct arena *arena)
{
	const char *id = silence->waiting->id;
	switch (silence->waiting->goal->kind) {
	case KIND_NODE:
		return id;
	case KIND_WORKSPACE:
		return node_of_workspace(silence, id, min_seq, arena);
	case KIND_SESSION:
		break;
	}
	const Roost__GetSessionResponse *answer =
	    (const Roost__GetSessionResponse *)get(silence, API_get_session, id, min_seq, arena);
	return answer == NULL ? NULL : node_of_workspace(silence, answer->session->workspace_id, min_seq, arena);
}

struct silence silence_of(const struct waiting *waiting)
{
	return (struct silence){.waiting = waiting};
}

void silence_look(struct silence *silence, uint64_t min_seq, struct arena *arena)
{
	if (silence->told)
		return;
	if (silence->node_id == NULL)
		silence->node_id = find_node(silence, min_seq, arena);
	if (silence->node_id == NULL)
		return;
	const Roost__GetNodeResponse *answer =
	    (const Roost__GetNodeResponse *)get(silence, API_get_node, silence->node_id, min_seq, arena);
	if (answer == NULL || !answer->node->has_health_status ||
	    answer->node->health_status == ROOST__NODE__HEALTH__HEALTHY)
		return;
	silence->told = true;
	fprintf(stderr, "roost: node %s is silent; it goes on when the node is back. See: roost node get %s\n",
		text_safe(answer->node->name, false, arena), silence->node_id);
}
