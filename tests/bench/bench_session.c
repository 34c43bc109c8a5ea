/* A session host against the pty that it holds: a key and its echo, output by the megabyte, memory.
 * Floors and figures alternate in the same run. usage: bench_session <folder of the programs> */
#include "bus/foundation/clock.h"
#include "nodeagent/session/folder.h"
#include "nodeagent/session/frame.h"
#include "tests/bench/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KEYS = 3000,
	ROUNDS = 3,
	PATIENCE_MS = 60000,
	LINES = 1000000,
	LINE_BYTES = 81, /* 79 letters and what the terminal makes of the end of a line */
	BULK_BYTES = LINES * LINE_BYTES,
};

static const char echo_script[] = "stty raw -echo; printf r; exec cat";
static const char bulk_script[] =
    "stty -echo; printf r; read go; "
    "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678 | head -n 1000000; read end";

static char hosted_folder[256]; /* of the host that runs now, "" without one */

static void end_host(void)
{
	static const char *const files[] = {FOLDER_SPEC, FOLDER_LOCK, FOLDER_SOCKET, FOLDER_LOG, FOLDER_ENDED ".new"};
	struct error error;
	int folder = hosted_folder[0] == '\0' ? -1 : folder_open(hosted_folder, &error);
	if (folder < 0)
		return;
	folder_kill_holder(folder);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(folder, files[i], 0);
	close(folder);
	rmdir(hosted_folder);
	hosted_folder[0] = '\0';
}

static void stop(const char *what)
{
	fprintf(stderr, "bench_session: %s: %s\n", what, strerror(errno));
	end_host();
	exit(1);
}

/* ---- a program at the end of something that passes bytes ---- */

struct line {
	int fd;
	pid_t program; /* of a bare pty */
	bool framed;   /* a session host's socket */
	struct frame_reader reader;
	struct arena *arena;
	uint64_t keys;
};

static void wait_readable(int fd)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	if (poll(&ready, 1, PATIENCE_MS) != 1)
		stop("nothing came");
}

/* Bytes of output that came, at least one. */
static size_t take(struct line *line)
{
	static unsigned char data[256 * 1024];
	for (;;) {
		ProtobufCMessage *message;
		arena_reset(line->arena);
		while (line->framed && frame_reader_next(&line->reader, &roost__host_answer__descriptor, line->arena,
							 &message) == FRAME_READY) {
			const Roost__HostAnswer *answer = (const Roost__HostAnswer *)message;
			if (answer->output != NULL)
				return answer->output->data.len;
			arena_reset(line->arena);
		}
		wait_readable(line->fd);
		ssize_t size = read(line->fd, data, sizeof(data));
		if (size <= 0)
			stop("the program is gone");
		if (!line->framed)
			return (size_t)size;
		frame_reader_add(&line->reader, data, (size_t)size);
	}
}

static void send_request(struct line *line, const Roost__HostRequest *request)
{
	struct frame_writer writer = {0};
	size_t size;
	frame_writer_add(&writer, &request->base);
	const unsigned char *data = frame_writer_pending(&writer, &size);
	if (send(line->fd, data, size, MSG_NOSIGNAL) != (ssize_t)size)
		stop("send");
	frame_writer_free(&writer);
}

static void type(struct line *line, const char *key)
{
	if (!line->framed) {
		if (write(line->fd, key, 1) != 1)
			stop("write");
		return;
	}
	char id[32];
	Roost__HostInput input = ROOST__HOST_INPUT__INIT;
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	snprintf(id, sizeof(id), "%llu", (unsigned long long)++line->keys);
	input.input_id = id;
	input.has_data = true;
	input.data = (ProtobufCBinaryData){.len = 1, .data = (uint8_t *)key};
	request.has_id = true;
	request.id = line->keys;
	request.request_case = ROOST__HOST_REQUEST__REQUEST_INPUT;
	request.input = &input;
	send_request(line, &request);
}

static void open_bare(struct line *line, const char *script)
{
	struct winsize size = {.ws_col = 80, .ws_row = 24};
	*line = (struct line){.arena = arena_new()};
	line->program = forkpty(&line->fd, NULL, NULL, &size);
	if (line->program == 0) {
		execl("/bin/sh", "sh", "-c", script, NULL);
		_exit(127);
	}
}

static void close_bare(struct line *line)
{
	kill(-line->program, SIGKILL);
	waitpid(line->program, NULL, 0);
	close(line->fd);
	arena_free(line->arena);
}

static void start_host(const char *programs, const char *folder_path, const char *script)
{
	struct error error;
	char program[4096];
	const char *argv[] = {"sh", "-c", script};
	const char *env[] = {"PATH=/usr/bin:/bin"};
	Roost__HostSpec spec = ROOST__HOST_SPEC__INIT;
	spec.n_argv = 3;
	spec.argv = argv;
	spec.n_env = 1;
	spec.env = env;
	int folder = folder_open(folder_path, &error);
	if (folder < 0 || !folder_write_spec(folder, &spec, &error))
		stop(error.message);
	close(folder);
	snprintf(program, sizeof(program), "%s/roost-sessionhost", programs);
	pid_t starter = fork();
	if (starter == 0) {
		execl(program, program, folder_path, NULL);
		_exit(127);
	}
	int status;
	if (waitpid(starter, &status, 0) != starter || status != 0)
		stop(program);
}

static void follow(struct line *line)
{
	Roost__HostFollow wish = ROOST__HOST_FOLLOW__INIT;
	Roost__HostRequest request = ROOST__HOST_REQUEST__INIT;
	request.has_id = true;
	request.id = 1;
	request.request_case = ROOST__HOST_REQUEST__REQUEST_FOLLOW;
	request.follow = &wish;
	send_request(line, &request);
}

static void open_hosted(struct line *line, const char *programs, const char *script)
{
	struct error error;
	*line = (struct line){.framed = true, .arena = arena_new()};
	const char *temporary = getenv("TMPDIR");
	snprintf(hosted_folder, sizeof(hosted_folder), "%s/roost-bench.XXXXXX", temporary == NULL ? "/tmp" : temporary);
	if (mkdtemp(hosted_folder) == NULL)
		stop(hosted_folder);
	start_host(programs, hosted_folder, script);
	int folder = folder_open(hosted_folder, &error);
	line->fd = folder_connect(folder, FOLDER_SOCKET, &error);
	close(folder);
	if (line->fd < 0)
		stop(error.message);
	follow(line);
}

static void close_hosted(struct line *line)
{
	end_host();
	close(line->fd);
	frame_reader_free(&line->reader);
	arena_free(line->arena);
}

/* ---- what is measured ---- */

static void measure_echo(struct line *line, struct samples *samples)
{
	take(line);
	for (int i = 0; i < KEYS; i++) {
		int64_t before = clock_monotonic_ns();
		type(line, "k");
		take(line);
		if (i >= KEYS / 10)
			samples_add(samples, clock_monotonic_ns() - before);
	}
}

/* One byte to another process over a unix socket and back: what any holder of a pty adds at least. */
static void measure_socket(struct samples *samples)
{
	int pair[2];
	char byte = 'k';
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		stop("socketpair");
	pid_t other = fork();
	if (other == 0) {
		close(pair[0]);
		while (read(pair[1], &byte, 1) == 1 && write(pair[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	close(pair[1]);
	for (int i = 0; i < KEYS; i++) {
		int64_t before = clock_monotonic_ns();
		if (write(pair[0], &byte, 1) != 1)
			stop("write");
		wait_readable(pair[0]);
		if (read(pair[0], &byte, 1) != 1)
			stop("read");
		if (i >= KEYS / 10)
			samples_add(samples, clock_monotonic_ns() - before);
	}
	close(pair[0]);
	waitpid(other, NULL, 0);
}

static double measure_bulk(struct line *line)
{
	take(line);
	int64_t before = clock_monotonic_ns();
	type(line, "\n");
	for (size_t got = 0; got < BULK_BYTES;)
		got += take(line);
	return (double)BULK_BYTES * 1e9 / (double)(clock_monotonic_ns() - before);
}

static double best_bulk(const char *programs)
{
	double best = 0;
	for (int i = 0; i < ROUNDS; i++) {
		struct line line;
		if (programs == NULL)
			open_bare(&line, bulk_script);
		else
			open_hosted(&line, programs, bulk_script);
		double rate = measure_bulk(&line);
		best = rate > best ? rate : best;
		if (programs == NULL)
			close_bare(&line);
		else
			close_hosted(&line);
	}
	return best;
}

static int host_pid(void)
{
	char path[300];
	int pid = 0;
	snprintf(path, sizeof(path), "%s/" FOLDER_LOCK, hosted_folder);
	FILE *file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%d", &pid) != 1)
		stop(path);
	fclose(file);
	return pid;
}

/* What it and its screen process have for themselves: the proportional set, in MB. */
static double proportional_megabytes(int host)
{
	char path[128];
	double kilobytes = 0;
	int pids[16] = {host}, count = 1, own;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", host, host);
	FILE *file = fopen(path, "r");
	while (file != NULL && count < 16 && fscanf(file, "%d", &pids[count]) == 1)
		count++;
	if (file != NULL)
		fclose(file);
	for (int i = 0; i < count; i++) {
		char line[256], exe[256];
		snprintf(path, sizeof(path), "/proc/%d/exe", pids[i]);
		ssize_t size = readlink(path, exe, sizeof(exe) - 1);
		exe[size > 0 ? size : 0] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", pids[i]);
		file = strstr(exe, "sessionhost") == NULL ? NULL : fopen(path, "r");
		while (file != NULL && fgets(line, sizeof(line), file) != NULL)
			if (sscanf(line, "Pss: %d", &own) == 1)
				kilobytes += own;
		if (file != NULL)
			fclose(file);
	}
	return kilobytes / 1024;
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	struct samples bare = {0}, hosted = {0}, socket_trip = {0};
	struct line line;
	for (int i = 0; i < ROUNDS; i++) {
		open_bare(&line, echo_script);
		measure_echo(&line, &bare);
		close_bare(&line);
		measure_socket(&socket_trip);
		open_hosted(&line, argv[1], echo_script);
		measure_echo(&line, &hosted);
		if (i == ROUNDS - 1) {
			print_memory_line("session host, resident", resident_megabytes(host_pid()), 3);
			print_memory_line("session host with its screen, proportional",
					  proportional_megabytes(host_pid()), 3);
		}
		close_hosted(&line);
	}
	print_time_line("key echo p50, bare pty", (double)samples_at(&hosted, 0.5) / 1e6,
			(double)samples_at(&bare, 0.5) / 1e6, 1.5);
	print_time_line("key echo p50, bare pty + bare socket round trip", (double)samples_at(&hosted, 0.5) / 1e6,
			(double)(samples_at(&bare, 0.5) + samples_at(&socket_trip, 0.5)) / 1e6, 1.5);
	print_time_line("key echo p99, bare pty + bare socket round trip", (double)samples_at(&hosted, 0.99) / 1e6,
			(double)(samples_at(&bare, 0.99) + samples_at(&socket_trip, 0.99)) / 1e6, 1.5);
	double floor = best_bulk(NULL);
	print_rate_line("bulk output, bytes, bare pty", best_bulk(argv[1]), floor, 0.6);
	samples_free(&bare);
	samples_free(&hosted);
	samples_free(&socket_trip);
	return 0;
}
