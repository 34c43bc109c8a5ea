/* inotify through libuv. A burst of changes is one reading; while the folder is missing its parent is
 * watched instead. A decision that is on its way may still name the strings of an older set, for as long as
 * the longest deadline of a command. */
#include "controller/templates/template_folder.h"

#include "bus/foundation/clock.h"
#include "bus/foundation/log.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SETTLE_MS = 100, RETIRED_MS = 700 * 1000 };

struct template_folder {
	uv_fs_event_t watch;
	uv_timer_t settle;
	char path[PATH_MAX];
	struct template_set *set;
	struct template_set *retired; /* the newest first */
	void (*changed)(void *context, const struct template_set *set);
	void *context;
	int open_handles;
};

static void on_event(uv_fs_event_t *watch, const char *name, int events, int status);

static void watch_again(struct template_folder *folder)
{
	char parent[PATH_MAX];
	uv_fs_event_stop(&folder->watch);
	if (uv_fs_event_start(&folder->watch, on_event, folder->path, 0) == 0)
		return;
	snprintf(parent, sizeof(parent), "%s", folder->path);
	int result = uv_fs_event_start(&folder->watch, on_event, dirname(parent), 0);
	if (result != 0)
		log_warning("templates in %s are not watched: %s", folder->path, uv_strerror(result));
}

static void free_all(struct template_set *set)
{
	while (set != NULL) {
		struct template_set *next = set->next;
		template_set_free(set);
		set = next;
	}
}

/* Those that no decision can name any more go. */
static void retire(struct template_folder *folder)
{
	int64_t now_ms = clock_monotonic_ms();
	struct template_set **at = &folder->retired;
	while (*at != NULL && now_ms - (*at)->retired_ms < RETIRED_MS)
		at = &(*at)->next;
	free_all(*at);
	*at = NULL;
	if (folder->set == NULL)
		return;
	folder->set->retired_ms = now_ms;
	folder->set->next = folder->retired;
	folder->retired = folder->set;
}

/* Watched first: what changes while it is read is read again. */
static void read_again(struct template_folder *folder)
{
	watch_again(folder);
	retire(folder);
	folder->set = template_set_read(folder->path);
	log_info("%zu templates in %s", folder->set->count, folder->path);
	folder->changed(folder->context, folder->set);
}

static void on_settled(uv_timer_t *timer)
{
	read_again(timer->data);
}

/* Of the parent only the folder's own coming matters. */
static void on_event(uv_fs_event_t *watch, const char *name, int events, int status)
{
	struct template_folder *folder = watch->data;
	char watched[PATH_MAX];
	size_t size = sizeof(watched);
	(void)events;
	(void)status;
	bool of_parent = uv_fs_event_getpath(watch, watched, &size) == 0 && strcmp(watched, folder->path) != 0;
	const char *last = strrchr(folder->path, '/');
	if (of_parent && name != NULL && last != NULL && strcmp(name, last + 1) != 0)
		return;
	uv_timer_start(&folder->settle, on_settled, SETTLE_MS, 0);
}

struct template_folder *template_folder_open(uv_loop_t *loop, const char *path,
					     void (*changed)(void *context, const struct template_set *set),
					     void *context)
{
	struct template_folder *folder = calloc(1, sizeof(*folder));
	if (folder == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	snprintf(folder->path, sizeof(folder->path), "%s", path);
	folder->changed = changed;
	folder->context = context;
	folder->open_handles = 2;
	uv_fs_event_init(loop, &folder->watch);
	uv_timer_init(loop, &folder->settle);
	folder->watch.data = folder->settle.data = folder;
	read_again(folder);
	return folder;
}

static void handle_closed(uv_handle_t *handle)
{
	struct template_folder *folder = handle->data;
	if (--folder->open_handles > 0)
		return;
	free_all(folder->retired);
	free_all(folder->set);
	free(folder);
}

void template_folder_close(struct template_folder *folder)
{
	if (folder == NULL)
		return;
	uv_close((uv_handle_t *)&folder->watch, handle_closed);
	uv_close((uv_handle_t *)&folder->settle, handle_closed);
}
