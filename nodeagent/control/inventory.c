/* The inventory: the runtime's list, with what the store knows of each. */
#include "nodeagent/control/inventory.h"

#include "bus/foundation/ulid.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_MOST = 5 };

struct inventory_job {
	struct job job; /* first */
	struct agent *agent;
	struct runtime *runtime;
	struct reply *reply;
	const char *cursor;
	int tries;
	uint64_t changes; /* when the listing began */
	struct runtime_found *found;
	size_t count;
	bool ok;
	struct error error;
};

static void inventory_work(struct job *base)
{
	struct inventory_job *job = (struct inventory_job *)base;
	job->ok = runtime_list(job->runtime, base->arena, &job->found, &job->count, &job->error);
}

static int by_id(const void *left, const void *right)
{
	return strcmp(((const struct runtime_found *)left)->id, ((const struct runtime_found *)right)->id);
}

static Roost__InventoryResponse__Workspace *describe(struct inventory_job *job, const struct runtime_found *found)
{
	struct arena *arena = job->job.arena;
	Roost__InventoryResponse__Workspace *entry = NULL;
	struct workspace_row row;
	arena_message(arena, entry, roost__inventory_response__workspace__init);
	bool known = store_workspace(job->agent->store, found->id, arena, &row) && row.wanted.known;
	entry->id = found->id;
	entry->has_generation = entry->has_running = entry->has_known = entry->has_wanted = true;
	entry->generation = found->generation;
	entry->running = found->running;
	entry->known = known;
	entry->wanted = known && plan_desired(&row.wanted) == ROOST__WANTED_WORKSPACE__DESIRED__RUN;
	entry->owner = found->owner;
	entry->has_made_at = found->made_at > 0 || ulid_valid(found->id);
	entry->made_at = found->made_at > 0 || !entry->has_made_at ? found->made_at : ulid_time_ms(found->id);
	return entry;
}

static void add_workspaces(struct inventory_job *job, Roost__InventoryResponse *answer)
{
	qsort(job->found, job->count, sizeof(*job->found), by_id);
	answer->workspaces = arena_array_of(job->job.arena, Roost__InventoryResponse__Workspace *, INVENTORY_PAGE_MAX);
	for (size_t i = 0; i < job->count; i++) {
		if (strcmp(job->found[i].id, job->cursor) <= 0)
			continue;
		if (answer->n_workspaces == INVENTORY_PAGE_MAX) {
			answer->next_cursor = answer->workspaces[INVENTORY_PAGE_MAX - 1]->id;
			return;
		}
		answer->workspaces[answer->n_workspaces++] = describe(job, &job->found[i]);
	}
}

static void add_sessions(struct inventory_job *job, Roost__InventoryResponse *answer)
{
	struct session_row *rows = NULL;
	size_t count = store_sessions(job->agent->store, NULL, job->job.arena, &rows);
	answer->sessions = arena_array_of(job->job.arena, const char *, count + 1);
	for (size_t i = 0; i < count; i++)
		if (session_alive(job->agent->sessions, rows[i].id))
			answer->sessions[answer->n_sessions++] = rows[i].id;
}

static void add_identity(struct inventory_job *job, Roost__InventoryResponse *answer)
{
	const struct agent_identity *identity = store_identity(job->agent->store);
	answer->log_id = identity->log_id;
	answer->has_log_epoch = answer->has_held_version = true;
	answer->log_epoch = identity->log_epoch;
	answer->held_version = identity->held_version;
}

static void answer_now(struct inventory_job *job)
{
	Roost__InventoryResponse answer = ROOST__INVENTORY_RESPONSE__INIT;
	add_workspaces(job, &answer);
	if (!job->cursor[0])
		add_sessions(job, &answer);
	add_identity(job, &answer);
	reply_with(job->reply, &answer.base);
}

static void begin(struct agent *agent, const char *cursor, struct reply *reply, int tries);

static void refuse(struct inventory_job *job)
{
	if (job->ok)
		error_set(&job->error, ERROR_BUSY, "%s", error_code_sentence(ERROR_BUSY));
	reply_error(job->reply, &job->error);
}

static void inventory_done(struct job *base)
{
	struct inventory_job *job = (struct inventory_job *)base;
	if (job->ok && job->changes == job->agent->node.changes)
		answer_now(job);
	else if (job->ok && job->tries < TRIES_MOST)
		begin(job->agent, job->cursor, job->reply, job->tries + 1);
	else
		refuse(job);
}

static void begin(struct agent *agent, const char *cursor, struct reply *reply, int tries)
{
	struct arena *arena = arena_new();
	struct inventory_job *job = arena_new_of(arena, struct inventory_job);
	job->job.arena = arena;
	job->job.work = inventory_work;
	job->job.done = inventory_done;
	job->agent = agent;
	job->runtime = agent->runtime;
	job->reply = reply;
	job->cursor = arena_strdup(arena, cursor);
	job->tries = tries;
	job->changes = agent->node.changes;
	jobs_submit(agent->jobs, &job->job);
}

void inventory_answer(struct agent *agent, const Roost__InventoryRequest *request, struct reply *reply)
{
	begin(agent, request->cursor ? request->cursor : "", reply, 1);
}
