/* What tests of the log share: a real server, a connection, the streams made; appends and questions
 * that wait for their end; a projection in memory. */
#ifndef ROOST_TESTS_INTEGRATION_LOG_FIXTURE_H
#define ROOST_TESTS_INTEGRATION_LOG_FIXTURE_H

#include "bus/foundation/ulid.h"
#include "bus/log/append.h"
#include "bus/log/log_stream.h"
#include "bus/log/projection_runner.h"
#include "tests/support/nats_server.h"

struct log_fixture {
	uv_loop_t loop;
	struct nats_server *server;
	struct connection *connection;
	struct server_clock clock;
	int online;
};

/* `more_configuration` and `store` as in nats_server_start_with. */
struct log_fixture *log_fixture_start(const char *more_configuration, const char *store);
void log_fixture_stop(struct log_fixture *fixture);

/* A further connection of the same user. */
struct connection *log_fixture_connect(struct log_fixture *fixture);
void log_fixture_disconnect(struct log_fixture *fixture, struct connection *connection);

/* Makes the streams; fails the test when that fails. */
struct log_info log_fixture_ensure(struct log_fixture *fixture);

/* Asks for the log's end. */
struct log_info log_fixture_info(struct log_fixture *fixture);

/* Any JetStream API request; the answer's body, to be decref'ed. */
json_t *log_fixture_api(struct log_fixture *fixture, const char *subject, json_t *body);

struct pending_append {
	bool done;
	struct append_result result;
};
void log_fixture_send(struct log_fixture *fixture, struct pending_append *pending, const char *subject,
		      const char *record_id, uint64_t expected, const char *text, uint32_t timeout_ms);
/* The same by a caller who has seen the log up to `above`. */
void log_fixture_send_above(struct log_fixture *fixture, struct pending_append *pending, uint64_t above,
			    const char *subject, const char *record_id, uint64_t expected, const char *text,
			    uint32_t timeout_ms);
struct append_result log_fixture_append(struct log_fixture *fixture, const char *subject, const char *record_id,
					uint64_t expected, const char *text);

/* A projection in memory: the list of what was applied. It outlives runners, as a file would. */
struct memory_row {
	uint64_t seq;
	char record_id[27];
	char *subject;
	uint64_t hash; /* of the data */
};
struct memory_projection {
	struct memory_row *rows;
	size_t count, capacity, committed;
	bool rows_kept; /* false: only counted, for large replays */
	struct projection_position position;
	int transactions, rebuilds, caught_up, failures;
	bool fail_commit;
	int64_t absence_ms_max;
	char rebuild_reason[256];
	char failure[ERROR_MESSAGE_MAX];
	struct projection_runner *runner;
};

struct memory_projection *memory_projection_new(void);
void memory_projection_free(struct memory_projection *projection);

/* Starts a runner on it; stops it. */
void memory_projection_follow(struct log_fixture *fixture, struct memory_projection *projection);
void memory_projection_unfollow(struct memory_projection *projection);
void memory_projection_until_caught_up(struct log_fixture *fixture, struct memory_projection *projection);
void memory_projection_until_applied(struct log_fixture *fixture, struct memory_projection *projection, uint64_t seq);

/* Fails the test unless both hold the same rows. */
void memory_projections_assert_equal(const struct memory_projection *one, const struct memory_projection *other);

#endif
