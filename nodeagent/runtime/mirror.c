/* Lending mirrors out. To the driver a mirror is a workspace with an id of its own kind and no owner, whose
 * generation is the time of its last fetch in Unix seconds, so that the oldest is known after a restart too. */
#include "bus/foundation/clock.h"
#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "nodeagent/runtime/mirror_state.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

enum { LOOK_FOR_CANCEL_MS = 100 };

#define ID_PREFIX "mirror-"

bool mirror_is_id(const char *id)
{
	return strncmp(id, ID_PREFIX, sizeof(ID_PREFIX) - 1) == 0;
}

static void id_of(const char *repository, char id[MIRROR_ID_BYTES])
{
	uint64_t hash = 14695981039346656037U;
	for (const char *at = repository; *at != '\0'; at++)
		hash = (hash ^ (unsigned char)*at) * 1099511628211U;
	snprintf(id, MIRROR_ID_BYTES, ID_PREFIX "%016" PRIx64, hash);
}

struct mirrors *mirrors_open(const struct runtime_driver *driver, void *state, const struct runtime_settings *settings)
{
	struct mirrors *mirrors = calloc(1, sizeof(*mirrors));
	if (mirrors == NULL)
		return NULL;
	mirrors->driver = driver;
	mirrors->state = state;
	mirrors->settings = settings;
	pthread_mutex_init(&mirrors->lock, NULL);
	pthread_cond_init(&mirrors->changed, NULL);
	return mirrors;
}

/* The mirror that this process knows, made known when it is not. The lock is held. */
static struct mirror *know(struct mirrors *mirrors, const char *id)
{
	for (struct mirror *mirror = mirrors->list; mirror != NULL; mirror = mirror->next)
		if (strcmp(mirror->id, id) == 0)
			return mirror;
	struct mirror *fresh = calloc(1, sizeof(*fresh));
	if (fresh == NULL)
		return NULL;
	snprintf(fresh->id, sizeof(fresh->id), "%s", id);
	fresh->next = mirrors->list;
	mirrors->list = fresh;
	return fresh;
}

static void let_go(struct mirrors *mirrors, struct mirror *mirror)
{
	pthread_mutex_lock(&mirrors->lock);
	mirror->busy = false;
	pthread_cond_broadcast(&mirrors->changed);
	pthread_mutex_unlock(&mirrors->lock);
}

/* Makes it ours alone when nobody uses it. */
static bool claim_idle(struct mirrors *mirrors, const char *id, struct mirror **mirror)
{
	pthread_mutex_lock(&mirrors->lock);
	*mirror = know(mirrors, id);
	bool idle = *mirror != NULL && !(*mirror)->busy && (*mirror)->users == 0;
	if (idle)
		(*mirror)->busy = true;
	pthread_mutex_unlock(&mirrors->lock);
	return idle;
}

/* --- using --- */

/* Waits until nobody works on it; false when the caller was cancelled. The lock is held. */
static bool await_idle(struct mirrors *mirrors, const struct mirror *mirror, const struct external_wait *wait)
{
	while (mirror->busy) {
		struct timespec until;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += LOOK_FOR_CANCEL_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&mirrors->changed, &mirrors->lock, &until);
		if (external_wait_cancelled(wait))
			return false;
	}
	return true;
}

static bool is_fresh(const struct mirror *mirror)
{
	return mirror->fetched_ms != 0 && !mirror->broken &&
	       clock_monotonic_ms() - mirror->fetched_ms < MIRROR_FRESH_MS;
}

/* Fresh enough as it is, or made so here, attached in the end. It is busy, and ours. One that others read just
 * now is left as it is: a clone fetches what it lacks. */
static bool prepare(struct mirror_work *work, struct mirror *mirror, bool in_use)
{
	if (in_use)
		return true;
	bool kept = is_fresh(mirror) && (mirror->attached || mirror_attach(work, mirror, NULL)) && mirror_matches(work);
	return kept || mirror_refresh(work, mirror);
}

static void finish_taking(struct mirrors *mirrors, struct mirror *mirror, bool taken)
{
	pthread_mutex_lock(&mirrors->lock);
	mirror->users += taken ? 1 : 0;
	mirrors->grown = true;
	mirror->busy = false;
	pthread_cond_broadcast(&mirrors->changed);
	pthread_mutex_unlock(&mirrors->lock);
}

struct mirror *mirror_take(struct mirrors *mirrors, struct arena *arena, const struct external_wait *wait,
			   const char *repository, uint32_t timeout_ms, int *fd, const char **unreachable)
{
	char id[MIRROR_ID_BYTES];
	*fd = -1;
	*unreachable = NULL;
	if (mirrors == NULL || mirrors->settings->mirrors_mb == 0)
		return NULL;
	id_of(repository, id);
	pthread_mutex_lock(&mirrors->lock);
	struct mirror *mirror = mirrors->allowed ? know(mirrors, id) : NULL;
	bool ours = mirror != NULL && await_idle(mirrors, mirror, wait);
	bool in_use = ours && mirror->users > 0;
	ours = ours && !(in_use && mirror->broken);
	if (ours)
		mirror->busy = true;
	pthread_mutex_unlock(&mirrors->lock);
	if (!ours)
		return NULL;
	struct mirror_work work = {
	    .mirrors = mirrors,
	    .arena = arena,
	    .wait = wait,
	    .repository = repository,
	    .timeout_ms = timeout_ms,
	    .workspace = {.id = mirror->id, .owner = "", .generation = 1, .image = "", .repository = "", .branch = ""}};
	bool ready = mirror_find(&work) && prepare(&work, mirror, in_use) && mirror_matches(&work);
	if (ready)
		*fd = open(work.checkout, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	*unreachable = work.unreachable;
	finish_taking(mirrors, mirror, *fd >= 0);
	return *fd >= 0 ? mirror : NULL;
}

void mirror_give_back(struct mirrors *mirrors, struct mirror *mirror, bool broken)
{
	pthread_mutex_lock(&mirrors->lock);
	mirror->users--;
	mirror->broken = mirror->broken || broken;
	pthread_mutex_unlock(&mirrors->lock);
}

/* --- keeping house --- */

static bool short_of_space(const struct runtime_settings *settings)
{
	struct statvfs space;
	return settings->disk_reserve_mb != 0 && statvfs(settings->folder, &space) == 0 &&
	       (uint64_t)space.f_bavail * space.f_frsize >> 20 < settings->disk_reserve_mb;
}

/* All on this machine, in the arena. */
static bool find_all(struct mirrors *mirrors, struct arena *arena, struct runtime_found **found, size_t *count,
		     struct error *error)
{
	size_t kept = 0;
	*count = 0;
	if (!mirrors->driver->list(mirrors->state, arena, found, count, error))
		return false;
	for (size_t i = 0; i < *count; i++)
		if (mirror_is_id((*found)[i].id))
			(*found)[kept++] = (*found)[i];
	*count = kept;
	return true;
}

static bool remove_idle(struct mirrors *mirrors, const char *id, struct error *error)
{
	struct mirror *mirror;
	if (!claim_idle(mirrors, id, &mirror))
		return error_set(error, ERROR_BUSY, "%s is in use", id);
	bool removed = mirror_throw_away(mirrors, mirror, error);
	let_go(mirrors, mirror);
	return removed;
}

/* Takes the one that was fetched longest ago out of the list; returns its size. */
static uint64_t remove_oldest(struct mirrors *mirrors, struct runtime_found *found, size_t *count)
{
	size_t oldest = 0;
	for (size_t i = 1; i < *count; i++)
		if (found[i].generation < found[oldest].generation)
			oldest = i;
	struct runtime_found gone = found[oldest];
	found[oldest] = found[--*count];
	bool removed = remove_idle(mirrors, gone.id, NULL);
	if (removed)
		log_info("%s gives its disk back", gone.id);
	return removed ? gone.disk_bytes : 0;
}

static void make_room(struct mirrors *mirrors, struct runtime_found *found, size_t count)
{
	uint64_t total = 0, most = mirrors->settings->mirrors_mb << 20;
	for (size_t i = 0; i < count; i++)
		total += found[i].disk_bytes;
	while (count > 0 && (total > most || short_of_space(mirrors->settings)))
		total -= remove_oldest(mirrors, found, &count);
}

static void detach_idle(struct mirrors *mirrors)
{
	pthread_mutex_lock(&mirrors->lock);
	struct mirror *mirror = mirrors->list;
	pthread_mutex_unlock(&mirrors->lock);
	for (; mirror != NULL; mirror = mirror->next) {
		struct mirror *mine;
		if (!claim_idle(mirrors, mirror->id, &mine))
			continue;
		struct error error = {.code = ERROR_NONE};
		if ((mine->broken && !mirror_throw_away(mirrors, mine, &error)) ||
		    (mine->attached && !mirror_detach(mirrors, mine, &error)))
			log_warning("%s: %s", mine->id, error.message);
		let_go(mirrors, mine);
	}
}

void mirrors_tend(struct mirrors *mirrors)
{
	struct runtime_found *found;
	size_t count;
	if (mirrors == NULL)
		return;
	detach_idle(mirrors);
	pthread_mutex_lock(&mirrors->lock);
	bool look = mirrors->grown || short_of_space(mirrors->settings);
	mirrors->grown = false;
	pthread_mutex_unlock(&mirrors->lock);
	struct arena *arena = arena_new();
	if (look && find_all(mirrors, arena, &found, &count, NULL))
		make_room(mirrors, found, count);
	arena_free(arena);
}

/* What is up of mirrors that nobody uses here: of an agent that was killed, or of this one at its end. */
static void detach_all(struct mirrors *mirrors)
{
	struct runtime_found *found;
	size_t count;
	struct arena *arena = arena_new();
	if (!find_all(mirrors, arena, &found, &count, NULL))
		count = 0;
	for (size_t i = 0; i < count; i++) {
		struct mirror *mirror;
		if ((!found[i].running && !found[i].has_remains) || !claim_idle(mirrors, found[i].id, &mirror))
			continue;
		mirror_detach(mirrors, mirror, NULL);
		let_go(mirrors, mirror);
	}
	arena_free(arena);
}

void mirrors_allow(struct mirrors *mirrors, bool disk_limit)
{
	if (mirrors == NULL)
		return;
	pthread_mutex_lock(&mirrors->lock);
	mirrors->allowed = disk_limit;
	mirrors->grown = true;
	pthread_mutex_unlock(&mirrors->lock);
	detach_all(mirrors);
}

bool mirrors_remove(struct mirrors *mirrors, struct error *error)
{
	struct runtime_found *found;
	size_t count;
	bool removed = true;
	if (mirrors == NULL)
		return true;
	struct arena *arena = arena_new();
	removed = find_all(mirrors, arena, &found, &count, error);
	for (size_t i = 0; i < count; i++)
		removed = remove_idle(mirrors, found[i].id, error) && removed;
	arena_free(arena);
	return removed;
}

void mirrors_close(struct mirrors *mirrors)
{
	if (mirrors == NULL)
		return;
	detach_all(mirrors);
	while (mirrors->list != NULL) {
		struct mirror *mirror = mirrors->list;
		mirrors->list = mirror->next;
		free(mirror);
	}
	pthread_cond_destroy(&mirrors->changed);
	pthread_mutex_destroy(&mirrors->lock);
	free(mirrors);
}
