/* A push consumer with a deliver group and explicit acknowledgements.
 *
 * It is made again (which changes nothing when it is there) after each connect and whenever the log has
 * become another one, since it goes with its stream. A record waits here until the projection holds
 * it; what takes longer than ACK_WAIT_MS comes again, perhaps to another controller. */
#include "controller/effects/record_feed.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"
#include "bus/log/jetstream.h"
#include "bus/log/log_stream.h"
#include "bus/log/pause.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAKE_TIMEOUT_MS = 5000, MAKE_AGAIN_MS = 1000, ACK_WAIT_MS = 15000, IN_HAND_MAX = 1024 };

#define DELIVER_SUBJECT "_INBOX.controller.effects"
#define DELIVER_GROUP	"controllers"

static const json_int_t MS_NS = 1000000;

struct in_hand {
	struct fed_record record; /* first: callers give it back */
	struct in_hand *next, *previous;
	struct arena *arena;
	const char *reply;
	bool waiting; /* for the projection: the runner still knows us */
	bool forgotten;
};

struct record_feed {
	struct record_feed_settings settings;
	struct subscription *subscription;
	struct connection_watch *watch;
	struct jetstream_call *making;
	struct pause *pause;
	char made_for[27]; /* the log */
	struct in_hand *first;
};

static void make(struct record_feed *feed);

/* ---- records in hand ---- */

static void let_go(struct in_hand *in_hand)
{
	struct record_feed *feed = in_hand->record.feed;
	*(in_hand->previous != NULL ? &in_hand->previous->next : &feed->first) = in_hand->next;
	if (in_hand->next != NULL)
		in_hand->next->previous = in_hand->previous;
	arena_free(in_hand->arena);
}

/* An answer that is lost only brings the record once more. */
static void answer(struct in_hand *in_hand, const char *text)
{
	struct outgoing message = {.subject = in_hand->reply, .data = {(const unsigned char *)text, strlen(text)}};
	struct error error = {0};
	if (!connection_publish(in_hand->record.feed->settings.connection, &message, &error))
		log_debug("record %llu will come again: %s", (unsigned long long)in_hand->record.seq, error.message);
	let_go(in_hand);
}

void record_feed_done(struct fed_record *record)
{
	answer((struct in_hand *)record, "+ACK");
}

void record_feed_later(struct fed_record *record, uint32_t delay_ms)
{
	char text[64];
	snprintf(text, sizeof(text), "-NAK {\"delay\":%lld}", delay_ms * MS_NS);
	answer((struct in_hand *)record, text);
}

static void on_projected(void *context, const struct error *error)
{
	struct in_hand *in_hand = context;
	struct record_feed *feed = in_hand->record.feed;
	in_hand->waiting = false;
	if (in_hand->forgotten)
		arena_free(in_hand->arena);
	else if (error != NULL)
		let_go(in_hand); /* it comes again */
	else
		feed->settings.record(feed->settings.context, &in_hand->record);
}

static void on_message(void *context, const struct incoming *message)
{
	struct record_feed *feed = context;
	struct jetstream_delivery delivery;
	if (!jetstream_parse_delivery(message->reply, &delivery))
		return; /* anybody may publish here; only the server's deliveries count */
	struct arena *arena = arena_new();
	struct in_hand *in_hand = arena_new_of(arena, struct in_hand);
	in_hand->arena = arena;
	in_hand->record.feed = feed;
	in_hand->record.context = feed->settings.context;
	in_hand->record.subject = arena_strdup(arena, message->subject);
	in_hand->record.seq = delivery.stream_seq;
	in_hand->record.deliveries = delivery.deliveries;
	in_hand->reply = arena_strdup(arena, message->reply);
	in_hand->next = feed->first;
	if (feed->first != NULL)
		feed->first->previous = in_hand;
	feed->first = in_hand;
	in_hand->waiting = true;
	projection_runner_wait(feed->settings.runner, delivery.stream_seq, ACK_WAIT_MS, on_projected, in_hand);
}

/* ---- the consumer ---- */

static void on_resume(void *context, bool closing)
{
	struct record_feed *feed = context;
	feed->pause = NULL;
	if (!closing)
		make(feed);
}

static void make_later(struct record_feed *feed, const char *why)
{
	log_warning("the consumer of effects cannot be made yet: %s", why);
	feed->pause = pause_start(feed->settings.connection, MAKE_AGAIN_MS, on_resume, feed);
}

static bool as_asked(const json_t *body)
{
	const json_t *config = json_object_get(body, "config");
	const char *group = json_string_value(json_object_get(config, "deliver_group"));
	return group != NULL && strcmp(group, DELIVER_GROUP) == 0 &&
	       json_array_size(json_object_get(config, "filter_subjects")) == 2;
}

static void on_made(void *context, const struct jetstream_answer *made)
{
	struct record_feed *feed = context;
	feed->making = NULL;
	if (made->error.code != ERROR_NONE)
		make_later(feed, made->error.message);
	else if (!as_asked(made->body))
		make_later(feed, "the server made another one than was asked for");
	else
		memcpy(feed->made_for, projection_runner_identity(feed->settings.runner)->log_id,
		       sizeof(feed->made_for));
}

/* Only what comes from now on: whatever was there before, beats and scans look after. */
static void make(struct record_feed *feed)
{
	if (feed->making != NULL || feed->pause != NULL)
		return;
	json_t *config = json_pack("{ss ss ss ss ss ss ss sI si s[ss]}", "name", RECORD_FEED_CONSUMER, "durable_name",
				   RECORD_FEED_CONSUMER, "deliver_subject", DELIVER_SUBJECT, "deliver_group",
				   DELIVER_GROUP, "deliver_policy", "new", "ack_policy", "explicit", "replay_policy",
				   "instant", "ack_wait", ACK_WAIT_MS * MS_NS, "max_ack_pending", IN_HAND_MAX,
				   "filter_subjects", "roost.evt.*.node.*", "roost.evt.*.owner.*");
	json_t *body = json_pack("{ss so}", "stream_name", LOG_STREAM, "config", config);
	feed->making =
	    jetstream_request(feed->settings.connection, "$JS.API.CONSUMER.CREATE." LOG_STREAM "." RECORD_FEED_CONSUMER,
			      body, MAKE_TIMEOUT_MS, on_made, feed);
}

static void on_online(void *context)
{
	make(context);
}

void record_feed_check(struct record_feed *feed)
{
	if (strcmp(feed->made_for, projection_runner_identity(feed->settings.runner)->log_id) != 0)
		make(feed);
}

struct record_feed *record_feed_start(const struct record_feed_settings *settings)
{
	struct record_feed *feed = calloc(1, sizeof(*feed));
	if (feed == NULL)
		abort();
	feed->settings = *settings;
	feed->subscription =
	    connection_subscribe(settings->connection, DELIVER_SUBJECT, DELIVER_GROUP, on_message, feed);
	feed->watch = connection_watch(settings->connection, on_online, NULL, NULL, feed);
	make(feed);
	return feed;
}

void record_feed_stop(struct record_feed *feed)
{
	subscription_cancel(feed->subscription);
	connection_unwatch(feed->watch);
	jetstream_forget(feed->making);
	pause_cancel(feed->pause);
	while (feed->first != NULL) {
		struct in_hand *in_hand = feed->first;
		feed->first = in_hand->next;
		if (in_hand->waiting)
			in_hand->forgotten = true; /* freed when the runner lets go of it */
		else
			arena_free(in_hand->arena);
	}
	free(feed);
}
