/* The second half of deleting a node: its owner's roster lets go of it. Any controller completes it, from
 * the node's record, which comes again until it is done, or from a look at the rosters. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_RELEASES_H
#define ROOST_CONTROLLER_EFFECTS_RELEASES_H

#include "controller/effects/record_feed.h"
#include "controller/pipeline/pipeline.h"

struct releases;

struct releases_settings {
	struct projection *projection;
	struct pipeline *pipeline;
};

struct releases *releases_new(const struct releases_settings *settings);

/* Whatever a controller left undone; for the start. */
void releases_complete_all(struct releases *releases);

/* A node's record whose effect on the node itself is settled: ends it, when the node is deleted only once
 * the roster has let go. */
void releases_fed(struct releases *releases, struct fed_record *record);

/* Only when none of its decisions is under way. */
void releases_free(struct releases *releases);

#endif
