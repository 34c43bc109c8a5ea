/* workspace.create. With a node it is one record of that node. Without one the owner's roster chooses;
 * if the command has a key, the choice is a claim of its own first, so that a retry cannot choose
 * another node and make the workspace twice. Without a key nobody can retry, and no claim is needed. */
#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "controller/domain/deciding.h"
#include "controller/domain/family.h"
#include "controller/domain/names.h"
#include "controller/domain/templates.h"
#include "controller/domain/validate.h"
#include <string.h>

static bool request_is_valid(const Roost__CreateWorkspaceRequest *request, struct error *error)
{
	return validate_name("name", request->name, error) &&
	       (request->node_id == NULL || validate_id("nodeId", request->node_id, error)) &&
	       validate_repository("repository", request->repository, error) &&
	       validate_branch("branch", request->branch, error) && validate_image("image", request->image, error) &&
	       (request->template_ == NULL || request->template_[0] == '\0' ||
		validate_name("template", request->template_, error)) &&
	       validate_environment("env", request->env, request->n_env, error) &&
	       (request->parent_id == NULL || validate_id("parentId", request->parent_id, error));
}

static uint32_t used_of(const Roost__NodeState *node)
{
	return node->resource->capacity == NULL ? 0 : node->resource->capacity->used;
}

static bool degraded(const Roost__NodeState *node)
{
	return node->resource->has_runtime_state &&
	       node->resource->runtime_state == ROOST__NODE__RUNTIME_STATE__DEGRADED;
}

/* Heard nodes before silent ones, those that work before those that fail, then the emptier one, then the
 * older claim. */
static bool better(const Roost__NodeState *node, const Roost__NodeState *than)
{
	unsigned health = node->has_announced_health ? node->announced_health : ROOST__NODE__HEALTH__HEALTHY;
	unsigned other = than->has_announced_health ? than->announced_health : ROOST__NODE__HEALTH__HEALTHY;
	if (health != other)
		return health < other;
	if (degraded(node) != degraded(than))
		return degraded(than);
	return used_of(node) < used_of(than);
}

/* The node that a create goes to; NULL with the refusal made. */
static const Roost__NodeState *choose_node(const struct decision_inputs *inputs, struct decision *decision,
					   const Roost__OwnerState *owner)
{
	const Roost__NodeState *best = NULL;
	size_t running = 0, existing = 0;
	for (size_t i = 0; owner != NULL && i < owner->n_nodes; i++) {
		const Roost__NodeState *node = own_node(inputs, owner->nodes[i]->node_id);
		if (node == NULL)
			continue;
		existing++;
		if (node->resource->status != ROOST__NODE__STATUS__RUNNING)
			continue;
		running++;
		if (used_of(node) < node->max_workspaces && (best == NULL || better(node, best)))
			best = node;
	}
	if (best != NULL)
		return best;
	if (existing == 0)
		decision_refuse(inputs, decision, ERROR_NODE_NOT_FOUND,
				"You have no node. An installation's machine gets one with: roost down, then roost up. "
				"Another machine: roost node create, and start its agent.");
	else if (running == 0)
		decision_refuse(inputs, decision, ERROR_NODE_NOT_RUNNING,
				"None of your nodes is running. Wait until one is.");
	else
		decision_refuse(inputs, decision, ERROR_NODE_AT_CAPACITY,
				"All your running nodes are full. Delete a workspace, or add a node.");
	return NULL;
}

static struct decision *claim_place(const struct decision_inputs *inputs, struct decision *decision,
				    const Roost__OwnerState *owner, const char *node_id)
{
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_OWNER_WORKSPACE_PLACED);
	arena_message(inputs->arena, change->owner_workspace_placed, roost__owner_workspace_placed__init);
	change->owner_workspace_placed->node_id = node_id;
	change->owner_workspace_placed->workspace_id = inputs->new_id;
	struct aggregate aggregate = aggregate_of_owner(owner, inputs->owner);
	decision->again = true;
	return decision_append(inputs, decision, &aggregate, &change, 1, inputs->new_id);
}

/* What counts against the capacity: not what was only found on the machine and is being removed. */
static size_t counted(const struct workspace_states *present)
{
	size_t count = 0;
	for (size_t i = 0; i < present->count; i++)
		count += present->items[i]->found ? 0 : 1;
	return count;
}

static struct decision *make_workspace(const struct decision_inputs *inputs, struct decision *decision,
				       const Roost__CreateWorkspaceRequest *request, const Roost__NodeState *node,
				       const struct workspace_template *template, const char *workspace_id)
{
	const struct entity_store *store = inputs->store;
	if (node->resource->status != ROOST__NODE__STATUS__RUNNING)
		return refuse_node_not_running(inputs, decision, node);
	struct workspace_states present = store->workspaces(store->context, node->resource->id, inputs->arena);
	size_t used = counted(&present);
	if (used >= node->max_workspaces + planted(PLANTED_CAPACITY_IGNORED))
		return decision_refuse(inputs, decision, ERROR_NODE_AT_CAPACITY,
				       "Node %s has %zu of %u workspaces. Delete one, or choose another node.",
				       node->resource->name, used, node->max_workspaces);
	const char *name = name_make_unique(request->name, &present, NULL, inputs->arena);
	if (name == NULL)
		return decision_refuse(inputs, decision, ERROR_CONFLICT,
				       "Too many workspaces have this name. Choose another.");
	Roost__Change *change = change_new(inputs->arena, ROOST__CHANGE__CHANGE_WORKSPACE_CREATED);
	arena_message(inputs->arena, change->workspace_created, roost__workspace_created__init);
	Roost__WorkspaceCreated *created = change->workspace_created;
	created->workspace_id = workspace_id;
	created->display_name = name;
	created->parent_id = request->parent_id;
	created->spec = template_spec(template, request, inputs->arena);
	created->has_provision_timeout_ms = true;
	created->provision_timeout_ms = template_timeout_ms(&inputs->limits, template);
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append(inputs, decision, &aggregate, &change, 1, workspace_id);
}

/* A child lives on its parent's node, and a family is no deeper than it can be shown. False when it is
 * decided already. */
static bool parent_allows(const struct decision_inputs *inputs, struct decision *decision,
			  const Roost__CreateWorkspaceRequest *request, const char **node_id)
{
	const Roost__WorkspaceState *parent = own_workspace(inputs, request->parent_id);
	if (parent == NULL) {
		refuse_unknown_workspace(inputs, decision, request->parent_id);
		return false;
	}
	if (parent->resource->status == ROOST__WORKSPACE__STATUS__DELETING) {
		decision_refuse(inputs, decision, ERROR_INVALID_TRANSITION,
				"Workspace %s is being deleted and cannot get a child.",
				parent->resource->display_name);
		return false;
	}
	if (request->node_id != NULL && strcmp(request->node_id, parent->resource->node_id) != 0) {
		decision_refuse(inputs, decision, ERROR_INVALID_ARGUMENT,
				"nodeId: the parent is on node %s, and a child lives where its parent does",
				parent->resource->node_id);
		return false;
	}
	if (depth_of(parent, inputs->store, inputs->arena) >= WORKSPACE_DEPTH_MAX) {
		decision_refuse(inputs, decision, ERROR_LIMIT_REACHED,
				"Workspace %s has %d above it already, and that is as deep as it goes.",
				parent->resource->display_name, WORKSPACE_DEPTH_MAX - 1);
		return false;
	}
	*node_id = parent->resource->node_id;
	return true;
}

struct decision *decide_create_workspace(const struct decision_inputs *inputs,
					 const Roost__CreateWorkspaceRequest *request)
{
	struct decision *decision = decision_new(inputs);
	const struct workspace_template *template;
	const struct keyed_command *claim;
	if (!request_is_valid(request, &decision->refusal))
		return decision_invalid(decision);
	if (decision_by_key(inputs, decision, &claim))
		return decision;
	if (!template_find(&inputs->limits, request, &template, &decision->refusal))
		return decision_invalid(decision);
	const char *node_id = request->node_id != NULL ? request->node_id : claim != NULL ? claim->node_id : NULL;
	if (request->parent_id != NULL && !parent_allows(inputs, decision, request, &node_id))
		return decision;

	const Roost__NodeState *node;
	if (node_id != NULL) {
		node = own_node(inputs, node_id);
		if (node == NULL)
			return refuse_unknown_node(inputs, decision, node_id);
	} else {
		const struct entity_store *store = inputs->store;
		const Roost__OwnerState *owner = store->owner(store->context, inputs->owner, inputs->arena);
		node = choose_node(inputs, decision, owner);
		if (node == NULL)
			return decision;
		if (inputs->idempotency_key != NULL)
			return claim_place(inputs, decision, owner, node->resource->id);
	}
	return make_workspace(inputs, decision, request, node, template,
			      claim != NULL ? claim->answer_id : inputs->new_id);
}
