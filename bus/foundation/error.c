/* The error table of schemas/errors.def, and messages that gather context. */
#include "bus/foundation/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int http_status;
	bool retryable;
	const char *sentence;
} codes[ERROR_CODE_COUNT] = {
	[ERROR_NONE] = {"", 200, false, ""},
#define ERROR_CODE(constant, wire, http, again, text) [ERROR_##constant] = {wire, http, again, text},
#include "schemas/errors.def"
#undef ERROR_CODE
};

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
	if (error == NULL)
		return false;
	error->code = code;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return false;
}

bool error_wrap(struct error *error, const char *format, ...)
{
	if (error == NULL)
		return false;
	char inner[ERROR_MESSAGE_MAX];
	memcpy(inner, error->message, sizeof(inner));
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(error->message) - 3)
		snprintf(error->message + length, sizeof(error->message) - (size_t)length, ": %.*s",
			 (int)(sizeof(error->message) - (size_t)length - 3), inner);
	return false;
}

bool error_errno(struct error *error, int number, const char *format, ...)
{
	if (error == NULL)
		return false;
	char reason[128];
	error->code = ERROR_INTERNAL;
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	if (length >= 0 && (size_t)length < sizeof(error->message) - 3)
		snprintf(error->message + length, sizeof(error->message) - (size_t)length, ": %s",
			 strerror_r(number, reason, sizeof(reason)));
	return false;
}

const char *error_code_name(enum error_code code)
{
	return codes[code].name;
}

enum error_code error_code_from_name(const char *name)
{
	for (int code = 1; code < ERROR_CODE_COUNT; code++)
		if (name != NULL && strcmp(codes[code].name, name) == 0)
			return (enum error_code)code;
	return ERROR_INTERNAL;
}

int error_code_http_status(enum error_code code)
{
	return codes[code].http_status;
}

bool error_code_retryable(enum error_code code)
{
	return codes[code].retryable;
}

const char *error_code_sentence(enum error_code code)
{
	return codes[code].sentence;
}
