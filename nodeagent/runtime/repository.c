/* The text is judged by an allowlist; the path is left to the kernel (openat2), which cannot be raced. */
#include "nodeagent/runtime/repository.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool begins_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

static bool printable(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	return true;
}

/* user@host:path, as ssh has it: no scheme, no second colon right after (that names a transport program). */
static bool is_ssh_short_form(const char *text)
{
	const char *colon = strchr(text, ':'), *slash = strchr(text, '/');
	return colon != NULL && colon != text && colon[1] != ':' && colon[1] != '/' && colon[1] != '\0' &&
	       (slash == NULL || slash > colon) && text[0] != '-' && strchr(text, '@') != NULL &&
	       strchr(text, '@') < colon && strchr(text, '@')[1] != '-';
}

bool repository_classify(const char *repository, enum repository_kind *kind, struct error *error)
{
	static const char *const schemes[] = {"https://", "http://", "ssh://", "git://"};
	if (!printable(repository))
		return error_set(error, ERROR_PROVISIONING_FAILED,
				 "The repository's address contains control characters.");
	*kind = REPOSITORY_LOCAL;
	if (repository[0] == '/')
		return true;
	*kind = REPOSITORY_REMOTE;
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		/* A host that begins with a dash would be an option of ssh. */
		if (begins_with(repository, schemes[i]) && repository[strlen(schemes[i])] != '-')
			return true;
	if (is_ssh_short_form(repository))
		return true;
	return error_set(error, ERROR_PROVISIONING_FAILED,
			 "The repository's address is not allowed. Use https, http, ssh, git or user@host:path.");
}

bool repository_valid_branch(const char *branch, struct error *error)
{
	if (branch[0] != '-' && printable(branch) && strpbrk(branch, " ~^:?*[\\") == NULL)
		return true;
	return error_set(error, ERROR_PROVISIONING_FAILED, "\"%.200s\" is not a name of a branch.", branch);
}

int repository_open_local(const char *local_repos, const char *repository, struct error *error)
{
	struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	size_t length = local_repos == NULL ? 0 : strlen(local_repos);
	while (length > 1 && local_repos[length - 1] == '/')
		length--;
	if (length == 0) {
		error_set(error, ERROR_PROVISIONING_FAILED,
			  "Local paths may not be cloned on this node. Use the address of a server.");
		return -1;
	}
	if (strncmp(repository, local_repos, length) != 0 || repository[length] != '/') {
		error_set(error, ERROR_PROVISIONING_FAILED,
			  "This path is not below the folder of local repositories of the node.");
		return -1;
	}
	const char *below = repository + length;
	while (*below == '/')
		below++;
	int folder = open(local_repos, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = folder < 0 ? -1 : (int)syscall(SYS_openat2, folder, *below == '\0' ? "." : below, &how, sizeof(how));
	int failed = errno;
	if (folder >= 0)
		close(folder);
	if (fd < 0 && failed == EXDEV)
		error_set(error, ERROR_PROVISIONING_FAILED,
			  "This path leads out of the folder of local repositories of the node.");
	else if (fd < 0)
		error_set(error, ERROR_PROVISIONING_FAILED, "The repository does not exist on this node.");
	return fd;
}

bool repository_check(const char *local_repos, const char *repository, const char *branch, struct error *error)
{
	enum repository_kind kind = REPOSITORY_LOCAL;
	if (repository[0] == '\0')
		return true;
	if (!repository_classify(repository, &kind, error) || !repository_valid_branch(branch, error))
		return false;
	if (kind != REPOSITORY_LOCAL)
		return true;
	int fd = repository_open_local(local_repos, repository, error);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

/* The IPv4 address that stands where the address has its host; false for a name. */
static bool numeric_host(const char *repository, struct in_addr *host)
{
	char text[INET_ADDRSTRLEN];
	const char *begin = strstr(repository, "://");
	begin = begin != NULL ? begin + 3 : repository;
	const char *at = strchr(begin, '@'), *slash = strchr(begin, '/');
	if (at != NULL && (slash == NULL || at < slash))
		begin = at + 1;
	size_t length = strcspn(begin, ":/");
	if (length >= sizeof(text))
		return false;
	memcpy(text, begin, length);
	text[length] = '\0';
	return inet_pton(AF_INET, text, host) == 1;
}

bool repository_on_this_machine(const char *repository)
{
	struct in_addr host;
	struct ifaddrs *addresses = NULL;
	bool found = false;
	if (!numeric_host(repository, &host) || getifaddrs(&addresses) != 0)
		return false;
	for (const struct ifaddrs *each = addresses; each != NULL && !found; each = each->ifa_next)
		found = each->ifa_addr != NULL && each->ifa_addr->sa_family == AF_INET &&
			((const struct sockaddr_in *)(const void *)each->ifa_addr)->sin_addr.s_addr == host.s_addr;
	freeifaddrs(addresses);
	return found;
}
