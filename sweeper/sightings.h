/* What looks at one node have shown that should not be, and since when without a break: one look proves
 * nothing. Bounded per node; what finds no room is never seen twice. Loop thread. */
#ifndef ROOST_SWEEPER_SIGHTINGS_H
#define ROOST_SWEEPER_SIGHTINGS_H

#include "resource.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SIGHTINGS_PER_NODE_MAX = 512 };

struct sighting {
	char id[27];
	bool seen; /* in the present look */
	Roost__SweepFinding__Pass pass;
	int64_t first_ms;
};

/* Zeroed is empty. */
struct sightings {
	struct sighting *items;
	size_t count, room;
};

/* A look of one pass: begin, see what it shows, end. What it did not show is forgotten. */
void sightings_begin(struct sightings *sightings, Roost__SweepFinding__Pass pass);
void sightings_end(struct sightings *sightings, Roost__SweepFinding__Pass pass);

/* The time of the first look that showed it; 0 when this one, at `now_ms`, is the first. */
int64_t sightings_see(struct sightings *sightings, Roost__SweepFinding__Pass pass, const char *id, int64_t now_ms);

void sightings_clear(struct sightings *sightings);

#endif
