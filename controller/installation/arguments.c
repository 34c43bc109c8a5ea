#include "controller/installation/arguments.h"

#include "bus/foundation/options.h"
#include "controller/installation/number.h"

#include <stdio.h>
#include <string.h>

enum { CONTROLLERS_MAX = 8 };

static int usage(const char *verb, const char *problem, const char *argument)
{
	fprintf(stderr, "roost %s: %s %s; see roost %s --help\n", verb, problem, argument, verb);
	return 2;
}

/* True when argv[*i] is `flag` with its value, given as `flag value` or `flag=value`. */
static bool take_value(int argc, char **argv, int *i, const char *flag, const char **value)
{
	size_t length = strlen(flag);
	if (strncmp(argv[*i], flag, length) != 0)
		return false;
	if (argv[*i][length] == '=') {
		*value = argv[*i] + length + 1;
		return true;
	}
	if (argv[*i][length] != '\0' || *i + 1 >= argc)
		return false;
	*value = argv[++*i];
	return true;
}

int arguments_read(int argc, char **argv, struct arguments *out)
{
	const char *verb = argv[0];
	bool up = strcmp(verb, "up") == 0;
	const char *number;
	*out = (struct arguments){.folder = option_text(OPTION_ROOST_DATA_DIR), .controllers = 1};
	for (int i = 1; i < argc; i++) {
		if (take_value(argc, argv, &i, "--data", &out->folder))
			continue;
		if (up && strcmp(argv[i], "--detach") == 0) {
			out->detach = true;
		} else if (!up && strcmp(argv[i], "--purge") == 0) {
			out->purge = true;
		} else if (up && take_value(argc, argv, &i, "--controllers", &number)) {
			const char *rest = number;
			uint64_t controllers = 0;
			if (!number_read(&rest, CONTROLLERS_MAX, &controllers) || rest[0] != '\0' || controllers < 1)
				return usage(verb, "not a number from 1 to 8:", number);
			out->controllers = (int)controllers;
		} else {
			return usage(verb, "unknown or incomplete argument", argv[i]);
		}
	}
	return out->folder[0] == '\0' ? usage(verb, "no folder given:", "--data") : -1;
}
