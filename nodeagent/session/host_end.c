/* The end of a session. The order matters: all output on the screen, the last word durable in `ended`,
 * only then is anyone told, and the socket goes away; slow readers get HOST_FAREWELL_MS to take the rest. */
#include "nodeagent/session/host.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	HOST_FAREWELL_MS = 5000,
	SIGNAL_BASE = 128,
	SHORT_TEXT_BYTES = 16 * 1024, /* fits into what folder_reserve_ended set aside */
};

bool host_is_over(const struct host *host)
{
	return host->phase == ROOST__HOST_STATE__PHASE__ENDED || host->phase == ROOST__HOST_STATE__PHASE__FAILED;
}

/* The group in the foreground of the terminal, 0 when there is none. The terminal remembers the number of
 * a group that is gone, which may be a stranger's by now: it must belong to the program's session. */
static pid_t foreground_group(const struct host *host)
{
	pid_t group = 0;
	if (host->terminal < 0 || ioctl(host->terminal, TIOCGPGRP, &group) != 0 || group <= 1)
		return 0;
	return getsid(group) == host->program_group ? group : 0;
}

/* To the program's group, and to whatever it has put into the foreground of its terminal. */
static void signal_program(const struct host *host, int number)
{
	pid_t foreground = foreground_group(host);
	if (foreground > 1 && foreground != host->program_group)
		kill(-foreground, number);
	if (host->program > 1) {
		kill(-host->program_group, number);
		kill(host->program, number);
	}
}

void host_stop(struct host *host, uint32_t grace_ms)
{
	host->stop_wanted = true;
	host->stop_grace_ms = grace_ms;
	int64_t kill_at = clock_monotonic_ms() + grace_ms;
	/* asked again: only a shorter grace changes anything */
	if (host->kill_at_ms == 0 || kill_at < host->kill_at_ms)
		host->kill_at_ms = kill_at;
	if (host->stopping || host->phase != ROOST__HOST_STATE__PHASE__RUNNING)
		return;
	host->stopping = true;
	signal_program(host, SIGHUP);
	signal_program(host, SIGTERM);
	signal_program(host, SIGCONT);
}

void host_kill(struct host *host)
{
	host->kill_at_ms = 0;
	if (host->runtime > 0)
		kill(host->runtime, SIGKILL);
	signal_program(host, SIGKILL);
}

static const char *tail_of(const char *text, size_t size, size_t most)
{
	if (size <= most)
		return text;
	const char *line = memchr(text + size - most, '\n', most);
	return line == NULL ? "" : line + 1;
}

static uint32_t count_lines(const char *text)
{
	uint32_t lines = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		lines++;
	return lines;
}

static void write_ended(struct host *host)
{
	struct arena *arena = arena_new();
	struct screen_text text;
	if (!screen_process_text(&host->screen, OUTPUT_LINES_MAX, arena, &text))
		log_warning("the last output could not be shown");
	Roost__HostState state = ROOST__HOST_STATE__INIT;
	Roost__HostEnded ended = ROOST__HOST_ENDED__INIT;
	state.has_phase = true;
	state.phase = host->phase;
	state.has_exit_code = true;
	state.exit_code = host->exit_code;
	state.message = host->message;
	state.has_output_bytes = true;
	state.output_bytes = host->ring.end;
	ended.state = &state;
	ended.has_ended_at = true;
	ended.ended_at = clock_wall_ms();
	ended.detail = host->detail;
	ended.text = text.text;
	ended.has_screen_lines = true;
	ended.screen_lines = text.screen_lines;
	struct error error;
	if (!folder_write_ended(host->folder, &ended, &error)) {
		log_warning("%s; once more with less text", error.message);
		ended.text = tail_of(text.text, text.size, SHORT_TEXT_BYTES);
		uint32_t lines = count_lines(ended.text);
		if (ended.screen_lines > lines)
			ended.screen_lines = lines;
		if (!folder_write_ended(host->folder, &ended, &error))
			log_error("the session's last word is lost: %s", error.message);
	}
	arena_free(arena);
}

static void remove_own_socket(struct host *host)
{
	struct stat status;
	if (fstatat(host->folder, FOLDER_SOCKET, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
	    status.st_dev == host->socket_identity.st_dev && status.st_ino == host->socket_identity.st_ino)
		unlinkat(host->folder, FOLDER_SOCKET, 0);
	if (host->listener >= 0)
		close(host->listener);
	host->listener = -1;
}

static void finish(struct host *host)
{
	host->kill_at_ms = 0;
	host->spawn_deadline_ms = 0;
	host->finish_at_ms = clock_monotonic_ms() + HOST_FAREWELL_MS;
	host_terminal_drain(host);
	write_ended(host);
	remove_own_socket(host);
	host_tell_state(host);
}

void host_ended(struct host *host, int wait_status)
{
	host->exit_code = WIFSIGNALED(wait_status) ? SIGNAL_BASE + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
	host->phase = ROOST__HOST_STATE__PHASE__ENDED;
	finish(host);
}

void host_failed(struct host *host, const char *message, const char *detail)
{
	if (host_is_over(host))
		return;
	log_warning("the program did not start: %s", detail);
	if (host->runtime > 0)
		kill(host->runtime, SIGKILL);
	host->exit_code = -1;
	host->phase = ROOST__HOST_STATE__PHASE__FAILED;
	snprintf(host->message, sizeof(host->message), "%s", message);
	snprintf(host->detail, sizeof(host->detail), "%s", detail);
	/* it travels as text, and a program may have said anything */
	if (!frame_text_valid(host->detail, strlen(host->detail)))
		snprintf(host->detail, sizeof(host->detail), "%s", "not readable");
	finish(host);
}
