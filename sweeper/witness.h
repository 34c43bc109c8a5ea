/* What the sweeper hears by itself: beats, and the feed as the proof that its view of the log is
 * complete. Only nodes that the projection has are remembered, so that nobody fills the table with beats
 * of his own making. Loop thread. */
#ifndef ROOST_SWEEPER_WITNESS_H
#define ROOST_SWEEPER_WITNESS_H

#include "bus/link/connection.h"
#include "controller/projection/projection.h"
#include "sweeper/passes/judge.h"
#include "sweeper/sightings.h"

struct witness;

struct witness_counts {
	uint64_t beats;		     /* heard */
	uint64_t beats_bad;	     /* that did not decode, or named another node than their subject */
	uint64_t beats_strange;	     /* of nodes that the projection does not have */
	uint64_t nodes;		     /* different ones that beat */
	uint64_t feed;		     /* records heard on the feed */
	uint64_t feed_gaps;	     /* times at which the feed skipped sequences: the log has what is missing */
	uint64_t unknown_workspaces; /* that the last beats of all nodes named */
};

/* Listens from now on. */
struct witness *witness_start(struct connection *connection, struct projection *projection);

/* Before the connection is closed. NULL is allowed. */
void witness_stop(struct witness *witness);

struct witness_counts witness_counts(const struct witness *witness);

/* False while the feed has told of a record, or shown a gap, that the projection has not come up to. */
bool witness_is_complete(const struct witness *witness, uint64_t applied_seq);

/* How long the node has been silent, to our ears. */
struct sweep_heard witness_heard(const struct witness *witness, const char *node_id);

/* Where sightings of a node are kept; NULL for one that was never heard. Valid until the next beat. */
struct sightings *witness_sightings(struct witness *witness, const char *node_id);

#endif
