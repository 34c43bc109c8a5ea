/* roost events: the newest ones, the last one at the bottom, and with --follow whatever comes. */
#include "bus/foundation/limits.h"
#include "bus/wire/json.h"
#include "command.pb-c.h"
#include "controller/cli/follow.h"
#include "controller/cli/show.h"

#include <stdio.h>

static void each(void *context, const Roost__Event *event, struct arena *arena)
{
	const struct invocation *invocation = context;
	if (invocation->json)
		puts(json_from_message(&event->base, arena, NULL));
	else
		event_print(event, true, arena);
	fflush(stdout);
}

static bool read_filter(struct invocation *invocation, Roost__ListEventsRequest *request, uint64_t *seq,
			struct error *error)
{
	return option_id(invocation, "node", KIND_NODE, &request->node_id, seq, error) &&
	       option_id(invocation, "workspace", KIND_WORKSPACE, &request->workspace_id, seq, error) &&
	       option_id(invocation, "session", KIND_SESSION, &request->session_id, seq, error);
}

static int follow_on(struct invocation *invocation, const Roost__ListEventsRequest *request, uint64_t after_seq,
		     uint64_t seq)
{
	struct follow follow = {.client = invocation->client,
				.node_id = request->node_id,
				.workspace_id = request->workspace_id,
				.session_id = request->session_id,
				.after_seq = after_seq,
				.seq = seq,
				.until_ms = INT64_MAX,
				.each = each,
				.context = invocation};
	struct error error;
	while (follow_pull(&follow, &error) && follow_wait(&follow, follow.until_ms, &error))
		;
	return verb_failed(&error);
}

static int run(struct invocation *invocation)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	struct api_call call = {.command = API_list_events, .request = &request.base};
	bool follows = invocation_has(invocation, "follow");
	struct error error;
	request.has_limit = 1;
	if (!invocation_number(invocation, "limit", 1, LIST_LIMIT_MAX, LIST_LIMIT_DEFAULT, &request.limit, &error))
		return verb_misused(invocation->verb, error.message);
	if ((follows && !client_watch(invocation->client, &error)) ||
	    !read_filter(invocation, &request, &call.min_seq, &error))
		return verb_failed(&error);
	const ProtobufCMessage *answer = api_call(invocation->client, &call, invocation->arena, &error);
	if (answer == NULL)
		return verb_failed(&error);
	if (invocation->json && !follows)
		return show_json(invocation, API_list_events, answer);
	const Roost__ListEventsResponse *list = (const Roost__ListEventsResponse *)answer;
	for (size_t i = list->n_events; i > 0; i--)
		each(invocation, list->events[i - 1], invocation->arena);
	if (!follows)
		return EXIT_DONE;
	return follow_on(invocation, &request, list->n_events > 0 ? list->events[0]->seq : 0, call.seq);
}

static const struct verb_option options[] = {
    {"follow", NULL, "Go on with whatever happens, until Ctrl-C."},
    {"node", "node", "Only what concerns one node."},
    {"workspace", "workspace", "Only what concerns one workspace."},
    {"session", "session", "Only what concerns one session."},
    {"limit", "number", "How many of the past; 100 by default."},
    OPTION_END,
};

const struct verb verb_events = {
    .name = "events",
    .arguments = "",
    .sentence = "Show what happened, the newest at the bottom.",
    .options = options,
    .run = run,
};
