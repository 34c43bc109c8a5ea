/* A controller: decides on a projection that may be behind, appends with the expected sequence, and may
 * die before the append, between a claim and its record, or before it answers. */
#include "tests/simulation/projected/simulation.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIES = 64 };

void controller_catch_up(struct simulation *simulation, struct controller *controller, uint64_t to)
{
	if (to > controller->applied)
		feed(controller->projection, &simulation->log, controller->applied, to);
	controller->applied = to > controller->applied ? to : controller->applied;
}

/* Its file may be lost with it. */
void controller_restart(struct simulation *simulation, struct controller *controller)
{
	char name[64];
	snprintf(name, sizeof(name), "controller%td.db", controller - simulation->controllers);
	projection_close(controller->projection);
	if (happens(simulation, 4)) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", simulation->folder, name);
		unlink(path);
	}
	controller->projection = open_in(simulation->folder, name);
	struct projection_store store = projection_runner_store(controller->projection);
	struct projection_position position;
	struct error error;
	assert_true(store.position(store.context, &position, &error));
	controller->applied = position.applied_seq;
	controller->restarts++;
}

/* The last sequence of the record's subject. */
static uint64_t last_seq(const struct simulation *simulation, const Roost__Record *record)
{
	for (size_t i = simulation->log.log_count; i-- > 0;) {
		const struct logged *logged = &simulation->log.log[i];
		Roost__Record *other = (Roost__Record *)protobuf_c_message_unpack(
		    &roost__record__descriptor, arena_allocator(simulation->step), logged->size, logged->data);
		if (other->kind == record->kind && strcmp(other->aggregate_id, record->aggregate_id) == 0)
			return logged->seq;
	}
	return 0;
}

static bool append(struct simulation *simulation, const struct decision *decision)
{
	struct world *log = &simulation->log;
	const Roost__Record *record = decision->record;
	if (last_seq(simulation, record) != decision->expected_last_seq)
		return false;
	if (log->log_count == log->log_room) {
		log->log_room = log->log_room == 0 ? 256 : log->log_room * 2;
		log->log = realloc(log->log, log->log_room * sizeof(struct logged));
		assert_non_null(log->log);
	}
	struct logged *logged = &log->log[log->log_count++];
	logged->seq = log->log_count;
	logged->size = protobuf_c_message_get_packed_size(&record->base);
	logged->data = malloc(logged->size + 1);
	assert_non_null(logged->data);
	protobuf_c_message_pack(&record->base, logged->data);
	snprintf(logged->record_id, sizeof(logged->record_id), "%s", record->id);
	return true;
}

const struct decision *controller_run(struct simulation *simulation, struct controller *controller,
				      const struct decision_inputs *like, decide_function *decide, void *context)
{
	uint64_t log_at_arrival = simulation->log.log_count;
	for (int i = 0; i < TRIES; i++) {
		struct decision_inputs inputs = *like;
		inputs.record_id = new_id(simulation);
		inputs.store = projection_entities(controller->projection);
		struct decision *decision = decide(&inputs, context);
		if (decision->kind == DECISION_APPEND) {
			if (happens(simulation, 40))
				goto die; /* decided, nothing sent */
			if (!append(simulation, decision)) {
				controller_catch_up(simulation, controller, simulation->log.log_count);
				continue;
			}
			if (happens(simulation, 25))
				goto die; /* in the log, not answered; or a claim without its record */
			controller_catch_up(simulation, controller, simulation->log.log_count);
			if (!decision->again)
				return decision;
		} else if (decision->kind == DECISION_REPEAT || decision->certain ||
			   controller->applied >= log_at_arrival) {
			return decision;
		} else {
			controller_catch_up(simulation, controller, simulation->log.log_count);
		}
	}
	fail_msg("no decision after %d tries", TRIES);
die:
	controller_restart(simulation, controller);
	return NULL;
}
