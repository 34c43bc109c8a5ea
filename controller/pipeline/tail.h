/* The tail: each change as one line of JSON on roost.tail.<owner>.<node>.<workspace>.<session>.<event>,
 * for people, published once by the controller that appended. Nothing depends on it: whoever must not
 * miss a change reads the feed or event.list. Loop thread. */
#ifndef ROOST_CONTROLLER_PIPELINE_TAIL_H
#define ROOST_CONTROLLER_PIPELINE_TAIL_H

#include "bus/link/connection.h"
#include "controller/projection/projection.h"

/* Publishes the events of the record at `seq`, which is projected and of this owner. */
void tail_publish(struct connection *connection, struct projection *projection, const char *owner, uint64_t seq,
		  struct arena *arena);

/* One line that no record stands behind, such as a heartbeat. */
void tail_publish_event(struct connection *connection, const char *owner, const Roost__Event *event,
			struct arena *arena);

#endif
