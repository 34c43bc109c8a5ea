/* Lines are copied or left out whole. */
#include "nodeagent/runtime/oci/resolver.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* IPv4 only: workspaces have no IPv6 to the outside. */
static bool reachable(const char *address)
{
	struct in_addr parsed;
	if (inet_pton(AF_INET, address, &parsed) != 1)
		return false;
	uint32_t number = ntohl(parsed.s_addr);
	return number >> 24 != 127 && number >> 24 != 0 && number >> 16 != 0xa9fe;
}

bool resolver_filter(const char *configuration, char *text, size_t size)
{
	bool found = false;
	size_t used = strlen(text);
	for (const char *line = configuration; *line != '\0';) {
		size_t length = strcspn(line, "\n");
		char copy[256], word[32] = "", value[128] = "";
		snprintf(copy, sizeof(copy), "%.*s", (int)length, line);
		sscanf(copy, "%31s %127s", word, value);
		bool server = strcmp(word, "nameserver") == 0 && reachable(value);
		bool kept = server || strcmp(word, "search") == 0 || strcmp(word, "options") == 0 ||
			    strcmp(word, "domain") == 0;
		if (kept && used + strlen(copy) + 2 < size)
			used += (size_t)snprintf(text + used, size - used, "%s\n", copy);
		found = found || server;
		line += length + (line[length] == '\n');
	}
	return found;
}

void resolver_configuration(char *text, size_t size)
{
	static const char *const files[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		char configuration[4096];
		FILE *file = fopen(files[i], "re");
		if (file == NULL)
			continue;
		size_t length = fread(configuration, 1, sizeof(configuration) - 1, file);
		fclose(file);
		configuration[length] = '\0';
		text[0] = '\0';
		if (resolver_filter(configuration, text, size))
			return;
	}
	text[0] = '\0';
}
