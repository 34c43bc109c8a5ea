/* A writer for test_log_race: log_writer <url> <credentials> <name> <commands> <aggregates> <ledger>
 *
 * Carries out commands <name>-0, <name>-1 ... like a controller does: from its projection it knows each
 * aggregate's last sequence, its number of records, and which commands were carried out; it appends one
 * record per command and, once that is acknowledged, notes the command in the ledger, which is what was
 * answered. A conflict or an unknown outcome means: catch up and decide again. Several commands are
 * under way at once. It may die anywhere and be started again. */
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "bus/log/append.h"
#include "bus/log/log_stream.h"
#include "bus/log/projection_runner.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { UNDER_WAY = 4, AGGREGATES_MAX = 16, COMMANDS_MAX = 4096, TIMEOUT_MS = 20000 };

struct aggregate {
	uint64_t last_seq;
	int records;
};

struct writer;

struct command {
	struct writer *writer;
	int number;
	int aggregate;
	struct ulid record_id;
	char subject[96];
	char text[96];
};

struct writer {
	uv_loop_t loop;
	struct connection *connection;
	struct server_clock clock;
	struct projection_runner *runner;
	const char *name;
	int commands, aggregates, next, ended;
	int ledger;
	struct aggregate state[AGGREGATES_MAX];
	bool carried_out[COMMANDS_MAX];
	int conflicts;
};

static void decide(struct command *command);

static void die(const char *what, const struct error *error)
{
	fprintf(stderr, "%s: %s\n", what, error != NULL ? error->message : "");
	exit(1);
}

/* ---- the projection ---- */

static bool store_position(void *context, struct projection_position *out, struct error *error)
{
	(void)context;
	(void)error;
	*out = (struct projection_position){0};
	return true;
}

static bool store_begin(void *context, struct error *error)
{
	(void)context;
	(void)error;
	return true;
}

static bool store_apply(void *context, const struct stored_record *record, struct error *error)
{
	struct writer *writer = context;
	char text[96];
	(void)error;
	snprintf(text, sizeof(text), "%.*s", (int)record->data.size, (const char *)record->data.data);
	const char *number = strchr(text, '-'), *aggregate = strstr(text, " aggregate ");
	if (number == NULL || aggregate == NULL)
		return true;
	struct aggregate *state = &writer->state[strtol(aggregate + strlen(" aggregate "), NULL, 10)];
	state->last_seq = record->seq;
	state->records++;
	if (strncmp(text, writer->name, (size_t)(number - text)) == 0)
		writer->carried_out[strtol(number + 1, NULL, 10)] = true;
	return true;
}

static bool store_commit(void *context, const struct projection_position *position, struct error *error)
{
	(void)context;
	(void)position;
	(void)error;
	return true;
}

static bool store_rebuild(void *context, const char *reason, struct error *error)
{
	(void)context;
	return error_set(error, ERROR_INTERNAL, "unexpected rebuild: %s", reason);
}

/* ---- commands ---- */

static void begin_next(struct writer *writer, struct command *command)
{
	if (writer->next == writer->commands) {
		free(command);
		if (++writer->ended == UNDER_WAY)
			uv_stop(&writer->loop);
		return;
	}
	command->number = writer->next++;
	command->aggregate = (command->number * 7 + command->number / 3) % writer->aggregates;
	decide(command);
}

static void answer(struct command *command)
{
	struct writer *writer = command->writer;
	char line[64];
	int length = snprintf(line, sizeof(line), "%s-%d\n", writer->name, command->number);
	if (write(writer->ledger, line, (size_t)length) != length)
		die("ledger", NULL);
	begin_next(writer, command);
}

static void on_fresh(void *context, const struct error *error)
{
	struct command *command = context;
	if (error != NULL)
		projection_runner_catch_up(command->writer->runner, TIMEOUT_MS, on_fresh, command);
	else
		decide(command);
}

static void on_projected(void *context, const struct error *error)
{
	if (error != NULL)
		on_fresh(context, error);
	else
		answer(context);
}

static void on_appended(void *context, const struct append_result *result)
{
	struct command *command = context;
	struct writer *writer = command->writer;
	if (result->outcome != APPEND_DONE) {
		writer->conflicts += result->outcome == APPEND_CONFLICT;
		projection_runner_catch_up(writer->runner, TIMEOUT_MS, on_fresh, command);
		return;
	}
	struct stored_record record = {
	    .seq = result->seq,
	    .subject = command->subject,
	    .record_id = command->record_id.text,
	    .data = {(const unsigned char *)command->text, strlen(command->text)},
	};
	projection_runner_apply_own(writer->runner, &record);
	projection_runner_wait(writer->runner, result->seq, TIMEOUT_MS, on_projected, command);
}

static void decide(struct command *command)
{
	struct writer *writer = command->writer;
	const struct aggregate *aggregate = &writer->state[command->aggregate];
	if (writer->carried_out[command->number]) {
		answer(command);
		return;
	}
	command->record_id = ulid_new(clock_wall_ms());
	snprintf(command->subject, sizeof(command->subject), "roost.evt.alice.node.%d", command->aggregate);
	snprintf(command->text, sizeof(command->text), "%s-%d aggregate %d version %d", writer->name, command->number,
		 command->aggregate, aggregate->records + 1);
	struct append_request request = {
	    .subject = command->subject,
	    .record_id = command->record_id.text,
	    .expected_last_seq = aggregate->last_seq,
	    .record = {(const unsigned char *)command->text, strlen(command->text)},
	};
	log_append(writer->connection, &request, TIMEOUT_MS, on_appended, command);
}

static void on_caught_up(void *context)
{
	struct writer *writer = context;
	for (int i = 0; i < UNDER_WAY; i++) {
		struct command *command = calloc(1, sizeof(*command));
		command->writer = writer;
		begin_next(writer, command);
	}
}

static void on_failed(void *context, const struct error *error)
{
	(void)context;
	die("projection", error);
}

static void on_streams(void *context, const struct log_info *info, const struct error *error)
{
	struct writer *writer = context;
	struct error start_error = {0};
	const struct projection_store store = {
	    store_position, store_begin, store_apply, store_commit, store_rebuild, writer, 0};
	const struct projection_runner_events events = {
	    .caught_up = on_caught_up, .failed = on_failed, .context = writer};
	if (info == NULL)
		die("streams", error);
	writer->runner = projection_runner_start(writer->connection, &writer->clock, &store, &events, &start_error);
	if (writer->runner == NULL)
		die("runner", &start_error);
}

int main(int argc, char **argv)
{
	static struct writer whole;
	struct writer *writer = &whole;
	struct error error = {0};
	if (argc != 7)
		return 2;
	log_open(argv[3], LOG_WARNING);
	writer->name = argv[3];
	writer->commands = (int)strtol(argv[4], NULL, 10);
	writer->aggregates = (int)strtol(argv[5], NULL, 10);
	if (writer->commands > COMMANDS_MAX || writer->aggregates > AGGREGATES_MAX)
		return 2;
	writer->ledger = open(argv[6], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	uv_loop_init(&writer->loop);
	struct connection_settings settings = {
	    .name = argv[3], .url = argv[1], .credentials_file = argv[2], .inbox_user = "controller"};
	writer->connection = connection_open(&writer->loop, &settings, &error);
	if (writer->connection == NULL)
		die("connection", &error);
	log_stream_ensure(writer->connection, &writer->clock, 1, TIMEOUT_MS, on_streams, writer);
	uv_run(&writer->loop, UV_RUN_DEFAULT);
	printf("conflicts %d\n", writer->conflicts);
	projection_runner_stop(writer->runner);
	connection_close(writer->connection, NULL, NULL);
	uv_run(&writer->loop, UV_RUN_DEFAULT);
	uv_loop_close(&writer->loop);
	close(writer->ledger);
	return 0;
}
