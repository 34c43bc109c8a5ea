/* Short times, so that what takes minutes in an installation takes a second or two here. */
#include "tests/integration/sweeper_fixture.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600 * 1000 };

int sweepers_set_up(void **state)
{
	struct sweepers *sweepers = calloc(1, sizeof(*sweepers));
	struct controllers *controllers = &sweepers->controllers;
	controllers_open(controllers);
	controllers_setenv(controllers, "SWEEP_GRACE_SECONDS", "1");
	controllers_setenv(controllers, "NODE_HEARTBEAT_STALE_SECONDS", "2");
	controllers_run(controllers, 0);
	sweepers->owner = "alice";
	sweepers->node = make_node(controllers, "alice", "first");
	struct fake_agent_settings settings = {
	    .loop = &controllers->loop,
	    .url = nats_server_url(controllers->server),
	    .credentials_file = nats_server_credentials(controllers->server, "node", NULL),
	    .node_id = sweepers->node,
	    .beat_ms = 50,
	};
	sweepers->agent = fake_agent_start(&settings);
	await_node(controllers, "alice", sweepers->node, ROOST__NODE__STATUS__RUNNING);
	*state = sweepers;
	return 0;
}

int sweepers_tear_down(void **state)
{
	struct sweepers *sweepers = *state;
	for (int i = 0; i < SWEEPERS_MAX; i++)
		process_kill(&sweepers->processes[i]);
	if (sweepers->agent != NULL)
		fake_agent_stop(sweepers->agent);
	controllers_close(&sweepers->controllers);
	free(sweepers);
	return 0;
}

static const char *path_of(struct sweepers *sweepers, int index, const char *suffix)
{
	return arena_printf(sweepers->controllers.arena, "%s/sweeper-%d.%s",
			    nats_server_folder(sweepers->controllers.server), index, suffix);
}

bool sweepers_log_has(struct sweepers *sweepers, int index, const char *text)
{
	static char content[256 * 1024];
	FILE *file = fopen(path_of(sweepers, index, "log"), "re");
	size_t size = file == NULL ? 0 : fread(content, 1, sizeof(content) - 1, file);
	content[size] = '\0';
	if (file != NULL)
		fclose(file);
	return strstr(content, text) != NULL;
}

struct waiting {
	struct sweepers *sweepers;
	int index;
	const char *text;
};

static bool logged(void *context)
{
	const struct waiting *waiting = context;
	loop_for(&waiting->sweepers->controllers.loop, 10);
	return sweepers_log_has(waiting->sweepers, waiting->index, waiting->text);
}

void sweepers_start(struct sweepers *sweepers, int index, const char *const *environment)
{
	struct controllers *controllers = &sweepers->controllers;
	struct arena *arena = controllers->arena;
	const char *argv[] = {ROOST_TEST_BIN "/roost-sweeper", NULL};
	const char *variables[32];
	int count = 0;
	variables[count++] = arena_printf(arena, "ROOST_NATS_URL=%s", nats_server_url(controllers->server));
	variables[count++] =
	    arena_printf(arena, "ROOST_CREDENTIALS=%s", nats_server_credentials(controllers->server, "sweeper", NULL));
	variables[count++] = arena_printf(arena, "ROOST_DATABASE=%s", path_of(sweepers, index, "db"));
	variables[count++] = "STOP_TIMEOUT_SECONDS=1";
	variables[count++] = "SWEEP_GRACE_SECONDS=1";
	variables[count++] = "NODE_HEARTBEAT_STALE_SECONDS=2";
	variables[count++] = "SWEEP_REMOVED_BUT_RUNNING_SECONDS=1";
	variables[count++] = "SWEEP_UNKNOWN_SECONDS=1";
	variables[count++] = "SWEEP_ABSENT_SECONDS=1";
	variables[count++] = "SWEEP_STUCK_SECONDS=1";
	variables[count++] = "SWEEP_SILENT_NODE_SECONDS=1";
	for (; environment != NULL && *environment != NULL; environment++)
		variables[count++] = *environment;
	variables[count] = NULL;
	process_start(&sweepers->processes[index], argv, variables, path_of(sweepers, index, "log"));
	struct waiting waiting = {sweepers, index, "the projection holds the log"};
	wait_until(logged, &waiting, PATIENCE_MS, "the sweeper's projection");
}

void sweepers_stop(struct sweepers *sweepers, int index)
{
	process_signal(&sweepers->processes[index], SIGTERM);
	assert_int_equal(process_wait(&sweepers->processes[index], PATIENCE_MS), 0);
}

struct looks {
	const struct fake_agent *agent;
	int least;
};

static bool has_looked(void *context)
{
	const struct looks *looks = context;
	return fake_agent_inventories(looks->agent) >= looks->least;
}

void sweepers_await_looks(struct sweepers *sweepers, int more)
{
	struct looks looks = {sweepers->agent, fake_agent_inventories(sweepers->agent) + more};
	loop_until(&sweepers->controllers.loop, has_looked, &looks, PATIENCE_MS, "the sweeper's looks");
	loop_for(&sweepers->controllers.loop, 300); /* for what follows from the last of them */
}

uint64_t sweepers_last_seq(struct sweepers *sweepers)
{
	struct call call = {.owner = "alice", .command = "node.list", .text = "{}", .json = true};
	struct reply reply = call_make(&sweepers->controllers, &call);
	reply_expect_success(&reply, "node.list");
	return reply.seq;
}

int sweepers_count_events(struct sweepers *sweepers, const char *type)
{
	Roost__ListEventsRequest request = ROOST__LIST_EVENTS_REQUEST__INIT;
	request.has_limit = true;
	request.limit = 500;
	struct call call = {.owner = sweepers->owner, .command = "event.list", .request = &request.base};
	struct reply reply = call_make(&sweepers->controllers, &call);
	const Roost__ListEventsResponse *response = reply_expect_success(&reply, "event.list");
	int count = 0;
	for (size_t i = 0; i < response->n_events; i++)
		count += strcmp(response->events[i]->type, type) == 0;
	return count;
}

void sweepers_await_events(struct sweepers *sweepers, const char *type, int least)
{
	int64_t deadline_ms = clock_monotonic_ms() + PATIENCE_MS;
	while (sweepers_count_events(sweepers, type) < least) {
		if (clock_monotonic_ms() > deadline_ms)
			fail_msg("there are not %d events of type %s", least, type);
		loop_for(&sweepers->controllers.loop, 50);
	}
}

const Roost__RunSweepResponse *sweepers_run(struct sweepers *sweepers, const char *owner, bool dry_run)
{
	Roost__RunSweepRequest request = ROOST__RUN_SWEEP_REQUEST__INIT;
	request.has_dry_run = true;
	request.dry_run = dry_run;
	struct call call = {.owner = owner, .command = "sweep.run", .request = &request.base};
	struct reply reply = call_make(&sweepers->controllers, &call);
	return reply_expect_success(&reply, "sweep.run");
}

const Roost__SweepFinding *sweepers_finding(const Roost__RunSweepResponse *response, const char *id)
{
	for (size_t i = 0; i < response->n_findings; i++) {
		const Roost__SweepFinding *finding = response->findings[i];
		if ((finding->workspace_id != NULL && strcmp(finding->workspace_id, id) == 0) ||
		    (finding->session_id != NULL && strcmp(finding->session_id, id) == 0))
			return finding;
	}
	return NULL;
}

const char *sweepers_id(struct sweepers *sweepers, int64_t at_ms)
{
	return arena_strdup(sweepers->controllers.arena, ulid_new(at_ms).text);
}

const char *sweepers_old_id(struct sweepers *sweepers)
{
	return sweepers_id(sweepers, clock_wall_ms() - 2 * HOUR_MS);
}

const char *sweepers_leave_behind(struct sweepers *sweepers)
{
	const char *id = sweepers_old_id(sweepers);
	fake_agent_has_unknown(sweepers->agent, id, "alice", clock_wall_ms() - 2 * HOUR_MS);
	return id;
}
