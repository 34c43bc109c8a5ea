/* A suspicion waits until the projection has caught up; most end there, since a node often hears of a
 * record from one controller before another has it. The decision judges again. */
#include "controller/effects/rollbacks.h"

#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "controller/effects/deciding_work.h"

#include <stdio.h>
#include <stdlib.h>

struct suspicion {
	struct suspicion *next;
	struct rollbacks *rollbacks; /* NULL once they are gone */
	struct node_entry *entry;
	uint64_t log_epoch, held_version;
};

struct rollbacks {
	struct rollbacks_settings settings;
	struct suspicion *first; /* wait for the projection */
};

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	const struct deciding_work *claim = (struct deciding_work *)work;
	return decide_log_rolled_back(inputs, claim->node_id, claim->log_epoch, claim->held_version);
}

static void ended(void *context, struct deciding_work *work, bool stands)
{
	struct node_entry *entry = context;
	(void)work;
	(void)stands; /* if not, its next beat says it again */
	entry->suspected = false;
}

static void judge(struct rollbacks *rollbacks, const struct suspicion *suspicion, const Roost__NodeState *node)
{
	struct deciding_work *work = deciding_work_new(node->owner, "beat", decide);
	log_warning("node %s holds version %llu of epoch %llu and the log only %llu of %llu: the log went back",
		    suspicion->entry->id, (unsigned long long)suspicion->held_version,
		    (unsigned long long)suspicion->log_epoch, (unsigned long long)node->version,
		    (unsigned long long)node->log_epoch);
	work->context = suspicion->entry;
	work->ended = ended;
	work->node_id = suspicion->entry->id;
	work->log_epoch = suspicion->log_epoch;
	work->held_version = suspicion->held_version;
	work->work.fresh = true;
	deciding_work_run(work, rollbacks->settings.pipeline);
}

static bool still_ahead(const struct suspicion *suspicion, const Roost__NodeState *node)
{
	return node != NULL && node->resource->status != ROOST__NODE__STATUS__DELETED &&
	       (suspicion->log_epoch > node->log_epoch ||
		(suspicion->log_epoch == node->log_epoch && suspicion->held_version > node->version));
}

static void take_out(struct rollbacks *rollbacks, struct suspicion *suspicion)
{
	struct suspicion **place = &rollbacks->first;
	while (*place != suspicion)
		place = &(*place)->next;
	*place = suspicion->next;
}

static void on_caught_up(void *context, const struct error *error)
{
	struct suspicion *suspicion = context;
	struct rollbacks *rollbacks = suspicion->rollbacks;
	if (rollbacks == NULL) {
		free(suspicion);
		return;
	}
	struct arena *arena = arena_new();
	struct error ignored;
	const Roost__NodeState *node =
	    error != NULL ? NULL
			  : projection_any_node(rollbacks->settings.projection, suspicion->entry->id, arena, &ignored);
	take_out(rollbacks, suspicion);
	if (still_ahead(suspicion, node))
		judge(rollbacks, suspicion, node);
	else
		suspicion->entry->suspected = false;
	arena_free(arena);
	free(suspicion);
}

void rollbacks_suspect(struct rollbacks *rollbacks, struct node_entry *entry, uint64_t log_epoch, uint64_t held_version)
{
	if (entry->suspected)
		return;
	struct suspicion *suspicion = calloc(1, sizeof(*suspicion));
	if (suspicion == NULL)
		abort();
	*suspicion = (struct suspicion){rollbacks->first, rollbacks, entry, log_epoch, held_version};
	rollbacks->first = suspicion;
	entry->suspected = true;
	projection_runner_catch_up(rollbacks->settings.runner, (uint32_t)option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS),
				   on_caught_up, suspicion);
}

struct rollbacks *rollbacks_new(const struct rollbacks_settings *settings)
{
	struct rollbacks *rollbacks = calloc(1, sizeof(*rollbacks));
	if (rollbacks == NULL)
		abort();
	rollbacks->settings = *settings;
	return rollbacks;
}

/* Those that wait are told by the runner when it stops. */
void rollbacks_free(struct rollbacks *rollbacks)
{
	for (struct suspicion *one = rollbacks->first; one != NULL; one = one->next)
		one->rollbacks = NULL;
	free(rollbacks);
}
