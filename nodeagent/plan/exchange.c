/* The agent's side of its two exchanges with the controllers: which wanted rows are news, and what an
 * answer to reports means. Early, late, repeated and reordered messages are all harmless by these. */
#include "nodeagent/plan/plan.h"

#include "bus/foundation/planted.h"

bool plan_row_is_old(bool found, bool known, uint64_t row_version, uint64_t version, uint64_t held)
{
	if (planted(PLANTED_OLDER_ROW_TAKEN))
		return false;
	return found ? known && version < row_version : version <= held;
}

enum answer_effect plan_answer(const struct report_numbers *own, uint64_t agent_epoch, uint64_t taken)
{
	if (agent_epoch < own->agent_epoch)
		return ANSWER_NOTHING;
	if (agent_epoch > own->agent_epoch || taken < own->taken || taken > own->taken + own->sent)
		return ANSWER_RENEWED;
	return taken == own->taken ? ANSWER_NOTHING : ANSWER_TOOK;
}
