/* Records in a row. Appends check the message id first, as the server does, then the expectation. */
#include "tests/simulation/log.h"

#include "tests/simulation/controller.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sweeper.h"
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct log *log_new(struct simulation *simulation)
{
	struct log *log = arena_new_of(simulation->arena, struct log);
	log->simulation = simulation;
	log->room = 4096;
	log->records = arena_array_of(simulation->arena, struct log_record, log->room);
	return log;
}

static bool same_subject(const Roost__Record *left, const Roost__Record *right)
{
	return left->kind == right->kind && strcmp(left->aggregate_id, right->aggregate_id) == 0;
}

const struct log_record *log_last_of(const struct log *log, const Roost__Record *like)
{
	for (size_t i = log->count; i-- > 0;)
		if (same_subject(log->records[i].record, like))
			return &log->records[i];
	return NULL;
}

const struct log_record *log_next_of(const struct log *log, const Roost__Record *like, uint64_t seq)
{
	for (size_t i = seq; i < log->count; i++)
		if (same_subject(log->records[i].record, like))
			return &log->records[i];
	return NULL;
}

static const struct log_record *duplicate_of(const struct log *log, const Roost__Record *record)
{
	for (size_t i = log->count; i-- > 0;) {
		const struct log_record *stored = &log->records[i];
		if (stored->stored_ms + DUPLICATE_WINDOW_MS < log->simulation->now_ms)
			return NULL;
		if (strcmp(stored->record->id, record->id) == 0)
			return stored;
	}
	return NULL;
}

/* ---- the durable consumer ---- */

struct delivery {
	struct log *log;
	uint64_t seq;
	unsigned restored;
};

static void deliver(struct simulation *simulation, void *context);

static void arrive(struct simulation *simulation, void *context)
{
	const struct delivery *delivery = context;
	struct controller *controller = simulation->controllers[draw(simulation, CONTROLLERS)];
	if (delivery->restored == delivery->log->restored)
		controller_fed(controller, delivery->seq, delivery->log->records[delivery->seq - 1].deliveries);
}

static void deliver(struct simulation *simulation, void *context)
{
	const struct delivery *delivery = context;
	struct log *log = delivery->log;
	if (delivery->restored != log->restored || log->records[delivery->seq - 1].acknowledged)
		return;
	log->records[delivery->seq - 1].deliveries++;
	send_message(simulation, arrive, context);
	after(simulation, ACK_WAIT_MS, deliver, context);
}

static struct delivery *delivery_of(struct log *log, uint64_t seq)
{
	struct delivery *delivery = arena_new_of(log->simulation->arena, struct delivery);
	*delivery = (struct delivery){log, seq, log->restored};
	return delivery;
}

void log_effect_done(struct log *log, uint64_t seq, bool again)
{
	if (seq > log->count)
		return;
	if (!again)
		log->records[seq - 1].acknowledged = true;
	else
		after(log->simulation, ACK_WAIT_MS / 2, deliver, delivery_of(log, seq));
}

/* ---- appending ---- */

static void store(struct log *log, const Roost__Record *record)
{
	struct simulation *simulation = log->simulation;
	if (log->count == log->room)
		violated(simulation, "the log holds more than %zu records: something goes round in circles", log->room);
	struct log_record *stored = &log->records[log->count++];
	*stored = (struct log_record){.seq = log->count, .stored_ms = simulation->now_ms, .record = record};
	trace(simulation, "log %" PRIu64 ": %s of %s %s, version %" PRIu64, stored->seq, record->cause,
	      record->kind == ROOST__RECORD__KIND__NODE ? "node" : "owner", record->aggregate_id, record->version);
	for (size_t i = 0; simulation->tracing && i < record->n_changes; i++)
		trace(
		    simulation, "  %s",
		    protobuf_c_message_descriptor_get_field(&roost__change__descriptor, record->changes[i]->change_case)
			->name);
	oracle_take(simulation->oracle, stored);
	deliver(simulation, delivery_of(log, stored->seq));
	for (int i = 0; i < CONTROLLERS; i++)
		controller_notify(simulation->controllers[i]);
	controller_notify(simulation->sweeper->eyes);
}

struct log_answer log_append_record(struct log *log, const Roost__Record *record, uint64_t expected_last_seq)
{
	struct log_answer answer = {.server_ms = log->simulation->now_ms};
	const struct log_record *present = duplicate_of(log, record);
	if (present != NULL) {
		answer.outcome = LOG_DUPLICATE;
		answer.seq = present->seq;
		return answer;
	}
	const struct log_record *last = log_last_of(log, record);
	if ((last == NULL ? 0 : last->seq) != expected_last_seq) {
		answer.outcome = LOG_WRONG_SEQUENCE;
		return answer;
	}
	store(log, record);
	answer.outcome = LOG_STORED;
	answer.seq = log->count;
	return answer;
}

void log_restore(struct log *log, uint64_t seq)
{
	trace(log->simulation, "the log is restored from a backup: %zu -> %" PRIu64, log->count, seq);
	log->count = seq;
	log->restored++;
	oracle_restore(log->simulation->oracle, seq);
	/* The backup holds the consumer as it was then: what was new had not been seen to. */
	for (uint64_t i = seq; i > 0 && log->records[i - 1].stored_ms + ACK_WAIT_MS > log->records[seq - 1].stored_ms;
	     i--)
		log->records[i - 1].acknowledged = false;
	for (uint64_t i = 1; i <= seq; i++)
		if (!log->records[i - 1].acknowledged)
			deliver(log->simulation, delivery_of(log, i));
}
