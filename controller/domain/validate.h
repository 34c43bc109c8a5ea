/* Checks of what users send. Each returns false with ERROR_INVALID_ARGUMENT and a message that begins
 * with the field's name in JSON, "name: ...". NULL stands for an absent field. Pure. */
#ifndef ROOST_CONTROLLER_DOMAIN_VALIDATE_H
#define ROOST_CONTROLLER_DOMAIN_VALIDATE_H

#include "bus/foundation/error.h"
#include "command.pb-c.h"
#include "record.pb-c.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A ULID; absent is an error. */
bool validate_id(const char *field, const char *value, struct error *error);

/* Display names and labels: UTF-8, 1 to NAME_BYTES_MAX bytes after trimming, no control characters. */
bool validate_name(const char *field, const char *value, struct error *error);

/* Absent or "" is none. https, http, ssh and git URLs without user-info (ssh may name a user, without
 * a password), user@host:path, and absolute local paths. */
bool validate_repository(const char *field, const char *value, struct error *error);

/* Absent or "" is the default. The rules of git check-ref-format for a branch. */
bool validate_branch(const char *field, const char *value, struct error *error);

/* Absent or "" is the default; otherwise printable, without blanks, not beginning with a dash, and
 * without a ".." component. */
bool validate_image(const char *field, const char *value, struct error *error);

bool validate_environment(const char *field, Roost__CreateWorkspaceRequest__EnvEntry **entries, size_t count,
			  struct error *error);
bool validate_command_line(const char *field, const char **arguments, size_t count, struct error *error);
bool validate_terminal_side(const char *field, bool present, uint32_t value, struct error *error);

/* Absent is none; otherwise 1 to IDEMPOTENCY_KEY_BYTES_MAX printable ASCII characters. */
bool validate_idempotency_key(const char *value, struct error *error);

/* Lists: absent is LIST_LIMIT_DEFAULT, otherwise 1 to LIST_LIMIT_MAX. */
bool validate_list_limit(bool present, uint32_t value, uint32_t *limit, struct error *error);

#endif
