/* nats.c, blocking. It reconnects by itself; requests in flight fail at once when the line is lost, so
 * that whoever asked can ask again with the same key. A client that waits is woken by the feed and by
 * every reconnection, after which it looks again: nothing is missed and nothing is polled. */
#include "controller/cli/client.h"

#include "bus/foundation/clock.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <inttypes.h>
#include <nats/nats.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	CONNECT_PATIENCE_MS = 2000, /* a server that is being restarted */
	CONNECT_PAUSE_MS = 50,
	LOGIN_TRIES = 4,
	CONNECT_TIMEOUT_MS = 2000,
	WRITE_DEADLINE_MS = 1000,
	RECONNECT_WAIT_MS = 100,
	PING_INTERVAL_MS = 10000,
	FLUSH_TIMEOUT_MS = 5000,
};

struct client {
	natsOptions *options;
	natsConnection *connection;
	natsSubscription *feed;
	char *owner;
	char inbox[OWNER_TOKEN_MAX + 16];
	pthread_mutex_t lock; /* guards what follows: the library's threads write it */
	pthread_cond_t changed;
	bool woken;
	bool gone;
	uint64_t newest_seq;
	char refusal[256]; /* what the server refused last; "" for nothing */
};

static void wake(struct client *client)
{
	client->woken = true;
	pthread_cond_signal(&client->changed);
}

static void on_reconnected(natsConnection *connection, void *closure)
{
	(void)connection;
	struct client *client = closure;
	pthread_mutex_lock(&client->lock);
	wake(client);
	pthread_mutex_unlock(&client->lock);
}

static void on_closed(natsConnection *connection, void *closure)
{
	(void)connection;
	struct client *client = closure;
	pthread_mutex_lock(&client->lock);
	client->gone = true;
	wake(client);
	pthread_mutex_unlock(&client->lock);
}

/* A refused permission comes here only: a request would just time out, and a feed be waited for without
 * end. Everything else mends itself: the library logs in again, a slow consumer has missed wake-ups. */
static void on_error(natsConnection *connection, natsSubscription *subscription, natsStatus status, void *closure)
{
	(void)subscription;
	struct client *client = closure;
	const char *text = NULL;
	if (status != NATS_NOT_PERMITTED)
		return;
	natsConnection_GetLastError(connection, &text);
	pthread_mutex_lock(&client->lock);
	snprintf(client->refusal, sizeof(client->refusal), "%s", text == NULL ? "" : text);
	wake(client);
	pthread_mutex_unlock(&client->lock);
}

static void on_stored(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *closure)
{
	(void)connection;
	(void)subscription;
	struct client *client = closure;
	const char *text = NULL;
	uint64_t seq = natsMsgHeader_Get(message, "Nats-Sequence", &text) == NATS_OK ? strtoull(text, NULL, 10) : 0;
	pthread_mutex_lock(&client->lock);
	if (seq > client->newest_seq)
		client->newest_seq = seq;
	wake(client);
	pthread_mutex_unlock(&client->lock);
	natsMsg_Destroy(message);
}

static natsStatus set_options(struct client *client, const char *url, const char *credentials)
{
	natsOptions *options = client->options;
	natsStatus status = natsOptions_SetURL(options, url);
	if (status == NATS_OK && credentials[0] != '\0')
		status = natsOptions_SetUserCredentialsFromFiles(options, credentials, NULL);
	if (status != NATS_OK)
		return status;
	char token[OWNER_TOKEN_MAX];
	owner_to_token(client->owner, token);
	snprintf(client->inbox, sizeof(client->inbox), "_INBOX.%s", token);
	natsOptions_SetName(options, "roost");
	natsOptions_SetCustomInboxPrefix(options, client->inbox);
	natsOptions_SetSendAsap(options, true);
	natsOptions_SetTimeout(options, CONNECT_TIMEOUT_MS);
	natsOptions_SetWriteDeadline(options, WRITE_DEADLINE_MS);
	natsOptions_SetMaxReconnect(options, -1);
	natsOptions_SetReconnectWait(options, RECONNECT_WAIT_MS);
	natsOptions_SetPingInterval(options, PING_INTERVAL_MS);
	natsOptions_SetMaxPingsOut(options, 2);
	natsOptions_SetFailRequestsOnDisconnect(options, true);
	natsOptions_SetReconnectedCB(options, on_reconnected, client);
	natsOptions_SetClosedCB(options, on_closed, client);
	natsOptions_SetErrorHandler(options, on_error, client);
	return NATS_OK;
}

/* nats.c 3.4.1 takes a signature whose first byte is zero for none at all, so one login in 256 is refused
 * with good credentials; the next one has another nonce. */
static natsStatus connect_once(struct client *client)
{
	natsStatus status = NATS_CONNECTION_AUTH_FAILED;
	for (int i = 0; i < LOGIN_TRIES && status == NATS_CONNECTION_AUTH_FAILED; i++)
		status = natsConnection_Connect(&client->connection, client->options);
	return status;
}

static natsStatus connect_patiently(struct client *client)
{
	int64_t deadline = clock_monotonic_ms() + CONNECT_PATIENCE_MS;
	for (;;) {
		natsStatus status = connect_once(client);
		if (status != NATS_NO_SERVER || clock_monotonic_ms() >= deadline)
			return status;
		nats_Sleep(CONNECT_PAUSE_MS);
	}
}

static struct client *client_new(const char *owner)
{
	struct client *client = calloc(1, sizeof(*client));
	if (client == NULL || (client->owner = strdup(owner)) == NULL)
		abort();
	pthread_mutex_init(&client->lock, NULL);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&client->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return client;
}

struct client *client_open(const char *url, const char *credentials, const char *owner, struct error *error)
{
	char token[OWNER_TOKEN_MAX];
	if (!owner_to_token(owner, token)) {
		error_set(error, ERROR_INVALID_ARGUMENT, "\"%.100s\" cannot be an owner", owner);
		return NULL;
	}
	struct client *client = client_new(owner);
	natsStatus status = natsOptions_Create(&client->options);
	if (status == NATS_OK)
		status = set_options(client, url, credentials);
	if (status == NATS_OK)
		status = connect_patiently(client);
	if (status == NATS_OK)
		return client;
	error_set(error, status == NATS_CONNECTION_AUTH_FAILED ? ERROR_UNAUTHENTICATED : ERROR_PLATFORM_UNAVAILABLE,
		  "The NATS server at %s cannot be used: %s. Is the installation up? Start it with: roost up", url,
		  natsStatus_GetText(status));
	client_close(client);
	return NULL;
}

void client_close(struct client *client)
{
	if (client == NULL)
		return;
	natsSubscription_Destroy(client->feed);
	natsConnection_Destroy(client->connection);
	natsOptions_Destroy(client->options);
	nats_CloseAndWait(0); /* no callback runs any more: what they use can go */
	pthread_mutex_destroy(&client->lock);
	pthread_cond_destroy(&client->changed);
	free(client->owner);
	free(client);
}

const char *client_owner(const struct client *client)
{
	return client->owner;
}

static natsMsg *make_message(const struct client_request *request)
{
	natsMsg *message = NULL;
	char seq[24];
	if (natsMsg_Create(&message, request->subject, NULL, (const char *)request->data.data,
			   (int)request->data.size) != NATS_OK)
		abort();
	natsMsgHeader_Set(message, HEADER_CONTENT_TYPE, CONTENT_TYPE_PROTOBUF);
	if (request->idempotency_key != NULL)
		natsMsgHeader_Set(message, HEADER_IDEMPOTENCY_KEY, request->idempotency_key);
	if (request->min_seq > 0) {
		snprintf(seq, sizeof(seq), "%" PRIu64, request->min_seq);
		natsMsgHeader_Set(message, HEADER_MIN_SEQ, seq);
	}
	return message;
}

static void read_answer(natsMsg *message, struct arena *arena, struct client_answer *answer)
{
	const char *text = NULL;
	size_t size = (size_t)natsMsg_GetDataLength(message);
	answer->data = (struct bytes){arena_copy(arena, natsMsg_GetData(message), size), size};
	answer->is_error = natsMsgHeader_Get(message, HEADER_ERROR_CODE, &text) == NATS_OK;
	answer->seq = natsMsgHeader_Get(message, HEADER_SEQ, &text) == NATS_OK ? strtoull(text, NULL, 10) : 0;
}

/* False, and why, when the server has refused something. */
static bool not_refused(struct client *client, struct error *error)
{
	char refusal[sizeof(client->refusal)];
	pthread_mutex_lock(&client->lock);
	memcpy(refusal, client->refusal, sizeof(refusal));
	pthread_mutex_unlock(&client->lock);
	return refusal[0] == '\0' || error_set(error, ERROR_FORBIDDEN, "The NATS server refuses: %s", refusal);
}

/* Why no answer came, for people. */
static bool no_answer(struct client *client, natsStatus status, struct error *error)
{
	if (!not_refused(client, error))
		return false;
	if (status == NATS_NO_RESPONDERS)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "No controller answers. Is the installation up?");
	if (status == NATS_TIMEOUT)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "No answer came in time.");
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "No answer came: %s.", natsStatus_GetText(status));
}

bool client_ask(struct client *client, const struct client_request *request, int64_t timeout_ms, struct arena *arena,
		struct client_answer *answer, struct error *error)
{
	natsMsg *message = make_message(request);
	natsMsg *reply = NULL;
	natsStatus status =
	    natsConnection_RequestMsg(&reply, client->connection, message, timeout_ms > 0 ? timeout_ms : 1);
	natsMsg_Destroy(message);
	if (status != NATS_OK)
		return no_answer(client, status, error);
	read_answer(reply, arena, answer);
	natsMsg_Destroy(reply);
	return true;
}

bool client_watch(struct client *client, struct error *error)
{
	if (client->feed != NULL)
		return true;
	natsStatus status = natsConnection_Subscribe(&client->feed, client->connection,
						     subject_feed_of_owner(client->owner).text, on_stored, client);
	if (status == NATS_OK)
		status = natsConnection_FlushTimeout(client->connection, FLUSH_TIMEOUT_MS);
	const char *refusal = NULL;
	if (status == NATS_OK && natsConnection_GetLastError(client->connection, &refusal) == NATS_NOT_PERMITTED)
		return error_set(error, ERROR_FORBIDDEN, "The NATS server refuses: %s", refusal);
	if (status == NATS_OK)
		return true;
	return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The feed cannot be followed: %s.",
			 natsStatus_GetText(status));
}

/* With the lock held. */
static void await_change(struct client *client, int64_t until_ms)
{
	const struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
	while (!client->woken) {
		if (until_ms == INT64_MAX)
			pthread_cond_wait(&client->changed, &client->lock);
		else if (pthread_cond_timedwait(&client->changed, &client->lock, &until) != 0)
			return;
	}
}

bool client_wait(struct client *client, uint64_t *seq, int64_t until_ms, struct error *error)
{
	pthread_mutex_lock(&client->lock);
	await_change(client, until_ms);
	client->woken = false;
	bool gone = client->gone;
	if (client->newest_seq > *seq)
		*seq = client->newest_seq;
	pthread_mutex_unlock(&client->lock);
	if (gone)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The NATS server has ended the connection.");
	return not_refused(client, error);
}
