/* roost-sweeper: the independent witness. It keeps a projection of its own from the log, listens to
 * beats and the feed, asks nodes what they have, and sends what should not be so to the controllers.
 *
 * It never makes the log's stream: replay starts when a controller has made it. SIGTERM and SIGINT end
 * it; a projection that cannot be written ends the process. */
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/foundation/ulid.h"
#include "bus/link/service.h"
#include "bus/wire/subject.h"
#include "controller/installation/installation.h"
#include "sweeper/demand.h"
#include "sweeper/schedule.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TELL_EVERY_MS = 3600 * 1000, SECOND_MS = 1000 };
static const int64_t day_ms = 86400LL * 1000;

struct sweeper {
	uv_loop_t loop;
	uv_signal_t terminate, interrupt;
	uv_timer_t tell;
	struct server_clock clock;
	char database[4096];
	char service_id[27];
	struct parts parts;
	struct schedule *schedule;
	struct demand *demand;
	struct service *service;
	uint64_t told_seq;
};

/* Only when there is news: an idle installation's log stays quiet. */
static void tell(uv_timer_t *timer)
{
	struct sweeper *sweeper = timer->data;
	struct witness_counts seen = witness_counts(sweeper->parts.witness);
	struct projection_counts held;
	struct error error;
	uint64_t seq = projection_runner_applied_seq(sweeper->parts.runner);
	if (seq == sweeper->told_seq)
		return;
	sweeper->told_seq = seq;
	if (!projection_counts(sweeper->parts.projection, &held, &error)) {
		log_warning("the projection cannot be counted: %s", error.message);
		return;
	}
	log_info("log at %llu: %llu nodes, %llu workspaces, %llu sessions, %llu records that did not decode; heard "
		 "%llu beats of %llu nodes that name %llu unknown workspaces, %llu of strangers, %llu bad, and %llu "
		 "records with %llu gaps",
		 (unsigned long long)seq, (unsigned long long)held.nodes, (unsigned long long)held.workspaces,
		 (unsigned long long)held.sessions, (unsigned long long)held.undecodable,
		 (unsigned long long)seen.beats, (unsigned long long)seen.nodes,
		 (unsigned long long)seen.unknown_workspaces, (unsigned long long)seen.beats_strange,
		 (unsigned long long)seen.beats_bad, (unsigned long long)seen.feed, (unsigned long long)seen.feed_gaps);
}

static void caught_up(void *context)
{
	struct sweeper *sweeper = context;
	log_info("the projection holds the log up to %llu",
		 (unsigned long long)projection_runner_applied_seq(sweeper->parts.runner));
}

static void projection_failed(void *context, const struct error *error)
{
	struct sweeper *sweeper = context;
	log_error("the projection %s cannot be used: %s", sweeper->database, error->message);
	projection_close(sweeper->parts.projection); /* a damaged file is moved aside: it is made again */
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
	if (sweeper->parts.connection == NULL)
		return;
	tell(&sweeper->tell);
	log_info("stopping on signal %d", number);
	schedule_stop(sweeper->schedule);
	demand_stop(sweeper->demand);
	projection_runner_stop(sweeper->parts.runner);
	service_stop(sweeper->service);
	witness_stop(sweeper->parts.witness);
	connection_close(sweeper->parts.connection, NULL, NULL);
	sweeper->parts.connection = NULL;
	projection_close(sweeper->parts.projection);
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
	struct projection_lifetimes lifetimes = projection_lifetimes_from_options();
	lifetimes.idempotency_ms = 1; /* the keys are the controllers' concern: the file stays small */
	sweeper->parts.projection = projection_open(sweeper->database, &lifetimes, error);
	return sweeper->parts.projection != NULL || error_wrap(error, "projection %s", sweeper->database);
}

static bool connect_to_bus(struct sweeper *sweeper, struct error *error)
{
	const char *credentials = option_text(OPTION_ROOST_CREDENTIALS);
	struct connection_settings settings = {
	    .name = "roost-sweeper",
	    .url = option_text(OPTION_ROOST_NATS_URL),
	    .credentials_file = credentials[0] != '\0' ? credentials : NULL,
	    .inbox_user = SUBJECT_SYSTEM_OWNER, /* where its commands may be answered */
	    .refused = refused,
	};
	sweeper->parts.connection = connection_open(&sweeper->loop, &settings, error);
	return sweeper->parts.connection != NULL || error_wrap(error, "connection");
}

static struct parts parts_from_options(void)
{
	return (struct parts){
	    .rules = {.stop_timeout_ms = SECOND_MS * option_number(OPTION_STOP_TIMEOUT_SECONDS),
		      .grace_ms = SECOND_MS * option_number(OPTION_SWEEP_GRACE_SECONDS),
		      .unknown_age_ms = SECOND_MS * option_number(OPTION_SWEEP_UNKNOWN_AGE_SECONDS),
		      .stale_ms = SECOND_MS * option_number(OPTION_NODE_HEARTBEAT_STALE_SECONDS)},
	    .compaction = {.retention_ms = day_ms * option_number(OPTION_LOG_RETENTION_DAYS),
			   .idempotency_ms = day_ms * option_number(OPTION_IDEMPOTENCY_KEY_DAYS),
			   .tombstone_ms = day_ms * option_number(OPTION_LOG_TOMBSTONE_DAYS),
			   .snapshot_records = (uint32_t)option_number(OPTION_LOG_SNAPSHOT_RECORDS)},
	    .actions_per_run = (uint32_t)option_number(OPTION_SWEEP_ACTIONS_PER_RUN),
	    .node_call_timeout_ms = (uint32_t)option_number(OPTION_ROOST_NODE_CALL_TIMEOUT_MS),
	    .command_timeout_ms = (uint32_t)option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS),
	};
}

static bool start_sweeping(struct sweeper *sweeper, struct error *error)
{
	struct projection_store store = projection_runner_store(sweeper->parts.projection);
	struct projection_runner_events events = {
	    .caught_up = caught_up, .failed = projection_failed, .context = sweeper};
	sweeper->parts.runner =
	    projection_runner_start(sweeper->parts.connection, &sweeper->clock, &store, &events, error);
	if (sweeper->parts.runner == NULL)
		return false;
	sweeper->parts.witness = witness_start(sweeper->parts.connection, sweeper->parts.projection);
	sweeper->schedule = schedule_start(&sweeper->loop, &sweeper->parts);
	sweeper->demand = demand_start(&sweeper->parts);
	snprintf(sweeper->service_id, sizeof(sweeper->service_id), "%s", ulid_new(clock_wall_ms()).text);
	sweeper->service = service_start(sweeper->parts.connection, "roost-sweeper", ROOST_VERSION, sweeper->service_id,
					 "Compares what should be with what is", demand_endpoint(sweeper->demand), 1);
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
		puts("roost-sweeper: compares what should be with what is. Options:");
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
	sweeper.parts = parts_from_options();
	sweeper.parts.clock = &sweeper.clock;
	if (!installation_fill_options("sweeper", &error) || !open_projection(&sweeper, &error) ||
	    !connect_to_bus(&sweeper, &error) || !start_sweeping(&sweeper, &error)) {
		log_error("%s", error.message);
		return 1;
	}
	watch_signals(&sweeper);
	uv_run(&sweeper.loop, UV_RUN_DEFAULT);
	uv_loop_close(&sweeper.loop);
	log_info("stopped");
	return 0;
}
