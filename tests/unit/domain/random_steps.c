/* Each step is one decision; a table says how often which kind comes. */
#include "tests/unit/domain/random_draw.h"

#include "tests/unit/cmocka_all.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t draw(struct random_life *life, uint32_t below)
{
	life->state ^= life->state << 13; /* xorshift64 */
	life->state ^= life->state >> 7;
	life->state ^= life->state << 17;
	return (uint32_t)(life->state >> 32) % below;
}

const char *pick(struct random_life *life, const char **ids, size_t count)
{
	return count == 0 ? NULL : ids[draw(life, (uint32_t)count)];
}

const char *pick_recent(struct random_life *life, const char **ids, size_t count)
{
	size_t window = count < 12 ? count : 12;
	return pick(life, ids + (count - window), draw(life, 8) == 0 ? 0 : window);
}

const char *pick_node(struct random_life *life)
{
	size_t window = life->node_count < 3 ? life->node_count : 3;
	return pick(life, life->nodes + (life->node_count - window), window);
}

static const char *pick_name(struct random_life *life)
{
	static const char *const names[] = {"api", "API ", "web", "worker", "Größe", "GRÖSSE", "api (2)", "db"};
	return names[draw(life, sizeof(names) / sizeof(names[0]))];
}

void random_life_note_workspace(struct random_life *life, const char *id)
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
	(keyed->kind == KEYED_WORKSPACE ? random_life_note_workspace : note_session)(life,
										     arena_strdup(world->arena, id));
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
				    ? (draw(life, 2) == 0 ? NULL : pick_node(life))
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
	request.node_id = draw(life, 3) == 0 ? NULL : pick_node(life);
	if (draw(life, 3) == 0) { /* a child, now and then of what is elsewhere or not there */
		request.parent_id = pick_recent(life, life->workspaces, life->workspace_count);
		request.node_id = draw(life, 4) == 0 ? request.node_id : NULL;
	}
	struct decision_inputs *inputs = world_inputs(life->world);
	const char *id = inputs->new_id;
	const struct decision *decision = world_take(life->world, decide_create_workspace(inputs, &request));
	if (decision->kind == DECISION_APPEND)
		random_life_note_workspace(life, id);
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

static void step_update(struct random_life *life)
{
	Roost__UpdateWorkspaceRequest request = ROOST__UPDATE_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	request.display_name = draw(life, 4) == 0 ? NULL : pick_name(life);
	request.has_collapsed = draw(life, 2) == 0;
	request.collapsed = draw(life, 2) == 0;
	world_take(life->world, decide_update_workspace(world_inputs(life->world), &request));
}

static void step_rebuild(struct random_life *life)
{
	Roost__RebuildWorkspaceRequest request = ROOST__REBUILD_WORKSPACE_REQUEST__INIT;
	request.id = pick_recent(life, life->workspaces, life->workspace_count);
	world_take(life->world, decide_rebuild_workspace(world_inputs(life->world), &request));
}

/* Mostly of what no log knows. */
static void step_reap(struct random_life *life)
{
	Roost__ReapWorkspaceRequest request = ROOST__REAP_WORKSPACE_REQUEST__INIT;
	const char *unknown = world_id(life->world);
	if (draw(life, 4) > 0)
		return;
	request.id = draw(life, 3) == 0 ? pick_recent(life, life->workspaces, life->workspace_count) : unknown;
	request.node_id = pick_node(life);
	const struct decision *decision =
	    world_take(life->world, decide_reap_workspace(world_inputs(life->world), &request));
	if (decision->kind == DECISION_APPEND && request.id == unknown)
		random_life_note_workspace(life, unknown);
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

void random_step(struct random_life *life)
{
	static void (*const steps[])(struct random_life * life) = {
	    step_create_workspace,
	    step_create_workspace,
	    step_create_session,
	    step_create_session,
	    step_create_session,
	    step_update,
	    step_rebuild,
	    step_stop,
	    step_restart,
	    step_delete,
	    step_stop_session,
	    step_reap,
	    step_node,
	    step_node,
	    step_sweep,
	    step_sweep,
	    step_rolled_back,
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
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	    step_reports,
	};
	steps[draw(life, sizeof(steps) / sizeof(steps[0]))](life);
}

void random_life_begin(struct random_life *life, struct world *world, uint64_t seed)
{
	*life = (struct random_life){.world = world, .state = seed * 2654435769u + 1};
	world->limits.max_workspaces_per_node = 6;
	world->limits.max_sessions_per_workspace = 4;
	life->nodes[life->node_count++] = world_make_node(world, "one");
	life->nodes[life->node_count++] = world_make_node(world, "two");
	world->limits.sweep_grace_ms = 20;
}

void random_life_end(struct random_life *life)
{
	for (size_t i = 0; i < life->key_count; i++)
		free(life->keys[i].answer);
}
