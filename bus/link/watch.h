/* The listeners to a connection's coming and going. Loop thread. */
#ifndef ROOST_BUS_LINK_WATCH_H
#define ROOST_BUS_LINK_WATCH_H

struct connection_watch;

/* A list that survives watches being added and ended while it is called. Zero-initialised is empty. */
struct watch_list {
	struct connection_watch *first;
	int calling;
};

enum watch_event { WATCH_ONLINE, WATCH_OFFLINE, WATCH_CLOSING };

struct connection_watch *watch_add(struct watch_list *list, void (*online)(void *context),
				   void (*offline)(void *context), void (*closing)(void *context), void *context);

/* Calls the function of every watch that was there when this was called. */
void watch_call(struct watch_list *list, enum watch_event event);

/* Ends all of them. */
void watch_clear(struct watch_list *list);

#endif
