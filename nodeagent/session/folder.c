/* The files in a session's folder. Locks are open-file-description locks: they end with their process
 * whatever way it ends, are not inherited by exec'ed children, and can be asked about without being
 * taken. What can go wrong: a full disk (see folder_reserve_ended), somebody else's rubbish in a file
 * (it does not decode; nothing is trusted). */
#include "nodeagent/session/folder.h"

#include "bus/foundation/limits.h"
#include "bus/foundation/log.h"
#include "nodeagent/session/frame.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ENDED_BYTES_MAX = SESSION_TEXT_BYTES_MAX + 64 * 1024,
	ENDED_RESERVED_BYTES = 32 * 1024,
	LISTEN_BACKLOG = 16,
	LOCK_TEXT_MAX = 64,
};

int folder_open(const char *path, struct error *error)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder >= 0)
		return folder;
	if (errno == ENOENT || errno == ENOTDIR)
		error_set(error, ERROR_SESSION_NOT_FOUND, "there is no such session");
	else
		error_errno(error, errno, "open %s", path);
	return -1;
}

/* ---- lock ---- */

enum folder_state folder_look(int folder)
{
	bool locked = false;
	int fd = openat(folder, FOLDER_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0) {
		struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
		locked = fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
		close(fd);
	}
	if (locked)
		return FOLDER_LIVE;
	return faccessat(folder, FOLDER_ENDED, F_OK, 0) == 0 ? FOLDER_IS_OVER : FOLDER_DEAD;
}

/* Field 22 of /proc/<pid>/stat, in clock ticks since boot; 0 when there is no such process. */
static unsigned long long start_time_of(pid_t pid)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	char text[1024];
	ssize_t size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return 0;
	text[size] = '\0';
	const char *at = strrchr(text, ')'); /* the name before it may hold anything */
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	return at == NULL ? 0 : strtoull(at, NULL, 10);
}

int folder_lock(int folder, struct error *error)
{
	int fd = openat(folder, FOLDER_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		error_errno(error, errno, "open the session's lock");
		return -1;
	}
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	if (fcntl(fd, F_OFD_SETLK, &lock) != 0) {
		if (errno == EAGAIN || errno == EACCES)
			error_set(error, ERROR_CONFLICT, "the session has a host already");
		else
			error_errno(error, errno, "lock the session");
		close(fd);
		return -1;
	}
	char text[LOCK_TEXT_MAX];
	int size = snprintf(text, sizeof(text), "%d %llu\n", (int)getpid(), start_time_of(getpid()));
	if (ftruncate(fd, 0) != 0 || pwrite(fd, text, (size_t)size, 0) != size)
		log_warning("the lock holds, but who has it could not be written: %s", strerror(errno));
	return fd;
}

static bool read_holder(int folder, pid_t *pid, unsigned long long *start_time)
{
	int fd = openat(folder, FOLDER_LOCK, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	char text[LOCK_TEXT_MAX];
	ssize_t size = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (size <= 0)
		return false;
	text[size] = '\0';
	char *end;
	long number = strtol(text, &end, 10);
	*pid = (pid_t)number;
	*start_time = strtoull(end, NULL, 10);
	return number > 1 && *start_time != 0;
}

bool folder_kill_holder(int folder)
{
	pid_t pid;
	unsigned long long start_time;
	if (folder_look(folder) != FOLDER_LIVE || !read_holder(folder, &pid, &start_time))
		return false;
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	if (process < 0)
		return false;
	/* compared after the descriptor is open: from here on the number cannot become another process */
	bool sent = start_time_of(pid) == start_time && syscall(SYS_pidfd_send_signal, process, SIGKILL, NULL, 0) == 0;
	close(process);
	return sent;
}

/* ---- files ---- */

static bool write_all(int fd, const unsigned char *data, size_t size)
{
	for (size_t at = 0; at < size;) {
		ssize_t written = pwrite(fd, data + at, size - at, (off_t)at);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		at += (size_t)written;
	}
	return ftruncate(fd, (off_t)size) == 0 && fsync(fd) == 0;
}

static bool write_file(int folder, const char *name, const ProtobufCMessage *message, struct error *error)
{
	char temporary[32];
	snprintf(temporary, sizeof(temporary), "%s.new", name);
	size_t size = protobuf_c_message_get_packed_size(message);
	unsigned char *data = malloc(size + 1);
	if (data == NULL)
		return error_set(error, ERROR_INTERNAL, "out of memory");
	protobuf_c_message_pack(message, data);
	/* not truncated first: what was set aside for it stays its own */
	int fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool written = fd >= 0 && write_all(fd, data, size) && renameat(folder, temporary, folder, name) == 0 &&
		       fsync(folder) == 0;
	int number = errno;
	if (fd >= 0)
		close(fd);
	free(data);
	return written ? true : error_errno(error, number, "write %s", name);
}

bool folder_write_spec(int folder, const Roost__HostSpec *spec, struct error *error)
{
	if (protobuf_c_message_get_packed_size(&spec->base) > SESSION_SPEC_BYTES_MAX)
		return error_set(error, ERROR_INVALID_ARGUMENT, "the command and its environment are too large");
	return write_file(folder, FOLDER_SPEC, &spec->base, error);
}

bool folder_write_ended(int folder, const Roost__HostEnded *ended, struct error *error)
{
	return write_file(folder, FOLDER_ENDED, &ended->base, error);
}

void folder_reserve_ended(int folder)
{
	int fd = openat(folder, FOLDER_ENDED ".new", O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	/* best effort: without it only a full disk costs the session's last word */
	(void)posix_fallocate(fd, 0, ENDED_RESERVED_BYTES);
	close(fd);
}

static ProtobufCMessage *read_file(int folder, const char *name, size_t most,
				   const ProtobufCMessageDescriptor *descriptor, struct arena *arena,
				   struct error *error)
{
	int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) != 0) {
		error_errno(error, errno, "open %s", name);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	ProtobufCMessage *message = NULL;
	if (S_ISREG(status.st_mode) && status.st_size >= 0 && (size_t)status.st_size <= most) {
		unsigned char *data = arena_alloc(arena, (size_t)status.st_size + 1);
		ssize_t size = pread(fd, data, (size_t)status.st_size, 0);
		if (size == status.st_size)
			message = frame_unpack(descriptor, data, (size_t)size, arena);
	}
	close(fd);
	if (message == NULL)
		error_set(error, ERROR_INTERNAL, "the file %s of the session is damaged", name);
	return message;
}

Roost__HostSpec *folder_read_spec(int folder, struct arena *arena, struct error *error)
{
	return (Roost__HostSpec *)read_file(folder, FOLDER_SPEC, SESSION_SPEC_BYTES_MAX, &roost__host_spec__descriptor,
					    arena, error);
}

Roost__HostEnded *folder_read_ended(int folder, struct arena *arena, struct error *error)
{
	return (Roost__HostEnded *)read_file(folder, FOLDER_ENDED, ENDED_BYTES_MAX, &roost__host_ended__descriptor,
					     arena, error);
}

/* ---- sockets ---- */

static struct sockaddr_un address_in(int folder, const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", folder, name);
	return address;
}

int folder_listen(int folder, const char *name, struct error *error)
{
	struct sockaddr_un address = address_in(folder, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	unlinkat(folder, name, 0);
	if (fd >= 0 && fchmod(fd, 0600) == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    listen(fd, LISTEN_BACKLOG) == 0)
		return fd;
	error_errno(error, errno, "listen on the session's %s", name);
	if (fd >= 0)
		close(fd);
	return -1;
}

int folder_connect(int folder, const char *name, struct error *error)
{
	struct sockaddr_un address = address_in(folder, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error_errno(error, errno, "connect to the session host");
	if (fd >= 0)
		close(fd);
	return -1;
}
