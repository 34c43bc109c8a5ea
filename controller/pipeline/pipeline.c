/* A work decides at once, without a turn; only a decision that appends takes one. When the aggregate's
 * line was empty the decision still stands and is appended as it is; after a wait others have
 * appended, so it is made anew. A lost race (another controller appended first) waits for the winner's
 * record and decides again; so does a claim, once it is projected, for what it claimed. */
#include "controller/pipeline/pipeline.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "bus/log/append.h"
#include "bus/wire/message.h"
#include "bus/wire/subject.h"
#include "controller/pipeline/tail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pipeline {
	struct pipeline_settings settings;
	struct aggregate_queue *queue;
	size_t length;
	struct arena *tail_arena;
	void (*empty)(void *context);
	void *empty_context;
};

static void decide(struct pipeline_work *work);

struct pipeline *pipeline_new(const struct pipeline_settings *settings)
{
	struct pipeline *pipeline = calloc(1, sizeof(*pipeline));
	if (pipeline == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	pipeline->settings = *settings;
	pipeline->queue = aggregate_queue_new();
	pipeline->tail_arena = arena_new();
	return pipeline;
}

void pipeline_free(struct pipeline *pipeline)
{
	if (pipeline == NULL)
		return;
	assert(pipeline->length == 0);
	aggregate_queue_free(pipeline->queue);
	arena_free(pipeline->tail_arena);
	free(pipeline);
}

size_t pipeline_length(const struct pipeline *pipeline)
{
	return pipeline->length;
}

void pipeline_tell_empty(struct pipeline *pipeline, void (*empty)(void *context), void *context)
{
	pipeline->empty = empty;
	pipeline->empty_context = context;
}

struct decision_limits pipeline_limits_from_options(void)
{
	return (struct decision_limits){
	    .max_nodes_per_user = (uint32_t)option_number(OPTION_MAX_NODES_PER_USER),
	    .max_workspaces_per_node = (uint32_t)option_number(OPTION_MAX_WORKSPACES_PER_NODE),
	    .max_sessions_per_workspace = (uint32_t)option_number(OPTION_MAX_AGENT_SESSIONS_PER_WORKSPACE),
	    .provision_timeout_ms = (uint32_t)option_number(OPTION_PROVISION_TIMEOUT_OCI_SECONDS) * 1000,
	    .provision_override_ms = (uint32_t)option_number(OPTION_PROVISION_TIMEOUT_SECONDS) * 1000,
	    .sweep_grace_ms = option_number(OPTION_SWEEP_GRACE_SECONDS) * 1000,
	    .idempotency_ms = option_number(OPTION_IDEMPOTENCY_KEY_DAYS) * 24 * 3600 * 1000,
	};
}

void pipeline_set_templates(struct pipeline *pipeline, const struct workspace_template *templates, size_t count)
{
	pipeline->settings.limits.templates = templates;
	pipeline->settings.limits.template_count = count;
}

static uint32_t time_left(const struct pipeline_work *work)
{
	int64_t left = work->deadline_ms - clock_monotonic_ms();
	return left > 1 ? (uint32_t)left : 1;
}

static void leave_turn(struct pipeline_work *work)
{
	if (!work->has_turn)
		return;
	work->has_turn = false;
	aggregate_queue_leave(work->pipeline->queue, work->turn.line);
}

/* The caller is told first and the turn left afterwards: its answer goes out before the next in line
 * begins. */
static void finish(struct pipeline_work *work, const struct error *error)
{
	struct pipeline *pipeline = work->pipeline;
	struct aggregate_line *line = work->has_turn ? work->turn.line : NULL;
	pipeline->length--;
	work->done(work, error == NULL ? work->decision : NULL, error);
	if (line != NULL)
		aggregate_queue_leave(pipeline->queue, line);
	if (pipeline->length == 0 && pipeline->empty != NULL)
		pipeline->empty(pipeline->empty_context);
}

static void fail(struct pipeline_work *work, enum error_code code, const char *message)
{
	struct error error;
	error_set(&error, code, "%s", message);
	finish(work, &error);
}

/* Steps that may follow any wait. */
static void again(void *context, const struct error *error)
{
	struct pipeline_work *work = context;
	if (error != NULL)
		finish(work, error);
	else
		decide(work);
}

static void freshened(void *context, const struct error *error)
{
	struct pipeline_work *work = context;
	work->fresh = true;
	again(work, error);
}

/* Last of all: answers wait for nobody who only watches. */
static void tell_tail(struct pipeline *pipeline, const char *owner, uint64_t seq)
{
	tail_publish(pipeline->settings.work, pipeline->settings.projection, owner, seq, pipeline->tail_arena);
	arena_reset(pipeline->tail_arena);
}

static void stored_and_projected(struct pipeline_work *work)
{
	struct pipeline *pipeline = work->pipeline;
	uint64_t seq = work->seq;
	char owner[OWNER_BYTES_MAX + 1];
	snprintf(owner, sizeof(owner), "%s", work->decision->record->owner);
	if (!work->decision->again) {
		finish(work, NULL);
	} else {
		if (work->claimed != NULL)
			work->claimed(work);
		work->tries = 0;
		decide(work);
	}
	tell_tail(pipeline, owner, seq);
}

static void projected(void *context, const struct error *error)
{
	struct pipeline_work *work = context;
	if (error != NULL)
		finish(work, error);
	else
		stored_and_projected(work);
}

static void project(struct pipeline_work *work, struct bytes record, const char *subject)
{
	struct projection_runner *runner = work->pipeline->settings.runner;
	struct stored_record stored = {
	    .seq = work->seq,
	    .stored_ms = server_clock_now_ms(work->pipeline->settings.clock),
	    .subject = subject,
	    .record_id = work->decision->record->id,
	    .data = record,
	};
	if (projection_runner_apply_own(runner, &stored))
		stored_and_projected(work);
	else
		projection_runner_wait(runner, work->seq, time_left(work), projected, work);
}

struct appending {
	struct pipeline_work *work;
	struct subject subject;
	struct bytes record;
};

static void appended(void *context, const struct append_result *result)
{
	struct appending *append = context;
	struct pipeline_work *work = append->work;
	work->seq = result->seq;
	switch (result->outcome) {
	case APPEND_DONE:
		project(work, append->record, append->subject.text);
		return;
	case APPEND_CONFLICT:
		if (++work->tries >= APPEND_TRIES_MAX)
			fail(work, ERROR_CONFLICT, "others changed it at the same time, again and again");
		else if (result->seq < work->decision->expected_last_seq) /* the log went back */
			projection_runner_catch_up(work->pipeline->settings.runner, time_left(work), again, work);
		else
			projection_runner_wait(work->pipeline->settings.runner, result->seq, time_left(work), again,
					       work);
		return;
	case APPEND_REFUSED:
		log_error("the log refuses records: %s", result->error.message);
		finish(work, &result->error);
		return;
	case APPEND_UNKNOWN:
		finish(work, &result->error);
		return;
	}
}

static void append(struct pipeline_work *work)
{
	Roost__Record *record = work->decision->record;
	struct appending *append = arena_new_of(work->arena, struct appending);
	append->work = work;
	append->subject = subject_event(record->owner, record->kind == ROOST__RECORD__KIND__NODE ? "node" : "owner",
					record->aggregate_id);
	append->record = message_pack(&record->base, work->arena);
	if (append->record.size > RECORD_BYTES_MAX) {
		fail(work, ERROR_PAYLOAD_TOO_LARGE, "the change is too large to be recorded");
		return;
	}
	struct append_request request = {
	    .subject = append->subject.text,
	    .record_id = record->id,
	    .above_seq = projection_runner_applied_seq(work->pipeline->settings.runner),
	    .expected_last_seq = work->decision->expected_last_seq,
	    .record = append->record,
	    .traceparent = work->traceparent,
	};
	log_append(work->pipeline->settings.work, &request, time_left(work), appended, append);
}

static void turn_has_come(struct aggregate_turn *turn)
{
	struct pipeline_work *work = (struct pipeline_work *)((char *)turn - offsetof(struct pipeline_work, turn));
	work->has_turn = true;
	if (!work->entering)
		decide(work);
}

static void append_in_turn(struct pipeline_work *work)
{
	const Roost__Record *record = work->decision->record;
	char key[AGGREGATE_KEY_MAX];
	snprintf(key, sizeof(key), "%d.%s", (int)record->kind, record->aggregate_id);
	if (work->has_turn && strcmp(aggregate_line_key(work->turn.line), key) == 0) {
		append(work);
		return;
	}
	leave_turn(work);
	work->turn.ready = turn_has_come;
	work->entering = true;
	aggregate_queue_enter(work->pipeline->queue, key, &work->turn);
	work->entering = false;
	if (work->has_turn)
		append(work); /* nobody was there: the decision is as good as a moment ago */
}

static void decide(struct pipeline_work *work)
{
	struct pipeline *pipeline = work->pipeline;
	if (clock_monotonic_ms() > work->deadline_ms) {
		fail(work, ERROR_BUSY, "its turn did not come within its time");
		return;
	}
	int64_t now_ms = server_clock_now_ms(pipeline->settings.clock);
	struct decision_inputs inputs = {
	    .now_ms = now_ms,
	    .record_id = arena_strdup(work->arena, ulid_new(now_ms).text),
	    .new_id = work->new_id,
	    .owner = work->owner,
	    .actor = work->actor,
	    .cause = work->cause,
	    .idempotency_key = work->idempotency_key,
	    .request_hash = work->request_hash,
	    .traceparent = work->traceparent,
	    .limits = pipeline->settings.limits,
	    .store = projection_entities(pipeline->settings.projection),
	    .arena = work->arena,
	};
	work->decision = work->decide(work, &inputs);
	if (work->decision->kind == DECISION_APPEND) {
		append_in_turn(work);
		return;
	}
	if (work->fresh || work->decision->certain || work->decision->kind == DECISION_REPEAT) {
		finish(work, NULL);
		return;
	}
	leave_turn(work); /* others need not wait while we ask how new the log is */
	projection_runner_catch_up(pipeline->settings.runner, time_left(work), freshened, work);
}

void pipeline_run(struct pipeline *pipeline, struct pipeline_work *work)
{
	work->pipeline = pipeline;
	work->has_turn = false;
	work->entering = false;
	work->tries = 0;
	/* By the server's clock, like the records: lists go by id. */
	snprintf(work->new_id, sizeof(work->new_id), "%s",
		 ulid_new(server_clock_now_ms(pipeline->settings.clock)).text);
	pipeline->length++;
	decide(work);
}
