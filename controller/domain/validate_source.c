/* What may be cloned, checked out and used as an image. These end up as arguments of git and as paths
 * on a node, so the rules say what is allowed, not what is forbidden. */
#include "controller/domain/validate.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/utf8.h"
#include <string.h>

static bool invalid(struct error *error, const char *field, const char *what)
{
	return error_set(error, ERROR_INVALID_ARGUMENT, "%s: %s", field, what);
}

static bool starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* One of the parts between slashes is "..". */
static bool climbs(const char *path)
{
	for (const char *part = path; part != NULL;) {
		size_t length = strcspn(part, "/");
		if (length == 2 && part[0] == '.' && part[1] == '.')
			return true;
		part = part[length] == '/' ? part + length + 1 : NULL;
	}
	return false;
}

static const char host_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_";

static bool host_ok(const char *host, size_t length)
{
	return length > 0 && host[0] != '-' && strspn(host, host_bytes) >= length;
}

/* host, host:port, [address] or [address]:port */
static bool authority_ok(const char *text, size_t length)
{
	size_t host = 0;
	if (length > 0 && text[0] == '[') {
		host = 1 + strspn(text + 1, "0123456789abcdefABCDEF:.");
		if (host < 3 || host >= length || text[host] != ']')
			return false;
		host++;
	} else {
		host = strcspn(text, ":/");
		if (host > length || !host_ok(text, host))
			return false;
	}
	if (host == length)
		return true;
	size_t digits = strspn(text + host + 1, "0123456789");
	return text[host] == ':' && digits >= 1 && digits <= 5 && host + 1 + digits == length;
}

/* After the scheme: authority, and a path with something in it. */
static bool url_rest_ok(const char *field, const char *rest, bool user_allowed, struct error *error)
{
	size_t length = strcspn(rest, "/?#");
	const char *at = memrchr(rest, '@', length);
	if (at != NULL) {
		size_t user = (size_t)(at - rest);
		if (!user_allowed || !host_ok(rest, user) || strspn(rest, host_bytes) < user)
			return invalid(error, field, "must not hold a user or password; refer to secrets by name");
		rest += user + 1;
		length -= user + 1;
	}
	if (!authority_ok(rest, length))
		return invalid(error, field, "the URL has no valid host");
	if (rest[length] != '/' || rest[length + 1] == '\0')
		return invalid(error, field, "the URL has no path");
	return true;
}

/* user@host:path, as git and ssh write it. */
static bool scp_like(const char *value)
{
	size_t colon = strcspn(value, ":/");
	if (value[colon] != ':' || value[colon + 1] == '\0' || value[colon + 1] == ':' || value[colon + 1] == '-')
		return false;
	const char *at = memchr(value, '@', colon);
	if (at == NULL)
		return host_ok(value, colon);
	return host_ok(value, (size_t)(at - value)) && host_ok(at + 1, colon - (size_t)(at - value) - 1);
}

bool validate_repository(const char *field, const char *value, struct error *error)
{
	static const struct {
		const char *prefix;
		bool user_allowed; /* the login of ssh is no secret */
	} schemes[] = {{"https://", false}, {"http://", false}, {"ssh://", true}, {"git://", false}};

	if (value == NULL || value[0] == '\0')
		return true;
	if (strnlen(value, REPOSITORY_BYTES_MAX + 1) > REPOSITORY_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes long", field,
				 REPOSITORY_BYTES_MAX);
	if (!utf8_printable(value) || strchr(value, ' ') != NULL || strchr(value, '\\') != NULL)
		return invalid(error, field, "must not hold blanks, backslashes or control characters");
	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
		if (starts_with(value, schemes[i].prefix))
			return url_rest_ok(field, value + strlen(schemes[i].prefix), schemes[i].user_allowed, error);
	if (value[0] == '/') {
		if (climbs(value))
			return invalid(error, field, "a path must not hold \"..\"");
		return true;
	}
	if (strstr(value, "://") == NULL && strstr(value, "::") == NULL && !starts_with(value, "file:") &&
	    scp_like(value))
		return true;
	return invalid(error, field,
		       "must be an https, http, ssh or git URL, user@host:path, or an absolute path on the node");
}

bool validate_branch(const char *field, const char *value, struct error *error)
{
	if (value == NULL || value[0] == '\0')
		return true;
	size_t length = strnlen(value, BRANCH_BYTES_MAX + 1);
	if (length > BRANCH_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes long", field,
				 BRANCH_BYTES_MAX);
	bool good = utf8_printable(value) && value[strcspn(value, " ~^:?*[\\")] == '\0' &&
		    strstr(value, "..") == NULL && strstr(value, "@{") == NULL && strstr(value, "//") == NULL &&
		    strstr(value, "/.") == NULL && strstr(value, ".lock/") == NULL && strcmp(value, "@") != 0 &&
		    strchr("-/.", value[0]) == NULL && strchr("/.", value[length - 1]) == NULL;
	if (good && length >= 5 && strcmp(value + length - 5, ".lock") == 0)
		good = false;
	return good || invalid(error, field, "is not a name that git allows for a branch");
}

bool validate_image(const char *field, const char *value, struct error *error)
{
	if (value == NULL || value[0] == '\0')
		return true;
	if (strnlen(value, IMAGE_BYTES_MAX + 1) > IMAGE_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes long", field,
				 IMAGE_BYTES_MAX);
	if (!utf8_printable(value) || strchr(value, ' ') != NULL || value[0] == '-' || climbs(value))
		return invalid(error, field,
			       "must be \"host\" or the name or path of an image, without blanks or \"..\"");
	return true;
}
