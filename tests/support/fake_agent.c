/* Wanted rows are kept in two arrays; applying a newer row acts at once and puts what a real agent would
 * report into the outbox. */
#include "tests/support/fake_agent.h"

#include "bus/foundation/clock.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "tests/support/fake_log.h"
#include "tests/support/fake_outbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_agent {
	struct fake_agent_settings settings;
	char node_id[27];
	struct connection *connection;
	struct subscription *subscription;
	struct fake_outbox *outbox;
	struct fake_log *log;
	uv_timer_t beat;
	char log_id[27];
	uint64_t log_epoch, held_version;
	int applies, inventories, beats, probes;
	fake_inventory_change *change_inventory;
	void *change_context;
	uint64_t node_version, told_node_version;
	Roost__WantedNode__Desired node_desired;
	bool said_running, said_removed;
	struct fake_workspace *workspaces;
	struct fake_session *sessions;
	char (*session_workspaces)[27];
	int workspace_count, session_count;
};

static struct fake_workspace *find_workspace(const struct fake_agent *agent, const char *id)
{
	for (int i = 0; i < agent->workspace_count; i++)
		if (strcmp(agent->workspaces[i].id, id) == 0)
			return &agent->workspaces[i];
	return NULL;
}

static struct fake_session *find_session(const struct fake_agent *agent, const char *id)
{
	for (int i = 0; i < agent->session_count; i++)
		if (strcmp(agent->sessions[i].id, id) == 0)
			return &agent->sessions[i];
	return NULL;
}

static struct fake_workspace *add_workspace(struct fake_agent *agent, const char *id)
{
	size_t count = (size_t)agent->workspace_count + 1;
	agent->workspaces = realloc(agent->workspaces, count * sizeof(*agent->workspaces));
	struct fake_workspace *workspace = &agent->workspaces[agent->workspace_count++];
	memset(workspace, 0, sizeof(*workspace));
	snprintf(workspace->id, sizeof(workspace->id), "%s", id);
	return workspace;
}

static struct fake_session *add_session(struct fake_agent *agent, const char *id, const char *workspace_id)
{
	size_t count = (size_t)agent->session_count + 1;
	agent->sessions = realloc(agent->sessions, count * sizeof(*agent->sessions));
	agent->session_workspaces = realloc(agent->session_workspaces, count * sizeof(*agent->session_workspaces));
	snprintf(agent->session_workspaces[agent->session_count], 27, "%s", workspace_id);
	struct fake_session *session = &agent->sessions[agent->session_count++];
	memset(session, 0, sizeof(*session));
	snprintf(session->id, sizeof(session->id), "%s", id);
	return session;
}

static void end_session(struct fake_agent *agent, struct fake_session *session)
{
	if (session->ended)
		return;
	session->ended = true;
	if (!agent->settings.manual)
		fake_agent_says_session_ended(agent, session->id, 128 + 15);
}

static void end_sessions_of(struct fake_agent *agent, const char *workspace_id)
{
	for (int i = 0; i < agent->session_count; i++)
		if (strcmp(agent->session_workspaces[i], workspace_id) == 0)
			end_session(agent, &agent->sessions[i]);
}

static void start_workspace(struct fake_agent *agent, struct fake_workspace *workspace)
{
	if (workspace->started_generation == workspace->generation)
		return;
	workspace->started_generation = workspace->generation;
	workspace->starts++;
	if (agent->settings.manual)
		return;
	fake_agent_says_workspace_step(agent, workspace->id, workspace->generation, "sandbox");
	fake_agent_says_workspace_running(agent, workspace->id, workspace->generation);
}

static void stop_workspace(struct fake_agent *agent, struct fake_workspace *workspace)
{
	end_sessions_of(agent, workspace->id);
	if (!agent->settings.manual)
		fake_agent_says_workspace_stopped(agent, workspace->id, workspace->generation);
}

static void remove_workspace(struct fake_agent *agent, struct fake_workspace *workspace)
{
	end_sessions_of(agent, workspace->id);
	workspace->removed = true;
	if (!agent->settings.manual)
		fake_agent_says_workspace_removed(agent, workspace->id);
}

static void apply_workspace(struct fake_agent *agent, const Roost__WantedWorkspace *row)
{
	struct fake_workspace *workspace = find_workspace(agent, row->id);
	if (workspace == NULL)
		workspace = add_workspace(agent, row->id);
	else if (row->version <= workspace->version)
		return;
	workspace->version = row->version;
	workspace->unknown = false;
	workspace->generation = row->generation;
	workspace->desired = row->desired;
	if (row->desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN)
		start_workspace(agent, workspace);
	else if (row->desired == ROOST__WANTED_WORKSPACE__DESIRED__STOP)
		stop_workspace(agent, workspace);
	else
		remove_workspace(agent, workspace);
}

static void apply_session(struct fake_agent *agent, const Roost__WantedSession *row)
{
	struct fake_session *session = find_session(agent, row->id);
	if (session == NULL)
		session = add_session(agent, row->id, row->workspace_id);
	else if (row->version <= session->version)
		return;
	session->version = row->version;
	session->desired = row->desired;
	if (row->desired == ROOST__WANTED_SESSION__DESIRED__STOP) {
		end_session(agent, session);
		return;
	}
	if (session->starts > 0 || session->ended)
		return;
	session->starts++;
	if (!agent->settings.manual)
		fake_agent_says_session_running(agent, session->id);
}

static int workspaces_with(const struct fake_agent *agent, bool running)
{
	int count = 0;
	for (int i = 0; i < agent->workspace_count; i++) {
		const struct fake_workspace *workspace = &agent->workspaces[i];
		count +=
		    !workspace->removed && (!running || workspace->desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN);
	}
	return count;
}

/* As a real agent does: once for each wanted version, and only when it is true. */
static void tell_node(struct fake_agent *agent)
{
	if (agent->settings.manual || agent->told_node_version >= agent->node_version)
		return;
	if (agent->node_desired == ROOST__WANTED_NODE__DESIRED__RUN) {
		if (!agent->said_running)
			fake_agent_says_node_running(agent);
	} else if (workspaces_with(agent, agent->node_desired == ROOST__WANTED_NODE__DESIRED__STOP) > 0) {
		return;
	} else if (agent->node_desired == ROOST__WANTED_NODE__DESIRED__STOP) {
		fake_agent_says_node_stopped(agent);
	} else {
		fake_agent_says_node_removed(agent);
		agent->said_removed = true;
	}
	agent->said_running = false;
	agent->told_node_version = agent->node_version;
}

static void apply_node(struct fake_agent *agent, const Roost__WantedNode *row)
{
	if (row == NULL || row->version <= agent->node_version)
		return;
	agent->node_version = row->version;
	agent->node_desired = row->desired;
}

static void answer(struct fake_agent *agent, const struct incoming *message, const ProtobufCMessage *body,
		   struct arena *arena)
{
	struct outgoing outgoing = {.subject = message->reply, .data = message_pack(body, arena)};
	connection_publish(agent->connection, &outgoing, NULL);
}

static void on_apply(struct fake_agent *agent, const struct incoming *message, const Roost__ApplyRequest *request,
		     struct arena *arena)
{
	bool same_log = strcmp(agent->log_id, request->log_id != NULL ? request->log_id : "") == 0;
	if (!same_log && agent->log_id[0] == '\0') {
		snprintf(agent->log_id, sizeof(agent->log_id), "%s", request->log_id);
		agent->log_epoch = request->log_epoch;
		same_log = true;
	}
	if (same_log && request->from_version <= agent->held_version && request->to_version >= agent->held_version) {
		for (size_t i = 0; i < request->n_workspaces; i++)
			apply_workspace(agent, request->workspaces[i]);
		for (size_t i = 0; i < request->n_sessions; i++)
			apply_session(agent, request->sessions[i]);
		apply_node(agent, request->node);
		tell_node(agent);
		agent->applies += request->to_version > agent->held_version;
		agent->held_version = request->to_version;
	}
	Roost__ApplyResponse response = ROOST__APPLY_RESPONSE__INIT;
	response.log_id = agent->log_id;
	response.has_log_epoch = true;
	response.log_epoch = agent->log_epoch;
	response.has_held_version = true;
	response.held_version = agent->held_version;
	answer(agent, message, &response.base, arena);
}

static void on_input(struct fake_agent *agent, const struct incoming *message, const Roost__NodeInputRequest *request,
		     struct arena *arena)
{
	struct fake_session *session = find_session(agent, request->session_id);
	if (session != NULL && strcmp(session->last_input_id, request->input_id) != 0) {
		size_t length = strlen(session->typed);
		snprintf(session->last_input_id, sizeof(session->last_input_id), "%s", request->input_id);
		snprintf(session->typed + length, sizeof(session->typed) - length, "%.*s", (int)request->data.len,
			 (const char *)request->data.data);
		session->inputs++;
	}
	Roost__NodeInputResponse response = ROOST__NODE_INPUT_RESPONSE__INIT;
	answer(agent, message, &response.base, arena);
}

static void on_output(struct fake_agent *agent, const struct incoming *message, const Roost__NodeOutputRequest *request,
		      struct arena *arena)
{
	const struct fake_session *session = find_session(agent, request->session_id);
	Roost__NodeOutputResponse response = ROOST__NODE_OUTPUT_RESPONSE__INIT;
	response.text = session != NULL ? session->typed : "";
	answer(agent, message, &response.base, arena);
}

static void on_probe(struct fake_agent *agent, const struct incoming *message, struct arena *arena)
{
	Roost__ProbeResponse response = ROOST__PROBE_RESPONSE__INIT;
	agent->probes++;
	response.has_held_version = true;
	response.held_version = agent->held_version;
	response.has_agent_epoch = true;
	response.agent_epoch = fake_outbox_epoch(agent->outbox);
	answer(agent, message, &response.base, arena);
}

static void list_sessions(const struct fake_agent *agent, Roost__InventoryResponse *response, struct arena *arena)
{
	response->sessions = arena_array_of(arena, const char *, (size_t)agent->session_count + 1);
	for (int i = 0; i < agent->session_count; i++)
		if (!agent->sessions[i].ended)
			response->sessions[response->n_sessions++] = agent->sessions[i].id;
}

static void answer_error(struct fake_agent *agent, const struct incoming *message, struct arena *arena)
{
	struct error error;
	error_set(&error, ERROR_INTERNAL, "it cannot say what it has");
	const struct header headers[] = {{HEADER_ERROR_CODE, "500"}, {HEADER_ERROR, "internal"}};
	struct outgoing reply = {.subject = message->reply,
				 .data = envelope_encode_error(&error, NULL, false, arena),
				 .headers = headers,
				 .header_count = 2};
	connection_publish(agent->connection, &reply, NULL);
}

static void on_inventory(struct fake_agent *agent, const struct incoming *message,
			 const Roost__InventoryRequest *request, struct arena *arena)
{
	Roost__InventoryResponse response = ROOST__INVENTORY_RESPONSE__INIT;
	response.workspaces =
	    arena_array_of(arena, Roost__InventoryResponse__Workspace *, (size_t)agent->workspace_count + 1);
	for (int i = 0; i < agent->workspace_count; i++) {
		Roost__InventoryResponse__Workspace *row;
		arena_message(arena, row, roost__inventory_response__workspace__init);
		row->id = agent->workspaces[i].id;
		row->has_generation = row->has_running = row->has_known = true;
		row->generation = agent->workspaces[i].generation;
		row->running = agent->workspaces[i].desired == ROOST__WANTED_WORKSPACE__DESIRED__RUN;
		row->known = !agent->workspaces[i].unknown;
		row->owner = agent->workspaces[i].owner;
		row->has_made_at = true;
		row->made_at = agent->workspaces[i].made_at;
		row->has_wanted = true;
		row->wanted = row->running && row->known;
		if (!agent->workspaces[i].removed)
			response.workspaces[response.n_workspaces++] = row;
	}
	response.log_id = agent->log_id;
	response.has_log_epoch = response.has_held_version = true;
	response.log_epoch = agent->log_epoch;
	response.held_version = agent->held_version;
	list_sessions(agent, &response, arena);
	agent->inventories++;
	const char *cursor = request->cursor != NULL ? request->cursor : "";
	if (agent->change_inventory != NULL &&
	    !agent->change_inventory(agent->change_context, cursor, &response, arena))
		answer_error(agent, message, arena);
	else
		answer(agent, message, &response.base, arena);
}

static void on_call(void *context, const struct incoming *message)
{
	struct fake_agent *agent = context;
	struct arena *arena = arena_new();
	struct node_subject subject;
	struct error error;
	if (!subject_parse_node(message->subject, &subject))
		subject.verb[0] = '\0';
	if (strcmp(subject.verb, "apply") == 0) {
		ProtobufCMessage *request =
		    message_unpack(&roost__apply_request__descriptor, message->data, arena, &error);
		if (request != NULL)
			on_apply(agent, message, (Roost__ApplyRequest *)request, arena);
	} else if (strcmp(subject.verb, "input") == 0) {
		ProtobufCMessage *request =
		    message_unpack(&roost__node_input_request__descriptor, message->data, arena, &error);
		if (request != NULL)
			on_input(agent, message, (Roost__NodeInputRequest *)request, arena);
	} else if (strcmp(subject.verb, "output") == 0) {
		ProtobufCMessage *request =
		    message_unpack(&roost__node_output_request__descriptor, message->data, arena, &error);
		if (request != NULL)
			on_output(agent, message, (Roost__NodeOutputRequest *)request, arena);
	} else if (strcmp(subject.verb, "log") == 0) {
		ProtobufCMessage *request =
		    message_unpack(&roost__node_log_request__descriptor, message->data, arena, &error);
		if (request != NULL)
			fake_log_asked(agent->log, message->reply, (Roost__NodeLogRequest *)request);
	} else if (strcmp(subject.verb, "probe") == 0) {
		on_probe(agent, message, arena);
	} else if (strcmp(subject.verb, "inventory") == 0) {
		ProtobufCMessage *request =
		    message_unpack(&roost__inventory_request__descriptor, message->data, arena, &error);
		if (request != NULL)
			on_inventory(agent, message, (Roost__InventoryRequest *)request, arena);
	}
	arena_free(arena);
}

static void beat(uv_timer_t *timer)
{
	struct fake_agent *agent = timer->data;
	struct arena *arena = arena_new();
	Roost__Heartbeat heartbeat = ROOST__HEARTBEAT__INIT;
	heartbeat.node_id = agent->node_id;
	heartbeat.has_agent_epoch = heartbeat.has_sent_at = heartbeat.has_held_version = true;
	heartbeat.agent_epoch = fake_outbox_epoch(agent->outbox);
	heartbeat.sent_at = clock_wall_ms();
	heartbeat.held_version = agent->held_version;
	heartbeat.log_id = agent->log_id;
	heartbeat.has_log_epoch = true;
	heartbeat.log_epoch = agent->log_epoch;
	heartbeat.has_workspaces_running = true;
	heartbeat.workspaces_running = (uint32_t)workspaces_with(agent, true);
	heartbeat.has_load_1m = true;
	heartbeat.load_1m = 0.25;
	heartbeat.unknown_workspaces = arena_array_of(arena, const char *, (size_t)agent->workspace_count + 1);
	for (int i = 0; i < agent->workspace_count; i++)
		if (agent->workspaces[i].unknown)
			heartbeat.unknown_workspaces[heartbeat.n_unknown_workspaces++] = agent->workspaces[i].id;
	struct subject subject = subject_beat(agent->node_id);
	struct outgoing message = {.subject = subject.text, .data = message_pack(&heartbeat.base, arena)};
	agent->beats += connection_publish(agent->connection, &message, NULL);
	arena_free(arena);
}

struct fake_agent *fake_agent_start(const struct fake_agent_settings *settings)
{
	struct fake_agent *agent = calloc(1, sizeof(*agent));
	struct connection_settings connection = {
	    .name = "fake agent",
	    .url = settings->url,
	    .credentials_file = settings->credentials_file,
	    .inbox_user = settings->node_id,
	};
	agent->settings = *settings;
	snprintf(agent->node_id, sizeof(agent->node_id), "%s", settings->node_id);
	agent->connection = connection_open(settings->loop, &connection, NULL);
	agent->outbox =
	    fake_outbox_new(agent->connection, agent->node_id, settings->agent_epoch, settings->answer_timeout_ms);
	agent->log = fake_log_new(agent->connection);
	fake_agent_listen(agent, true);
	uv_timer_init(settings->loop, &agent->beat);
	agent->beat.data = agent;
	if (settings->beat_ms > 0)
		uv_timer_start(&agent->beat, beat, 0, settings->beat_ms);
	if (!settings->manual)
		fake_agent_says_node_running(agent);
	agent->said_running = true;
	return agent;
}

static void timer_closed(uv_handle_t *handle)
{
	struct fake_agent *agent = handle->data;
	free(agent->workspaces);
	free(agent->sessions);
	free(agent->session_workspaces);
	free(agent);
}

void fake_agent_stop(struct fake_agent *agent)
{
	fake_outbox_free(agent->outbox);
	fake_log_free(agent->log);
	connection_close(agent->connection, NULL, NULL);
	uv_close((uv_handle_t *)&agent->beat, timer_closed);
}

void fake_agent_report(struct fake_agent *agent, const Roost__Report *report)
{
	fake_outbox_put(agent->outbox, report);
}

int fake_agent_waiting(const struct fake_agent *agent)
{
	return fake_outbox_waiting(agent->outbox);
}

void fake_agent_listen(struct fake_agent *agent, bool listen)
{
	char subject[64];
	if (agent->subscription != NULL)
		subscription_cancel(agent->subscription);
	agent->subscription = NULL;
	snprintf(subject, sizeof(subject), "roost.node.%s.*", agent->node_id);
	if (listen)
		agent->subscription = connection_subscribe(agent->connection, subject, NULL, on_call, agent);
}

void fake_agent_knows_session(struct fake_agent *agent, const char *id, const char *workspace_id)
{
	if (find_session(agent, id) == NULL)
		add_session(agent, id, workspace_id);
}

const struct fake_workspace *fake_agent_workspace(const struct fake_agent *agent, const char *id)
{
	return find_workspace(agent, id);
}

const struct fake_session *fake_agent_session(const struct fake_agent *agent, const char *id)
{
	return find_session(agent, id);
}

int fake_agent_workspace_count(const struct fake_agent *agent)
{
	return agent->workspace_count;
}

int fake_agent_session_count(const struct fake_agent *agent)
{
	return agent->session_count;
}

uint64_t fake_agent_held_version(const struct fake_agent *agent)
{
	return agent->held_version;
}

int fake_agent_applies(const struct fake_agent *agent)
{
	return agent->applies;
}

void fake_agent_writes_log(struct fake_agent *agent, const char *workspace_id, const char *text)
{
	fake_log_write(agent->log, workspace_id, text);
}

void fake_agent_has_unknown(struct fake_agent *agent, const char *id, const char *owner, int64_t made_at_ms)
{
	struct fake_workspace *workspace = add_workspace(agent, id);
	workspace->unknown = true;
	workspace->generation = 1;
	workspace->desired = ROOST__WANTED_WORKSPACE__DESIRED__RUN;
	workspace->made_at = made_at_ms;
	snprintf(workspace->owner, sizeof(workspace->owner), "%s", owner);
}

void fake_agent_changes_inventory(struct fake_agent *agent, fake_inventory_change *change, void *context)
{
	agent->change_inventory = change;
	agent->change_context = context;
}

int fake_agent_inventories(const struct fake_agent *agent)
{
	return agent->inventories;
}

Roost__WantedNode__Desired fake_agent_wanted_node(const struct fake_agent *agent)
{
	return agent->node_desired;
}

bool fake_agent_is_done(const struct fake_agent *agent)
{
	return agent->said_removed && fake_agent_waiting(agent) == 0;
}

int fake_agent_beats(const struct fake_agent *agent)
{
	return agent->beats;
}

bool fake_agent_is_manual(const struct fake_agent *agent)
{
	return agent->settings.manual;
}

int fake_agent_probes(const struct fake_agent *agent)
{
	return agent->probes;
}
