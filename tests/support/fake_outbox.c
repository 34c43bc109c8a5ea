/* Sends the oldest batch and waits for its answer; what the answer says is taken is forgotten, anything
 * else is tried again after a pause. */
#include "tests/support/fake_outbox.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <stdlib.h>
#include <string.h>

enum { PAUSE_MS = 50, ANSWER_TIMEOUT_MS = 3000 };

struct packed_report {
	struct packed_report *next;
	uint64_t number;
	size_t size;
	unsigned char data[];
};

struct fake_outbox {
	struct connection *connection;
	char node_id[27];
	uint64_t agent_epoch, next_number;
	struct packed_report *first, *last;
	int waiting;
	uint32_t answer_timeout_ms;
	bool outstanding;
	uint64_t ticket;
	uv_timer_t pause;
};

static void send_batch(struct fake_outbox *outbox);

static void forget_taken(struct fake_outbox *outbox, uint64_t taken)
{
	while (outbox->first != NULL && outbox->first->number <= taken) {
		struct packed_report *report = outbox->first;
		outbox->first = report->next;
		if (outbox->first == NULL)
			outbox->last = NULL;
		outbox->waiting--;
		free(report);
	}
}

static void pause_over(uv_timer_t *timer)
{
	send_batch(timer->data);
}

static void answered(void *context, const struct incoming *message, const struct error *error)
{
	struct fake_outbox *outbox = context;
	struct arena *arena = arena_new();
	Roost__ReportAnswer *answer = NULL;
	struct error ignored;
	(void)error;
	outbox->outstanding = false;
	if (message != NULL && incoming_header(message, HEADER_ERROR_CODE) == NULL)
		answer = (Roost__ReportAnswer *)message_unpack(&roost__report_answer__descriptor, message->data, arena,
							       &ignored);
	if (answer != NULL && answer->agent_epoch == outbox->agent_epoch) {
		forget_taken(outbox, answer->taken);
		send_batch(outbox);
	} else {
		uv_timer_start(&outbox->pause, pause_over, PAUSE_MS, 0);
	}
	arena_free(arena);
}

static void send_batch(struct fake_outbox *outbox)
{
	if (outbox->outstanding || outbox->first == NULL)
		return;
	struct arena *arena = arena_new();
	struct error error;
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	batch.node_id = outbox->node_id;
	batch.has_agent_epoch = true;
	batch.agent_epoch = outbox->agent_epoch;
	batch.reports = arena_array_of(arena, Roost__Report *, REPORT_BATCH_MAX);
	for (struct packed_report *report = outbox->first; report != NULL && batch.n_reports < REPORT_BATCH_MAX;
	     report = report->next)
		batch.reports[batch.n_reports++] = (Roost__Report *)message_unpack(
		    &roost__report__descriptor, (struct bytes){report->data, report->size}, arena, &error);
	struct subject subject = subject_report(outbox->node_id);
	struct outgoing message = {.subject = subject.text, .data = message_pack(&batch.base, arena)};
	outbox->outstanding = true;
	outbox->ticket = connection_request(outbox->connection, &message, outbox->answer_timeout_ms, answered, outbox);
	arena_free(arena);
}

struct fake_outbox *fake_outbox_new(struct connection *connection, const char *node_id, uint64_t agent_epoch,
				    uint32_t answer_timeout_ms)
{
	struct fake_outbox *outbox = calloc(1, sizeof(*outbox));
	outbox->connection = connection;
	strcpy(outbox->node_id, node_id);
	outbox->agent_epoch = agent_epoch != 0 ? agent_epoch : (uint64_t)clock_wall_ms();
	outbox->next_number = 1;
	outbox->answer_timeout_ms = answer_timeout_ms != 0 ? answer_timeout_ms : ANSWER_TIMEOUT_MS;
	uv_timer_init(connection_loop(connection), &outbox->pause);
	outbox->pause.data = outbox;
	return outbox;
}

static void timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void fake_outbox_free(struct fake_outbox *outbox)
{
	if (outbox->outstanding)
		connection_forget(outbox->connection, outbox->ticket);
	forget_taken(outbox, UINT64_MAX);
	uv_close((uv_handle_t *)&outbox->pause, timer_closed);
}

void fake_outbox_put(struct fake_outbox *outbox, const Roost__Report *report)
{
	Roost__Report numbered = *report;
	numbered.has_number = true;
	numbered.number = outbox->next_number++;
	numbered.has_happened_at = true;
	numbered.happened_at = clock_wall_ms();
	size_t size = protobuf_c_message_get_packed_size(&numbered.base);
	struct packed_report *packed = malloc(sizeof(*packed) + size);
	packed->next = NULL;
	packed->number = numbered.number;
	packed->size = size;
	protobuf_c_message_pack(&numbered.base, packed->data);
	if (outbox->last != NULL)
		outbox->last->next = packed;
	else
		outbox->first = packed;
	outbox->last = packed;
	outbox->waiting++;
	send_batch(outbox);
}

int fake_outbox_waiting(const struct fake_outbox *outbox)
{
	return outbox->waiting;
}

uint64_t fake_outbox_epoch(const struct fake_outbox *outbox)
{
	return outbox->agent_epoch;
}
