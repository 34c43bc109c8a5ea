/* The configuration is written anew at each start from what is kept: the keys, the port, the folder. */
#include "controller/installation/nats_server.h"

#include "controller/installation/file.h"
#include "controller/installation/number.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LEAST_MAJOR = 2, LEAST_MINOR = 10, LEAST_PATCH = 27 };

extern char **environ;

/* ---- the program ---- */

bool nats_server_version_suffices(const char *line)
{
	static const uint64_t least[] = {LEAST_MAJOR, LEAST_MINOR, LEAST_PATCH};
	const char *rest = strrchr(line, 'v');
	for (int i = 0; i < 3; i++) {
		uint64_t part;
		if (rest == NULL || *rest != (i == 0 ? 'v' : '.'))
			return false;
		rest++;
		if (!number_read(&rest, INT_MAX, &part))
			return false;
		if (part != least[i])
			return part > least[i];
	}
	return true;
}

/* What `program --version` prints, "" when it cannot be run. `program` is looked up in PATH. */
static void ask_version(const char *program, char *line, size_t size)
{
	int ends[2];
	pid_t child;
	line[0] = '\0';
	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	char *const argv[] = {(char *)program, (char *)"--version", NULL};
	bool started = posix_spawnp(&child, program, &actions, NULL, argv, environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	ssize_t got = started ? read(ends[0], line, size - 1) : 0;
	close(ends[0]);
	if (started)
		waitpid(child, NULL, 0);
	line[got > 0 ? got : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
}

char *nats_server_program(const char *programs, struct arena *arena, struct error *error)
{
	static const char *const beside[] = {"/nats-server", "/../tools/nats-server", "/../../tools/nats-server"};
	char line[128] = "";
	const char *chosen = getenv("ROOST_NATS_SERVER");
	char *program = chosen == NULL || chosen[0] == '\0' ? NULL : arena_strdup(arena, chosen);
	for (size_t i = 0; program == NULL && i < sizeof(beside) / sizeof(beside[0]); i++) {
		char *path = arena_printf(arena, "%s%s", programs, beside[i]);
		if (access(path, X_OK) == 0)
			program = path;
	}
	if (program == NULL)
		program = arena_strdup(arena, "nats-server");
	ask_version(program, line, sizeof(line));
	if (nats_server_version_suffices(line))
		return program;
	error_set(error, ERROR_PLATFORM_UNAVAILABLE,
		  "nats-server %d.%d.%d or newer is needed: %s %s%s. Set ROOST_NATS_SERVER to one, or use ./run up, "
		  "which fetches it",
		  LEAST_MAJOR, LEAST_MINOR, LEAST_PATCH, program, line[0] == '\0' ? "does not run" : "says ", line);
	return NULL;
}

/* ---- the port ---- */

/* The port that could be bound, 0 for none. `wanted` 0 takes any. */
static uint16_t bind_port(uint16_t wanted)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(wanted)};
	socklen_t length = sizeof(address);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	/* As the server does it: connections of the past do not hold the port. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bool bound = bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && listen(fd, 1) == 0 &&
		     getsockname(fd, (struct sockaddr *)&address, &length) == 0;
	close(fd);
	return bound ? ntohs(address.sin_port) : 0;
}

bool nats_server_choose_port(struct installation *installation, bool *changed, struct error *error)
{
	bool had = installation->nats_port != 0;
	*changed = false;
	if (had && bind_port(installation->nats_port) != 0)
		return true;
	*changed = had;
	installation->nats_port = bind_port(0);
	if (installation->nats_port == 0)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "no free port on 127.0.0.1");
	return installation_save(installation, error);
}

/* ---- the configuration ---- */

/* Half of the file system, so that the log never takes what workspaces need to end. */
static uint64_t store_limit_mb(const char *folder)
{
	struct statvfs space;
	if (statvfs(folder, &space) != 0)
		return 1024;
	uint64_t half = (uint64_t)space.f_blocks * space.f_frsize / 2 / (1024UL * 1024);
	return half < 64 ? 64 : half;
}

char *nats_server_configure(const struct installation *installation, const struct keys *keys, struct arena *arena,
			    struct error *error)
{
	const char *system = keys->system_account.public_key;
	const char *account = keys->account.public_key;
	char *operator_jwt = jwt_operator(&keys->operator_key, "roost", system, arena, error);
	char *system_jwt = jwt_account(&keys->operator_key, system, "SYS", false, arena, error);
	char *account_jwt = jwt_account(&keys->operator_key, account, "ROOST", true, arena, error);
	if (operator_jwt == NULL || system_jwt == NULL || account_jwt == NULL)
		return NULL;
	char *path = installation_path(installation, arena, "nats/nats-server.conf");
	char *text =
	    arena_printf(arena,
			 "# Written by roost at each start; changes are lost.\n"
			 "server_name: \"roost-%s\"\n"
			 "listen: \"127.0.0.1:%u\"\n"
			 "operator: \"%s\"\n"
			 "system_account: %s\n"
			 "resolver: MEMORY\n"
			 "resolver_preload {\n  %s: \"%s\"\n  %s: \"%s\"\n}\n"
			 "jetstream {\n"
			 "  store_dir: \"%s/nats/jetstream\"\n"
			 "  max_file_store: %lluMB\n"
			 "  max_memory_store: 64MB\n"
			 "  sync_interval: always\n"
			 "}\n"
			 "write_deadline: \"2s\"\n"
			 "max_pending: 8MB\n",
			 installation->id, installation->nats_port, operator_jwt, system, system, system_jwt, account,
			 account_jwt, installation->folder, (unsigned long long)store_limit_mb(installation->folder));
	return file_write(path, text, error) ? path : NULL;
}

/* ---- ballast ---- */

const struct ballast nats_server_ballast = {
    .bytes = 32ULL * 1024 * 1024,
    .made_above = 512ULL * 1024 * 1024,
    .given_below = 16ULL * 1024 * 1024,
};

static uint64_t free_bytes(const char *folder)
{
	struct statvfs space;
	return statvfs(folder, &space) == 0 ? (uint64_t)space.f_bavail * space.f_frsize : UINT64_MAX;
}

static bool make_ballast(const char *path, uint64_t bytes)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return false;
	bool made = posix_fallocate(fd, 0, (off_t)bytes) == 0;
	close(fd);
	if (!made)
		unlink(path);
	return made;
}

bool nats_server_tend_ballast(const struct installation *installation, const struct ballast *ballast, bool *removed)
{
	struct arena *arena = arena_new();
	char *path = installation_path(installation, arena, "nats/ballast");
	uint64_t left = free_bytes(installation->folder);
	bool there = access(path, F_OK) == 0;
	bool changed = false;
	*removed = false;
	if (there && left < ballast->given_below)
		changed = *removed = unlink(path) == 0;
	else if (!there && left != UINT64_MAX && left > ballast->made_above + ballast->bytes)
		changed = make_ballast(path, ballast->bytes);
	arena_free(arena);
	return changed;
}
