/* A timer and a watch on the connection; the first of them ends both. */
#include "bus/log/pause.h"

#include <stdlib.h>

struct pause {
	uv_timer_t timer;
	struct connection_watch *watch;
	void (*resume)(void *context, bool closing);
	void *context;
};

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void end(struct pause *pause)
{
	if (pause->watch != NULL)
		connection_unwatch(pause->watch);
	pause->watch = NULL;
	uv_close((uv_handle_t *)&pause->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
	struct pause *pause = timer->data;
	end(pause);
	pause->resume(pause->context, false);
}

static void on_online(void *context)
{
	struct pause *pause = context;
	end(pause);
	pause->resume(pause->context, false);
}

static void on_closing(void *context)
{
	struct pause *pause = context;
	pause->watch = NULL;
	end(pause);
	pause->resume(pause->context, true);
}

struct pause *pause_start(struct connection *connection, uint32_t delay_ms, void (*resume)(void *context, bool closing),
			  void *context)
{
	struct pause *pause = calloc(1, sizeof(*pause));
	pause->resume = resume;
	pause->context = context;
	pause->watch = connection_watch(connection, on_online, NULL, on_closing, pause);
	uv_timer_init(connection_loop(connection), &pause->timer);
	pause->timer.data = pause;
	uv_timer_start(&pause->timer, on_timer, delay_ms, 0);
	return pause;
}

void pause_cancel(struct pause *pause)
{
	if (pause != NULL)
		end(pause);
}
