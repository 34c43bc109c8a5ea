/* git's words become sentences that users can act on (S0-33). */
#include "nodeagent/runtime/git.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_known_failure_has_its_sentence(void **state)
{
	(void)state;
	static const struct {
		const char *output;
		const char *part;
	} cases[] = {
	    {"fatal: Remote branch nope not found in upstream origin", "branch does not exist"},
	    {"fatal: could not read Username for 'https://host': terminal prompts disabled", "user name"},
	    {"remote: Not Found\nfatal: repository 'https://host/a/' not found", "does not exist"},
	    {"fatal: remote error: access denied or repository not exported: /a", "does not exist"},
	    {"fatal: unable to access 'https://x/': Could not resolve host: x", "cannot be found"},
	    {"fatal: unable to connect to 10.0.0.1:\nerrno=Connection refused", "cannot be reached"},
	    {"git@host: Permission denied (publickey).", "authentication"},
	    {"error: unable to write file: No space left on device", "disk is full"},
	    {"fatal: something that nobody has seen", "could not be cloned"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strstr(git_explain(cases[i].output, true), cases[i].part) == NULL)
			fail_msg("%s -> %s", cases[i].output, git_explain(cases[i].output, true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(every_known_failure_has_its_sentence)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
