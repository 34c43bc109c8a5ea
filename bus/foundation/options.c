/* Options from the table in options.def. The happy path: the defaults, then the environment, then the
 * flags. What does not fit its row is named on standard error together with what is used instead, and
 * never stops a program. Written once at start by the main thread, read by any afterwards. */
#include "bus/foundation/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	const char *variable;
	const char *used_by;
	const char *sentence;
	const char *default_text;
	bool is_number;
	const char *unit;
	int64_t minimum;
	int64_t maximum;
	int64_t default_number;
};

static const struct row rows[OPTION_COUNT] = {
#define OPTION_TEXT(name, users, default_value, words)                                                                 \
	[OPTION_##name] = {.variable = #name, .used_by = users, .sentence = words, .default_text = default_value},
#define OPTION_NUMBER(name, users, unit_name, least, most, default_value, words)                                       \
	[OPTION_##name] = {.variable = #name,                                                                          \
			   .used_by = users,                                                                           \
			   .sentence = words,                                                                          \
			   .is_number = true,                                                                          \
			   .unit = unit_name,                                                                          \
			   .minimum = least,                                                                           \
			   .maximum = most,                                                                            \
			   .default_number = default_value},
#include "bus/foundation/options.def"
#undef OPTION_TEXT
#undef OPTION_NUMBER
};

static struct {
	bool set;
	char *text;
	int64_t number;
} values[OPTION_COUNT];

enum { FLAG_MAX = 64 };

/* ROOST_NATS_URL is nats-url. */
static void flag_of(const struct row *row, char flag[FLAG_MAX])
{
	const char *name = strncmp(row->variable, "ROOST_", 6) == 0 ? row->variable + 6 : row->variable;
	size_t length = 0;
	for (; name[length] != '\0' && length < FLAG_MAX - 1; length++) {
		char letter = name[length];
		flag[length] = letter == '_'			? '-'
			       : letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a')
								: letter;
	}
	flag[length] = '\0';
}

static bool parse_number(const char *text, int64_t *out)
{
	char *end;
	const char *first = text[0] == '-' ? text + 1 : text;
	if (*first < '0' || *first > '9')
		return false;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && *end == '\0';
}

bool option_set(enum option option, const char *value)
{
	const struct row *row = &rows[option];
	int64_t number = 0;
	if (row->is_number && (!parse_number(value, &number) || number < row->minimum || number > row->maximum)) {
		fprintf(stderr,
			"%s: \"%.64s\" is not a whole number of %s from %" PRId64 " to %" PRId64 "; using %" PRId64
			"\n",
			row->variable, value, row->unit, row->minimum, row->maximum, option_number(option));
		return false;
	}
	char *copy = strdup(value);
	if (copy == NULL) {
		fputs("out of memory\n", stderr);
		abort();
	}
	free(values[option].text);
	values[option].text = copy;
	values[option].number = number;
	values[option].set = true;
	return true;
}

const char *option_text(enum option option)
{
	if (values[option].set)
		return values[option].text;
	return rows[option].default_text == NULL ? "" : rows[option].default_text;
}

int64_t option_number(enum option option)
{
	return values[option].set ? values[option].number : rows[option].default_number;
}

const char *option_variable(enum option option)
{
	return rows[option].variable;
}

static void forget_all(void)
{
	for (int option = 0; option < OPTION_COUNT; option++) {
		free(values[option].text);
		values[option].text = NULL;
		values[option].number = 0;
		values[option].set = false;
	}
}

/* An empty variable counts as absent: that is how shells unset. */
static void read_environment(void)
{
	for (int option = 0; option < OPTION_COUNT; option++) {
		const char *value = getenv(rows[option].variable);
		if (value != NULL && value[0] != '\0')
			option_set((enum option)option, value);
	}
}

/* The option whose flag this argument is; OPTION_COUNT for none. *value is what follows a '=', or NULL. */
static enum option find_flag(const char *argument, const char **value)
{
	*value = NULL;
	if (strncmp(argument, "--", 2) != 0)
		return OPTION_COUNT;
	size_t length = strcspn(argument + 2, "=");
	for (int option = 0; option < OPTION_COUNT; option++) {
		char flag[FLAG_MAX];
		flag_of(&rows[option], flag);
		if (strlen(flag) != length || memcmp(flag, argument + 2, length) != 0)
			continue;
		if (argument[2 + length] == '=')
			*value = argument + 2 + length + 1;
		return (enum option)option;
	}
	return OPTION_COUNT;
}

bool options_read(int *argc, char **argv)
{
	forget_all();
	read_environment();
	int kept = *argc > 0 ? 1 : 0;
	bool after_dashes = false;
	for (int i = 1; i < *argc; i++) {
		const char *value;
		after_dashes = after_dashes || strcmp(argv[i], "--") == 0;
		enum option option = after_dashes ? OPTION_COUNT : find_flag(argv[i], &value);
		if (option == OPTION_COUNT) {
			argv[kept++] = argv[i];
			continue;
		}
		if (value == NULL && i + 1 == *argc) {
			fprintf(stderr, "%s needs a value\n", argv[i]);
			return false;
		}
		option_set(option, value != NULL ? value : argv[++i]);
	}
	argv[kept] = NULL;
	*argc = kept;
	return true;
}

/* True when `program` is one of the words in `used_by`. */
static bool uses(const char *used_by, const char *program)
{
	if (program == NULL || strcmp(used_by, "all") == 0)
		return true;
	size_t length = strlen(program);
	for (const char *at = used_by; *at != '\0';) {
		size_t word = strcspn(at, " ");
		if (word == length && memcmp(at, program, length) == 0)
			return true;
		at += word + strspn(at + word, " ");
	}
	return false;
}

void options_print(const char *program)
{
	for (int option = 0; option < OPTION_COUNT; option++) {
		const struct row *row = &rows[option];
		char flag[FLAG_MAX];
		if (!uses(row->used_by, program))
			continue;
		flag_of(row, flag);
		printf("  --%s %s\n      %s\n      Environment: %s.", flag, row->is_number ? "<number>" : "<text>",
		       row->sentence, row->variable);
		if (row->is_number)
			printf(" Unit: %s. From %" PRId64 " to %" PRId64 ". Default: %" PRId64 ".\n", row->unit,
			       row->minimum, row->maximum, row->default_number);
		else if (row->default_text[0] != '\0')
			printf(" Default: %s.\n", row->default_text);
		else
			printf("\n");
	}
}
