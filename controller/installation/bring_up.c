/* A chain of steps, each ending in the call that begins the next. One deadline for all of it. */
#include "controller/installation/bring_up.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/options.h"
#include "controller/installation/bus_check.h"
#include "controller/installation/local_node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BRING_UP_DEADLINE_MS = 60 * 1000, ENVIRONMENT_MAX = OPTION_COUNT + 8 };

struct bring_up {
	uv_loop_t *loop;
	struct bring_up_settings settings;
	struct arena *arena;
	struct connection *connection;
	struct bus_check *check;
	uv_timer_t *deadline;
	int64_t step_began_ms;
	const char *step; /* what is waited for */
	char url[64];
};

static void say(const struct bring_up *bring_up, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(const struct bring_up *bring_up, const char *format, ...)
{
	char line[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	bring_up->settings.say(line);
}

static void begin(struct bring_up *bring_up, const char *step)
{
	bring_up->step = step;
	bring_up->step_began_ms = clock_monotonic_ms();
}

static void end(const struct bring_up *bring_up, const char *what)
{
	say(bring_up, "  %-12s %s (%lld ms)", bring_up->step, what,
	    (long long)(clock_monotonic_ms() - bring_up->step_began_ms));
}

static void fail(void *context, const struct error *error)
{
	struct bring_up *bring_up = context;
	struct error told = *error;
	error_wrap(&told, "%s", bring_up->step);
	bring_up->settings.failed(bring_up->settings.context, &told);
}

/* ---- starting a daemon ---- */

/* Options that the daemons get from here, not from whoever started the supervisor. */
static bool own_option(enum option option)
{
	return option == OPTION_ROOST_DATA_DIR || option == OPTION_ROOST_NATS_URL ||
	       option == OPTION_ROOST_CREDENTIALS || option == OPTION_ROOST_DATABASE || option == OPTION_ROOST_NODE_ID;
}

/* NAME=value for the installation's own settings and for every option that was set here by flag. */
static char **environment_of(const struct bring_up *bring_up, const char *credentials, const char *database)
{
	const struct installation *installation = bring_up->settings.installation;
	struct arena *arena = bring_up->arena;
	char **all = arena_array_of(arena, char *, ENVIRONMENT_MAX);
	int count = 0;
	all[count++] = arena_printf(arena, "ROOST_DATA_DIR=%s", installation->folder);
	all[count++] = arena_printf(arena, "ROOST_NATS_URL=%s", bring_up->url);
	all[count++] = arena_printf(arena, "ROOST_CREDENTIALS=%s", credentials);
	all[count++] = arena_printf(arena, "ROOST_DATABASE=%s", database);
	all[count++] = arena_printf(arena, "ROOST_NODE_ID=%s", installation->node_id);
	for (int option = 0; option < OPTION_COUNT; option++)
		if (!own_option((enum option)option) && option_text((enum option)option)[0] != '\0')
			all[count++] = arena_printf(arena, "%s=%s", option_variable((enum option)option),
						    option_text((enum option)option));
	return all;
}

static bool add_daemon(struct bring_up *bring_up, const char *name, const char *user, const char *database,
		       bool (*over)(void *context, int status), struct error *error)
{
	char *program = arena_printf(bring_up->arena, "%s/roost-%s", bring_up->settings.programs, user);
	char *credentials =
	    keys_credentials(bring_up->settings.installation, bring_up->settings.keys, user, bring_up->arena, error);
	if (credentials == NULL)
		return false;
	struct daemon_settings daemon = {
	    .name = name,
	    .argv = (const char *const[]){program, NULL},
	    .environment = environment_of(bring_up, credentials, database),
	    .over = over,
	    .context = bring_up->settings.context,
	};
	return supervisor_add(bring_up->settings.supervisor, &daemon, error);
}

static bool add(struct bring_up *bring_up, const char *name, const char *user, const char *database,
		struct error *error)
{
	return add_daemon(bring_up, name, user, database, NULL, error);
}

/* ---- the steps, last one first ---- */

static void node_runs(void *context)
{
	struct bring_up *bring_up = context;
	end(bring_up, bus_check_node_state(bring_up->check));
	bring_up->settings.ready(bring_up->settings.context);
}

static void start_agent(struct bring_up *bring_up)
{
	struct error error;
	begin(bring_up, "node agent");
	if (!add_daemon(bring_up, "nodeagent", "nodeagent", "", bring_up->settings.agent_over, &error))
		fail(bring_up, &error);
	else
		bus_check_node_runs(bring_up->check, bring_up->settings.installation->node_id, node_runs);
}

static void node_made(void *context, const char *node_id)
{
	struct bring_up *bring_up = context;
	struct installation *installation = bring_up->settings.installation;
	struct error error;
	snprintf(installation->node_id, sizeof(installation->node_id), "%s", node_id);
	if (!installation_save(installation, &error)) {
		fail(bring_up, &error);
		return;
	}
	end(bring_up, "made");
	start_agent(bring_up);
}

static void make_node(struct bring_up *bring_up)
{
	char name[64] = "";
	begin(bring_up, "node");
	if (gethostname(name, sizeof(name) - 1) != 0 || name[0] == '\0')
		snprintf(name, sizeof(name), "node");
	char *key = local_node_key(bring_up->settings.installation, bring_up->arena);
	bus_check_make_node(bring_up->check, key, name, node_made);
}

void bring_up_node_deleted(struct bring_up *bring_up)
{
	struct error error;
	end(bring_up, "had been deleted; what was left of it is gone");
	if (!local_node_forget(bring_up->settings.installation, &error)) {
		fail(bring_up, &error);
		return;
	}
	/* What was asked of the former node is answered to nobody. */
	bus_check_free(bring_up->check);
	bring_up->check = bus_check_new(bring_up->connection, bring_up->settings.owner, fail, bring_up);
	make_node(bring_up);
}

void bring_up_agent_refused(struct bring_up *bring_up, const char *why)
{
	struct error error;
	error_set(&error, ERROR_INVALID_ARGUMENT, "%s", why);
	fail(bring_up, &error);
}

static void sweeper_answers(void *context)
{
	struct bring_up *bring_up = context;
	end(bring_up, "answers");
	if (bring_up->settings.installation->node_id[0] == '\0')
		make_node(bring_up);
	else
		start_agent(bring_up);
}

static void controller_answers(void *context)
{
	struct bring_up *bring_up = context;
	struct error error;
	end(bring_up, "answers");
	begin(bring_up, "sweeper");
	if (!add(bring_up, "sweeper", "sweeper", "", &error))
		fail(bring_up, &error);
	else
		bus_check_service(bring_up->check, "roost-sweeper", sweeper_answers);
}

/* The first one has the default database, so that a single controller's is controller.db. */
static bool add_controllers(struct bring_up *bring_up, struct error *error)
{
	if (!add(bring_up, "controller", "controller", "", error))
		return false;
	for (int number = 2; number <= bring_up->settings.controllers; number++) {
		char *name = arena_printf(bring_up->arena, "controller-%d", number);
		char *database = installation_path(bring_up->settings.installation, bring_up->arena,
						   arena_printf(bring_up->arena, "%s.db", name));
		if (!add(bring_up, name, "controller", database, error))
			return false;
	}
	return true;
}

static void nats_answers(void *context)
{
	struct bring_up *bring_up = context;
	struct error error;
	if (bring_up->check != NULL)
		return; /* a reconnection */
	end(bring_up, bring_up->url);
	begin(bring_up, "controller");
	bring_up->check = bus_check_new(bring_up->connection, bring_up->settings.owner, fail, bring_up);
	if (!add_controllers(bring_up, &error))
		fail(bring_up, &error);
	else
		bus_check_service(bring_up->check, "roost-controller", controller_answers);
}

static bool start_nats(struct bring_up *bring_up, struct error *error)
{
	const struct bring_up_settings *settings = &bring_up->settings;
	struct daemon_settings daemon = {
	    .name = "nats-server",
	    .argv = (const char *const[]){settings->nats_program, "-c", settings->nats_configuration, NULL},
	    .environment = (char *const[]){NULL},
	};
	char *credentials = keys_credentials(settings->installation, settings->keys, "roost", bring_up->arena, error);
	if (credentials == NULL || !supervisor_add(settings->supervisor, &daemon, error))
		return false;
	snprintf(bring_up->url, sizeof(bring_up->url), "nats://127.0.0.1:%u", settings->installation->nats_port);
	struct connection_settings connection = {
	    .name = "roost up",
	    .url = bring_up->url,
	    .credentials_file = credentials,
	    .inbox_user = settings->owner,
	    .online = nats_answers,
	    .context = bring_up,
	};
	bring_up->connection = connection_open(bring_up->loop, &connection, error);
	return bring_up->connection != NULL;
}

/* ---- life ---- */

static void too_late(uv_timer_t *timer)
{
	struct error error;
	error_set(&error, ERROR_PLATFORM_UNAVAILABLE, "not ready after %d seconds; see its log",
		  BRING_UP_DEADLINE_MS / 1000);
	fail(timer->data, &error);
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void bring_up_free(struct bring_up *bring_up)
{
	if (bring_up == NULL)
		return;
	bus_check_free(bring_up->check);
	if (bring_up->connection != NULL)
		connection_close(bring_up->connection, NULL, NULL);
	uv_close((uv_handle_t *)bring_up->deadline, timer_closed);
	arena_free(bring_up->arena);
	free(bring_up);
}

struct bring_up *bring_up_start(uv_loop_t *loop, const struct bring_up_settings *settings, struct error *error)
{
	struct bring_up *bring_up = calloc(1, sizeof(*bring_up));
	uv_timer_t *deadline = calloc(1, sizeof(*deadline));
	if (bring_up == NULL || deadline == NULL)
		abort();
	bring_up->loop = loop;
	bring_up->settings = *settings;
	bring_up->arena = arena_new();
	bring_up->deadline = deadline;
	uv_timer_init(loop, deadline);
	deadline->data = bring_up;
	uv_timer_start(deadline, too_late, BRING_UP_DEADLINE_MS, 0);
	begin(bring_up, "nats-server");
	if (start_nats(bring_up, error))
		return bring_up;
	bring_up_free(bring_up);
	return NULL;
}
