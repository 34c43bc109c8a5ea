/* The port is found by binding 0 and letting go; a server that loses the race for it ends at once and
 * another is tried. It is ready when it greets. */
#include "tests/support/nats_server.h"

#include "tests/support/cleanup.h"
#include "tests/support/loop.h"
#include "tests/support/process.h"
#include "tests/unit/cmocka_all.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_TRIES = 10, READY_MS = 20000 };

struct nats_server {
	struct process process;
	struct arena *arena;
	const char *folder;
	const char *store;
	const char *more;
	const char *url;
	uint16_t port;
	struct nkey operator_key, system_key, account_key, stranger_key;
};

static const char *server_program(void)
{
	const char *program = getenv("ROOST_NATS_SERVER");
	if (program != NULL)
		return program;
	return access(ROOST_TEST_TOOLS "/nats-server", X_OK) == 0 ? ROOST_TEST_TOOLS "/nats-server" : "nats-server";
}

static uint16_t free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		fail_msg("no free port on the loopback address");
	close(fd);
	return ntohs(address.sin_port);
}

static void write_configuration(struct nats_server *server)
{
	struct error error = {0};
	struct arena *arena = server->arena;
	char *operator_jwt = jwt_operator(&server->operator_key, "test", server->system_key.public_key, arena, &error);
	char *system_jwt =
	    jwt_account(&server->operator_key, server->system_key.public_key, "SYS", false, arena, &error);
	char *account_jwt =
	    jwt_account(&server->operator_key, server->account_key.public_key, "ROOST", true, arena, &error);
	if (operator_jwt == NULL || system_jwt == NULL || account_jwt == NULL)
		fail_msg("tokens: %s", error.message);
	char *path = arena_printf(arena, "%s/nats-server.conf", server->folder);
	FILE *file = fopen(path, "we");
	if (file == NULL)
		fail_msg("cannot write %s", path);
	fprintf(file,
		"listen: \"127.0.0.1:%u\"\nserver_name: \"test-%u\"\noperator: \"%s\"\nsystem_account: %s\n"
		"resolver: MEMORY\nresolver_preload {\n  %s: \"%s\"\n  %s: \"%s\"\n}\n"
		"jetstream {\n  store_dir: \"%s\"\n  max_file_store: 4GB\n  max_memory_store: 256MB\n"
		"  sync_interval: always\n}\nwrite_deadline: \"2s\"\nmax_pending: 8MB\n%s\n",
		server->port, server->port, operator_jwt, server->system_key.public_key, server->system_key.public_key,
		system_jwt, server->account_key.public_key, account_jwt, server->store,
		server->more == NULL ? "" : server->more);
	fclose(file);
}

static bool greets(uint16_t port)
{
	struct sockaddr_in address = {
	    .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
	char greeting[5] = "";
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && read(fd, greeting, 4) == 4 &&
		    strcmp(greeting, "INFO") == 0;
	close(fd);
	return good;
}

static bool ready_or_ended(void *context)
{
	struct nats_server *server = context;
	return process_ended(&server->process) || greets(server->port);
}

/* False when it ended instead, most likely because somebody else took the port. */
static bool start(struct nats_server *server)
{
	const char *configuration = arena_printf(server->arena, "%s/nats-server.conf", server->folder);
	const char *output = arena_printf(server->arena, "%s/nats-server.log", server->folder);
	process_start(&server->process, (const char *[]){server_program(), "-c", configuration, NULL}, NULL, output);
	wait_until(ready_or_ended, server, READY_MS, "nats-server");
	return !process_ended(&server->process);
}

static void make_key(enum nkey_kind kind, struct nkey *key)
{
	struct error error;
	if (!nkey_generate(kind, key, &error))
		fail_msg("%s", error.message);
}

static void show_log(const struct nats_server *server)
{
	char line[512];
	FILE *file = fopen(arena_printf(server->arena, "%s/nats-server.log", server->folder), "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		print_error("%s", line);
	if (file != NULL)
		fclose(file);
}

struct nats_server *nats_server_start_with(const char *more_configuration, const char *store)
{
	struct nats_server *server = test_calloc(1, sizeof(*server));
	server->arena = arena_new();
	server->folder = cleanup_folder();
	server->store = store == NULL ? arena_printf(server->arena, "%s/jetstream", server->folder)
				      : arena_strdup(server->arena, store);
	server->more = arena_strdup(server->arena, more_configuration);
	make_key(NKEY_OPERATOR, &server->operator_key);
	make_key(NKEY_ACCOUNT, &server->system_key);
	make_key(NKEY_ACCOUNT, &server->account_key);
	make_key(NKEY_ACCOUNT, &server->stranger_key);
	for (int i = 0; i < PORT_TRIES; i++) {
		server->port = free_port();
		server->url = arena_printf(server->arena, "nats://127.0.0.1:%u", server->port);
		write_configuration(server);
		if (start(server))
			return server;
	}
	show_log(server);
	fail_msg("nats-server (%s) does not start", server_program());
	return NULL;
}

struct nats_server *nats_server_start(void)
{
	return nats_server_start_with(NULL, NULL);
}

void nats_server_stop(struct nats_server *server)
{
	if (server == NULL)
		return;
	process_kill(&server->process);
	arena_free(server->arena);
	test_free(server);
}

const char *nats_server_url(const struct nats_server *server)
{
	return server->url;
}

const char *nats_server_folder(const struct nats_server *server)
{
	return server->folder;
}

void nats_server_write_credentials(struct nats_server *server, const char *path, const char *user,
				   const struct user_permissions *permissions, int64_t expires_at_s, bool stranger)
{
	struct error error;
	struct nkey key;
	make_key(NKEY_USER, &key);
	char *jwt = jwt_user(stranger ? &server->stranger_key : &server->account_key, key.public_key, user, permissions,
			     expires_at_s, server->arena, &error);
	if (jwt == NULL)
		fail_msg("token for %s: %s", user, error.message);
	/* In one step, since a daemon may be reading it. */
	char *fresh = arena_printf(server->arena, "%s.new", path);
	FILE *file = fopen(fresh, "we");
	if (file == NULL)
		fail_msg("cannot write %s", fresh);
	fputs(credentials_text(jwt, &key, server->arena), file);
	fclose(file);
	if (rename(fresh, path) != 0)
		fail_msg("cannot rename to %s", path);
}

const char *nats_server_credentials(struct nats_server *server, const char *user,
				    const struct user_permissions *permissions)
{
	char *path = arena_printf(server->arena, "%s/%s.creds", server->folder, user);
	if (access(path, R_OK) != 0)
		nats_server_write_credentials(server, path, user, permissions, 0, false);
	return path;
}

void nats_server_kill(struct nats_server *server)
{
	process_kill(&server->process);
}

void nats_server_resume(struct nats_server *server)
{
	for (int i = 0; i < PORT_TRIES; i++)
		if (start(server))
			return;
	show_log(server);
	fail_msg("nats-server does not start again on port %u", server->port);
}

void nats_server_restart(struct nats_server *server)
{
	nats_server_kill(server);
	nats_server_resume(server);
}

void nats_server_wipe(struct nats_server *server)
{
	nats_server_kill(server);
	process_run((const char *[]){"rm", "-rf", "--", server->store, NULL}, NULL, NULL, 0);
}

static void copy(const char *from, const char *to)
{
	char text[1024] = "";
	process_run((const char *[]){"rm", "-rf", "--", to, NULL}, NULL, NULL, 0);
	if (process_run((const char *[]){"cp", "-a", "--", from, to, NULL}, NULL, text, sizeof(text)) != 0)
		fail_msg("%s", text);
}

static const char *saved_in(const struct nats_server *server)
{
	return arena_printf(server->arena, "%s/saved", server->folder);
}

void nats_server_save(struct nats_server *server)
{
	nats_server_kill(server);
	copy(server->store, saved_in(server));
}

void nats_server_restore(struct nats_server *server)
{
	nats_server_kill(server);
	copy(saved_in(server), server->store);
}

void nats_server_freeze(struct nats_server *server)
{
	siginfo_t stopped;
	process_signal(&server->process, SIGSTOP);
	/* The signal is only sent: until all its threads have stopped it may still answer. */
	assert_int_equal(waitid(P_PID, (id_t)server->process.pid, &stopped, WSTOPPED), 0);
}

void nats_server_thaw(struct nats_server *server)
{
	process_signal(&server->process, SIGCONT);
}
