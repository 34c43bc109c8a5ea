/* A workspace that attacks: it looks for secrets, tries every address that it must not reach, forges its
 * own, asks the kernel for what it has no business with, forks, fills its disk and its memory, and leaves
 * links where the machine will write. It finds nothing, reaches nothing, and neither the machine nor its
 * neighbour notices (S0-05, S0-06, D8). */
#include "tests/integration/runtime/fixture.h"
#include "tests/integration/runtime/outside.h"
#include "tests/support/cleanup.h"
#include "tests/support/nats_server.h"
#include "tests/support/process.h"

#include "bus/foundation/clock.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct fixture fixture;
static struct outside outside;
static char secret[64];

static int open_all(void **state)
{
	(void)state;
	fixture_open(&fixture, NULL);
	outside_open(&outside, &fixture);
	snprintf(secret, sizeof(secret), "roost-secret-%s", fixture.installation);
	static const char *const ids[] = {"EVIL", "NEAR"};
	for (size_t i = 0; i < 2; i++) {
		struct runtime_workspace workspace = fixture_workspace(ids[i]);
		fixture_start(&fixture, &workspace);
		fixture_add_guest(&fixture, ids[i]);
	}
	return 0;
}

static int close_all(void **state)
{
	(void)state;
	outside_close(&outside);
	fixture_close(&fixture);
	return 0;
}

static void attack(const char *verb)
{
	const char *output;
	int code = fixture_inside(&fixture, "EVIL", arena_printf(fixture.arena, "exec ./guest %s", verb), &output);
	if (code != 0)
		fail_msg("%s (%d):\n%s", verb, code, output);
}

static void neighbour_is_well(void)
{
	const char *output;
	int64_t before = clock_monotonic_ms();
	assert_int_equal(fixture_inside(&fixture, "NEAR", "echo well >state; cat state", &output), 0);
	assert_string_equal(output, "well\n");
	assert_true(clock_monotonic_ms() - before < 15000);
}

static void plant(const char *folder)
{
	char path[400];
	if (access(folder, W_OK) != 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, secret);
	cleanup_path(path);
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	fprintf(file, "%s\n", secret);
	fclose(file);
}

static void no_secret_of_the_machine_or_the_neighbour_is_found(void **state)
{
	(void)state;
	static const char *const folders[] = {"/root",	  "/home",    "/etc",	  "/opt",     "/srv",
					      "/var/lib", "/var/tmp", "/var/log", "/tmp",     "/run",
					      "/mnt",	  "/media",   "/boot",	  "/dev/shm", "/"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		plant(folders[i]);
	plant(fixture.folder);
	plant(fixture.repositories);
	/* In the neighbour's files, and in the environment, command line and socket of a process outside. */
	const char *script = arena_printf(
	    fixture.arena, "for d in /workspace /root /tmp /dev/shm /run; do echo %s >$d/%s; done", secret, secret);
	assert_int_equal(fixture_inside(&fixture, "NEAR", script, NULL), 0);
	struct process process;
	const char *argv[] = {"sh", "-c", "while :; do sleep 1; done", secret, NULL};
	const char *environment[] = {arena_printf(fixture.arena, "SECRET=%s", secret), NULL};
	process_start(&process, argv, environment, "/dev/null");
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s", secret);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&name, (socklen_t)(sizeof(sa_family_t) + 1 + strlen(secret))), 0);
	assert_int_equal(listen(fd, 1), 0);
	/* The shell is replaced, and the secret comes to the guest by its own arguments alone. */
	attack(arena_printf(fixture.arena, "secrets %s", secret));
	/* And it does search: it finds what is its own. */
	assert_int_equal(
	    fixture_inside(&fixture, "EVIL", arena_printf(fixture.arena, "echo %s >/opt/mine", secret), NULL), 0);
	const char *output;
	assert_int_equal(
	    fixture_inside(&fixture, "EVIL", arena_printf(fixture.arena, "exec ./guest secrets %s", secret), &output),
	    1);
	assert_non_null(strstr(output, "found: /opt/mine"));
	close(fd);
	process_kill(&process);
}

/* The addresses that the script tries, each with a port where somebody listens. */
static size_t forbidden_targets(uint16_t port, uint16_t bus_port, char *script, size_t size)
{
	struct ifaddrs *addresses;
	size_t count = 0, used = 0;
	assert_int_equal(getifaddrs(&addresses), 0);
	for (const struct ifaddrs *at = addresses; at != NULL; at = at->ifa_next) {
		char text[INET6_ADDRSTRLEN];
		if (at->ifa_addr == NULL || (at->ifa_addr->sa_family != AF_INET && at->ifa_addr->sa_family != AF_INET6))
			continue;
		const void *raw = at->ifa_addr->sa_family == AF_INET
				      ? (const void *)&((struct sockaddr_in *)(void *)at->ifa_addr)->sin_addr
				      : (const void *)&((struct sockaddr_in6 *)(void *)at->ifa_addr)->sin6_addr;
		inet_ntop(at->ifa_addr->sa_family, raw, text, sizeof(text));
		/* Every workspace's link has the gateway's address; and a hostile workspace has only so many
		 * processes to try with. */
		char known[INET6_ADDRSTRLEN + 16];
		snprintf(known, sizeof(known), "reached %s)", text);
		if (strstr(script, known) != NULL)
			continue;
		const char *scope = strncmp(text, "fe80", 4) == 0 ? "%eth0" : "";
		used += (size_t)snprintf(script + used, size - used,
					 "(./guest connect %s%s %u && echo reached %s) &\n"
					 "(./guest connect %s%s %u && echo reached the bus at %s) &\n%s",
					 text, scope, port, text, text, scope, bus_port, text,
					 count % 20 == 19 ? "wait\n" : "");
		count++;
	}
	freeifaddrs(addresses);
	assert_true(used < size);
	return count;
}

static int listen_everywhere(uint16_t *port)
{
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = in6addr_any};
	socklen_t size = sizeof(any);
	int off = 0, fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	assert_int_equal(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
	assert_int_equal(listen(fd, 1000), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &size), 0);
	*port = ntohs(any.sin6_port);
	return fd;
}

static void no_address_of_the_machine_the_bus_or_the_neighbour_is_reached(void **state)
{
	(void)state;
	static char script[65536];
	char link_local[32];
	const char *output;
	uint16_t port;
	struct nats_server *bus = nats_server_start();
	uint16_t bus_port = (uint16_t)strtol(strrchr(nats_server_url(bus), ':') + 1, NULL, 10);
	int fd = listen_everywhere(&port);
	script[0] = 0;
	assert_true(forbidden_targets(port, bus_port, script, sizeof(script) - 4096) >= 3);
	/* A listener at a link-local address that the machine itself can reach, as a cloud's metadata is. */
	snprintf(link_local, sizeof(link_local), "169.254.%d.%d", 1 + (getpid() >> 8) % 250, 1 + getpid() % 250);
	outside_add_address(&outside, link_local);
	assert_non_null(fixture_fetch(&fixture, link_local, OUTSIDE_SILENT_PORT));
	pid_t server = fixture_background(&fixture, "NEAR", "server", "exec ./guest serve 8080 near");
	const char *neighbour = fixture_address(&fixture, "NEAR");
	int64_t deadline = clock_monotonic_ms() + 20000;
	while (fixture_fetch(&fixture, neighbour, 8080) == NULL)
		assert_true(clock_monotonic_ms() < deadline);
	snprintf(script + strlen(script), 4096,
		 "(./guest connect %s 8080 && echo reached the neighbour) &\n"
		 "(./guest connect %s %d && echo reached link-local) &\n"
		 "(./guest connect 169.254.169.254 80 && echo reached metadata) &\n"
		 "(./guest connect fe80::1%%eth0 %u && echo reached link-local 6) &\n"
		 "(./guest connect ff02::1%%eth0 %u && echo reached multicast) &\n"
		 "(./guest connect 0.0.0.0 %u && echo reached zero) &\n"
		 "(./guest connect 100.126.0.1 %u && echo reached the gateway) &\n"
		 "(./guest connect %s 9418 || echo the outside is not reached) &\n"
		 "wait\n",
		 neighbour, link_local, OUTSIDE_SILENT_PORT, port, port, port, port, outside.address);
	assert_int_equal(fixture_inside(&fixture, "EVIL", script, &output), 0);
	assert_string_equal(output, "");
	assert_true(runtime_kill_processes(fixture.runtime, "NEAR", "server", 0, NULL));
	waitpid(server, NULL, 0);
	close(fd);
	nats_server_stop(bus);
}

static int count_senders(const char *path)
{
	char line[64];
	int count = 0;
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		count++;
	if (file != NULL)
		fclose(file);
	return count;
}

struct expected {
	const char *path;
	int count;
};

static bool senders_counted(void *context)
{
	const struct expected *expected = context;
	return count_senders(expected->path) >= expected->count;
}

static bool own_datagram_arrives(void *context)
{
	fixture_inside(&fixture, "EVIL",
		       arena_printf(fixture.arena, "./guest spoof %s %s %d", fixture_address(&fixture, "EVIL"),
				    outside.address, OUTSIDE_SENDERS_PORT),
		       NULL);
	return senders_counted(context);
}

static void forged_senders_are_dropped(void **state)
{
	(void)state;
	struct expected expected = {arena_printf(fixture.arena, "%s/senders", fixture.folder), 1};
	outside_note_senders(&outside, expected.path);
	assert_true(fixture_wait(own_datagram_arrives, &expected));
	int before = count_senders(expected.path);
	static const char *const forged[] = {"100.126.0.1", "8.8.8.8", "127.0.0.1", "10.0.0.1"};
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
		fixture_inside(&fixture, "EVIL",
			       arena_printf(fixture.arena, "./guest spoof %s %s %d", forged[i], outside.address,
					    OUTSIDE_SENDERS_PORT),
			       NULL);
	fixture_inside(&fixture, "EVIL",
		       arena_printf(fixture.arena, "./guest spoof %s %s %d", fixture_address(&fixture, "NEAR"),
				    outside.address, OUTSIDE_SENDERS_PORT),
		       NULL);
	/* One more of its own comes after all forged ones, and is the only one. */
	expected.count = before + 1;
	assert_true(fixture_wait(own_datagram_arrives, &expected));
	assert_int_equal(count_senders(expected.path), before + 1);
}

static void the_kernel_refuses_what_is_none_of_its_business(void **state)
{
	(void)state;
	attack("kernel");
}

static int processes_of(const char *id)
{
	char script[200], output[32] = "";
	snprintf(
	    script, sizeof(script),
	    "find /sys/fs/cgroup -path '*roost/%s/%s*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u | wc -l",
	    fixture.installation, id);
	const char *argv[] = {"/bin/sh", "-c", script, NULL};
	process_run(argv, NULL, output, sizeof(output));
	return (int)strtol(output, NULL, 10);
}

static bool is_forking(void *context)
{
	(void)context;
	return processes_of("EVIL") > 60;
}

static void a_fork_bomb_stays_inside_its_limit_and_can_be_stopped(void **state)
{
	(void)state;
	pid_t bomb = fixture_background(&fixture, "EVIL", "bomb", "exec ./guest forks");
	assert_true(fixture_wait(is_forking, NULL));
	assert_true(processes_of("EVIL") <= (int)fixture.settings.processes_max + 2);
	neighbour_is_well();
	struct error error;
	if (!runtime_kill_processes(fixture.runtime, "EVIL", "bomb", 0, &error))
		fail_msg("%s", error.message);
	waitpid(bomb, NULL, 0);
	/* Again, and the whole workspace is stopped in the midst of it. */
	bomb = fixture_background(&fixture, "EVIL", "bomb", "exec ./guest forks");
	assert_true(fixture_wait(is_forking, NULL));
	struct runtime_left left;
	int64_t before = clock_monotonic_ms();
	if (!runtime_stop(fixture.runtime, "EVIL", 100, &left, &error))
		fail_msg("%s", error.message);
	assert_true(clock_monotonic_ms() - before < 10000);
	assert_true(left.processes == 0 && left.mounts == 0);
	waitpid(bomb, NULL, 0);
	assert_int_equal(processes_of("EVIL"), 0);
	neighbour_is_well();
	struct runtime_workspace workspace = fixture_workspace("EVIL");
	workspace.generation = 2;
	fixture_start(&fixture, &workspace);
}

static void a_full_disk_is_its_own(void **state)
{
	(void)state;
	const char *output;
	static const char *const folders[] = {"/workspace", "/tmp", "/root"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		assert_int_equal(
		    fixture_inside(&fixture, "EVIL",
				   arena_printf(fixture.arena, "exec /workspace/guest disk %s", folders[i]), &output),
		    0);
		assert_true(strtol(output, NULL, 10) <= (long)fixture.settings.disk_mb);
	}
	assert_int_equal(fixture_inside(&fixture, "NEAR", "head -c 8000000 /dev/zero >big && rm big", NULL), 0);
	neighbour_is_well();
	/* Full as it is, it can be stopped and started again. */
	assert_true(runtime_stop(fixture.runtime, "EVIL", 100, NULL, NULL));
	struct runtime_workspace workspace = fixture_workspace("EVIL");
	workspace.generation = 3;
	fixture_start(&fixture, &workspace);
	assert_int_equal(fixture_inside(&fixture, "EVIL", "rm -f /workspace/filling /tmp/filling /root/filling", NULL),
			 0);
}

static void a_memory_hog_is_its_own(void **state)
{
	(void)state;
	bool running;
	assert_int_not_equal(fixture_inside(&fixture, "EVIL", "exec ./guest memory", NULL), 1);
	neighbour_is_well();
	/* Memory that is files: shared memory and /run are bounded too. */
	fixture_inside(&fixture, "EVIL",
		       "./guest disk /dev/shm; ./guest disk /run; rm -f /dev/shm/filling /run/filling", NULL);
	neighbour_is_well();
	assert_true(runtime_is_running(fixture.runtime, "EVIL", &running, NULL));
	assert_true(running);
}

static void links_in_its_root_lead_nowhere_outside(void **state)
{
	(void)state;
	struct error error;
	struct runtime_failure failure;
	fixture_shell("cat /etc/passwd /etc/hosts /etc/resolv.conf | sha256sum >%s/before", fixture.folder);
	fixture_inside(
	    &fixture, "EVIL",
	    "mv /etc /elsewhere; ln -s /../../../../../../../etc /etc; mv /tmp /tmp2; ln -s /proc/1/root/tmp /tmp; "
	    "rm -f /bin; ln -s /proc/self/exe /bin; ln -s /etc /workspace/marks; true",
	    NULL);
	assert_true(runtime_stop(fixture.runtime, "EVIL", 100, NULL, &error));
	struct runtime_workspace workspace = fixture_workspace("EVIL");
	workspace.generation = 4;
	/* Whether such a wreck starts is its own matter. */
	runtime_start(fixture.runtime, fixture.arena, &workspace, NULL, &failure);
	fixture_shell("cat /etc/passwd /etc/hosts /etc/resolv.conf | sha256sum | cmp - %s/before", fixture.folder);
	assert_true(runtime_remove(fixture.runtime, "EVIL", NULL, &error));
	fixture_shell("cat /etc/passwd /etc/hosts /etc/resolv.conf | sha256sum | cmp - %s/before", fixture.folder);
	neighbour_is_well();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(no_secret_of_the_machine_or_the_neighbour_is_found),
	    cmocka_unit_test(no_address_of_the_machine_the_bus_or_the_neighbour_is_reached),
	    cmocka_unit_test(forged_senders_are_dropped),
	    cmocka_unit_test(the_kernel_refuses_what_is_none_of_its_business),
	    cmocka_unit_test(a_fork_bomb_stays_inside_its_limit_and_can_be_stopped),
	    cmocka_unit_test(a_full_disk_is_its_own),
	    cmocka_unit_test(a_memory_hog_is_its_own),
	    cmocka_unit_test(links_in_its_root_lead_nowhere_outside),
	};
	return cmocka_run_group_tests(tests, open_all, close_all);
}
