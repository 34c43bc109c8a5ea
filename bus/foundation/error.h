/* Errors: one stable code and a sentence that gathers context while it climbs.
 *
 * A function that can fail returns false (or NULL) and fills the error it was given; on success it
 * leaves it alone. The message may hold internals; what a user sees is chosen at the rim: refusals
 * (codes below 500 in errors.def) are written for users, everything else goes to the log under a
 * correlation id and the user gets the code's own sentence. Callable from any thread. */
#ifndef ROOST_BUS_FOUNDATION_ERROR_H
#define ROOST_BUS_FOUNDATION_ERROR_H

#include <stdbool.h>

enum error_code {
	ERROR_NONE = 0,
#define ERROR_CODE(constant, wire, http, retryable, sentence) ERROR_##constant,
#include "schemas/errors.def"
#undef ERROR_CODE
	ERROR_CODE_COUNT
};

enum { ERROR_MESSAGE_MAX = 1024 };

struct error {
	enum error_code code;
	char message[ERROR_MESSAGE_MAX];
};

/* Sets code and message, cutting the message at ERROR_MESSAGE_MAX. Returns false, so that a
 * function can end with `return error_set(...)`. `error` may be NULL. */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "context: " before the message and keeps the code. Returns false. */
bool error_wrap(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ERROR_INTERNAL with the text of errno after the message. Returns false. */
bool error_errno(struct error *error, int number, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The stable word of a code, such as "workspace_not_found"; "" for ERROR_NONE. */
const char *error_code_name(enum error_code code);

/* ERROR_INTERNAL for an unknown word. */
enum error_code error_code_from_name(const char *name);

int error_code_http_status(enum error_code code);
bool error_code_retryable(enum error_code code);

/* The sentence for users when nothing better is known. */
const char *error_code_sentence(enum error_code code);

#endif
