/* The durable consumer that all controllers share: each record of the log is brought to one of them,
 * again and again until it says that its effect is done. Loop thread.
 *
 * Its state is on the server, so what one controller leaves undone another gets. It makes effects
 * prompt; what must not be lost does not depend on it (beats and scans find it too). */
#ifndef ROOST_CONTROLLER_EFFECTS_RECORD_FEED_H
#define ROOST_CONTROLLER_EFFECTS_RECORD_FEED_H

#include "bus/link/connection.h"
#include "bus/log/projection_runner.h"

#define RECORD_FEED_CONSUMER "effects"

struct record_feed;

/* A record that the projection holds. Ended exactly once by record_feed_done or _later, or left to the
 * feed's stop; then the server brings it again. */
struct fed_record {
	struct record_feed *feed;
	void *context; /* of the settings */
	const char *subject;
	uint64_t seq;
	uint64_t deliveries; /* 1 for the first time */
};

struct record_feed_settings {
	struct connection *connection;
	struct projection_runner *runner;
	void (*record)(void *context, struct fed_record *record);
	void *context;
};

/* The settings are copied, what they point to is borrowed. */
struct record_feed *record_feed_start(const struct record_feed_settings *settings);

/* Makes the consumer anew when the log has become another one; cheap, to be called now and then. */
void record_feed_check(struct record_feed *feed);

/* Records still in hand are forgotten: they must not be ended afterwards. */
void record_feed_stop(struct record_feed *feed);

void record_feed_done(struct fed_record *record);

/* To be brought again, to anyone, after a while. */
void record_feed_later(struct fed_record *record, uint32_t delay_ms);

#endif
