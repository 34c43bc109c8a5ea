/* Opening a session and the loop that serves it. The happy path: take the lock, read the spec, listen,
 * spawn, then poll(2) over the pty, the signals and the clients until the program has ended and all
 * that wanted to hear of it have. */
#include "nodeagent/session/host.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/cgroup.h"
#include "nodeagent/session/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
	HOST_QUIET_MS = 2,	   /* of no output, after which it is drawn: a program may ask its terminal things */
	HOST_TERM_GRACE_MS = 2000, /* for a host that is itself told to end */
	DEFAULT_COLS = 80,
	DEFAULT_ROWS = 24,
	WATCHED_MAX = 7 + SESSION_HOST_CLIENTS_MAX,
};

/* ---- opening ---- */

static void on_terminal_answer(void *context, const char *data, size_t size)
{
	struct host *host = context;
	/* a terminal whose program does not read its answers drops them, like any other */
	if (input_queue_add(host->input, NULL, data, size) == INPUT_TAKEN && host->terminal >= 0)
		host_terminal_write(host);
}

static bool open_memory(struct host *host, struct error *error)
{
	host->cols = host->spec->cols > 0 ? host->spec->cols : DEFAULT_COLS;
	host->rows = host->spec->rows > 0 ? host->spec->rows : DEFAULT_ROWS;
	screen_fit(&host->cols, &host->rows);
	host->input = input_queue_new();
	if (host->input == NULL || !ring_open(&host->ring, SESSION_RING_BYTES))
		return error_set(error, ERROR_INTERNAL, "out of memory");
	if (!screen_process_open(&host->screen, &host->ring, host->cols, host->rows, on_terminal_answer, host))
		return error_errno(error, errno, "start the screen process");
	return true;
}

static bool open_signals(struct host *host, struct error *error)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) != 0)
		return error_errno(error, errno, "set up signals");
	host->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return host->signals >= 0 ? true : error_errno(error, errno, "set up signals");
}

static bool open_socket(struct host *host, struct error *error)
{
	host->listener = folder_listen(host->folder, FOLDER_SOCKET, error);
	if (host->listener < 0)
		return false;
	if (fstatat(host->folder, FOLDER_SOCKET, &host->socket_identity, AT_SYMLINK_NOFOLLOW) != 0)
		return error_errno(error, errno, "look at the socket");
	return true;
}

static void host_init(struct host *host, int folder)
{
	*host = (struct host){.folder = folder,
			      .lock = -1,
			      .listener = -1,
			      .signals = -1,
			      .exec_failure = -1,
			      .runtime_output = -1,
			      .console = -1,
			      .console_connection = -1,
			      .terminal = -1,
			      .terminal_peer = -1,
			      .screen = {.socket = -1},
			      .exit_code = -1,
			      .phase = ROOST__HOST_STATE__PHASE__SPAWNING};
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		host->clients[i].fd = -1;
	host->spec_arena = arena_new();
	host->request_arena = arena_new();
}

bool host_open(struct host *host, int folder, int *status, struct error *error)
{
	host_init(host, folder);
	*status = HOST_START_FAILED;
	host->lock = folder_lock(folder, error);
	if (host->lock < 0) {
		if (error->code == ERROR_CONFLICT)
			*status = HOST_START_HELD;
		return false;
	}
	if (faccessat(folder, FOLDER_ENDED, F_OK, 0) == 0) {
		*status = HOST_START_ENDED;
		return error_set(error, ERROR_SESSION_NOT_RUNNING, "the session has ended");
	}
	host->spec = folder_read_spec(folder, host->spec_arena, error);
	if (host->spec == NULL)
		return false;
	if (host->spec->n_argv == 0)
		return error_set(error, ERROR_INVALID_ARGUMENT, "the spec names no command");
	folder_reserve_ended(folder);
	if (host->spec->cgroup != NULL)
		cgroup_enter(host->spec->cgroup);
	if (!open_memory(host, error) || !open_signals(host, error) || !open_socket(host, error))
		return false;
	*status = HOST_START_OK;
	return true;
}

static void close_if_open(int fd)
{
	if (fd >= 0)
		close(fd);
}

void host_close(struct host *host)
{
	host_clients_close(host);
	close_if_open(host->listener);
	close_if_open(host->signals);
	close_if_open(host->exec_failure);
	close_if_open(host->runtime_output);
	close_if_open(host->console);
	close_if_open(host->console_connection);
	close_if_open(host->terminal);
	close_if_open(host->terminal_peer);
	screen_process_close(&host->screen);
	input_queue_free(host->input);
	ring_close(&host->ring);
	if (host->spec != NULL && host->spec->cgroup != NULL)
		cgroup_leave(host->spec->cgroup);
	arena_free(host->spec_arena);
	arena_free(host->request_arena);
	close_if_open(host->lock);
}

/* ---- the loop ---- */

struct watched {
	struct pollfd list[WATCHED_MAX];
	nfds_t count;
	struct pollfd *terminal, *screen, *signals, *listener, *console, *exec_failure, *runtime_output;
	struct pollfd *clients[SESSION_HOST_CLIENTS_MAX];
};

static struct pollfd *watch(struct watched *watched, int fd, short events)
{
	if (fd < 0)
		return NULL;
	struct pollfd *entry = &watched->list[watched->count++];
	*entry = (struct pollfd){.fd = fd, .events = events};
	return entry;
}

static short events_of(const struct pollfd *entry)
{
	return entry == NULL ? 0 : entry->revents;
}

static bool has_free_place(const struct host *host)
{
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		if (host->clients[i].fd < 0)
			return true;
	return false;
}

static short terminal_events(const struct host *host)
{
	short events = 0;
	size_t typing;
	input_queue_next(host->input, &typing);
	if (typing > 0)
		events |= POLLOUT;
	if (host_terminal_wants_read(host))
		events |= POLLIN;
	return events;
}

static void watch_all(const struct host *host, struct watched *watched)
{
	watched->count = 0;
	watched->signals = watch(watched, host->signals, POLLIN);
	watched->exec_failure = watch(watched, host->exec_failure, POLLIN);
	watched->runtime_output = watch(watched, host->runtime_output, POLLIN);
	int console = host->console_connection >= 0 ? host->console_connection : host->console;
	watched->console = watch(watched, console, POLLIN);
	watched->listener = watch(watched, has_free_place(host) ? host->listener : -1, POLLIN);
	watched->screen = watch(watched, host->screen.socket, POLLIN);
	watched->terminal = NULL;
	if (!host_is_over(host) && terminal_events(host) != 0)
		watched->terminal = watch(watched, host->terminal, terminal_events(host));
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		watched->clients[i] = watch(watched, host->clients[i].fd, host_client_events(host, &host->clients[i]));
}

static void earlier(int64_t *deadline, int64_t other)
{
	if (other > 0 && other < *deadline)
		*deadline = other;
}

static int timeout_of(const struct host *host, int64_t now_ms, int64_t deadline)
{
	earlier(&deadline, host->kill_at_ms);
	earlier(&deadline, host->spawn_deadline_ms);
	earlier(&deadline, host->finish_at_ms);
	if (host_terminal_waits_for_quiet(host))
		earlier(&deadline, now_ms + HOST_QUIET_MS);
	if (deadline == INT64_MAX)
		return -1;
	int64_t left = deadline - now_ms;
	return left < 0 ? 0 : left > 60 * 1000 ? 60 * 1000 : (int)left;
}

static void on_signals(struct host *host)
{
	struct signalfd_siginfo info;
	while (read(host->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			host_reap(host);
		else if (info.ssi_signo == SIGTERM && !host_is_over(host))
			host_stop(host, HOST_TERM_GRACE_MS);
	}
}

static void on_timers(struct host *host, int64_t now_ms)
{
	if (host->spawn_deadline_ms != 0 && now_ms >= host->spawn_deadline_ms)
		host_failed(host, "The program did not start in time.", "the runtime's command did not end");
	if (host->kill_at_ms != 0 && now_ms >= host->kill_at_ms)
		host_kill(host);
}

static void dispatch(struct host *host, const struct watched *watched)
{
	short terminal = events_of(watched->terminal);
	if ((terminal & POLLIN) != 0)
		host_terminal_read(host);
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		if (events_of(watched->clients[i]) != 0)
			host_client_ready(host, &host->clients[i], watched->clients[i]->revents);
	if ((terminal & POLLOUT) != 0)
		host_terminal_write(host);
	if (events_of(watched->screen) != 0 && host->screen.socket >= 0)
		host_screen_ready(host);
	if (events_of(watched->console) != 0)
		host_console_ready(host);
	if (events_of(watched->runtime_output) != 0 && host->runtime_output >= 0)
		host_runtime_output_ready(host);
	if (events_of(watched->exec_failure) != 0 && host->exec_failure >= 0)
		host_exec_failure_ready(host);
	if (events_of(watched->signals) != 0)
		on_signals(host);
	if (events_of(watched->listener) != 0 && host->listener >= 0)
		host_client_accept(host);
}

static bool is_finished(const struct host *host, int64_t now_ms)
{
	return host_is_over(host) && (host_clients_satisfied(host) || now_ms >= host->finish_at_ms);
}

void host_run(struct host *host)
{
	host_spawn(host);
	for (;;) {
		struct watched watched;
		int64_t now_ms = clock_monotonic_ms();
		int64_t deadline = host_clients_sweep(host, now_ms);
		if (is_finished(host, now_ms))
			return;
		watch_all(host, &watched);
		int ready = poll(watched.list, watched.count, timeout_of(host, now_ms, deadline));
		if (ready > 0)
			dispatch(host, &watched);
		else if (ready == 0)
			host_terminal_quiet(host);
		on_timers(host, clock_monotonic_ms());
	}
}
