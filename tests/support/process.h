/* Programs that tests run. A child dies with the test program (PR_SET_PDEATHSIG), however that ends;
 * its own children are its own matter. Not on a loop: waiting blocks. */
#ifndef ROOST_TESTS_SUPPORT_PROCESS_H
#define ROOST_TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
	pid_t pid;  /* 0 when it does not run */
	int status; /* as from waitpid, once it has ended */
};

/* Starts argv[0] (looked up in PATH). `environment` (NULL for none) is NAME=value pairs on top of the
 * test's own, NULL-terminated. Standard output and error go to `output` (appended; NULL leaves them
 * where the test's go). Fails the test when the program cannot be started. */
void process_start(struct process *process, const char *const *argv, const char *const *environment,
		   const char *output);

/* Sends a signal; nothing when it does not run. */
void process_signal(const struct process *process, int signal);

/* True when it has ended (and notes how). Does not wait. */
bool process_ended(struct process *process);

/* Waits for its end; fails the test when that takes longer. The exit code, or 128 + signal. */
int process_wait(struct process *process, uint32_t timeout_ms);

/* kill -9 and wait. Does nothing when it does not run. */
void process_kill(struct process *process);

/* Runs a program to its end and returns the exit code; its output, cut to `size`, in `text`. */
int process_run(const char *const *argv, const char *const *environment, char *text, uint32_t size);

#endif
