/* Starting daemons for benchmarks, and what the kernel says of them. */
#include "tests/bench/daemons.h"

#include "tests/support/cleanup.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READY_TRIES = 400, READY_PAUSE_US = 50 * 1000 };

static const char ready_line[] = "the projection holds the log";

static bool is_ready(const char *log_file)
{
	char line[1024];
	FILE *file = fopen(log_file, "re");
	bool ready = false;
	while (file != NULL && !ready && fgets(line, sizeof(line), file) != NULL)
		ready = strstr(line, ready_line) != NULL;
	if (file != NULL)
		fclose(file);
	return ready;
}

void daemon_start(struct process *process, struct nats_server *server, const char *programs, const char *program,
		  const char *name, const char *const *environment)
{
	char path[4096], database[4096], log_file[4096];
	snprintf(path, sizeof(path), "%s/%s", programs, program);
	snprintf(database, sizeof(database), "%s/%s.db", cleanup_folder(), name);
	snprintf(log_file, sizeof(log_file), "%s/%s.log", nats_server_folder(server), name);
	const char *const argv[] = {path,
				    "--nats-url",
				    nats_server_url(server),
				    "--credentials",
				    nats_server_credentials(server, name, NULL),
				    "--data-dir",
				    nats_server_folder(server),
				    "--database",
				    database,
				    NULL};
	process_start(process, argv, environment, log_file);
	for (int tries = 0; !is_ready(log_file); tries++) {
		if (tries == READY_TRIES || process_ended(process)) {
			fprintf(stderr, "%s did not start; see %s\n", name, log_file);
			exit(1);
		}
		usleep(READY_PAUSE_US);
	}
}

void daemon_stop(struct process *process)
{
	process_signal(process, SIGTERM);
	process_wait(process, 10000);
}

double processor_seconds(int process)
{
	char path[64], text[1024] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", process);
	FILE *file = fopen(path, "re");
	if (file == NULL || fgets(text, sizeof(text), file) == NULL)
		exit(1);
	fclose(file);
	char *field = strrchr(text, ')');
	for (int i = 0; field != NULL && i < 12; i++) /* to the 14th of them all */
		field = strchr(field + 1, ' ');
	if (field == NULL)
		exit(1);
	char *system;
	double ticks = (double)strtoul(field, &system, 10);
	ticks += (double)strtoul(system, NULL, 10);
	return ticks / (double)sysconf(_SC_CLK_TCK);
}
