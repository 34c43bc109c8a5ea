/* Reports of a node agent become one record: the changes that they make and the position up to which
 * they are taken. Early, late, duplicate and reordered reports are all safe: a number that is in the
 * log is "had it", a gap is answered with the number that the log holds and begins a new log epoch, and a report
 * that comes too late for what it is about (another generation, another state) moves the position and nothing else
 * (D11, S1-05..07, S1-16). Each report is judged after those before it, on an overlay. */
#include "controller/domain/deciding.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/planted.h"
#include "controller/domain/apply.h"
#include "controller/domain/overlay.h"
#include "controller/domain/report_changes.h"

static Roost__ReportAnswer *answer_new(struct arena *arena, uint64_t agent_epoch, uint64_t taken)
{
	Roost__ReportAnswer *answer;
	arena_message(arena, answer, roost__report_answer__init);
	answer->has_agent_epoch = answer->has_taken = true;
	answer->agent_epoch = agent_epoch;
	answer->taken = taken;
	return answer;
}

/* Lets the change take effect for the reports after it; false when it would not apply. */
static bool try_change(const struct decision_inputs *inputs, const struct entity_store *overlay,
		       const Roost__NodeState *node, Roost__Change *change)
{
	Roost__Record record = ROOST__RECORD__INIT;
	struct apply_outcome outcome;
	record.kind = ROOST__RECORD__KIND__NODE;
	record.aggregate_id = node->resource->id;
	record.version = node->version + 1;
	record.recorded_at = inputs->now_ms;
	record.n_changes = 1;
	record.changes = &change;
	apply_record(overlay, node->last_seq, &record, inputs->arena, &outcome);
	return outcome.skipped == 0;
}

/* The first report that is new, counting from the position; n_reports when there is none. */
static size_t first_new(const Roost__ReportBatch *batch, uint64_t taken)
{
	size_t i = 0;
	while (i < batch->n_reports && batch->reports[i]->number <= taken && !planted(PLANTED_REPORTS_TWICE))
		i++;
	return i;
}

/* Adds what the report changes to the list, and gives its size. */
static size_t take_report(const struct decision_inputs *inputs, const struct entity_store *overlay,
			  const Roost__NodeState *node, const Roost__Report *report, Roost__Change **changes,
			  size_t *count)
{
	Roost__Change *made[REPORT_CHANGES_MAX];
	size_t bytes = 0, made_count = report_changes(overlay, node, report, inputs->arena, made);
	for (size_t i = 0; i < made_count; i++) {
		if (!try_change(inputs, overlay, node, made[i]))
			continue;
		changes[(*count)++] = made[i];
		bytes += protobuf_c_message_get_packed_size(&made[i]->base);
	}
	return bytes;
}

static struct decision *take_reports(const struct decision_inputs *inputs, struct decision *decision,
				     const Roost__NodeState *node, const Roost__ReportBatch *batch, size_t from,
				     Roost__ReportPosition *position)
{
	const struct entity_store *overlay = overlay_new(inputs->store, inputs->arena);
	Roost__Change **changes = arena_array_of(inputs->arena, Roost__Change *, batch->n_reports * REPORT_CHANGES_MAX);
	size_t count = 0, bytes = 0;
	if (planted(PLANTED_REPORTS_TWICE))
		position->number = batch->reports[from]->number - 1;
	/* When it is enough for one record the rest comes again: the answer says where to go on. */
	for (size_t i = from; i < batch->n_reports && batch->reports[i]->number == position->number + 1 &&
			      bytes <= REPORT_BATCH_BYTES_MAX;
	     i++) {
		if (!planted(PLANTED_REPORTS_PASSED_OVER) || i == from)
			bytes += take_report(inputs, overlay, node, batch->reports[i], changes, &count);
		position->number++;
	}
	struct aggregate aggregate = aggregate_of_node(node);
	return decision_append_reports(inputs, decision, &aggregate, changes, count, position);
}

/* The log has heard a later agent database, or one whose clock was ahead: the agent goes on above it and
 * tells everything anew. If it is a database that was replaced, nobody hears the answer. */
static struct decision *refer_to_position(const struct decision_inputs *inputs, struct decision *decision,
					  const Roost__ReportPosition *position, Roost__ReportAnswer *answer)
{
	answer->agent_epoch = position->agent_epoch;
	answer->taken = position->number;
	decision_nothing(inputs, decision, (struct answer){0});
	decision->certain = true;
	return decision;
}

struct decision *decide_reports(const struct decision_inputs *inputs, const Roost__ReportBatch *batch,
				Roost__ReportAnswer **answer)
{
	struct decision *decision = decision_new(inputs);
	const struct entity_store *store = inputs->store;
	const Roost__NodeState *node =
	    batch->node_id == NULL ? NULL : store->node(store->context, batch->node_id, inputs->arena);
	*answer = answer_new(inputs->arena, batch->agent_epoch, 0);
	if (node == NULL)
		return decision_refuse(inputs, decision, ERROR_NODE_NOT_FOUND, "There is no node %s.",
				       batch->node_id == NULL ? "" : batch->node_id);

	if (node->resource->status == ROOST__NODE__STATUS__DELETED) { /* nothing it says changes anything */
		(*answer)->taken = batch->n_reports == 0 ? 0 : batch->reports[batch->n_reports - 1]->number;
		decision_nothing(inputs, decision, (struct answer){0});
		decision->certain = true;
		return decision;
	}
	Roost__ReportPosition *position;
	arena_message(inputs->arena, position, roost__report_position__init);
	position->has_agent_epoch = position->has_number = true;
	position->agent_epoch = batch->agent_epoch;
	if (node->report_position != NULL && node->report_position->agent_epoch == batch->agent_epoch)
		position->number = node->report_position->number;
	else if (node->report_position != NULL && node->report_position->agent_epoch > batch->agent_epoch)
		return refer_to_position(inputs, decision, node->report_position, *answer);

	size_t from = first_new(batch, position->number);
	(*answer)->taken = position->number;
	if (from == batch->n_reports) {
		decision_nothing(inputs, decision, (struct answer){0});
		decision->certain = true;
		return decision;
	}
	/* The agent forgets a report only when the log has it: a log that lacks one went back. */
	if (batch->reports[from]->number != position->number + 1 && !planted(PLANTED_REPORTS_TWICE))
		return decision_new_epoch(inputs, decision, node, node->log_epoch + 1, node->version);
	for (size_t i = from; i < batch->n_reports; i++)
		if (report_shows_rollback(store, node, batch->reports[i], inputs->arena))
			return decision_new_epoch(inputs, decision, node, node->log_epoch + 1, node->version);
	take_reports(inputs, decision, node, batch, from, position);
	(*answer)->taken = position->number;
	return decision;
}
