/* Reports of node agents: roost.report.<node> carries a batch, the answer says up to which number the
 * log holds them, and comes after the append. The node's name comes from the subject, which its
 * credential binds it to, never from the payload (S0-28). */
#include "bus/foundation/cutpoint.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "bus/foundation/options.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "controller/commands/commands_state.h"

#include <stdio.h>
#include <string.h>

struct report {
	struct pipeline_work work; /* first: the pipeline gives it back */
	struct commands *commands;
	const char *reply;
	const Roost__ReportBatch *batch;
	Roost__ReportAnswer *answer;
	int64_t started_ns;
};

static void answer_with(struct report *report, struct bytes body, const struct header *headers, size_t header_count)
{
	struct outgoing message = {
	    .subject = report->reply, .data = body, .headers = headers, .header_count = header_count};
	struct error error;
	if (!connection_publish(report->commands->settings.answers, &message, &error))
		log_warning("an answer to a report could not be sent: %s", error.message);
}

static void report_end(struct report *report, const struct error *failure)
{
	struct commands *commands = report->commands;
	struct service_endpoint *endpoint = &commands->endpoints[ENDPOINT_REPORT];
	endpoint->requests++;
	endpoint->processing_ns += clock_monotonic_ns() - report->started_ns;
	if (failure != NULL) {
		endpoint->errors++;
		snprintf(endpoint->last_error, sizeof(endpoint->last_error), "%s", error_code_name(failure->code));
	}
	commands_arena_return(commands, report->work.arena);
	commands_end(commands);
}

static void report_fail(struct report *report, const struct error *error)
{
	struct arena *arena = report->work.arena;
	const struct header headers[] = {
	    {HEADER_ERROR_CODE, arena_printf(arena, "%d", error_code_http_status(error->code))},
	    {HEADER_ERROR, error_code_name(error->code)},
	};
	log_info("reports on %s are not taken: %s", report->reply, error->message);
	answer_with(report, envelope_encode_error(error, NULL, false, arena), headers, 2);
	report_end(report, error);
}

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	struct report *report = (struct report *)work;
	return decide_reports(inputs, report->batch, &report->answer);
}

static void done(struct pipeline_work *work, const struct decision *decision, const struct error *error)
{
	struct report *report = (struct report *)work;
	if (error == NULL && decision->kind == DECISION_REFUSE)
		error = &decision->refusal;
	if (error != NULL) {
		report_fail(report, error);
		return;
	}
	cutpoint(CUTPOINT_CONTROLLER_BEFORE_REPORT_ANSWER);
	answer_with(report, message_pack(&report->answer->base, work->arena), NULL, 0);
	report_end(report, NULL);
}

/* A report that does not decode must not hold up those behind it: only its number is kept, which the
 * decision then records as rejected. */
static Roost__Report *read_report(Roost__Report *lenient, struct arena *arena)
{
	struct error ignored;
	ProtobufCMessage *strict =
	    message_unpack(&roost__report__descriptor, message_pack(&lenient->base, arena), arena, &ignored);
	if (strict != NULL)
		return (Roost__Report *)strict;
	Roost__Report *number_only;
	arena_message(arena, number_only, roost__report__init);
	number_only->has_number = lenient->has_number;
	number_only->number = lenient->number;
	return number_only;
}

/* Decodes the batch; the subject's node stands in for whatever the payload says. */
static bool read_batch(struct report *report, const struct incoming *message, const char *node, struct error *error)
{
	if (message->data.size > REPORT_BATCH_BYTES_MAX)
		return error_set(error, ERROR_PAYLOAD_TOO_LARGE, "a batch has at most %d bytes",
				 REPORT_BATCH_BYTES_MAX);
	struct arena *arena = report->work.arena;
	Roost__ReportBatch *batch = (Roost__ReportBatch *)protobuf_c_message_unpack(
	    &roost__report_batch__descriptor, arena_allocator(arena), message->data.size, message->data.data);
	if (batch == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "the batch does not decode");
	if (batch->n_reports > REPORT_BATCH_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "reports: at most %d in a batch", REPORT_BATCH_MAX);
	for (size_t i = 0; i < batch->n_reports; i++)
		batch->reports[i] = read_report(batch->reports[i], arena);
	batch->node_id = arena_strdup(arena, node);
	report->batch = batch;
	return true;
}

static struct report *report_new(struct commands *commands, const struct incoming *message)
{
	struct arena *arena = commands_arena(commands);
	struct report *report = arena_new_of(arena, struct report);
	report->commands = commands;
	report->reply = arena_strdup(arena, message->reply);
	report->started_ns = clock_monotonic_ns();
	report->work = (struct pipeline_work){
	    .arena = arena,
	    .actor = "node",
	    .cause = "report",
	    .deadline_ms = message->received_ms + option_number(OPTION_ROOST_COMMAND_TIMEOUT_MS),
	    .decide = decide,
	    .done = done,
	};
	commands_begin(commands);
	return report;
}

void dispatch_report(void *context, const struct incoming *message)
{
	struct commands *commands = context;
	struct node_subject subject;
	if (!subject_parse_node(message->subject, &subject) || strncmp(message->reply, "_INBOX.", 7) != 0) {
		commands_count_forged(commands, message);
		return;
	}
	struct report *report = report_new(commands, message);
	struct error error;
	if (commands->under_way > COMMANDS_WAITING_MAX)
		error_set(&error, ERROR_BUSY, "%zu requests are waiting", commands->under_way);
	else if (read_batch(report, message, subject.node, &error)) {
		pipeline_run(commands->settings.pipeline, &report->work);
		return;
	}
	report_fail(report, &error);
}
