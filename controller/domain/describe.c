/* The table of events: one row per change, in the order of record.proto. */
#include "controller/domain/describe.h"

#include <stdbool.h>
#include <string.h>

typedef const char *sentence_function(const Roost__Change *change, const struct described *about, struct arena *arena);

static const char *or_empty(const char *text)
{
	return text == NULL ? "" : text;
}

static const char *node_name(const struct described *about)
{
	return about->node == NULL ? "" : or_empty(about->node->resource->name);
}

static const char *workspace_name(const struct described *about)
{
	return about->workspace == NULL ? "" : or_empty(about->workspace->resource->display_name);
}

static const char *session_label(const struct described *about)
{
	return about->session == NULL ? "" : or_empty(about->session->resource->label);
}

/* Sentences that need more than one name. */

static const char *say_claimed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	(void)about;
	return arena_printf(arena, "Node %s is to be made", or_empty(change->owner_node_claimed->name));
}

static const char *say_health(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	const char *name = node_name(about), *message = change->node_health_changed->message;
	switch (change->node_health_changed->health) {
	case ROOST__NODE__HEALTH__HEALTHY:
		return arena_printf(arena, "Node %s is healthy: it is heard again", name);
	case ROOST__NODE__HEALTH__STALE:
		return arena_printf(arena, "Node %s is stale: %s", name,
				    message != NULL ? message : "nothing was heard of it for a while");
	case ROOST__NODE__HEALTH__UNHEALTHY:
		return arena_printf(arena, "Node %s is unhealthy: %s. Its workspaces keep their last known state", name,
				    message != NULL ? message : "nothing was heard of it for long");
	default:
		return arena_printf(arena, "Node %s has another health", name);
	}
}

static const char *say_node_failed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Node %s failed: %s", node_name(about), or_empty(change->node_failed->message));
}

static const char *say_step(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	const Roost__WorkspaceStep *step = change->workspace_step;
	return step->message != NULL && step->message[0] != '\0'
		   ? arena_printf(arena, "Workspace %s: %s", workspace_name(about), step->message)
		   : arena_printf(arena, "Workspace %s: step %s", workspace_name(about), or_empty(step->step));
}

static const char *say_failed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Workspace %s failed: %s", workspace_name(about),
			    or_empty(change->workspace_failed->message));
}

static const char *say_stop_failed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Workspace %s could not be stopped: %s", workspace_name(about),
			    or_empty(change->workspace_stop_failed->message));
}

static const char *say_lost(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Workspace %s is lost: %s", workspace_name(about),
			    or_empty(change->workspace_lost->message));
}

static const char *say_ended(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	const Roost__SessionEnded *ended = change->session_ended;
	if (!ended->has_exit_code)
		return arena_printf(arena, "Session %s ended", session_label(about));
	return arena_printf(arena, "Session %s ended with exit code %d", session_label(about), ended->exit_code);
}

static const char *say_session_failed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Session %s failed: %s", session_label(about),
			    or_empty(change->session_failed->message));
}

static const char *say_rejected(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "A report of node %s was not taken: %s", node_name(about),
			    or_empty(change->report_rejected->reason));
}

static const char *say_node_stop_failed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Node %s could not be cleared, it is tried again: %s", node_name(about),
			    or_empty(change->node_stop_failed->message));
}

static const char *say_node_deleted(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return change->node_deleted->abandoned
		   ? arena_printf(arena, "Node %s is abandoned; what was on it may still be there", node_name(about))
		   : arena_printf(arena, "Node %s is deleted", node_name(about));
}

static const char *say_degraded(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Node %s is degraded, it answers but fails at its work: %s", node_name(about),
			    or_empty(change->node_degraded->message));
}

static const char *say_found(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Workspace %s was on node %s and in no log; it is being deleted",
			    or_empty(change->workspace_found->workspace_id), node_name(about));
}

static const char *say_deleting(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	uint32_t below = about->workspace == NULL ? 0 : about->workspace->cascade_deleted;
	(void)change;
	if (below == 0)
		return arena_printf(arena, "Workspace %s is being deleted", workspace_name(about));
	return arena_printf(arena, "Workspace %s is being deleted, with %u below it", workspace_name(about), below);
}

static const char *say_collapsed(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	return arena_printf(arena, "Workspace %s is shown %s", workspace_name(about),
			    change->workspace_collapsed->collapsed ? "collapsed" : "expanded");
}

static const char *say_sweeper_found(const Roost__Change *change, const struct described *about, struct arena *arena)
{
	const Roost__SweeperFound *found = change->sweeper_found;
	(void)about;
	return arena_printf(arena, "The sweeper: %s %s", or_empty(found->reason), or_empty(found->next_step));
}

/* A row is a level and either a sentence with one name in it, of the thing that the change is about,
 * or a function. */
enum subject { NOBODY, NODE, WORKSPACE, SESSION };

static const struct description {
	Roost__Event__Level level;
	enum subject subject;
	const char *before, *after; /* the name */
	sentence_function *sentence;
} table[] = {
#define DESCRIBE(change, level, ...) [ROOST__CHANGE__CHANGE_##change] = {ROOST__EVENT__LEVEL__##level, __VA_ARGS__}
    DESCRIBE(OWNER_NODE_CLAIMED, DEBUG, NOBODY, NULL, NULL, say_claimed),
    DESCRIBE(OWNER_WORKSPACE_PLACED, DEBUG, NOBODY, "A node was chosen for a new workspace", "", NULL),
    DESCRIBE(OWNER_NODE_RELEASED, DEBUG, NOBODY, "A node is no longer the owner's", "", NULL),
    DESCRIBE(NODE_CREATED, INFO, NODE, "Node ", " is being made", NULL),
    DESCRIBE(NODE_RUNNING, INFO, NODE, "Node ", " is running", NULL),
    DESCRIBE(NODE_STOPPING, INFO, NODE, "Node ", " is stopping, with all that runs on it", NULL),
    DESCRIBE(NODE_STOPPED, INFO, NODE, "Node ", " is stopped", NULL),
    DESCRIBE(NODE_FAILED, ERROR, NODE, NULL, NULL, say_node_failed),
    DESCRIBE(NODE_DELETING, INFO, NODE, "Node ", " is being deleted, with all that is on it", NULL),
    DESCRIBE(NODE_DELETED, INFO, NODE, NULL, NULL, say_node_deleted),
    DESCRIBE(NODE_HEALTH_CHANGED, WARNING, NODE, NULL, NULL, say_health),
    DESCRIBE(NODE_CAPABILITIES_CHANGED, INFO, NODE, "Node ", " has other capabilities", NULL),
    DESCRIBE(NODE_STARTING, INFO, NODE, "Node ", " is starting", NULL),
    DESCRIBE(NODE_STOP_FAILED, ERROR, NODE, NULL, NULL, say_node_stop_failed),
    DESCRIBE(NODE_DEGRADED, ERROR, NODE, NULL, NULL, say_degraded),
    DESCRIBE(NODE_RECOVERED, INFO, NODE, "Node ", " works again", NULL),
    DESCRIBE(NODE_WANTED_ANEW, INFO, NODE, "Node ", " is told once more what is wanted of it", NULL),
    DESCRIBE(LOG_ROLLED_BACK, WARNING, NODE, "The log went back to an earlier state under node ",
	     "; what the node knows beyond it is kept", NULL),
    DESCRIBE(WORKSPACE_CREATED, INFO, WORKSPACE, "Workspace ", " is being made", NULL),
    DESCRIBE(WORKSPACE_STEP, INFO, WORKSPACE, NULL, NULL, say_step),
    DESCRIBE(WORKSPACE_RUNNING, INFO, WORKSPACE, "Workspace ", " is running", NULL),
    DESCRIBE(WORKSPACE_FAILED, ERROR, WORKSPACE, NULL, NULL, say_failed),
    DESCRIBE(WORKSPACE_STOPPING, INFO, WORKSPACE, "Workspace ", " is stopping", NULL),
    DESCRIBE(WORKSPACE_STOPPED, INFO, WORKSPACE, "Workspace ", " is stopped", NULL),
    DESCRIBE(WORKSPACE_RESTARTING, INFO, WORKSPACE, "Workspace ", " is restarting; its earlier sessions end", NULL),
    DESCRIBE(WORKSPACE_RENAMED, INFO, WORKSPACE, "The workspace is now called ", "", NULL),
    DESCRIBE(WORKSPACE_DELETING, INFO, WORKSPACE, NULL, NULL, say_deleting),
    DESCRIBE(WORKSPACE_DELETED, INFO, WORKSPACE, "Workspace ", " is deleted", NULL),
    DESCRIBE(WORKSPACE_STOP_FAILED, ERROR, WORKSPACE, NULL, NULL, say_stop_failed),
    DESCRIBE(WORKSPACE_LOST, ERROR, WORKSPACE, NULL, NULL, say_lost),
    DESCRIBE(WORKSPACE_REBUILDING, INFO, WORKSPACE, "Workspace ",
	     " is being rebuilt; its files are kept, its earlier sessions end", NULL),
    DESCRIBE(WORKSPACE_COLLAPSED, DEBUG, WORKSPACE, NULL, NULL, say_collapsed),
    DESCRIBE(WORKSPACE_GENERATION_RAISED, WARNING, WORKSPACE, "Workspace ",
	     " is further on its node than in the log; the node's word counts", NULL),
    DESCRIBE(WORKSPACE_FOUND, WARNING, WORKSPACE, NULL, NULL, say_found),
    DESCRIBE(WORKSPACE_WANTED_ANEW, INFO, WORKSPACE, "The node is told once more what is wanted of workspace ", "",
	     NULL),
    DESCRIBE(SESSION_CREATED, INFO, SESSION, "Session ", " is starting", NULL),
    DESCRIBE(SESSION_RUNNING, INFO, SESSION, "Session ", " is running", NULL),
    DESCRIBE(SESSION_STOPPING, INFO, SESSION, "Session ", " is stopping", NULL),
    DESCRIBE(SESSION_ENDED, INFO, SESSION, NULL, NULL, say_ended),
    DESCRIBE(SESSION_FAILED, ERROR, SESSION, NULL, NULL, say_session_failed),
    DESCRIBE(SESSION_WANTED_ANEW, INFO, SESSION, "The node is told once more what is wanted of session ", "", NULL),
    DESCRIBE(SWEEPER_FOUND, WARNING, NODE, NULL, NULL, say_sweeper_found),
    DESCRIBE(REPORT_REJECTED, WARNING, NODE, NULL, NULL, say_rejected),
#undef DESCRIBE
};

const char *change_name(const Roost__Change *change)
{
	const ProtobufCFieldDescriptor *field =
	    protobuf_c_message_descriptor_get_field(&roost__change__descriptor, change->change_case);
	return change->change_case == ROOST__CHANGE__CHANGE__NOT_SET || field == NULL ? NULL : field->name;
}

static const struct description *row_of(const Roost__Change *change)
{
	size_t number = (size_t)change->change_case;
	if (number >= sizeof(table) / sizeof(table[0]) || table[number].level == 0)
		return NULL;
	return &table[number];
}

/* Three texts as one; events are made by the hundred thousand in a replay, and printf shows there. */
static const char *join(struct arena *arena, const char *first, const char *second, const char *third)
{
	size_t sizes[] = {strlen(first), strlen(second), strlen(third)};
	char *text = arena_alloc(arena, sizes[0] + sizes[1] + sizes[2] + 1);
	memcpy(text, first, sizes[0]);
	memcpy(text + sizes[0], second, sizes[1]);
	memcpy(text + sizes[0] + sizes[1], third, sizes[2]);
	return text;
}

static const char *event_id(const Roost__Record *record, size_t index, struct arena *arena)
{
	const char digit[] = {(char)('0' + index % 10), '\0'};
	return index < 10 ? join(arena, or_empty(record->id), "-", digit)
			  : arena_printf(arena, "%s-%zu", or_empty(record->id), index);
}

static const char *sentence_of(const struct description *row, const Roost__Change *change,
			       const struct described *about, struct arena *arena)
{
	if (row->sentence != NULL)
		return row->sentence(change, about, arena);
	const char *name = row->subject == NODE	       ? node_name(about)
			   : row->subject == WORKSPACE ? workspace_name(about)
			   : row->subject == SESSION   ? session_label(about)
						       : "";
	return join(arena, row->before, name, row->after);
}

/* What may be left on the machine of an abandoned node, a line each (D17). */
static const char *left_behind(const Roost__NodeDeleted *deleted, struct arena *arena)
{
	const char *lines = NULL;
	for (size_t i = 0; i < deleted->n_left_behind; i++)
		lines = i == 0 ? deleted->left_behind[i] : join(arena, lines, "\n", deleted->left_behind[i]);
	return lines;
}

static const char *detail_of(const Roost__Change *change, struct arena *arena)
{
	switch (change->change_case) {
	case ROOST__CHANGE__CHANGE_WORKSPACE_FAILED:
		return change->workspace_failed->detail;
	case ROOST__CHANGE__CHANGE_NODE_DELETED:
		return left_behind(change->node_deleted, arena);
	default:
		return NULL;
	}
}

static void set_ids(Roost__Event *event, const Roost__Record *record, const Roost__Change *change,
		    const struct described *about)
{
	if (record->kind == ROOST__RECORD__KIND__NODE)
		event->node_id = record->aggregate_id;
	else if (change->change_case == ROOST__CHANGE__CHANGE_OWNER_NODE_CLAIMED)
		event->node_id = change->owner_node_claimed->node_id;
	else if (change->change_case == ROOST__CHANGE__CHANGE_OWNER_NODE_RELEASED)
		event->node_id = change->owner_node_released->node_id;
	else if (change->change_case == ROOST__CHANGE__CHANGE_OWNER_WORKSPACE_PLACED) {
		event->node_id = change->owner_workspace_placed->node_id;
		event->workspace_id = change->owner_workspace_placed->workspace_id;
	}
	if (change->change_case == ROOST__CHANGE__CHANGE_SWEEPER_FOUND) { /* also of what no log knows */
		event->workspace_id = change->sweeper_found->workspace_id;
		event->session_id = change->sweeper_found->session_id;
	}
	if (about->workspace != NULL)
		event->workspace_id = about->workspace->resource->id;
	if (about->session != NULL) {
		event->session_id = about->session->resource->id;
		event->workspace_id = about->session->resource->workspace_id;
	}
}

Roost__Event *describe_change(const Roost__Record *record, size_t index, uint64_t seq, const struct described *about,
			      struct arena *arena)
{
	const Roost__Change *change = record->changes[index];
	const struct description *row = row_of(change);
	if (row == NULL)
		return NULL;
	Roost__Event *event;
	arena_message(arena, event, roost__event__init);
	event->id = event_id(record, index, arena);
	event->has_seq = true;
	event->seq = seq;
	set_ids(event, record, change, about);
	event->has_level = true;
	event->level = row->level;
	if (change->change_case == ROOST__CHANGE__CHANGE_NODE_HEALTH_CHANGED &&
	    change->node_health_changed->health == ROOST__NODE__HEALTH__HEALTHY)
		event->level = ROOST__EVENT__LEVEL__INFO;
	event->type = change_name(change);
	event->message = sentence_of(row, change, about, arena);
	event->detail = detail_of(change, arena);
	event->has_created_at = true;
	event->created_at = record->recorded_at;
	return event;
}
