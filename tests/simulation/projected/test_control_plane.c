/* Three controllers, two agents, one log, and everything that goes wrong; then the faults end, and all
 * must have come out as if nothing had happened: every command took effect once, every controller gives
 * the same bytes, every agent has what is wanted. (S1-05..11, S0-18, D5, D11, D12) */
#include "tests/simulation/projected/simulation.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES = 10, STEPS = 900, SETTLING_ROUNDS = 4000 };

uint32_t draw(struct simulation *simulation, uint32_t below)
{
	simulation->random ^= simulation->random << 13;
	simulation->random ^= simulation->random >> 7;
	simulation->random ^= simulation->random << 17;
	return (uint32_t)(simulation->random >> 32) % below;
}

bool happens(struct simulation *simulation, uint32_t one_in)
{
	return draw(simulation, one_in) == 0 && simulation->faults;
}

const char *new_id(struct simulation *simulation)
{
	return arena_printf(simulation->arena, "01%024u", ++simulation->ids);
}

struct decision_inputs plain_inputs(struct simulation *simulation, const char *cause)
{
	return (struct decision_inputs){
	    .now_ms = simulation->now_ms,
	    .new_id = new_id(simulation),
	    .owner = "alice",
	    .actor = "alice",
	    .cause = cause,
	    .limits = simulation->limits,
	    .arena = simulation->step,
	};
}

static struct controller *any_controller(struct simulation *simulation)
{
	return &simulation->controllers[draw(simulation, CONTROLLERS)];
}

static struct decision *decide_command(const struct decision_inputs *inputs, void *context)
{
	const struct command *command = context;
	Roost__CreateNodeRequest create_node = ROOST__CREATE_NODE_REQUEST__INIT;
	Roost__CreateWorkspaceRequest create_workspace = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__CreateSessionRequest create_session = ROOST__CREATE_SESSION_REQUEST__INIT;
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete_it = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	Roost__RenameWorkspaceRequest rename_it = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	Roost__StopSessionRequest stop_session = ROOST__STOP_SESSION_REQUEST__INIT;
	create_node.name = create_workspace.name = rename_it.display_name = command->name;
	create_workspace.node_id = create_session.workspace_id = command->target;
	stop.id = restart.id = delete_it.id = rename_it.id = stop_session.id = command->target;
	switch (command->kind) {
	case CREATE_NODE:
		return decide_create_node(inputs, &create_node);
	case CREATE_WORKSPACE:
		return decide_create_workspace(inputs, &create_workspace);
	case CREATE_SESSION:
		return decide_create_session(inputs, &create_session);
	case STOP_WORKSPACE:
		return decide_stop_workspace(inputs, &stop);
	case RESTART_WORKSPACE:
		return decide_restart_workspace(inputs, &restart);
	case DELETE_WORKSPACE:
		return decide_delete_workspace(inputs, &delete_it);
	case RENAME_WORKSPACE:
		return decide_rename_workspace(inputs, &rename_it);
	default:
		return decide_stop_session(inputs, &stop_session);
	}
}

static const char *made_by(const struct answer *answer)
{
	return answer->node != NULL	   ? answer->node->id
	       : answer->workspace != NULL ? answer->workspace->id
					   : answer->session->id;
}

/* Sends the command to some controller; without an answer it stays to be sent again, under its key. */
static void send_command(struct simulation *simulation, struct command *command)
{
	unsigned char hash[32] = {(unsigned char)(command - simulation->commands)};
	struct decision_inputs inputs = plain_inputs(simulation, "command");
	inputs.idempotency_key = command->key;
	inputs.request_hash = hash;
	const struct decision *decision =
	    controller_run(simulation, any_controller(simulation), &inputs, decide_command, command);
	if (decision == NULL || happens(simulation, 8))
		return;
	command->done = true;
	command->refused = decision->kind == DECISION_REFUSE;
	assert_false(command->refused && decision->refusal.code == ERROR_INTERNAL);
	if (!command->refused && command->kind <= CREATE_SESSION)
		command->made = arena_strdup(simulation->arena, made_by(&decision->answer));
}

/* Something that an earlier command made, or NULL. */
static const char *something_made(struct simulation *simulation, int kind)
{
	for (int i = 0; i < 16 && simulation->command_count > 0; i++) {
		const struct command *command =
		    &simulation->commands[draw(simulation, (uint32_t)simulation->command_count)];
		if ((int)command->kind == kind && command->made != NULL)
			return command->made;
	}
	return NULL;
}

static struct command *new_command(struct simulation *simulation, int kind, const char *target)
{
	static const char *const names[] = {"api", "API", "web", "db"};
	struct command *command = &simulation->commands[simulation->command_count];
	snprintf(command->key, sizeof(command->key), "key-%zu", simulation->command_count++);
	command->kind = kind;
	command->target = target;
	command->name = names[draw(simulation, 4)];
	return command;
}

static void client_step(struct simulation *simulation)
{
	for (size_t i = 0; i < simulation->command_count; i++) {
		struct command *command = &simulation->commands[i];
		if (!command->done && draw(simulation, 2) == 0) {
			send_command(simulation, command);
			return;
		}
	}
	if (simulation->command_count == COMMANDS_MAX || !simulation->faults)
		return;
	int kind = CREATE_WORKSPACE + (int)draw(simulation, COMMAND_KINDS - CREATE_WORKSPACE);
	const char *target = kind == CREATE_WORKSPACE
				 ? (draw(simulation, 2) == 0 ? NULL : something_made(simulation, CREATE_NODE))
			     : kind == STOP_SESSION ? something_made(simulation, CREATE_SESSION)
						    : something_made(simulation, CREATE_WORKSPACE);
	if (kind != CREATE_WORKSPACE && target == NULL)
		kind = CREATE_WORKSPACE;
	send_command(simulation, new_command(simulation, kind, target));
}

static struct decision *decide_deadline(const struct decision_inputs *inputs, void *context)
{
	const struct next_deadline *next = context;
	return decide_provision_deadline(inputs, next->workspace_id, next->generation);
}

static void timer_step(struct simulation *simulation)
{
	struct error error = {0};
	struct next_deadline next;
	struct controller *controller = any_controller(simulation);
	assert_true(projection_next_deadline(controller->projection, simulation->step, &next, &error));
	if (next.workspace_id == NULL || next.deadline_ms > simulation->now_ms)
		return;
	const struct decision_inputs inputs = plain_inputs(simulation, "deadline");
	controller_run(simulation, controller, &inputs, decide_deadline, &next);
}

static void any_step(struct simulation *simulation)
{
	struct agent *agent = &simulation->agents[draw(simulation, AGENTS)];
	struct controller *controller = any_controller(simulation);
	arena_reset(simulation->step);
	simulation->now_ms += 1 + draw(simulation, 20);
	switch (draw(simulation, 8)) {
	case 0:
	case 1:
		client_step(simulation);
		break;
	case 2:
		agent_receive(simulation, agent, controller);
		break;
	case 3:
	case 4:
		agent_work(simulation, agent);
		break;
	case 5:
		agent_report(simulation, agent, controller);
		break;
	case 6: /* replay, some of what is missing */
		controller_catch_up(
		    simulation, controller,
		    controller->applied +
			draw(simulation, (uint32_t)(simulation->log.log_count - controller->applied) + 1));
		break;
	default:
		timer_step(simulation);
	}
}

/* The nodes are made first, without faults, and their agents say that they run. */
static void make_nodes(struct simulation *simulation)
{
	for (int i = 0; i < AGENTS; i++) {
		struct command *command = new_command(simulation, CREATE_NODE, NULL);
		send_command(simulation, command);
		struct agent *agent = &simulation->agents[i];
		agent->node_id = command->made;
		Roost__Report *report;
		arena_message(simulation->arena, report, roost__report__init);
		arena_message(simulation->arena, report->node_running, roost__node_running__init);
		report->number = 1;
		report->report_case = ROOST__REPORT__REPORT_NODE_RUNNING;
		agent->outbox[agent->reported++] = report;
		agent_report(simulation, agent, &simulation->controllers[0]);
	}
}

static void begin(struct simulation *simulation, uint64_t seed)
{
	*simulation = (struct simulation){.random = seed * 2654435769u + 1, .now_ms = 1800000000000};
	simulation->folder = make_folder();
	simulation->arena = arena_new();
	simulation->step = arena_new();
	simulation->log.owner = "alice";
	simulation->limits = (struct decision_limits){.max_nodes_per_user = 10,
						      .max_workspaces_per_node = 12,
						      .max_sessions_per_workspace = 3,
						      .provision_timeout_ms = 1500,
						      .idempotency_ms = IDEMPOTENCY_MS};
	for (int i = 0; i < CONTROLLERS; i++) {
		char name[32];
		snprintf(name, sizeof(name), "controller%d.db", i);
		simulation->controllers[i].projection = open_in(simulation->folder, name);
	}
	make_nodes(simulation);
	simulation->faults = true;
}

static void end(struct simulation *simulation)
{
	for (int i = 0; i < CONTROLLERS; i++)
		projection_close(simulation->controllers[i].projection);
	for (size_t i = 0; i < simulation->log.log_count; i++)
		free(simulation->log.log[i].data);
	free(simulation->log.log);
	arena_free(simulation->arena);
	arena_free(simulation->step);
	remove_folder(simulation->folder);
}

static bool settled(const struct simulation *simulation)
{
	for (size_t i = 0; i < simulation->command_count; i++)
		if (!simulation->commands[i].done)
			return false;
	for (int i = 0; i < AGENTS; i++)
		if (!agent_idle(&simulation->agents[i]))
			return false;
	return true;
}

/* Without faults: everybody does what is left to do. */
static void settle(struct simulation *simulation)
{
	simulation->faults = false;
	for (int round = 0; round < SETTLING_ROUNDS; round++) {
		for (int i = 0; i < CONTROLLERS; i++)
			controller_catch_up(simulation, &simulation->controllers[i], simulation->log.log_count);
		for (int i = 0; i < AGENTS; i++) {
			arena_reset(simulation->step);
			agent_receive(simulation, &simulation->agents[i], &simulation->controllers[0]);
		}
		if (settled(simulation))
			return;
		any_step(simulation);
	}
	fail_msg("it does not settle");
}

/* S0-18, D5: one resource per acknowledged create, none besides; and the agents have what is wanted. */
static void check_workspaces(struct simulation *simulation)
{
	struct error error = {0};
	struct workspace_page page;
	const struct workspace_filter any = {0};
	struct projection *projection = simulation->controllers[0].projection;
	assert_true(projection_list_workspaces(projection, "alice", &any, 500, NULL, simulation->step, &page, &error));
	for (size_t i = 0; i < page.count; i++) {
		const Roost__Workspace *workspace = page.items[i]->resource;
		Roost__Workspace__Status status = workspace->status;
		assert_true(status == ROOST__WORKSPACE__STATUS__RUNNING ||
			    status == ROOST__WORKSPACE__STATUS__STOPPED || status == ROOST__WORKSPACE__STATUS__ERROR);
		int makers = 0;
		for (size_t j = 0; j < simulation->command_count; j++)
			makers += simulation->commands[j].made != NULL &&
				  strcmp(simulation->commands[j].made, workspace->id) == 0;
		assert_int_equal(makers, 1);
		for (size_t j = 0; j < i; j++)
			assert_false(strcmp(page.items[j]->resource->node_id, workspace->node_id) == 0 &&
				     strcmp(page.items[j]->name_key, page.items[i]->name_key) == 0);
		for (int k = 0; k < AGENTS; k++)
			for (size_t j = 0; j < simulation->agents[k].row_count; j++) {
				const struct agent_row *row = &simulation->agents[k].rows[j];
				if (strcmp(row->id, workspace->id) == 0)
					assert_int_equal(row->running, status == ROOST__WORKSPACE__STATUS__RUNNING);
			}
	}
}

static void check_sessions(struct simulation *simulation)
{
	struct error error = {0};
	struct projection *projection = simulation->controllers[0].projection;
	for (int k = 0; k < AGENTS; k++) {
		for (size_t j = 0; j < simulation->agents[k].row_count; j++) {
			const struct agent_row *row = &simulation->agents[k].rows[j];
			if (!row->is_session)
				continue;
			assert_true(row->starts <= 1);
			const Roost__SessionState *session =
			    projection_session(projection, "alice", row->id, simulation->step, &error);
			if (session != NULL)
				assert_int_equal(session->resource->status == ROOST__AGENT_SESSION__STATUS__RUNNING,
						 row->running);
		}
	}
}

static void check_controllers_agree(struct simulation *simulation)
{
	struct bytes answers[CONTROLLERS];
	for (int i = 0; i < CONTROLLERS; i++) {
		answers[i] = everything(simulation->controllers[i].projection, "alice", simulation->step);
		assert_int_equal(answers[i].size, answers[0].size);
		assert_memory_equal(answers[i].data, answers[0].data, answers[0].size);
	}
}

static void test_after_all_faults_everything_is_as_if_there_were_none(void **state)
{
	(void)state;
	unsigned restarts = 0;
	for (uint64_t seed = 1; seed <= LIVES; seed++) {
		struct simulation *simulation = malloc(sizeof(*simulation));
		assert_non_null(simulation);
		begin(simulation, seed);
		for (int i = 0; i < STEPS; i++)
			any_step(simulation);
		settle(simulation);
		check_workspaces(simulation);
		check_sessions(simulation);
		check_controllers_agree(simulation);
		for (int i = 0; i < CONTROLLERS; i++)
			restarts += simulation->controllers[i].restarts;
		assert_true(simulation->log.log_count > 100);
		end(simulation);
		free(simulation);
	}
	assert_true(restarts > LIVES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_after_all_faults_everything_is_as_if_there_were_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
