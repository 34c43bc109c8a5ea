/* The table of cut-points, and the end of the process in builds that have them. */
#include "bus/foundation/cutpoint.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[CUTPOINT_COUNT] = {
#define CUTPOINT(constant, name, sentence) [CUTPOINT_##constant] = name,
#include "bus/foundation/cutpoints.def"
#undef CUTPOINT
};

const char *cutpoint_name(enum cutpoint place)
{
	return names[place];
}

#ifdef ROOST_CUTPOINTS
void cutpoint(enum cutpoint place)
{
	static int passed[CUTPOINT_COUNT];
	const char *wanted = getenv("ROOST_CUTPOINT");
	if (wanted == NULL)
		return;
	size_t length = strcspn(wanted, ":");
	if (strlen(names[place]) != length || strncmp(wanted, names[place], length) != 0)
		return;
	long count = wanted[length] == ':' ? strtol(wanted + length + 1, NULL, 10) : 1;
	if (__atomic_add_fetch(&passed[place], 1, __ATOMIC_SEQ_CST) != count)
		return;
	const char *once = getenv("ROOST_CUTPOINT_ONCE");
	if (once != NULL) {
		int fd = open(once, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd < 0)
			return;
		close(fd);
	}
	kill(getpid(), SIGKILL);
	pause();
}
#endif
