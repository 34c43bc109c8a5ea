/* /proc, statvfs and the interfaces' addresses. What cannot be read counts as unknown. */
#include "nodeagent/control/machine.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

uint64_t machine_disk_available(const char *folder)
{
	struct statvfs facts;
	return statvfs(folder, &facts) == 0 ? (uint64_t)facts.f_bavail * facts.f_frsize : 0;
}

uint64_t machine_disk_size(const char *folder)
{
	struct statvfs facts;
	return statvfs(folder, &facts) == 0 ? (uint64_t)facts.f_blocks * facts.f_frsize : 0;
}

static uint64_t meminfo(const char *name)
{
	char line[256];
	unsigned long long kib = 0;
	size_t length = strlen(name);
	FILE *file = fopen("/proc/meminfo", "re");
	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, name, length) == 0 && line[length] == ':') {
			kib = strtoull(line + length + 1, NULL, 10);
			break;
		}
	fclose(file);
	return kib * 1024;
}

uint64_t machine_memory_available(void)
{
	return meminfo("MemAvailable");
}

uint64_t machine_memory_size(void)
{
	return meminfo("MemTotal");
}

double machine_load_1m(void)
{
	double load = 0;
	return getloadavg(&load, 1) == 1 ? load : 0;
}

uint32_t machine_cpus(void)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);
	return count > 0 ? (uint32_t)count : 0;
}

/* 0 for no use, else the better the higher. */
static int rank_address(const struct ifaddrs *entry)
{
	if (!entry->ifa_addr || (entry->ifa_flags & IFF_LOOPBACK) || !(entry->ifa_flags & IFF_UP))
		return 0;
	if (entry->ifa_addr->sa_family == AF_INET)
		return 2;
	if (entry->ifa_addr->sa_family != AF_INET6)
		return 0;
	return IN6_IS_ADDR_LINKLOCAL(&((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr) ? 0 : 1;
}

static const char *address_text(const struct ifaddrs *entry, struct arena *arena)
{
	char text[INET6_ADDRSTRLEN] = "";
	const void *address = entry->ifa_addr->sa_family == AF_INET
				  ? (const void *)&((const struct sockaddr_in *)entry->ifa_addr)->sin_addr
				  : (const void *)&((const struct sockaddr_in6 *)entry->ifa_addr)->sin6_addr;
	inet_ntop(entry->ifa_addr->sa_family, address, text, sizeof(text));
	return arena_strdup(arena, text);
}

const char *machine_address(struct arena *arena)
{
	struct ifaddrs *all = NULL;
	const struct ifaddrs *best = NULL;
	if (getifaddrs(&all) != 0)
		return "";
	for (const struct ifaddrs *entry = all; entry; entry = entry->ifa_next)
		if (rank_address(entry) > (best ? rank_address(best) : 0))
			best = entry;
	const char *text = best ? address_text(best, arena) : "";
	freeifaddrs(all);
	return text;
}

static bool installed(const char *program)
{
	static const char *const folders[] = {"/usr/local/bin", "/usr/bin", "/bin"};
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		char path[256];
		snprintf(path, sizeof(path), "%s/%s", folders[i], program);
		if (access(path, X_OK) == 0)
			return true;
	}
	return false;
}

const char **machine_agents(struct arena *arena, size_t *count)
{
	static const char *const known[] = {"aider", "claude", "codex", "gemini", "goose", "opencode"};
	enum { KNOWN = sizeof(known) / sizeof(known[0]) };
	const char **found = arena_array_of(arena, const char *, KNOWN);
	*count = 0;
	for (size_t i = 0; i < KNOWN; i++)
		if (installed(known[i]))
			found[(*count)++] = known[i];
	return found;
}

const char *machine_boot_id(struct arena *arena)
{
	char id[64] = "";
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	if (!file)
		return "";
	if (!fgets(id, sizeof(id), file))
		id[0] = 0;
	fclose(file);
	id[strcspn(id, "\n")] = 0;
	return arena_strdup(arena, id);
}
