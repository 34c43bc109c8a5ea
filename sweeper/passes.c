/* The table of passes. */
#include "sweeper/pass.h"

const struct pass passes[PASS_COUNT] = {
    {
	.name = "removed but running",
	.pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING,
	.interval = OPTION_SWEEP_REMOVED_BUT_RUNNING_SECONDS,
	.look = look_removed,
    },
    {
	.name = "ours but unknown",
	.pass = ROOST__SWEEP_FINDING__PASS__UNKNOWN,
	.interval = OPTION_SWEEP_UNKNOWN_SECONDS,
	.look = look_unknown,
    },
    {
	.name = "should run but absent",
	.pass = ROOST__SWEEP_FINDING__PASS__ABSENT,
	.interval = OPTION_SWEEP_ABSENT_SECONDS,
	.look = look_absent,
    },
    {
	.name = "stuck",
	.pass = ROOST__SWEEP_FINDING__PASS__STUCK,
	.interval = OPTION_SWEEP_STUCK_SECONDS,
	.find = find_stuck,
    },
    {
	.name = "silent node",
	.pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE,
	.interval = OPTION_SWEEP_SILENT_NODE_SECONDS,
	.find = find_silent,
    },
    {
	.name = "compaction",
	.pass = ROOST__SWEEP_FINDING__PASS__COMPACTION,
	.interval = OPTION_SWEEP_COMPACTION_SECONDS,
	.find = find_compaction,
    },
};

unsigned passes_that_look(void)
{
	unsigned set = 0;
	for (size_t i = 0; i < PASS_COUNT; i++)
		if (passes[i].look != NULL)
			set |= pass_bit(&passes[i]);
	return set;
}

unsigned passes_switched_on(void)
{
	unsigned set = 0;
	for (size_t i = 0; i < PASS_COUNT; i++)
		if (option_number(passes[i].interval) > 0)
			set |= pass_bit(&passes[i]);
	return set;
}
