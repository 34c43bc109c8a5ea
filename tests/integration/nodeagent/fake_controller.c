/* The other side of the node agent's conversation, with everything written down. */
#include "tests/integration/nodeagent/fake_controller.h"

#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

#define COPY(array, text) copy((array), sizeof(array), (text))

static void read_left(const Roost__LeftBehind *left, struct told *told)
{
	if (!left)
		return;
	told->left_processes = left->processes;
	told->left_mounts = left->mounts;
	told->left_workspaces = left->workspaces;
	told->left_files = left->files;
}

static void read_workspace_report(const Roost__Report *report, struct told *told)
{
	switch (report->report_case) {
	case ROOST__REPORT__REPORT_WORKSPACE_STEP:
		COPY(told->id, report->workspace_step->workspace_id);
		COPY(told->step, report->workspace_step->step);
		told->generation = report->workspace_step->generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_RUNNING:
		COPY(told->id, report->workspace_running->workspace_id);
		told->generation = report->workspace_running->generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_FAILED:
		COPY(told->id, report->workspace_failed->workspace_id);
		COPY(told->step, report->workspace_failed->step);
		COPY(told->message, report->workspace_failed->message);
		told->generation = report->workspace_failed->generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_STOPPED:
		COPY(told->id, report->workspace_stopped->workspace_id);
		told->generation = report->workspace_stopped->generation;
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED:
		COPY(told->id, report->workspace_stop_failed->workspace_id);
		COPY(told->message, report->workspace_stop_failed->message);
		told->generation = report->workspace_stop_failed->generation;
		read_left(report->workspace_stop_failed->left, told);
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_REMOVED:
		COPY(told->id, report->workspace_removed->workspace_id);
		break;
	case ROOST__REPORT__REPORT_WORKSPACE_LOST:
		COPY(told->id, report->workspace_lost->workspace_id);
		COPY(told->message, report->workspace_lost->message);
		told->generation = report->workspace_lost->generation;
		break;
	default:
		break;
	}
}

static void read_report(const Roost__Report *report, struct told *told)
{
	*told = (struct told){.kind = report->report_case};
	switch (report->report_case) {
	case ROOST__REPORT__REPORT_SESSION_RUNNING:
		COPY(told->id, report->session_running->session_id);
		break;
	case ROOST__REPORT__REPORT_SESSION_ENDED:
		COPY(told->id, report->session_ended->session_id);
		told->reason = (int)report->session_ended->reason;
		told->has_exit_code = report->session_ended->has_exit_code;
		told->exit_code = report->session_ended->exit_code;
		break;
	case ROOST__REPORT__REPORT_SESSION_FAILED:
		COPY(told->id, report->session_failed->session_id);
		COPY(told->message, report->session_failed->message);
		break;
	case ROOST__REPORT__REPORT_NODE_STOP_FAILED:
		COPY(told->message, report->node_stop_failed->message);
		read_left(report->node_stop_failed->left, told);
		break;
	case ROOST__REPORT__REPORT_NODE_DEGRADED:
		COPY(told->message, report->node_degraded->message);
		break;
	default:
		read_workspace_report(report, told);
	}
}

/* As a controller takes them: in order, each number once, a gap is not stepped over. */
static void take_batch(struct fake_controller *controller, const Roost__ReportBatch *batch)
{
	if (batch->agent_epoch < controller->agent_epoch)
		return;
	if (batch->agent_epoch > controller->agent_epoch)
		controller->taken = 0;
	controller->agent_epoch = batch->agent_epoch;
	for (size_t i = 0; i < batch->n_reports; i++) {
		const Roost__Report *report = batch->reports[i];
		if (report->number <= controller->taken)
			controller->batches_seen_twice++;
		if (report->number != controller->taken + 1)
			continue;
		assert_true(controller->told_count < TOLD_MAX);
		read_report(report, &controller->told[controller->told_count++]);
		controller->taken++;
	}
}

static void on_reports(void *context, const struct incoming *message)
{
	struct fake_controller *controller = context;
	struct arena *arena = arena_new();
	struct error error = {0};
	controller->batches++;
	Roost__ReportBatch *batch =
	    (Roost__ReportBatch *)message_unpack(&roost__report_batch__descriptor, message->data, arena, &error);
	if (!batch)
		fail_msg("a batch does not decode: %s", error.message);
	struct outgoing reply = {.subject = message->reply};
	struct header refusal[] = {{HEADER_ERROR_CODE, "503"}, {HEADER_ERROR, "busy"}};
	Roost__ReportAnswer answer = ROOST__REPORT_ANSWER__INIT;
	if (!controller->mute && controller->refuse) {
		error_set(&error, ERROR_BUSY, "later");
		reply.headers = refusal;
		reply.header_count = 2;
		reply.data = envelope_encode_error(&error, NULL, false, arena);
	} else if (!controller->mute) {
		take_batch(controller, batch);
		answer.has_agent_epoch = answer.has_taken = true;
		answer.agent_epoch = controller->agent_epoch;
		answer.taken = controller->taken;
		reply.data = message_pack(&answer.base, arena);
	}
	if (!controller->mute)
		connection_publish(controller->connection, &reply, &error);
	arena_free(arena);
}

static void on_beat(void *context, const struct incoming *message)
{
	struct fake_controller *controller = context;
	struct arena *arena = arena_new();
	struct error error = {0};
	const Roost__Heartbeat *beat =
	    (const Roost__Heartbeat *)message_unpack(&roost__heartbeat__descriptor, message->data, arena, &error);
	if (!beat)
		fail_msg("a beat does not decode: %s", error.message);
	controller->beats++;
	controller->held_version = beat->held_version;
	controller->workspaces_running = beat->workspaces_running;
	controller->sessions_running = beat->sessions_running;
	controller->unknown_workspaces = (uint32_t)beat->n_unknown_workspaces;
	COPY(controller->runtime_error, beat->runtime_error);
	COPY(controller->degraded_error, beat->degraded_error);
	if (controller->held_version < controller->version)
		fake_controller_send(controller);
	arena_free(arena);
}

void fake_controller_start(struct fake_controller *controller, uv_loop_t *loop, const char *url,
			   const char *credentials, const char *node_id)
{
	struct error error = {0};
	struct connection_settings settings = {
	    .name = "fake-controller", .url = url, .credentials_file = credentials, .inbox_user = "controller"};
	memset(controller, 0, sizeof(*controller));
	controller->loop = loop;
	controller->log_epoch = 1;
	COPY(controller->node_id, node_id);
	COPY(controller->log_id, "log-1");
	controller->connection = connection_open(loop, &settings, &error);
	if (!controller->connection)
		fail_msg("%s", error.message);
	struct subject reports = subject_report(node_id);
	struct subject beats = subject_beat(node_id);
	connection_subscribe(controller->connection, reports.text, "controllers", on_reports, controller);
	connection_subscribe(controller->connection, beats.text, NULL, on_beat, controller);
}

void fake_controller_stop(struct fake_controller *controller)
{
	connection_close(controller->connection, NULL, NULL);
}

static struct wanted_row *row_of(struct fake_controller *controller, const char *id)
{
	for (int i = 0; i < controller->row_count; i++)
		if (strcmp(controller->rows[i].id, id) == 0)
			return &controller->rows[i];
	assert_true(controller->row_count < WANTED_MAX);
	struct wanted_row *row = &controller->rows[controller->row_count++];
	COPY(row->id, id);
	return row;
}

struct wanted_row *fake_controller_want(struct fake_controller *controller, const char *id, uint32_t generation,
					Roost__WantedWorkspace__Desired desired, const char *image)
{
	struct wanted_row *row = row_of(controller, id);
	row->version = ++controller->version;
	row->generation = generation;
	row->desired = (int)desired;
	COPY(row->image, image);
	fake_controller_send(controller);
	return row;
}

struct wanted_row *fake_controller_want_session(struct fake_controller *controller, const char *id,
						const char *workspace_id, uint32_t generation,
						Roost__WantedSession__Desired desired, const char *script)
{
	struct wanted_row *row = row_of(controller, id);
	row->version = ++controller->version;
	row->generation = generation;
	row->desired = (int)desired;
	COPY(row->workspace_id, workspace_id);
	COPY(row->script, script);
	fake_controller_send(controller);
	return row;
}

/* As the log does it: what is on the node has the node's wish from the same version on. */
static void cascade(struct fake_controller *controller, struct wanted_row *row)
{
	int desired = (int)controller->node;
	if (row->workspace_id[0])
		desired = ROOST__WANTED_SESSION__DESIRED__STOP;
	if (row->desired >= desired)
		return;
	row->desired = desired;
	row->version = controller->node_version;
}

void fake_controller_want_node(struct fake_controller *controller, Roost__WantedNode__Desired desired)
{
	controller->node = desired;
	controller->node_version = ++controller->version;
	for (int i = 0; desired != ROOST__WANTED_NODE__DESIRED__RUN && i < controller->row_count; i++)
		cascade(controller, &controller->rows[i]);
	fake_controller_send(controller);
}

static Roost__WantedWorkspace *workspace_message(const struct wanted_row *row, struct arena *arena)
{
	Roost__WantedWorkspace *message = NULL;
	arena_message(arena, message, roost__wanted_workspace__init);
	arena_message(arena, message->spec, roost__workspace_spec__init);
	message->id = row->id;
	message->owner = "local";
	message->has_version = message->has_generation = message->has_desired = true;
	message->version = row->version;
	message->generation = row->generation;
	message->desired = (Roost__WantedWorkspace__Desired)row->desired;
	message->spec->image = row->image;
	message->spec->repository = row->repository;
	message->display_name = "test";
	message->parent_id = row->parent_id[0] ? row->parent_id : NULL;
	return message;
}

static Roost__WantedSession *session_message(const struct wanted_row *row, struct arena *arena)
{
	Roost__WantedSession *message = NULL;
	arena_message(arena, message, roost__wanted_session__init);
	message->id = row->id;
	message->workspace_id = row->workspace_id;
	message->has_version = message->has_generation = message->has_desired = true;
	message->version = row->version;
	message->generation = row->generation;
	message->desired = (Roost__WantedSession__Desired)row->desired;
	message->command = arena_array_of(arena, const char *, 3);
	message->command[0] = "sh";
	message->command[1] = "-c";
	message->command[2] = row->script;
	message->n_command = row->script[0] != '\0' ? 3 : 0;
	return message;
}

static struct bytes everything(const struct fake_controller *controller, struct arena *arena)
{
	Roost__ApplyRequest request = ROOST__APPLY_REQUEST__INIT;
	request.log_id = controller->log_id;
	request.has_log_epoch = request.has_from_version = request.has_to_version = true;
	request.log_epoch = controller->log_epoch;
	request.to_version = controller->version;
	Roost__WantedNode *node = NULL;
	arena_message(arena, node, roost__wanted_node__init);
	node->has_version = node->has_desired = true;
	node->version = controller->node_version;
	node->desired = controller->node;
	request.node = controller->node ? node : NULL;
	request.workspaces = arena_array_of(arena, Roost__WantedWorkspace *, WANTED_MAX);
	request.sessions = arena_array_of(arena, Roost__WantedSession *, WANTED_MAX);
	for (int i = 0; i < controller->row_count; i++)
		if (controller->rows[i].workspace_id[0])
			request.sessions[request.n_sessions++] = session_message(&controller->rows[i], arena);
		else
			request.workspaces[request.n_workspaces++] = workspace_message(&controller->rows[i], arena);
	return message_pack(&request.base, arena);
}

static void on_applied(void *context, const struct incoming *answer, const struct error *error)
{
	struct fake_controller *controller = context;
	(void)error; /* the next beat tries again */
	controller->applying = false;
	if (answer && incoming_header(answer, HEADER_ERROR_CODE))
		fail_msg("an apply was refused: %s", incoming_header(answer, HEADER_ERROR));
}

void fake_controller_send(struct fake_controller *controller)
{
	struct arena *arena = arena_new();
	struct subject subject = subject_node(controller->node_id, "apply");
	struct outgoing message = {.subject = subject.text, .data = everything(controller, arena)};
	controller->applying = true;
	connection_request(controller->connection, &message, 3000, on_applied, controller);
	arena_free(arena);
}

int fake_controller_count(const struct fake_controller *controller, Roost__Report__ReportCase kind, const char *id)
{
	int count = 0;
	for (int i = 0; i < controller->told_count; i++)
		count += controller->told[i].kind == kind && (!id || strcmp(controller->told[i].id, id) == 0);
	return count;
}

const struct told *fake_controller_last(const struct fake_controller *controller, Roost__Report__ReportCase kind,
					const char *id)
{
	for (int i = controller->told_count - 1; i >= 0; i--)
		if (controller->told[i].kind == kind && (!id || strcmp(controller->told[i].id, id) == 0))
			return &controller->told[i];
	return NULL;
}

struct awaited {
	const struct fake_controller *controller;
	Roost__Report__ReportCase kind;
	const char *id;
	int least;
};

static bool was_told(void *context)
{
	const struct awaited *awaited = context;
	return fake_controller_count(awaited->controller, awaited->kind, awaited->id) >= awaited->least;
}

const struct told *fake_controller_await(struct fake_controller *controller, Roost__Report__ReportCase kind,
					 const char *id, int least)
{
	char what[128];
	struct awaited awaited = {controller, kind, id, least};
	snprintf(what, sizeof(what), "%d reports of kind %d about %s", least, (int)kind, id ? id : "anything");
	loop_until(controller->loop, was_told, &awaited, PATIENCE_MS, what);
	return fake_controller_last(controller, kind, id);
}

static bool holds_everything(void *context)
{
	const struct fake_controller *controller = context;
	return controller->held_version == controller->version;
}

void fake_controller_await_held(struct fake_controller *controller)
{
	loop_until(controller->loop, holds_everything, controller, PATIENCE_MS, "the agent to hold all versions");
}

struct question {
	struct arena *arena;
	struct bytes answer;
	char *refused;
	bool done;
};

static void on_answer(void *context, const struct incoming *answer, const struct error *error)
{
	struct question *question = context;
	question->done = true;
	if (!answer) {
		copy(question->refused, 64, error_code_name(error->code));
		return;
	}
	const char *refused = incoming_header(answer, HEADER_ERROR);
	copy(question->refused, 64, refused);
	question->answer =
	    (struct bytes){arena_copy(question->arena, answer->data.data, answer->data.size), answer->data.size};
}

struct bytes fake_controller_ask(struct fake_controller *controller, const char *verb, struct bytes body,
				 struct arena *arena, char refused[64])
{
	struct question question = {.arena = arena, .refused = refused};
	struct subject subject = subject_node(controller->node_id, verb);
	struct outgoing message = {.subject = subject.text, .data = body};
	refused[0] = 0;
	connection_request(controller->connection, &message, 5000, on_answer, &question);
	loop_until_true(controller->loop, &question.done, verb);
	return question.answer;
}
