/* A wait before the next try at the server: over after a delay, or as soon as the connection comes
 * back, whichever is first. Loop thread. */
#ifndef ROOST_BUS_LOG_PAUSE_H
#define ROOST_BUS_LOG_PAUSE_H

#include "bus/link/connection.h"

struct pause;

/* `resume` is called once, never before this returns. With `closing` the connection is on its way out
 * and must not be used any more. The pause is freed by then. */
struct pause *pause_start(struct connection *connection, uint32_t delay_ms, void (*resume)(void *context, bool closing),
			  void *context);

/* `resume` is not called. NULL is allowed. */
void pause_cancel(struct pause *pause);

#endif
