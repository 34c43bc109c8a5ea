/* Putting the agent together and taking it apart. The happy path: open, adopt, be driven by events until
 * somebody asks for the end. What can go wrong at the end is a job that does not come back; whoever
 * asked sets the deadline, since an agent may be killed at any instant anyway. */
#include "nodeagent/control/agent.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/control/adopt.h"
#include "nodeagent/control/beat.h"
#include "nodeagent/control/capabilities.h"
#include "nodeagent/control/handlers.h"
#include "nodeagent/control/health.h"
#include "nodeagent/control/note.h"
#include "nodeagent/control/outbox.h"
#include "nodeagent/control/work.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

void agent_tell_all(struct agent *agent)
{
	health_tell(agent);
	capabilities_refresh(agent);
	work_on_all(agent);
}

static void on_renewed(void *context)
{
	struct agent *agent = context;
	beat_now(agent->beat);
	agent_tell_all(agent);
}

static void on_emptied(void *context)
{
	work_on_node(context);
}

static void on_online(void *context)
{
	struct agent *agent = context;
	beat_now(agent->beat);
	if (agent->outbox)
		outbox_online(agent->outbox);
}

static void on_refused(void *context, const char *text)
{
	(void)context;
	log_error("the bus refused something: %s", text);
}

static bool make_folder(const char *path, struct error *error)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return true;
	return error_errno(error, errno, "make %s", path);
}

bool agent_open_runtime(const struct agent_settings *settings, struct runtime **runtime, struct error *error)
{
	struct runtime_settings of_runtime = {
	    .installation = settings->node_id,
	    .folder = settings->workspaces_folder,
	    .binary = settings->runtime_binary,
	    .images = settings->images,
	    .local_repos = settings->local_repos,
	    .init_program = settings->init_program,
	    .cpu_percent = settings->cpu_percent,
	    .memory_mb = settings->memory_mb,
	    .processes_max = settings->processes_max,
	    .disk_mb = settings->disk_mb,
	    .clone_timeout_seconds = settings->clone_timeout_seconds,
	    .program_timeout_seconds = settings->program_timeout_seconds,
	    .mirrors_mb = settings->mirrors_mb,
	};
	return make_folder(settings->workspaces_folder, error) &&
	       runtime_open(settings->driver, &of_runtime, runtime, error);
}

bool agent_open_sessions(const struct agent_settings *settings, uv_loop_t *loop,
			 const struct session_callbacks *callbacks, struct session_client **client, struct error *error)
{
	char cgroup[64];
	snprintf(cgroup, sizeof(cgroup), "roost-%s/sessionhosts", settings->node_id);
	struct session_client_options options = {
	    .loop = loop,
	    .folder = settings->sessions_folder,
	    .host_program = settings->host_program,
	    .cgroup = cgroup,
	    .callbacks = *callbacks,
	};
	*client = session_client_open(&options, error);
	return *client != NULL;
}

static bool open_store(struct agent *agent, struct error *error)
{
	bool fresh = false;
	agent->store = store_open(agent->settings.database, agent->settings.boot_id, clock_wall_ms(), &fresh, error);
	if (!agent->store)
		return false;
	store_forget_removed(agent->store);
	health_open(agent, fresh);
	return true;
}

static bool open_bus(struct agent *agent, struct error *error)
{
	struct connection_settings settings = {
	    .name = "roost-nodeagent",
	    .url = agent->settings.nats_url,
	    .credentials_file = agent->settings.credentials,
	    .inbox_user = agent->settings.node_id,
	    .online = on_online,
	    .refused = on_refused,
	    .context = agent,
	};
	agent->connection = connection_open(agent->loop, &settings, error);
	if (!agent->connection)
		return false;
	char requests[64];
	snprintf(requests, sizeof(requests), "roost.node.%s.*", agent->settings.node_id);
	agent->subscription = connection_subscribe(agent->connection, requests, NULL, handlers_on_request, agent);
	struct outbox_settings outbox = {.connection = agent->connection,
					 .store = agent->store,
					 .node_id = agent->settings.node_id,
					 .renewed = on_renewed,
					 .emptied = on_emptied,
					 .context = agent};
	agent->outbox = outbox_open(agent->loop, &outbox);
	agent->beat = beat_open(agent);
	return true;
}

bool agent_open(struct agent *agent, uv_loop_t *loop, const struct agent_settings *settings, struct error *error)
{
	*agent = (struct agent){.loop = loop, .settings = *settings, .node = {.search_due = true}};
	agent->jobs = jobs_open(loop);
	agent->logs = logs_open(loop, settings->logs_folder, settings->log_kb * 1024);
	uv_timer_init(loop, &agent->adoption);
	agent->adoption.data = agent;
	struct session_callbacks callbacks = {
	    .on_running = work_session_running, .on_ended = work_session_ended, .context = agent};
	if (!open_store(agent, error) || !agent_open_runtime(settings, &agent->runtime, error) ||
	    !agent_open_sessions(settings, loop, &callbacks, &agent->sessions, error) || !open_bus(agent, error))
		return false;
	note(agent->logs, "", LOG_LINE_INFO, "agent", "The agent of this node begins.");
	adopt_begin(agent);
	return true;
}

/* --- the end --- */

static void on_part_closed(void *context)
{
	struct agent *agent = context;
	if (--agent->closing > 0)
		return;
	runtime_close(agent->runtime);
	store_close(agent->store);
	agent->ended(agent->ended_context);
}

static void on_timer_closed(uv_handle_t *handle)
{
	on_part_closed(handle->data);
}

static void close_parts(void *context)
{
	struct agent *agent = context;
	agent->closing = 7;
	/* First, since those who wait for a line are answered. */
	logs_close(agent->logs, on_part_closed, agent);
	outbox_close(agent->outbox, on_part_closed, agent);
	beat_close(agent->beat, on_part_closed, agent);
	session_client_close(agent->sessions, on_part_closed, agent);
	connection_close(agent->connection, on_part_closed, agent);
	jobs_close(agent->jobs, on_part_closed, agent);
	uv_close((uv_handle_t *)&agent->adoption, on_timer_closed);
	live_clear(agent);
}

static void call_off(struct job *job, void *context)
{
	struct agent *agent = context;
	atomic_store(&job->cancelled, true);
	if (job->lane[0])
		runtime_cancel(agent->runtime, job->lane);
}

void agent_end(struct agent *agent, void (*ended)(void *context), void *context)
{
	if (agent->ending)
		return;
	agent->ending = true;
	agent->ended = ended;
	agent->ended_context = context;
	subscription_cancel(agent->subscription);
	jobs_each(agent->jobs, call_off, agent);
	jobs_when_idle(agent->jobs, close_parts, agent);
}
