/* Workspaces in an installation of its own, from the command to the change at a subscriber of the tail: creates,
 * one at a time and twenty at once, and the stop of a polite workload, against the same runtime by hand on a
 * prepared bundle; the second workspace of a repository, against a local clone and a bare create; and what
 * the daemons weigh. */
#include "bus/foundation/clock.h"
#include "tests/bench/by_hand.h"
#include "tests/bench/fleet.h"
#include "tests/bench/repository.h"
#include "tests/support/cleanup.h"
#include "tests/support/process.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SINGLE = 15, AT_ONCE = BY_HAND_MAX, CLONES = 5, STOPS = 9, PATH_BYTES = 4096, OUTPUT_BYTES = 64 * 1024 };

#define OWNER "local"

struct installation {
	char data[PATH_BYTES / 2];
	char program[PATH_BYTES];
	char url[64];
	char node[32];
	const char *runtime; /* crun or runc */
};

static void roost(const struct installation *installation, const char *verb, const char *option,
		  const char *const *environment)
{
	static char output[OUTPUT_BYTES];
	const char *const argv[] = {installation->program, verb, "--data", installation->data, option, NULL};
	if (process_run(argv, environment, output, sizeof(output)) != 0)
		bench_die(verb, output);
}

static void read_installation(struct installation *installation)
{
	char path[PATH_BYTES];
	snprintf(path, sizeof(path), "%s/installation.json", installation->data);
	json_t *json = json_load_file(path, 0, NULL);
	if (json == NULL)
		bench_die("no installation", path);
	snprintf(installation->url, sizeof(installation->url), "nats://127.0.0.1:%d",
		 (int)json_integer_value(json_object_get(json, "natsPort")));
	snprintf(installation->node, sizeof(installation->node), "%s",
		 json_string_value(json_object_get(json, "nodeId")));
	json_decref(json);
}

/* ---- ours ---- */

static void create(struct fleet *fleet, int number, const char *repository, char id[27])
{
	char body[512];
	snprintf(body, sizeof(body), "{\"name\":\"bench %d\",\"repository\":\"%s\"}", number, repository);
	char *made = fleet_command(fleet, "workspace.create", body);
	json_t *json = json_loads(made, 0, NULL);
	const char *text = NULL;
	json_unpack(json, "{s:{s:s}}", "workspace", "id", &text);
	if (text == NULL)
		bench_die("create", made);
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
			bench_die("a workspace failed", natsMsg_GetData(line));
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

static double ours_ms(struct fleet *fleet, natsSubscription *tail, const char *repository, int at_once)
{
	char ids[AT_ONCE][27];
	int64_t started = clock_monotonic_ns();
	for (int i = 0; i < at_once; i++)
		create(fleet, i, repository, ids[i]);
	await(tail, "workspace_running", at_once);
	double ms = (double)(clock_monotonic_ns() - started) / 1e6;
	delete_all(fleet, tail, ids, at_once);
	return ms;
}

/* A program that ends when it is asked to. */
static const char *const polite[] = {"/bin/sh", "-c", "trap 'exit 0' TERM; sleep 1000 & wait", NULL};

static double our_stop_ms(struct fleet *fleet, natsSubscription *tail)
{
	char id[1][27], body[256];
	create(fleet, 0, "", id[0]);
	await(tail, "workspace_running", 1);
	snprintf(body, sizeof(body), "{\"workspaceId\":\"%.26s\",\"command\":[\"%s\",\"%s\",\"%s\"]}", id[0], polite[0],
		 polite[1], polite[2]);
	free(fleet_command(fleet, "session.create", body));
	await(tail, "session_running", 1);
	snprintf(body, sizeof(body), "{\"id\":\"%.26s\"}", id[0]);
	int64_t asked = clock_monotonic_ns();
	free(fleet_command(fleet, "workspace.stop", body));
	await(tail, "workspace_stopped", 1);
	double ms = (double)(clock_monotonic_ns() - asked) / 1e6;
	delete_all(fleet, tail, id, 1);
	return ms;
}

/* ---- against the floors ---- */

static double median_of(double *values, int count)
{
	struct samples samples = {0};
	for (int i = 0; i < count; i++)
		samples_add(&samples, (int64_t)(values[i] * 1e6));
	double median = (double)samples_at(&samples, 0.5) / 1e6;
	samples_free(&samples);
	return median;
}

static void bench_creates(struct fleet *fleet, natsSubscription *tail, struct by_hand *by_hand)
{
	double ours[SINGLE], floor[SINGLE];
	for (int i = 0; i < SINGLE; i++) {
		ours[i] = ours_ms(fleet, tail, "", 1);
		floor[i] = by_hand_start_ms(by_hand, 1);
	}
	double single = median_of(floor, SINGLE);
	/* The aim is 1.25 times the floor and 15 ms more. */
	print_time_line("create to running, one at a time, median", median_of(ours, SINGLE), single,
			1.25 + 15 / single);
	for (int i = 0; i < 3; i++) {
		ours[i] = ours_ms(fleet, tail, "", AT_ONCE);
		floor[i] = by_hand_start_ms(by_hand, AT_ONCE);
	}
	double many = median_of(floor, 3);
	print_time_line("create to running, 20 at once, until all run", median_of(ours, 3), many, 1.25 + 15 / many);
}

static void bench_stops(struct fleet *fleet, natsSubscription *tail, struct by_hand *by_hand)
{
	double ours[STOPS], floor[STOPS];
	for (int i = 0; i < STOPS; i++) {
		ours[i] = our_stop_ms(fleet, tail);
		floor[i] = by_hand_stop_ms(by_hand, polite);
	}
	double alone = median_of(floor, STOPS);
	print_time_line("stop of a polite workload, median", median_of(ours, STOPS), alone, 1 + 30 / alone);
}

/* The floor: a clone of a local path with four checkout workers, and a bare create. */
static void bench_clones(struct fleet *fleet, natsSubscription *tail, struct by_hand *by_hand,
			 const struct bench_repository *repository)
{
	double first = ours_ms(fleet, tail, repository->url, 1);
	double remote[CLONES], local[CLONES], floor[CLONES];
	for (int i = 0; i < CLONES; i++) {
		remote[i] = ours_ms(fleet, tail, repository->url, 1);
		local[i] = ours_ms(fleet, tail, repository->path, 1);
		floor[i] = bench_repository_clone_ms(repository) + by_hand_start_ms(by_hand, 1);
	}
	double alone = median_of(floor, CLONES);
	print_time_line("first workspace of a 50 MB repository", first, alone, 0);
	print_time_line("second workspace of it, median", median_of(remote, CLONES), alone, 1.3);
	print_time_line("workspace of it from a local path, median", median_of(local, CLONES), alone, 1.3);
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
		bench_die("not in run/processes", daemon);
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

/* Connects, and leaves one workspace running for the bundles to be made after. */
static natsSubscription *prepare(struct installation *installation, struct fleet *fleet, natsConnection **follower)
{
	char credentials[PATH_BYTES], pattern[27];
	natsSubscription *tail = NULL;
	snprintf(credentials, sizeof(credentials), "%s/credentials/roost.creds", installation->data);
	*fleet = (struct fleet){.owner = bench_connect(installation->url, credentials, OWNER), .user = OWNER};
	*follower = bench_connect(installation->url, credentials, "follower");
	bench_check(natsConnection_SubscribeSync(&tail, *follower, "roost.tail." OWNER ".>"), "subscribe the tail");
	bench_check(natsConnection_Flush(*follower), "flush");
	char *node = fleet_command(fleet, "node.list", "{}");
	installation->runtime = strstr(node, "\"runtimeBinary\":\"crun\"") != NULL ? "crun" : "runc";
	free(node);
	create(fleet, -1, "", pattern);
	await(tail, "workspace_running", 1);
	return tail;
}

int main(int argc, char **argv)
{
	static struct installation installation;
	static struct by_hand by_hand;
	static struct bench_repository repository;
	char local_repos[PATH_BYTES];
	struct fleet fleet;
	natsConnection *follower;
	if (argc != 2) {
		fprintf(stderr, "usage: bench_workspaces <folder of the programs>\n");
		return 2;
	}
	bench_repository_make(&repository);
	snprintf(local_repos, sizeof(local_repos), "ROOST_LOCAL_REPOS=%s", repository.folder);
	const char *const environment[] = {local_repos, NULL};
	snprintf(installation.program, sizeof(installation.program), "%s/roost", argv[1]);
	snprintf(installation.data, sizeof(installation.data), "%s/data", cleanup_folder());
	roost(&installation, "up", "--detach", environment);
	read_installation(&installation);
	print_weights(&installation);
	natsSubscription *tail = prepare(&installation, &fleet, &follower);
	by_hand_prepare(&by_hand, installation.node, installation.runtime);
	bench_creates(&fleet, tail, &by_hand);
	bench_stops(&fleet, tail, &by_hand);
	bench_clones(&fleet, tail, &by_hand, &repository);
	print_memory_line("resident memory of the node agent after that",
			  resident_megabytes(process_id(&installation, "nodeagent")), 12);
	natsSubscription_Destroy(tail);
	natsConnection_Destroy(follower);
	natsConnection_Destroy(fleet.owner);
	roost(&installation, "down", "--purge", NULL);
	return 0;
}
