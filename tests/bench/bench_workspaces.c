/* Workspaces in an installation of its own: from the command to the change "running" at a subscriber of
 * the tail, one at a time and twenty at once, against the same runtime started by hand on a prepared
 * bundle (that of a workspace which runs, with namespaces of its own); and what the daemons weigh. */
#include "bus/foundation/clock.h"
#include "tests/bench/fleet.h"
#include "tests/support/cleanup.h"
#include "tests/support/process.h"

#include <glob.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SINGLE = 15, AT_ONCE = 20, PATH_BYTES = 4096, OUTPUT_BYTES = 64 * 1024 };

#define OWNER "local"

struct installation {
	char data[PATH_BYTES / 2];
	char program[PATH_BYTES];
	char url[64];
	char node[32];
	const char *runtime; /* crun or runc */
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	exit(1);
}

static void roost(const struct installation *installation, const char *verb, const char *option)
{
	static char output[OUTPUT_BYTES];
	const char *const argv[] = {installation->program, verb, "--data", installation->data, option, NULL};
	if (process_run(argv, NULL, output, sizeof(output)) != 0)
		die(verb, output);
}

static void read_installation(struct installation *installation)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/installation.json", installation->data);
	json_t *json = json_load_file(path, 0, NULL);
	if (json == NULL)
		die("no installation", path);
	snprintf(installation->url, sizeof(installation->url), "nats://127.0.0.1:%d",
		 (int)json_integer_value(json_object_get(json, "natsPort")));
	snprintf(installation->node, sizeof(installation->node), "%s",
		 json_string_value(json_object_get(json, "nodeId")));
	json_decref(json);
}

/* ---- ours ---- */

static void create(struct fleet *fleet, int number, char id[27])
{
	char body[64];
	snprintf(body, sizeof(body), "{\"name\":\"bench %d\"}", number);
	char *made = fleet_command(fleet, "workspace.create", body);
	json_t *json = json_loads(made, 0, NULL);
	const char *text = NULL;
	json_unpack(json, "{s:{s:s}}", "workspace", "id", &text);
	if (text == NULL)
		die("create", made);
	snprintf(id, 27, "%s", text);
	json_decref(json);
	free(made);
}

/* Waits at the tail for so many workspaces to become `what`. */
static void await(natsSubscription *tail, const char *what, int count)
{
	while (count > 0) {
		natsMsg *line = NULL;
		bench_check(natsSubscription_NextMsg(&line, tail, 30000), what);
		const char *name = strrchr(natsMsg_GetSubject(line), '.') + 1;
		if (strcmp(name, "workspace_failed") == 0)
			die("a workspace failed", natsMsg_GetData(line));
		if (strcmp(name, what) == 0)
			count--;
		natsMsg_Destroy(line);
	}
}

static void delete_all(struct fleet *fleet, natsSubscription *tail, char (*ids)[27], int count)
{
	for (int i = 0; i < count; i++) {
		char body[64];
		snprintf(body, sizeof(body), "{\"id\":\"%.26s\"}", ids[i]);
		free(fleet_command(fleet, "workspace.delete", body));
	}
	await(tail, "workspace_deleted", count);
}

static double ours_ms(struct fleet *fleet, natsSubscription *tail, int at_once)
{
	char ids[AT_ONCE][27];
	int64_t started = clock_monotonic_ns();
	for (int i = 0; i < at_once; i++)
		create(fleet, i, ids[i]);
	await(tail, "workspace_running", at_once);
	double ms = (double)(clock_monotonic_ns() - started) / 1e6;
	delete_all(fleet, tail, ids, at_once);
	return ms;
}

/* ---- by hand ---- */

/* The bundle of the one workspace that runs, made fit to be started beside it. */
static void prepare_bundle(const struct installation *installation, int number, char bundle[PATH_BYTES])
{
	char pattern[PATH_BYTES], group[64];
	glob_t found;
	snprintf(pattern, sizeof(pattern), "/run/roost/%s/*/bundle/config.json", installation->node);
	if (glob(pattern, 0, NULL, &found) != 0)
		die("no bundle to take after", pattern);
	json_t *config = json_load_file(found.gl_pathv[0], 0, NULL);
	globfree(&found);
	json_t *linux_part = json_object_get(config, "linux"), *one;
	size_t i;
	json_array_foreach(json_object_get(linux_part, "namespaces"), i, one) json_object_del(one, "path");
	snprintf(group, sizeof(group), "/roost-bench-%d/%d", (int)getpid(), number);
	json_object_set_new(linux_part, "cgroupsPath", json_string(group));
	snprintf(bundle, PATH_BYTES, "%s/bundle-%d", cleanup_folder(), number);
	if (mkdir(bundle, 0755) != 0 || chdir(bundle) != 0 ||
	    json_dump_file(config, "config.json", JSON_COMPACT) != 0 || chdir("/") != 0)
		die("bundle", bundle);
	json_decref(config);
}

static void by_hand_name(int number, char name[64])
{
	snprintf(name, 64, "bench-%d-%d", (int)getpid(), number);
}

static double by_hand_ms(const struct installation *installation, char (*bundles)[PATH_BYTES], int at_once)
{
	struct process processes[AT_ONCE];
	char name[64], root[PATH_BYTES];
	snprintf(root, sizeof(root), "%s/runtime", cleanup_folder());
	int64_t started = clock_monotonic_ns();
	for (int i = 0; i < at_once; i++) {
		by_hand_name(i, name);
		const char *const argv[] = {
		    installation->runtime, "--root", root, "run", "--detach", "--bundle", bundles[i], name, NULL};
		process_start(&processes[i], argv, NULL, NULL);
	}
	for (int i = 0; i < at_once; i++)
		if (process_wait(&processes[i], 30000) != 0)
			die(installation->runtime, "could not start the prepared bundle");
	double ms = (double)(clock_monotonic_ns() - started) / 1e6;
	for (int i = 0; i < at_once; i++) {
		by_hand_name(i, name);
		const char *const argv[] = {installation->runtime, "--root", root, "delete", "--force", name, NULL};
		process_run(argv, NULL, NULL, 0);
	}
	return ms;
}

/* ---- both ---- */

static double median_of(double *values, int count)
{
	struct samples samples = {0};
	for (int i = 0; i < count; i++)
		samples_add(&samples, (int64_t)(values[i] * 1e6));
	double median = (double)samples_at(&samples, 0.5) / 1e6;
	samples_free(&samples);
	return median;
}

static void bench_creates(const struct installation *installation, struct fleet *fleet, natsSubscription *tail)
{
	static char bundles[AT_ONCE][PATH_BYTES];
	double ours[SINGLE], floor[SINGLE];
	for (int i = 0; i < AT_ONCE; i++)
		prepare_bundle(installation, i, bundles[i]);
	for (int i = 0; i < SINGLE; i++) {
		ours[i] = ours_ms(fleet, tail, 1);
		floor[i] = by_hand_ms(installation, bundles, 1);
	}
	double single = median_of(floor, SINGLE);
	/* The aim is 1.25 times the floor and 15 ms more. */
	print_time_line("create to running, one at a time, median", median_of(ours, SINGLE), single,
			1.25 + 15 / single);
	for (int i = 0; i < 3; i++) {
		ours[i] = ours_ms(fleet, tail, AT_ONCE);
		floor[i] = by_hand_ms(installation, bundles, AT_ONCE);
	}
	double many = median_of(floor, 3);
	print_time_line("create to running, 20 at once, until all run", median_of(ours, 3), many, 1.25 + 15 / many);
}

static int process_id(const struct installation *installation, const char *daemon)
{
	char path[PATH_BYTES], line[256], name[64];
	int pid = 0;
	snprintf(path, sizeof(path), "%s/run/processes", installation->data);
	FILE *file = fopen(path, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL) {
		int read = 0;
		if (sscanf(line, "%63s %d", name, &read) == 2 && strcmp(name, daemon) == 0)
			pid = read;
	}
	if (file != NULL)
		fclose(file);
	if (pid == 0)
		die("not in run/processes", daemon);
	return pid;
}

static void print_weights(const struct installation *installation)
{
	print_memory_line("resident memory of the controller",
			  resident_megabytes(process_id(installation, "controller")), 24);
	print_memory_line("resident memory of the node agent",
			  resident_megabytes(process_id(installation, "nodeagent")), 12);
	print_memory_line("resident memory of the sweeper", resident_megabytes(process_id(installation, "sweeper")),
			  12);
}

int main(int argc, char **argv)
{
	struct installation installation = {0};
	char credentials[PATH_BYTES];
	natsSubscription *tail = NULL;
	if (argc != 2) {
		fprintf(stderr, "usage: bench_workspaces <folder of the programs>\n");
		return 2;
	}
	snprintf(installation.program, sizeof(installation.program), "%s/roost", argv[1]);
	snprintf(installation.data, sizeof(installation.data), "%s/data", cleanup_folder());
	roost(&installation, "up", "--detach");
	read_installation(&installation);
	print_weights(&installation);
	snprintf(credentials, sizeof(credentials), "%s/credentials/roost.creds", installation.data);
	struct fleet fleet = {.owner = bench_connect(installation.url, credentials, OWNER), .user = OWNER};
	natsConnection *follower = bench_connect(installation.url, credentials, "follower");
	bench_check(natsConnection_SubscribeSync(&tail, follower, "roost.tail." OWNER ".>"), "subscribe the tail");
	bench_check(natsConnection_Flush(follower), "flush");
	char *node = fleet_command(&fleet, "node.list", "{}");
	installation.runtime = strstr(node, "\"runtimeBinary\":\"crun\"") != NULL ? "crun" : "runc";
	free(node);
	char pattern[27];
	create(&fleet, -1, pattern);
	await(tail, "workspace_running", 1);
	bench_creates(&installation, &fleet, tail);
	print_memory_line("resident memory of the node agent after that",
			  resident_megabytes(process_id(&installation, "nodeagent")), 12);
	natsSubscription_Destroy(tail);
	natsConnection_Destroy(follower);
	natsConnection_Destroy(fleet.owner);
	roost(&installation, "down", "--purge");
	return 0;
}
