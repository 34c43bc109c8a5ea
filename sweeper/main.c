/* roost-sweeper: the independent witness. It keeps a projection of its own from the log, listens to
 * beats and the feed, and says once in a while what it sees. It acts on nothing.
 *
 * It never makes the log's stream: replay starts when a controller has made it. SIGTERM and SIGINT end
 * it; a projection that cannot be written ends the process. */
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "bus/link/service.h"
#include "bus/log/projection_runner.h"
#include "controller/installation/installation.h"
#include "controller/projection/projection.h"
#include "sweeper/witness.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_EVERY_MS = 60 * 1000 };

struct sweeper {
	uv_loop_t loop;
	uv_signal_t terminate, interrupt;
	uv_timer_t tell;
	struct server_clock clock;
	char database[4096];
	char service_id[27];
	struct projection *projection;
	struct connection *connection;
	struct projection_runner *runner;
	struct witness *witness;
	struct service *service;
	uint64_t told_seq;
};

/* Only when there is news: an idle installation's log stays quiet. */
static void tell(uv_timer_t *timer)
{
	struct sweeper *sweeper = timer->data;
	struct witness_counts seen = witness_counts(sweeper->witness);
	struct projection_counts held;
	struct error error;
	uint64_t seq = projection_runner_applied_seq(sweeper->runner);
	if (seq == sweeper->told_seq)
		return;
	sweeper->told_seq = seq;
	if (!projection_counts(sweeper->projection, &held, &error)) {
		log_warning("the projection cannot be counted: %s", error.message);
		return;
	}
	log_info("log at %llu: %llu nodes, %llu workspaces, %llu sessions, %llu records that did not decode; heard "
		 "%llu beats of %llu nodes that name %llu unknown workspaces, and %llu records with %llu gaps",
		 (unsigned long long)seq, (unsigned long long)held.nodes, (unsigned long long)held.workspaces,
		 (unsigned long long)held.sessions, (unsigned long long)held.undecodable,
		 (unsigned long long)seen.beats, (unsigned long long)seen.nodes,
		 (unsigned long long)seen.unknown_workspaces, (unsigned long long)seen.feed,
		 (unsigned long long)seen.feed_gaps);
}

static void caught_up(void *context)
{
	struct sweeper *sweeper = context;
	log_info("the projection holds the log up to %llu",
		 (unsigned long long)projection_runner_applied_seq(sweeper->runner));
}

static void projection_failed(void *context, const struct error *error)
{
	struct sweeper *sweeper = context;
	log_error("the projection %s cannot be used: %s", sweeper->database, error->message);
	projection_close(sweeper->projection); /* a damaged file is moved aside: it is made again */
	_exit(1);
}

static void refused(void *context, const char *text)
{
	(void)context;
	log_error("NATS refuses: %s", text);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct sweeper *sweeper = handle->data;
	if (sweeper->connection == NULL)
		return;
	tell(&sweeper->tell);
	log_info("stopping on signal %d", number);
	projection_runner_stop(sweeper->runner);
	service_stop(sweeper->service);
	witness_stop(sweeper->witness);
	connection_close(sweeper->connection, NULL, NULL);
	sweeper->connection = NULL;
	projection_close(sweeper->projection);
	uv_close((uv_handle_t *)&sweeper->tell, NULL);
	uv_close((uv_handle_t *)&sweeper->terminate, NULL);
	uv_close((uv_handle_t *)&sweeper->interrupt, NULL);
}

static void watch_signals(struct sweeper *sweeper)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&sweeper->loop, &sweeper->terminate);
	uv_signal_init(&sweeper->loop, &sweeper->interrupt);
	sweeper->terminate.data = sweeper;
	sweeper->interrupt.data = sweeper;
	uv_signal_start(&sweeper->terminate, on_signal, SIGTERM);
	uv_signal_start(&sweeper->interrupt, on_signal, SIGINT);
}

static bool open_projection(struct sweeper *sweeper, struct error *error)
{
	const char *file = option_text(OPTION_ROOST_DATABASE);
	if (file[0] != '\0')
		snprintf(sweeper->database, sizeof(sweeper->database), "%s", file);
	else
		snprintf(sweeper->database, sizeof(sweeper->database), "%s/sweeper.db",
			 option_text(OPTION_ROOST_DATA_DIR));
	/* The keys are the controllers' concern: the shortest time keeps the file small. */
	sweeper->projection = projection_open(sweeper->database, 1, error);
	return sweeper->projection != NULL || error_wrap(error, "projection %s", sweeper->database);
}

static bool connect_to_bus(struct sweeper *sweeper, struct error *error)
{
	const char *credentials = option_text(OPTION_ROOST_CREDENTIALS);
	struct connection_settings settings = {
	    .name = "roost-sweeper",
	    .url = option_text(OPTION_ROOST_NATS_URL),
	    .credentials_file = credentials[0] != '\0' ? credentials : NULL,
	    .inbox_user = "sweeper",
	    .refused = refused,
	};
	sweeper->connection = connection_open(&sweeper->loop, &settings, error);
	return sweeper->connection != NULL || error_wrap(error, "connection");
}

static bool start_watching(struct sweeper *sweeper, struct error *error)
{
	struct projection_store store = projection_runner_store(sweeper->projection);
	struct projection_runner_events events = {
	    .caught_up = caught_up, .failed = projection_failed, .context = sweeper};
	sweeper->runner = projection_runner_start(sweeper->connection, &sweeper->clock, &store, &events, error);
	if (sweeper->runner == NULL)
		return false;
	sweeper->witness = witness_start(sweeper->connection);
	snprintf(sweeper->service_id, sizeof(sweeper->service_id), "%s", ulid_new(clock_wall_ms()).text);
	sweeper->service = service_start(sweeper->connection, "roost-sweeper", ROOST_VERSION, sweeper->service_id,
					 "Watches what should be and what is", NULL, 0);
	uv_timer_init(&sweeper->loop, &sweeper->tell);
	sweeper->tell.data = sweeper;
	return uv_timer_start(&sweeper->tell, tell, TELL_EVERY_MS, TELL_EVERY_MS) == 0;
}

/* Returns the exit code, or -1 to go on. */
static int read_arguments(int argc, char **argv)
{
	if (!options_read(&argc, argv))
		return 2;
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		puts("roost-sweeper: watches what should be and what is. Options:");
		options_print("sweeper");
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "roost-sweeper: unknown argument %s; see --help\n", argv[1]);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct sweeper sweeper;
	struct error error;
	int code = read_arguments(argc, argv);
	if (code >= 0)
		return code;
	/* The projection holds what all owners told, in a folder that others may walk through. */
	umask(0077);
	log_open("sweeper", log_level_from_name(option_text(OPTION_ROOST_LOG_LEVEL)));
	uv_loop_init(&sweeper.loop);
	if (!installation_fill_options("sweeper", &error) || !open_projection(&sweeper, &error) ||
	    !connect_to_bus(&sweeper, &error) || !start_watching(&sweeper, &error)) {
		log_error("%s", error.message);
		return 1;
	}
	watch_signals(&sweeper);
	uv_run(&sweeper.loop, UV_RUN_DEFAULT);
	uv_loop_close(&sweeper.loop);
	log_info("stopped");
	return 0;
}
