/* The answer comes when the run is over, or shortly before whoever asked gives up: then with what was
 * found until then. */
#include "sweeper/demand.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Percents of the time that a command has. A silent node may cost so little that others are reached. */
enum { DEMANDS_AT_ONCE = 4, ANSWER_AFTER_PERCENT = 70, NODE_PERCENT = 20 };

struct demanded {
	struct demand *demand;
	struct arena *arena;
	const char *reply;
	int64_t began_ns;
	struct run *run; /* NULL: free */
	uv_timer_t deadline;
};

struct demand {
	struct parts *parts;
	struct subscription *subscription;
	struct service_endpoint endpoint;
	struct demanded places[DEMANDS_AT_ONCE];
	int open_timers;
};

/* Only to an inbox: nobody has us publish for him. */
static void publish(struct demand *demand, const char *reply, struct bytes body, const struct header *headers,
		    size_t header_count)
{
	static const char inbox[] = "_INBOX.";
	struct outgoing message = {.subject = reply, .data = body, .headers = headers, .header_count = header_count};
	struct error error;
	if (strncmp(reply, inbox, sizeof(inbox) - 1) == 0 &&
	    !connection_publish(demand->parts->connection, &message, &error))
		log_warning("a sweep could not be answered: %s", error.message);
}

static void answer_error(struct demand *demand, const char *reply, const struct error *error)
{
	struct arena *arena = arena_new();
	const struct header headers[] = {
	    {HEADER_ERROR_CODE, arena_printf(arena, "%d", error_code_http_status(error->code))},
	    {HEADER_ERROR, error_code_name(error->code)},
	    {HEADER_RETRY_AFTER, "1"},
	};
	demand->endpoint.errors++;
	snprintf(demand->endpoint.last_error, sizeof(demand->endpoint.last_error), "%.159s", error->message);
	publish(demand, reply, envelope_encode_error(error, NULL, false, arena), headers, 3);
	arena_free(arena);
}

static void on_done(void *context, const struct run_outcome *outcome)
{
	struct demanded *demanded = context;
	struct demand *demand = demanded->demand;
	Roost__SweepResponse response = ROOST__SWEEP_RESPONSE__INIT;
	response.findings = outcome->findings;
	response.n_findings = outcome->finding_count;
	demand->endpoint.processing_ns += clock_monotonic_ns() - demanded->began_ns;
	publish(demand, demanded->reply, message_pack(&response.base, demanded->arena), NULL, 0);
	uv_timer_stop(&demanded->deadline);
	arena_free(demanded->arena);
	demanded->arena = NULL;
	demanded->run = NULL;
}

static void on_deadline(uv_timer_t *timer)
{
	struct demanded *demanded = timer->data;
	run_end_now(demanded->run);
}

static struct demanded *free_place(struct demand *demand)
{
	for (int i = 0; i < DEMANDS_AT_ONCE; i++)
		if (demand->places[i].run == NULL)
			return &demand->places[i];
	return NULL;
}

static bool begin(struct demand *demand, const struct incoming *message, struct arena *arena, struct error *error)
{
	struct demanded *place = free_place(demand);
	const Roost__SweepRequest *request =
	    (const Roost__SweepRequest *)message_unpack(&roost__sweep_request__descriptor, message->data, arena, error);
	if (request == NULL)
		return false;
	if (request->owner == NULL || request->owner[0] == '\0')
		return error_set(error, ERROR_INVALID_ARGUMENT, "owner: is missing");
	if (place == NULL)
		return error_set(error, ERROR_BUSY, "%d sweeps are under way", DEMANDS_AT_ONCE);
	const struct run_settings settings = {
	    .parts = demand->parts,
	    .passes = passes_switched_on(),
	    .owner = request->owner,
	    .dry_run = request->dry_run,
	    .findings_max = SWEEP_FINDINGS_MAX,
	    .node_timeout_ms = demand->parts->command_timeout_ms * NODE_PERCENT / 100,
	    .done = on_done,
	    .context = place,
	};
	place->run = run_start(&settings, error);
	if (place->run == NULL)
		return false;
	place->arena = arena;
	place->reply = arena_strdup(arena, message->reply);
	place->began_ns = clock_monotonic_ns();
	uv_timer_start(&place->deadline, on_deadline, demand->parts->command_timeout_ms * ANSWER_AFTER_PERCENT / 100,
		       0);
	return true;
}

static void on_request(void *context, const struct incoming *message)
{
	struct demand *demand = context;
	struct arena *arena = arena_new();
	struct error error = {0};
	demand->endpoint.requests++;
	if (begin(demand, message, arena, &error))
		return;
	answer_error(demand, message->reply, &error);
	arena_free(arena);
}

struct demand *demand_start(struct parts *parts)
{
	struct demand *demand = calloc(1, sizeof(*demand));
	if (demand == NULL)
		abort();
	demand->parts = parts;
	demand->endpoint = (struct service_endpoint){.name = "sweep", .subject = "roost.sweep", .queue = "sweepers"};
	for (int i = 0; i < DEMANDS_AT_ONCE; i++) {
		demand->places[i].demand = demand;
		demand->places[i].deadline.data = &demand->places[i];
		uv_timer_init(connection_loop(parts->connection), &demand->places[i].deadline);
	}
	demand->subscription = connection_subscribe(parts->connection, demand->endpoint.subject, demand->endpoint.queue,
						    on_request, demand);
	return demand;
}

static void on_closed(uv_handle_t *handle)
{
	struct demand *demand = ((struct demanded *)handle->data)->demand;
	if (--demand->open_timers == 0)
		free(demand);
}

void demand_stop(struct demand *demand)
{
	if (demand == NULL)
		return;
	subscription_cancel(demand->subscription);
	demand->open_timers = DEMANDS_AT_ONCE;
	for (int i = 0; i < DEMANDS_AT_ONCE; i++) {
		struct demanded *place = &demand->places[i];
		if (place->run != NULL)
			run_cancel(place->run);
		arena_free(place->arena);
		uv_close((uv_handle_t *)&place->deadline, on_closed);
	}
}

struct service_endpoint *demand_endpoint(struct demand *demand)
{
	return &demand->endpoint;
}
