/* One line, one write. */
#include "bus/foundation/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *component_name = "roost";
static const char *const level_names[] = {"debug", "info", "warning", "error"};
static enum log_level least_level = LOG_INFO;

enum log_level log_level_from_name(const char *name)
{
	for (int level = LOG_DEBUG; level <= LOG_ERROR; level++)
		if (strcmp(level_names[level], name) == 0)
			return (enum log_level)level;
	return LOG_INFO;
}

void log_open(const char *component, enum log_level least)
{
	component_name = component;
	least_level = least;
}

void log_line(enum log_level level, const char *format, ...)
{
	if (level < least_level)
		return;
	struct timespec now;
	struct tm parts;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	char line[2048];
	size_t length = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &parts);
	length += (size_t)snprintf(line + length, sizeof(line) - length, ".%03ldZ %s %s: ", now.tv_nsec / 1000000,
				   level_names[level], component_name);
	va_list arguments;
	va_start(arguments, format);
	int written = vsnprintf(line + length, sizeof(line) - length - 1, format, arguments);
	va_end(arguments);
	if (written > 0)
		length += (size_t)written;
	if (length > sizeof(line) - 2)
		length = sizeof(line) - 2;
	/* A message may quote a stranger's bytes: control characters would forge lines. */
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	if (write(STDERR_FILENO, line, length) < 0)
		return; /* nowhere left to say it */
}
