/* What the judges share; nobody else's business. */
#ifndef ROOST_SWEEPER_PASSES_JUDGEMENT_H
#define ROOST_SWEEPER_PASSES_JUDGEMENT_H

#include "sweeper/passes/judge.h"

/* The longest pause between two tries of the same thing. */
enum { SWEEP_TRY_PAUSE_MAX_MS = 3600 * 1000 };

static inline struct sweep_judgement judgement_nothing(void)
{
	return (struct sweep_judgement){.verdict = SWEEP_NOTHING};
}

static inline struct sweep_judgement judgement_wait(struct sweep_judgement judgement, const char *why_not)
{
	judgement.verdict = SWEEP_WAIT;
	judgement.why_not = why_not;
	return judgement;
}

static inline struct sweep_judgement judgement_tell(struct sweep_judgement judgement)
{
	judgement.verdict = SWEEP_TELL;
	return judgement;
}

static inline struct sweep_judgement judgement_act(struct sweep_judgement judgement)
{
	judgement.verdict = SWEEP_ACT;
	return judgement;
}

/* When a status began; records of an older program do not say it, and the last change is no earlier. */
static inline int64_t judgement_begun(int64_t status_since_ms, int64_t updated_ms)
{
	return status_since_ms > 0 ? status_since_ms : updated_ms;
}

/* What tells one finding from the next: trying anew makes it another. */
static inline int64_t judgement_since(int64_t begun_ms, int64_t tried_again_ms)
{
	return tried_again_ms > begun_ms ? tried_again_ms : begun_ms;
}

/* When it is worth a try: after `patience_ms`, and then at doubling distances, so that what nobody can
 * mend does not fill the log. */
static inline int64_t judgement_due(int64_t begun_ms, int64_t tried_again_ms, int64_t patience_ms)
{
	if (tried_again_ms <= begun_ms)
		return begun_ms + patience_ms;
	int64_t pause_ms = tried_again_ms - begun_ms;
	if (pause_ms > SWEEP_TRY_PAUSE_MAX_MS)
		pause_ms = SWEEP_TRY_PAUSE_MAX_MS;
	return tried_again_ms + (pause_ms > patience_ms ? pause_ms : patience_ms);
}

#endif
