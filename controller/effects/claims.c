/* The record itself is the timer: it is put back until the maker has had its time, so whichever
 * controller lives then gets it. */
#include "controller/effects/claims.h"

#include "bus/foundation/log.h"
#include "bus/wire/subject.h"
#include "controller/effects/deciding_work.h"

#include <stdlib.h>

enum { MAKER_MS = 5000, AT_ONCE_MAX = 100 };

struct claims {
	struct claims_settings settings;
};

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	return decide_complete_node_claim(inputs, ((struct deciding_work *)work)->node_id);
}

static void ended(void *context, struct deciding_work *work, bool stands)
{
	(void)context;
	if (stands)
		log_info("node %s: its claim is complete", work->node_id);
}

static void complete(struct claims *claims, const struct pending_claim *claim)
{
	struct deciding_work *work = deciding_work_new(claim->owner, "claim", decide);
	struct arena *arena = work->work.arena;
	work->context = claims;
	work->ended = ended;
	work->node_id = arena_strdup(arena, claim->node_id);
	work->work.idempotency_key = arena_strdup(arena, claim->idempotency_key);
	if (claim->idempotency_key != NULL)
		work->work.request_hash = arena_copy(arena, claim->request_hash, 32);
	deciding_work_run(work, claims->settings.pipeline);
}

/* Those that have had their time. */
static void complete_overdue(struct claims *claims)
{
	struct arena *arena = arena_new();
	struct pending_claims pending;
	struct error error = {0};
	int64_t before_ms = server_clock_now_ms(claims->settings.clock) - MAKER_MS;
	if (!projection_pending_claims(claims->settings.projection, before_ms, AT_ONCE_MAX, arena, &pending, &error)) {
		log_error("claims cannot be read: %s", error.message);
		pending.count = 0;
	}
	for (size_t i = 0; i < pending.count; i++)
		complete(claims, &pending.items[i]);
	arena_free(arena);
}

struct claims *claims_new(const struct claims_settings *settings)
{
	struct claims *claims = calloc(1, sizeof(*claims));
	if (claims == NULL)
		abort();
	claims->settings = *settings;
	return claims;
}

void claims_complete_all(struct claims *claims)
{
	complete_overdue(claims);
}

/* Whether the owner of the record's subject has claimed a node that is not there. */
static bool has_unmade_node(const struct claims *claims, const char *record_subject)
{
	const struct entity_store *store = projection_entities(claims->settings.projection);
	struct event_subject subject;
	if (!subject_parse_event(record_subject, &subject))
		return false;
	struct arena *arena = arena_new();
	const Roost__OwnerState *owner = store->owner(store->context, subject.owner, arena);
	bool unmade = false;
	for (size_t i = 0; owner != NULL && i < owner->n_nodes && !unmade; i++)
		unmade = store->node(store->context, owner->nodes[i]->node_id, arena) == NULL;
	arena_free(arena);
	return unmade;
}

/* Nothing else is put back: records that wait hold up those behind them, once there are enough. */
void claims_fed(struct claims *claims, struct fed_record *record)
{
	if (record->deliveries >= 2)
		complete_overdue(claims);
	if (has_unmade_node(claims, record->subject))
		record_feed_later(record, MAKER_MS + MAKER_MS / 4);
	else
		record_feed_done(record);
}

void claims_free(struct claims *claims)
{
	free(claims);
}
