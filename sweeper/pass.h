/* The passes: a row each in passes.c. A pass finds by itself, from the projection (`find`) or from one
 * node's inventory at a time (`look`), and offers what the judges say of it to the run. A pass that
 * fails, finds nothing or is switched off is no other pass's concern (S4-27). Loop thread. */
#ifndef ROOST_SWEEPER_PASS_H
#define ROOST_SWEEPER_PASS_H

#include "bus/foundation/options.h"
#include "sweeper/inventory.h"
#include "sweeper/parts.h"
#include "sweeper/passes/judge.h"

struct run;

enum { PASS_COUNT = 6 };

/* A complete inventory of a node, with the projection as it is after it. */
struct look {
	const Roost__NodeState *node;
	const struct inventory *inventory;
	struct sweep_inventory proofs;
	struct sightings *sightings;
	int64_t now_ms;
	struct arena *arena; /* of this look */
};

struct pass {
	const char *name;
	Roost__SweepFinding__Pass pass;
	enum option interval; /* seconds; 0 switches it off */
	/* One of the two. False with an error: the rest of this pass's run is lost, and nothing else. */
	bool (*find)(struct run *run, const struct pass *pass, struct error *error);
	bool (*look)(struct run *run, const struct pass *pass, const struct look *look, struct error *error);
};

extern const struct pass passes[PASS_COUNT];

/* The bit of a pass in a set of them; those that look at inventories; those that are switched on. */
static inline unsigned pass_bit(const struct pass *pass)
{
	return 1u << (pass - passes);
}
unsigned passes_that_look(void);
unsigned passes_switched_on(void);

/* What a pass offers to its run. Strings are copied when they are kept. */
struct found {
	struct sweep_judgement judgement;
	const char *owner;
	const char *node_id;	  /* NULL: the owner's own aggregate */
	const char *workspace_id; /* NULL for none */
	const char *session_id;
	uint32_t generation;   /* 0 for none */
	uint64_t purges_below; /* sequences of the log that are gone once it was acted on; 0 for none */
};

/* In find_stuck.c, find_silent.c, find_compaction.c, look_removed.c, look_unknown.c, look_absent.c. */
bool find_stuck(struct run *run, const struct pass *pass, struct error *error);
bool find_silent(struct run *run, const struct pass *pass, struct error *error);
bool find_compaction(struct run *run, const struct pass *pass, struct error *error);
bool look_removed(struct run *run, const struct pass *pass, const struct look *look, struct error *error);
bool look_unknown(struct run *run, const struct pass *pass, const struct look *look, struct error *error);
bool look_absent(struct run *run, const struct pass *pass, const struct look *look, struct error *error);

#endif
