/* The invariants of a town at rest. */
#include "tests/fault/soak/checks.h"

#include "tests/fault/soak/town.h"
#include "tests/support/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_final(const char *status)
{
	return strcmp(status, "running") == 0 || strcmp(status, "stopped") == 0 || strcmp(status, "error") == 0;
}

static bool all_final(const char *resource)
{
	json_t *list = list_of(resource);
	bool final = list != NULL;
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) final = final && is_final(text_of(item, "status"));
	json_decref(list);
	return final;
}

static bool everything_is_final(void *context)
{
	(void)context;
	return all_final("node") && all_final("workspace") && all_final("session");
}

void check_settles(void)
{
	wait_until(everything_is_final, NULL, SETTLE_MS, "a final state of everything");
}

static int count_of(const json_t *list, const char *field, const char *value)
{
	int times = 0;
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) times += strcmp(text_of(item, field), value) == 0;
	return times;
}

void check_nothing_lost_or_doubled(void)
{
	json_t *list = list_of("workspace");
	assert_non_null(list);
	for (size_t i = 0; i < town.count; i++) {
		const struct workspace *workspace = &town.workspaces[i];
		assert_in_range(count_of(list, "displayName", workspace->name), 0, 1);
		bool expected = workspace->id[0] != '\0' && !is_to_go(workspace);
		if (expected && count_of(list, "id", workspace->id) != 1)
			fail_msg("workspace %s (%s) was answered and is not there", workspace->name, workspace->id);
	}
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) assert_null(strchr(text_of(item, "displayName"), '('));
	json_decref(list);
}

static void check_usable(const char *workspace)
{
	if (roost("session", "start", workspace, "--json", "--", "echo", "alive") != 0)
		fail_msg("no session in %s: %s", workspace, roost_output);
	json_t *session = json_loads(roost_output, 0, NULL);
	assert_non_null(session);
	const char *id = text_of(session, "id");
	if (roost("session", "wait", id) != 0)
		fail_msg("the session in %s does not end well: %s", workspace, roost_output);
	assert_int_equal(roost("session", "output", id), 0);
	if (strstr(roost_output, "alive") == NULL)
		fail_msg("the session in %s shows: %s", workspace, roost_output);
	json_decref(session);
}

void check_what_runs_can_be_used(void)
{
	json_t *list = list_of("workspace");
	assert_non_null(list);
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) if (strcmp(text_of(item, "status"), "running") == 0)
	    check_usable(text_of(item, "id"));
	json_decref(list);
}

/* The same record applied, told by the files themselves. */
static bool same_place(void *context)
{
	(void)context;
	static const char script[] = "a=$(sqlite3 \"$1/controller.db\" 'SELECT applied_seq FROM position');"
				     "b=$(sqlite3 \"$1/controller-2.db\" 'SELECT applied_seq FROM position');"
				     "[ -n \"$a\" ] && [ \"$a\" = \"$b\" ]";
	return process_run(WORDS("sh", "-c", script, "same", town.data), NULL, roost_output, ROOST_OUTPUT_BYTES) == 0;
}

void check_projections_equal(void)
{
	static const char script[] =
	    "cd \"$1\"; sqlite3 controller.db .dump >a.sql; sqlite3 controller-2.db .dump >b.sql;"
	    "cmp a.sql b.sql || diff a.sql b.sql | head -n 8 | cut -c 1-400; rm a.sql b.sql";
	wait_until(same_place, NULL, COMMAND_MS, "the same place of both controllers");
	assert_int_equal(
	    process_run(WORDS("sh", "-c", script, "equal", town.data), NULL, roost_output, ROOST_OUTPUT_BYTES), 0);
	if (roost_output[0] != '\0')
		fail_msg("two controllers hold different things: %s", roost_output);
}

static natsConnection *connect_to_bus(void)
{
	static char path[512], url[64];
	natsOptions *options = NULL;
	natsConnection *connection = NULL;
	snprintf(path, sizeof(path), "%s/installation.json", town.data);
	json_t *installation = json_load_file(path, 0, NULL);
	assert_non_null(installation);
	snprintf(url, sizeof(url), "nats://127.0.0.1:%lld",
		 (long long)json_integer_value(json_object_get(installation, "natsPort")));
	json_decref(installation);
	snprintf(path, sizeof(path), "%s/credentials/controller.creds", town.data);
	assert_int_equal(natsOptions_Create(&options), NATS_OK);
	assert_int_equal(natsOptions_SetURL(options, url), NATS_OK);
	assert_int_equal(natsOptions_SetUserCredentialsFromFiles(options, path, NULL), NATS_OK);
	assert_int_equal(natsOptions_SetMaxReconnect(options, 10), NATS_OK);
	natsStatus status = NATS_OK;
	for (int tries = 0; tries < 5; tries++) /* the library refuses a good login now and then */
		if ((status = natsConnection_Connect(&connection, options)) == NATS_OK)
			break;
	assert_int_equal(status, NATS_OK);
	natsOptions_Destroy(options);
	return connection;
}

static json_t *ask(natsConnection *connection, const char *subject, const char *body)
{
	natsMsg *answer = NULL;
	assert_int_equal(natsConnection_RequestString(&answer, connection, subject, body, 5000), NATS_OK);
	json_t *json = json_loadb(natsMsg_GetData(answer), (size_t)natsMsg_GetDataLength(answer), 0, NULL);
	natsMsg_Destroy(answer);
	assert_non_null(json);
	assert_null(json_object_get(json, "error"));
	return json;
}

void check_streams(void)
{
	natsConnection *connection = connect_to_bus();
	json_t *info = ask(connection, "$JS.API.STREAM.INFO.ROOST_EVENTS", "{\"subjects_filter\":\">\"}");
	const json_t *subjects = json_object_get(json_object_get(info, "state"), "subjects");
	const char *subject;
	json_t *count;
	json_object_foreach((json_t *)subjects, subject, count)
	{
		if (strcmp(subject, "roost.evt.local.owner.local") != 0 && strstr(subject, town.node_id) == NULL)
			fail_msg("the log has a subject that nobody made: %s", subject);
	}
	json_decref(info);
	json_t *consumers = ask(connection, "$JS.API.CONSUMER.NAMES.ROOST_EVENTS", "{}");
	size_t durable = 0, i;
	json_t *name;
	json_array_foreach(json_object_get(consumers, "consumers"), i, name) durable +=
	    strcmp(json_string_value(name), "effects") == 0;
	assert_int_equal(durable, 1);
	json_decref(consumers);
	info = ask(connection, "$JS.API.STREAM.INFO.ROOST_BEATS", "{}");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(info, "state"), "messages")), 1);
	json_decref(info);
	natsConnection_Destroy(connection);
}

void check_all_can_be_deleted(void)
{
	json_t *list = list_of("workspace");
	assert_non_null(list);
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		/* A child is gone with its parent. */
		int code = roost("workspace", "delete", text_of(item, "id"), "--wait");
		if (code != 0 && strstr(roost_output, "workspace_not_found") == NULL)
			fail_msg("%s cannot be deleted: %s", text_of(item, "id"), roost_output);
	}
	json_decref(list);
	list = list_of("workspace");
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

/* Looks for the node's id and the data folder wherever the kernel keeps something. */
void check_nothing_left(void)
{
	static const char script[] =
	    "find /sys/fs/cgroup -type d -name \"*$1*\"; grep -e \"$1\" -e \"$2\" /proc/self/mountinfo;"
	    "grep -F -e \"$1\" -e \"$2\" /proc/net/unix;"
	    "nft list tables | grep \"$1\"; ls -d /run/roost/$1 2>/dev/null; ls -d \"$2\" 2>/dev/null;"
	    "losetup -a | grep -F -e \"$1\" -e \"$2\";"
	    "for p in /proc/[0-9]*; do"
	    "  [ $p != /proc/$$ ] || continue;"
	    "  cat $p/environ $p/cmdline 2>/dev/null | grep -qaF \"$2\" && tr '\\0' ' ' <$p/cmdline;"
	    "done; true";
	/* The data folder's name would be found in this script's own surroundings. */
	unsetenv("ROOST_DATA_DIR");
	assert_int_equal(process_run(WORDS("sh", "-c", script, "left", town.node_id, town.data), NULL, roost_output,
				     ROOST_OUTPUT_BYTES),
			 0);
	if (roost_output[0] != '\0')
		fail_msg("left behind: %s", roost_output);
}
