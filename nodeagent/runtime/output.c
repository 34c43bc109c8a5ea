/* A line ends with a line end or a carriage return, or when the buffer is full. Empty ones are not told. */
#include "nodeagent/runtime/output.h"

#include "bus/foundation/utf8.h"

#include <string.h>

void output_make_safe(char *text, size_t size)
{
	for (size_t i = 0; i < size;) {
		unsigned char byte = (unsigned char)text[i];
		uint32_t character;
		size_t length = 1;
		if (byte == '\r')
			text[i] = '\n';
		else if ((byte < 0x20 && byte != '\n' && byte != '\t') || byte == 0x7f)
			text[i] = '?';
		else if (byte >= 0x80) {
			length = utf8_character(text + i, size - i, &character);
			if (length == 0) {
				text[i] = '?';
				length = 1;
			}
		}
		i += length;
	}
}

static void tell_line(struct output *output)
{
	size_t size = output->line_size;
	output->line_size = 0;
	if (size == 0 || output->told > OUTPUT_TOLD_BYTES_MAX)
		return;
	output->told += size;
	output_make_safe(output->line, size);
	output->line[size] = '\0';
	output->tell(output->context, output->line);
	if (output->told > OUTPUT_TOLD_BYTES_MAX)
		output->tell(output->context, "(the rest of the output is not kept)");
}

static void take_lines(struct output *output, const char *data, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		bool ends = data[i] == '\n' || data[i] == '\r';
		if (!ends)
			output->line[output->line_size++] = data[i];
		if (ends || output->line_size == sizeof(output->line) - 1)
			tell_line(output);
	}
}

void output_take(struct output *output, const char *data, size_t size)
{
	if (output->tell != NULL && output->told <= OUTPUT_TOLD_BYTES_MAX)
		take_lines(output, data, size);
	for (size_t i = 0; i < size; i++)
		output->tail[(output->seen + i) % sizeof(output->tail)] = data[i];
	output->seen += size;
}

const char *output_end(struct output *output, struct arena *arena)
{
	size_t size = output->seen < sizeof(output->tail) ? output->seen : sizeof(output->tail);
	char *text = arena_alloc(arena, size + 1);
	if (output->tell != NULL)
		tell_line(output);
	for (size_t i = 0; i < size; i++)
		text[i] = output->tail[(output->seen - size + i) % sizeof(output->tail)];
	output_make_safe(text, size);
	return text;
}
