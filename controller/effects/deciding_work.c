/* What deadlines, health, claims, releases and rollbacks have in common: try, log a failure, be tried again by their
 * own timer. */
#include "controller/effects/deciding_work.h"

#include "bus/foundation/log.h"
#include "bus/foundation/options.h"

static void done(struct pipeline_work *pipeline_work, const struct decision *decision, const struct error *error)
{
	struct deciding_work *work = (struct deciding_work *)pipeline_work;
	if (error == NULL && decision->kind == DECISION_REFUSE)
		error = &decision->refusal;
	if (error != NULL)
		log_warning("%s: %s", work->work.cause, error->message);
	work->ended(work->context, work, error == NULL);
	arena_free(work->work.arena);
}

struct deciding_work *deciding_work_new(const char *owner, const char *cause,
					struct decision *(*decide)(struct pipeline_work *work,
								   const struct decision_inputs *inputs))
{
	struct arena *arena = arena_new();
	struct deciding_work *work = arena_new_of(arena, struct deciding_work);
	work->work = (struct pipeline_work){
	    .arena = arena,
	    .owner = arena_strdup(arena, owner),
	    .actor = "controller",
	    .cause = cause,
	    .deadline_ms = clock_monotonic_ms() + option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS),
	    .decide = decide,
	    .done = done,
	};
	return work;
}

void deciding_work_run(struct deciding_work *work, struct pipeline *pipeline)
{
	pipeline_run(pipeline, &work->work);
}
