/* An answer that may come later than the request. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_REPLY_H
#define ROOST_NODEAGENT_CONTROL_REPLY_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"
#include "bus/link/connection.h"
#include "bus/wire/message.h"

struct reply {
	struct arena *arena; /* the request's; everything about it lives here */
	struct connection *connection;
	const char *subject; /* "" when nobody waits */
	const char *verb;
	bool json;
};

/* Made from a request, with an arena of its own. */
struct reply *reply_new(struct connection *connection, const struct incoming *message, const char *verb);

/* Each answers once and frees the reply with its arena. */
void reply_with(struct reply *reply, const ProtobufCMessage *message);
void reply_error(struct reply *reply, const struct error *error);

#endif
