/* The record itself is the timer, as with claims: when the roster could not be changed it is put back, and
 * comes again to whichever controller lives then. */
#include "controller/effects/releases.h"

#include "bus/foundation/cutpoint.h"
#include "bus/foundation/log.h"
#include "bus/wire/subject.h"
#include "controller/domain/roster.h"
#include "controller/effects/deciding_work.h"

#include <stdlib.h>

enum { AGAIN_MS = 2000, AT_ONCE_MAX = 100 };

struct releases {
	struct releases_settings settings;
};

static struct decision *decide(struct pipeline_work *work, const struct decision_inputs *inputs)
{
	return decide_release_node(inputs, ((struct deciding_work *)work)->node_id);
}

static void ended(void *context, struct deciding_work *work, bool stands)
{
	struct fed_record *record = context;
	if (stands)
		log_info("node %s: its owner's roster has let go of it", work->node_id);
	if (record != NULL && stands)
		record_feed_done(record);
	else if (record != NULL)
		record_feed_later(record, AGAIN_MS);
}

static void release(struct releases *releases, const char *owner, const char *node_id, struct fed_record *record)
{
	struct deciding_work *work = deciding_work_new(owner, "release", decide);
	work->context = record;
	work->ended = ended;
	work->node_id = arena_strdup(work->work.arena, node_id);
	cutpoint(CUTPOINT_CONTROLLER_BEFORE_RELEASE);
	deciding_work_run(work, releases->settings.pipeline);
}

void releases_fed(struct releases *releases, struct fed_record *record)
{
	const struct entity_store *store = projection_entities(releases->settings.projection);
	struct event_subject subject;
	struct arena *arena = arena_new();
	const Roost__NodeState *node = NULL;
	if (subject_parse_event(record->subject, &subject))
		node = store->node(store->context, subject.id, arena);
	if (node != NULL && node->resource->status == ROOST__NODE__STATUS__DELETED &&
	    roster_entry(store->owner(store->context, node->owner, arena), node->resource->id) != NULL)
		release(releases, node->owner, node->resource->id, record);
	else
		record_feed_done(record);
	arena_free(arena);
}

void releases_complete_all(struct releases *releases)
{
	struct arena *arena = arena_new();
	struct deleted_nodes deleted;
	struct error error = {0};
	if (!projection_unreleased(releases->settings.projection, AT_ONCE_MAX, arena, &deleted, &error)) {
		log_error("rosters cannot be read: %s", error.message);
		deleted.count = 0;
	}
	for (size_t i = 0; i < deleted.count; i++)
		release(releases, deleted.items[i].owner, deleted.items[i].node_id, NULL);
	arena_free(arena);
}

struct releases *releases_new(const struct releases_settings *settings)
{
	struct releases *releases = calloc(1, sizeof(*releases));
	if (releases == NULL)
		abort();
	releases->settings = *settings;
	return releases;
}

void releases_free(struct releases *releases)
{
	free(releases);
}
