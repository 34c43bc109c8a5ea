/* Connect, list, stop each workspace with wait_ms, some at a time. Whatever goes wrong ends all of it at once or
 * leaves one workspace out: what still runs is ended by the node agent without the bus afterwards. */
#include "controller/installation/orderly_stop.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/link/connection.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "command.pb-c.h"

#include <stdio.h>

enum {
	ORDERLY_STOP_MS = 20 * 1000,
	ANSWER_MS = 2000,  /* for a connection, and for a list */
	AT_ONCE_MOST = 64, /* stops that are under way */
};

struct stops {
	const struct installation *installation;
	const char *owner;
	struct arena *arena;
	uv_loop_t loop;
	uv_timer_t patience, deadline;
	struct connection *connection;
	int64_t until_ms; /* monotonic */
	const char *cursor;
	const char **ids;
	size_t count, next, under_way;
	size_t stopped;
	bool listing;
	bool ended;
};

/* Inside it the requests under way fail, each with a call. */
static void end(struct stops *stops)
{
	if (stops->ended)
		return;
	stops->ended = true;
	uv_close((uv_handle_t *)&stops->patience, NULL);
	uv_close((uv_handle_t *)&stops->deadline, NULL);
	if (stops->connection != NULL)
		connection_close(stops->connection, NULL, NULL);
}

static void too_late(uv_timer_t *timer)
{
	end(timer->data);
}

static void ask(struct stops *stops, const char *verb, const ProtobufCMessage *request, int64_t timeout_ms,
		void (*done)(void *context, const struct incoming *answer, const struct error *error))
{
	struct subject subject = subject_command(stops->owner, "workspace", verb);
	struct outgoing message = {
	    .subject = subject.text,
	    .data = envelope_encode(request, false, stops->arena),
	};
	connection_request(stops->connection, &message, (uint32_t)timeout_ms, done, stops);
}

/* NULL when it is an error, or cannot be read. */
static const ProtobufCMessage *good_answer(struct stops *stops, const struct incoming *answer,
					   const ProtobufCMessageDescriptor *descriptor)
{
	struct error error;
	if (answer == NULL || incoming_header(answer, HEADER_ERROR_CODE) != NULL)
		return NULL;
	return envelope_decode(descriptor, answer->data, false, stops->arena, &error);
}

/* ---- stopping ---- */

static void stop_more(struct stops *stops);

static void stop_answered(void *context, const struct incoming *answer, const struct error *error)
{
	(void)error;
	struct stops *stops = context;
	const Roost__StopWorkspaceResponse *response = (const Roost__StopWorkspaceResponse *)good_answer(
	    stops, answer, &roost__stop_workspace_response__descriptor);
	stops->under_way--;
	if (response != NULL && response->has_status && response->status == ROOST__WORKSPACE__STATUS__STOPPED)
		stops->stopped++;
	stop_more(stops);
}

static void stop_one(struct stops *stops, const char *id, int64_t left_ms)
{
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = id;
	request.has_wait_ms = true;
	request.wait_ms = (uint32_t)left_ms;
	stops->under_way++;
	ask(stops, "stop", &request.base, left_ms, stop_answered);
}

static void stop_more(struct stops *stops)
{
	int64_t left_ms = stops->until_ms - clock_monotonic_ms();
	while (!stops->ended && left_ms > 0 && stops->next < stops->count && stops->under_way < AT_ONCE_MOST)
		stop_one(stops, stops->ids[stops->next++], left_ms);
	if (stops->under_way == 0)
		end(stops);
}

/* ---- what there is ---- */

static bool runs(const Roost__Workspace *workspace)
{
	return workspace->id != NULL && workspace->has_status &&
	       (workspace->status == ROOST__WORKSPACE__STATUS__CREATING ||
		workspace->status == ROOST__WORKSPACE__STATUS__RUNNING ||
		workspace->status == ROOST__WORKSPACE__STATUS__STOPPING);
}

static void keep(struct stops *stops, const Roost__ListWorkspacesResponse *page)
{
	const char **ids = arena_array_of(stops->arena, const char *, stops->count + page->n_workspaces + 1);
	for (size_t i = 0; i < stops->count; i++)
		ids[i] = stops->ids[i];
	stops->ids = ids;
	for (size_t i = 0; i < page->n_workspaces; i++)
		if (runs(page->workspaces[i]))
			ids[stops->count++] = page->workspaces[i]->id;
	stops->cursor = page->next_cursor;
}

static void list(struct stops *stops);

static void listed(void *context, const struct incoming *answer, const struct error *error)
{
	(void)error;
	struct stops *stops = context;
	const Roost__ListWorkspacesResponse *page = (const Roost__ListWorkspacesResponse *)good_answer(
	    stops, answer, &roost__list_workspaces_response__descriptor);
	if (page == NULL) {
		end(stops);
		return;
	}
	keep(stops, page);
	if (stops->cursor != NULL) {
		list(stops);
		return;
	}
	if (stops->count > 0)
		printf("stopping %zu workspace%s\n", stops->count, stops->count == 1 ? "" : "s");
	fflush(stdout);
	stop_more(stops);
}

static void list(struct stops *stops)
{
	Roost__ListWorkspacesRequest request = ROOST__LIST_WORKSPACES_REQUEST__INIT;
	request.node_id = stops->installation->node_id;
	request.has_limit = true;
	request.limit = LIST_LIMIT_MAX;
	request.cursor = stops->cursor;
	ask(stops, "list", &request.base, ANSWER_MS, listed);
}

static void online(void *context)
{
	struct stops *stops = context;
	if (stops->listing || stops->ended)
		return; /* a reconnection */
	stops->listing = true;
	uv_timer_stop(&stops->patience);
	list(stops);
}

/* ---- life ---- */

static void start_timer(struct stops *stops, uv_timer_t *timer, uint64_t ms)
{
	uv_timer_init(&stops->loop, timer);
	timer->data = stops;
	uv_timer_start(timer, too_late, ms, 0);
}

static void begin(struct stops *stops)
{
	struct error error;
	char *url = arena_printf(stops->arena, "nats://127.0.0.1:%u", stops->installation->nats_port);
	struct connection_settings settings = {
	    .name = "roost down",
	    .url = url,
	    .credentials_file = installation_path(stops->installation, stops->arena, "credentials/roost.creds"),
	    .inbox_user = stops->owner,
	    .online = online,
	    .context = stops,
	};
	stops->until_ms = clock_monotonic_ms() + ORDERLY_STOP_MS;
	start_timer(stops, &stops->patience, ANSWER_MS);
	start_timer(stops, &stops->deadline, ORDERLY_STOP_MS);
	stops->connection = connection_open(&stops->loop, &settings, &error);
	if (stops->connection == NULL)
		end(stops);
}

struct orderly_stop orderly_stop(const struct installation *installation, const char *owner)
{
	struct stops stops = {.installation = installation, .owner = owner};
	if (installation->node_id[0] == '\0' || installation->nats_port == 0)
		return (struct orderly_stop){0};
	stops.arena = arena_new();
	uv_loop_init(&stops.loop);
	begin(&stops);
	uv_run(&stops.loop, UV_RUN_DEFAULT);
	uv_loop_close(&stops.loop);
	arena_free(stops.arena);
	return (struct orderly_stop){.asked = stops.count, .stopped = stops.stopped};
}
