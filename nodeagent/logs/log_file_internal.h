/* What writing and reading a log share. */
#ifndef ROOST_NODEAGENT_LOGS_LOG_FILE_INTERNAL_H
#define ROOST_NODEAGENT_LOGS_LOG_FILE_INTERNAL_H

#include "nodeagent/logs/log_file.h"

struct log_file {
	char *path;
	char *old_path;
	uint64_t half_bytes;
	bool looked;	  /* at what is on disk */
	int fd;		  /* of the newer half; -1 until it is written */
	uint64_t size;	  /* of it */
	uint64_t first;	  /* number of its first line; 0 while it is empty */
	uint64_t next;	  /* number of the next line; 0 while there never was one */
	uint64_t last_at; /* where the last line lies */
	uint32_t count;	  /* of the last line; 0 while nothing can repeat it */
	uint64_t dropped; /* lines that could not be written since the last one that could */
	enum log_line_level level;
	char step[LOG_LINE_STEP_MAX + 1];
	char *text; /* of the last line; NULL before the first */
};

/* Finds out what is on disk, once. */
void log_file_look(struct log_file *file);

#endif
