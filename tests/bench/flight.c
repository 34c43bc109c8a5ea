/* Each slot has one request out: its answer, on _INBOX.<user>.flight.<slot>, sends the next. */
#include "tests/bench/flight.h"

#include "bus/foundation/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FLIGHT_TIMEOUT_S = 60 };

struct slot {
	int round;
	int64_t sent_ns;
};

struct run {
	const struct flight *flight;
	struct samples *samples;
	struct slot *slots;
	char inbox[128];
	size_t inbox_length;
	int landed;    /* slots that have flown all rounds */
	bool grounded; /* the library has made its last call */
	pthread_mutex_t mutex;
	pthread_cond_t changed;
};

void bench_check(natsStatus status, const char *what)
{
	if (status == NATS_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
	exit(1);
}

natsConnection *bench_connect(const char *url, const char *credentials_file, const char *user)
{
	natsOptions *options = NULL;
	natsConnection *connection = NULL;
	char prefix[128];
	snprintf(prefix, sizeof(prefix), "_INBOX.%s", user);
	bench_check(natsOptions_Create(&options), "options");
	bench_check(natsOptions_SetURL(options, url), "url");
	bench_check(natsOptions_SetUserCredentialsFromFiles(options, credentials_file, NULL), "credentials");
	bench_check(natsOptions_SetCustomInboxPrefix(options, prefix), "inbox prefix");
	bench_check(natsOptions_SetSendAsap(options, true), "send at once");
	natsStatus status = natsConnection_Connect(&connection, options);
	for (int tries = 0; status == NATS_CONNECTION_AUTH_FAILED && tries < 5; tries++) /* 1 in 256 good ones */
		status = natsConnection_Connect(&connection, options);
	bench_check(status, "connect");
	natsOptions_Destroy(options);
	return connection;
}

static void send_next(struct run *run, int slot)
{
	const struct flight *flight = run->flight;
	struct request request = {0};
	char reply[160];
	natsMsg *message = NULL;
	flight->make(flight->context, slot, run->slots[slot].round, &request);
	snprintf(reply, sizeof(reply), "%s%d", run->inbox, slot);
	bench_check(natsMsg_Create(&message, request.subject, reply, request.data, request.size), "message");
	for (int i = 0; i < 4 && request.headers[i][0] != NULL; i++)
		bench_check(natsMsgHeader_Set(message, request.headers[i][0], request.headers[i][1]), "header");
	run->slots[slot].sent_ns = clock_monotonic_ns();
	bench_check(natsConnection_PublishMsg(flight->connection, message), "publish");
	natsMsg_Destroy(message);
}

static void refuse_errors(natsMsg *answer)
{
	const char *code = NULL;
	if (natsMsgHeader_Get(answer, "Nats-Service-Error-Code", &code) == NATS_OK || natsMsg_IsNoResponders(answer)) {
		fprintf(stderr, "an answer is an error: %s %.*s\n", code != NULL ? code : "nobody listens",
			natsMsg_GetDataLength(answer), natsMsg_GetData(answer));
		exit(1);
	}
}

static void on_answer(natsConnection *connection, natsSubscription *subscription, natsMsg *answer, void *context)
{
	(void)connection;
	(void)subscription;
	struct run *run = context;
	int64_t now = clock_monotonic_ns();
	int slot = atoi(natsMsg_GetSubject(answer) + run->inbox_length);
	refuse_errors(answer);
	if (run->samples != NULL)
		samples_add(run->samples, now - run->slots[slot].sent_ns);
	if (run->flight->answered != NULL)
		run->flight->answered(run->flight->context, slot, answer);
	natsMsg_Destroy(answer);
	if (++run->slots[slot].round < run->flight->rounds) {
		send_next(run, slot);
		return;
	}
	pthread_mutex_lock(&run->mutex);
	run->landed++;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->mutex);
}

static void on_grounded(void *context)
{
	struct run *run = context;
	pthread_mutex_lock(&run->mutex);
	run->grounded = true;
	pthread_cond_signal(&run->changed);
	pthread_mutex_unlock(&run->mutex);
}

static void wait_for_landing(struct run *run)
{
	struct timespec deadline;
	clock_gettime(CLOCK_REALTIME, &deadline);
	deadline.tv_sec += FLIGHT_TIMEOUT_S;
	pthread_mutex_lock(&run->mutex);
	while (run->landed < run->flight->slots)
		if (pthread_cond_timedwait(&run->changed, &run->mutex, &deadline) != 0) {
			fprintf(stderr, "%d of %d slots never came to their end\n", run->flight->slots - run->landed,
				run->flight->slots);
			exit(1);
		}
	pthread_mutex_unlock(&run->mutex);
}

double fly(const struct flight *flight, struct samples *samples)
{
	struct run run = {.flight = flight, .samples = samples};
	char pattern[160];
	natsSubscription *subscription = NULL;
	run.slots = calloc((size_t)flight->slots, sizeof(*run.slots));
	run.inbox_length = (size_t)snprintf(run.inbox, sizeof(run.inbox), "_INBOX.%s.flight.%lld.", flight->user,
					    (long long)clock_monotonic_ns());
	snprintf(pattern, sizeof(pattern), "%s*", run.inbox);
	pthread_mutex_init(&run.mutex, NULL);
	pthread_cond_init(&run.changed, NULL);
	bench_check(natsConnection_Subscribe(&subscription, flight->connection, pattern, on_answer, &run), "subscribe");
	int64_t started = clock_monotonic_ns();
	for (int slot = 0; slot < flight->slots; slot++)
		send_next(&run, slot);
	wait_for_landing(&run);
	double seconds = (double)(clock_monotonic_ns() - started) / 1e9;
	bench_check(natsSubscription_SetOnCompleteCB(subscription, on_grounded, &run), "completion");
	bench_check(natsSubscription_Unsubscribe(subscription), "unsubscribe");
	pthread_mutex_lock(&run.mutex);
	while (!run.grounded)
		pthread_cond_wait(&run.changed, &run.mutex);
	pthread_mutex_unlock(&run.mutex);
	natsSubscription_Destroy(subscription);
	free(run.slots);
	return (double)flight->slots * flight->rounds / seconds;
}
