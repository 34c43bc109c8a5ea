/* From words to an invocation, by the verb's own rows. */
#include "bus/foundation/limits.h"
#include "controller/cli/verb.h"

#include <stdlib.h>
#include <string.h>

static const struct verb_option common[] = {
    {"json", NULL, "Print JSON for programs."},
    {"help", NULL, "Print this."},
    OPTION_END,
};

static const struct verb_option *find_in(const struct verb_option *options, const char *name, size_t length)
{
	for (; options != NULL && options->name != NULL; options++)
		if (strlen(options->name) == length && memcmp(options->name, name, length) == 0)
			return options;
	return NULL;
}

static void add_option(struct invocation *invocation, const struct verb_option *option, const char *value)
{
	if (option == &common[0])
		invocation->json = true;
	else if (option == &common[1])
		invocation->help = true;
	else
		invocation->given[invocation->given_count++] = (struct given_option){option, value};
}

/* One word that begins with two dashes; `next` is the word after it, or NULL. *used counts words taken. */
static bool take_option(struct invocation *invocation, const char *word, const char *next, int *used,
			struct error *error)
{
	size_t length = strcspn(word + 2, "=");
	const struct verb_option *option = find_in(invocation->verb->options, word + 2, length);
	if (option == NULL)
		option = find_in(common, word + 2, length);
	const char *value = word[2 + length] == '=' ? word + 2 + length + 1 : NULL;
	*used = 1;
	if (option == NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "there is no option %.80s", word);
	if (option->value == NULL && value != NULL)
		return error_set(error, ERROR_INVALID_ARGUMENT, "--%s takes no value", option->name);
	if (option->value != NULL && value == NULL) {
		if (next == NULL)
			return error_set(error, ERROR_INVALID_ARGUMENT, "--%s needs a value: <%s>", option->name,
					 option->value);
		value = next;
		*used = 2;
	}
	add_option(invocation, option, value);
	return true;
}

static bool check_count(const struct invocation *invocation, struct error *error)
{
	const struct verb *verb = invocation->verb;
	if (invocation->help)
		return true;
	if (invocation->argument_count < verb->least)
		return error_set(error, ERROR_INVALID_ARGUMENT, "something is missing: %s", verb->arguments);
	if (invocation->argument_count <= verb->most)
		return true;
	const char *extra = invocation->arguments[verb->most];
	if (verb->takes_command)
		return error_set(error, ERROR_INVALID_ARGUMENT, "\"%.80s\" is too much; a command comes after --",
				 extra);
	return error_set(error, ERROR_INVALID_ARGUMENT, "\"%.80s\" is too much", extra);
}

bool invocation_parse(struct invocation *invocation, int argc, char **argv, struct error *error)
{
	invocation->arguments = arena_array_of(invocation->arena, const char *, (size_t)argc + 1);
	invocation->command = arena_array_of(invocation->arena, const char *, (size_t)argc + 1);
	invocation->given = arena_array_of(invocation->arena, struct given_option, (size_t)argc + 1);
	bool after_dashes = false;
	for (int i = 0; i < argc;) {
		int used = 1;
		if (after_dashes && invocation->verb->takes_command)
			invocation->command[invocation->command_count++] = argv[i];
		else if (!after_dashes && strcmp(argv[i], "--") == 0)
			after_dashes = true;
		else if (!after_dashes && strcmp(argv[i], "-h") == 0)
			invocation->help = true;
		else if (!after_dashes && strncmp(argv[i], "--", 2) == 0) {
			if (!take_option(invocation, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used, error))
				return false;
		} else
			invocation->arguments[invocation->argument_count++] = argv[i];
		i += used;
	}
	return check_count(invocation, error);
}

const char *invocation_value_at(const struct invocation *invocation, const char *option, size_t n)
{
	for (size_t i = 0; i < invocation->given_count; i++)
		if (strcmp(invocation->given[i].option->name, option) == 0 && n-- == 0)
			return invocation->given[i].value;
	return NULL;
}

bool invocation_has(const struct invocation *invocation, const char *option)
{
	for (size_t i = 0; i < invocation->given_count; i++)
		if (strcmp(invocation->given[i].option->name, option) == 0)
			return true;
	return false;
}

const char *invocation_value(const struct invocation *invocation, const char *option)
{
	const char *last = NULL;
	for (size_t i = 0; i < invocation->given_count; i++)
		if (strcmp(invocation->given[i].option->name, option) == 0)
			last = invocation->given[i].value;
	return last;
}

bool invocation_number(const struct invocation *invocation, const char *option, uint32_t minimum, uint32_t maximum,
		       uint32_t otherwise, uint32_t *out, struct error *error)
{
	const char *text = invocation_value(invocation, option);
	*out = otherwise;
	if (text == NULL)
		return true;
	size_t digits = strspn(text, "0123456789");
	unsigned long long value = digits > 0 && digits < 10 && text[digits] == '\0' ? strtoull(text, NULL, 10) : 0;
	if (digits == 0 || digits >= 10 || text[digits] != '\0' || value < minimum || value > maximum)
		return error_set(error, ERROR_INVALID_ARGUMENT, "--%s takes a whole number from %u to %u", option,
				 minimum, maximum);
	*out = (uint32_t)value;
	return true;
}
