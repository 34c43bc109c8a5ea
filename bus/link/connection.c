/* The connection: one line to the server at a time. A line that is lost, for whatever reason, is hung
 * up and replaced:
 *
 *   WAITING --timer--> DIALLING --ok--> ONLINE --lost--> HANGING_UP --> WAITING
 *                         \--failed--> WAITING (backoff with jitter)
 *
 * connection_close goes the same way and then to ENDED once the library has let go of the line and of
 * every listener. Answers come on one subscription, below an inbox that belongs to this connection;
 * the last token of the subject is the ticket. */
#include "bus/link/connection.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/foundation/ulid.h"
#include "bus/link/library.h"
#include "bus/link/requests.h"
#include "bus/link/watch.h"
#include "bus/wire/subject.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	BACKOFF_FIRST_MS = 100,
	BACKOFF_MAX_MS = 2000,
	INBOX_MAX = OWNER_TOKEN_MAX + 64,
};

enum state { WAITING, DIALLING, ONLINE, HANGING_UP, ENDED };

struct subscription {
	struct handoff *handoff; /* first: what the library's callbacks need */
	struct connection *connection;
	struct subscription *next;
	char *subject;
	char *queue;
	void (*handler)(void *context, const struct incoming *message);
	void *context;
	natsSubscription *nats; /* on the present line */
	int listeners;		/* the library's subscriptions that may still call back */
	bool cancelled;
	void (*drained)(void *context); /* while it is drained */
	void *drained_context;
};

struct connection {
	uv_loop_t *loop;
	struct handoff *handoff;
	struct requests *requests;
	struct watch_list watches;
	struct subscription *subscriptions;
	struct subscription *answers; /* the mux of all requests */
	struct line *line;
	struct waste waste;
	enum state state;
	bool closing;
	uv_timer_t redial;
	uint32_t backoff_ms;
	char *url;
	char *credentials_file;
	char *name;
	char *last_failure; /* said already; NULL after a success */
	char version[SERVER_VERSION_MAX];
	char inbox_root[INBOX_MAX];	     /* _INBOX.<user> */
	char answer_inbox[INBOX_MAX + 32];   /* _INBOX.<user>.<random> */
	struct connection_settings settings; /* callbacks and context; its strings are not kept */
	int handles;			     /* of libuv, that are still closing */
	void (*closed)(void *context);
	void *closed_context;
};

static char *copy(const char *text)
{
	char *made = text == NULL ? NULL : strdup(text);
	if (text != NULL && made == NULL)
		abort();
	return made;
}

static bool published(natsStatus status, struct error *error)
{
	if (status == NATS_OK)
		return true;
	if (status == NATS_MAX_PAYLOAD)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "larger than the server takes");
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "publish: %s", natsStatus_GetText(status));
}

/* ---- subscriptions ---- */

static void subscription_free_when_silent(struct subscription *subscription)
{
	if (!subscription->cancelled || subscription->listeners > 0)
		return;
	struct subscription **place = &subscription->connection->subscriptions;
	while (*place != subscription)
		place = &(*place)->next;
	*place = subscription->next;
	free(subscription->subject);
	free(subscription->queue);
	free(subscription);
}

static void subscription_attach(struct subscription *subscription)
{
	subscription->nats =
	    library_subscribe(subscription->connection->line, subscription->subject, subscription->queue, subscription);
	if (subscription->nats != NULL)
		subscription->listeners++;
}

static void subscription_detach(struct subscription *subscription)
{
	natsSubscription_Destroy(subscription->nats);
	subscription->nats = NULL;
}

struct subscription *connection_subscribe(struct connection *connection, const char *subject, const char *queue,
					  void (*handler)(void *context, const struct incoming *message), void *context)
{
	struct subscription *subscription = calloc(1, sizeof(*subscription));
	if (subscription == NULL)
		abort();
	subscription->handoff = connection->handoff;
	subscription->connection = connection;
	subscription->subject = copy(subject);
	subscription->queue = copy(queue);
	subscription->handler = handler;
	subscription->context = context;
	subscription->next = connection->subscriptions;
	connection->subscriptions = subscription;
	if (connection->state == ONLINE)
		subscription_attach(subscription);
	return subscription;
}

void subscription_cancel(struct subscription *subscription)
{
	if (subscription == NULL)
		return;
	subscription->cancelled = true;
	subscription->drained = NULL;
	subscription_detach(subscription);
	subscription_free_when_silent(subscription);
}

void subscription_drain(struct subscription *subscription, void (*drained)(void *context), void *context)
{
	if (subscription->nats == NULL || natsSubscription_Drain(subscription->nats) != NATS_OK) {
		subscription_cancel(subscription); /* nothing can be on its way */
		drained(context);
		return;
	}
	subscription->drained = drained;
	subscription->drained_context = context;
}

static void detach_all(struct connection *connection)
{
	for (struct subscription *one = connection->subscriptions; one != NULL; one = one->next)
		subscription_detach(one);
}

/* ---- messages ---- */

const char *incoming_header(const struct incoming *message, const char *name)
{
	const char *value = NULL;
	return natsMsgHeader_Get(message->headers, name, &value) == NATS_OK ? value : NULL;
}

static void message_came(struct subscription *subscription, natsMsg *message, int64_t at_ms)
{
	if (!subscription->cancelled && !subscription->connection->closing) {
		const char *reply = natsMsg_GetReply(message);
		struct incoming incoming = {
		    .subject = natsMsg_GetSubject(message),
		    .reply = reply == NULL ? "" : reply,
		    .data = {(const unsigned char *)natsMsg_GetData(message), (size_t)natsMsg_GetDataLength(message)},
		    .headers = message,
		    .received_ms = at_ms,
		};
		subscription->handler(subscription->context, &incoming);
	}
	waste_add(&subscription->connection->waste, message);
}

static void answer_came(void *context, const struct incoming *answer)
{
	struct connection *connection = context;
	const char *last = strrchr(answer->subject, '.');
	uint64_t ticket = last == NULL ? 0 : strtoull(last + 1, NULL, 16);
	if (answer->data.size == 0 && natsMsg_IsNoResponders(answer->headers))
		requests_fail(connection->requests, ticket, ERROR_NODE_UNREACHABLE, "nobody listens");
	else
		requests_answer(connection->requests, ticket, answer);
}

bool connection_publish(struct connection *connection, const struct outgoing *message, struct error *error)
{
	if (connection->state != ONLINE)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "not connected");
	return published(library_publish(connection->line, message, message->reply, &connection->waste), error);
}

uint64_t connection_request(struct connection *connection, const struct outgoing *message, uint32_t timeout_ms,
			    void (*done)(void *context, const struct incoming *answer, const struct error *error),
			    void *context)
{
	if (connection->closing)
		return 0;
	bool full = requests_in_flight(connection->requests) >= REQUESTS_IN_FLIGHT_MAX;
	uint64_t ticket = requests_add(connection->requests, message->subject, timeout_ms, done, context);
	if (connection->state != ONLINE) {
		requests_fail_soon(connection->requests, ticket, ERROR_PLATFORM_UNAVAILABLE, "not connected");
		return ticket;
	}
	if (full) {
		requests_fail_soon(connection->requests, ticket, ERROR_BUSY, "too many requests wait for answers");
		return ticket;
	}
	char reply[sizeof(connection->answer_inbox) + 20];
	snprintf(reply, sizeof(reply), "%s.%" PRIx64, connection->answer_inbox, ticket);
	natsStatus status = library_publish(connection->line, message, reply, &connection->waste);
	struct error error;
	if (!published(status, &error))
		requests_fail_soon(connection->requests, ticket, error.code, natsStatus_GetText(status));
	return ticket;
}

void connection_forget(struct connection *connection, uint64_t ticket)
{
	requests_forget(connection->requests, ticket);
}

char *connection_new_inbox(struct connection *connection, struct arena *arena)
{
	return arena_printf(arena, "%s.%s", connection->inbox_root, ulid_new(clock_wall_ms()).text);
}

/* ---- going on and off line ---- */

static void redial(uv_timer_t *timer);
static void end_when_quiet(struct connection *connection);

/* A thousand clients that lost one server do not come back in the same moment. */
static void redial_later(struct connection *connection)
{
	uint32_t random = 0;
	uv_random(NULL, NULL, &random, sizeof(random), 0, NULL);
	uint32_t wait = connection->backoff_ms / 2 + random % (connection->backoff_ms + 1);
	connection->backoff_ms *= 2;
	if (connection->backoff_ms > BACKOFF_MAX_MS)
		connection->backoff_ms = BACKOFF_MAX_MS;
	connection->state = WAITING;
	uv_timer_start(&connection->redial, redial, wait, 0);
}

static void line_free(struct line *line)
{
	free(line->url);
	free(line->credentials_file);
	free(line->name);
	free(line);
}

static void redial(uv_timer_t *timer)
{
	struct connection *connection = timer->data;
	struct line *line = calloc(1, sizeof(*line));
	if (line == NULL)
		abort();
	line->handoff = connection->handoff;
	line->url = copy(connection->url);
	line->credentials_file = copy(connection->credentials_file);
	line->name = copy(connection->name);
	connection->line = line;
	connection->state = DIALLING;
	library_dial(line);
}

static void came_online(struct connection *connection)
{
	connection->state = ONLINE;
	connection->backoff_ms = BACKOFF_FIRST_MS;
	free(connection->last_failure);
	connection->last_failure = NULL;
	snprintf(connection->version, sizeof(connection->version), "%s", connection->line->version);
	for (struct subscription *one = connection->subscriptions; one != NULL; one = one->next)
		if (!one->cancelled && one->drained == NULL)
			subscription_attach(one);
	log_info("%s: connected to %s, nats-server %s", connection->name, connection->url, connection->version);
	if (connection->settings.online != NULL)
		connection->settings.online(connection->settings.context);
	if (!connection->closing)
		watch_call(&connection->watches, WATCH_ONLINE);
}

static void start_hanging_up(struct connection *connection)
{
	connection->state = HANGING_UP;
	detach_all(connection);
	library_hang_up(connection->line);
}

static void went_offline(struct connection *connection)
{
	log_warning("%s: the connection to %s was lost", connection->name, connection->url);
	start_hanging_up(connection);
	requests_fail_all(connection->requests, ERROR_PLATFORM_UNAVAILABLE, "the connection was lost");
	if (!connection->closing && connection->settings.offline != NULL)
		connection->settings.offline(connection->settings.context);
	if (!connection->closing)
		watch_call(&connection->watches, WATCH_OFFLINE);
}

/* The same reason is said once, however often it is tried. */
static void say_failure(struct connection *connection, const char *reason)
{
	if (connection->last_failure != NULL && strcmp(connection->last_failure, reason) == 0)
		return;
	log_warning("%s: no connection to %s: %s; trying on", connection->name, connection->url, reason);
	free(connection->last_failure);
	connection->last_failure = copy(reason);
}

static void dialled(struct connection *connection)
{
	struct line *line = connection->line;
	if (line->nats == NULL) {
		if (!connection->closing)
			say_failure(connection, line->error.message);
		connection->line = NULL;
		line_free(line);
		if (connection->closing)
			end_when_quiet(connection);
		else
			redial_later(connection);
	} else if (connection->closing) {
		start_hanging_up(connection);
	} else if (line->closed) {
		went_offline(connection); /* it was lost before anybody could use it */
	} else {
		came_online(connection);
	}
}

/* The library is done with a line when it has both said so and been told so. */
static void hung_up(struct connection *connection)
{
	if (!connection->line->hung_up || !connection->line->closed)
		return;
	line_free(connection->line);
	connection->line = NULL;
	if (connection->closing)
		end_when_quiet(connection);
	else
		redial_later(connection);
}

static void job_done(struct connection *connection)
{
	uv_thread_join(&connection->line->thread);
	if (connection->state == DIALLING) {
		dialled(connection);
	} else {
		connection->line->hung_up = true;
		hung_up(connection);
	}
}

static void line_closed(struct connection *connection)
{
	connection->line->closed = true;
	if (connection->state == ONLINE)
		went_offline(connection);
	else if (connection->state == HANGING_UP)
		hung_up(connection);
}

/* Permissions Violation for Publish to "subject": whoever waits for an answer to it waits in vain. */
static void refused(struct connection *connection, char *text)
{
	static const char publish_refused[] = "ermissions Violation for Publish to \"";
	if (!connection->closing) {
		log_warning("%s: the server says: %s", connection->name, text);
		char *subject = strstr(text, publish_refused);
		if (connection->settings.refused != NULL)
			connection->settings.refused(connection->settings.context, text);
		if (subject != NULL && !connection->closing) {
			subject += strlen(publish_refused);
			subject[strcspn(subject, "\"")] = '\0';
			requests_refuse(connection->requests, subject, ERROR_FORBIDDEN,
					"the credentials do not allow this subject");
		}
	}
	free(text);
}

static void silent(struct connection *connection, struct subscription *subscription)
{
	void (*drained)(void *context) = subscription->drained;
	void *drained_context = subscription->drained_context;
	subscription->listeners--;
	if (drained != NULL)
		subscription_cancel(subscription);
	else
		subscription_free_when_silent(subscription);
	if (drained != NULL)
		drained(drained_context);
	if (connection->closing)
		end_when_quiet(connection);
}

static void deliver(void *context, const struct handoff_item *item)
{
	struct connection *connection = context;
	switch ((enum library_event)item->kind) {
	case LIBRARY_MESSAGE:
		message_came(item->target, item->data, item->at_ms);
		break;
	case LIBRARY_SILENT:
		silent(connection, item->target);
		break;
	case LIBRARY_CLOSED:
		line_closed(connection);
		break;
	case LIBRARY_REFUSED:
		refused(connection, item->data);
		break;
	case LIBRARY_JOB_DONE:
		job_done(connection);
		break;
	}
}

/* ---- opening and closing ---- */

static bool check(const struct connection_settings *settings, struct error *error)
{
	char token[OWNER_TOKEN_MAX];
	if (!library_url_valid(settings->url))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not the address of a NATS server: %s",
				 settings->url == NULL ? "" : settings->url);
	if (settings->inbox_user != NULL && !owner_to_token(settings->inbox_user, token))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not a user's name: %s", settings->inbox_user);
	return settings->credentials_file == NULL || library_credentials_readable(settings->credentials_file, error);
}

static void make_inbox(struct connection *connection, const char *user)
{
	char token[OWNER_TOKEN_MAX] = "";
	if (user != NULL)
		owner_to_token(user, token);
	snprintf(connection->inbox_root, INBOX_MAX, "_INBOX%s%s", token[0] == '\0' ? "" : ".", token);
	snprintf(connection->answer_inbox, sizeof(connection->answer_inbox), "%s.%s", connection->inbox_root,
		 ulid_new(clock_wall_ms()).text);
	char subject[sizeof(connection->answer_inbox) + 2];
	snprintf(subject, sizeof(subject), "%s.*", connection->answer_inbox);
	connection->answers = connection_subscribe(connection, subject, NULL, answer_came, connection);
}

/* Answers that have arrived count, though the loop was too busy to look at them. */
static void take_what_came(void *context)
{
	struct connection *connection = context;
	handoff_drain(connection->handoff);
}

struct connection *connection_open(uv_loop_t *loop, const struct connection_settings *settings, struct error *error)
{
	if (!check(settings, error))
		return NULL;
	struct connection *connection = calloc(1, sizeof(*connection));
	if (connection == NULL)
		abort();
	connection->loop = loop;
	connection->settings = *settings;
	connection->url = copy(settings->url);
	connection->name = copy(settings->name == NULL ? "roost" : settings->name);
	connection->credentials_file = copy(settings->credentials_file);
	connection->backoff_ms = BACKOFF_FIRST_MS;
	connection->handoff = handoff_start(loop, deliver, connection);
	connection->requests = requests_start(loop, take_what_came, connection);
	uv_timer_init(loop, &connection->redial);
	connection->redial.data = connection;
	make_inbox(connection, settings->inbox_user);
	redial(&connection->redial);
	return connection;
}

static void all_closed(struct connection *connection)
{
	if (--connection->handles > 0)
		return;
	void (*closed)(void *context) = connection->closed;
	void *context = connection->closed_context;
	waste_empty(&connection->waste);
	free(connection->url);
	free(connection->name);
	free(connection->credentials_file);
	free(connection->last_failure);
	free(connection);
	if (closed != NULL)
		closed(context);
}

static void handoff_closed(void *context)
{
	all_closed(context);
}

static void timer_closed(uv_handle_t *handle)
{
	all_closed(handle->data);
}

/* Nothing of the library may call back any more: then the memory can go. */
static void end_when_quiet(struct connection *connection)
{
	if (connection->line != NULL || connection->state == ENDED)
		return;
	for (struct subscription *one = connection->subscriptions; one != NULL; one = one->next)
		if (one->listeners > 0)
			return;
	connection->state = ENDED;
	connection->handles = 2;
	handoff_stop(connection->handoff, handoff_closed);
	uv_close((uv_handle_t *)&connection->redial, timer_closed);
}

static void cancel_all(struct connection *connection)
{
	struct subscription *next;
	for (struct subscription *one = connection->subscriptions; one != NULL; one = next) {
		next = one->next;
		subscription_cancel(one);
	}
}

void connection_close(struct connection *connection, void (*closed)(void *context), void *context)
{
	connection->closing = true;
	connection->closed = closed;
	connection->closed_context = context;
	requests_fail_all(connection->requests, ERROR_PLATFORM_UNAVAILABLE, "the connection is being closed");
	watch_call(&connection->watches, WATCH_CLOSING);
	watch_clear(&connection->watches);
	requests_stop(connection->requests);
	cancel_all(connection);
	uv_timer_stop(&connection->redial);
	if (connection->state == ONLINE)
		start_hanging_up(connection);
	end_when_quiet(connection);
}

bool connection_is_online(const struct connection *connection)
{
	return connection->state == ONLINE && !connection->closing;
}

uv_loop_t *connection_loop(const struct connection *connection)
{
	return connection->loop;
}

const char *connection_server_version(const struct connection *connection)
{
	return connection->version;
}

struct connection_watch *connection_watch(struct connection *connection, void (*online)(void *context),
					  void (*offline)(void *context), void (*closing)(void *context), void *context)
{
	return watch_add(&connection->watches, online, offline, closing, context);
}
