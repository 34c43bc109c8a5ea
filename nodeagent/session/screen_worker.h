/* Both ends' view of the conversation between a session host and its screen process: messages of one
 * size over a SOCK_SEQPACKET pair. */
#ifndef ROOST_NODEAGENT_SESSION_SCREEN_WORKER_H
#define ROOST_NODEAGENT_SESSION_SCREEN_WORKER_H

#include "nodeagent/session/ring.h"

#include <stdint.h>

enum { SCREEN_ANSWER_BYTES = 128 };

enum screen_message_kind {
	/* host to screen; each draws up to `offset` first */
	SCREEN_DRAW = 1,
	SCREEN_RESIZE, /* to a cols, b rows */
	SCREEN_TEXT,   /* of the last a lines */
	/* screen to host */
	SCREEN_DRAWN, /* up to `offset` */
	SCREEN_RESIZED,
	SCREEN_ANSWER,	  /* `size` bytes of data for the program */
	SCREEN_TEXT_DONE, /* `size` bytes lie in the shared text, the last b lines of them are the screen */
};

struct screen_message {
	uint32_t kind;
	uint32_t size;
	uint64_t offset;
	uint32_t a, b;
	uint32_t number; /* of a request that wants an answer, which repeats it in `a` */
	char data[SCREEN_ANSWER_BYTES];
};

/* The screen process itself, after the fork: goes to jail, serves until the socket is closed, never
 * returns. `from` is the offset at which the empty screen begins. */
_Noreturn void screen_worker(int socket, const struct ring *ring, uint64_t from, uint32_t cols, uint32_t rows,
			     char *text);

#endif
