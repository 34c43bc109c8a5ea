/* The guest: one small program with a verb for each thing that tests want done inside. */
#include "tests/integration/runtime/guest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <unistd.h>

/* Fills in IPv4 or IPv6, the latter perhaps with %scope; 0 when it is neither. */
static socklen_t parse_address(const char *address, const char *port, struct sockaddr_storage *target)
{
	struct sockaddr_in *four = (struct sockaddr_in *)target;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)target;
	char plain[64];
	const char *scope = strchr(address, '%');
	memset(target, 0, sizeof(*target));
	four->sin_port = six->sin6_port = htons((uint16_t)atoi(port));
	four->sin_family = AF_INET;
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1)
		return sizeof(*four);
	four->sin_addr.s_addr = 0;
	six->sin6_family = AF_INET6;
	snprintf(plain, sizeof(plain), "%.*s", (int)strcspn(address, "%"), address);
	six->sin6_scope_id = scope != NULL ? if_nametoindex(scope + 1) : 0;
	return inet_pton(AF_INET6, plain, &six->sin6_addr) == 1 ? sizeof(*six) : 0;
}

int guest_connect(const char *address, const char *port)
{
	struct sockaddr_storage target;
	socklen_t target_size = parse_address(address, port, &target);
	if (target_size == 0)
		return 2;
	int fd = socket(target.ss_family, SOCK_STREAM | SOCK_NONBLOCK, 0);
	int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)&target, target_size);
	struct pollfd watched = {.fd = fd, .events = POLLOUT};
	int problem = errno;
	socklen_t size = sizeof(problem);
	if (result != 0 && problem == EINPROGRESS) {
		result = poll(&watched, 1, 1500) == 1 ? 0 : -1;
		problem = ETIMEDOUT;
		if (result == 0)
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &size);
		result = problem == 0 ? 0 : -1;
	}
	char text[256];
	watched.events = POLLIN;
	if (result == 0 && fcntl(fd, F_SETFL, 0) == 0 && poll(&watched, 1, 500) == 1) {
		ssize_t length = read(fd, text, sizeof(text));
		if (length > 0)
			fwrite(text, 1, (size_t)length, stdout);
	}
	if (fd >= 0)
		close(fd);
	return result == 0 ? 0 : 1;
}

/* Says `text` to everybody who connects, until it is killed; without a text it keeps them waiting. */
static int serve(const char *port, const char *text)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) != 0 || listen(listener, 16) != 0)
		return 1;
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd >= 0 && text[0] != '\0' && write(fd, text, strlen(text)) >= 0)
			close(fd);
	}
}

/* Writes the sender of each datagram as a line to a file, until it is killed. */
static int write_senders(const char *port, const char *path)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))}, sender;
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(fd, (struct sockaddr *)&any, sizeof(any)) != 0)
		return 1;
	for (;;) {
		char data[64], name[INET_ADDRSTRLEN];
		socklen_t size = sizeof(sender);
		FILE *file = fopen(path, "a");
		if (file == NULL)
			return 1;
		if (recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&sender, &size) > 0)
			fprintf(file, "%s\n", inet_ntop(AF_INET, &sender.sin_addr, name, sizeof(name)));
		fclose(file);
	}
}

/* SysV shared memory under a key: made, or looked for. */
static int shared_memory(const char *verb, const char *key)
{
	int flags = strcmp(verb, "shm-make") == 0 ? IPC_CREAT | 0666 : 0666;
	return shmget((key_t)atoi(key), 4096, flags) >= 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 1 ? argv[1] : "";
	if (strcmp(verb, "serve") == 0 && argc == 4)
		return serve(argv[2], argv[3]);
	if (strcmp(verb, "senders") == 0 && argc == 4)
		return write_senders(argv[2], argv[3]);
	if (strcmp(verb, "connect") == 0 && argc == 4)
		return guest_connect(argv[2], argv[3]);
	if (strncmp(verb, "shm-", 4) == 0 && argc == 3)
		return shared_memory(verb, argv[2]);
	if (strcmp(verb, "secrets") == 0 && argc == 3)
		return attack_secrets(argv[2]);
	if (strcmp(verb, "forks") == 0)
		return attack_forks();
	if (strcmp(verb, "disk") == 0 && argc == 3)
		return attack_disk(argv[2]);
	if (strcmp(verb, "memory") == 0)
		return attack_memory();
	if (strcmp(verb, "kernel") == 0)
		return attack_kernel();
	if (strcmp(verb, "spoof") == 0 && argc == 5)
		return attack_spoof(argv[2], argv[3], argv[4]);
	fprintf(stderr, "guest: no such verb: %s\n", verb);
	return 64;
}
