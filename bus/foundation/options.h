/* Options: environment variables and flags from the one table in options.def. An option's flag is
 * its variable without ROOST_, in lower case, with dashes: ROOST_NATS_URL is --nats-url.
 * A flag beats the environment, which beats the default. A bad value is named in a warning together
 * with the default that is used instead (S4-07). Read once at start, on the main thread. */
#ifndef ROOST_BUS_FOUNDATION_OPTIONS_H
#define ROOST_BUS_FOUNDATION_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option {
#define OPTION_TEXT(name, used_by, default_value, sentence) OPTION_##name,
#define OPTION_NUMBER(name, used_by, unit, minimum, maximum, default_value, sentence) OPTION_##name,
#include "bus/foundation/options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
	OPTION_COUNT
};

/* Takes the environment and then the flags (`--name value` or `--name=value`) out of argv, leaving
 * the rest in place with *argc lowered. Unknown flags stay in argv: they are the program's to refuse.
 * Returns false when a flag lacks its value, having said so on standard error. */
bool options_read(int *argc, char **argv);

const char *option_text(enum option option);   /* "" when unset */
int64_t option_number(enum option option);

/* Sets a value after options_read, as if by flag; for tests and for a supervisor's children. */
bool option_set(enum option option, const char *value);

const char *option_variable(enum option option);

/* The table for --help: the options that `program` ("controller", "nodeagent", "sweeper", "roost",
 * or NULL for all) uses. */
void options_print(const char *program);

#endif
