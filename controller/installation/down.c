/* roost down: stop the workspaces by command while everything runs, end the supervisor, then what it may have
 * left, then (by the node agent) every workspace and session that is left, then, if asked, what is on disk. Nobody
 * else's process is touched: all are named by pid and start time, or found by the agent by the installation's marks. */
#include "bus/foundation/options.h"
#include "controller/installation/arguments.h"
#include "controller/installation/file.h"
#include "controller/installation/installation.h"
#include "controller/installation/lock.h"
#include "controller/installation/orderly_stop.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUPERVISOR_GRACE_MS = 60 * 1000 };

/* So that the log says "stopped" and not, once the agent finds them gone, "lost". What is removed needs no such
 * words, and without a supervisor nobody would hear them. */
static void stop_in_order(const struct installation *installation)
{
	struct process_identity holder;
	if (!lock_holder(installation, &holder))
		return;
	struct orderly_stop stop = orderly_stop(installation, option_text(OPTION_ROOST_OWNER));
	if (stop.stopped < stop.asked)
		printf("%zu of %zu workspaces did not stop in time; they are ended without the daemons\n",
		       stop.asked - stop.stopped, stop.asked);
}

static bool end_supervisor(const struct installation *installation, struct error *error)
{
	struct process_identity holder;
	if (!lock_holder(installation, &holder))
		return true;
	printf("stopping the daemons (supervisor is process %d)\n", (int)holder.pid);
	fflush(stdout);
	return process_identity_end(&holder, SUPERVISOR_GRACE_MS) ||
	       error_set(error, ERROR_STOP_FAILED, "the supervisor (process %d) does not end", (int)holder.pid);
}

static void said_leftover(const char *name, int pid)
{
	printf("ending %s (process %d)\n", name, pid);
}

static bool set_environment(const struct installation *installation)
{
	struct arena *arena = arena_new();
	const char *database = installation_path(installation, arena, "nodeagent.db");
	const char *credentials = installation_path(installation, arena, "credentials/nodeagent.creds");
	char *url = arena_printf(arena, "nats://127.0.0.1:%u", installation->nats_port);
	bool set = setenv("ROOST_DATA_DIR", installation->folder, 1) == 0 &&
		   setenv("ROOST_NODE_ID", installation->node_id, 1) == 0 && setenv("ROOST_NATS_URL", url, 1) == 0 &&
		   setenv("ROOST_CREDENTIALS", credentials, 1) == 0 && setenv("ROOST_DATABASE", database, 1) == 0;
	arena_free(arena);
	return set;
}

/* In a new process, which becomes the agent. */
static void become_agent(const struct installation *installation, bool purge)
{
	char program[PATH_MAX];
	char path[PATH_MAX + 32];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	if (length > 0 && set_environment(installation)) {
		program[length] = '\0';
		snprintf(path, sizeof(path), "%s/roost-nodeagent", dirname(program));
		execl(path, path, "--stop-all", purge ? "--purge" : (char *)NULL, (char *)NULL);
	}
	fprintf(stderr, "roost down: roost-nodeagent: %s\n", strerror(errno));
	_exit(1);
}

/* The agent knows what is ours on this machine, also of a node that is not the installation's any more. */
static bool stop_workspaces(const struct installation *installation, bool purge, struct error *error)
{
	int status = 0;
	fflush(NULL);
	pid_t agent = fork();
	if (agent == 0)
		become_agent(installation, purge);
	if (agent < 0 || waitpid(agent, &status, 0) != agent)
		return error_errno(error, errno, "roost-nodeagent --stop-all");
	return (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	       error_set(error, ERROR_STOP_FAILED, "not every workspace could be stopped; see above, and try again");
}

static bool down(const struct arguments *arguments, struct error *error)
{
	struct installation installation;
	if (!installation_load(arguments->folder, &installation, error)) {
		if (error->code == ERROR_FILE_NOT_FOUND)
			error_set(error, ERROR_FILE_NOT_FOUND, "there is no installation in %s", arguments->folder);
		return false;
	}
	if (!arguments->purge)
		stop_in_order(&installation);
	/* The lock is kept from here to the end of this process: nobody starts anything meanwhile. */
	if (!end_supervisor(&installation, error) || lock_take(&installation, error) < 0 ||
	    !processes_end(&installation, said_leftover, error) ||
	    !stop_workspaces(&installation, arguments->purge, error))
		return false;
	puts("nothing of the installation runs any more");
	if (!arguments->purge)
		return true;
	if (!folder_remove(installation.folder, error))
		return false;
	printf("removed %s\n", installation.folder);
	return true;
}

int down_main(int argc, char **argv)
{
	struct arguments arguments;
	struct error error = {0};
	int status = arguments_read(argc, argv, &arguments);
	if (status >= 0)
		return status;
	if (down(&arguments, &error))
		return 0;
	fflush(stdout);
	fprintf(stderr, "roost down: %s: %s\n", error_code_name(error.code), error.message);
	return 1;
}
