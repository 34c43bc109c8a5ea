/* A short array: most nodes never show anything. */
#include "sweeper/sightings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void sightings_begin(struct sightings *sightings, Roost__SweepFinding__Pass pass)
{
	for (size_t i = 0; i < sightings->count; i++)
		if (sightings->items[i].pass == pass)
			sightings->items[i].seen = false;
}

void sightings_end(struct sightings *sightings, Roost__SweepFinding__Pass pass)
{
	size_t kept = 0;
	for (size_t i = 0; i < sightings->count; i++)
		if (sightings->items[i].pass != pass || sightings->items[i].seen)
			sightings->items[kept++] = sightings->items[i];
	sightings->count = kept;
	if (kept == 0)
		sightings_clear(sightings);
}

static void make_room(struct sightings *sightings)
{
	if (sightings->count < sightings->room)
		return;
	sightings->room = sightings->room == 0 ? 4 : 2 * sightings->room;
	sightings->items = realloc(sightings->items, sightings->room * sizeof(*sightings->items));
	if (sightings->items == NULL)
		abort();
}

int64_t sightings_see(struct sightings *sightings, Roost__SweepFinding__Pass pass, const char *id, int64_t now_ms)
{
	for (size_t i = 0; i < sightings->count; i++) {
		struct sighting *sighting = &sightings->items[i];
		if (sighting->pass == pass && strcmp(sighting->id, id) == 0) {
			bool again = sighting->seen; /* a list that names it twice */
			sighting->seen = true;
			return again && sighting->first_ms == now_ms ? 0 : sighting->first_ms;
		}
	}
	if (sightings->count == SIGHTINGS_PER_NODE_MAX)
		return 0;
	make_room(sightings);
	struct sighting *sighting = &sightings->items[sightings->count++];
	*sighting = (struct sighting){.pass = pass, .seen = true, .first_ms = now_ms};
	snprintf(sighting->id, sizeof(sighting->id), "%s", id);
	return 0;
}

void sightings_clear(struct sightings *sightings)
{
	free(sightings->items);
	*sightings = (struct sightings){0};
}
