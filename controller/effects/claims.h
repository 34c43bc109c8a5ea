/* Claims whose maker never came back: an owner's record claims a node, and the node's own record is
 * missing. Any controller completes it. Loop thread. */
#ifndef ROOST_CONTROLLER_EFFECTS_CLAIMS_H
#define ROOST_CONTROLLER_EFFECTS_CLAIMS_H

#include "controller/effects/record_feed.h"
#include "controller/pipeline/pipeline.h"

struct claims;

struct claims_settings {
	struct projection *projection;
	struct pipeline *pipeline;
	const struct server_clock *clock;
};

struct claims *claims_new(const struct claims_settings *settings);

/* Completes all that are overdue; for the start, when it is not known whom they were brought to. */
void claims_complete_all(struct claims *claims);

/* An owner's record. Its maker has a while to go on by itself; when the record is brought again, what is
 * still missing is completed. */
void claims_fed(struct claims *claims, struct fed_record *record);

/* Only when none of its decisions is under way. */
void claims_free(struct claims *claims);

#endif
