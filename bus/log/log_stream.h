/* The streams on the server: ROOST_EVENTS (the log) and ROOST_BEATS (last heartbeat per node), made
 * by JSON requests to the JetStream API so that fields newer than the client library's structs
 * (metadata) can be set and are compared in the answer. Loop thread. */
#ifndef ROOST_BUS_LOG_LOG_STREAM_H
#define ROOST_BUS_LOG_LOG_STREAM_H

#include "bus/foundation/clock.h"
#include "bus/log/jetstream.h"

#define LOG_STREAM   "ROOST_EVENTS"
#define BEATS_STREAM "ROOST_BEATS"

struct log_identity {
	char log_id[27];    /* ULID in the stream's metadata, made with the stream */
	uint64_t log_epoch; /* raised when a log went back; 1 at first */
};

struct log_info {
	struct log_identity identity;
	uint64_t first_seq;
	uint64_t last_seq;
	int64_t last_ms;   /* when the last record was stored; 0 for an empty log */
	bool miscounted;   /* more records than places: the server lost count, and its end is not to be trusted */
	int64_t server_ms; /* the answer's timestamp: already taught to the clock that was given */
};

/* `info` is NULL on failure, `error` otherwise. */
typedef void log_info_done(void *context, const struct log_info *info, const struct error *error);

/* `clock` below is the process's server clock, owned by its main; it learns from every answer.
 *
 * Makes both streams when they are absent and checks the log's configuration when it is there:
 * subjects, file storage, RePublish, AllowDirect, no limits that discard, replicas. Refuses (with
 * ERROR_PLATFORM_UNAVAILABLE and the reason) a replicated log on a server older than 2.10. Two
 * controllers may race: one creates, both see the same identity. While the server or its JetStream
 * is away it keeps asking until `timeout_ms` is over. `done` is called once, on the loop, never
 * before this returns. */
void log_stream_ensure(struct connection *connection, struct server_clock *clock, int replicas, uint32_t timeout_ms,
		       log_info_done *done, void *context);

/* Asks the server what the log's last sequence is now. */
void log_stream_info(struct connection *connection, struct server_clock *clock, uint32_t timeout_ms,
		     log_info_done *done, void *context);

/* The same for those who may want to forget the call: asked here, the answer read there. */
struct jetstream_call *log_stream_ask(struct connection *connection, uint32_t timeout_ms, jetstream_done *done,
				      void *context);
bool log_stream_read(const struct jetstream_answer *answer, struct server_clock *clock, struct log_info *info,
		     struct error *error);

/* True from a sign that the server may have lost count of the log (a write error, an impossible
 * count) until an answer of STREAM.INFO makes sense again. One log per process. */
bool log_stream_in_doubt(void);
void log_stream_doubt(void);

#endif
