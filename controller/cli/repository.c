/* Git's own rule: what has "://", or a colon before the first slash, is remote. */
#include "controller/cli/repository.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *repository_absolute(const char *repository, const char *folder, struct arena *arena)
{
	const char *slash = strchr(repository, '/');
	const char *colon = strchr(repository, ':');
	if (repository[0] == '/' || repository[0] == '\0' || (colon != NULL && (slash == NULL || colon < slash)))
		return repository;
	const char *joined = arena_printf(arena, "%s/%s", folder, repository);
	char resolved[PATH_MAX];
	return realpath(joined, resolved) != NULL ? arena_strdup(arena, resolved) : joined;
}
