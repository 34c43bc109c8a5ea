/* How long a node has been silent, and what that makes of its health. Pure: no clock, no state.
 *
 * A node is heard on two ways: its heartbeats, and its answers to calls. Beats alone prove nothing (an
 * agent whose command channel is dead beats on), so the older of the two counts. The channel is silent
 * only once a call had no answer: a node that nobody called is not to blame. */
#ifndef ROOST_CONTROLLER_EFFECTS_SILENCE_H
#define ROOST_CONTROLLER_EFFECTS_SILENCE_H

#include "resource.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What was heard of one node. Times are our own monotonic clock's, in milliseconds. */
struct node_signs {
	bool beat;		  /* it beat: since we live, or the server kept one */
	bool answer;		  /* it answered a call of ours */
	bool failing;		  /* calls since then had no answer */
	int64_t beat_at_ms;	  /* of the last one */
	int64_t answer_at_ms;	  /* of the last one */
	int64_t failing_since_ms; /* the first call that had none */
};

struct silence {
	int64_t beats_ms;   /* since the last heartbeat */
	int64_t channel_ms; /* since the last answer; 0 unless calls fail */
	int64_t ms;	    /* the longer one */
};

/* `listening_since_ms` is when our connection last came up, 0 while it is down: we cannot have heard
 * anything before it. Without any beat, silence counts from then. */
struct silence silence_of(const struct node_signs *signs, int64_t listening_since_ms, int64_t now_ms);

/* healthy up to T of silence, stale up to 2 T, then unhealthy. */
Roost__Node__Health silence_health(int64_t silent_ms, int64_t stale_ms);

/* Milliseconds until the health of this silence gets worse by itself; INT64_MAX when it cannot. */
int64_t silence_left(const struct silence *silence, int64_t stale_ms);

/* What is silent, for people, without a full stop. */
void silence_describe(const struct silence *silence, int64_t stale_ms, char *text, size_t size);

#endif
