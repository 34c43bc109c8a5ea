/* The table of commands, made from schemas/commands.def. */
#include "command.pb-c.h"
#include "controller/commands/command.h"

#include <string.h>

#define COMMAND(resource, verb, stem, name, durable, body) extern const struct command command_##name;
#include "schemas/commands.def"
#undef COMMAND

const struct command_row command_rows[COMMAND_COUNT] = {
#define COMMAND(resource, verb, stem, name, durable, body)                                                             \
	{#resource,                                                                                                    \
	 #verb,                                                                                                        \
	 #resource "." #verb,                                                                                          \
	 "roost.cmd.*." #resource "." #verb,                                                                           \
	 &roost__##name##_request__descriptor,                                                                         \
	 &roost__##name##_response__descriptor,                                                                        \
	 durable,                                                                                                      \
	 &command_##name},
#include "schemas/commands.def"
#undef COMMAND
};

const struct command_row *command_find(const char *resource, const char *verb)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(command_rows[i].resource, resource) == 0 && strcmp(command_rows[i].verb, verb) == 0)
			return &command_rows[i];
	return NULL;
}
