/* One record read back from the log, by the stream's leader (a direct get may be answered by a
 * replica that lags). For the places where a doubt is resolved by looking: a lost acknowledgement,
 * the identity of a projection's last record. Loop thread. */
#ifndef ROOST_BUS_LOG_STORED_MESSAGE_H
#define ROOST_BUS_LOG_STORED_MESSAGE_H

#include "bus/log/jetstream.h"

enum stored_message_where {
	STORED_AT,	/* exactly at `seq` */
	STORED_NEXT_OF, /* the first on `subject` at `seq` or later */
	STORED_LAST_OF, /* the newest on `subject` */
};

struct stored_message_query {
	enum stored_message_where where;
	uint64_t seq;
	const char *subject;
};

struct stored_message {
	bool found;
	uint64_t seq;
	char record_id[64]; /* its Nats-Msg-Id, cut to fit; "" when absent */
};

/* Asks. What the answer means is told by stored_message_read. */
struct jetstream_call *stored_message_ask(struct connection *connection, const char *stream,
					  const struct stored_message_query *query, uint32_t timeout_ms,
					  jetstream_done *done, void *context);

/* False with an error when the answer is neither a message nor "no such message". Pure. */
bool stored_message_read(const struct jetstream_answer *answer, struct stored_message *out, struct error *error);

#endif
