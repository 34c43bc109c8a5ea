/* The logs that a node keeps: one per workspace, and its own. logs_write may be called on any thread, the
 * rest on the loop. Nothing here fails work: a line that cannot be kept is dropped and counted. */
#ifndef ROOST_NODEAGENT_LOGS_LOGS_H
#define ROOST_NODEAGENT_LOGS_LOGS_H

#include "nodeagent/logs/log_file.h"

#include <uv.h>

struct logs;

/* `folder` is made when it is missing; each log takes at most `bytes_max`. NULL never. */
struct logs *logs_open(uv_loop_t *loop, const char *folder, uint64_t bytes_max);

/* Ends all waits, each as if its time was over. Nobody may write any more. `closed` is called when the memory
 * is gone. */
void logs_close(struct logs *logs, void (*closed)(void *context), void *context);

/* Adds a line. `id` is a workspace's, "" for the node's own log. The texts are copied and made clean. */
void logs_write(struct logs *logs, const char *id, enum log_line_level level, const char *step, const char *text);

/* The workspace and its log are gone. */
void logs_remove(struct logs *logs, const char *id);

/* As log_file_read; *seen is for logs_wait. */
size_t logs_read(struct logs *logs, const char *id, struct log_cursor *cursor, size_t most, size_t bytes_most,
		 struct arena *arena, struct log_line **lines, uint64_t *seen);

/* Calls `ready` once: when the log has more than what a read had `seen`, or when the time is over. False when
 * too many wait already; then it is never called. */
bool logs_wait(struct logs *logs, const char *id, uint64_t seen, uint32_t wait_ms, void (*ready)(void *context),
	       void *context);

#endif
