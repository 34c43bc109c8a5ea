/* roost-controller: answers commands and reports, keeps the projection, and tells nodes what is wanted.
 *
 * The order of starting: the projection's file, both connections, the log's stream, replay; once the
 * projection has caught up, commands are answered. The stream is made sure of again after every
 * reconnect. SIGTERM and SIGINT: no more requests are taken, those under way and what effects decide of
 * their own accord end (STOP_DEADLINE_MS at most), then everything closes in the opposite order. A
 * projection that cannot be read or written ends the process: it must not answer. */
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "controller/commands/commands.h"
#include "controller/effects/effects.h"
#include "controller/installation/installation.h"
#include "controller/templates/template_folder.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	STOP_DEADLINE_MS = 8000,
	ENSURE_TIMEOUT_MS = 30000,
	ENSURE_PAUSE_MS = 1000,
};

struct controller {
	uv_loop_t loop;
	uv_signal_t terminate, interrupt;
	uv_timer_t ensure_again; /* when stopping: the end */
	struct server_clock clock;
	char database[4096];
	struct projection *projection;
	struct connection *answers, *work;
	struct projection_runner *runner;
	struct pipeline *pipeline;
	struct template_folder *templates;
	struct effects *effects;
	struct compaction *compaction;
	struct commands *commands;
	bool stopping;
	int64_t stop_by_ms; /* monotonic */
};

static void ensure_log(uv_timer_t *timer);

/* A server may have come back with another log, or with none. */
static void work_online(void *context)
{
	struct controller *controller = context;
	log_info("connected to NATS");
	if (controller->commands != NULL && !controller->stopping)
		uv_timer_start(&controller->ensure_again, ensure_log, 0, 0);
}

static void work_offline(void *context)
{
	(void)context;
	log_warning("the connection to NATS is lost; it comes back by itself");
}

static void refused(void *context, const char *text)
{
	(void)context;
	log_error("NATS refuses: %s", text);
}

static void caught_up(void *context)
{
	struct controller *controller = context;
	log_info("the projection holds the log up to %llu",
		 (unsigned long long)projection_runner_applied_seq(controller->runner));
	effects_begin(controller->effects);
	commands_listen(controller->commands);
}

static void applied(void *context, const struct stored_record *record)
{
	struct controller *controller = context;
	if (controller->commands != NULL)
		commands_applied(controller->commands, record);
}

static void advanced(void *context, uint64_t applied_seq)
{
	struct controller *controller = context;
	(void)applied_seq;
	if (controller->effects != NULL)
		effects_advanced(controller->effects);
	if (controller->commands != NULL)
		commands_advanced(controller->commands);
}

/* Nothing can be promised any more; whoever supervises starts us again. */
static void projection_failed(void *context, const struct error *error)
{
	struct controller *controller = context;
	log_error("the projection %s cannot be used, so nothing can be answered: %s", controller->database,
		  error->message);
	projection_close(controller->projection); /* a damaged file is moved aside: it is made again */
	_exit(1);
}

static void templates_changed(void *context, const struct template_set *set)
{
	struct controller *controller = context;
	pipeline_set_templates(controller->pipeline, set->items, set->count);
}

static void open_templates(struct controller *controller)
{
	char path[4096];
	const char *folder = option_text(OPTION_ROOST_TEMPLATES);
	if (folder[0] == '\0') {
		snprintf(path, sizeof(path), "%s/templates", option_text(OPTION_ROOST_DATA_DIR));
		folder = path;
	}
	controller->templates = template_folder_open(&controller->loop, folder, templates_changed, controller);
}

static void start_answering(struct controller *controller)
{
	struct projection_store store = projection_runner_store(controller->projection);
	struct projection_runner_events events = {.caught_up = caught_up,
						  .applied = applied,
						  .advanced = advanced,
						  .failed = projection_failed,
						  .context = controller};
	struct error error;
	controller->runner = projection_runner_start(controller->work, &controller->clock, &store, &events, &error);
	if (controller->runner == NULL)
		projection_failed(controller, &error);
	struct pipeline_settings way = {
	    .work = controller->work,
	    .projection = controller->projection,
	    .runner = controller->runner,
	    .clock = &controller->clock,
	    .limits = pipeline_limits_from_options(),
	};
	controller->pipeline = pipeline_new(&way);
	open_templates(controller);
	struct effects_settings following = {
	    .work = controller->work,
	    .projection = controller->projection,
	    .runner = controller->runner,
	    .pipeline = controller->pipeline,
	    .clock = &controller->clock,
	};
	effects_settings_from_options(&following);
	controller->effects = effects_new(&following);
	const struct compaction_settings compacting = {
	    .work = controller->work,
	    .projection = controller->projection,
	    .runner = controller->runner,
	    .pipeline = controller->pipeline,
	    .limits = compaction_limits_from_options(),
	};
	controller->compaction = compaction_new(&compacting);
	struct commands_settings settings = {
	    .answers = controller->answers,
	    .work = controller->work,
	    .projection = controller->projection,
	    .runner = controller->runner,
	    .pipeline = controller->pipeline,
	    .compaction = controller->compaction,
	    .live = effects_live(controller->effects),
	    .disk_folder = option_text(OPTION_ROOST_DATA_DIR),
	};
	controller->commands = commands_new(&settings);
}

static void log_ensured(void *context, const struct log_info *info, const struct error *error)
{
	struct controller *controller = context;
	if (controller->stopping)
		return;
	if (error != NULL) {
		log_error("the log cannot be used yet: %s", error->message);
		uv_timer_start(&controller->ensure_again, ensure_log, ENSURE_PAUSE_MS, 0);
		return;
	}
	log_info("log %s holds %llu records", info->identity.log_id, (unsigned long long)info->last_seq);
	if (controller->commands == NULL)
		start_answering(controller);
}

static void ensure_log(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	log_stream_ensure(controller->work, &controller->clock, (int)option_number(OPTION_ROOST_LOG_REPLICAS),
			  ENSURE_TIMEOUT_MS, log_ensured, controller);
}

static void close_all(uv_timer_t *timer)
{
	struct controller *controller = timer->data;
	if (controller->pipeline != NULL && pipeline_length(controller->pipeline) > 0)
		_exit(0); /* the deadline passed: the log tells the next controller what became of them */
	compaction_free(controller->compaction);
	effects_free(controller->effects);
	if (controller->runner != NULL)
		projection_runner_stop(controller->runner);
	connection_close(controller->answers, NULL, NULL);
	connection_close(controller->work, NULL, NULL);
	if (controller->commands != NULL)
		commands_free(controller->commands);
	template_folder_close(controller->templates);
	pipeline_free(controller->pipeline);
	projection_close(controller->projection);
	uv_close((uv_handle_t *)&controller->ensure_again, NULL);
	uv_close((uv_handle_t *)&controller->terminate, NULL);
	uv_close((uv_handle_t *)&controller->interrupt, NULL);
}

/* Whoever ended last is still inside its end. */
static void pipeline_emptied(void *context)
{
	struct controller *controller = context;
	uv_timer_start(&controller->ensure_again, close_all, 0, 0);
}

/* The commands have ended, or their time has. Effects decide of their own accord, so that one may be on its
 * way: what it began ends too, in what is left of the time. */
static void commands_drained(void *context)
{
	struct controller *controller = context;
	int64_t left_ms = controller->stop_by_ms - clock_monotonic_ms();
	bool wait = pipeline_length(controller->pipeline) > 0 && left_ms > 0;
	uv_timer_start(&controller->ensure_again, close_all, wait ? (uint64_t)left_ms : 0, 0);
	pipeline_tell_empty(controller->pipeline, pipeline_emptied, controller);
}

static void on_signal(uv_signal_t *handle, int number)
{
	struct controller *controller = handle->data;
	if (controller->stopping)
		return;
	controller->stopping = true;
	log_info("stopping on signal %d", number);
	controller->stop_by_ms = clock_monotonic_ms() + STOP_DEADLINE_MS;
	if (controller->commands != NULL)
		commands_drain(controller->commands, STOP_DEADLINE_MS, commands_drained, controller);
	else
		uv_timer_start(&controller->ensure_again, close_all, 0, 0);
}

static struct connection *connect_as(struct controller *controller, const char *name, bool tells, struct error *error)
{
	struct connection_settings settings = {
	    .name = name,
	    .url = option_text(OPTION_ROOST_NATS_URL),
	    .credentials_file = option_text(OPTION_ROOST_CREDENTIALS),
	    .inbox_user = "controller",
	    .online = tells ? work_online : NULL,
	    .offline = tells ? work_offline : NULL,
	    .refused = refused,
	    .context = controller,
	};
	if (settings.credentials_file[0] == '\0')
		settings.credentials_file = NULL;
	return connection_open(&controller->loop, &settings, error);
}

static bool open_all(struct controller *controller, struct error *error)
{
	const struct projection_lifetimes lifetimes = projection_lifetimes_from_options();
	const char *file = option_text(OPTION_ROOST_DATABASE);
	if (file[0] != '\0')
		snprintf(controller->database, sizeof(controller->database), "%s", file);
	else
		snprintf(controller->database, sizeof(controller->database), "%s/controller.db",
			 option_text(OPTION_ROOST_DATA_DIR));
	controller->projection = projection_open(controller->database, &lifetimes, error);
	if (controller->projection == NULL)
		return error_wrap(error, "projection %s", controller->database);
	controller->answers = connect_as(controller, "roost-controller answers", false, error);
	if (controller->answers == NULL)
		return error_wrap(error, "connection for answers");
	controller->work = connect_as(controller, "roost-controller work", true, error);
	if (controller->work == NULL)
		return error_wrap(error, "connection for the log");
	return true;
}

static void watch_signals(struct controller *controller)
{
	signal(SIGPIPE, SIG_IGN);
	uv_signal_init(&controller->loop, &controller->terminate);
	uv_signal_init(&controller->loop, &controller->interrupt);
	controller->terminate.data = controller;
	controller->interrupt.data = controller;
	uv_signal_start(&controller->terminate, on_signal, SIGTERM);
	uv_signal_start(&controller->interrupt, on_signal, SIGINT);
}

/* Returns the exit code, or -1 to go on. */
static int read_arguments(int argc, char **argv)
{
	if (!options_read(&argc, argv))
		return 2;
	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		puts("roost-controller: answers commands on NATS and keeps their projection. Options:");
		options_print("controller");
		return 0;
	}
	if (argc > 1) {
		fprintf(stderr, "roost-controller: unknown argument %s; see --help\n", argv[1]);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct controller controller;
	struct error error;
	int code = read_arguments(argc, argv);
	if (code >= 0)
		return code;
	/* The projection holds what all owners told, in a folder that others may walk through. */
	umask(0077);
	log_open("controller", log_level_from_name(option_text(OPTION_ROOST_LOG_LEVEL)));
	uv_loop_init(&controller.loop);
	if (!installation_fill_options("controller", &error) || !open_all(&controller, &error)) {
		log_error("%s", error.message);
		return 1;
	}
	watch_signals(&controller);
	uv_timer_init(&controller.loop, &controller.ensure_again);
	controller.ensure_again.data = &controller;
	ensure_log(&controller.ensure_again);
	uv_run(&controller.loop, UV_RUN_DEFAULT);
	uv_loop_close(&controller.loop);
	log_info("stopped");
	return 0;
}
