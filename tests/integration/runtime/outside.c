/* The namespace is held by the daemon alone, so it ends when that does; a named one would have to be
 * taken away. The daemon dies with the test program. */
#include "tests/integration/runtime/outside.h"

#include "tests/support/process.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct process daemon_process, silent_process, senders_process;

static bool answers(void *context)
{
	const struct outside *outside = context;
	char script[256];
	snprintf(script, sizeof(script), "git ls-remote git://%s/probe.git 2>&1 | grep -q 'not exported'",
		 outside->address);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	char output[64];
	return process_run(argv, NULL, output, sizeof(output)) == 0;
}

static bool has_namespace(void *context)
{
	(void)context;
	char script[128];
	snprintf(script, sizeof(script), "[ $(readlink /proc/%d/ns/net) != $(readlink /proc/self/ns/net) ]",
		 daemon_process.pid);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	char output[64];
	return process_run(argv, NULL, output, sizeof(output)) == 0;
}

/* Runs the guest program out there. */
static void start_guest(struct process *process, const char *verb, int port_number, const char *last)
{
	char pid[16], port[16];
	snprintf(pid, sizeof(pid), "%d", daemon_process.pid);
	snprintf(port, sizeof(port), "%d", port_number);
	const char *argv[] = {"nsenter", "-t", pid, "-n", GUEST_PROGRAM, verb, port, last, NULL};
	process_start(process, argv, NULL, "/dev/null");
}

void outside_note_senders(struct outside *outside, const char *path)
{
	(void)outside;
	start_guest(&senders_process, "senders", OUTSIDE_SENDERS_PORT, path);
}

void outside_add_address(struct outside *outside, const char *address)
{
	fixture_shell("nsenter -t %d -n ip addr add %s/32 dev inside && ip route add %s/32 via %s", daemon_process.pid,
		      address, address, outside->address);
}

void outside_open(struct outside *outside, struct fixture *fixture)
{
	unsigned number = (unsigned)getpid() & 0x3fff;
	snprintf(outside->name, sizeof(outside->name), "out%u", (unsigned)getpid());
	snprintf(outside->machine, sizeof(outside->machine), "198.%u.%u.%u", 18 + (number >> 13), (number >> 5) & 0xff,
		 (number & 0x1f) * 8 + 1);
	snprintf(outside->address, sizeof(outside->address), "198.%u.%u.%u", 18 + (number >> 13), (number >> 5) & 0xff,
		 (number & 0x1f) * 8 + 2);
	/* Waits for its address, which comes from the machine's side, and then serves. */
	char script[512], base_path[200];
	snprintf(base_path, sizeof(base_path), "--base-path=%s", fixture->repositories);
	snprintf(script, sizeof(script),
		 "until ip -4 addr show dev inside 2>/dev/null | grep -q inet; do sleep 0.02; done; "
		 "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*' "
		 "exec $(git --exec-path)/git-daemon --export-all --reuseaddr --listen=%s '%s'",
		 outside->address, base_path);
	const char *argv[] = {"unshare", "--net", "/bin/sh", "-c", script, NULL};
	process_start(&daemon_process, argv, NULL, "/dev/null");
	if (!fixture_wait(has_namespace, outside))
		fixture_shell("echo the outside has no namespace; false");
	fixture_shell("ip link add %s type veth peer name inside netns %d && ip addr add %s/29 dev %s && "
		      "ip link set %s up && nsenter -t %d -n sh -c 'ip link set lo up && ip link set inside up && "
		      "ip addr add %s/29 dev inside'",
		      outside->name, daemon_process.pid, outside->machine, outside->name, outside->name,
		      daemon_process.pid, outside->address);
	start_guest(&silent_process, "serve", OUTSIDE_SILENT_PORT, "");
	if (!fixture_wait(answers, outside))
		fixture_shell("echo the git server of the outside does not answer; false");
}

void outside_close(struct outside *outside)
{
	(void)outside;
	process_kill(&senders_process);
	process_kill(&silent_process);
	process_kill(&daemon_process);
}
