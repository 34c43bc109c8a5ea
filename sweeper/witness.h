/* What the sweeper has seen pass by: beats and the feed, counted. Only for its log line and, later, as
 * the proof that its view is complete before a pass acts. Loop thread. */
#ifndef ROOST_SWEEPER_WITNESS_H
#define ROOST_SWEEPER_WITNESS_H

#include "bus/link/connection.h"

struct witness;

struct witness_counts {
	uint64_t beats;		     /* heard */
	uint64_t beats_bad;	     /* that did not decode, or named another node than their subject */
	uint64_t nodes;		     /* different ones that beat */
	uint64_t feed;		     /* records heard on the feed */
	uint64_t feed_gaps;	     /* times at which the feed skipped sequences: the log has what is missing */
	uint64_t last_seq;	     /* of the newest record heard */
	uint64_t unknown_workspaces; /* that the last beats of all nodes named */
};

/* Listens from now on. */
struct witness *witness_start(struct connection *connection);

/* Before the connection is closed. */
void witness_stop(struct witness *witness);

struct witness_counts witness_counts(const struct witness *witness);

#endif
