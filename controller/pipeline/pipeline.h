/* The one way from a decision to a fact, for commands, reports and timers alike: decide, take a turn
 * at the aggregate, append expecting its last sequence, project, publish the tail, and say what came
 * of it. On a conflict it catches up and decides again. A refusal, and the finding that nothing need
 * be done, counts only when the projection was at least as new as the log when the work began. Loop
 * thread. */
#ifndef ROOST_CONTROLLER_PIPELINE_PIPELINE_H
#define ROOST_CONTROLLER_PIPELINE_PIPELINE_H

#include "bus/foundation/clock.h"
#include "bus/link/connection.h"
#include "bus/log/projection_runner.h"
#include "controller/domain/decision.h"
#include "controller/pipeline/aggregate_queue.h"
#include "controller/projection/projection.h"

struct pipeline;

struct pipeline_settings {
	struct connection *work; /* appends, and publishes the tail */
	struct projection *projection;
	struct projection_runner *runner;
	const struct server_clock *clock;
	struct decision_limits limits;
};

/* The settings are copied, what they point to is borrowed. */
struct pipeline *pipeline_new(const struct pipeline_settings *settings);

/* Only when nothing is on its way. NULL is allowed. */
void pipeline_free(struct pipeline *pipeline);

/* The limits from the options. */
struct decision_limits pipeline_limits_from_options(void);

/* The templates from now on. The former ones must stay as they are until what is on its way has ended. */
void pipeline_set_templates(struct pipeline *pipeline, const struct workspace_template *templates, size_t count);

/* One decision on its way. The caller fills in the upper part and keeps all of it in memory until
 * `done`, inside which it may be freed. */
struct pipeline_work {
	struct arena *arena;
	const char *owner;
	const char *actor;
	const char *cause;
	const char *idempotency_key;	   /* NULL without one */
	const unsigned char *request_hash; /* 32 bytes with a key, else NULL */
	const char *traceparent;	   /* NULL without one */
	int64_t deadline_ms;		   /* monotonic */
	bool fresh;			   /* the projection is known to be new enough to refuse from */
	struct decision *(*decide)(struct pipeline_work *work, const struct decision_inputs *inputs);
	/* Called once, perhaps before pipeline_run returns. Either a decision that stands (its record, if
	 * any, is in the log and projected), or an error: ERROR_PLATFORM_UNAVAILABLE (it may or may not
	 * be in the log), ERROR_BUSY (it is not), ERROR_CONFLICT (too many lost races). */
	void (*done)(struct pipeline_work *work, const struct decision *decision, const struct error *error);
	/* NULL, or called when a record with decision->again is in the log and projected. It may reset the
	 * arena, if all that it filled in above is elsewhere. */
	void (*claimed)(struct pipeline_work *work);

	/* The pipeline's own. */
	struct pipeline *pipeline;
	struct aggregate_turn turn;
	bool has_turn, entering;
	char new_id[27];
	struct decision *decision;
	unsigned tries;
	uint64_t seq;
};

void pipeline_run(struct pipeline *pipeline, struct pipeline_work *work);

/* Works on their way. */
size_t pipeline_length(const struct pipeline *pipeline);

/* `empty` is called whenever the last work on its way has ended, from inside its end. */
void pipeline_tell_empty(struct pipeline *pipeline, void (*empty)(void *context), void *context);

#endif
