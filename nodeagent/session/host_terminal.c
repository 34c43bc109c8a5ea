/* The pty: output goes into the ring and to followers at once, and onto the screen a little later,
 * since drawing is slow and mostly nobody looks: when DRAW_BATCH bytes have gathered, or the program has
 * been quiet for HOST_QUIET_MS (host.c), or somebody asks. */
#include "nodeagent/session/host.h"

#include "bus/foundation/log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

enum {
	READ_BYTES = 16 * 1024,
	WORTH_ANOTHER = 1024,	 /* a shorter read has most likely taken all: poll(2) is cheaper than asking in vain */
	READ_SHARE = 128 * 1024, /* before clients get their turn */
	DRAW_BATCH = 256 * 1024,
	UNDRAWN_MAX = 512 * 1024, /* what who asks for the screen may have to wait for */
	/* A pty holds some 16 KiB; what outlives the program may go on writing for ever. The ring always
	 * keeps this much room, so that draining costs a slow follower nothing. */
	DRAIN_BYTES_MAX = 64 * 1024,
};

bool host_terminal_take(struct host *host, int fd, struct error *error)
{
	struct winsize size = {.ws_col = (unsigned short)host->cols, .ws_row = (unsigned short)host->rows};
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 || ioctl(fd, TIOCSWINSZ, &size) != 0)
		return error_errno(error, errno, "set up the terminal");
	int peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return error_errno(error, errno, "open the terminal's other side");
	host->terminal = fd;
	host->terminal_peer = peer;
	return true;
}

/* How much may be read without losing what the screen or a follower still needs. */
static size_t room(const struct host *host)
{
	uint64_t oldest = host_oldest_wanted(host);
	if (host->screen.drawn < oldest)
		oldest = host->screen.drawn;
	size_t used = (size_t)(host->ring.end - oldest) + DRAIN_BYTES_MAX;
	size_t undrawn = (size_t)(host->ring.end - host->screen.drawn);
	if (used >= host->ring.size || undrawn >= UNDRAWN_MAX)
		return 0;
	size_t free_bytes = host->ring.size - used;
	return free_bytes < UNDRAWN_MAX - undrawn ? free_bytes : UNDRAWN_MAX - undrawn;
}

bool host_terminal_wants_read(const struct host *host)
{
	return host->terminal >= 0 && room(host) > 0;
}

/* Bytes read; 0 when there are none now, or no room. */
static size_t read_once(struct host *host)
{
	size_t most = room(host) < READ_BYTES ? room(host) : READ_BYTES;
	if (most == 0)
		return 0;
	size_t size;
	unsigned char *space = ring_space(&host->ring, most, &size);
	ssize_t got;
	do
		got = read(host->terminal, space, size);
	while (got < 0 && errno == EINTR);
	if (got <= 0)
		return 0;
	ring_added(&host->ring, (size_t)got);
	return (size_t)got;
}

static void send_to_followers(struct host *host)
{
	for (int i = 0; i < SESSION_HOST_CLIENTS_MAX; i++)
		if (host->clients[i].fd >= 0 && host->clients[i].following)
			host_client_send(host, &host->clients[i]);
}

/* Draws in large pieces while output comes: see screen.c for why. */
static void draw_if_due(struct host *host)
{
	if (host->ring.end - host->screen.asked >= DRAW_BATCH)
		screen_process_draw(&host->screen);
}

void host_screen_ready(struct host *host)
{
	screen_process_ready(&host->screen);
	draw_if_due(host);
}

bool host_terminal_waits_for_quiet(const struct host *host)
{
	return host->screen.asked < host->ring.end && !screen_process_busy(&host->screen);
}

void host_terminal_quiet(struct host *host)
{
	screen_process_draw(&host->screen);
}

void host_terminal_read(struct host *host)
{
	size_t share = 0;
	while (share < READ_SHARE) {
		size_t got = read_once(host);
		share += got;
		if (got < WORTH_ANOTHER)
			break;
	}
	if (share == 0)
		return;
	send_to_followers(host);
	draw_if_due(host);
}

void host_terminal_drain(struct host *host)
{
	size_t drained = 0;
	while (host->terminal >= 0 && drained < DRAIN_BYTES_MAX) {
		size_t size;
		unsigned char *space = ring_space(&host->ring, DRAIN_BYTES_MAX - drained, &size);
		ssize_t got = read(host->terminal, space, size);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		ring_added(&host->ring, (size_t)got);
		drained += (size_t)got;
	}
	send_to_followers(host);
}

void host_terminal_write(struct host *host)
{
	size_t size;
	const unsigned char *data;
	while ((data = input_queue_next(host->input, &size), size) > 0) {
		ssize_t written = write(host->terminal, data, size);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		input_queue_typed(host->input, (size_t)written);
	}
}

bool host_terminal_resize(struct host *host, uint32_t cols, uint32_t rows)
{
	screen_fit(&cols, &rows);
	struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
	if (host->terminal >= 0 && ioctl(host->terminal, TIOCSWINSZ, &size) != 0) {
		log_warning("resize: %s", strerror(errno));
		return false;
	}
	host->cols = cols;
	host->rows = rows;
	screen_process_resize(&host->screen, cols, rows);
	return true;
}
