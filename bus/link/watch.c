/* A linked list, newest first. A watch that ends while the list is being called is only marked and
 * freed afterwards; one that is added meanwhile stands before the place where the calls began. */
#include "bus/link/watch.h"

#include "bus/link/connection.h"

#include <stdlib.h>

struct connection_watch {
	struct connection_watch *next;
	struct watch_list *list;
	bool ended;
	void (*call[3])(void *context); /* by enum watch_event */
	void *context;
};

struct connection_watch *watch_add(struct watch_list *list, void (*online)(void *context),
				   void (*offline)(void *context), void (*closing)(void *context), void *context)
{
	struct connection_watch *watch = calloc(1, sizeof(*watch));
	if (watch == NULL)
		abort();
	watch->list = list;
	watch->call[WATCH_ONLINE] = online;
	watch->call[WATCH_OFFLINE] = offline;
	watch->call[WATCH_CLOSING] = closing;
	watch->context = context;
	watch->next = list->first;
	list->first = watch;
	return watch;
}

static void free_ended(struct watch_list *list)
{
	struct connection_watch **place = &list->first;
	while (list->calling == 0 && *place != NULL) {
		struct connection_watch *watch = *place;
		if (!watch->ended) {
			place = &watch->next;
			continue;
		}
		*place = watch->next;
		free(watch);
	}
}

void watch_call(struct watch_list *list, enum watch_event event)
{
	list->calling++;
	for (struct connection_watch *watch = list->first; watch != NULL; watch = watch->next)
		if (!watch->ended && watch->call[event] != NULL)
			watch->call[event](watch->context);
	list->calling--;
	free_ended(list);
}

void watch_clear(struct watch_list *list)
{
	for (struct connection_watch *watch = list->first; watch != NULL; watch = watch->next)
		watch->ended = true;
	free_ended(list);
}

void connection_unwatch(struct connection_watch *watch)
{
	if (watch == NULL)
		return;
	watch->ended = true;
	free_ended(watch->list);
}
