/* The first process of every workspace, static and tiny: it is bound into any image. Reaps what is left
 * behind by others; on SIGTERM or SIGINT asks every process of the workspace to end and leaves once none
 * is left. Whoever sent the signal decides how long to wait before SIGKILL.
 *
 * Sessions' programs are not its children, so it cannot wait for them: it looks, at growing intervals,
 * and only while the workspace is ending. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <time.h>

static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void end_all(const sigset_t *watched)
{
	struct timespec pause = {.tv_nsec = 1000 * 1000};
	kill(-1, SIGTERM);
	/* A stopped process hears SIGTERM only when it goes on. */
	kill(-1, SIGCONT);
	for (;;) {
		reap();
		if (kill(-1, 0) != 0 && errno == ESRCH)
			return;
		sigtimedwait(watched, NULL, &pause);
		if (pause.tv_nsec < 16 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
}

int main(void)
{
	sigset_t watched;
	sigfillset(&watched);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	for (;;) {
		int number = sigwaitinfo(&watched, NULL);
		if (number == SIGCHLD)
			reap();
		if (number == SIGTERM || number == SIGINT) {
			end_all(&watched);
			return 0;
		}
	}
}
