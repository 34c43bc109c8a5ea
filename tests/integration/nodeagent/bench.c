/* Putting the bench together and clearing it. */
#include "tests/integration/nodeagent/bench.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/nats_server.h"
#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
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

void bench_prepare(struct bench *bench, const char *program)
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
}

static void on_look(uv_timer_t *timer)
{
	struct bench *bench = timer->data;
	if (!process_ended(&bench->agent.process) || bench_exists(bench, "nodeagent.deleted"))
		return;
	bench->restarts++;
	agent_program_start(&bench->agent);
}

static bool has_ended(void *context)
{
	struct bench *bench = context;
	return bench_exists(bench, "nodeagent.deleted") && process_ended(&bench->agent.process);
}

void bench_await_deleted(struct bench *bench)
{
	loop_until(&bench->loop, has_ended, bench, PATIENCE_MS, "the end of an agent whose node was deleted");
	assert_int_equal(process_wait(&bench->agent.process, PATIENCE_MS), 0);
	assert_false(bench_exists(bench, "nodeagent.db"));
	assert_false(bench_exists(bench, "workspaces"));
	assert_false(bench_exists(bench, "sessions"));
}

void bench_supervise(struct bench *bench)
{
	uv_timer_init(&bench->loop, &bench->supervision);
	bench->supervision.data = bench;
	bench->supervised = true;
	uv_timer_start(&bench->supervision, on_look, 20, 20);
}

void bench_open(struct bench *bench, const char *program)
{
	bench_open_cut(bench, program, "");
}

void bench_open_cut(struct bench *bench, const char *program, const char *cutpoint)
{
	bench_prepare(bench, program);
	snprintf(bench->agent.cutpoint, sizeof(bench->agent.cutpoint), "%s", cutpoint);
	agent_program_start(&bench->agent);
}

void bench_open_small(struct bench *bench, const char *program, unsigned int mib)
{
	char options[64];
	bench_prepare(bench, program);
	snprintf(options, sizeof(options), "size=%uM", mib);
	/* In a mount namespace of its own it goes with the test, however that ends. */
	assert_int_equal(unshare(CLONE_NEWNS), 0);
	assert_int_equal(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	bench->small = true;
	assert_int_equal(mount("small", bench->agent.folder, "tmpfs", 0, options), 0);
	agent_program_start(&bench->agent);
}

void bench_show_log(const struct bench *bench)
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

/* Neither control groups, nor links, mounts or firewall rules carry the node's id. */
static void assert_nothing_is_left(const struct bench *bench)
{
	char text[4096];
	char script[1024];
	snprintf(script, sizeof(script),
		 "exec 2>/dev/null; find /sys/fs/cgroup -name '*%s*' ; ip -o link | grep '%s';"
		 " grep '%s' /proc/self/mountinfo; nft list tables | grep '%s'; ls /run/roost | grep '%s'",
		 bench->agent.node_id, bench->agent.node_id, bench->agent.folder, bench->agent.node_id,
		 bench->agent.node_id);
	const char *const argv[] = {"sh", "-c", script, NULL};
	process_run(argv, NULL, text, sizeof(text));
	assert_string_equal(text, "");
}

void bench_close(struct bench *bench)
{
	if (getenv("TEST_SHOW_LOG"))
		bench_show_log(bench);
	if (bench->supervised)
		uv_close((uv_handle_t *)&bench->supervision, NULL);
	agent_program_kill(&bench->agent);
	bench->agent.cutpoint[0] = 0;
	int code = agent_program_stop_all(&bench->agent, true);
	fake_controller_stop(&bench->controller);
	loop_finish(&bench->loop);
	nats_server_stop(bench->server);
	assert_int_equal(code, 0);
	assert_false(bench_exists(bench, "workspaces"));
	assert_false(bench_exists(bench, "sessions"));
	assert_false(bench_exists(bench, "nodeagent.db"));
	if (bench->small)
		umount2(bench->agent.folder, MNT_DETACH);
	assert_nothing_is_left(bench);
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

void bench_repository(const struct bench *bench, char path[300])
{
	char text[2048];
	char script[1024];
	snprintf(path, 300, "%s/repos/project", bench->folder);
	snprintf(script, sizeof(script),
		 "mkdir -p '%s' && cd '%s' && git init -q -b main && echo hello > README && git add README &&"
		 " git -c user.name=test -c user.email=test@example.org commit -q -m first",
		 path, path);
	const char *const argv[] = {"sh", "-c", script, NULL};
	if (process_run(argv, NULL, text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

/* The sandbox's first process is the only workspaceinit whose environment or cgroup names it. */
int bench_kill_sandbox(const struct bench *bench, const char *workspace_id)
{
	(void)bench;
	char text[256];
	char script[512];
	snprintf(script, sizeof(script),
		 "for p in $(grep -ls '%s' /proc/[0-9]*/cgroup | cut -d/ -f3); do"
		 " [ \"$(readlink /proc/$p/ns/pid)\" != \"$(readlink /proc/self/ns/pid)\" ] &&"
		 " grep -q 'NSpid:.*\\s1$' /proc/$p/status && kill -9 $p && exit 0; done; exit 1",
		 workspace_id);
	const char *const argv[] = {"sh", "-c", script, NULL};
	return process_run(argv, NULL, text, sizeof(text));
}

int bench_setup(void **state)
{
	static struct bench bench;
	bench_open(&bench, "nodeagent-without-sandboxes");
	*state = &bench;
	return 0;
}

int bench_teardown(void **state)
{
	bench_close(*state);
	return 0;
}

void bench_touch(const struct bench *bench, const char *name, bool there)
{
	char path[600];
	snprintf(path, sizeof(path), "%s/%s", bench->agent.folder, name);
	if (!there) {
		unlink(path);
		return;
	}
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
}

int bench_starts_of(const struct bench *bench, const char *id)
{
	char beginning[64];
	snprintf(beginning, sizeof(beginning), "start %s", id);
	return agent_program_log_lines(&bench->agent, beginning);
}

pid_t bench_process_of(const struct bench *bench, const char *id)
{
	char path[600];
	char text[32] = "";
	snprintf(path, sizeof(path), "%s/workspaces/%s/pid", bench->agent.folder, id);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	fclose(file);
	return (pid_t)strtol(text, NULL, 10);
}

bool bench_lives(pid_t pid)
{
	char path[64];
	char line[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (!file)
		return false;
	bool read = fgets(line, sizeof(line), file) != NULL;
	fclose(file);
	const char *end = strrchr(line, ')');
	return read && end && end[1] && end[2] != 'Z';
}

const struct told *bench_run_workspace(struct bench *bench, const char *id, uint32_t generation)
{
	fake_controller_want(&bench->controller, id, generation, ROOST__WANTED_WORKSPACE__DESIRED__RUN, "");
	int before = fake_controller_count(&bench->controller, ROOST__REPORT__REPORT_WORKSPACE_RUNNING, id);
	return fake_controller_await(&bench->controller, ROOST__REPORT__REPORT_WORKSPACE_RUNNING, id, before + 1);
}

void bench_restart(struct bench *bench)
{
	bench->controller.beats = 0;
	agent_program_start(&bench->agent);
	loop_until_at_least(&bench->loop, &bench->controller.beats, 2, "beats of the agent that was started again");
}
