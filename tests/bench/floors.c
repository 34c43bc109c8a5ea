/* A bare responder in a process of its own, bare synced appends, a bare delivery. */
#include "tests/bench/floors.h"

#include "bus/foundation/clock.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAYLOAD_MAX = 64 * 1024, SLOTS_MAX = 1024 };

static const char payload[PAYLOAD_MAX];

static void answer(natsConnection *connection, natsSubscription *subscription, natsMsg *message, void *context)
{
	(void)subscription;
	natsConnection_Publish(connection, natsMsg_GetReply(message), payload, *(int *)context);
	natsMsg_Destroy(message);
}

static void respond(const char *url, const char *credentials_file, int answer_size, int ready)
{
	natsSubscription *subscription = NULL;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	natsConnection *connection = bench_connect(url, credentials_file, "floor");
	bench_check(natsConnection_Subscribe(&subscription, connection, "floor.query", answer, &answer_size),
		    "subscribe");
	bench_check(natsConnection_Flush(connection), "flush");
	if (write(ready, "r", 1) != 1)
		exit(1);
	for (;;)
		pause();
}

pid_t floor_responder_start(const char *url, const char *credentials_file, int answer_size)
{
	int ready[2];
	char byte;
	if (pipe(ready) != 0)
		abort();
	pid_t process = fork();
	if (process == 0) {
		/* A fresh image: the library's threads did not come along with the fork. */
		char size[16], fd[16];
		snprintf(size, sizeof(size), "%d", answer_size);
		snprintf(fd, sizeof(fd), "%d", ready[1]);
		execl("/proc/self/exe", "floor-responder", url, credentials_file, size, fd, (char *)NULL);
		_exit(1);
	}
	close(ready[1]);
	if (process < 0 || read(ready[0], &byte, 1) != 1) {
		fprintf(stderr, "the bare responder did not start\n");
		exit(1);
	}
	close(ready[0]);
	return process;
}

void floor_responder_become(int argc, char **argv)
{
	if (argc == 5 && strcmp(argv[0], "floor-responder") == 0)
		respond(argv[1], argv[2], atoi(argv[3]), atoi(argv[4]));
}

void floor_responder_stop(pid_t process)
{
	kill(process, SIGKILL);
	waitpid(process, NULL, 0);
}

static void make_query(void *context, int slot, int round, struct request *request)
{
	(void)slot;
	(void)round;
	strcpy(request->subject, "floor.query");
	request->data = payload;
	request->size = *(int *)context;
}

double floor_queries(natsConnection *connection, const char *user, int in_flight, int rounds, int request_size,
		     struct samples *samples)
{
	struct flight flight = {
	    .connection = connection,
	    .user = user,
	    .make = make_query,
	    .context = &request_size,
	    .slots = in_flight,
	    .rounds = rounds,
	};
	return fly(&flight, samples);
}

struct appends {
	int size;
	char ids[SLOTS_MAX][32];
	char expected[SLOTS_MAX][24];
};

static void make_append(void *context, int slot, int round, struct request *request)
{
	struct appends *appends = context;
	snprintf(request->subject, sizeof(request->subject), "floor.log.%d", slot);
	snprintf(appends->ids[slot], sizeof(appends->ids[slot]), "%d-%d-%lld", slot, round,
		 (long long)clock_monotonic_ns());
	if (round == 0)
		strcpy(appends->expected[slot], "0");
	request->data = payload;
	request->size = appends->size;
	request->headers[0][0] = "Nats-Msg-Id";
	request->headers[0][1] = appends->ids[slot];
	request->headers[1][0] = "Nats-Expected-Last-Subject-Sequence";
	request->headers[1][1] = appends->expected[slot];
}

static void note_sequence(void *context, int slot, natsMsg *answer)
{
	struct appends *appends = context;
	const char *sequence = strstr(natsMsg_GetData(answer), "\"seq\":");
	if (sequence == NULL || strstr(natsMsg_GetData(answer), "\"error\"") != NULL) {
		fprintf(stderr, "a bare append was refused: %s\n", natsMsg_GetData(answer));
		exit(1);
	}
	snprintf(appends->expected[slot], sizeof(appends->expected[slot]), "%llu", strtoull(sequence + 6, NULL, 10));
}

static void make_stream(natsConnection *connection)
{
	static const char configuration[] = "{\"name\":\"FLOOR\",\"subjects\":[\"floor.log.*\"],\"storage\":\"file\","
					    "\"retention\":\"limits\",\"discard\":\"new\",\"num_replicas\":1,"
					    "\"max_msgs\":-1,\"max_bytes\":-1,\"duplicate_window\":600000000000}";
	natsMsg *answer = NULL;
	natsConnection_RequestString(&answer, connection, "$JS.API.STREAM.DELETE.FLOOR", "", 5000);
	natsMsg_Destroy(answer);
	answer = NULL;
	bench_check(
	    natsConnection_RequestString(&answer, connection, "$JS.API.STREAM.CREATE.FLOOR", configuration, 5000),
	    "make the stream for bare appends");
	natsMsg_Destroy(answer);
}

double floor_appends(natsConnection *connection, const char *user, int in_flight, int rounds, int record_size,
		     struct samples *samples)
{
	struct appends *appends = calloc(1, sizeof(*appends));
	appends->size = record_size;
	make_stream(connection);
	struct flight flight = {
	    .connection = connection,
	    .user = user,
	    .make = make_append,
	    .answered = note_sequence,
	    .context = appends,
	    .slots = in_flight,
	    .rounds = rounds,
	};
	double rate = fly(&flight, samples);
	free(appends);
	return rate;
}

void floor_deliveries(natsConnection *publisher, natsConnection *subscriber, int rounds, int size,
		      struct samples *samples)
{
	natsSubscription *subscription = NULL;
	bench_check(natsConnection_SubscribeSync(&subscription, subscriber, "floor.tail"), "subscribe");
	bench_check(natsConnection_Flush(subscriber), "flush");
	for (int round = 0; round < rounds; round++) {
		natsMsg *message = NULL;
		int64_t sent = clock_monotonic_ns();
		bench_check(natsConnection_Publish(publisher, "floor.tail", payload, size), "publish");
		bench_check(natsSubscription_NextMsg(&message, subscription, 5000), "delivery");
		samples_add(samples, clock_monotonic_ns() - sent);
		natsMsg_Destroy(message);
	}
	natsSubscription_Destroy(subscription);
}
