/* An entity store in memory over another one: reads fall through, writes stay here. Over nothing it
 * is a store of its own, for tests and simulations. Used on one thread. */
#ifndef ROOST_CONTROLLER_DOMAIN_OVERLAY_H
#define ROOST_CONTROLLER_DOMAIN_OVERLAY_H

#include "controller/domain/entity_store.h"

/* `base` may be NULL. The overlay and all that is put into it live in the arena. */
struct entity_store *overlay_new(const struct entity_store *base, struct arena *arena);

#endif
