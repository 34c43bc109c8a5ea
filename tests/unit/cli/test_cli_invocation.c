/* From words to an invocation: every verb's rows are sound, and wrong words are named. */
#include "controller/cli/repository.h"
#include "controller/cli/verb.h"
#include "tests/unit/cmocka_all.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WORDS_MAX = 16 };

static const struct verb *verb_named(const char *first, const char *second)
{
	int words;
	const struct verb *verb = verb_find(second == NULL ? 1 : 2, (char *[]){(char *)first, (char *)second}, &words);
	assert_non_null(verb);
	return verb;
}

static bool parse(struct invocation *invocation, const struct verb *verb, const char *const *words, struct error *error)
{
	char *argv[WORDS_MAX];
	int argc = 0;
	for (; words[argc] != NULL; argc++)
		argv[argc] = (char *)words[argc];
	*invocation = (struct invocation){.verb = verb, .arena = arena_new()};
	return invocation_parse(invocation, argc, argv, error);
}

static void refuses(const struct verb *verb, const char *const *words, const char *says)
{
	struct invocation invocation;
	struct error error = {0};
	assert_false(parse(&invocation, verb, words, &error));
	if (strstr(error.message, says) == NULL)
		fail_msg("said \"%s\", not \"%s\"", error.message, says);
	arena_free(invocation.arena);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void every_verb_has_a_row_that_can_be_run_and_explained(void **state)
{
	(void)state;
	for (size_t i = 0; verbs[i] != NULL; i++) {
		const struct verb *verb = verbs[i];
		assert_true((verb->run != NULL) != (verb->run_raw != NULL));
		assert_non_null(verb->arguments);
		assert_true(verb->sentence[strlen(verb->sentence) - 1] == '.');
		assert_true(verb->least <= verb->most);
		assert_ptr_equal(
		    verb_named(verb->noun == NULL ? verb->name : verb->noun, verb->noun == NULL ? NULL : verb->name),
		    verb);
		for (const struct verb_option *option = verb->options; option != NULL && option->name != NULL; option++)
			assert_true(option->sentence[strlen(option->sentence) - 1] == '.');
	}
}

static void words_that_name_no_verb_find_none(void **state)
{
	(void)state;
	int words;
	assert_null(verb_find(0, NULL, &words));
	assert_null(verb_find(1, (char *[]){"workspace"}, &words));
	assert_null(verb_find(2, (char *[]){"workspace", "explode"}, &words));
	assert_null(verb_find(2, (char *[]){"create", "workspace"}, &words));
	assert_null(verb_find(1, (char *[]){""}, &words));
}

static void options_may_stand_anywhere_and_in_both_spellings(void **state)
{
	(void)state;
	struct invocation invocation;
	struct error error;
	assert_true(parse(&invocation, verb_named("workspace", "create"),
			  WORDS("--repo=x", "api", "--branch", "b", "--json", "--env", "A=1", "--env=B=2", "--wait"),
			  &error));
	assert_int_equal(invocation.argument_count, 1);
	assert_string_equal(invocation.arguments[0], "api");
	assert_string_equal(invocation_value(&invocation, "repo"), "x");
	assert_string_equal(invocation_value(&invocation, "branch"), "b");
	assert_string_equal(invocation_value_at(&invocation, "env", 0), "A=1");
	assert_string_equal(invocation_value_at(&invocation, "env", 1), "B=2");
	assert_null(invocation_value_at(&invocation, "env", 2));
	assert_null(invocation_value(&invocation, "image"));
	assert_true(invocation.json && invocation_has(&invocation, "wait"));
	arena_free(invocation.arena);
}

static void everything_after_two_dashes_is_the_sessions_command(void **state)
{
	(void)state;
	struct invocation invocation;
	struct error error;
	assert_true(parse(&invocation, verb_named("session", "start"),
			  WORDS("api", "--label", "l", "--", "sh", "-c", "--help", "--"), &error));
	assert_int_equal(invocation.argument_count, 1);
	assert_int_equal(invocation.command_count, 4);
	assert_string_equal(invocation.command[0], "sh");
	assert_string_equal(invocation.command[3], "--");
	assert_false(invocation.help);
	arena_free(invocation.arena);
}

static void text_that_looks_like_an_option_can_be_sent_after_two_dashes(void **state)
{
	(void)state;
	struct invocation invocation;
	struct error error;
	assert_true(parse(&invocation, verb_named("session", "send"), WORDS("s", "--enter", "--", "--json"), &error));
	assert_int_equal(invocation.argument_count, 2);
	assert_string_equal(invocation.arguments[1], "--json");
	assert_false(invocation.json);
	arena_free(invocation.arena);
}

static void wrong_words_are_named(void **state)
{
	(void)state;
	refuses(verb_named("node", "get"), WORDS("--colour", "x"), "there is no option --colour");
	refuses(verb_named("node", "get"), WORDS("--json=yes", "x"), "--json takes no value");
	refuses(verb_named("node", "get"), WORDS("--json"), "something is missing: <node>");
	refuses(verb_named("node", "get"), WORDS("x", "y"), "\"y\" is too much");
	refuses(verb_named("workspace", "create"), WORDS("x", "--repo"), "--repo needs a value");
	refuses(verb_named("session", "start"), WORDS("x", "bash"), "a command comes after --");
	refuses(verb_named("workspace", "rename"), WORDS("x"), "<workspace> <name>");
}

static void help_needs_nothing_else(void **state)
{
	(void)state;
	struct invocation invocation;
	struct error error;
	assert_true(parse(&invocation, verb_named("workspace", "rename"), WORDS("--help"), &error));
	assert_true(invocation.help);
	arena_free(invocation.arena);
}

static void numbers_are_whole_and_within_bounds(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool good;
		uint32_t value;
	} cases[] = {{"1", true, 1},   {"500", true, 500}, {"0", false, 0},  {"501", false, 0},
		     {"-1", false, 0}, {"", false, 0},	   {"1x", false, 0}, {"99999999999", false, 0}};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct invocation invocation;
		struct error error;
		uint32_t value;
		assert_true(parse(&invocation, verb_named("events", NULL), WORDS("--limit", cases[i].text), &error));
		assert_int_equal(invocation_number(&invocation, "limit", 1, 500, 100, &value, &error), cases[i].good);
		if (cases[i].good)
			assert_int_equal(value, cases[i].value);
		arena_free(invocation.arena);
	}
}

static void a_relative_repository_becomes_absolute_and_others_stay(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	const char *stay[] = {"/srv/x.git",
			      "https://example.org/x.git",
			      "git@example.org:x.git",
			      "ext::sh -c id",
			      "file:///x",
			      "host:../x",
			      ""};
	for (size_t i = 0; i < sizeof(stay) / sizeof(stay[0]); i++)
		assert_string_equal(repository_absolute(stay[i], "/somewhere", arena), stay[i]);
	assert_string_equal(repository_absolute("no/such", "/somewhere", arena), "/somewhere/no/such");
	assert_string_equal(repository_absolute("./a:b", "/somewhere", arena), "/somewhere/./a:b");
	assert_string_equal(repository_absolute("..", "/usr/bin", arena), "/usr");
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_verb_has_a_row_that_can_be_run_and_explained),
	    cmocka_unit_test(words_that_name_no_verb_find_none),
	    cmocka_unit_test(options_may_stand_anywhere_and_in_both_spellings),
	    cmocka_unit_test(everything_after_two_dashes_is_the_sessions_command),
	    cmocka_unit_test(text_that_looks_like_an_option_can_be_sent_after_two_dashes),
	    cmocka_unit_test(wrong_words_are_named),
	    cmocka_unit_test(help_needs_nothing_else),
	    cmocka_unit_test(numbers_are_whole_and_within_bounds),
	    cmocka_unit_test(a_relative_repository_becomes_absolute_and_others_stay),
	};
	return cmocka_run_group_tests_name("cli_invocation", tests, NULL, NULL);
}
