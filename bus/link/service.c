/* Nine subscriptions: three verbs, each for everybody, for a name, and for one instance. The answers
 * are JSON by the rules of ADR-32, made when they are asked for. */
#include "bus/link/service.h"

#include "bus/foundation/clock.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SUBSCRIPTIONS = 9 };

enum verb { VERB_PING, VERB_INFO, VERB_STATS };

struct service {
	struct connection *connection;
	struct connection_watch *watch;
	char *name;
	char *version;
	char *id;
	char *description;
	char started[32];
	struct service_endpoint *endpoints;
	size_t endpoint_count;
	struct subscription *subscriptions[SUBSCRIPTIONS];
};

static json_t *identity(const struct service *service, const char *type)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:{}}", "type", type, "name", service->name, "id", service->id,
			 "version", service->version, "metadata");
}

static json_t *endpoint_info(const struct service_endpoint *endpoint)
{
	return json_pack("{s:s, s:s, s:s, s:{}}", "name", endpoint->name, "subject", endpoint->subject, "queue_group",
			 endpoint->queue == NULL ? "" : endpoint->queue, "metadata");
}

static json_t *endpoint_stats(const struct service_endpoint *endpoint)
{
	int64_t average = endpoint->requests == 0 ? 0 : endpoint->processing_ns / (int64_t)endpoint->requests;
	json_t *stats = endpoint_info(endpoint);
	json_object_del(stats, "metadata");
	json_object_set_new(stats, "num_requests", json_integer((json_int_t)endpoint->requests));
	json_object_set_new(stats, "num_errors", json_integer((json_int_t)endpoint->errors));
	json_object_set_new(stats, "last_error", json_string(endpoint->last_error));
	json_object_set_new(stats, "processing_time", json_integer(endpoint->processing_ns));
	json_object_set_new(stats, "average_processing_time", json_integer(average));
	return stats;
}

static json_t *endpoints(const struct service *service, json_t *(*describe)(const struct service_endpoint *))
{
	json_t *list = json_array();
	for (size_t i = 0; i < service->endpoint_count; i++)
		json_array_append_new(list, describe(&service->endpoints[i]));
	return list;
}

static json_t *describe(const struct service *service, enum verb verb)
{
	if (verb == VERB_PING)
		return identity(service, "io.nats.micro.v1.ping_response");
	if (verb == VERB_INFO) {
		json_t *info = identity(service, "io.nats.micro.v1.info_response");
		json_object_set_new(info, "description", json_string(service->description));
		json_object_set_new(info, "endpoints", endpoints(service, endpoint_info));
		return info;
	}
	json_t *stats = identity(service, "io.nats.micro.v1.stats_response");
	json_object_set_new(stats, "started", json_string(service->started));
	json_object_set_new(stats, "endpoints", endpoints(service, endpoint_stats));
	return stats;
}

static void answer(const struct service *service, enum verb verb, const struct incoming *message)
{
	static const char inbox[] = "_INBOX.";
	if (strncmp(message->reply, inbox, sizeof(inbox) - 1) != 0)
		return; /* no one to answer, or somebody who would have us publish for him */
	json_t *body = describe(service, verb);
	char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
	json_decref(body);
	if (text == NULL)
		return;
	struct outgoing reply = {.subject = message->reply, .data = {(unsigned char *)text, strlen(text)}};
	struct error error;
	connection_publish(service->connection, &reply, &error); /* whoever asks, asks again */
	free(text);
}

static void asked_ping(void *context, const struct incoming *message)
{
	answer(context, VERB_PING, message);
}

static void asked_info(void *context, const struct incoming *message)
{
	answer(context, VERB_INFO, message);
}

static void asked_stats(void *context, const struct incoming *message)
{
	answer(context, VERB_STATS, message);
}

static void subscribe(struct service *service)
{
	static const struct {
		const char *name;
		void (*asked)(void *context, const struct incoming *message);
	} verbs[] = {{"PING", asked_ping}, {"INFO", asked_info}, {"STATS", asked_stats}};
	char subject[512];
	int made = 0;
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		for (int depth = 0; depth < 3; depth++) {
			snprintf(subject, sizeof(subject), "$SRV.%s%s%s%s%s", verbs[i].name, depth > 0 ? "." : "",
				 depth > 0 ? service->name : "", depth > 1 ? "." : "", depth > 1 ? service->id : "");
			service->subscriptions[made++] =
			    connection_subscribe(service->connection, subject, NULL, verbs[i].asked, service);
		}
	}
}

/* The connection takes the subscriptions with it. */
static void connection_closing(void *context)
{
	struct service *service = context;
	memset(service->subscriptions, 0, sizeof(service->subscriptions));
	service->watch = NULL;
}

struct service *service_start(struct connection *connection, const char *name, const char *version, const char *id,
			      const char *description, struct service_endpoint *endpoint_list, size_t endpoint_count)
{
	struct service *service = calloc(1, sizeof(*service));
	if (service == NULL)
		abort();
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm parts;
	strftime(service->started, sizeof(service->started), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
	service->connection = connection;
	service->name = strdup(name);
	service->version = strdup(version);
	service->id = strdup(id);
	service->description = strdup(description);
	service->endpoints = endpoint_list;
	service->endpoint_count = endpoint_count;
	service->watch = connection_watch(connection, NULL, NULL, connection_closing, service);
	subscribe(service);
	return service;
}

void service_stop(struct service *service)
{
	if (service == NULL)
		return;
	for (int i = 0; i < SUBSCRIPTIONS; i++)
		subscription_cancel(service->subscriptions[i]);
	connection_unwatch(service->watch);
	free(service->name);
	free(service->version);
	free(service->id);
	free(service->description);
	free(service);
}
