/* Two writer processes on shared aggregates, both busy, killed at each cut-point again and again, and
 * the server killed under them: nothing that was answered is lost, nothing is doubled, each
 * aggregate's versions have no gap (S1-09, D5). */
#include "tests/integration/log_fixture.h"

#include "bus/foundation/cutpoint.h"
#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITERS = 2, COMMANDS = 120, RECORDS = WRITERS * COMMANDS, AGGREGATES = 5 };

struct writer {
	const char *name;
	struct process process;
	char ledger[256];
	char output[256];
	int lives;
};

struct race {
	struct log_fixture *fixture;
	struct writer writers[WRITERS];
	const char *cutpoint; /* NULL: none */
	const char *folder;
};

static void start_writer(const struct race *race, struct writer *writer)
{
	char commands[16], aggregates[16], cut[64];
	snprintf(commands, sizeof(commands), "%d", COMMANDS);
	snprintf(aggregates, sizeof(aggregates), "%d", AGGREGATES);
	snprintf(cut, sizeof(cut), "ROOST_CUTPOINT=%s:23", race->cutpoint != NULL ? race->cutpoint : "none");
	const char *argv[] = {LOG_WRITER,
			      nats_server_url(race->fixture->server),
			      nats_server_credentials(race->fixture->server, "controller", NULL),
			      writer->name,
			      commands,
			      aggregates,
			      writer->ledger,
			      NULL};
	const char *environment[] = {cut, NULL};
	writer->lives++;
	process_start(&writer->process, argv, environment, writer->output);
}

/* Starts again whoever was killed; true when all have ended well. */
static bool all_ended(void *context)
{
	struct race *race = context;
	int ended = 0;
	for (int i = 0; i < WRITERS; i++) {
		struct writer *writer = &race->writers[i];
		if (!process_ended(&writer->process))
			continue;
		if (WIFSIGNALED(writer->process.status)) {
			assert_int_equal(WTERMSIG(writer->process.status), SIGKILL);
			start_writer(race, writer);
		} else {
			assert_int_equal(WEXITSTATUS(writer->process.status), 0);
			ended++;
		}
	}
	return ended == WRITERS;
}

/* What the log holds, as counted here without any code of a projection. */
struct tally {
	int versions[AGGREGATES];
	int carried_out[WRITERS][COMMANDS];
};

static bool tally_position(void *context, struct projection_position *out, struct error *error)
{
	(void)context;
	(void)error;
	*out = (struct projection_position){0};
	return true;
}

static bool tally_nothing(void *context, struct error *error)
{
	(void)context;
	(void)error;
	return true;
}

static long number_after(const char *text, const char *word)
{
	const char *place = strstr(text, word);
	assert_non_null(place);
	return strtol(place + strlen(word), NULL, 10);
}

static bool tally_apply(void *context, const struct stored_record *record, struct error *error)
{
	struct tally *tally = context;
	char text[96];
	(void)error;
	snprintf(text, sizeof(text), "%.*s", (int)record->data.size, (const char *)record->data.data);
	long number = number_after(text, "-"), aggregate = number_after(text, " aggregate ");
	assert_int_equal(number_after(text, " version "), ++tally->versions[aggregate]);
	tally->carried_out[text[0] - 'a'][number]++;
	return true;
}

static bool tally_commit(void *context, const struct projection_position *position, struct error *error)
{
	(void)position;
	return tally_nothing(context, error);
}

static bool tally_rebuild(void *context, const char *reason, struct error *error)
{
	(void)context;
	return error_set(error, ERROR_INTERNAL, "%s", reason);
}

static void on_caught_up(void *context)
{
	(void)context;
}

static void on_failed(void *context, const struct error *error)
{
	(void)context;
	fail_msg("%s", error->message);
}

static bool is_caught_up(void *context)
{
	return projection_runner_caught_up(context);
}

static void count_log(struct log_fixture *fixture, struct tally *tally)
{
	const struct projection_store store = {
	    tally_position, tally_nothing, tally_apply, tally_commit, tally_rebuild, tally, 0};
	const struct projection_runner_events events = {.caught_up = on_caught_up, .failed = on_failed};
	struct error error = {0};
	struct projection_runner *runner =
	    projection_runner_start(fixture->connection, &fixture->clock, &store, &events, &error);
	assert_non_null(runner);
	loop_until(&fixture->loop, is_caught_up, runner, PATIENCE_MS, "the whole log");
	projection_runner_stop(runner);
}

static void check_ledger(const struct writer *writer)
{
	bool answered[COMMANDS] = {0};
	char line[64];
	FILE *file = fopen(writer->ledger, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL)
		answered[number_after(line, "-")] = true;
	fclose(file);
	for (int i = 0; i < COMMANDS; i++)
		assert_true(answered[i]);
}

static int conflicts(const struct writer *writer)
{
	char line[256];
	int sum = 0;
	FILE *file = fopen(writer->output, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "conflicts ", strlen("conflicts ")) == 0)
			sum += (int)number_after(line, "conflicts ");
	if (file != NULL)
		fclose(file);
	return sum;
}

static void run_race(const char *cutpoint_or_null, bool kill_server)
{
	struct race race = {
	    .fixture = log_fixture_start(NULL, NULL), .cutpoint = cutpoint_or_null, .folder = cleanup_folder()};
	struct tally tally = {0};
	static const char *const names[WRITERS] = {"a", "b"};
	int found = 0, lives = 0;
	log_fixture_ensure(race.fixture);
	for (int i = 0; i < WRITERS; i++) {
		struct writer *writer = &race.writers[i];
		writer->name = names[i];
		snprintf(writer->ledger, sizeof(writer->ledger), "%s/%s.ledger", race.folder, names[i]);
		snprintf(writer->output, sizeof(writer->output), "%s/%s.out", race.folder, names[i]);
		start_writer(&race, writer);
	}
	for (int kills = 0; kill_server && kills < 3; kills++) {
		uint64_t goal = log_fixture_info(race.fixture).last_seq + 20;
		while (goal <= RECORDS && log_fixture_info(race.fixture).last_seq < goal)
			all_ended(&race);
		nats_server_restart(race.fixture->server);
	}
	loop_until(&race.fixture->loop, all_ended, &race, 3 * PATIENCE_MS, "both writers");
	count_log(race.fixture, &tally);
	for (int i = 0; i < WRITERS; i++) {
		check_ledger(&race.writers[i]);
		for (int number = 0; number < COMMANDS; number++)
			assert_int_equal(tally.carried_out[i][number], 1);
		found += conflicts(&race.writers[i]);
		lives += race.writers[i].lives;
	}
	print_message("%d lives, %d conflicts\n", lives, found);
	assert_true(cutpoint_or_null != NULL ? lives > WRITERS : found > 0);
	log_fixture_stop(race.fixture);
}

static void two_writers_race(void **state)
{
	(void)state;
	run_race(NULL, false);
}

static void two_writers_race_under_a_server_that_is_killed(void **state)
{
	(void)state;
	run_race(NULL, true);
}

static void two_writers_race_and_die_before_the_append(void **state)
{
	(void)state;
	run_race(cutpoint_name(CUTPOINT_CONTROLLER_BEFORE_APPEND), false);
}

static void two_writers_race_and_die_with_the_append_sent(void **state)
{
	(void)state;
	run_race(cutpoint_name(CUTPOINT_CONTROLLER_APPEND_SENT), false);
}

static void two_writers_race_and_die_with_the_append_acknowledged(void **state)
{
	(void)state;
	run_race(cutpoint_name(CUTPOINT_CONTROLLER_APPEND_ACKNOWLEDGED), false);
}

static void two_writers_race_and_die_under_a_server_that_is_killed(void **state)
{
	(void)state;
	run_race(cutpoint_name(CUTPOINT_CONTROLLER_APPEND_SENT), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(two_writers_race),
	    cmocka_unit_test(two_writers_race_under_a_server_that_is_killed),
	    cmocka_unit_test(two_writers_race_and_die_before_the_append),
	    cmocka_unit_test(two_writers_race_and_die_with_the_append_sent),
	    cmocka_unit_test(two_writers_race_and_die_with_the_append_acknowledged),
	    cmocka_unit_test(two_writers_race_and_die_under_a_server_that_is_killed),
	};
	return cmocka_run_group_tests_name("racing writers", tests, NULL, NULL);
}
