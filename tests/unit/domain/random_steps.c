/* Each step is one decision; a table says how often which kind comes. */
#include "tests/unit/domain/random_steps.h"

#include "controller/domain/names.h"
#include "controller/domain/states.h"
#include "controller/domain/wanted.h"
#include "tests/unit/cmocka_all.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t draw(struct random_life *life, uint32_t below)
{
	life->state ^= life->state << 13; /* xorshift64 */
	life->state ^= life->state >> 7;
	life->state ^= life->state << 17;
	return (uint32_t)(life->state >> 32) % below;
}

static const char *pick(struct random_life *life, const char **ids, size_t count)
{
	return count == 0 ? NULL : ids[draw(life, (uint32_t)count)];
}

/* Mostly the newest ones, so that things meet. */
static const char *pick_recent(struct random_life *life, const char **ids, size_t count)
{
	size_t window = count < 12 ? count : 12;
	return pick(life, ids + (count - window), draw(life, 8) == 0 ? 0 : window);
}

static const char *pick_name(struct random_life *life)
{
	static const char *const names[] = {"api", "API ", "web", "worker", "Größe", "GRÖSSE", "api (2)", "db"};
	return names[draw(life, sizeof(names) / sizeof(names[0]))];
}

static void note_workspace(struct random_life *life, const char *id)
{
	if (life->workspace_count < RANDOM_THINGS_MAX)
		life->workspaces[life->workspace_count++] = id;
}

static void note_session(struct random_life *life, const char *id)
{
	if (life->session_count < RANDOM_THINGS_MAX)
		life->sessions[life->session_count++] = id;
}

static void pack_answer(const struct answer *answer, unsigned char **data, size_t *size)
{
	const ProtobufCMessage *resource =
	    answer->workspace != NULL ? &answer->workspace->base : &answer->session->base;
	*size = protobuf_c_message_get_packed_size(resource);
	*data = malloc(*size + 1);
	assert_non_null(*data);
	protobuf_c_message_pack(resource, *data);
}

/* Makes something under a key, through the claim if there is one, and remembers the answer. */
static void do_keyed(struct random_life *life, struct remembered_key *keyed)
{
	struct world *world = life->world;
	Roost__CreateWorkspaceRequest workspace = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__CreateSessionRequest session = ROOST__CREATE_SESSION_REQUEST__INIT;
	workspace.name = keyed->name;
	workspace.node_id = keyed->target;
	session.workspace_id = keyed->target;
	struct decision_inputs *inputs = world_inputs_keyed(world, keyed->key, keyed->hash);
	struct decision *decision;
	do {
		decision = keyed->kind == KEYED_WORKSPACE ? decide_create_workspace(inputs, &workspace)
							  : decide_create_session(inputs, &session);
		world_take(world, decision);
		if (decision->kind == DECISION_APPEND && decision->again && draw(life, 4) == 0)
			return; /* the controller dies between claim and record; the key stays for a retry */
		inputs = world_inputs_again(world, inputs);
	} while (decision->kind == DECISION_APPEND && decision->again);
	if (decision->kind == DECISION_REFUSE)
		return;
	unsigned char *data;
	size_t size;
	pack_answer(&decision->answer, &data, &size);
	if (keyed->answer != NULL) { /* D5: the first answer again */
		assert_int_equal(decision->kind, DECISION_REPEAT);
		assert_int_equal(size, keyed->answer_size);
		assert_memory_equal(data, keyed->answer, size);
		free(data);
		return;
	}
	assert_int_equal(decision->kind, DECISION_APPEND);
	keyed->answer = data;
	keyed->answer_size = size;
	const char *id =
	    decision->answer.workspace != NULL ? decision->answer.workspace->id : decision->answer.session->id;
	(keyed->kind == KEYED_WORKSPACE ? note_workspace : note_session)(life, arena_strdup(world->arena, id));
}

static void step_keyed(struct random_life *life)
{
	struct remembered_key *keyed;
	if (life->key_count > 0 && (life->key_count == RANDOM_KEYS || draw(life, 2) == 0)) {
		keyed = &life->keys[draw(life, (uint32_t)life->key_count)];
	} else {
		keyed = &life->keys[life->key_count];
		snprintf(keyed->key, sizeof(keyed->key), "key-%zu", life->key_count++);
		keyed->hash = (unsigned char)draw(life, 256);
		keyed->kind = draw(life, 2) == 0 ? KEYED_WORKSPACE : KEYED_SESSION;
		keyed->name = pick_name(life);
		keyed->target = keyed->kind == KEYED_WORKSPACE
				    ? (draw(life, 2) == 0 ? NULL : pick(life, life->nodes, life->node_count))
				    : pick_recent(life, life->workspaces, life->workspace_count);
		if (keyed->kind == KEYED_SESSION && keyed->target == NULL) {
			life->key_count--;
			return;
		}
	}
	do_keyed(life, keyed);
}

static void step_create_workspace(struct random_life *life)
{
	Roost__CreateWorkspaceRequest request = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	request.name = pick_name(life);
	request.node_id = draw(life, 3) == 0 ? NULL : pick(life, life->nodes, life->node_count);
	struct decision_inputs *inputs = world_inputs(life->world);
	const char *id = inputs->new_id;
	const struct decision *decision = world_take(life->world, decide_create_workspace(inputs, &request));
	if (decision->kind == DECISION_APPEND)
		note_workspace(life, id);
}

static void step_create_session(struct random_life *life)
{
	Roost__CreateSessionRequest request = ROOST__CREATE_SESSION_REQUEST__INIT;
	request.workspace_id = pick_recent(life, life->workspaces, life->workspace_count);
	struct decision_inputs *inputs = world_inputs(life->world);
	const char *id = inputs->new_id;
	const struct decision *decision = world_take(life->world, decide_create_session(inputs, &request));
	if (decision->kind == DECISION_APPEND)
		note_session(life, id);
}

static void step_rename(struct random_life *life)
{
	Roost__RenameWorkspaceRequest request = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	request.display_name = pick_name(life);
	world_take(life->world, decide_rename_workspace(world_inputs(life->world), &request));
}

static void step_stop(struct random_life *life)
{
	Roost__StopWorkspaceRequest request = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	world_take(life->world, decide_stop_workspace(world_inputs(life->world), &request));
}

static void step_restart(struct random_life *life)
{
	Roost__RestartWorkspaceRequest request = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	world_take(life->world, decide_restart_workspace(world_inputs(life->world), &request));
}

static void step_delete(struct random_life *life)
{
	Roost__DeleteWorkspaceRequest request = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	world_take(life->world, decide_delete_workspace(world_inputs(life->world), &request));
}

static void step_stop_session(struct random_life *life)
{
	Roost__StopSessionRequest request = ROOST__STOP_SESSION_REQUEST__INIT;
	request.id = pick_recent(life, life->sessions, life->session_count);
	world_take(life->world, decide_stop_session(world_inputs(life->world), &request));
}

static void step_deadline(struct random_life *life)
{
	const char *id = pick_recent(life, life->workspaces, life->workspace_count);
	if (id == NULL)
		return;
	life->world->now_ms += draw(life, 4) == 0 ? life->world->limits.provision_timeout_ms : 10;
	world_take(life->world, decide_provision_deadline(world_inputs(life->world), id, 1 + draw(life, 3)));
}

static void step_health(struct random_life *life)
{
	const char *id = pick(life, life->nodes, life->node_count);
	Roost__Node__Health health = (Roost__Node__Health)(1 + draw(life, 3));
	world_take(life->world,
		   decide_node_health(world_inputs(life->world), id, health, life->world->now_ms - 5000, NULL));
}

/* A report of any kind about anything, mostly what an agent would really say. */
static Roost__Report *draw_report(struct random_life *life)
{
	static const Roost__Report__ReportCase cases[] = {
	    ROOST__REPORT__REPORT_WORKSPACE_RUNNING, ROOST__REPORT__REPORT_WORKSPACE_RUNNING,
	    ROOST__REPORT__REPORT_WORKSPACE_STOPPED, ROOST__REPORT__REPORT_WORKSPACE_STOPPED,
	    ROOST__REPORT__REPORT_WORKSPACE_REMOVED, ROOST__REPORT__REPORT_WORKSPACE_FAILED,
	    ROOST__REPORT__REPORT_WORKSPACE_LOST,    ROOST__REPORT__REPORT_WORKSPACE_STOP_FAILED,
	    ROOST__REPORT__REPORT_WORKSPACE_STEP,    ROOST__REPORT__REPORT_SESSION_RUNNING,
	    ROOST__REPORT__REPORT_SESSION_RUNNING,   ROOST__REPORT__REPORT_SESSION_ENDED,
	    ROOST__REPORT__REPORT_SESSION_FAILED,    ROOST__REPORT__REPORT__NOT_SET,
	};
	struct arena *arena = life->world->step;
	const char *workspace = pick_recent(life, life->workspaces, life->workspace_count);
	const char *session = pick_recent(life, life->sessions, life->session_count);
	uint32_t generation = 1 + draw(life, 3);
	const Roost__WorkspaceState *state = workspace == NULL ? NULL : world_workspace(life->world, workspace);
	if (state != NULL && draw(life, 4) > 0)
		generation = state->resource->generation;
	Roost__Report *report;
	arena_message(arena, report, roost__report__init);
	report->report_case = cases[draw(life, sizeof(cases) / sizeof(cases[0]))];
	switch (report->report_case) {
#define ABOUT_WORKSPACE(NAME, field, init)                                                                             \
	case ROOST__REPORT__REPORT_##NAME:                                                                             \
		arena_message(arena, report->field, init);                                                             \
		report->field->workspace_id = workspace;                                                               \
		report->field->has_generation = true;                                                                  \
		report->field->generation = generation;                                                                \
		break
		ABOUT_WORKSPACE(WORKSPACE_RUNNING, workspace_running, roost__workspace_running__init);
		ABOUT_WORKSPACE(WORKSPACE_STOPPED, workspace_stopped, roost__workspace_stopped__init);
		ABOUT_WORKSPACE(WORKSPACE_FAILED, workspace_failed, roost__workspace_failed__init);
		ABOUT_WORKSPACE(WORKSPACE_LOST, workspace_lost, roost__workspace_lost__init);
		ABOUT_WORKSPACE(WORKSPACE_STOP_FAILED, workspace_stop_failed, roost__workspace_stop_failed__init);
		ABOUT_WORKSPACE(WORKSPACE_STEP, workspace_step, roost__workspace_step__init);
#undef ABOUT_WORKSPACE
	case ROOST__REPORT__REPORT_WORKSPACE_REMOVED:
		arena_message(arena, report->workspace_removed, roost__workspace_deleted__init);
		report->workspace_removed->workspace_id = workspace;
		break;
	case ROOST__REPORT__REPORT_SESSION_RUNNING:
		arena_message(arena, report->session_running, roost__session_running__init);
		report->session_running->session_id = session;
		break;
	case ROOST__REPORT__REPORT_SESSION_ENDED:
		arena_message(arena, report->session_ended, roost__session_ended__init);
		report->session_ended->session_id = session;
		report->session_ended->has_exit_code = true;
		report->session_ended->exit_code = (int32_t)draw(life, 3);
		break;
	case ROOST__REPORT__REPORT_SESSION_FAILED:
		arena_message(arena, report->session_failed, roost__session_failed__init);
		report->session_failed->session_id = session;
		report->session_failed->message = "it did not start";
		break;
	default:
		break;
	}
	return report;
}

/* A batch that is in order, or overlaps what is known, or leaves a gap. */
static void step_reports(struct random_life *life)
{
	struct world *world = life->world;
	const char *node = pick(life, life->nodes, life->node_count);
	struct decision_inputs *inputs = world_inputs(world);
	const Roost__NodeState *state = world_node(world, node);
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	Roost__ReportAnswer *answer;
	uint64_t taken = state->report_position == NULL ? 0 : state->report_position->number;
	uint64_t first = taken + 1;
	switch (draw(life, 8)) {
	case 0:
		first = taken > 2 ? taken - 2 : 1;
		break;
	case 1:
		first = taken + 2;
		break;
	default:
		break;
	}
	batch.node_id = node;
	batch.agent_epoch = state->report_position == NULL ? 7 : state->report_position->agent_epoch;
	batch.n_reports = 1 + draw(life, 5);
	batch.reports = arena_array_of(world->step, Roost__Report *, batch.n_reports);
	for (size_t i = 0; i < batch.n_reports; i++) {
		batch.reports[i] = draw_report(life);
		batch.reports[i]->number = first + i;
	}
	const struct decision *decision = world_take(world, decide_reports(inputs, &batch, &answer));
	uint64_t last = first + batch.n_reports - 1;
	assert_int_not_equal(decision->kind, DECISION_REFUSE);
	assert_int_equal(answer->taken, first > taken + 1 || last < taken ? taken : last);
}

void random_step(struct random_life *life)
{
	static void (*const steps[])(struct random_life * life) = {
	    step_create_workspace,
	    step_create_workspace,
	    step_create_session,
	    step_create_session,
	    step_create_session,
	    step_rename,
	    step_stop,
	    step_restart,
	    step_delete,
	    step_stop_session,
	    step_deadline,
	    step_health,
	    step_keyed,
	    step_keyed,
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	};
	steps[draw(life, sizeof(steps) / sizeof(steps[0]))](life);
}

static void check_node(struct random_life *life, const char *id)
{
	struct world *world = life->world;
	const Roost__NodeState *node = world_node(world, id);
	struct workspace_states all = world->store->workspaces(world->store->context, id, world->step);
	assert_true(all.count <= node->max_workspaces);
	assert_int_equal(node->resource->capacity->used, all.count);
	for (size_t i = 0; i < all.count; i++) {
		const Roost__WorkspaceState *workspace = all.items[i];
		assert_string_equal(workspace->name_key, name_key(workspace->resource->display_name, world->step));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(workspace->name_key, all.items[j]->name_key);
		bool creating = workspace->resource->status == ROOST__WORKSPACE__STATUS__CREATING;
		assert_int_equal(workspace->has_deadline_at, creating);
		assert_true(workspace->wanted_version >= 1 && workspace->wanted_version <= node->version);
		assert_true(workspace->n_live_sessions <= world->limits.max_sessions_per_workspace);
	}
}

static void check_session(struct random_life *life, const char *id)
{
	struct world *world = life->world;
	const Roost__SessionState *session = world_session(world, id);
	const Roost__WorkspaceState *workspace = world_workspace(world, session->resource->workspace_id);
	bool listed = false;
	for (size_t i = 0; i < workspace->n_live_sessions; i++)
		listed = listed || strcmp(workspace->live_sessions[i], id) == 0;
	assert_int_equal(listed, session_is_live(session->resource->status));
	assert_int_equal(session->resource->has_stopped_at, !listed);
	if (wanted_of_session(session->resource->status) == ROOST__WANTED_SESSION__DESIRED__RUN) {
		/* S0-19: a session runs in the generation that it was made in, or not at all. */
		assert_int_equal(workspace->resource->status, ROOST__WORKSPACE__STATUS__RUNNING);
		assert_int_equal(workspace->resource->generation, session->generation);
	}
}

void random_life_check(struct random_life *life)
{
	for (size_t i = 0; i < life->node_count; i++)
		check_node(life, life->nodes[i]);
	for (size_t i = 0; i < life->session_count; i++)
		check_session(life, life->sessions[i]);
}

void random_life_begin(struct random_life *life, struct world *world, uint64_t seed)
{
	*life = (struct random_life){.world = world, .state = seed * 2654435769u + 1};
	world->limits.max_workspaces_per_node = 6;
	world->limits.max_sessions_per_workspace = 4;
	life->nodes[life->node_count++] = world_make_node(world, "one");
	life->nodes[life->node_count++] = world_make_node(world, "two");
}

void random_life_end(struct random_life *life)
{
	for (size_t i = 0; i < life->key_count; i++)
		free(life->keys[i].answer);
}
