/* Everything waits on the loop, with deadlines. */
#include "tests/integration/log_fixture.h"

#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void count_online(void *context)
{
	((struct log_fixture *)context)->online++;
}

struct connection *log_fixture_connect(struct log_fixture *fixture)
{
	struct error error = {0};
	int online = fixture->online;
	struct connection_settings settings = {
	    .name = "test",
	    .url = nats_server_url(fixture->server),
	    .credentials_file = nats_server_credentials(fixture->server, "controller", NULL),
	    .inbox_user = "controller",
	    .online = count_online,
	    .context = fixture,
	};
	struct connection *connection = connection_open(&fixture->loop, &settings, &error);
	if (connection == NULL)
		fail_msg("%s", error.message);
	loop_until_at_least(&fixture->loop, &fixture->online, online + 1, "the connection");
	return connection;
}

static void set_flag(void *context)
{
	*(bool *)context = true;
}

void log_fixture_disconnect(struct log_fixture *fixture, struct connection *connection)
{
	bool closed = false;
	connection_close(connection, set_flag, &closed);
	loop_until_true(&fixture->loop, &closed, "the end of the connection");
}

struct log_fixture *log_fixture_start(const char *more_configuration, const char *store)
{
	struct log_fixture *fixture = calloc(1, sizeof(*fixture));
	uv_loop_init(&fixture->loop);
	fixture->server = nats_server_start_with(more_configuration, store);
	fixture->connection = log_fixture_connect(fixture);
	return fixture;
}

void log_fixture_stop(struct log_fixture *fixture)
{
	log_fixture_disconnect(fixture, fixture->connection);
	loop_finish(&fixture->loop);
	nats_server_stop(fixture->server);
	free(fixture);
}

struct info_wait {
	bool done;
	struct log_info info;
	struct error error;
};

static void on_info(void *context, const struct log_info *info, const struct error *error)
{
	struct info_wait *wait = context;
	wait->done = true;
	if (info != NULL)
		wait->info = *info;
	else
		wait->error = *error;
}

static struct log_info finish_info(struct log_fixture *fixture, struct info_wait *wait)
{
	loop_until_true(&fixture->loop, &wait->done, "the stream's answer");
	if (wait->error.code != ERROR_NONE)
		fail_msg("%s", wait->error.message);
	return wait->info;
}

struct log_info log_fixture_ensure(struct log_fixture *fixture)
{
	struct info_wait wait = {0};
	log_stream_ensure(fixture->connection, &fixture->clock, 1, PATIENCE_MS / 2, on_info, &wait);
	return finish_info(fixture, &wait);
}

/* Asked again while the connection comes back. */
struct log_info log_fixture_info(struct log_fixture *fixture)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	for (;;) {
		struct info_wait wait = {0};
		log_stream_info(fixture->connection, &fixture->clock, PATIENCE_MS / 2, on_info, &wait);
		loop_until_true(&fixture->loop, &wait.done, "the stream's answer");
		if (wait.error.code == ERROR_NONE || clock_monotonic_ms() >= deadline)
			return finish_info(fixture, &wait);
		loop_for(&fixture->loop, 20);
	}
}

struct api_wait {
	bool done;
	json_t *body;
};

static void on_api(void *context, const struct jetstream_answer *answer)
{
	struct api_wait *wait = context;
	wait->done = true;
	wait->body = json_incref(answer->body);
}

json_t *log_fixture_api(struct log_fixture *fixture, const char *subject, json_t *body)
{
	struct api_wait wait = {0};
	jetstream_request(fixture->connection, subject, body, PATIENCE_MS / 2, on_api, &wait);
	loop_until_true(&fixture->loop, &wait.done, subject);
	return wait.body;
}

static void on_appended(void *context, const struct append_result *result)
{
	struct pending_append *pending = context;
	assert_false(pending->done);
	pending->done = true;
	pending->result = *result;
}

void log_fixture_send(struct log_fixture *fixture, struct pending_append *pending, const char *subject,
		      const char *record_id, uint64_t expected, const char *text, uint32_t timeout_ms)
{
	log_fixture_send_above(fixture, pending, 0, subject, record_id, expected, text, timeout_ms);
}

void log_fixture_send_above(struct log_fixture *fixture, struct pending_append *pending, uint64_t above,
			    const char *subject, const char *record_id, uint64_t expected, const char *text,
			    uint32_t timeout_ms)
{
	struct append_request request = {
	    .subject = subject,
	    .record_id = record_id,
	    .above_seq = above,
	    .expected_last_seq = expected,
	    .record = {(const unsigned char *)text, strlen(text)},
	};
	*pending = (struct pending_append){0};
	log_append(fixture->connection, &request, timeout_ms, on_appended, pending);
	assert_false(pending->done);
}

struct append_result log_fixture_append(struct log_fixture *fixture, const char *subject, const char *record_id,
					uint64_t expected, const char *text)
{
	struct pending_append pending;
	log_fixture_send(fixture, &pending, subject, record_id, expected, text, PATIENCE_MS / 2);
	loop_until_true(&fixture->loop, &pending.done, "the append");
	return pending.result;
}

/* ---- the projection in memory ---- */

static bool memory_position(void *context, struct projection_position *out, struct error *error)
{
	(void)error;
	*out = ((struct memory_projection *)context)->position;
	return true;
}

static bool memory_begin(void *context, struct error *error)
{
	(void)context;
	(void)error;
	return true;
}

static bool memory_apply(void *context, const struct stored_record *record, struct error *error)
{
	struct memory_projection *projection = context;
	(void)error;
	projection->count++;
	if (!projection->rows_kept)
		return true;
	if (projection->count > projection->capacity) {
		projection->capacity = projection->capacity * 2 + 64;
		projection->rows = realloc(projection->rows, projection->capacity * sizeof(*projection->rows));
	}
	struct memory_row *row = &projection->rows[projection->count - 1];
	*row =
	    (struct memory_row){.seq = record->seq, .subject = strdup(record->subject), .hash = 1469598103934665603u};
	snprintf(row->record_id, sizeof(row->record_id), "%.26s", record->record_id);
	for (size_t i = 0; i < record->data.size; i++)
		row->hash = (row->hash ^ record->data.data[i]) * 1099511628211u;
	return true;
}

static bool memory_commit(void *context, const struct projection_position *position, struct error *error)
{
	struct memory_projection *projection = context;
	if (projection->fail_commit)
		return error_set(error, ERROR_INTERNAL, "the disk is gone");
	projection->position = *position;
	projection->committed = projection->count;
	projection->transactions++;
	return true;
}

static void forget_rows(struct memory_projection *projection)
{
	for (size_t i = 0; projection->rows_kept && i < projection->count; i++)
		free(projection->rows[i].subject);
	projection->count = projection->committed = 0;
}

static bool memory_rebuild(void *context, const char *reason, struct error *error)
{
	struct memory_projection *projection = context;
	(void)error;
	forget_rows(projection);
	projection->position = (struct projection_position){0};
	projection->rebuilds++;
	snprintf(projection->rebuild_reason, sizeof(projection->rebuild_reason), "%s", reason);
	return true;
}

static void on_caught_up(void *context)
{
	((struct memory_projection *)context)->caught_up++;
}

static void on_failed(void *context, const struct error *error)
{
	struct memory_projection *projection = context;
	projection->failures++;
	snprintf(projection->failure, sizeof(projection->failure), "%s", error->message);
}

struct memory_projection *memory_projection_new(void)
{
	struct memory_projection *projection = calloc(1, sizeof(*projection));
	projection->rows_kept = true;
	return projection;
}

void memory_projection_free(struct memory_projection *projection)
{
	forget_rows(projection);
	free(projection->rows);
	free(projection);
}

void memory_projection_follow(struct log_fixture *fixture, struct memory_projection *projection)
{
	const struct projection_store store = {
	    memory_position,	       memory_begin, memory_apply, memory_commit, memory_rebuild, projection,
	    projection->absence_ms_max};
	const struct projection_runner_events events = {
	    .caught_up = on_caught_up, .failed = on_failed, .context = projection};
	struct error error = {0};
	projection->runner = projection_runner_start(fixture->connection, &fixture->clock, &store, &events, &error);
	if (projection->runner == NULL)
		fail_msg("%s", error.message);
}

void memory_projection_unfollow(struct memory_projection *projection)
{
	projection_runner_stop(projection->runner);
	projection->runner = NULL;
}

static bool is_caught_up(void *context)
{
	return projection_runner_caught_up(((struct memory_projection *)context)->runner);
}

void memory_projection_until_caught_up(struct log_fixture *fixture, struct memory_projection *projection)
{
	loop_until(&fixture->loop, is_caught_up, projection, PATIENCE_MS, "the projection to catch up");
}

struct applied_wait {
	struct memory_projection *projection;
	uint64_t seq;
};

static bool has_applied(void *context)
{
	const struct applied_wait *wait = context;
	return projection_runner_applied_seq(wait->projection->runner) >= wait->seq;
}

void memory_projection_until_applied(struct log_fixture *fixture, struct memory_projection *projection, uint64_t seq)
{
	struct applied_wait wait = {projection, seq};
	loop_until(&fixture->loop, has_applied, &wait, PATIENCE_MS, "the record to be applied");
}

void memory_projections_assert_equal(const struct memory_projection *one, const struct memory_projection *other)
{
	assert_int_equal(one->count, other->count);
	for (size_t i = 0; i < one->count; i++) {
		assert_int_equal(one->rows[i].seq, other->rows[i].seq);
		assert_string_equal(one->rows[i].record_id, other->rows[i].record_id);
		assert_string_equal(one->rows[i].subject, other->rows[i].subject);
		assert_true(one->rows[i].hash == other->rows[i].hash);
	}
}
