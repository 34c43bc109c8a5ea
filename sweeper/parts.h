/* What every part of the sweeper works with; owned by main.c. */
#ifndef ROOST_SWEEPER_PARTS_H
#define ROOST_SWEEPER_PARTS_H

#include "bus/log/projection_runner.h"
#include "controller/domain/compaction.h"
#include "controller/projection/projection.h"
#include "sweeper/passes/judge.h"
#include "sweeper/witness.h"

/* Where the next run of the pass "stuck" begins: after these ids. */
struct stuck_places {
	char node[27], workspace[27], session[27];
};

struct parts {
	struct connection *connection;
	struct projection *projection;
	struct projection_runner *runner;
	struct server_clock *clock;
	struct witness *witness;
	struct sweep_rules rules;
	struct compaction_limits compaction;
	struct stuck_places stuck;
	uint32_t actions_per_run;
	uint32_t node_call_timeout_ms;
	uint32_t command_timeout_ms;
	uint32_t turn; /* of runs: each begins elsewhere, so that what is in vain hides nothing for ever */
};

/* True when the sweeper's view of the log may be trusted now (D16): caught up, by a fresh server clock,
 * with nothing missing that the feed told of. Else `error` says what is missing. */
bool parts_are_ready(const struct parts *parts, struct error *error);

#endif
