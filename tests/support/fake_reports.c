/* Each report as a node agent fills it in. */
#include "tests/support/fake_agent.h"

void fake_agent_says_node_running(struct fake_agent *agent)
{
	Roost__NodeRunning running = ROOST__NODE_RUNNING__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	Roost__Capabilities capabilities = ROOST__CAPABILITIES__INIT;
	capabilities.runtime = "oci";
	capabilities.runtime_binary = "runc";
	running.capabilities = &capabilities;
	running.ip_address = "127.0.0.1";
	report.report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
	report.node_running = &running;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_step(struct fake_agent *agent, const char *id, uint32_t generation, const char *step)
{
	Roost__WorkspaceStep progress = ROOST__WORKSPACE_STEP__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	progress.workspace_id = id;
	progress.has_generation = true;
	progress.generation = generation;
	progress.step = step;
	progress.message = "Working on it";
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STEP;
	report.workspace_step = &progress;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_running(struct fake_agent *agent, const char *id, uint32_t generation)
{
	Roost__WorkspaceRunning running = ROOST__WORKSPACE_RUNNING__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	running.workspace_id = id;
	running.has_generation = true;
	running.generation = generation;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_RUNNING;
	report.workspace_running = &running;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_failed(struct fake_agent *agent, const char *id, uint32_t generation,
				      const char *message)
{
	Roost__WorkspaceFailed failed = ROOST__WORKSPACE_FAILED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	failed.workspace_id = id;
	failed.has_generation = true;
	failed.generation = generation;
	failed.step = "clone";
	failed.message = message;
	failed.detail = "fatal: repository not found";
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_FAILED;
	report.workspace_failed = &failed;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_stopped(struct fake_agent *agent, const char *id, uint32_t generation)
{
	Roost__WorkspaceStopped stopped = ROOST__WORKSPACE_STOPPED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	stopped.workspace_id = id;
	stopped.has_generation = true;
	stopped.generation = generation;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STOPPED;
	report.workspace_stopped = &stopped;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_removed(struct fake_agent *agent, const char *id)
{
	Roost__WorkspaceDeleted removed = ROOST__WORKSPACE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	removed.workspace_id = id;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_REMOVED;
	report.workspace_removed = &removed;
	fake_agent_report(agent, &report);
}

void fake_agent_says_session_running(struct fake_agent *agent, const char *id)
{
	Roost__SessionRunning running = ROOST__SESSION_RUNNING__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	running.session_id = id;
	report.report_case = ROOST__REPORT__REPORT_SESSION_RUNNING;
	report.session_running = &running;
	fake_agent_report(agent, &report);
}

void fake_agent_says_session_ended(struct fake_agent *agent, const char *id, int32_t exit_code)
{
	Roost__SessionEnded ended = ROOST__SESSION_ENDED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	ended.session_id = id;
	ended.has_reason = true;
	ended.reason = ROOST__AGENT_SESSION__STOP_REASON__EXITED;
	ended.has_exit_code = true;
	ended.exit_code = exit_code;
	report.report_case = ROOST__REPORT__REPORT_SESSION_ENDED;
	report.session_ended = &ended;
	fake_agent_report(agent, &report);
}

void fake_agent_says_node_stopped(struct fake_agent *agent)
{
	Roost__NodeStopped stopped = ROOST__NODE_STOPPED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_STOPPED;
	report.node_stopped = &stopped;
	fake_agent_report(agent, &report);
}

void fake_agent_says_node_removed(struct fake_agent *agent)
{
	Roost__NodeDeleted removed = ROOST__NODE_DELETED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_REMOVED;
	report.node_removed = &removed;
	fake_agent_report(agent, &report);
}

static Roost__LeftBehind left_behind(uint32_t processes, uint32_t mounts, uint32_t workspaces)
{
	Roost__LeftBehind left = ROOST__LEFT_BEHIND__INIT;
	left.has_processes = left.has_mounts = left.has_workspaces = true;
	left.processes = processes;
	left.mounts = mounts;
	left.workspaces = workspaces;
	return left;
}

void fake_agent_says_node_stop_failed(struct fake_agent *agent, const char *message, uint32_t processes,
				      uint32_t workspaces)
{
	Roost__NodeStopFailed failed = ROOST__NODE_STOP_FAILED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	Roost__LeftBehind left = left_behind(processes, 0, workspaces);
	failed.message = message;
	failed.left = &left;
	report.report_case = ROOST__REPORT__REPORT_NODE_STOP_FAILED;
	report.node_stop_failed = &failed;
	fake_agent_report(agent, &report);
}

void fake_agent_says_node_degraded(struct fake_agent *agent, const char *message)
{
	Roost__NodeDegraded degraded = ROOST__NODE_DEGRADED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	degraded.message = message;
	report.report_case = ROOST__REPORT__REPORT_NODE_DEGRADED;
	report.node_degraded = &degraded;
	fake_agent_report(agent, &report);
}

void fake_agent_says_node_recovered(struct fake_agent *agent)
{
	Roost__NodeRecovered recovered = ROOST__NODE_RECOVERED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	report.report_case = ROOST__REPORT__REPORT_NODE_RECOVERED;
	report.node_recovered = &recovered;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_stop_failed(struct fake_agent *agent, const char *id, uint32_t generation,
					   const char *message, uint32_t processes, uint32_t mounts)
{
	Roost__WorkspaceStopFailed failed = ROOST__WORKSPACE_STOP_FAILED__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	Roost__LeftBehind left = left_behind(processes, mounts, 0);
	failed.workspace_id = id;
	failed.has_generation = true;
	failed.generation = generation;
	failed.message = message;
	failed.left = &left;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED;
	report.workspace_stop_failed = &failed;
	fake_agent_report(agent, &report);
}

void fake_agent_says_workspace_lost(struct fake_agent *agent, const char *id, uint32_t generation, const char *message)
{
	Roost__WorkspaceLost lost = ROOST__WORKSPACE_LOST__INIT;
	Roost__Report report = ROOST__REPORT__INIT;
	lost.workspace_id = id;
	lost.has_generation = true;
	lost.generation = generation;
	lost.message = message;
	report.report_case = ROOST__REPORT__REPORT_WORKSPACE_LOST;
	report.workspace_lost = &lost;
	fake_agent_report(agent, &report);
}
