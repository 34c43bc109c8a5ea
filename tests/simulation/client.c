/* The commands. What a client was told stays true: the resource exists, the record is in the log, the
 * same key gives the same answer. */
#include "tests/simulation/client.h"

#include "tests/simulation/controller.h"
#include "tests/simulation/oracle.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CLIENTS = 4, COMMANDS_MAX = 400, THINGS_MAX = 400, NODES_MAX = AGENTS_MAX - 2, PATIENCE_MS = 6000 };

enum verb {
	CREATE_NODE,
	CREATE_WORKSPACE,
	CREATE_CHILD,
	STOP_WORKSPACE,
	RESTART_WORKSPACE,
	DELETE_WORKSPACE,
	RENAME_WORKSPACE,
	REBUILD_WORKSPACE,
	COLLAPSE_WORKSPACE,
	CREATE_SESSION,
	STOP_SESSION,
	STOP_NODE,
	START_NODE,
	DELETE_NODE,
	ABANDON_NODE,
	VERBS,
};

/* How often each is drawn. */
static const struct {
	const char *name;
	unsigned weight;
	enum entity_kind target; /* ENTITY_OWNER: none */
} verbs[VERBS] = {
    [CREATE_NODE] = {"node.create", 4, ENTITY_OWNER},
    [CREATE_WORKSPACE] = {"workspace.create", 26, ENTITY_NODE},
    [CREATE_CHILD] = {"workspace.create (child)", 4, ENTITY_WORKSPACE},
    [STOP_WORKSPACE] = {"workspace.stop", 12, ENTITY_WORKSPACE},
    [RESTART_WORKSPACE] = {"workspace.restart", 16, ENTITY_WORKSPACE},
    [DELETE_WORKSPACE] = {"workspace.delete", 10, ENTITY_WORKSPACE},
    [RENAME_WORKSPACE] = {"workspace.rename", 5, ENTITY_WORKSPACE},
    [REBUILD_WORKSPACE] = {"workspace.rebuild", 3, ENTITY_WORKSPACE},
    [COLLAPSE_WORKSPACE] = {"workspace.update", 2, ENTITY_WORKSPACE},
    [CREATE_SESSION] = {"session.create", 18, ENTITY_WORKSPACE},
    [STOP_SESSION] = {"session.stop", 8, ENTITY_SESSION},
    [STOP_NODE] = {"node.stop", 3, ENTITY_NODE},
    [START_NODE] = {"node.start", 6, ENTITY_NODE},
    [DELETE_NODE] = {"node.delete", 2, ENTITY_NODE},
    [ABANDON_NODE] = {"node.delete (abandon)", 1, ENTITY_NODE},
};

struct command {
	struct clients *clients;
	enum verb verb;
	const char *owner, *target, *name, *key;
	unsigned char hash[32];
	bool answered, hung_up, refused;
	bool foreign;	   /* about somebody else's thing */
	unsigned restored; /* of the log, when it was answered */
	const ProtobufCMessage *answer;
	unsigned sent;
};

struct client {
	struct clients *clients;
	struct command *command; /* NULL: it thinks */
};

struct thing {
	enum entity_kind kind;
	const char *id, *owner;
};

struct clients {
	struct simulation *simulation;
	bool stopped;
	struct client all[CLIENTS];
	struct command *commands[COMMANDS_MAX];
	size_t command_count, nodes;
	struct thing things[THINGS_MAX]; /* that answers told of */
	size_t thing_count;
};

static void think(struct simulation *simulation, void *context);
static void send_command(struct command *command);

/* ---- what a command decides ---- */

static struct decision *decide(struct work *work, const struct decision_inputs *inputs)
{
	const struct command *command = work->context;
	Roost__CreateNodeRequest node = ROOST__CREATE_NODE_REQUEST__INIT;
	Roost__CreateWorkspaceRequest workspace = ROOST__CREATE_WORKSPACE_REQUEST__INIT;
	Roost__StopWorkspaceRequest stop = ROOST__STOP_WORKSPACE_REQUEST__INIT;
	Roost__RestartWorkspaceRequest restart = ROOST__RESTART_WORKSPACE_REQUEST__INIT;
	Roost__DeleteWorkspaceRequest delete_it = ROOST__DELETE_WORKSPACE_REQUEST__INIT;
	Roost__RenameWorkspaceRequest rename_it = ROOST__RENAME_WORKSPACE_REQUEST__INIT;
	Roost__RebuildWorkspaceRequest rebuild = ROOST__REBUILD_WORKSPACE_REQUEST__INIT;
	Roost__UpdateWorkspaceRequest update = ROOST__UPDATE_WORKSPACE_REQUEST__INIT;
	Roost__StopNodeRequest stop_node = ROOST__STOP_NODE_REQUEST__INIT;
	Roost__StartNodeRequest start_node = ROOST__START_NODE_REQUEST__INIT;
	Roost__DeleteNodeRequest delete_node = ROOST__DELETE_NODE_REQUEST__INIT;
	Roost__CreateSessionRequest session = ROOST__CREATE_SESSION_REQUEST__INIT;
	Roost__StopSessionRequest stop_session = ROOST__STOP_SESSION_REQUEST__INIT;
	node.name = workspace.name = rename_it.display_name = session.label = command->name;
	stop.id = restart.id = delete_it.id = rename_it.id = stop_session.id = session.workspace_id = command->target;
	rebuild.id = update.id = stop_node.id = start_node.id = delete_node.id = command->target;
	update.has_collapsed = true;
	update.collapsed = command->hash[0] % 2 == 0;
	stop_node.confirm = delete_node.confirm = command->hash[0] % 4 != 0;
	delete_node.abandon = command->verb == ABANDON_NODE;
	switch (command->verb) {
	case REBUILD_WORKSPACE:
		return decide_rebuild_workspace(inputs, &rebuild);
	case COLLAPSE_WORKSPACE:
		return decide_update_workspace(inputs, &update);
	case STOP_NODE:
		return decide_stop_node(inputs, &stop_node);
	case START_NODE:
		return decide_start_node(inputs, &start_node);
	case DELETE_NODE:
	case ABANDON_NODE:
		return decide_delete_node(inputs, &delete_node);
	case CREATE_NODE:
		return decide_create_node(inputs, &node);
	case CREATE_WORKSPACE:
		workspace.node_id = command->target;
		return decide_create_workspace(inputs, &workspace);
	case CREATE_CHILD:
		workspace.parent_id = command->target;
		return decide_create_workspace(inputs, &workspace);
	case STOP_WORKSPACE:
		return decide_stop_workspace(inputs, &stop);
	case RESTART_WORKSPACE:
		return decide_restart_workspace(inputs, &restart);
	case DELETE_WORKSPACE:
		return decide_delete_workspace(inputs, &delete_it);
	case RENAME_WORKSPACE:
		return decide_rename_workspace(inputs, &rename_it);
	case CREATE_SESSION:
		return decide_create_session(inputs, &session);
	default:
		return decide_stop_session(inputs, &stop_session);
	}
}

/* ---- answers ---- */

struct command_answer {
	struct command *command;
	struct decided decided;
	enum error_code failure;
};

static void note_thing(struct clients *clients, enum entity_kind kind, const char *id, const char *owner)
{
	for (size_t i = 0; i < clients->thing_count; i++)
		if (strcmp(clients->things[i].id, id) == 0)
			return;
	if (clients->thing_count < THINGS_MAX)
		clients->things[clients->thing_count++] = (struct thing){kind, id, owner};
}

static const ProtobufCMessage *resource_of(const struct answer *answer)
{
	return answer->node != NULL	   ? &answer->node->base
	       : answer->workspace != NULL ? &answer->workspace->base
					   : &answer->session->base;
}

static bool same_bytes(const ProtobufCMessage *left, const ProtobufCMessage *right, struct arena *arena)
{
	size_t size = protobuf_c_message_get_packed_size(left);
	if (left->descriptor != right->descriptor || size != protobuf_c_message_get_packed_size(right))
		return false;
	unsigned char *packed = arena_alloc(arena, 2 * size + 1);
	protobuf_c_message_pack(left, packed);
	protobuf_c_message_pack(right, packed + size);
	return memcmp(packed, packed + size, size) == 0;
}

static bool is_not_found(enum error_code code)
{
	return code == ERROR_NODE_NOT_FOUND || code == ERROR_WORKSPACE_NOT_FOUND || code == ERROR_SESSION_NOT_FOUND;
}

/* What an earlier answer told of is there until it is deleted. */
static void check_refusal(const struct command *command, const struct decided *decided)
{
	struct simulation *simulation = command->clients->simulation;
	if (command->target == NULL || command->foreign || !is_not_found(decided->code) ||
	    simulation->log->restored > 0) /* what a log forgot can come back with a claim */
		return;
	for (int kind = ENTITY_NODE; kind <= ENTITY_WORKSPACE; kind++) {
		const struct entity *entity =
		    store_find(simulation->oracle->store, (enum entity_kind)kind, command->target);
		int deleted =
		    kind == ENTITY_NODE ? (int)ROOST__NODE__STATUS__DELETED : (int)ROOST__WORKSPACE__STATUS__DELETED;
		if (entity != NULL && entity->status != deleted)
			violated(simulation, "%s says that %s does not exist", verbs[command->verb].name,
				 command->target);
	}
}

static void check_answer(struct command *command, const struct decided *decided)
{
	struct simulation *simulation = command->clients->simulation;
	const ProtobufCMessage *resource = resource_of(&decided->answer);
	bool appended = decided->kind == DECISION_APPEND || decided->kind == DECISION_REPEAT;
	if (command->foreign)
		violated(simulation, "%s of somebody else's %s is done for %s", verbs[command->verb].name,
			 command->target, command->owner);
	if (appended && !oracle_has_key(simulation->oracle, command->key) && simulation->log->restored == 0)
		violated(simulation, "%s with key %s was acknowledged and is in no record", verbs[command->verb].name,
			 command->key);
	arena_reset(simulation->scratch);
	if (command->answer != NULL && appended && command->restored == simulation->log->restored &&
	    !same_bytes(command->answer, resource, simulation->scratch))
		violated(simulation, "%s with key %s was answered in two ways", verbs[command->verb].name,
			 command->key);
	if (appended) {
		command->answer = resource;
		command->restored = simulation->log->restored;
	}
	const struct answer *answer = &decided->answer;
	if (answer->node != NULL)
		note_thing(command->clients, ENTITY_NODE, answer->node->id, command->owner);
	else if (answer->workspace != NULL)
		note_thing(command->clients, ENTITY_WORKSPACE, answer->workspace->id, command->owner);
	else
		note_thing(command->clients, ENTITY_SESSION, answer->session->id, command->owner);
}

static void on_answer(struct simulation *simulation, void *context)
{
	const struct command_answer *answer = context;
	struct command *command = answer->command;
	if (answer->failure != ERROR_NONE)
		return; /* it tries again when its patience is over */
	trace(simulation, "client: %s %s is answered: %s", verbs[command->verb].name, command->key,
	      answer->decided.kind == DECISION_REFUSE ? error_code_name(answer->decided.code) : "yes");
	if (answer->decided.kind == DECISION_REFUSE)
		check_refusal(command, &answer->decided);
	else
		check_answer(command, &answer->decided);
	command->answered = true;
	command->refused = answer->decided.kind == DECISION_REFUSE;
}

static void done(struct work *work, enum error_code failure)
{
	struct simulation *simulation = work->controller->simulation;
	struct command_answer *answer = arena_new_of(simulation->arena, struct command_answer);
	*answer = (struct command_answer){work->context, work->decided, failure};
	send_message(simulation, on_answer, answer);
}

/* ---- sending ---- */

static void command_arrives(struct simulation *simulation, void *context)
{
	struct command *command = context;
	struct controller *controller = simulation->controllers[draw(simulation, CONTROLLERS)];
	if (!controller->process.up || !controller->serving)
		return;
	struct work *work = work_new(controller, command->owner, verbs[command->verb].name);
	work->actor = command->owner;
	work->key = command->key;
	work->hash = command->hash;
	work->decide = decide;
	work->done = done;
	work->context = command;
	work_run(work);
}

static void send_command(struct command *command)
{
	struct simulation *simulation = command->clients->simulation;
	command->sent++;
	trace(simulation, "client: %s %s %s, time %u", verbs[command->verb].name,
	      command->target == NULL ? "-" : command->target, command->key, command->sent);
	send_message(simulation, command_arrives, command);
}

/* ---- a client ---- */

static enum verb draw_verb(struct simulation *simulation)
{
	unsigned sum = 0;
	for (int i = 0; i < VERBS; i++)
		sum += verbs[i].weight;
	unsigned chosen = draw(simulation, sum);
	int verb = 0;
	while (chosen >= verbs[verb].weight)
		chosen -= verbs[verb++].weight;
	return (enum verb)verb;
}

/* Mostly one of the newest, so that commands meet. */
static const struct thing *draw_thing(struct clients *clients, enum entity_kind kind)
{
	const struct thing *found = NULL;
	unsigned wanted = draw(clients->simulation, 6);
	for (size_t i = clients->thing_count; i-- > 0;)
		if (clients->things[i].kind == kind) {
			found = &clients->things[i];
			if (wanted-- == 0)
				break;
		}
	return found;
}

static struct command *new_command(struct clients *clients)
{
	static const char *const names[] = {"api", "API ", "web", "Web", "db", "api (2)"};
	static const char *const owners[OWNERS] = {"alice", "bob"};
	struct simulation *simulation = clients->simulation;
	if (clients->command_count == COMMANDS_MAX)
		return NULL;
	struct command *command = arena_new_of(simulation->arena, struct command);
	command->clients = clients;
	command->verb = clients->thing_count == 0 ? CREATE_NODE : draw_verb(simulation);
	if (command->verb == CREATE_NODE && clients->nodes++ >= NODES_MAX)
		command->verb = CREATE_WORKSPACE;
	const struct thing *thing = NULL;
	if (verbs[command->verb].target != ENTITY_OWNER)
		thing = draw_thing(clients, verbs[command->verb].target);
	if (thing == NULL && verbs[command->verb].target > ENTITY_NODE)
		command->verb = CREATE_WORKSPACE;
	bool anywhere = command->verb == CREATE_WORKSPACE && draw(simulation, 2) == 0;
	command->target = thing == NULL || anywhere ? NULL : thing->id;
	command->owner = thing != NULL ? thing->owner : owners[draw(simulation, 8) == 0];
	if (draw(simulation, 50) == 0)
		command->owner = owners[draw(simulation, OWNERS)];
	command->foreign = thing != NULL && command->target != NULL && strcmp(command->owner, thing->owner) != 0;
	command->name = names[draw(simulation, sizeof(names) / sizeof(names[0]))];
	command->key = arena_printf(simulation->arena, "key-%zu", clients->command_count);
	memset(command->hash, (int)clients->command_count, sizeof(command->hash));
	clients->commands[clients->command_count++] = command;
	return command;
}

static void on_patience_over(struct simulation *simulation, void *context)
{
	struct client *client = context;
	struct command *command = client->command;
	if (!command->answered && happens(simulation, 60))
		command->hung_up = true;
	if (command->answered || command->hung_up) {
		client->command = NULL;
		think(simulation, client);
		return;
	}
	send_command(command);
	after(simulation, PATIENCE_MS, on_patience_over, client);
}

static void on_look(struct simulation *simulation, void *context)
{
	struct client *client = context;
	if (client->command->answered)
		on_patience_over(simulation, client);
	else
		after(simulation, PATIENCE_MS, on_patience_over, client);
}

static void think(struct simulation *simulation, void *context)
{
	struct client *client = context;
	struct clients *clients = client->clients;
	if (clients->stopped)
		return;
	if (clients->command_count > 0 && draw(simulation, 12) == 0) { /* once more, out of the blue */
		struct command *earlier = clients->commands[draw(simulation, (uint32_t)clients->command_count)];
		if (!earlier->refused)
			send_command(earlier);
	}
	client->command = new_command(clients);
	if (client->command == NULL)
		return;
	send_command(client->command);
	after(simulation, 20 + draw(simulation, draw(simulation, 4) == 0 ? 3000 : 300), on_look, client);
}

struct clients *clients_new(struct simulation *simulation)
{
	struct clients *clients = arena_new_of(simulation->arena, struct clients);
	clients->simulation = simulation;
	for (int i = 0; i < CLIENTS; i++) {
		clients->all[i].clients = clients;
		after(simulation, 500 * i, think, &clients->all[i]);
	}
	return clients;
}

void clients_stop(struct clients *clients)
{
	clients->stopped = true;
}

const char *clients_waiting(const struct clients *clients)
{
	for (int i = 0; i < CLIENTS; i++)
		if (clients->all[i].command != NULL && !clients->all[i].command->answered)
			return arena_printf(clients->simulation->scratch, "%s with key %s is not answered",
					    verbs[clients->all[i].command->verb].name, clients->all[i].command->key);
	return NULL;
}
