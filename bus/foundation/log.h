/* Log lines on standard error: time, level, component, message. Callable from any thread; a line is
 * one write, so lines never mix. The level is set once at start by ROOST_LOG_LEVEL. */
#ifndef ROOST_BUS_FOUNDATION_LOG_H
#define ROOST_BUS_FOUNDATION_LOG_H

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

/* The level of a word such as "warning"; LOG_INFO for any other word. */
enum log_level log_level_from_name(const char *name);

/* `component` is the daemon's name, kept by reference. */
void log_open(const char *component, enum log_level least);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...)	 log_line(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_INFO, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_error(...)	 log_line(LOG_ERROR, __VA_ARGS__)

#endif
