/* The happy path: batch, answer, delete, next batch. Whatever else comes back (nobody there, an error,
 * nothing taken) leads to the same batch again, later. */
#include "nodeagent/control/outbox.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { REPORT_TIMEOUT_MS = 5000, BACKOFF_LEAST_MS = 1000, BACKOFF_MOST_MS = 30000 };

struct outbox {
	struct outbox_settings settings;
	uv_timer_t timer;
	bool waiting;	 /* for the timer */
	uint64_t ticket; /* of the batch that is outstanding */
	bool outstanding;
	uint32_t backoff_ms; /* of the last wait; 0 after a success */
	void (*closed)(void *context);
	void *closed_context;
};

struct outbox *outbox_open(uv_loop_t *loop, const struct outbox_settings *settings)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));
	if (!outbox)
		abort();
	outbox->settings = *settings;
	uv_timer_init(loop, &outbox->timer);
	outbox->timer.data = outbox;
	return outbox;
}

static void on_closed(uv_handle_t *handle)
{
	struct outbox *outbox = handle->data;
	void (*closed)(void *) = outbox->closed;
	void *context = outbox->closed_context;
	free(outbox);
	if (closed)
		closed(context);
}

void outbox_close(struct outbox *outbox, void (*closed)(void *context), void *context)
{
	if (outbox->outstanding)
		connection_forget(outbox->settings.connection, outbox->ticket);
	outbox->closed = closed;
	outbox->closed_context = context;
	uv_close((uv_handle_t *)&outbox->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct outbox *outbox = timer->data;
	outbox->waiting = false;
	outbox_kick(outbox);
}

/* Up to a quarter more or less, so that many nodes do not come back as one. */
static uint32_t with_jitter(uint32_t delay_ms)
{
	uint32_t chance = 0;
	if (getrandom(&chance, sizeof(chance), 0) != sizeof(chance))
		chance = 0;
	return delay_ms - delay_ms / 4 + chance % (delay_ms / 2);
}

static void wait_longer(struct outbox *outbox)
{
	uint32_t delay = outbox->backoff_ms ? 2 * outbox->backoff_ms : BACKOFF_LEAST_MS;
	outbox->backoff_ms = delay < BACKOFF_MOST_MS ? delay : BACKOFF_MOST_MS;
	outbox->waiting = true;
	uv_timer_start(&outbox->timer, on_timer, with_jitter(outbox->backoff_ms), 0);
}

/* The answer as a message, or NULL having said why not. */
static Roost__ReportAnswer *read_answer(const struct incoming *answer, struct arena *arena)
{
	struct error error = {0};
	const char *code = incoming_header(answer, HEADER_ERROR_CODE);
	if (code) {
		envelope_decode_error(answer->data, false, &error);
		log_warning("reports were not taken: %s", error.message);
		return NULL;
	}
	Roost__ReportAnswer *message =
	    (Roost__ReportAnswer *)message_unpack(&roost__report_answer__descriptor, answer->data, arena, &error);
	if (!message)
		log_warning("reports were answered with something else: %s", error.message);
	return message;
}

static void take(struct outbox *outbox, const Roost__ReportAnswer *answer)
{
	cutpoint(CUTPOINT_AGENT_REPORT_TAKEN);
	switch (store_take_answer(outbox->settings.store, answer, clock_wall_ms())) {
	case ANSWER_TOOK:
		outbox->backoff_ms = 0;
		outbox_kick(outbox);
		if (store_reports_waiting(outbox->settings.store) == 0)
			outbox->settings.emptied(outbox->settings.context);
		break;
	case ANSWER_NOTHING:
		wait_longer(outbox);
		break;
	case ANSWER_RENEWED:
		outbox->settings.renewed(outbox->settings.context);
		outbox_kick(outbox);
	}
}

static void on_answer(void *context, const struct incoming *answer, const struct error *error)
{
	struct outbox *outbox = context;
	outbox->outstanding = false;
	if (!answer) {
		log_debug("reports were not taken: %s", error->message);
		wait_longer(outbox);
		return;
	}
	struct arena *arena = arena_new();
	Roost__ReportAnswer *message = read_answer(answer, arena);
	if (message)
		take(outbox, message);
	else
		wait_longer(outbox);
	arena_free(arena);
}

static void send_batch(struct outbox *outbox, struct arena *arena)
{
	const struct outbox_settings *settings = &outbox->settings;
	Roost__ReportBatch batch = ROOST__REPORT_BATCH__INIT;
	batch.n_reports = store_batch(settings->store, arena, &batch.reports);
	batch.node_id = settings->node_id;
	batch.has_agent_epoch = true;
	batch.agent_epoch = store_identity(settings->store)->agent_epoch;
	struct subject subject = subject_report(settings->node_id);
	struct outgoing message = {.subject = subject.text, .data = message_pack(&batch.base, arena)};
	cutpoint(CUTPOINT_AGENT_BEFORE_REPORT);
	outbox->outstanding = true;
	outbox->ticket = connection_request(settings->connection, &message, REPORT_TIMEOUT_MS, on_answer, outbox);
}

void outbox_kick(struct outbox *outbox)
{
	if (!outbox || outbox->outstanding || outbox->waiting || store_reports_waiting(outbox->settings.store) == 0 ||
	    !connection_is_online(outbox->settings.connection))
		return;
	struct arena *arena = arena_new();
	send_batch(outbox, arena);
	arena_free(arena);
}

void outbox_online(struct outbox *outbox)
{
	uv_timer_stop(&outbox->timer);
	outbox->waiting = false;
	outbox->backoff_ms = 0;
	outbox_kick(outbox);
}
