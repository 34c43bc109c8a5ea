/* A log for benchmarks: lives of workspaces with their steps and sessions, spread over the nodes. The
 * same records every time. */
#ifndef ROOST_TESTS_BENCH_GENERATED_LOG_H
#define ROOST_TESTS_BENCH_GENERATED_LOG_H

#include "record.pb-c.h"

#include <stddef.h>

enum { GENERATED_NODES = 100, GENERATED_WORKSPACES_PER_NODE = 20 };

struct generated {
	unsigned char *data;
	size_t size;
	char id[27];
	int node; /* its index */
};

struct generated_log {
	struct generated *records;
	size_t count;
	char node_ids[GENERATED_NODES][27];
	char workspace_ids[GENERATED_NODES][GENERATED_WORKSPACES_PER_NODE][27]; /* "" once deleted */
};

/* At least `wanted` records, of the owner "alice"; valid until generated_log_free. One at a time. */
const struct generated_log *generated_log_make(size_t wanted);
void generated_log_free(void);

#endif
