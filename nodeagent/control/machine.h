/* Figures of the machine itself: for heartbeats and capabilities. They are read anew at each call and
 * are 0 or empty when they cannot be. Any thread. */
#ifndef ROOST_NODEAGENT_CONTROL_MACHINE_H
#define ROOST_NODEAGENT_CONTROL_MACHINE_H

#include "bus/foundation/arena.h"

#include <stdint.h>

uint64_t machine_disk_available(const char *folder); /* bytes, for this user */
uint64_t machine_disk_size(const char *folder);
uint64_t machine_memory_available(void); /* bytes */
uint64_t machine_memory_size(void);
double machine_load_1m(void);
uint32_t machine_cpus(void);

/* The first global address of the machine as text, IPv4 before IPv6; "" without one. For people to
 * read: nobody dials it. */
const char *machine_address(struct arena *arena);

/* The agent programs that are installed on the machine, in the arena; *count of them. */
const char **machine_agents(struct arena *arena, size_t *count);

/* Tells one start of the machine from another; "" when the kernel does not say. */
const char *machine_boot_id(struct arena *arena);

#endif
