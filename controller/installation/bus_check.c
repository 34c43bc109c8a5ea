/* Each question is asked again after a short rest until the answer is right: the daemons are starting,
 * and "nobody listens" comes at once. The node's state is asked for when a heartbeat or a change of it
 * is heard. */
#include "controller/installation/bus_check.h"

#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "command.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	ASK_TIMEOUT_MS = 5000,
	REST_MS = 50,	       /* after an answer that is not the right one yet */
	LISTEN_REST_MS = 2000, /* the same when there is something to listen to */
	OWNER_MAX = 129,
};

struct bus_check {
	struct connection *connection;
	uv_timer_t *again;
	void (*ask)(struct bus_check *check);
	uint64_t ticket;
	bool asking;
	char owner[OWNER_MAX];
	char text[256]; /* the service's name, or the key of the node */
	char node_name[64];
	char node_id[27];
	Roost__Node__Status node_status;
	bool beat_heard;
	struct subscription *beats, *changes;
	void (*done)(void *context);
	void (*node_made)(void *context, const char *node_id);
	void (*failed)(void *context, const struct error *error);
	void *context;
};

static void ask_now(struct bus_check *check)
{
	if (!check->asking)
		check->ask(check);
}

static void rested(uv_timer_t *timer)
{
	ask_now(timer->data);
}

static void ask_after(struct bus_check *check, uint64_t rest_ms)
{
	uv_timer_start(check->again, rested, rest_ms, 0);
}

static void ask_for(struct bus_check *check, const struct outgoing *message,
		    void (*done)(void *context, const struct incoming *answer, const struct error *error))
{
	check->asking = true;
	check->ticket = connection_request(check->connection, message, ASK_TIMEOUT_MS, done, check);
}

static void stop_listening(struct bus_check *check)
{
	subscription_cancel(check->beats);
	subscription_cancel(check->changes);
	check->beats = NULL;
	check->changes = NULL;
}

/* ---- a service ---- */

static void service_answered(void *context, const struct incoming *answer, const struct error *error)
{
	(void)error;
	struct bus_check *check = context;
	check->asking = false;
	if (answer != NULL)
		check->done(check->context);
	else
		ask_after(check, REST_MS);
}

static void ask_service(struct bus_check *check)
{
	char subject[300];
	snprintf(subject, sizeof(subject), "$SRV.PING.%s", check->text);
	ask_for(check, &(struct outgoing){.subject = subject}, service_answered);
}

void bus_check_service(struct bus_check *check, const char *name, void (*done)(void *context))
{
	snprintf(check->text, sizeof(check->text), "%s", name);
	check->done = done;
	check->ask = ask_service;
	ask_now(check);
}

/* ---- the node ---- */

/* False when the answer is an error: then it is asked again, or given up, here. */
static bool good_answer(struct bus_check *check, const struct incoming *answer, const struct error *error)
{
	struct error reason = {0};
	check->asking = false;
	if (answer == NULL)
		reason = *error;
	else if (incoming_header(answer, HEADER_ERROR_CODE) == NULL)
		return true;
	else
		envelope_decode_error(answer->data, false, &reason);
	if (reason.code == ERROR_NODE_NOT_FOUND) {
		ask_after(check, LISTEN_REST_MS);
		return false;
	}
	if (reason.code == ERROR_FORBIDDEN || (answer != NULL && !error_code_retryable(reason.code)))
		check->failed(check->context, &reason);
	else
		ask_after(check, REST_MS);
	return false;
}

static void command(struct bus_check *check, const char *verb, const char *key, const ProtobufCMessage *request,
		    void (*done)(void *context, const struct incoming *answer, const struct error *error))
{
	struct arena *arena = arena_new();
	struct subject subject = subject_command(check->owner, "node", verb);
	struct header header = {HEADER_IDEMPOTENCY_KEY, key};
	struct outgoing message = {
	    .subject = subject.text,
	    .data = envelope_encode(request, false, arena),
	    .headers = &header,
	    .header_count = key == NULL ? 0 : 1,
	};
	ask_for(check, &message, done);
	arena_free(arena);
}

static void node_answered(void *context, const struct incoming *answer, const struct error *error)
{
	struct bus_check *check = context;
	if (!good_answer(check, answer, error))
		return;
	struct error reason = {0};
	struct arena *arena = arena_new();
	Roost__CreateNodeResponse *response = (Roost__CreateNodeResponse *)envelope_decode(
	    &roost__create_node_response__descriptor, answer->data, false, arena, &reason);
	bool good = response != NULL && response->node != NULL && response->node->id != NULL;
	if (good)
		snprintf(check->node_id, sizeof(check->node_id), "%s", response->node->id);
	arena_free(arena);
	if (good)
		check->node_made(check->context, check->node_id);
	else
		check->failed(check->context, &reason);
}

static void ask_for_node(struct bus_check *check)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = check->node_name;
	request.provider = "local";
	command(check, "create", check->text, &request.base, node_answered);
}

void bus_check_make_node(struct bus_check *check, const char *key, const char *name,
			 void (*done)(void *context, const char *node_id))
{
	snprintf(check->text, sizeof(check->text), "%s", key);
	snprintf(check->node_name, sizeof(check->node_name), "%s", name);
	check->node_made = done;
	check->ask = ask_for_node;
	ask_now(check);
}

/* A node that its owner stopped, or that could not be stopped, is as he left it. */
static bool is_up(const Roost__Node *node)
{
	if (node->status == ROOST__NODE__STATUS__STOPPED || node->status == ROOST__NODE__STATUS__ERROR)
		return true;
	return node->status == ROOST__NODE__STATUS__RUNNING &&
	       (!node->has_health_status || node->health_status == ROOST__NODE__HEALTH__HEALTHY);
}

const char *bus_check_node_state(const struct bus_check *check)
{
	switch (check->node_status) {
	case ROOST__NODE__STATUS__STOPPED:
		return "is stopped; start it with: roost node start";
	case ROOST__NODE__STATUS__ERROR:
		return "is in state error; see: roost node events";
	default:
		return "runs";
	}
}

static void state_answered(void *context, const struct incoming *answer, const struct error *error)
{
	struct bus_check *check = context;
	if (!good_answer(check, answer, error))
		return;
	struct error reason = {0};
	struct arena *arena = arena_new();
	Roost__GetNodeResponse *response = (Roost__GetNodeResponse *)envelope_decode(
	    &roost__get_node_response__descriptor, answer->data, false, arena, &reason);
	const Roost__Node *node = response == NULL ? NULL : response->node;
	bool runs = node != NULL && node->has_status && is_up(node);
	if (runs)
		check->node_status = node->status;
	arena_free(arena);
	if (!runs || !check->beat_heard) {
		ask_after(check, check->beat_heard ? REST_MS : LISTEN_REST_MS);
		return;
	}
	stop_listening(check);
	check->done(check->context);
}

static void ask_state(struct bus_check *check)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = check->node_id;
	command(check, "get", NULL, &request.base, state_answered);
}

static void heard_beat(void *context, const struct incoming *message)
{
	(void)message;
	struct bus_check *check = context;
	check->beat_heard = true;
	ask_now(check);
}

static void heard_change(void *context, const struct incoming *message)
{
	(void)message;
	ask_now(context);
}

void bus_check_node_runs(struct bus_check *check, const char *node_id, void (*done)(void *context))
{
	char token[OWNER_TOKEN_MAX];
	char tail[SUBJECT_MAX];
	snprintf(check->node_id, sizeof(check->node_id), "%s", node_id);
	check->done = done;
	check->beat_heard = false;
	check->ask = ask_state;
	owner_to_token(check->owner, token);
	snprintf(tail, sizeof(tail), "roost.tail.%s.%s.>", token, node_id);
	check->beats = connection_subscribe(check->connection, subject_beat(node_id).text, NULL, heard_beat, check);
	check->changes = connection_subscribe(check->connection, tail, NULL, heard_change, check);
	ask_now(check);
}

/* ---- life ---- */

struct bus_check *bus_check_new(struct connection *connection, const char *owner,
				void (*failed)(void *context, const struct error *error), void *context)
{
	struct bus_check *check = calloc(1, sizeof(*check));
	uv_timer_t *timer = calloc(1, sizeof(*timer));
	if (check == NULL || timer == NULL)
		abort();
	check->connection = connection;
	check->failed = failed;
	check->context = context;
	snprintf(check->owner, sizeof(check->owner), "%s", owner);
	check->again = timer;
	uv_timer_init(connection_loop(connection), timer);
	timer->data = check;
	return check;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void bus_check_free(struct bus_check *check)
{
	if (check == NULL)
		return;
	connection_forget(check->connection, check->ticket);
	stop_listening(check);
	uv_close((uv_handle_t *)check->again, timer_closed);
	free(check);
}
