/* nats.c 3.4.1. What is set, and why:
 *
 * - SendAsap: without it every publish waits for a flusher that sleeps for a millisecond.
 * - WriteDeadline: without it a publish blocks for ever when the server stops reading.
 * - No reconnection by the library: it buffers what is published while it is offline, and after two
 *   refused authentications it gives up for good. A line that is lost is replaced by a new one
 *   instead (connection.c), which is one way for every cause.
 * - One delivery thread for all subscriptions instead of one each; callbacks only queue.
 * - Credentials from a file: the library reads it again at every dial, so a renewed token is taken.
 *
 * Dialling and destroying block, so each has a thread for as long as it takes. The library does not
 * tell the server's version: the greeting is read once more on a socket of our own. */
#include "bus/link/library.h"

#include "bus/foundation/clock.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	DIAL_TIMEOUT_MS = 2000,
	GREETING_TIMEOUT_MS = 1000,
	GREETING_BYTES_MAX = 32 * 1024,
	WRITE_DEADLINE_MS = 1000,
	PING_INTERVAL_MS = 10 * 1000,
	PINGS_UNANSWERED_MAX = 2,
	URL_MAX = 512,
	SERVERS_MAX = 16,
	LOGIN_TRIES = 3,
};

/* ---- callbacks, on the library's threads: queue and return ---- */

/* What every listener begins with. */
struct listener {
	struct handoff *handoff;
};

static void on_message(natsConnection *nats, natsSubscription *subscription, natsMsg *message, void *closure)
{
	(void)nats;
	(void)subscription;
	struct listener *listener = closure;
	struct handoff_item item = {
	    .kind = LIBRARY_MESSAGE, .target = listener, .data = message, .at_ms = clock_monotonic_ms()};
	if (!handoff_push_message(listener->handoff, &item))
		natsMsg_Destroy(message);
}

static void on_silent(void *closure)
{
	struct listener *listener = closure;
	handoff_push_event(listener->handoff, &(struct handoff_item){.kind = LIBRARY_SILENT, .target = listener});
}

static void on_closed(natsConnection *nats, void *closure)
{
	(void)nats;
	struct line *line = closure;
	handoff_push_event(line->handoff, &(struct handoff_item){.kind = LIBRARY_CLOSED, .target = line});
}

static void on_error(natsConnection *nats, natsSubscription *subscription, natsStatus status, void *closure)
{
	(void)subscription;
	struct line *line = closure;
	const char *text = NULL;
	natsConnection_GetLastError(nats, &text);
	char *copy = strdup(text != NULL && text[0] != '\0' ? text : natsStatus_GetText(status));
	struct handoff_item item = {.kind = LIBRARY_REFUSED, .target = line, .data = copy};
	if (copy != NULL && !handoff_push_message(line->handoff, &item))
		free(copy);
}

/* ---- addresses ---- */

/* Copies the next address of a list; returns where to go on, or NULL at the end. */
static const char *next_url(const char *list, char url[URL_MAX])
{
	while (*list == ' ' || *list == ',')
		list++;
	size_t length = strcspn(list, " ,");
	if (length == 0)
		return NULL;
	snprintf(url, URL_MAX, "%.*s", (int)length, list);
	return list + length;
}

/* Host and port of scheme://[user@]host[:port][/...]; an IPv6 host stands in brackets. */
static bool parse_url(const char *url, char host[URL_MAX], char port[8])
{
	const char *rest = strstr(url, "://");
	if (rest == NULL || (strncmp(url, "nats://", 7) != 0 && strncmp(url, "tls://", 6) != 0))
		return false;
	rest += 3;
	char authority[URL_MAX];
	snprintf(authority, sizeof(authority), "%.*s", (int)strcspn(rest, "/"), rest);
	char *at = strrchr(authority, '@');
	char *name = at == NULL ? authority : at + 1;
	char *colon = strrchr(name, ':');
	snprintf(port, 8, "4222");
	if (name[0] == '[') {
		char *bracket = strchr(name++, ']');
		if (bracket == NULL)
			return false;
		colon = bracket[1] == ':' ? bracket + 1 : NULL;
		*bracket = '\0';
	}
	if (colon != NULL) {
		char *end;
		long number = strtol(colon + 1, &end, 10);
		if (*end != '\0' || number < 1 || number > 65535)
			return false;
		snprintf(port, 8, "%ld", number);
		*colon = '\0';
	}
	snprintf(host, URL_MAX, "%s", name);
	return name[0] != '\0';
}

bool library_url_valid(const char *url)
{
	char one[URL_MAX];
	char host[URL_MAX];
	char port[8];
	int count = 0;
	while (url != NULL && (url = next_url(url, one)) != NULL && count < SERVERS_MAX) {
		if (!parse_url(one, host, port))
			return false;
		count++;
	}
	return count > 0;
}

bool library_credentials_readable(const char *path, struct error *error)
{
	char text[512] = "";
	FILE *file = fopen(path, "re");
	if (file == NULL)
		return error_errno(error, errno, "credentials %s", path);
	size_t length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = '\0';
	if (strstr(text, "-----BEGIN NATS USER JWT-----") == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s holds no NATS credentials", path);
	return true;
}

/* ---- the server's greeting ---- */

static int connect_to(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	if (getaddrinfo(host, port, &hints, &found) != 0)
		return -1;
	int fd = -1;
	struct timeval timeout = {.tv_sec = GREETING_TIMEOUT_MS / 1000};
	for (struct addrinfo *one = found; one != NULL && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, 0);
		if (fd < 0)
			continue;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
		if (connect(fd, one->ai_addr, one->ai_addrlen) != 0) {
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(found);
	return fd;
}

/* INFO {"server_id":"...","version":"2.10.27",...}\r\n */
static void read_version(const char *url, char version[SERVER_VERSION_MAX])
{
	char host[URL_MAX];
	char port[8];
	version[0] = '\0';
	int fd = parse_url(url, host, port) ? connect_to(host, port) : -1;
	char *greeting = fd < 0 ? NULL : malloc(GREETING_BYTES_MAX + 1);
	size_t length = 0;
	while (greeting != NULL && length < GREETING_BYTES_MAX) {
		ssize_t got = read(fd, greeting + length, GREETING_BYTES_MAX - length);
		if (got <= 0)
			break;
		length += (size_t)got;
		greeting[length] = '\0';
		if (strchr(greeting, '\n') != NULL)
			break;
	}
	const char *value = length == 0 ? NULL : strstr(greeting, "\"version\":\"");
	if (value != NULL) {
		value += strlen("\"version\":\"");
		snprintf(version, SERVER_VERSION_MAX, "%.*s", (int)strcspn(value, "\""), value);
	}
	free(greeting);
	if (fd >= 0)
		close(fd);
}

/* ---- dialling ---- */

static natsStatus set_servers(natsOptions *options, const char *list)
{
	char urls[SERVERS_MAX][URL_MAX];
	const char *pointers[SERVERS_MAX];
	int count = 0;
	bool secure = false;
	while (count < SERVERS_MAX && (list = next_url(list, urls[count])) != NULL) {
		secure = secure || strncmp(urls[count], "tls://", 6) == 0;
		pointers[count] = urls[count];
		count++;
	}
	natsStatus status = natsOptions_SetServers(options, pointers, count);
	return status == NATS_OK && secure ? natsOptions_SetSecure(options, true) : status;
}

static natsStatus set_options(natsOptions *options, struct line *line)
{
	natsStatus status = set_servers(options, line->url);
#define SET(call)                                                                                                      \
	if (status == NATS_OK)                                                                                         \
	status = (call)
	SET(natsOptions_SetName(options, line->name));
	SET(natsOptions_SetTimeout(options, DIAL_TIMEOUT_MS));
	SET(natsOptions_SetAllowReconnect(options, false));
	SET(natsOptions_SetSendAsap(options, true));
	SET(natsOptions_SetWriteDeadline(options, WRITE_DEADLINE_MS));
	SET(natsOptions_SetPingInterval(options, PING_INTERVAL_MS));
	SET(natsOptions_SetMaxPingsOut(options, PINGS_UNANSWERED_MAX));
	SET(natsOptions_UseGlobalMessageDelivery(options, true));
	SET(natsOptions_SetClosedCB(options, on_closed, line));
	SET(natsOptions_SetErrorHandler(options, on_error, line));
	if (line->credentials_file != NULL)
		SET(natsOptions_SetUserCredentialsFromFiles(options, line->credentials_file, NULL));
#undef SET
	return status;
}

/* A signature whose first byte is zero is taken for none at all, so one login in 256 is refused with
 * good credentials ("Signature missing" in the server's log); the next one has another nonce. */
static natsStatus log_in(struct line *line, natsOptions *options)
{
	natsStatus status = NATS_CONNECTION_AUTH_FAILED;
	for (int i = 0; i < LOGIN_TRIES && status == NATS_CONNECTION_AUTH_FAILED; i++)
		status = natsConnection_Connect(&line->nats, options);
	return status;
}

static void dial(void *argument)
{
	struct line *line = argument;
	natsOptions *options = NULL;
	natsStatus status = natsOptions_Create(&options);
	if (status == NATS_OK)
		status = set_options(options, line);
	if (status == NATS_OK)
		status = log_in(line, options);
	natsOptions_Destroy(options);
	char url[URL_MAX] = "";
	if (status == NATS_OK && natsConnection_GetConnectedUrl(line->nats, url, sizeof(url)) == NATS_OK)
		read_version(url, line->version);
	if (status != NATS_OK) {
		const char *more = nats_GetLastError(NULL);
		line->nats = NULL;
		error_set(&line->error, ERROR_PLATFORM_UNAVAILABLE, "%s%s%s", natsStatus_GetText(status),
			  more == NULL ? "" : ": ", more == NULL ? "" : more);
	}
	nats_ReleaseThreadMemory();
	handoff_push_event(line->handoff, &(struct handoff_item){.kind = LIBRARY_JOB_DONE, .target = line});
}

static void hang_up(void *argument)
{
	struct line *line = argument;
	natsConnection_Destroy(line->nats);
	nats_ReleaseThreadMemory();
	handoff_push_event(line->handoff, &(struct handoff_item){.kind = LIBRARY_JOB_DONE, .target = line});
}

static void set_up_library(void)
{
	nats_Open(-1);
	nats_SetMessageDeliveryPoolSize(1);
}

void library_dial(struct line *line)
{
	static uv_once_t once = UV_ONCE_INIT;
	uv_once(&once, set_up_library);
	if (uv_thread_create(&line->thread, dial, line) != 0)
		abort();
}

void library_hang_up(struct line *line)
{
	if (uv_thread_create(&line->thread, hang_up, line) != 0)
		abort();
}

/* ---- use, on the loop thread ---- */

natsSubscription *library_subscribe(struct line *line, const char *subject, const char *queue, void *listener)
{
	natsSubscription *made = NULL;
	natsStatus status =
	    queue == NULL ? natsConnection_Subscribe(&made, line->nats, subject, on_message, listener)
			  : natsConnection_QueueSubscribe(&made, line->nats, subject, queue, on_message, listener);
	if (status == NATS_OK)
		status = natsSubscription_SetOnCompleteCB(made, on_silent, listener);
	if (status == NATS_OK)
		return made;
	natsSubscription_Destroy(made);
	return NULL;
}

static natsStatus publish_with_headers(struct line *line, const struct outgoing *message, const char *reply,
				       struct waste *waste)
{
	natsMsg *made = NULL;
	natsStatus status =
	    natsMsg_Create(&made, message->subject, reply, (const char *)message->data.data, (int)message->data.size);
	for (size_t i = 0; status == NATS_OK && i < message->header_count; i++)
		status = natsMsgHeader_Set(made, message->headers[i].name, message->headers[i].value);
	if (status == NATS_OK)
		status = natsConnection_PublishMsg(line->nats, made);
	waste_add(waste, made);
	return status;
}

natsStatus library_publish(struct line *line, const struct outgoing *message, const char *reply, struct waste *waste)
{
	if (message->header_count > 0)
		return publish_with_headers(line, message, reply, waste);
	if (reply != NULL)
		return natsConnection_PublishRequest(line->nats, message->subject, reply, message->data.data,
						     (int)message->data.size);
	return natsConnection_Publish(line->nats, message->subject, message->data.data, (int)message->data.size);
}
