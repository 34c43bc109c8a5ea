/* What a test makes is removed however the test ends, by kill -9 too: a janitor process of its own
 * waits for the end of the test program. */
#ifndef ROOST_TESTS_SUPPORT_CLEANUP_H
#define ROOST_TESTS_SUPPORT_CLEANUP_H

/* A new private folder below ${TMPDIR:-/tmp}, removed with everything in it when the program has
 * ended. Valid until then. */
const char *cleanup_folder(void);

/* `path` (made by the test) is removed when the program has ended. */
void cleanup_path(const char *path);

/* A line for the shell that is run when the program has ended, before paths are removed: for what
 * programs that the test started may leave running. It must be harmless when there is nothing to do. */
void cleanup_command(const char *command);

#endif
