/* The logs that a node keeps: bounded, in order, each line once, over rotation, restarts and full disks. */
#include "nodeagent/logs/logs.h"

#include "tests/unit/cmocka_all.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = 16 * 1024 };

struct fixture {
	char folder[256];
	char path[300];
	struct arena *arena;
	struct log_file *file;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *parent = getenv("TMPDIR");
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/roost-logs-XXXXXX", parent ? parent : "/tmp");
	assert_non_null(mkdtemp(fixture->folder));
	snprintf(fixture->path, sizeof(fixture->path), "%s/a.log", fixture->folder);
	fixture->arena = arena_new();
	fixture->file = log_file_open(fixture->path, SIZE);
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;
	log_file_remove(fixture->file);
	log_file_close(fixture->file);
	arena_free(fixture->arena);
	assert_int_equal(rmdir(fixture->folder), 0);
	free(fixture);
	return 0;
}

static bool append(struct fixture *fixture, const char *text)
{
	struct log_line line = {.at_ms = 1790000000000, .level = LOG_LINE_INFO, .step = "clone", .text = text};
	return log_file_append(fixture->file, &line);
}

static void append_number(struct fixture *fixture, int number)
{
	char text[32];
	snprintf(text, sizeof(text), "line %d", number);
	assert_true(append(fixture, text));
}

static size_t read_some(struct fixture *fixture, struct log_cursor *cursor, size_t most, struct log_line **lines)
{
	return log_file_read(fixture->file, cursor, most, 1024 * 1024, fixture->arena, lines);
}

static void reopen(struct fixture *fixture)
{
	log_file_close(fixture->file);
	fixture->file = log_file_open(fixture->path, SIZE);
}

static void lines_come_back_as_they_were(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	struct log_line odd = {.at_ms = 5, .level = LOG_LINE_ERROR, .step = "two words", .text = "  a  b "};
	append(fixture, "first");
	log_file_append(fixture->file, &odd);
	append(fixture, "");
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 3);
	assert_string_equal(lines[0].text, "first");
	assert_string_equal(lines[0].step, "clone");
	assert_string_equal(lines[1].text, "  a  b ");
	assert_string_equal(lines[1].step, "two_words");
	assert_int_equal(lines[1].level, LOG_LINE_ERROR);
	assert_int_equal(lines[1].at_ms, 5);
	assert_string_equal(lines[2].text, "");
	assert_int_equal(lines[2].number, lines[0].number + 2);
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 0);
}

/* What cannot be shown, or acts on a terminal, or is too long, is made one clean line. */
static void any_bytes_become_one_clean_line(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	char long_text[3 * LOG_LINE_BYTES_MAX];
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = 0;
	memcpy(long_text + LOG_LINE_BYTES_MAX - 2, "\xe2\x82\xac", 3);
	append(fixture, "a\nb\x1b[31m\xff\xc3\x28 caf\xc3\xa9");
	append(fixture, long_text);
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 2);
	assert_string_equal(lines[0].text, "a b [31m\xef\xbf\xbd\xef\xbf\xbd( caf\xc3\xa9");
	assert_int_equal(strlen(lines[1].text), LOG_LINE_BYTES_MAX - 2);
}

static void repetitions_are_one_line_with_a_count(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	assert_true(append(fixture, "again"));
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 1);
	for (int i = 0; i < 99; i++)
		assert_false(append(fixture, "again"));
	reopen(fixture);
	assert_false(append(fixture, "again"));
	append(fixture, "other");
	/* Who had seen it hears of the count with the next line. */
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 2);
	assert_int_equal(lines[0].count, 101);
	assert_string_equal(lines[1].text, "other");
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 0);
}

/* Whoever reads page by page, over rotations and restarts, gets each line once and in order. */
static void a_reader_misses_nothing_that_is_kept(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	int seen = 0;
	for (int i = 0; i < 2000; i++) {
		struct log_line *lines = NULL;
		append_number(fixture, i);
		if (i % 7 != 0)
			continue;
		if (i % 63 == 0)
			reopen(fixture);
		for (size_t count = 0; (count = read_some(fixture, &cursor, 3, &lines)) > 0;)
			for (size_t k = 0; k < count; k++) {
				char expected[32];
				snprintf(expected, sizeof(expected), "line %d", seen++);
				assert_string_equal(lines[k].text, expected);
			}
		arena_reset(fixture->arena);
	}
	assert_true(seen > 1990);
}

static void a_log_stays_below_its_size(void **state)
{
	struct fixture *fixture = *state;
	struct stat newer, older;
	char old_path[400];
	for (int i = 0; i < 5000; i++)
		append_number(fixture, i);
	snprintf(old_path, sizeof(old_path), "%s.old", fixture->path);
	assert_int_equal(stat(fixture->path, &newer), 0);
	assert_int_equal(stat(old_path, &older), 0);
	assert_true(newer.st_size + older.st_size <= SIZE);
	assert_true(older.st_size > SIZE / 2 - 100);
}

/* A cursor that is too old, and one of a log that was deleted, are told what they missed. */
static void lost_lines_are_said_to_be_lost(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	append_number(fixture, 0);
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 1);
	struct log_cursor early = cursor;
	for (int i = 1; i < 3000; i++)
		append_number(fixture, i);
	assert_int_equal(read_some(fixture, &cursor, 1, &lines), 2);
	assert_string_equal(lines[0].text, "Earlier lines are not kept any more.");
	assert_int_equal(lines[0].level, LOG_LINE_WARNING);
	assert_int_equal(read_some(fixture, &cursor, 1, &lines), 1);
	assert_true(strncmp(lines[0].text, "line ", 5) == 0);
	log_file_remove(fixture->file);
	early.number += 100000;
	append_number(fixture, 0);
	assert_int_equal(read_some(fixture, &early, 10, &lines), 2);
	assert_string_equal(lines[1].text, "line 0");
}

/* A crash in the middle of a write costs that line only. */
static void a_cut_line_is_cut_off(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	append_number(fixture, 0);
	int fd = open(fixture->path, O_WRONLY | O_APPEND | O_CLOEXEC);
	assert_int_equal(write(fd, "00000000000000000001 17900", 26), 26);
	close(fd);
	reopen(fixture);
	append_number(fixture, 1);
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 2);
	assert_string_equal(lines[1].text, "line 1");
}

/* A crash between the two halves of a rotation: what repeats the older half's last line is a line of its own. */
static void a_rotation_that_was_cut_loses_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	char old_path[400];
	append(fixture, "first");
	append(fixture, "last");
	snprintf(old_path, sizeof(old_path), "%s.old", fixture->path);
	assert_int_equal(rename(fixture->path, old_path), 0);
	reopen(fixture);
	assert_true(append(fixture, "last"));
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 3);
	assert_string_equal(lines[2].text, "last");
	assert_int_equal(lines[2].number, lines[0].number + 2);
	assert_int_equal(lines[1].count, 1);
}

/* A disk without room costs lines, and says how many. */
static void what_could_not_be_written_is_counted(void **state)
{
	struct fixture *fixture = *state;
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	struct rlimit former, none;
	append_number(fixture, 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &former);
	none = former;
	none.rlim_cur = 70;
	setrlimit(RLIMIT_FSIZE, &none);
	for (int i = 0; i < 5; i++)
		assert_false(append(fixture, i % 2 ? "lost" : "lost too"));
	setrlimit(RLIMIT_FSIZE, &former);
	append_number(fixture, 1);
	assert_int_equal(read_some(fixture, &cursor, 10, &lines), 3);
	assert_string_equal(lines[1].text, "5 lines could not be written.");
	assert_string_equal(lines[2].text, "line 1");
}

static void cursors_are_checked(void **state)
{
	struct fixture *fixture = *state;
	static const char *const bad[] = {"x", "1", "1.2.3", "1.2.3.4x", "-1 2 3 4", "1.2.3.", "../../etc"};
	struct log_cursor cursor = {7, 3, 2, 99};
	struct log_cursor read;
	assert_true(log_cursor_parse(log_cursor_text(&cursor, fixture->arena), &read));
	assert_true(read.number == 7 && read.count == 3 && read.first == 2 && read.offset == 99);
	assert_true(log_cursor_parse(NULL, &read) && log_cursor_parse("", &read));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(log_cursor_parse(bad[i], &read));
	/* One that was made up leads nowhere bad. */
	struct log_line *lines = NULL;
	append_number(fixture, 0);
	struct log_cursor made_up = {log_file_next(fixture->file) - 1, 0, log_file_next(fixture->file) - 1, 17};
	assert_true(read_some(fixture, &made_up, 10, &lines) <= 1);
}

/* --- waiting --- */

struct waiting {
	uv_loop_t loop;
	struct logs *logs;
	int ready;
	int worked;
	int closed;
};

static void on_ready(void *context)
{
	((struct waiting *)context)->ready++;
}

static void on_closed(void *context)
{
	((struct waiting *)context)->closed++;
}

static void write_from_a_worker(uv_work_t *work)
{
	struct waiting *waiting = work->data;
	for (int i = 0; i < 100; i++) {
		char text[32];
		snprintf(text, sizeof(text), "line %d", i);
		logs_write(waiting->logs, "", LOG_LINE_INFO, "", text);
	}
}

static void worked(uv_work_t *work, int status)
{
	(void)status;
	((struct waiting *)work->data)->worked++;
}

static void who_waits_is_woken_by_a_line_or_the_time(void **state)
{
	struct fixture *fixture = *state;
	struct waiting waiting = {.ready = 0};
	struct log_cursor cursor = {0};
	struct log_line *lines = NULL;
	uint64_t seen = 0;
	uv_work_t work = {.data = &waiting};
	uv_loop_init(&waiting.loop);
	waiting.logs = logs_open(&waiting.loop, fixture->folder, SIZE);
	assert_int_equal(logs_read(waiting.logs, "", &cursor, 10, 1024, fixture->arena, &lines, &seen), 0);
	assert_true(logs_wait(waiting.logs, "", seen, 60000, on_ready, &waiting));
	assert_true(logs_wait(waiting.logs, "other", 0, 20, on_ready, &waiting));
	uv_queue_work(&waiting.loop, &work, write_from_a_worker, worked);
	while (waiting.ready < 2 || !waiting.worked)
		uv_run(&waiting.loop, UV_RUN_ONCE);
	assert_true(logs_read(waiting.logs, "", &cursor, 1000, 1024 * 1024, fixture->arena, &lines, &seen) >= 1);
	/* A line that came between the read and the wait is not slept through. */
	logs_write(waiting.logs, "other", LOG_LINE_INFO, "", "quick");
	assert_true(logs_wait(waiting.logs, "other", 0, 60000, on_ready, &waiting));
	while (waiting.ready < 3)
		uv_run(&waiting.loop, UV_RUN_ONCE);
	assert_true(logs_wait(waiting.logs, "other", 1, 60000, on_ready, &waiting));
	logs_remove(waiting.logs, "");
	logs_remove(waiting.logs, "other");
	logs_close(waiting.logs, on_closed, &waiting);
	uv_run(&waiting.loop, UV_RUN_DEFAULT);
	assert_int_equal(waiting.ready, 4);
	assert_int_equal(waiting.closed, 1);
	assert_int_equal(uv_loop_close(&waiting.loop), 0);
}

#define log_test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    log_test(lines_come_back_as_they_were),
	    log_test(any_bytes_become_one_clean_line),
	    log_test(repetitions_are_one_line_with_a_count),
	    log_test(a_reader_misses_nothing_that_is_kept),
	    log_test(a_log_stays_below_its_size),
	    log_test(lost_lines_are_said_to_be_lost),
	    log_test(a_cut_line_is_cut_off),
	    log_test(a_rotation_that_was_cut_loses_nothing),
	    log_test(what_could_not_be_written_is_counted),
	    log_test(cursors_are_checked),
	    log_test(who_waits_is_woken_by_a_line_or_the_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
