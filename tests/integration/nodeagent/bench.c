/* Putting the bench together and clearing it. */
#include "tests/integration/nodeagent/bench.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What design 9 lets a node do, and nothing more. */
static const char *node_credentials(struct nats_server *server, const char *node_id)
{
	static char report[64], beat[64], requests[64], inbox[64];
	snprintf(report, sizeof(report), "roost.report.%s", node_id);
	snprintf(beat, sizeof(beat), "roost.beat.%s", node_id);
	snprintf(requests, sizeof(requests), "roost.node.%s.>", node_id);
	snprintf(inbox, sizeof(inbox), "_INBOX.%s.>", node_id);
	const char *const publish[] = {report, beat, NULL};
	const char *const subscribe[] = {requests, inbox, NULL};
	struct user_permissions permissions = {
	    .publish_allow = publish, .subscribe_allow = subscribe, .allow_responses = true};
	return nats_server_credentials(server, node_id, &permissions);
}

const char *bench_id(char id[27])
{
	snprintf(id, 27, "%s", ulid_new(clock_wall_ms()).text);
	return id;
}

void bench_open(struct bench *bench, const char *program)
{
	static int number;
	static char path[512];
	char node_id[27];
	memset(bench, 0, sizeof(*bench));
	log_open("test", LOG_WARNING);
	snprintf(path, sizeof(path), "%s/%s", ROOST_TEST_PROGRAMS, program);
	snprintf(bench->folder, sizeof(bench->folder), "%s/%d", cleanup_folder(), number++);
	assert_int_equal(mkdir(bench->folder, 0700), 0);
	uv_loop_init(&bench->loop);
	bench->server = nats_server_start();
	bench_id(node_id);
	const char *url = nats_server_url(bench->server);
	fake_controller_start(&bench->controller, &bench->loop, url,
			      nats_server_credentials(bench->server, "controller", NULL), node_id);
	agent_program_init(&bench->agent, path, bench->folder, url, node_credentials(bench->server, node_id), node_id);
	agent_program_start(&bench->agent);
}

static void show_log(const struct bench *bench)
{
	char line[1024];
	char path[300];
	snprintf(path, sizeof(path), "%s/agent.log", bench->agent.folder);
	FILE *file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		print_message("%s", line);
	if (file)
		fclose(file);
}

void bench_close(struct bench *bench)
{
	if (getenv("TEST_SHOW_LOG"))
		show_log(bench);
	agent_program_kill(&bench->agent);
	int code = agent_program_stop_all(&bench->agent, true);
	fake_controller_stop(&bench->controller);
	loop_finish(&bench->loop);
	nats_server_stop(bench->server);
	assert_int_equal(code, 0);
	assert_false(bench_exists(bench, "workspaces"));
	assert_false(bench_exists(bench, "sessions"));
	assert_false(bench_exists(bench, "nodeagent.db"));
}

void bench_script(const struct bench *bench, const char *first, char script[512])
{
	snprintf(script, 512, "%s; while [ -d '%s' ]; do sleep 0.1; done", first, bench->folder);
}

bool bench_exists(const struct bench *bench, const char *name)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", bench->agent.folder, name);
	return access(path, F_OK) == 0;
}
