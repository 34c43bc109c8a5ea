/* A circle of text. Lines have no table of their own: they are told apart by their \n, so that a line
 * of two letters costs three bytes. */
#include "nodeagent/session/scrollback.h"

#include "bus/foundation/limits.h"

#include <string.h>
#include <sys/mman.h>

enum { CIRCLE = SESSION_SCROLLBACK_BYTES };

bool scrollback_open(struct scrollback *scrollback)
{
	void *data = mmap(NULL, CIRCLE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (data == MAP_FAILED)
		return false;
	*scrollback = (struct scrollback){.data = data};
	return true;
}

void scrollback_close(struct scrollback *scrollback)
{
	if (scrollback->data != NULL)
		munmap(scrollback->data, CIRCLE);
	*scrollback = (struct scrollback){0};
}

static void drop_oldest(struct scrollback *scrollback)
{
	size_t until_wrap = CIRCLE - scrollback->first;
	size_t straight = scrollback->used < until_wrap ? scrollback->used : until_wrap;
	const char *from = scrollback->data + scrollback->first;
	const char *end = memchr(from, '\n', straight);
	size_t size;
	if (end != NULL) {
		size = (size_t)(end - from) + 1;
	} else {
		end = memchr(scrollback->data, '\n', scrollback->used - straight);
		size = straight + (size_t)(end - scrollback->data) + 1;
	}
	scrollback->first = (scrollback->first + size) % CIRCLE;
	scrollback->used -= size;
	scrollback->lines--;
}

static void append(struct scrollback *scrollback, const char *data, size_t size)
{
	size_t at = (scrollback->first + scrollback->used) % CIRCLE;
	size_t until_wrap = CIRCLE - at;
	size_t straight = size < until_wrap ? size : until_wrap;
	memcpy(scrollback->data + at, data, straight);
	memcpy(scrollback->data, data + straight, size - straight);
	scrollback->used += size;
}

void scrollback_add(struct scrollback *scrollback, const char *line, size_t size)
{
	while (size > 0 && line[size - 1] == ' ')
		size--;
	if (size + 1 > CIRCLE)
		return;
	while (scrollback->lines >= OUTPUT_LINES_MAX || scrollback->used + size + 1 > CIRCLE)
		drop_oldest(scrollback);
	append(scrollback, line, size);
	append(scrollback, "\n", 1);
	scrollback->lines++;
}

static char byte_at(const struct scrollback *scrollback, size_t index)
{
	return scrollback->data[(scrollback->first + index) % CIRCLE];
}

size_t scrollback_measure(const struct scrollback *scrollback, size_t lines, size_t most)
{
	size_t size = 0;
	for (size_t back = 1; back <= scrollback->used; back++) {
		/* the line that ends here is whole when the byte before it is the end of another */
		bool begins = back == scrollback->used || byte_at(scrollback, scrollback->used - back - 1) == '\n';
		if (!begins)
			continue;
		if (lines == 0 || back > most)
			break;
		size = back;
		lines--;
	}
	return size;
}

void scrollback_copy(const struct scrollback *scrollback, char *into, size_t size)
{
	size_t at = (scrollback->first + scrollback->used - size) % CIRCLE;
	size_t until_wrap = CIRCLE - at;
	size_t straight = size < until_wrap ? size : until_wrap;
	memcpy(into, scrollback->data + at, straight);
	memcpy(into + straight, scrollback->data, size - straight);
}
