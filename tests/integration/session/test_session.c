/* What a person does with sessions: starting, typing, looking, stopping. Real ptys, real programs. */
#include "nodeagent/session/folder.h"
#include "tests/integration/session/session_fixture.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const shell[] = {"bash", "--norc", "--noprofile", NULL};

/* S0-14: a session is started in a workspace and shows that it runs; S0-29's text is not a buffer but the screen. */
static void what_is_typed_comes_back_on_the_screen(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start(fixture, shell);
	assert_true(session_alive(fixture->client, id));
	assert_true(process_lives(fixture_note(fixture, id)->program_pid));
	assert_int_equal(fixture_input(fixture, id, "one", "echo $((6 * 7)) $TERM\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "\n42 xterm-256color\n");
	assert_int_equal(fixture_input(fixture, id, "two", "exit 7\r"), ERROR_NONE);
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_true(note->end.started && !note->end.unexpected);
	assert_int_equal(note->end.exit_code, 7);
	assert_int_equal(note->running_told, 1);
	assert_int_equal(note->ended_told, 1);
	assert_false(session_alive(fixture->client, id));
}

static void an_input_id_is_typed_once(void **state)
{
	struct fixture *fixture = *state;
	const char *id =
	    fixture_start_script(fixture, "stty -echo; echo ready; while read line; do echo \"<$line>\"; done");
	fixture_wait_text(fixture, id, "ready");
	assert_int_equal(fixture_input(fixture, id, "a", "first\r"), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "a", "first\r"), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "b", "second\r"), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "a", "first\r"), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "c", "third\r"), ERROR_NONE);
	fixture_wait_exact_text(fixture, id, "ready\n<first>\n<second>\n<third>\n");
}

static void rubbish_as_input_is_refused_with_a_reason(void **state)
{
	struct fixture *fixture = *state;
	static char much[INT16_MAX * 3];
	const char *id = fixture_start(fixture, shell);
	assert_int_equal(fixture_input(fixture, id, "", "x"), ERROR_INVALID_ARGUMENT);
	assert_int_equal(fixture_input(fixture, id, "a", ""), ERROR_INVALID_ARGUMENT);
	assert_int_equal(fixture_input_bytes(fixture, id, "a", much, sizeof(much)), ERROR_PAYLOAD_TOO_LARGE);
	assert_int_equal(fixture_input(fixture, fixture_id(), "a", "x"), ERROR_SESSION_NOT_FOUND);
	assert_int_equal(fixture_input(fixture, "../etc", "a", "x"), ERROR_INVALID_ARGUMENT);
	assert_int_equal(fixture_resize(fixture, id, 0, 10), ERROR_INVALID_ARGUMENT);
	assert_int_equal(fixture_resize(fixture, id, 80, 1001), ERROR_INVALID_ARGUMENT);
	assert_true(session_alive(fixture->client, id));
}

/* S0-16: two sessions side by side, each on its own; S0-17: stopping one leaves nothing of it and the
 * other alone. */
static void two_sessions_do_not_know_each_other(void **state)
{
	struct fixture *fixture = *state;
	const char *one = fixture_start(fixture, shell);
	const char *two = fixture_start(fixture, shell);
	assert_int_equal(session_count(fixture->client), 2);
	assert_int_equal(fixture_input(fixture, one, "i", "name=one; sleep 1000 & echo here is $name\r"), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, two, "i", "echo here is ${name-nobody}\r"), ERROR_NONE);
	fixture_wait_text(fixture, one, "\nhere is one\n");
	fixture_wait_text(fixture, two, "\nhere is nobody\n");
	pid_t host = fixture_host_pid(fixture, one);
	pid_t program = fixture_note(fixture, one)->program_pid;
	assert_int_equal(fixture_stop(fixture, one, 5000), ERROR_NONE);
	const struct note *note = fixture_wait_ended(fixture, one);
	assert_int_equal(note->end.exit_code, 128 + SIGHUP);
	wait_process_gone(program);
	wait_process_gone(host);
	assert_int_equal(fixture_input(fixture, two, "j", "echo still $((1 + 1))\r"), ERROR_NONE);
	fixture_wait_text(fixture, two, "\nstill 2\n");
	assert_int_equal(session_count(fixture->client), 1);
}

static void a_program_deaf_to_signals_is_killed_after_the_grace(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "trap '' HUP TERM INT; echo deaf; while read line; do :; done");
	fixture_wait_text(fixture, id, "deaf");
	pid_t program = fixture_note(fixture, id)->program_pid;
	assert_int_equal(fixture_stop(fixture, id, 200), ERROR_NONE);
	assert_int_equal(fixture_wait_ended(fixture, id)->end.exit_code, 128 + SIGKILL);
	wait_process_gone(program);
}

static void the_end_tells_exit_codes_and_signals(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		const char *script;
		int code;
	} ends[] = {
	    {"exit 0", 0}, {"exit 255", 255}, {"kill -TERM $$", 143}, {"kill -SEGV $$", 139}, {"kill -9 $$", 137}};
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		const char *id = fixture_id();
		const char *argv[] = {"sh", "-c", ends[i].script, NULL};
		struct session_start start = {.session_id = id, .argv = argv};
		struct error error;
		assert_true(session_start(fixture->client, &start, &error));
		const struct note *note = fixture_wait_ended(fixture, id);
		assert_int_equal(note->end.exit_code, ends[i].code);
		assert_true(note->end.started);
	}
}

static void a_program_that_is_not_there_is_a_failure_with_a_sentence(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_id();
	const char *argv[] = {"no-such-program", NULL};
	struct session_start start = {.session_id = id, .argv = argv};
	struct error error;
	assert_true(session_start(fixture->client, &start, &error));
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_false(note->end.started);
	assert_int_equal(note->running_told, 0);
	assert_string_equal(note->message, "The program was not found in the workspace.");
	const char *directory[] = {"/", NULL};
	start = (struct session_start){.session_id = fixture_id(), .argv = directory};
	assert_true(session_start(fixture->client, &start, &error));
	assert_string_equal(fixture_wait_ended(fixture, start.session_id)->message, "The program may not be executed.");
	assert_false(session_start(fixture->client, &start, &error));
	assert_int_equal(error.code, ERROR_CONFLICT);
	const char *nothing[] = {NULL};
	start = (struct session_start){.session_id = fixture_id(), .argv = nothing};
	assert_false(session_start(fixture->client, &start, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	assert_int_equal(session_count(fixture->client), 0);
}

/* D15: record and last output stay readable; S0-19: never usable again. */
static void an_ended_session_keeps_its_last_output_and_nothing_else(void **state)
{
	struct fixture *fixture = *state;
	enum error_code code;
	const char *id = fixture_start_script(fixture, "seq 1 100; printf 'last words'");
	const struct note *note = fixture_wait_ended(fixture, id);
	assert_int_equal(note->end.exit_code, 0);
	const char *text = fixture_text(fixture, id, 3, &code);
	assert_string_equal(text, "99\n100\nlast words\n");
	text = fixture_text(fixture, id, 0, &code);
	assert_int_equal(strncmp(text, "78\n79\n", 6), 0);
	text = fixture_text(fixture, id, 1000, &code);
	assert_int_equal(strncmp(text, "1\n2\n3\n", 6), 0);
	assert_int_equal(fixture_input(fixture, id, "late", "x"), ERROR_SESSION_NOT_RUNNING);
	assert_int_equal(fixture_resize(fixture, id, 10, 10), ERROR_SESSION_NOT_RUNNING);
	assert_int_equal(fixture_stop(fixture, id, 10), ERROR_SESSION_NOT_RUNNING);
	struct error error;
	assert_true(session_remove(fixture->client, id, &error));
	assert_null(fixture_text(fixture, id, 0, &code));
	assert_int_equal(code, ERROR_SESSION_NOT_FOUND);
}

static void a_living_session_is_not_removed(void **state)
{
	struct fixture *fixture = *state;
	struct error error;
	const char *id = fixture_start(fixture, shell);
	assert_false(session_remove(fixture->client, id, &error));
	assert_int_equal(error.code, ERROR_CONFLICT);
	assert_int_equal(fixture_input(fixture, id, "a", "echo a''live\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "\nalive\n");
}

static void the_program_hears_of_a_new_size(void **state)
{
	struct fixture *fixture = *state;
	const char *id =
	    fixture_start_script(fixture, "trap 'stty size' WINCH; stty size; while :; do read line; done");
	fixture_wait_text(fixture, id, "24 80\n");
	assert_int_equal(fixture_resize(fixture, id, 132, 50), ERROR_NONE);
	fixture_wait_text(fixture, id, "24 80\n50 132\n");
	assert_int_equal(fixture_resize(fixture, id, 1000, 1000), ERROR_NONE);
	fixture_wait_text(fixture, id, "262 1000\n"); /* cut to SESSION_CELLS_MAX */
}

static void a_full_screen_program_is_shown_as_it_looks(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(
	    fixture, "echo before; read a; printf '\\033[?1049h\\033[2J\\033[Htop\\033[24;70Hbottom';"
		     "read b; printf '\\033[?1049l'; echo after; read c");
	fixture_wait_exact_text(fixture, id, "before\n");
	assert_int_equal(fixture_input(fixture, id, "1", "\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "bottom");
	enum error_code code;
	const char *text = fixture_text(fixture, id, 0, &code);
	assert_int_equal(strncmp(text, "top\n\n", 5), 0);
	assert_null(strstr(text, "before"));
	assert_int_equal(fixture_input(fixture, id, "2", "\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "before\n");
	fixture_wait_text(fixture, id, "after\n");
}

static void wide_and_combined_letters_arrive_whole(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "stty -echo; echo ready; read line; echo \"$line|\"; read line");
	fixture_wait_text(fixture, id, "ready");
	const char *letters = "caf\xc3\xa9 e\xcc\x81 \xe6\xbc\xa2\xe5\xad\x97 \xf0\x9f\x91\x8d";
	assert_int_equal(fixture_input(fixture, id, "1", letters), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "2", "\r"), ERROR_NONE);
	char expected[64];
	snprintf(expected, sizeof(expected), "ready\n%s|\n", letters);
	fixture_wait_exact_text(fixture, id, expected);
}

static void a_program_that_asks_its_terminal_gets_an_answer(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(
	    fixture,
	    "stty raw -echo; printf 'abc\\033[6n'; answer=$(head -c 6 | tr '\\033' E); stty sane; echo \"<$answer>\"");
	fixture_wait_ended(fixture, id);
	fixture_wait_text(fixture, id, "<E[1;4R>");
}

static bool screen_has_died(struct fixture *fixture, const char *id)
{
	char log[4096];
	FILE *file = fopen(fixture_path(fixture, id, FOLDER_LOG), "r");
	log[fread(log, 1, sizeof(log) - 1, file)] = '\0';
	fclose(file);
	return strstr(log, "screen process ended") != NULL;
}

/* libvterm 0.1.4 writes through NULL on these bytes, a resize and one more: the screen is lost, the
 * session is not. */
static void output_that_breaks_the_screen_does_not_end_the_session(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(
	    fixture,
	    "stty -echo; echo one; read a; printf '\\033[2;6r\\033[?69h\\033[5;9s\\033[?6h\\033[4h\\033[20Lx"
	    "\\033[9P\\033#8\\033#6\\033M\\033D'; yes line | head -n 120; read a; printf x; read b; echo two; read c");
	fixture_wait_exact_text(fixture, id, "one\n");
	assert_int_equal(fixture_input(fixture, id, "a", "\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "line");
	assert_int_equal(fixture_resize(fixture, id, 1, 1), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "b", "\r"), ERROR_NONE);
	enum error_code code;
	for (int tries = 0; !screen_has_died(fixture, id) && tries < 1000; tries++) {
		fixture_text(fixture, id, 0, &code);
		assert_true(code == ERROR_NONE || code == ERROR_BUSY);
	}
	assert_true(screen_has_died(fixture, id));
	assert_int_equal(fixture_resize(fixture, id, 80, 24), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "c", "\r"), ERROR_NONE);
	fixture_wait_text(fixture, id, "two\n");
	assert_int_equal(fixture_note(fixture, id)->ended_told, 0);
}

/* Drawing may be slow, a thousand columns wide; whoever asks is told to come again, and the screen is kept. */
static void a_screen_that_is_slow_to_draw_is_not_lost(void **state)
{
	struct fixture *fixture = *state;
	const char *id = fixture_start_script(fixture, "stty -echo; echo one; read a; printf '\\033[?1049h'; yes x | "
						       "head -n 100000; printf '\\033[?1049l'; echo two; read b");
	fixture_wait_exact_text(fixture, id, "one\n");
	assert_int_equal(fixture_resize(fixture, id, 1000, 260), ERROR_NONE);
	assert_int_equal(fixture_input(fixture, id, "a", "\r"), ERROR_NONE);
	enum error_code code;
	fixture_text(fixture, id, 0, &code);
	assert_true(code == ERROR_NONE || code == ERROR_BUSY);
	/* nobody waits for the rest */
	assert_int_equal(fixture_stop(fixture, id, 100), ERROR_NONE);
	fixture_wait_ended(fixture, id);
	assert_false(screen_has_died(fixture, id));
}

/* The child that reads slowly holds back who types, and no byte is lost or doubled. */
static void input_waits_for_a_slow_program_and_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	char output[700], script[1000], piece[32 * 1024], input_id[32];
	snprintf(output, sizeof(output), "%s/typed", fixture->folder);
	snprintf(script, sizeof(script), "stty raw -echo; echo ready; kill -STOP $$; exec cat > %s", output);
	const char *id = fixture_start_script(fixture, script);
	fixture_wait_text(fixture, id, "ready");
	size_t accepted = 0;
	enum error_code code = ERROR_NONE;
	for (int i = 0; i < 100 && code == ERROR_NONE; i++) {
		memset(piece, 'a' + i % 26, sizeof(piece));
		snprintf(input_id, sizeof(input_id), "piece %d", i);
		code = fixture_input_bytes(fixture, id, input_id, piece, sizeof(piece));
		accepted += code == ERROR_NONE ? sizeof(piece) : 0;
	}
	assert_int_equal(code, ERROR_BUSY);
	assert_in_range(accepted, 256 * 1024 - sizeof(piece), 512 * 1024);
	kill(fixture_note(fixture, id)->program_pid, SIGCONT);
	size_t size = 0;
	for (int tries = 0; size < accepted && tries < 2000; tries++) {
		loop_for(&fixture->loop, 5);
		FILE *file = fopen(output, "r");
		if (file == NULL)
			continue;
		fseek(file, 0, SEEK_END);
		size = (size_t)ftell(file);
		fclose(file);
	}
	assert_int_equal(size, accepted);
	FILE *file = fopen(output, "r");
	for (size_t i = 0; i < accepted; i++)
		assert_int_equal(fgetc(file), 'a' + (int)(i / sizeof(piece)) % 26);
	fclose(file);
}

#define session_test(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    session_test(what_is_typed_comes_back_on_the_screen),
	    session_test(an_input_id_is_typed_once),
	    session_test(rubbish_as_input_is_refused_with_a_reason),
	    session_test(two_sessions_do_not_know_each_other),
	    session_test(a_program_deaf_to_signals_is_killed_after_the_grace),
	    session_test(the_end_tells_exit_codes_and_signals),
	    session_test(a_program_that_is_not_there_is_a_failure_with_a_sentence),
	    session_test(an_ended_session_keeps_its_last_output_and_nothing_else),
	    session_test(a_living_session_is_not_removed),
	    session_test(the_program_hears_of_a_new_size),
	    session_test(a_full_screen_program_is_shown_as_it_looks),
	    session_test(wide_and_combined_letters_arrive_whole),
	    session_test(a_program_that_asks_its_terminal_gets_an_answer),
	    session_test(output_that_breaks_the_screen_does_not_end_the_session),
	    session_test(a_screen_that_is_slow_to_draw_is_not_lost),
	    session_test(input_waits_for_a_slow_program_and_is_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
