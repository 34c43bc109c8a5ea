/* Processes by pid and start time, so that a pid that was given to somebody else meanwhile is never
 * taken for ours. Any thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_PROCESS_IDENTITY_H
#define ROOST_CONTROLLER_INSTALLATION_PROCESS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_identity {
	pid_t pid;
	uint64_t start_time; /* of /proc/<pid>/stat, in ticks since boot */
};

/* False when there is no such process. */
bool process_identity_of(pid_t pid, struct process_identity *out);

/* A pidfd of exactly this process, or -1 when it has ended. The caller closes it. */
int process_identity_open(const struct process_identity *identity);

/* SIGTERM, and SIGKILL after `grace_ms`; waits for the end. True when it is gone (or was). */
bool process_identity_end(const struct process_identity *identity, int grace_ms);

/* This boot of the machine; "" when unknown. Start times of another boot mean nothing. */
void process_boot_id(char id[64]);

#endif
