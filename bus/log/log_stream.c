/* Makes the streams, checks them, and asks where the log ends.
 *
 * ensure: ask for the log -> (absent: make it -> lost the race: ask again) -> make the beats' stream ->
 * done. A step whose answer is silence or "not now" is tried again until the deadline. */
#include "bus/log/log_stream.h"

#include "bus/foundation/ulid.h"
#include "bus/log/pause.h"
#include "bus/log/stream_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRY_MS = 2000, AGAIN_AFTER_MS = 100 };

struct ensure;
typedef void step(struct ensure *ensure);

struct ensure {
	struct connection *connection;
	struct server_clock *clock;
	int replicas;
	int64_t deadline_ms; /* monotonic */
	step *now;	     /* what is tried again after a pause */
	struct log_info info;
	struct error last_error;
	log_info_done *done;
	void *context;
};

static void finish(struct ensure *ensure, const struct error *error)
{
	ensure->done(ensure->context, error == NULL ? &ensure->info : NULL, error);
	free(ensure);
}

static void on_resume(void *context, bool closing)
{
	struct ensure *ensure = context;
	if (closing)
		finish(ensure, &ensure->last_error);
	else
		ensure->now(ensure);
}

/* Tries the step again, or gives up: for good when asking again cannot help. */
static void failed(struct ensure *ensure, const struct jetstream_answer *answer)
{
	ensure->last_error = answer->error;
	error_wrap(&ensure->last_error, "make the log's streams");
	if (!answer->temporary || clock_monotonic_ms() + AGAIN_AFTER_MS >= ensure->deadline_ms)
		finish(ensure, &ensure->last_error);
	else
		pause_start(ensure->connection, AGAIN_AFTER_MS, on_resume, ensure);
}

static void refuse(struct ensure *ensure, struct error *error)
{
	error_wrap(error, "the stream " LOG_STREAM " cannot be used");
	finish(ensure, error);
}

static void call_stream(struct ensure *ensure, const char *verb, const char *stream, json_t *config,
			jetstream_done *done)
{
	char subject[128];
	int64_t left = ensure->deadline_ms - clock_monotonic_ms();
	snprintf(subject, sizeof(subject), "$JS.API.STREAM.%s.%s", verb, stream);
	jetstream_request(ensure->connection, subject, config,
			  (uint32_t)(left < 1	     ? 1
				     : left > TRY_MS ? TRY_MS
						     : left),
			  done, ensure);
}

static void on_beats_updated(void *context, const struct jetstream_answer *answer)
{
	struct ensure *ensure = context;
	if (answer->error.code != ERROR_NONE)
		failed(ensure, answer);
	else
		finish(ensure, NULL);
}

static void update_beats(struct ensure *ensure)
{
	call_stream(ensure, "UPDATE", BEATS_STREAM, stream_config_beats(), on_beats_updated);
}

static void on_beats_made(void *context, const struct jetstream_answer *answer)
{
	struct ensure *ensure = context;
	if (answer->api_error == JETSTREAM_STREAM_NAME_IN_USE) {
		ensure->now = update_beats; /* made by an older version of ours */
		update_beats(ensure);
	} else {
		on_beats_updated(ensure, answer);
	}
}

static void make_beats(struct ensure *ensure)
{
	call_stream(ensure, "CREATE", BEATS_STREAM, stream_config_beats(), on_beats_made);
}

/* Older servers break the expected-sequence check on replicated streams. */
static bool version_fits(const struct ensure *ensure, struct error *error)
{
	const char *version = connection_server_version(ensure->connection);
	char *rest;
	long major = strtol(version, &rest, 10);
	long minor = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
	if (ensure->replicas < 2 || major > 2 || (major == 2 && minor >= 10))
		return true;
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE,
			 "a log with %d replicas needs nats-server 2.10 or newer, this is %s", ensure->replicas,
			 version[0] != '\0' ? version : "of unknown version");
}

static void on_log(struct ensure *ensure, const struct jetstream_answer *answer)
{
	struct error error = {0};
	json_t *wanted = stream_config_log(ensure->replicas, NULL);
	bool fits = stream_config_holds(wanted, json_object_get(answer->body, "config"), &error) &&
		    log_stream_read(answer, ensure->clock, &ensure->info, &error);
	json_decref(wanted);
	if (!fits) {
		refuse(ensure, &error);
		return;
	}
	ensure->now = make_beats;
	make_beats(ensure);
}

static void ask_log(struct ensure *ensure);

static void on_log_made(void *context, const struct jetstream_answer *answer)
{
	struct ensure *ensure = context;
	if (answer->api_error == JETSTREAM_STREAM_NAME_IN_USE) {
		ensure->now = ask_log; /* another controller was faster: its log is the log */
		ask_log(ensure);
	} else if (answer->error.code != ERROR_NONE) {
		ensure->now = ask_log; /* it may have been made all the same */
		failed(ensure, answer);
	} else {
		on_log(ensure, answer);
	}
}

static void make_log(struct ensure *ensure)
{
	struct ulid log_id = ulid_new(clock_wall_ms());
	call_stream(ensure, "CREATE", LOG_STREAM, stream_config_log(ensure->replicas, log_id.text), on_log_made);
}

static void on_log_asked(void *context, const struct jetstream_answer *answer)
{
	struct ensure *ensure = context;
	struct error error = {0};
	bool absent = answer->api_error == JETSTREAM_STREAM_NOT_FOUND;
	if (answer->error.code != ERROR_NONE && !absent)
		failed(ensure, answer);
	else if (!version_fits(ensure, &error))
		refuse(ensure, &error);
	else if (absent)
		make_log(ensure);
	else
		on_log(ensure, answer);
}

static void ask_log(struct ensure *ensure)
{
	call_stream(ensure, "INFO", LOG_STREAM, NULL, on_log_asked);
}

void log_stream_ensure(struct connection *connection, struct server_clock *clock, int replicas, uint32_t timeout_ms,
		       log_info_done *done, void *context)
{
	struct ensure *ensure = calloc(1, sizeof(*ensure));
	ensure->connection = connection;
	ensure->clock = clock;
	ensure->replicas = replicas;
	ensure->deadline_ms = clock_monotonic_ms() + timeout_ms;
	ensure->done = done;
	ensure->context = context;
	ensure->now = ask_log;
	ask_log(ensure);
}

struct jetstream_call *log_stream_ask(struct connection *connection, uint32_t timeout_ms, jetstream_done *done,
				      void *context)
{
	return jetstream_request(connection, "$JS.API.STREAM.INFO." LOG_STREAM, NULL, timeout_ms, done, context);
}

static bool read_identity(const json_t *metadata, struct log_identity *identity, struct error *error)
{
	const char *log_id = json_string_value(json_object_get(metadata, "log_id"));
	const char *epoch = json_string_value(json_object_get(metadata, "log_epoch"));
	if (!ulid_valid(log_id) || epoch == NULL || strtoull(epoch, NULL, 10) == 0)
		return error_set(
		    error, ERROR_PLATFORM_UNAVAILABLE,
		    "its metadata hold no log_id: nats-server is older than 2.10, or the stream is not Roost's");
	memcpy(identity->log_id, log_id, sizeof(identity->log_id));
	identity->log_epoch = strtoull(epoch, NULL, 10);
	return true;
}

static bool in_doubt;

bool log_stream_in_doubt(void)
{
	return in_doubt;
}

void log_stream_doubt(void)
{
	in_doubt = true;
}

/* When the disk is full just as a new file begins, nats-server 2.10.27 says that a log of 63 records
 * ends at 0 and numbers the next ones from 1. Once restarted it goes on from 63 again, and only still
 * counts those others: that much is let pass. */
static bool read_ends(const json_t *state, struct log_info *info, struct error *error)
{
	uint64_t records = (uint64_t)json_integer_value(json_object_get(state, "messages"));
	info->first_seq = (uint64_t)json_integer_value(json_object_get(state, "first_seq"));
	info->last_seq = (uint64_t)json_integer_value(json_object_get(state, "last_seq"));
	const char *last = json_string_value(json_object_get(state, "last_ts"));
	if (last == NULL || info->last_seq == 0 || !jetstream_parse_time(last, &info->last_ms))
		info->last_ms = 0;
	uint64_t places = info->last_seq < info->first_seq ? 0 : info->last_seq - info->first_seq + 1;
	info->miscounted = records > places;
	in_doubt = records > 2 * places;
	if (in_doubt)
		return error_set(
		    error, ERROR_PLATFORM_UNAVAILABLE,
		    "nats-server has lost count of the log (%llu records from %llu to %llu), as it does when the "
		    "disk is full: make room and restart it",
		    (unsigned long long)records, (unsigned long long)info->first_seq,
		    (unsigned long long)info->last_seq);
	return true;
}

bool log_stream_read(const struct jetstream_answer *answer, struct server_clock *clock, struct log_info *info,
		     struct error *error)
{
	if (answer->error.code != ERROR_NONE) {
		if (error != NULL)
			*error = answer->error;
		return false;
	}
	const json_t *config = json_object_get(answer->body, "config");
	const json_t *state = json_object_get(answer->body, "state");
	*info = (struct log_info){0};
	if (!read_identity(json_object_get(config, "metadata"), &info->identity, error) ||
	    !read_ends(state, info, error))
		return false;
	if (!jetstream_parse_time(json_string_value(json_object_get(answer->body, "ts")), &info->server_ms))
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE,
				 "the answer has no time: nats-server is older than 2.10");
	server_clock_learn(clock, info->server_ms, answer->sent_ms, answer->received_ms);
	return true;
}

struct info_call {
	struct server_clock *clock;
	log_info_done *done;
	void *context;
};

static void on_info(void *context, const struct jetstream_answer *answer)
{
	struct info_call *call = context;
	struct log_info info;
	struct error error = {0};
	bool ok = log_stream_read(answer, call->clock, &info, &error);
	call->done(call->context, ok ? &info : NULL, ok ? NULL : &error);
	free(call);
}

void log_stream_info(struct connection *connection, struct server_clock *clock, uint32_t timeout_ms,
		     log_info_done *done, void *context)
{
	struct info_call *call = calloc(1, sizeof(*call));
	*call = (struct info_call){clock, done, context};
	log_stream_ask(connection, timeout_ms, on_info, call);
}
