/* Applying a record: the one place where changes become states. Pure, deterministic, and tolerant: a
 * record of a newer program (unknown changes) or one whose move the tables do not have changes what it
 * can and raises the version. All times come from the record. */
#ifndef ROOST_CONTROLLER_DOMAIN_APPLY_H
#define ROOST_CONTROLLER_DOMAIN_APPLY_H

#include "bus/foundation/arena.h"
#include "controller/domain/entity_store.h"
#include "record.pb-c.h"

struct apply_outcome {
	size_t skipped;	       /* changes that are unknown, name nothing that exists, or are illegal moves */
	size_t event_count;    /* one per known change */
	Roost__Event **events; /* in the arena; created in the order of changes, index = place in the record */
	uint32_t *event_indexes;
	struct answer answer; /* the resource that record->answer_id names, after the record */
};

/* `seq` is the record's place in the log (0 when a decision tries it). */
void apply_record(const struct entity_store *store, uint64_t seq, const Roost__Record *record, struct arena *arena,
		  struct apply_outcome *outcome);

#endif
