/* A daemon's log: bounded. At LOG_FILE_BYTES_MAX it becomes <path>.1, in place of an older one. */
#ifndef ROOST_CONTROLLER_INSTALLATION_LOG_FILE_H
#define ROOST_CONTROLLER_INSTALLATION_LOG_FILE_H

#include "bus/foundation/arena.h"

#include <stddef.h>

enum { LOG_FILE_BYTES_MAX = 8 * 1024 * 1024 };

struct log_file {
	char *path;
	int fd; /* -1 when it cannot be opened: what is appended is lost */
	size_t size;
};

void log_file_open(struct log_file *file, const char *path);
void log_file_append(struct log_file *file, const void *data, size_t size);
void log_file_close(struct log_file *file);

/* The last line of a log, in the arena, without the time, level and name that bus/foundation/log.h puts before
 * it; "see its log" when there is none. */
char *log_file_last_words(const char *path, struct arena *arena);

#endif
