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
