/* simulate [--first N] [--seeds N] [--jobs N]: runs seeds, split over processes, and tells how many and
 * how fast. A seed that fails is run once more with its trace: the same seed fails in the same way.
 * --seed N runs one with the whole trace. */
#include "tests/simulation/simulation.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct arguments {
	uint64_t first, seeds, seed;
	unsigned jobs;
	bool one;
};

static bool run_with_trace(uint64_t seed, bool to_stdout)
{
	static char lines[TRACE_LINES][TRACE_WIDTH];
	struct simulation simulation = {.tracing = true, .trace_to_stdout = to_stdout, .lines = lines};
	bool fine = simulation_run(&simulation, seed);
	uint64_t count = simulation.line_count;
	if (!fine && !to_stdout) {
		printf("seed %" PRIu64 ": %s\nThe last steps of its trace (all of it: simulate --seed %" PRIu64 "):\n",
		       seed, simulation.failure, seed);
		for (uint64_t i = count < TRACE_LINES ? 0 : count - TRACE_LINES; i < count; i++)
			puts(lines[i % TRACE_LINES]);
	}
	if (to_stdout)
		printf("seed %" PRIu64 ": %s\n", seed, fine ? "everything holds" : simulation.failure);
	simulation_free(&simulation);
	return fine;
}

static bool run_quietly(uint64_t seed)
{
	struct simulation simulation = {0};
	bool fine = simulation_run(&simulation, seed);
	simulation_free(&simulation);
	return fine;
}

/* Every jobs-th seed. */
static int run_share(const struct arguments *arguments, unsigned share)
{
	for (uint64_t i = share; i < arguments->seeds; i += arguments->jobs) {
		if (run_quietly(arguments->first + i))
			continue;
		if (run_with_trace(arguments->first + i, false))
			puts("With its trace it does not fail: something is not decided by the seed alone.");
		fflush(stdout);
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}

static bool run_all(const struct arguments *arguments)
{
	bool fine = true;
	fflush(stdout);
	for (unsigned i = 0; i < arguments->jobs; i++) {
		pid_t child = fork();
		if (child == 0)
			exit(run_share(arguments, i));
		if (child < 0)
			fine = false;
	}
	int status;
	while (wait(&status) > 0)
		fine = fine && WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
	return fine;
}

static bool read_arguments(int count, char **words, struct arguments *arguments)
{
	for (int i = 1; i < count; i += 2) {
		if (i + 1 == count)
			return false;
		uint64_t number = strtoull(words[i + 1], NULL, 10);
		if (strcmp(words[i], "--first") == 0)
			arguments->first = number;
		else if (strcmp(words[i], "--seeds") == 0)
			arguments->seeds = number;
		else if (strcmp(words[i], "--jobs") == 0 && number > 0)
			arguments->jobs = (unsigned)number;
		else if (strcmp(words[i], "--seed") == 0)
			*arguments = (struct arguments){.one = true, .seed = number};
		else
			return false;
	}
	return true;
}

static double seconds_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int count, char **words)
{
	struct arguments arguments = {.first = 1, .seeds = 100, .jobs = 1};
	if (!read_arguments(count, words, &arguments)) {
		fputs("usage: simulate [--first N] [--seeds N] [--jobs N] | --seed N\n", stderr);
		return 2;
	}
	if (arguments.one)
		return run_with_trace(arguments.seed, true) ? EXIT_SUCCESS : EXIT_FAILURE;
	double begun = seconds_now();
	bool fine = run_all(&arguments);
	printf("simulate: %" PRIu64 " seeds from %" PRIu64 " in %.1f s: %s\n", arguments.seeds, arguments.first,
	       seconds_now() - begun, fine ? "everything holds" : "FAILED");
	return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
