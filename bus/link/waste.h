/* Messages of the library that are done with, destroyed in bundles: nats.c wakes a thread of its own at
 * each natsMsg_Destroy, which costs more than anything else in answering a request. Loop thread. */
#ifndef ROOST_BUS_LINK_WASTE_H
#define ROOST_BUS_LINK_WASTE_H

#include <nats/nats.h>
#include <stddef.h>

enum { WASTE_MESSAGES_MAX = 64, WASTE_BYTES_MAX = 64 * 1024 };

/* Zero-initialised is empty. */
struct waste {
	natsMsg *messages[WASTE_MESSAGES_MAX];
	size_t count;
	size_t bytes; /* of payload */
};

/* Takes the message; NULL is allowed. It is destroyed when enough have come together. */
void waste_add(struct waste *waste, natsMsg *message);

/* Destroys them all now. */
void waste_empty(struct waste *waste);

#endif
