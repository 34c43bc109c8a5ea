/* roost-sessionhost <session folder>: keeps one session alive. It puts itself into the background
 * (double fork, own session, no descriptors but its own) and the starting process ends as soon as the
 * host answers on its socket, with a status that tells how it went (session_client.h). */
#include "bus/foundation/log.h"
#include "nodeagent/session/folder.h"
#include "nodeagent/session/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard input and output lead nowhere, standard error into the session's log. */
static void settle_descriptors(int folder)
{
	int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	int log = openat(folder, FOLDER_LOG, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (nothing >= 0) {
		dup2(nothing, STDIN_FILENO);
		dup2(nothing, STDOUT_FILENO);
		dup2(log >= 0 ? log : nothing, STDERR_FILENO);
		close(nothing);
	}
	if (log >= 0)
		close(log);
}

/* In the starting process: waits for the host's first byte, which is the status. */
static int wait_for_host(int ready)
{
	unsigned char status = HOST_START_FAILED;
	if (read(ready, &status, 1) != 1)
		return HOST_START_FAILED;
	return status;
}

static int serve(int folder, int ready)
{
	static struct host host;
	struct error error;
	int status;
	bool opened = host_open(&host, folder, &status, &error);
	unsigned char first_byte = (unsigned char)status;
	if (!opened)
		log_error("%s", error.message);
	if (write(ready, &first_byte, 1) != 1)
		log_warning("nobody waits for this host");
	close(ready);
	if (opened)
		host_run(&host);
	host_close(&host);
	return status;
}

int main(int argc, char **argv)
{
	log_open("sessionhost", LOG_INFO);
	if (argc != 2 || argv[1][0] == '-') {
		fputs("usage: roost-sessionhost <session folder>\n", stderr);
		return 2;
	}
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
	struct error error;
	int folder = folder_open(argv[1], &error);
	int ready[2];
	if (folder < 0 || fchdir(folder) != 0 || pipe2(ready, O_CLOEXEC) != 0) {
		log_error("%s: %s", argv[1], folder < 0 ? error.message : strerror(errno));
		return HOST_START_FAILED;
	}
	pid_t child = fork();
	if (child < 0) {
		log_error("fork: %s", strerror(errno));
		return HOST_START_FAILED;
	}
	if (child > 0) {
		close(ready[1]);
		waitpid(child, NULL, 0);
		return wait_for_host(ready[0]);
	}
	close(ready[0]);
	setsid();
	child = fork();
	if (child != 0)
		_exit(child < 0 ? HOST_START_FAILED : HOST_START_OK);
	settle_descriptors(folder);
	return serve(folder, ready[1]);
}
