/* What a hostile workspace tries. An attack that works says so on standard output, one line each, and the
 * exit code is 1; 0 means that all was refused. */
#include "tests/integration/runtime/guest.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int worked;

static void report(const char *what, const char *where)
{
	printf("%s: %s\n", what, where);
	worked = 1;
}

/* Whether a file's first mebibyte holds the secret. */
static bool holds(const char *path, const char *secret)
{
	static char text[1 << 20];
	int fd = open(path, O_RDONLY | O_NONBLOCK);
	ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (fd >= 0)
		close(fd);
	return size > 0 && memmem(text, (size_t)size, secret, strlen(secret)) != NULL;
}

static void search(const char *folder, const char *secret, int depth)
{
	char path[4096];
	DIR *opened = depth > 6 ? NULL : opendir(folder);
	const struct dirent *entry;
	while (opened != NULL && (entry = readdir(opened)) != NULL) {
		struct stat status;
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0 ||
		    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path) ||
		    lstat(path, &status) != 0)
			continue;
		if (strstr(entry->d_name, secret) != NULL)
			report("found by name", path);
		if (S_ISDIR(status.st_mode))
			search(path, secret, depth + 1);
		else if (S_ISREG(status.st_mode) && status.st_size < (1 << 20) && holds(path, secret))
			report("found", path);
	}
	if (opened != NULL)
		closedir(opened);
}

static void search_processes(const char *secret)
{
	static const char *const files[] = {"environ", "cmdline", "maps"};
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	while (processes != NULL && (entry = readdir(processes)) != NULL) {
		if (atoi(entry->d_name) <= 0)
			continue;
		char path[300];
		for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
			snprintf(path, sizeof(path), "/proc/%s/%s", entry->d_name, files[i]);
			if (holds(path, secret))
				report("found", path);
		}
		snprintf(path, sizeof(path), "/proc/%s/root/root", entry->d_name);
		search(path, secret, 5);
	}
	if (processes != NULL)
		closedir(processes);
}

/* A device that would show the machine's disk or memory. */
static void search_device(const char *path, unsigned major_number, unsigned minor_number, mode_t kind)
{
	char byte;
	mknod(path, kind | 0600, makedev(major_number, minor_number));
	int fd = open(path, O_RDONLY);
	if (fd >= 0 && read(fd, &byte, 1) == 1)
		report("read device", path);
	if (fd >= 0)
		close(fd);
	unlink(path);
}

int attack_secrets(char *argument)
{
	/* Its own command line would name what it looks for. */
	const char *secret = strdup(argument);
	memset(argument, 0, strlen(argument));
	static const char *const folders[] = {
	    "/root",	      "/home",		 "/etc",      "/opt",	    "/srv",	   "/var",
	    "/tmp",	      "/var/tmp",	 "/mnt",      "/run",	    "/media",	   "/boot",
	    "/dev/shm",	      "/run/roost",	 "/run/user", "/usr/local", "/lost+found", "/sys/kernel/debug",
	    "/sys/fs/cgroup", "/sys/class/block"};
	static const char *const sockets[] = {"/run/docker.sock", "/var/run/docker.sock",
					      "/run/containerd/containerd.sock", "/run/systemd/private",
					      "/run/dbus/system_bus_socket"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		search(folders[i], secret, 0);
	/* Ways out that are none: three folders deep, /proc among them. */
	static const char *const ways_out[] = {"/workspace/..", "/proc/1/root/..", "/proc/1/cwd/..", "/proc/self/root"};
	for (size_t i = 0; i < sizeof(ways_out) / sizeof(ways_out[0]); i++)
		search(ways_out[i], secret, 4);
	search_processes(secret);
	search_device("/tmp/disk", 254, 0, S_IFBLK);
	search_device("/tmp/scsi", 8, 0, S_IFBLK);
	search_device("/tmp/loop", 7, 0, S_IFBLK);
	search_device("/tmp/memory", 1, 1, S_IFCHR);
	search_device("/tmp/kernel-log", 1, 11, S_IFCHR);
	for (size_t i = 0; i < sizeof(sockets) / sizeof(sockets[0]); i++)
		if (access(sockets[i], F_OK) == 0)
			report("socket", sockets[i]);
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	snprintf(name.sun_path + 1, sizeof(name.sun_path) - 1, "%s", secret);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (connect(fd, (struct sockaddr *)&name, (socklen_t)(sizeof(sa_family_t) + 1 + strlen(secret))) == 0)
		report("connected", "abstract socket of the machine");
	close(fd);
	return worked;
}

/* Forks until nothing more is to be had, and keeps trying for two seconds. */
int attack_forks(void)
{
	signal(SIGALRM, _exit);
	alarm(2);
	for (;;)
		if (fork() == 0)
			alarm(2);
}

int attack_disk(const char *folder)
{
	static char block[1 << 20];
	char path[4096];
	long long written = 0;
	memset(block, 'x', sizeof(block));
	snprintf(path, sizeof(path), "%s/filling", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	ssize_t size;
	while (fd >= 0 && (size = write(fd, block, sizeof(block))) > 0 && written < 1LL << 32)
		written += size;
	printf("%lld\n", written >> 20);
	return errno == ENOSPC ? 0 : 1;
}

int attack_memory(void)
{
	for (long long taken = 0; taken < 1LL << 36; taken += 1 << 20) {
		char *block = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (block == MAP_FAILED)
			return 0;
		memset(block, 1, 1 << 20);
	}
	report("memory", "64 GiB");
	return worked;
}

/* Calls that a workspace has no business with. */
int attack_kernel(void)
{
	if (mount("none", "/mnt", "tmpfs", 0, NULL) == 0)
		report("mount", "tmpfs");
	if (unshare(CLONE_NEWUSER) == 0)
		report("unshare", "user namespace");
	if (unshare(CLONE_NEWNET) == 0)
		report("unshare", "network namespace");
	if (syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL) >= 0)
		report("clone", "user namespace");
	if (syscall(SYS_bpf, 0, NULL, 0) >= 0 || errno != EPERM)
		report("bpf", "reached the kernel");
	if (syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 0) >= 0 || errno != EPERM)
		report("keyctl", "reached the kernel");
	if (syscall(SYS_init_module, NULL, 0, "") == 0 || errno != EPERM)
		report("init_module", "reached the kernel");
	if (syscall(SYS_kexec_load, 0, 0, NULL, 0) == 0 || errno != EPERM)
		report("kexec", "reached the kernel");
	if (syscall(SYS_io_uring_setup, 8, NULL) >= 0 || errno != EPERM)
		report("io_uring", "reached the kernel");
	if (sethostname("evil", 4) == 0)
		report("sethostname", "evil");
	const struct timeval now = {.tv_sec = 1};
	if (settimeofday(&now, NULL) == 0)
		report("settimeofday", "1970");
	if (setpriority(0, 0, -20) == 0)
		report("setpriority", "-20");
	static const char *const writable[] = {"/proc/sys/kernel/core_pattern",
					       "/proc/sysrq-trigger",
					       "/sys/kernel/uevent_helper",
					       "/proc/sys/kernel/hostname",
					       "/proc/sys/net/ipv4/ip_forward",
					       "/usr/bin/evil",
					       "/run/roost/init"};
	for (size_t i = 0; i < sizeof(writable) / sizeof(writable[0]); i++)
		if (open(writable[i], O_WRONLY | O_CREAT, 0600) >= 0)
			report("writable", writable[i]);
	return worked;
}

static unsigned short checksum(const void *data, size_t size)
{
	const unsigned short *at = data;
	unsigned sum = 0;
	for (; size > 1; size -= 2)
		sum += *at++;
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (unsigned short)~sum;
}

/* A datagram under another's address, by a raw socket; 0 when it could be sent. Whether it arrives is the
 * test's to see. */
int attack_spoof(const char *source, const char *target, const char *port)
{
	struct {
		struct iphdr ip;
		unsigned short udp[4];
		char text[6];
	} __attribute__((packed))
	packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP}, .text = "spoof"};
	packet.ip.tot_len = htons(sizeof(packet));
	packet.ip.saddr = inet_addr(source);
	packet.ip.daddr = inet_addr(target);
	packet.udp[0] = packet.udp[1] = htons((unsigned short)atoi(port));
	packet.udp[2] = htons(sizeof(packet) - sizeof(packet.ip));
	packet.ip.check = checksum(&packet.ip, sizeof(packet.ip));
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = packet.ip.daddr};
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0)
		return 2;
	return sendto(fd, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)) > 0 ? 0 : 1;
}
