/* Reports, built on the stack and packed into the outbox. */
#include "nodeagent/control/report.h"

#include "bus/foundation/clock.h"

static void add(struct store *store, Roost__Report *report, bool progress)
{
	report->has_happened_at = true;
	report->happened_at = clock_wall_ms();
	store_add_report(store, report, progress);
}

void report_node(struct store *store, const Roost__Capabilities *capabilities, const char *ip_address)
{
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	running.capabilities = (Roost__Capabilities *)capabilities;
	running.ip_address = ip_address;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
	report.node_running = &running;
	add(store, &report, false);
}

void report_capabilities(struct store *store, const Roost__Capabilities *capabilities)
{
	Roost__NodeCapabilitiesChanged changed = ROOST__NODE_CAPABILITIES_CHANGED__INIT;
	changed.capabilities = (Roost__Capabilities *)capabilities;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_CAPABILITIES_CHANGED;
	report.node_capabilities_changed = &changed;
	add(store, &report, false);
}

void report_node_stopped(struct store *store)
{
	Roost__NodeStopped stopped = ROOST__NODE_STOPPED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_STOPPED;
	report.node_stopped = &stopped;
	add(store, &report, false);
}

void report_node_removed(struct store *store)
{
	Roost__NodeDeleted removed = ROOST__NODE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_REMOVED;
	report.node_removed = &removed;
	add(store, &report, false);
}

void report_node_stop_failed(struct store *store, const char *message, const Roost__LeftBehind *left)
{
	Roost__NodeStopFailed failed = ROOST__NODE_STOP_FAILED__INIT;
	failed.message = message;
	failed.left = (Roost__LeftBehind *)left;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_STOP_FAILED;
	report.node_stop_failed = &failed;
	add(store, &report, false);
}

void report_degraded(struct store *store, const char *message)
{
	Roost__NodeDegraded degraded = ROOST__NODE_DEGRADED__INIT;
	degraded.message = message;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_DEGRADED;
	report.node_degraded = &degraded;
	add(store, &report, false);
}

void report_recovered(struct store *store)
{
	Roost__NodeRecovered recovered = ROOST__NODE_RECOVERED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_RECOVERED;
	report.node_recovered = &recovered;
	add(store, &report, false);
}

void report_step(struct store *store, const char *workspace_id, uint32_t generation, const char *step,
		 const char *message)
{
	Roost__WorkspaceStep taken = ROOST__WORKSPACE_STEP__INIT;
	taken.workspace_id = workspace_id;
	taken.has_generation = true;
	taken.generation = generation;
	taken.step = step;
	taken.message = message;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STEP;
	report.workspace_step = &taken;
	add(store, &report, true);
}

static void report_running(struct store *store, const struct workspace_row *row)
{
	Roost__WorkspaceRunning running = ROOST__WORKSPACE_RUNNING__INIT;
	running.workspace_id = row->id;
	running.has_generation = true;
	running.generation = row->actual.generation;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_RUNNING;
	report.workspace_running = &running;
	add(store, &report, false);
}

static void report_failed(struct store *store, const struct workspace_row *row)
{
	Roost__WorkspaceFailed failed = ROOST__WORKSPACE_FAILED__INIT;
	failed.workspace_id = row->id;
	failed.has_generation = true;
	failed.generation = row->actual.generation;
	failed.step = row->failed_step;
	failed.message = row->failure;
	failed.detail = row->failure_detail;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_FAILED;
	report.workspace_failed = &failed;
	add(store, &report, false);
}

void report_lost(struct store *store, const struct workspace_row *row, const char *message)
{
	Roost__WorkspaceLost lost = ROOST__WORKSPACE_LOST__INIT;
	lost.workspace_id = row->id;
	lost.has_generation = true;
	lost.generation = row->actual.generation;
	lost.message = message;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_LOST;
	report.workspace_lost = &lost;
	add(store, &report, false);
}

/* A restart that never came here is stopped too: of an earlier generation the log would take it for late. */
static uint32_t generation_to_end(const struct workspace_row *row)
{
	return row->wanted.generation > row->actual.generation ? row->wanted.generation : row->actual.generation;
}

static void report_stopped(struct store *store, const struct workspace_row *row)
{
	Roost__WorkspaceStopped stopped = ROOST__WORKSPACE_STOPPED__INIT;
	stopped.workspace_id = row->id;
	stopped.has_generation = true;
	stopped.generation = generation_to_end(row);
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STOPPED;
	report.workspace_stopped = &stopped;
	add(store, &report, false);
}

static void report_removed(struct store *store, const struct workspace_row *row)
{
	Roost__WorkspaceDeleted removed = ROOST__WORKSPACE_DELETED__INIT;
	removed.workspace_id = row->id;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_REMOVED;
	report.workspace_removed = &removed;
	add(store, &report, false);
}

/* What is there, whatever was wanted of it. */
static void report_truth(struct store *store, const struct workspace_row *row)
{
	switch (row->actual.phase) {
	case WORKSPACE_RUNNING:
		report_running(store, row);
		break;
	case WORKSPACE_FAILED:
		if (row->lost)
			report_lost(store, row, row->failure);
		else
			report_failed(store, row);
		break;
	case WORKSPACE_REMOVED:
		report_lost(store, row, "The workspace had been deleted on this node.");
		break;
	default:
		report_stopped(store, row);
	}
}

void report_workspace(struct store *store, const struct workspace_row *row)
{
	Roost__WantedWorkspace__Desired desired = plan_desired(&row->wanted);
	if (desired == ROOST__WANTED_WORKSPACE__DESIRED__REMOVE)
		report_removed(store, row);
	else if (desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN || row->actual.phase == WORKSPACE_RUNNING)
		report_truth(store, row);
	else
		report_stopped(store, row);
}

void report_fill_left(Roost__LeftBehind *message, const struct runtime_left *left)
{
	message->has_processes = message->has_mounts = message->has_files = true;
	message->processes = left->processes;
	message->mounts = left->mounts;
	message->files = left->files;
}

void report_stop_failed(struct store *store, const struct workspace_row *row)
{
	Roost__WorkspaceStopFailed failed = ROOST__WORKSPACE_STOP_FAILED__INIT;
	failed.workspace_id = row->id;
	failed.has_generation = true;
	failed.generation = generation_to_end(row);
	failed.message = row->failure;
	Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
	report_fill_left(&left, &row->left);
	failed.left = &left;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED;
	report.workspace_stop_failed = &failed;
	add(store, &report, false);
}

void report_session_running(struct store *store, const char *session_id)
{
	Roost__SessionRunning running = ROOST__SESSION_RUNNING__INIT;
	running.session_id = session_id;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_SESSION_RUNNING;
	report.session_running = &running;
	add(store, &report, false);
}

static void report_session_failed(struct store *store, const struct session_row *row)
{
	Roost__SessionFailed failed = ROOST__SESSION_FAILED__INIT;
	failed.session_id = row->id;
	failed.message = row->failure;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_SESSION_FAILED;
	report.session_failed = &failed;
	add(store, &report, false);
}

void report_session(struct store *store, const struct session_row *row)
{
	if (row->failed) {
		report_session_failed(store, row);
		return;
	}
	Roost__SessionEnded ended = ROOST__SESSION_ENDED__INIT;
	ended.session_id = row->id;
	ended.has_reason = true;
	ended.reason = row->reason ? row->reason : ROOST__AGENT_SESSION__STOP_REASON__EXITED;
	ended.has_exit_code = row->has_exit_code;
	ended.exit_code = row->exit_code;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_SESSION_ENDED;
	report.session_ended = &ended;
	add(store, &report, false);
}
