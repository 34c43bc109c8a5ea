/* roost.cmd._system.sweep.act. The key is the hash of the request and the time since when it is so: a
 * second try of the same thing is another finding. */
#include "sweeper/act.h"

#include "bus/foundation/cutpoint.h"
#include "bus/wire/envelope.h"
#include "bus/wire/subject.h"
#include "command.pb-c.h"

#include <stdio.h>
#include <stdlib.h>

struct act {
	void (*done)(void *context, bool acted, const struct error *error);
	void *context;
};

static const char *make_key(const ProtobufCMessage *request, int64_t since_ms, struct arena *arena)
{
	unsigned char hash[32];
	char text[33];
	message_request_hash("sweep.act", request, hash);
	for (int i = 0; i < 16; i++)
		snprintf(text + 2 * (size_t)i, 3, "%02x", hash[i]);
	return arena_printf(arena, "sweep-%s-%lld", text, (long long)since_ms);
}

static bool read_answer(const struct incoming *answer, bool *acted, struct error *error)
{
	if (incoming_header(answer, HEADER_ERROR_CODE) != NULL) {
		envelope_decode_error(answer->data, false, error);
		return false;
	}
	struct arena *arena = arena_new();
	const Roost__ActSweepResponse *response = (const Roost__ActSweepResponse *)message_unpack(
	    &roost__act_sweep_response__descriptor, answer->data, arena, error);
	if (response != NULL)
		*acted = response->acted;
	arena_free(arena);
	return response != NULL;
}

static void on_answer(void *context, const struct incoming *answer, const struct error *error)
{
	struct act act = *(struct act *)context;
	struct error reason = {0};
	bool acted = false;
	free(context);
	cutpoint(CUTPOINT_SWEEPER_ACT_ANSWERED);
	if (answer == NULL)
		act.done(act.context, false, error);
	else if (read_answer(answer, &acted, &reason))
		act.done(act.context, acted, NULL);
	else
		act.done(act.context, false, &reason);
}

void act_send(struct connection *connection, const char *owner, const Roost__SweepFinding *finding, int64_t since_ms,
	      uint32_t timeout_ms, void (*done)(void *context, bool acted, const struct error *error), void *context)
{
	struct arena *arena = arena_new();
	struct act *act = malloc(sizeof(*act));
	if (act == NULL)
		abort();
	*act = (struct act){done, context};
	struct subject subject = subject_system_command("sweep", "act");
	Roost__ActSweepRequest request = ROOST__ACT_SWEEP_REQUEST__INIT;
	request.owner = owner;
	request.finding = (Roost__SweepFinding *)finding;
	struct header key = {HEADER_IDEMPOTENCY_KEY, make_key(&request.base, since_ms, arena)};
	struct outgoing message = {
	    .subject = subject.text,
	    .data = message_pack(&request.base, arena),
	    .headers = &key,
	    .header_count = 1,
	};
	cutpoint(CUTPOINT_SWEEPER_BEFORE_ACT);
	connection_request(connection, &message, timeout_ms, on_answer, act);
	arena_free(arena);
}
