#include "controller/installation/log_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void open_file(struct log_file *file)
{
	struct stat status = {0};
	file->fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (file->fd >= 0 && fstat(file->fd, &status) != 0)
		status.st_size = 0;
	file->size = (size_t)status.st_size;
}

void log_file_open(struct log_file *file, const char *path)
{
	file->path = strdup(path);
	if (file->path == NULL)
		abort();
	open_file(file);
}

static void rotate(struct log_file *file)
{
	char *older;
	if (asprintf(&older, "%s.1", file->path) < 0)
		abort();
	close(file->fd);
	rename(file->path, older);
	free(older);
	open_file(file);
}

void log_file_append(struct log_file *file, const void *data, size_t size)
{
	if (file->fd >= 0 && file->size + size > LOG_FILE_BYTES_MAX)
		rotate(file);
	ssize_t written = file->fd < 0 ? 0 : write(file->fd, data, size);
	if (written > 0)
		file->size += (size_t)written;
}

void log_file_close(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	free(file->path);
	*file = (struct log_file){.fd = -1};
}

/* "2026-01-31T12:34:56.789Z error nodeagent: the words" */
static const char *words_of(const char *line)
{
	const char *colon = strstr(line, ": ");
	return line[0] >= '0' && line[0] <= '9' && colon != NULL ? colon + 2 : line;
}

char *log_file_last_words(const char *path, struct arena *arena)
{
	char tail[2048];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size < (off_t)sizeof(tail) ? 0 : size - (off_t)sizeof(tail) + 1;
	ssize_t got = fd < 0 ? 0 : pread(fd, tail, sizeof(tail) - 1, from);
	if (fd >= 0)
		close(fd);
	while (got > 0 && tail[got - 1] == '\n')
		got--;
	if (got <= 0)
		return arena_strdup(arena, "see its log");
	tail[got] = '\0';
	const char *line = strrchr(tail, '\n');
	return arena_strdup(arena, words_of(line == NULL ? tail : line + 1));
}
