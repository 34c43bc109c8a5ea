/* What a mirror is between mirror.c, which lends mirrors out, and mirror_fetch.c, which makes them. Only these two
 * include this. */
#ifndef ROOST_NODEAGENT_RUNTIME_MIRROR_STATE_H
#define ROOST_NODEAGENT_RUNTIME_MIRROR_STATE_H

#include "nodeagent/runtime/mirror.h"

#include <pthread.h>
#include <stdint.h>

enum { MIRROR_ID_BYTES = 32 };

struct mirror {
	struct mirror *next;
	char id[MIRROR_ID_BYTES];
	int users;
	bool busy;     /* somebody fetches, detaches or removes it */
	bool attached; /* its disk is mounted */
	bool broken;
	int64_t fetched_ms; /* monotonic; 0 for not by this process */
};

struct mirrors {
	const struct runtime_driver *driver;
	void *state;
	const struct runtime_settings *settings;
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t changed;
	bool allowed;
	bool grown;	     /* their sizes want to be looked at */
	struct mirror *list; /* those that this process has used; they stay until it ends */
};

/* What one worker does with a mirror that is busy and its own. */
struct mirror_work {
	struct mirrors *mirrors;
	struct arena *arena;
	const struct external_wait *wait;
	const char *repository;
	uint32_t timeout_ms;
	struct runtime_workspace workspace;
	const char *checkout;
	const char *url_mark;
	const char *fetching_mark;
	const char *unreachable; /* what git said of a server that it did not reach; NULL */
};

/* Where its things are; false when the driver does not say. Before all others. */
bool mirror_find(struct mirror_work *work);

/* Mounts its disk. */
bool mirror_attach(struct mirror_work *work, struct mirror *mirror, struct error *error);

/* True when the disk there mirrors the repository and no other. It is attached. */
bool mirror_matches(const struct mirror_work *work);

/* Makes it whole and as of now, attached and without a sandbox; or throws it away. Nobody reads it. */
bool mirror_refresh(struct mirror_work *work, struct mirror *mirror);

/* Ends what runs for it and unmounts its disk. */
bool mirror_detach(struct mirrors *mirrors, struct mirror *mirror, struct error *error);

/* Removes it; it can be made again. */
bool mirror_throw_away(struct mirrors *mirrors, struct mirror *mirror, struct error *error);

#endif
