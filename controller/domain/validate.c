/* Checks of single fields. What a repository, branch or image may be is in validate_source.c. */
#include "controller/domain/validate.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/ulid.h"
#include "bus/foundation/utf8.h"
#include <string.h>

static bool invalid(struct error *error, const char *field, const char *what)
{
	return error_set(error, ERROR_INVALID_ARGUMENT, "%s: %s", field, what);
}

bool validate_id(const char *field, const char *value, struct error *error)
{
	if (value == NULL || value[0] == '\0')
		return invalid(error, field, "must be given");
	if (!ulid_valid(value))
		return invalid(error, field, "must be an id: 26 characters of 0-9 and A-Z");
	return true;
}

bool validate_name(const char *field, const char *value, struct error *error)
{
	if (value == NULL || value[strspn(value, " ")] == '\0')
		return invalid(error, field, "must be given");
	size_t length = strnlen(value, NAME_BYTES_MAX + 1);
	if (length > NAME_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes long", field,
				 NAME_BYTES_MAX);
	if (!utf8_printable(value))
		return invalid(error, field, "must be UTF-8 without control characters");
	return true;
}

static bool environment_name_ok(const char *name)
{
	if (name == NULL || name[0] == '\0' || (name[0] >= '0' && name[0] <= '9'))
		return false;
	return name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_")] == '\0';
}

bool validate_environment(const char *field, Roost__CreateWorkspaceRequest__EnvEntry **entries, size_t count,
			  struct error *error)
{
	if (count > ENV_COUNT_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must have at most %d variables", field,
				 ENV_COUNT_MAX);
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++) {
		const char *name = entries[i]->key, *value = entries[i]->value == NULL ? "" : entries[i]->value;
		if (!environment_name_ok(name))
			return error_set(error, ERROR_INVALID_ARGUMENT,
					 "%s[%zu]: a name must be letters, digits and _, not beginning with a digit",
					 field, i);
		bytes += strlen(name) + strlen(value);
		for (size_t j = 0; j < i; j++)
			if (strcmp(entries[j]->key, name) == 0)
				return error_set(error, ERROR_INVALID_ARGUMENT, "%s: %.64s is given twice", field,
						 name);
	}
	if (bytes > ENV_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes in all", field,
				 ENV_BYTES_MAX);
	return true;
}

bool validate_command_line(const char *field, const char **arguments, size_t count, struct error *error)
{
	if (count > COMMAND_ARGUMENTS_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must have at most %d arguments", field,
				 COMMAND_ARGUMENTS_MAX);
	size_t bytes = 0;
	for (size_t i = 0; i < count; i++)
		bytes += strlen(arguments[i]) + 1;
	if (bytes > COMMAND_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be at most %d bytes in all", field,
				 COMMAND_BYTES_MAX);
	if (count > 0 && arguments[0][0] == '\0')
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s[0]: must name a program", field);
	return true;
}

bool validate_terminal_side(const char *field, bool present, uint32_t value, struct error *error)
{
	if (present && (value < 1 || value > TERMINAL_SIDE_MAX))
		return error_set(error, ERROR_INVALID_ARGUMENT, "%s: must be 1 to %d", field, TERMINAL_SIDE_MAX);
	return true;
}

bool validate_idempotency_key(const char *value, struct error *error)
{
	if (value == NULL)
		return true;
	size_t length = strnlen(value, IDEMPOTENCY_KEY_BYTES_MAX + 1);
	if (length < 1 || length > IDEMPOTENCY_KEY_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "Idempotency-Key: must be 1 to %d characters long",
				 IDEMPOTENCY_KEY_BYTES_MAX);
	for (size_t i = 0; i < length; i++)
		if (value[i] <= ' ' || value[i] > '~')
			return invalid(error, "Idempotency-Key", "must be printable ASCII without blanks");
	return true;
}

bool validate_list_limit(bool present, uint32_t value, uint32_t *limit, struct error *error)
{
	*limit = present ? value : LIST_LIMIT_DEFAULT;
	if (*limit < 1 || *limit > LIST_LIMIT_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "limit: must be 1 to %d", LIST_LIMIT_MAX);
	return true;
}
