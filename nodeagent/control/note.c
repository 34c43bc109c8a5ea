/* Lines of sentences; programs' output is written as it comes. */
#include "nodeagent/control/note.h"

#include <stdarg.h>
#include <stdio.h>

void note(struct logs *logs, const char *workspace_id, enum log_line_level level, const char *step, const char *format,
	  ...)
{
	char text[LOG_LINE_BYTES_MAX + 1];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	logs_write(logs, workspace_id, level, step, text);
}
