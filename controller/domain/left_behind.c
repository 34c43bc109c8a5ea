/* What a failed stop or removal left behind, as it is kept and compared. */
#include "controller/domain/changes.h"

#include <string.h>

Roost__LeftBehind *left_of(const struct applying *applying, Roost__LeftBehind *told)
{
	if (told == NULL)
		arena_message(applying->arena, told, roost__left_behind__init);
	return told;
}

static bool same_text(const char *one, const char *other)
{
	return strcmp(one == NULL ? "" : one, other == NULL ? "" : other) == 0;
}

bool same_failure(const Roost__LeftBehind *known, const char *known_message, const Roost__LeftBehind *told,
		  const char *message)
{
	static const Roost__LeftBehind nothing = ROOST__LEFT_BEHIND__INIT;
	if (known == NULL)
		return false;
	if (told == NULL)
		told = &nothing;
	return known->processes == told->processes && known->mounts == told->mounts &&
	       known->workspaces == told->workspaces && known->files == told->files &&
	       same_text(known_message, message);
}
