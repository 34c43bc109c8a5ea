/* Controllers find nats-server by ROOST_NATS_URL, have their own database in one folder, and log to a
 * file there that a failing test's reader can be shown. */
#include "tests/support/controllers.h"

#include "bus/foundation/clock.h"
#include "bus/wire/envelope.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_TIMEOUT_MS = 30000, ASK_AGAIN_MS = 10 };

void controllers_open(struct controllers *controllers)
{
	memset(controllers, 0, sizeof(*controllers));
	uv_loop_init(&controllers->loop);
	controllers->server = nats_server_start();
	controllers->arena = arena_new();
}

void controllers_close(struct controllers *controllers)
{
	for (int i = 0; i < CONTROLLERS_MAX; i++)
		process_kill(&controllers->processes[i]);
	for (int i = 0; i < OWNERS_MAX; i++)
		if (controllers->connections[i] != NULL)
			connection_close(controllers->connections[i], NULL, NULL);
	loop_finish(&controllers->loop);
	for (int i = 0; i < CONTROLLERS_MAX; i++)
		controllers_remove_database(controllers, i);
	nats_server_stop(controllers->server);
	arena_free(controllers->arena);
}

void controllers_setenv(struct controllers *controllers, const char *name, const char *value)
{
	snprintf(controllers->more_environment[controllers->more_count++], 256, "%s=%s", name, value);
}

static char *path_of(struct controllers *controllers, int index, const char *suffix)
{
	return arena_printf(controllers->arena, "%s/controller-%d%s", nats_server_folder(controllers->server), index,
			    suffix);
}

const char *controllers_database(struct controllers *controllers, int index)
{
	return path_of(controllers, index, ".db");
}

void controllers_remove_database(struct controllers *controllers, int index)
{
	unlink(path_of(controllers, index, ".db"));
	unlink(path_of(controllers, index, ".db-wal"));
	unlink(path_of(controllers, index, ".db-shm"));
}

const char *controllers_log(struct controllers *controllers, int index)
{
	FILE *file = fopen(path_of(controllers, index, ".log"), "r");
	char *text = arena_alloc(controllers->arena, 256 * 1024);
	if (file == NULL)
		return "";
	size_t size = fread(text, 1, 256 * 1024 - 1, file);
	text[size] = '\0';
	fclose(file);
	return text;
}

void controllers_start(struct controllers *controllers, int index, const char *const *environment)
{
	const char *argv[] = {ROOST_TEST_BIN "/roost-controller", NULL};
	const char *variables[24];
	int count = 0;
	struct arena *arena = controllers->arena;
	variables[count++] = arena_printf(arena, "ROOST_NATS_URL=%s", nats_server_url(controllers->server));
	variables[count++] = arena_printf(arena, "ROOST_CREDENTIALS=%s",
					  nats_server_credentials(controllers->server, "controller", NULL));
	variables[count++] = arena_printf(arena, "ROOST_DATABASE=%s", controllers_database(controllers, index));
	variables[count++] = arena_printf(arena, "ROOST_DATA_DIR=%s", nats_server_folder(controllers->server));
	for (int i = 0; i < controllers->more_count; i++)
		variables[count++] = controllers->more_environment[i];
	for (; environment != NULL && *environment != NULL; environment++)
		variables[count++] = *environment;
	variables[count] = NULL;
	process_start(&controllers->processes[index], argv, variables, path_of(controllers, index, ".log"));
}

void controllers_run(struct controllers *controllers, int index)
{
	controllers_start(controllers, index, NULL);
	controllers_wait_ready(controllers);
}

void controllers_wait_ready(struct controllers *controllers)
{
	Roost__ListNodesRequest request = ROOST__LIST_NODES_REQUEST__INIT;
	struct call call = {.owner = "nobody", .command = "node.list", .request = &request.base};
	call_until_final(controllers, &call, READY_TIMEOUT_MS);
}

void controllers_kill(struct controllers *controllers, int index)
{
	process_kill(&controllers->processes[index]);
}

void controllers_stop(struct controllers *controllers, int index)
{
	process_signal(&controllers->processes[index], SIGTERM);
	assert_int_equal(process_wait(&controllers->processes[index], READY_TIMEOUT_MS), 0);
}

static bool is_online(void *context)
{
	return connection_is_online(context);
}

struct connection *controllers_connection(struct controllers *controllers, const char *owner)
{
	int i = 0;
	while (i < OWNERS_MAX && controllers->connections[i] != NULL && strcmp(controllers->owners[i], owner) != 0)
		i++;
	assert_true(i < OWNERS_MAX);
	if (controllers->connections[i] != NULL)
		return controllers->connections[i];
	struct connection_settings settings = {
	    .name = "test client",
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "client", NULL),
	    .inbox_user = owner,
	};
	snprintf(controllers->owners[i], sizeof(controllers->owners[i]), "%s", owner);
	controllers->connections[i] = connection_open(&controllers->loop, &settings, NULL);
	loop_until(&controllers->loop, is_online, controllers->connections[i], PATIENCE_MS, "the client's connection");
	return controllers->connections[i];
}

struct sent {
	struct controllers *controllers;
	const ProtobufCMessageDescriptor *response;
	struct reply *reply;
	int64_t sent_ns;
	bool json;
};

/* The descriptors of a command, from the same table that controllers are made from. */
static const ProtobufCMessageDescriptor *response_of(const char *command)
{
#define COMMAND(resource, verb, stem, name, durable, body)                                                             \
	if (strcmp(command, #resource "." #verb) == 0)                                                                 \
		return &roost__##name##_response__descriptor;
#include "schemas/commands.def"
#undef COMMAND
	return NULL;
}

static void read_failure(struct reply *reply, const struct incoming *answer, bool json, struct arena *arena)
{
	struct bytes body = {arena_copy(arena, answer->data.data, answer->data.size), answer->data.size};
	reply->details = envelope_decode_error_details(body, json, arena, &reply->detail_count, &reply->error);
	for (size_t i = 0; i < reply->detail_count; i++)
		if (strcmp(reply->details[i]->key, "correlationId") == 0)
			reply->correlation = reply->details[i]->value;
}

static void answered(void *context, const struct incoming *answer, const struct error *error)
{
	struct sent *sent = context;
	struct reply *reply = sent->reply;
	struct arena *arena = sent->controllers->arena;
	reply->took_ns = clock_monotonic_ns() - sent->sent_ns;
	reply->done = true;
	if (answer == NULL) {
		reply->error = *error;
		return;
	}
	const char *seq = incoming_header(answer, HEADER_SEQ);
	reply->arrived = true;
	reply->seq = seq != NULL ? strtoull(seq, NULL, 10) : 0;
	reply->body = (struct bytes){arena_copy(arena, answer->data.data, answer->data.size), answer->data.size};
	if (incoming_header(answer, HEADER_ERROR_CODE) != NULL)
		read_failure(reply, answer, sent->json, arena);
	else if (!sent->json)
		reply->message = envelope_decode(sent->response, reply->body, false, arena, &reply->error);
}

void call_send(struct controllers *controllers, const struct call *call, struct reply *reply)
{
	struct arena *arena = controllers->arena;
	struct sent *sent = arena_new_of(arena, struct sent);
	struct header headers[4];
	size_t count = 0;
	*reply = (struct reply){0};
	*sent = (struct sent){controllers, response_of(call->command), reply, clock_monotonic_ns(), call->json};
	if (call->key != NULL)
		headers[count++] = (struct header){HEADER_IDEMPOTENCY_KEY, call->key};
	if (call->min_seq != 0)
		headers[count++] =
		    (struct header){HEADER_MIN_SEQ, arena_printf(arena, "%llu", (unsigned long long)call->min_seq)};
	if (call->traceparent != NULL)
		headers[count++] = (struct header){HEADER_TRACEPARENT, call->traceparent};
	if (call->json)
		headers[count++] = (struct header){HEADER_CONTENT_TYPE, CONTENT_TYPE_JSON};
	struct outgoing message = {
	    .subject = arena_printf(arena, "roost.cmd.%s.%s", call->owner, call->command),
	    .headers = headers,
	    .header_count = count,
	};
	if (call->request != NULL)
		message.data = envelope_encode(call->request, call->json, arena);
	else if (call->text != NULL)
		message.data = (struct bytes){(const unsigned char *)call->text, strlen(call->text)};
	connection_request(controllers_connection(controllers, call->owner), &message,
			   call->timeout_ms != 0 ? call->timeout_ms : CALL_TIMEOUT_MS, answered, sent);
}

static bool is_done(void *context)
{
	return ((const struct reply *)context)->done;
}

struct reply call_make(struct controllers *controllers, const struct call *call)
{
	struct reply reply;
	call_send(controllers, call, &reply);
	loop_until(&controllers->loop, is_done, &reply, 2 * CALL_TIMEOUT_MS, call->command);
	return reply;
}

bool reply_is_final(const struct reply *reply)
{
	return reply->arrived && (reply->error.code == ERROR_NONE || !error_code_retryable(reply->error.code));
}

struct reply call_until_final(struct controllers *controllers, const struct call *call, uint32_t timeout_ms)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	for (;;) {
		struct reply reply = call_make(controllers, call);
		if (reply_is_final(&reply))
			return reply;
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("%s had no final answer in %u ms; the last: %s %s\n%s", call->command, timeout_ms,
				 error_code_name(reply.error.code), reply.error.message,
				 controllers_log(controllers, 0));
		loop_for(&controllers->loop, ASK_AGAIN_MS);
	}
}

static int send_again(struct controllers *controllers, const struct call *calls, struct reply *replies, int count)
{
	int open = 0;
	for (int i = 0; i < count; i++) {
		if (replies[i].done && !reply_is_final(&replies[i]))
			call_send(controllers, &calls[i], &replies[i]);
		open += !replies[i].done;
	}
	return open;
}

void calls_until_final(struct controllers *controllers, const struct call *calls, struct reply *replies, int count,
		       uint32_t timeout_ms, void (*meanwhile)(void *context), void *context)
{
	int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
	for (int i = 0; i < count; i++)
		call_send(controllers, &calls[i], &replies[i]);
	while (send_again(controllers, calls, replies, count) > 0) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("not all of %d calls had a final answer in %u ms\n%s", count, timeout_ms,
				 controllers_log(controllers, 0));
		if (meanwhile != NULL)
			meanwhile(context);
		loop_for(&controllers->loop, ASK_AGAIN_MS);
	}
}

struct shares {
	uint64_t *of;
	int count, room;
};

/* Adds up "num_requests" over the endpoints of one controller's answer. */
static void count_share(void *context, const struct incoming *message)
{
	struct shares *shares = context;
	static const char name[] = "\"num_requests\":";
	char *text = strndup((const char *)message->data.data, message->data.size);
	uint64_t sum = 0;
	for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
		sum += strtoull(at + sizeof(name) - 1, NULL, 10);
	free(text);
	if (shares->count < shares->room)
		shares->of[shares->count++] = sum;
}

int controllers_shares(struct controllers *controllers, uint64_t *of, int room)
{
	struct shares shares = {of, 0, room};
	struct connection *connection = controllers_connection(controllers, "nobody");
	struct subscription *inbox =
	    connection_subscribe(connection, "_INBOX.nobody.shares", NULL, count_share, &shares);
	struct outgoing question = {.subject = "$SRV.STATS.roost-controller", .reply = "_INBOX.nobody.shares"};
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	do { /* one that is still starting does not hear the question */
		shares.count = 0;
		assert_true(connection_publish(connection, &question, NULL));
		loop_for(&controllers->loop, 100);
	} while (shares.count < room && clock_monotonic_ms() < deadline_ms);
	subscription_cancel(inbox);
	if (shares.count < room)
		fail_msg("only %d of %d controllers told their statistics", shares.count, room);
	return shares.count;
}

const void *reply_expect_success(const struct reply *reply, const char *what)
{
	if (!reply->arrived || reply->error.code != ERROR_NONE)
		fail_msg("%s: %s: %s", what, error_code_name(reply->error.code), reply->error.message);
	return reply->message;
}

void reply_expect_error(const struct reply *reply, enum error_code code, const char *what)
{
	if (!reply->arrived || reply->error.code != code)
		fail_msg("%s: expected %s, %s: %s %s", what, error_code_name(code),
			 reply->arrived ? "got" : "no answer came", error_code_name(reply->error.code),
			 reply->error.message);
	if (reply->error.message[0] == '\0')
		fail_msg("%s: the error has no sentence", what);
}

const char *reply_detail(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->detail_count; i++)
		if (strcmp(reply->details[i]->key, name) == 0)
			return reply->details[i]->value;
	fail_msg("the error %s has no detail %s: %.*s", error_code_name(reply->error.code), name, (int)reply->body.size,
		 (const char *)reply->body.data);
	return "";
}

const char *make_node(struct controllers *controllers, const char *owner, const char *name)
{
	Roost__CreateNodeRequest request = ROOST__CREATE_NODE_REQUEST__INIT;
	request.name = name;
	struct call call = {.owner = owner, .command = "node.create", .request = &request.base};
	struct reply reply = call_make(controllers, &call);
	const Roost__CreateNodeResponse *response = reply_expect_success(&reply, "node.create");
	return response->node->id;
}

const Roost__Workspace *make_workspace(struct controllers *controllers, const char *owner, const char *node,
				       const char *name)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = name;
	request.node_id = node;
	struct call call = {.owner = owner, .command = "workspace.create", .request = &request.base};
	struct reply reply = call_make(controllers, &call);
	const Roost__CreateWorkspaceResponse *response = reply_expect_success(&reply, "workspace.create");
	return response->workspace;
}

const Roost__Workspace *get_workspace(struct controllers *controllers, const char *owner, const char *id)
{
	Roost__GetWorkspaceRequest request = ROOST__GET_WORKSPACE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = owner, .command = "workspace.get", .request = &request.base};
	struct reply reply = call_until_final(controllers, &call, READY_TIMEOUT_MS);
	return ((const Roost__GetWorkspaceResponse *)reply_expect_success(&reply, "workspace.get"))->workspace;
}

const Roost__AgentSession *make_session(struct controllers *controllers, const char *owner, const char *workspace)
{
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = workspace;
	struct call call = {.owner = owner, .command = "session.create", .request = &request.base};
	struct reply reply = call_make(controllers, &call);
	return ((const Roost__CreateSessionResponse *)reply_expect_success(&reply, "session.create"))->session;
}

const Roost__AgentSession *get_session(struct controllers *controllers, const char *owner, const char *id)
{
	Roost__GetSessionRequest request = ROOST__GET_SESSION_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = owner, .command = "session.get", .request = &request.base};
	struct reply reply = call_until_final(controllers, &call, READY_TIMEOUT_MS);
	return ((const Roost__GetSessionResponse *)reply_expect_success(&reply, "session.get"))->session;
}

static const Roost__Node *get_node(struct controllers *controllers, const char *owner, const char *id)
{
	Roost__GetNodeRequest request = ROOST__GET_NODE_REQUEST__INIT;
	request.id = id;
	struct call call = {.owner = owner, .command = "node.get", .request = &request.base};
	struct reply reply = call_until_final(controllers, &call, READY_TIMEOUT_MS);
	return ((const Roost__GetNodeResponse *)reply_expect_success(&reply, "node.get"))->node;
}

static void or_give_up(struct controllers *controllers, int64_t deadline_ms, const char *what, const char *id,
		       int wanted, int status)
{
	if (clock_monotonic_ms() > deadline_ms)
		fail_msg("%s %s is in state %d, not %d\n%s", what, id, status, wanted, controllers_log(controllers, 0));
	loop_for(&controllers->loop, ASK_AGAIN_MS);
}

const Roost__Node *await_node(struct controllers *controllers, const char *owner, const char *id,
			      Roost__Node__Status status)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Node *node = get_node(controllers, owner, id);
		if (node->status == status)
			return node;
		or_give_up(controllers, deadline_ms, "node", id, (int)status, (int)node->status);
	}
}

const Roost__Workspace *await_workspace(struct controllers *controllers, const char *owner, const char *id,
					Roost__Workspace__Status status)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__Workspace *workspace = get_workspace(controllers, owner, id);
		if (workspace->status == status)
			return workspace;
		or_give_up(controllers, deadline_ms, "workspace", id, (int)status, (int)workspace->status);
	}
}

const Roost__AgentSession *await_session(struct controllers *controllers, const char *owner, const char *id,
					 Roost__AgentSession__Status status)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		const Roost__AgentSession *session = get_session(controllers, owner, id);
		if (session->status == status)
			return session;
		or_give_up(controllers, deadline_ms, "session", id, (int)status, (int)session->status);
	}
}
