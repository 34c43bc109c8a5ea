/* The option table: where a value comes from, and what a bad one does (S4-07). */
#include "bus/foundation/options.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int forget_environment(void **state)
{
	(void)state;
	for (int option = 0; option < OPTION_COUNT; option++)
		unsetenv(option_variable((enum option)option));
	return 0;
}

static void read_flags(int argc, char **argv)
{
	assert_true(options_read(&argc, argv));
}

static void defaults_come_from_the_table(void **state)
{
	(void)state;
	read_flags(1, (char *[]){"x", NULL});
	assert_string_equal(option_text(OPTION_ROOST_DATA_DIR), "/var/lib/roost");
	assert_string_equal(option_text(OPTION_ROOST_NATS_URL), "");
	assert_int_equal(option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS), 30);
}

static void a_flag_beats_the_environment_which_beats_the_default(void **state)
{
	(void)state;
	setenv("NODE_HEARTBEAT_SECONDS", "7", 1);
	setenv("ROOST_OWNER", "alice", 1);
	read_flags(1, (char *[]){"x", NULL});
	assert_int_equal(option_number(OPTION_NODE_HEARTBEAT_SECONDS), 7);
	assert_string_equal(option_text(OPTION_ROOST_OWNER), "alice");
	read_flags(4, (char *[]){"x", "--node-heartbeat-seconds", "8", "--owner=bob", NULL});
	assert_int_equal(option_number(OPTION_NODE_HEARTBEAT_SECONDS), 8);
	assert_string_equal(option_text(OPTION_ROOST_OWNER), "bob");
}

static void flags_are_taken_out_and_the_rest_stays_in_order(void **state)
{
	(void)state;
	char *argv[] = {"x", "list", "--owner", "bob", "--unknown", "--nats-url=", "--", "--owner", "carol", NULL};
	int argc = 9;
	assert_true(options_read(&argc, argv));
	assert_int_equal(argc, 6);
	const char *left[] = {"x", "list", "--unknown", "--", "--owner", "carol"};
	for (int i = 0; i < argc; i++)
		assert_string_equal(argv[i], left[i]);
	assert_null(argv[argc]);
	assert_string_equal(option_text(OPTION_ROOST_OWNER), "bob");
}

static void a_flag_without_its_value_is_refused(void **state)
{
	(void)state;
	char *argv[] = {"x", "--owner", NULL};
	int argc = 2;
	assert_false(options_read(&argc, argv));
}

/* What is written to standard error while `body` runs. */
static void capture_errors(void (*body)(void), char *out, size_t size)
{
	FILE *file = tmpfile();
	assert_non_null(file);
	fflush(stderr);
	int kept = dup(STDERR_FILENO);
	dup2(fileno(file), STDERR_FILENO);
	body();
	fflush(stderr);
	dup2(kept, STDERR_FILENO);
	close(kept);
	rewind(file);
	out[fread(out, 1, size - 1, file)] = '\0';
	fclose(file);
}

static void read_environment_only(void)
{
	read_flags(1, (char *[]){"x", NULL});
}

/* S4-07, its eight cases: empty, valid, negative, zero, non-numeric, float, trailing unit, too large. */
static void a_bad_number_is_named_with_the_default_that_is_used(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t used;
		bool complains;
	} cases[] = {
	    {"", 30, false},
	    {"45", 45, false},
	    {"-5", 30, true},
	    {"0", 30, true},
	    {"abc", 30, true},
	    {"1.5", 30, true},
	    {"30s", 30, true},
	    {"86401", 30, true},
	    {" 5", 30, true},
	    {"0x10", 30, true},
	    {"99999999999999999999", 30, true},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char said[512];
		setenv("NODE_HEARTBEAT_STALE_SECONDS", cases[i].text, 1);
		capture_errors(read_environment_only, said, sizeof(said));
		assert_int_equal(option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS), cases[i].used);
		if (!cases[i].complains) {
			assert_string_equal(said, "");
			continue;
		}
		assert_non_null(strstr(said, "NODE_HEARTBEAT_STALE_SECONDS"));
		assert_non_null(strstr(said, cases[i].text));
		assert_non_null(strstr(said, "using 30"));
	}
}

static void a_set_value_is_kept_and_a_bad_one_refused(void **state)
{
	(void)state;
	read_flags(1, (char *[]){"x", NULL});
	assert_true(option_set(OPTION_ROOST_DATA_DIR, "/tmp/elsewhere"));
	assert_string_equal(option_text(OPTION_ROOST_DATA_DIR), "/tmp/elsewhere");
	assert_true(option_set(OPTION_WORKSPACE_PIDS, "100"));
	assert_false(option_set(OPTION_WORKSPACE_PIDS, "1"));
	assert_int_equal(option_number(OPTION_WORKSPACE_PIDS), 100);
}

static void every_default_is_within_its_bounds(void **state)
{
	(void)state;
	read_flags(1, (char *[]){"x", NULL});
#define OPTION_TEXT(name, used_by, default_value, sentence)
#define OPTION_NUMBER(name, used_by, unit, minimum, maximum, default_value, sentence)                                  \
	assert_true((default_value) >= (minimum) && (default_value) <= (maximum));                                     \
	assert_int_equal(option_number(OPTION_##name), default_value);
#include "bus/foundation/options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(defaults_come_from_the_table, forget_environment),
	    cmocka_unit_test_setup(a_flag_beats_the_environment_which_beats_the_default, forget_environment),
	    cmocka_unit_test_setup(flags_are_taken_out_and_the_rest_stays_in_order, forget_environment),
	    cmocka_unit_test_setup(a_flag_without_its_value_is_refused, forget_environment),
	    cmocka_unit_test_setup(a_bad_number_is_named_with_the_default_that_is_used, forget_environment),
	    cmocka_unit_test_setup(a_set_value_is_kept_and_a_bad_one_refused, forget_environment),
	    cmocka_unit_test_setup(every_default_is_within_its_bounds, forget_environment),
	};
	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
