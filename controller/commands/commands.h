/* The controller's side of roost.cmd.> and roost.report.>: takes requests, decides, appends, projects
 * and answers. Loop thread.
 *
 * Two connections. `answers` subscribes to commands and reports and publishes nothing but answers to
 * inboxes: the server does not check reply subjects, so a forged one must find a connection that may
 * publish nowhere else. `work` carries the log, calls to nodes and the tail. */
#ifndef ROOST_CONTROLLER_COMMANDS_COMMANDS_H
#define ROOST_CONTROLLER_COMMANDS_COMMANDS_H

#include "bus/link/connection.h"
#include "bus/log/projection_runner.h"
#include "controller/effects/compaction.h"
#include "controller/effects/live.h"
#include "controller/pipeline/pipeline.h"
#include "controller/projection/projection.h"

struct commands;

struct commands_settings {
	struct connection *answers;
	struct connection *work;
	struct projection *projection;
	struct projection_runner *runner;
	struct pipeline *pipeline;
	struct compaction *compaction;
	struct live_source live; /* its functions may be NULL: no node beats */
	const char *disk_folder; /* where the log is kept on this machine; NULL: unknown, never short */
};

/* Prepares; answers nothing yet. The settings are copied, what they point to is borrowed. */
struct commands *commands_new(const struct commands_settings *settings);

/* Begins to answer; called once the projection has caught up. More calls do nothing. */
void commands_listen(struct commands *commands);

/* For the runner's events of the same names: some requests wait for what becomes of their change. */
void commands_applied(struct commands *commands, const struct stored_record *record);
void commands_advanced(struct commands *commands);

/* Takes no more requests; `drained` is called (on the loop, later) when those under way have
 * ended, or `timeout_ms` has passed. */
void commands_drain(struct commands *commands, uint32_t timeout_ms, void (*drained)(void *context), void *context);

/* After commands_drain has said so, and after both connections and the runner are closed. */
void commands_free(struct commands *commands);

#endif
