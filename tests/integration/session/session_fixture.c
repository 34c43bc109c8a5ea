/* The fixture of all tests of session hosts. */
#include "tests/integration/session/session_fixture.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "nodeagent/session/folder.h"
#include "tests/support/loop.h"
#include "tests/unit/cmocka_all.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- hosts that are left behind ---- */

static void kill_hosts(const char *sessions)
{
	struct error error;
	DIR *directory = opendir(sessions);
	if (directory == NULL)
		return;
	const struct dirent *entry;
	while ((entry = readdir(directory)) != NULL) {
		char path[600];
		snprintf(path, sizeof(path), "%s/%s", sessions, entry->d_name);
		int folder = entry->d_name[0] == '.' ? -1 : folder_open(path, &error);
		if (folder < 0)
			continue;
		folder_kill_holder(folder);
		close(folder);
	}
	closedir(directory);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)status;
	(void)kind;
	(void)place;
	remove(path);
	return 0;
}

/* Hosts first: they are found by their folders. */
static void remove_sessions(const char *root, const char *sessions)
{
	kill_hosts(sessions);
	nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A process that outlives a test which dies, and cleans up behind it. */
static void start_janitor(const char *root, const char *sessions)
{
	int alive[2];
	if (pipe(alive) != 0)
		fail_msg("pipe: %s", strerror(errno));
	pid_t pid = fork();
	if (pid == 0) {
		char byte;
		close(alive[1]);
		setsid();
		while (read(alive[0], &byte, 1) < 0 && errno == EINTR)
			;
		remove_sessions(root, sessions);
		_exit(0);
	}
	close(alive[0]);
	fcntl(alive[1], F_SETFD, FD_CLOEXEC);
}

/* ---- notes ---- */

struct note *fixture_note(struct fixture *fixture, const char *id)
{
	for (int i = 0; i < fixture->note_count; i++)
		if (strcmp(fixture->notes[i].id, id) == 0)
			return &fixture->notes[i];
	assert_true(fixture->note_count < NOTES_MAX);
	struct note *note = &fixture->notes[fixture->note_count++];
	*note = (struct note){0};
	snprintf(note->id, sizeof(note->id), "%s", id);
	return note;
}

static void on_running(void *context, const char *id, int program_pid)
{
	struct note *note = fixture_note(context, id);
	note->running_told++;
	note->program_pid = program_pid;
}

static void on_ended(void *context, const char *id, const struct session_end *end)
{
	struct note *note = fixture_note(context, id);
	note->ended_told++;
	note->end = *end;
	snprintf(note->message, sizeof(note->message), "%s", end->message);
	snprintf(note->detail, sizeof(note->detail), "%s", end->detail);
}

/* ---- opening and closing ---- */

void fixture_open_client(struct fixture *fixture)
{
	struct error error;
	struct session_client_options options = {
	    .loop = &fixture->loop,
	    .folder = fixture->folder,
	    .host_program = SESSIONHOST_PROGRAM,
	    .cgroup = fixture->cgroup,
	    .callbacks = {.on_running = on_running, .on_ended = on_ended, .context = fixture},
	};
	fixture->client = session_client_open(&options, &error);
	if (fixture->client == NULL)
		fail_msg("%s", error.message);
}

static void on_closed(void *context)
{
	*(bool *)context = true;
}

void fixture_close_client(struct fixture *fixture)
{
	bool closed = false;
	if (fixture->client == NULL)
		return;
	session_client_close(fixture->client, on_closed, &closed);
	fixture->client = NULL;
	loop_until_true(&fixture->loop, &closed, "the client to close");
}

int fixture_open(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	const char *temporary = getenv("TMPDIR");
	snprintf(fixture->root, sizeof(fixture->root), "%s/roost-sessions.XXXXXX",
		 temporary == NULL ? "/tmp" : temporary);
	if (mkdtemp(fixture->root) == NULL)
		fail_msg("%s: %s", fixture->root, strerror(errno));
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/sessions", fixture->root);
	mkdir(fixture->folder, 0700);
	start_janitor(fixture->root, fixture->folder);
	uv_loop_init(&fixture->loop);
	fixture_open_client(fixture);
	*state = fixture;
	return 0;
}

int fixture_close(void **state)
{
	struct fixture *fixture = *state;
	fixture_close_client(fixture);
	loop_finish(&fixture->loop);
	remove_sessions(fixture->root, fixture->folder);
	free(fixture);
	return 0;
}

/* ---- starting ---- */

const char *fixture_id(void)
{
	static struct ulid ids[NOTES_MAX];
	static int count;
	ids[count % NOTES_MAX] = ulid_new(clock_wall_ms());
	return ids[count++ % NOTES_MAX].text;
}

static bool runs_or_ended(void *context)
{
	const struct note *note = context;
	return note->running_told > 0 || note->ended_told > 0;
}

static bool has_ended(void *context)
{
	return ((const struct note *)context)->ended_told > 0;
}

void fixture_wait_running(struct fixture *fixture, const char *id)
{
	struct note *note = fixture_note(fixture, id);
	loop_until(&fixture->loop, runs_or_ended, note, PATIENCE_MS, "the session to run");
	if (note->running_told == 0 && !note->end.started)
		fail_msg("it did not start: %s (%s)", note->message, note->detail);
}

const struct note *fixture_wait_ended(struct fixture *fixture, const char *id)
{
	struct note *note = fixture_note(fixture, id);
	loop_until(&fixture->loop, has_ended, note, PATIENCE_MS, "the session to end");
	return note;
}

const char *fixture_start(struct fixture *fixture, const char *const *argv)
{
	static const char *const env[] = {"PATH=/usr/bin:/bin", "PS1=$ ", "LC_ALL=C.UTF-8", NULL};
	const char *id = fixture_id();
	struct error error;
	struct session_start start = {.session_id = id, .argv = argv, .env = env};
	if (!session_start(fixture->client, &start, &error))
		fail_msg("%s", error.message);
	fixture_wait_running(fixture, id);
	return id;
}

const char *fixture_start_script(struct fixture *fixture, const char *script)
{
	const char *argv[] = {"sh", "-c", script, NULL};
	return fixture_start(fixture, argv);
}

/* ---- asking ---- */

struct answer {
	bool done;
	enum error_code code;
	char *text;
};

static void on_done(void *context, const struct error *error)
{
	struct answer *answer = context;
	answer->done = true;
	answer->code = error == NULL ? ERROR_NONE : error->code;
}

static void on_text(void *context, const char *text, const struct error *error)
{
	struct answer *answer = context;
	on_done(context, error);
	answer->text = text == NULL ? NULL : strdup(text);
}

static enum error_code wait_for(struct fixture *fixture, struct answer *answer)
{
	assert_false(answer->done); /* never from inside the call */
	loop_until_true(&fixture->loop, &answer->done, "an answer");
	return answer->code;
}

enum error_code fixture_input_bytes(struct fixture *fixture, const char *id, const char *input_id, const void *data,
				    size_t size)
{
	struct answer answer = {0};
	session_input(fixture->client, id, input_id, data, size, on_done, &answer);
	return wait_for(fixture, &answer);
}

enum error_code fixture_input(struct fixture *fixture, const char *id, const char *input_id, const char *text)
{
	return fixture_input_bytes(fixture, id, input_id, text, strlen(text));
}

enum error_code fixture_resize(struct fixture *fixture, const char *id, uint32_t cols, uint32_t rows)
{
	struct answer answer = {0};
	session_resize(fixture->client, id, cols, rows, on_done, &answer);
	return wait_for(fixture, &answer);
}

enum error_code fixture_stop(struct fixture *fixture, const char *id, uint32_t grace_ms)
{
	struct answer answer = {0};
	session_stop(fixture->client, id, grace_ms, on_done, &answer);
	return wait_for(fixture, &answer);
}

const char *fixture_text(struct fixture *fixture, const char *id, uint32_t lines, enum error_code *code)
{
	static char *text;
	struct answer answer = {0};
	session_text(fixture->client, id, lines, on_text, &answer);
	*code = wait_for(fixture, &answer);
	free(text);
	text = answer.text;
	return text;
}

static void wait_text(struct fixture *fixture, const char *id, const char *expected, bool whole)
{
	int64_t deadline = clock_monotonic_ms() + PATIENCE_MS;
	enum error_code code;
	const char *text;
	do {
		text = fixture_text(fixture, id, 0, &code);
		if (text != NULL && (whole ? strcmp(text, expected) == 0 : strstr(text, expected) != NULL))
			return;
	} while (clock_monotonic_ms() < deadline);
	fail_msg("the screen never showed \"%s\" but \"%s\"", expected, text == NULL ? "nothing" : text);
}

void fixture_wait_text(struct fixture *fixture, const char *id, const char *part)
{
	wait_text(fixture, id, part, false);
}

void fixture_wait_exact_text(struct fixture *fixture, const char *id, const char *text)
{
	wait_text(fixture, id, text, true);
}

/* ---- the machine's view ---- */

const char *fixture_path(const struct fixture *fixture, const char *id, const char *name)
{
	static char path[600];
	snprintf(path, sizeof(path), "%s/%s/%s", fixture->folder, id, name);
	return path;
}

pid_t fixture_host_pid(const struct fixture *fixture, const char *id)
{
	int pid = 0;
	FILE *file = fopen(fixture_path(fixture, id, "lock"), "r");
	assert_non_null(file);
	assert_int_equal(fscanf(file, "%d", &pid), 1);
	fclose(file);
	return pid;
}

bool process_lives(pid_t pid)
{
	char path[64], name[64], status;
	int number;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	int fields = fscanf(file, "%d %63s %c", &number, name, &status);
	fclose(file);
	return fields == 3 && status != 'Z' && status != 'X';
}

static bool is_gone(void *context)
{
	return !process_lives(*(pid_t *)context);
}

void wait_process_gone(pid_t pid)
{
	wait_until(is_gone, &pid, PATIENCE_MS, "a process to end");
}

/* ---- raw connections ---- */

void raw_open(struct raw *raw, const struct fixture *fixture, const char *id)
{
	struct error error;
	int folder = folder_open(fixture_path(fixture, id, "."), &error);
	*raw = (struct raw){.fd = folder_connect(folder, FOLDER_SOCKET, &error), .arena = arena_new()};
	close(folder);
	if (raw->fd < 0)
		fail_msg("%s", error.message);
}

void raw_close(struct raw *raw)
{
	close(raw->fd);
	frame_reader_free(&raw->reader);
	arena_free(raw->arena);
}

void raw_send(struct raw *raw, const Roost__HostRequest *request)
{
	struct frame_writer writer = {0};
	size_t size;
	assert_true(frame_writer_add(&writer, &request->base));
	const unsigned char *data = frame_writer_pending(&writer, &size);
	assert_int_equal(send(raw->fd, data, size, MSG_NOSIGNAL), size);
	frame_writer_free(&writer);
}

void raw_follow(struct raw *raw, uint64_t offset)
{
	Roost__HostFollow follow = ROOST__HOST_FOLLOW__INIT;
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	follow.has_offset = true;
	follow.offset = offset;
	request.has_id = true;
	request.id = 1;
	request.request_case = ROOST__HOST_REQUEST__REQUEST_FOLLOW;
	request.follow = &follow;
	raw_send(raw, &request);
}

const Roost__HostAnswer *raw_next(struct raw *raw)
{
	ProtobufCMessage *message;
	arena_reset(raw->arena);
	for (;;) {
		enum frame_result result =
		    frame_reader_next(&raw->reader, &roost__host_answer__descriptor, raw->arena, &message);
		assert_int_not_equal(result, FRAME_BROKEN);
		if (result == FRAME_READY)
			return (const Roost__HostAnswer *)message;
		unsigned char data[64 * 1024];
		struct pollfd ready = {.fd = raw->fd, .events = POLLIN};
		if (poll(&ready, 1, PATIENCE_MS) != 1)
			fail_msg("the session host said nothing");
		ssize_t size = recv(raw->fd, data, sizeof(data), MSG_DONTWAIT);
		if (size <= 0)
			return NULL;
		frame_reader_add(&raw->reader, data, (size_t)size);
	}
}
