/* JSON throughout: what the tests write is what an integrator would. */
#include "tests/integration/lifecycle_fixture.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void lifecycle_start_agent(struct fixture *fixture, bool manual)
{
	struct fake_agent_settings settings = {
	    .loop = &fixture->controllers.loop,
	    .url = nats_server_url(fixture->controllers.server),
	    .credentials_file = nats_server_credentials(fixture->controllers.server, "node", NULL),
	    .node_id = fixture->node,
	    .beat_ms = 200,
	    .manual = manual,
	};
	fixture->agent = fake_agent_start(&settings);
}

void lifecycle_stop_agent(struct fixture *fixture)
{
	fake_agent_stop(fixture->agent);
	fixture->agent = NULL;
	loop_for(&fixture->controllers.loop, 50); /* the server learns that it is gone */
}

static int begin(void **state, bool manual)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct controllers *controllers = &fixture->controllers;
	uint64_t shares[2];
	log_open("test", LOG_ERROR);
	controllers_open(controllers);
	controllers_setenv(controllers, "MAX_WORKSPACES_PER_NODE", "100");
	controllers_setenv(controllers, "MAX_NODES_PER_USER", "2");
	controllers_setenv(controllers, "NODE_PROBE_SECONDS", "1");
	controllers_setenv(controllers, "NODE_HEARTBEAT_STALE_SECONDS", "2");
	controllers_start(controllers, 0, NULL);
	controllers_start(controllers, 1, NULL);
	controllers_wait_ready(controllers);
	controllers_shares(controllers, shares, 2); /* both are there */
	fixture->node = make_node(controllers, "alice", "first");
	lifecycle_start_agent(fixture, manual);
	if (manual)
		fake_agent_says_node_running(fixture->agent);
	await_node(controllers, "alice", fixture->node, ROOST__NODE__STATUS__RUNNING);
	*state = fixture;
	return 0;
}

int lifecycle_set_up(void **state)
{
	return begin(state, false);
}

int lifecycle_set_up_manual(void **state)
{
	return begin(state, true);
}

int lifecycle_tear_down(void **state)
{
	struct fixture *fixture = *state;
	if (fixture->agent != NULL)
		fake_agent_stop(fixture->agent);
	controllers_close(&fixture->controllers);
	free(fixture);
	return 0;
}

static struct call call_of(struct fixture *fixture, const char *command, const char *format, va_list arguments)
{
	return (struct call){.owner = "alice",
			     .command = command,
			     .text = arena_vprintf(fixture->controllers.arena, format, arguments),
			     .json = true,
			     .timeout_ms = 30000};
}

struct reply ask(struct fixture *fixture, const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct call call = call_of(fixture, command, format, arguments);
	va_end(arguments);
	return call_make(&fixture->controllers, &call);
}

void ask_later(struct fixture *fixture, struct reply *reply, const char *command, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	struct call call = call_of(fixture, command, format, arguments);
	va_end(arguments);
	call_send(&fixture->controllers, &call, reply);
}

void expect_answer(const struct reply *reply, const char *text)
{
	reply_expect_success(reply, text);
	if (strstr((const char *)reply->body.data, text) == NULL)
		fail_msg("%s is not in %s", text, (const char *)reply->body.data);
}

const char *answer_field(struct fixture *fixture, const struct reply *reply, const char *name)
{
	struct arena *arena = fixture->controllers.arena;
	reply_expect_success(reply, name);
	const char *found = strstr((const char *)reply->body.data, arena_printf(arena, "\"%s\":\"", name));
	if (found == NULL)
		fail_msg("no %s in %s", name, (const char *)reply->body.data);
	const char *value = found == NULL ? "" : found + strlen(name) + 4;
	return arena_copy(arena, value, strcspn(value, "\""));
}

const char *running_workspace(struct fixture *fixture, const char *name, const char *parent)
{
	struct controllers *controllers = &fixture->controllers;
	struct reply reply =
	    parent == NULL
		? ask(fixture, "workspace.create", "{\"name\":\"%s\",\"nodeId\":\"%s\"}", name, fixture->node)
		: ask(fixture, "workspace.create", "{\"name\":\"%s\",\"parentId\":\"%s\"}", name, parent);
	const char *id = answer_field(fixture, &reply, "id");
	if (get_workspace(controllers, "alice", id)->status == ROOST__WORKSPACE__STATUS__CREATING &&
	    fake_agent_is_manual(fixture->agent))
		fake_agent_says_workspace_running(fixture->agent, id, 1);
	await_workspace(controllers, "alice", id, ROOST__WORKSPACE__STATUS__RUNNING);
	return id;
}

void await_gone(struct fixture *fixture, const char *command, const char *id)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	struct reply reply;
	do {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("%s %s still is there\n%s", command, id, controllers_log(&fixture->controllers, 0));
		loop_for(&fixture->controllers.loop, 10);
		reply = ask(fixture, command, "{\"id\":\"%s\"}", id);
	} while (reply.error.code != ERROR_NODE_NOT_FOUND && reply.error.code != ERROR_WORKSPACE_NOT_FOUND);
}
