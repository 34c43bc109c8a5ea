/* Subjects: builders against the table in schemas/subjects.def, parsers against rubbish. */
#include "bus/foundation/limits.h"
#include "bus/wire/subject.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NODE "01ARZ3NDEKTSV4RRFFQ69G5FAV"

static const struct {
	const char *constant;
	const char *pattern;
} table[] = {
#define SUBJECT(constant, pattern, kind, sender, listener, payload) {#constant, pattern},
#include "schemas/subjects.def"
#undef SUBJECT
};

static const char *pattern_of(const char *constant)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i].constant, constant) == 0)
			return table[i].pattern;
	fail_msg("%s is not in subjects.def", constant);
	return NULL;
}

/* True when the subject has the pattern's literal tokens, and something in every <place>. */
static bool fits(const char *pattern, const char *subject)
{
	for (;;) {
		size_t want = strcspn(pattern, ".");
		size_t have = strcspn(subject, ".");
		bool open = pattern[0] == '<';
		if (have == 0 || (!open && (have != want || strncmp(pattern, subject, want) != 0)))
			return false;
		if (pattern[want] != subject[have])
			return false;
		if (pattern[want] == '\0')
			return true;
		pattern += want + 1;
		subject += have + 1;
	}
}

static void every_builder_fits_its_row_of_the_table(void **state)
{
	(void)state;
	assert_true(fits(pattern_of("COMMAND"), subject_command("a.b", "node", "list").text));
	assert_true(fits(pattern_of("EVENT"), subject_event("a.b", "owner", "a.b").text));
	assert_true(fits(pattern_of("TAIL"), subject_tail("a", NODE, NULL, "", "node_running").text));
	assert_true(fits(pattern_of("NODE"), subject_node(NODE, "apply").text));
	assert_true(fits(pattern_of("REPORT"), subject_report(NODE).text));
	assert_true(fits(pattern_of("BEAT"), subject_beat(NODE).text));
	assert_string_equal(subject_feed_of_owner("a.b").text, "roost.feed.a=2Eb.>");
	assert_int_equal(strncmp(pattern_of("FEED"), "roost.feed.<owner>.", 19), 0);
	assert_string_equal(subject_tail("a", NULL, "", NULL, "x").text, "roost.tail.a.-.-.-.x");
	assert_string_equal(subject_inbox("a.b", "x.1").text, "_INBOX.a=2Eb.x.1");
}

static void owners_are_escaped_and_come_back(void **state)
{
	(void)state;
	static const struct {
		const char *owner;
		const char *token;
	} cases[] = {
	    {"alice", "alice"},
	    {"a.b", "a=2Eb"},
	    {"_system", "=5Fsystem"},
	    {"-", "=2D"},
	    {"--", "--"},
	    {"a_b-c", "a_b-c"},
	    {"=", "=3D"},
	    {"*", "=2A"},
	    {">", "=3E"},
	    {"\n", "=0A"},
	    {"\xc3\xa9", "=C3=A9"},
	    {" ", "=20"},
	    {"github|42", "github=7C42"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char token[OWNER_TOKEN_MAX];
		char owner[129];
		assert_true(owner_to_token(cases[i].owner, token));
		assert_string_equal(token, cases[i].token);
		assert_true(owner_from_token(token, strlen(token), owner));
		assert_string_equal(owner, cases[i].owner);
	}
}

static void every_byte_comes_back_and_never_ends_a_token(void **state)
{
	(void)state;
	for (int byte = 1; byte < 256; byte++) {
		char owner[] = {(char)byte, 'x', (char)byte, '\0'};
		char token[OWNER_TOKEN_MAX];
		char again[129];
		assert_true(owner_to_token(owner, token));
		assert_null(strpbrk(token, ".*> \t\r\n"));
		assert_true(owner_from_token(token, strlen(token), again));
		assert_string_equal(again, owner);
	}
}

static void an_owner_at_the_limit_fits_everywhere_and_one_above_nowhere(void **state)
{
	(void)state;
	char owner[OWNER_BYTES_MAX + 2];
	char token[OWNER_TOKEN_MAX];
	memset(owner, '.', sizeof(owner));
	owner[OWNER_BYTES_MAX] = '\0';
	assert_true(owner_to_token(owner, token));
	struct event_subject event;
	assert_true(subject_parse_event(subject_event(owner, "owner", owner).text, &event));
	assert_string_equal(event.owner, owner);
	assert_string_equal(event.id, owner);
	owner[OWNER_BYTES_MAX] = '.';
	owner[OWNER_BYTES_MAX + 1] = '\0';
	assert_false(owner_to_token(owner, token));
	assert_false(owner_to_token("", token));
	assert_false(owner_to_token(NULL, token));
}

static void a_token_that_no_owner_gives_is_refused(void **state)
{
	(void)state;
	const char *bad[] = {"",    "_system", "-",   "=",   "=2", "=2e",  "=41",
			     "=00", "a.b",     "a b", "=GG", "a=", "\xc3", "*"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char owner[129];
		assert_false(owner_from_token(bad[i], strlen(bad[i]), owner));
	}
}

static void commands_are_taken_apart(void **state)
{
	(void)state;
	struct command_subject command;
	assert_true(subject_parse_command(subject_command("a.b", "workspace", "create").text, &command));
	assert_string_equal(command.owner, "a.b");
	assert_string_equal(command.resource, "workspace");
	assert_string_equal(command.verb, "create");
	assert_false(command.system);
	const char *bad[] = {"",
			     "roost",
			     "roost.cmd.a.node",
			     "roost.cmd.a.node.list.x",
			     "roost.cmd..node.list",
			     "roost.cmd.a.node.",
			     "roost.cmd.a..list",
			     "roost.cmd._x.node.list",
			     "roost.evt.a.node.list",
			     "Roost.cmd.a.node.list",
			     "roost.cmd.a.node.li st",
			     "roost.cmd.a.node.>",
			     "roost.cmd.a.*.list",
			     "roost.cmd.a.node.list.",
			     ".roost.cmd.a.node.list",
			     "roost.cmd.a.node.abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(subject_parse_command(bad[i], &command));
	assert_false(subject_parse_command(NULL, &command));
}

/* S0-28: nobody's name gives the system's token. */
static void the_systems_commands_are_told_from_those_of_a_user_of_that_name(void **state)
{
	(void)state;
	struct command_subject command;
	assert_string_equal(subject_system_command("sweep", "act").text, "roost.cmd._system.sweep.act");
	assert_true(subject_parse_command("roost.cmd._system.sweep.act", &command));
	assert_true(command.system);
	assert_string_equal(command.owner, SUBJECT_SYSTEM_OWNER);
	assert_true(subject_parse_command(subject_command("_system", "sweep", "act").text, &command));
	assert_false(command.system);
	assert_string_equal(command.owner, "_system");
	assert_false(subject_parse_command("roost.cmd._systems.sweep.act", &command));
}

static void a_subject_of_a_megabyte_is_refused(void **state)
{
	(void)state;
	size_t size = 1024 * 1024;
	char *subject = malloc(size);
	assert_non_null(subject);
	memset(subject, 'a', size - 1);
	subject[size - 1] = '\0';
	memcpy(subject, "roost.cmd.", 10);
	struct command_subject command;
	struct event_subject event;
	struct node_subject node;
	assert_false(subject_parse_command(subject, &command));
	assert_false(subject_parse_event(subject, &event));
	assert_false(subject_parse_node(subject, &node));
	free(subject);
}

static void log_and_feed_subjects_are_taken_apart(void **state)
{
	(void)state;
	struct event_subject event;
	assert_true(subject_parse_event(subject_event("a.b", "node", NODE).text, &event));
	assert_string_equal(event.owner, "a.b");
	assert_string_equal(event.kind, "node");
	assert_string_equal(event.id, NODE);
	assert_true(subject_parse_event("roost.feed.a.task.x", &event));
	assert_false(subject_parse_event("roost.feed.a.>", &event));
	assert_false(subject_parse_event("roost.tail.a.node.x", &event));
	assert_false(subject_parse_event("roost.evt.a.node.x.y", &event));
	assert_false(subject_parse_event("roost.evt.a.kindlongerthanfifteen.x", &event));
}

static void node_subjects_are_taken_apart(void **state)
{
	(void)state;
	struct node_subject node;
	assert_true(subject_parse_node(subject_node(NODE, "apply").text, &node));
	assert_string_equal(node.node, NODE);
	assert_string_equal(node.verb, "apply");
	assert_true(subject_parse_node(subject_report(NODE).text, &node));
	assert_string_equal(node.verb, "");
	assert_true(subject_parse_node(subject_beat(NODE).text, &node));
	const char *bad[] = {"roost.beat.x",	       "roost.beat." NODE ".x",
			     "roost.node." NODE,       "roost.node." NODE ".a.b",
			     "roost.report." NODE "X", "roost.report.../../etc/passwd",
			     "roost.cmd." NODE,	       "roost.node.01arz3ndektsv4rrffq69g5fav.apply"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(subject_parse_node(bad[i], &node));
}

static void only_an_inbox_of_the_commands_owner_may_be_answered(void **state)
{
	(void)state;
	assert_true(subject_reply_allowed("_INBOX.alice.x", "alice"));
	assert_true(subject_reply_allowed("_INBOX.alice.x.1.2", "alice"));
	assert_true(subject_reply_allowed(subject_inbox("a.b", "1").text, "a.b"));
	const char *forged[] = {"",
				"_INBOX.alice",
				"_INBOX.alice.",
				"_INBOX.alicex.1",
				"_INBOX.bob.1",
				"_INBOX.alice.*",
				"_INBOX.alice.>",
				"_INBOX.alice..x",
				"_INBOX.alice.x.",
				"_INBOX.alice.x\r\nPUB",
				"_INBOX.alice.x y",
				"_inbox.alice.x",
				"roost.evt.alice.node.x",
				"$JS.ACK.x",
				"x_INBOX.alice.x"};
	for (size_t i = 0; i < sizeof(forged) / sizeof(forged[0]); i++)
		assert_false(subject_reply_allowed(forged[i], "alice"));
	assert_false(subject_reply_allowed(NULL, "alice"));
	assert_false(subject_reply_allowed("_INBOX..x", ""));
}

/* A wildcard in a built subject would reach others: the process ends instead. */
static void a_builder_ends_the_process_rather_than_build_a_wildcard(void **state)
{
	(void)state;
	const char *bad[] = {">", "*", "a.b", "", " "};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		pid_t child = fork();
		if (child == 0) {
			signal(SIGABRT, SIG_DFL);
			fclose(stderr);
			subject_report(bad[i]);
			_exit(0);
		}
		int status;
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_builder_fits_its_row_of_the_table),
	    cmocka_unit_test(owners_are_escaped_and_come_back),
	    cmocka_unit_test(every_byte_comes_back_and_never_ends_a_token),
	    cmocka_unit_test(an_owner_at_the_limit_fits_everywhere_and_one_above_nowhere),
	    cmocka_unit_test(a_token_that_no_owner_gives_is_refused),
	    cmocka_unit_test(commands_are_taken_apart),
	    cmocka_unit_test(the_systems_commands_are_told_from_those_of_a_user_of_that_name),
	    cmocka_unit_test(a_subject_of_a_megabyte_is_refused),
	    cmocka_unit_test(log_and_feed_subjects_are_taken_apart),
	    cmocka_unit_test(node_subjects_are_taken_apart),
	    cmocka_unit_test(only_an_inbox_of_the_commands_owner_may_be_answered),
	    cmocka_unit_test(a_builder_ends_the_process_rather_than_build_a_wildcard),
	};
	return cmocka_run_group_tests_name("subject", tests, NULL, NULL);
}
