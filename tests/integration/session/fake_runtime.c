/* What `runc exec --detach --tty --console-socket PATH --pid-file PATH -- program ...` does, without the
 * sandbox. usage: fake_runtime <how> <console socket> <pid file> <program> [argument...]
 * how: good; missing (complains as runc does and fails); mute (ends well, but hands nothing over);
 * hang (never ends). */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>
#include <unistd.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void hand_over(const char *path, int master)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	char name[] = "/dev/ptmx";
	struct iovec part = {.iov_base = name, .iov_len = sizeof(name)};
	struct msghdr message = {
	    .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	memcpy(CMSG_DATA(&control.header), &master, sizeof(master));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || sendmsg(fd, &message, 0) < 0)
		fail(path);
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc < 5)
		return 2;
	if (strcmp(argv[1], "missing") == 0) {
		fprintf(stderr, "exec failed: exec: \"%s\": executable file not found in $PATH: unknown\n", argv[4]);
		return 255;
	}
	if (strcmp(argv[1], "mute") == 0)
		return 0;
	if (strcmp(argv[1], "hang") == 0)
		pause();
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0)
		fail("pty");
	int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	hand_over(argv[2], master);
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		ioctl(slave, TIOCSCTTY, 0);
		dup2(slave, 0);
		dup2(slave, 1);
		dup2(slave, 2);
		close(slave);
		close(master);
		execvp(argv[4], argv + 4);
		_exit(127);
	}
	FILE *file = fopen(argv[3], "w");
	if (pid < 0 || file == NULL || fprintf(file, "%d", (int)pid) < 0 || fclose(file) != 0)
		fail(argv[3]);
	return 0;
}
