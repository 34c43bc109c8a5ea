/* One record a change, as a controller writes them; ids are numbers. */
#include "tests/bench/generated_log.h"

#include "bus/foundation/arena.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct generated_log made;

static struct generator {
	uint64_t versions[GENERATED_NODES];
	unsigned ids, keys;
	int64_t now_ms;
	struct arena *arena;
} generator;

static void die(const char *what)
{
	fprintf(stderr, "the generated log: %s\n", what);
	exit(1);
}

static const char *new_id(struct arena *arena)
{
	return arena_printf(arena, "01%024u", ++generator.ids);
}

/* Appends one record with the change; `answer_id` makes it a command with a key. */
static void generate(const char *node_id, int node, Roost__Change *change, const char *answer_id)
{
	struct arena *arena = generator.arena;
	Roost__Record record = ROOST__RECORD__INIT;
	unsigned char hash[32] = {1};
	struct generated *out = &made.records[made.count++];
	record.id = new_id(arena);
	record.owner = "alice";
	record.has_kind = record.has_version = record.has_recorded_at = true;
	record.kind = ROOST__RECORD__KIND__NODE;
	record.aggregate_id = node_id;
	record.version = ++generator.versions[node];
	record.recorded_at = ++generator.now_ms;
	record.cause = answer_id == NULL ? "report" : "workspace.create";
	record.actor = "alice";
	if (answer_id != NULL) {
		record.idempotency_key = arena_printf(arena, "cli-%026u", ++generator.keys);
		record.has_request_hash = true;
		record.request_hash.data = hash;
		record.request_hash.len = sizeof(hash);
		record.answer_id = answer_id;
	}
	record.n_changes = 1;
	record.changes = &change;
	out->size = protobuf_c_message_get_packed_size(&record.base);
	out->data = malloc(out->size);
	if (out->data == NULL)
		die("out of memory");
	protobuf_c_message_pack(&record.base, out->data);
	memcpy(out->id, record.id, sizeof(out->id));
	out->node = node;
	arena_reset(arena);
}

#define CHANGE(CASE, field, init)                                                                                      \
	Roost__Change change = ROOST__CHANGE__INIT;                                                                    \
	change.change_case = ROOST__CHANGE__CHANGE_##CASE;                                                             \
	arena_message(generator.arena, change.field, init)

static void make_node(int node)
{
	memcpy(made.node_ids[node], new_id(generator.arena), 27);
	CHANGE(NODE_CREATED, node_created, roost__node_created__init);
	change.node_created->node_id = made.node_ids[node];
	change.node_created->name = "node";
	change.node_created->provider = "local";
	change.node_created->max_workspaces = GENERATED_WORKSPACES_PER_NODE;
	generate(made.node_ids[node], node, &change, made.node_ids[node]);
}

static void make_workspace(int node, int slot)
{
	char *id = made.workspace_ids[node][slot];
	memcpy(id, new_id(generator.arena), 27);
	CHANGE(WORKSPACE_CREATED, workspace_created, roost__workspace_created__init);
	Roost__WorkspaceSpec spec = ROOST__WORKSPACE_SPEC__INIT;
	spec.repository = "https://git.example.org/team/project.git";
	spec.branch = "main";
	spec.image = "host";
	change.workspace_created->workspace_id = id;
	change.workspace_created->display_name = arena_printf(generator.arena, "project-%d", slot);
	change.workspace_created->spec = &spec;
	change.workspace_created->has_provision_timeout_ms = true;
	change.workspace_created->provision_timeout_ms = 1800000;
	generate(made.node_ids[node], node, &change, id);
}

static void step(int node, int slot, const char *name)
{
	CHANGE(WORKSPACE_STEP, workspace_step, roost__workspace_step__init);
	change.workspace_step->workspace_id = made.workspace_ids[node][slot];
	change.workspace_step->has_generation = true;
	change.workspace_step->generation = 1;
	change.workspace_step->step = name;
	change.workspace_step->message = "done in 12 ms";
	generate(made.node_ids[node], node, &change, NULL);
}

static void run_workspace(int node, int slot)
{
	CHANGE(WORKSPACE_RUNNING, workspace_running, roost__workspace_running__init);
	change.workspace_running->workspace_id = made.workspace_ids[node][slot];
	change.workspace_running->has_generation = true;
	change.workspace_running->generation = 1;
	generate(made.node_ids[node], node, &change, NULL);
}

/* A session from its start to its end: three records. */
static void session(int node, int slot)
{
	char id[27];
	memcpy(id, new_id(generator.arena), 27);
	{
		CHANGE(SESSION_CREATED, session_created, roost__session_created__init);
		change.session_created->session_id = id;
		change.session_created->workspace_id = made.workspace_ids[node][slot];
		change.session_created->has_generation = true;
		change.session_created->generation = 1;
		change.session_created->label = "shell";
		change.session_created->agent_type = "shell";
		generate(made.node_ids[node], node, &change, id);
	}
	{
		CHANGE(SESSION_RUNNING, session_running, roost__session_running__init);
		change.session_running->session_id = id;
		generate(made.node_ids[node], node, &change, NULL);
	}
	CHANGE(SESSION_ENDED, session_ended, roost__session_ended__init);
	change.session_ended->session_id = id;
	change.session_ended->has_exit_code = true;
	generate(made.node_ids[node], node, &change, NULL);
}

static void delete_workspace(int node, int slot)
{
	char *id = made.workspace_ids[node][slot];
	{
		CHANGE(WORKSPACE_DELETING, workspace_deleting, roost__workspace_deleting__init);
		change.workspace_deleting->workspace_id = id;
		generate(made.node_ids[node], node, &change, id);
	}
	CHANGE(WORKSPACE_DELETED, workspace_deleted, roost__workspace_deleted__init);
	change.workspace_deleted->workspace_id = id;
	generate(made.node_ids[node], node, &change, NULL);
	id[0] = '\0';
}

const struct generated_log *generated_log_make(size_t wanted)
{
	enum { RECORDS_PER_LIFE_MAX = 24 };
	made.records = calloc(wanted + RECORDS_PER_LIFE_MAX + GENERATED_NODES, sizeof(struct generated));
	generator.arena = arena_new();
	generator.now_ms = 1800000000000;
	if (made.records == NULL)
		die("out of memory");
	for (int node = 0; node < GENERATED_NODES; node++)
		make_node(node);
	for (int life = 0; made.count < wanted; life++) {
		int node = life % GENERATED_NODES, slot = life / GENERATED_NODES % GENERATED_WORKSPACES_PER_NODE;
		if (made.workspace_ids[node][slot][0] != '\0')
			delete_workspace(node, slot);
		make_workspace(node, slot);
		step(node, slot, "disk");
		step(node, slot, "network");
		step(node, slot, "clone");
		run_workspace(node, slot);
		for (int i = 0; i < 3; i++)
			session(node, slot);
	}
	return &made;
}

void generated_log_free(void)
{
	for (size_t i = 0; i < made.count; i++)
		free(made.records[i].data);
	free(made.records);
	arena_free(generator.arena);
	memset(&made, 0, sizeof(made));
	memset(&generator, 0, sizeof(generator));
}
