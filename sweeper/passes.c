/* The table of passes. */
#include "sweeper/pass.h"

const struct pass passes[PASS_COUNT] = {
    {
	.pass = ROOST__SWEEP_FINDING__PASS__REMOVED_BUT_RUNNING,
	.name = "removed but running",
	.interval = OPTION_SWEEP_REMOVED_BUT_RUNNING_SECONDS,
	.look = look_removed,
    },
    {
	.pass = ROOST__SWEEP_FINDING__PASS__UNKNOWN,
	.name = "ours but unknown",
	.interval = OPTION_SWEEP_UNKNOWN_SECONDS,
	.look = look_unknown,
    },
    {
	.pass = ROOST__SWEEP_FINDING__PASS__ABSENT,
	.name = "should run but absent",
	.interval = OPTION_SWEEP_ABSENT_SECONDS,
	.look = look_absent,
    },
    {
	.pass = ROOST__SWEEP_FINDING__PASS__STUCK,
	.name = "stuck",
	.interval = OPTION_SWEEP_STUCK_SECONDS,
	.find = find_stuck,
    },
    {
	.pass = ROOST__SWEEP_FINDING__PASS__SILENT_NODE,
	.name = "silent node",
	.interval = OPTION_SWEEP_SILENT_NODE_SECONDS,
	.find = find_silent,
    },
    {
	.pass = ROOST__SWEEP_FINDING__PASS__COMPACTION,
	.name = "compaction",
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
