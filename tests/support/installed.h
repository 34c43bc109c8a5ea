/* A whole installation under test, used as a person uses it: by the roost command. One per program; its
 * folder is in ROOST_DATA_DIR. Not on a loop: everything blocks, with deadlines. */
#ifndef ROOST_TESTS_SUPPORT_INSTALLED_H
#define ROOST_TESTS_SUPPORT_INSTALLED_H

#include <stdbool.h>
#include <sys/types.h>

enum { ROOST_OUTPUT_BYTES = 1024 * 1024 };

/* What the last command printed. */
extern char roost_output[ROOST_OUTPUT_BYTES];

/* The words of the last command, for messages. */
extern char roost_last_command[512];

/* NAME=value for every command and all that it starts; NULL-terminated; borrowed. */
void installed_surroundings(const char *const *environment);

/* The data folder: `folder`, or (NULL) a new one that is removed at the end. Nothing is started. */
const char *installed_in(const char *folder);

/* The path of the roost command. */
const char *installed_program(void);

/* Runs the command to its end; its exit status. */
int roost_words(const char *const *words);
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define roost(...) roost_words(WORDS(__VA_ARGS__))

/* The same; fails the test with what was printed unless it ended with 0. */
void must_words(const char *const *words);
#define must(...) must_words(WORDS(__VA_ARGS__))

/* A field of the JSON object that was printed last, until the next call; "" when it is not there. */
const char *field(const char *name);

/* The same of an object that is got by its id or name: installed_field("workspace", "api", "status"). */
const char *installed_field(const char *resource, const char *id, const char *name);

/* Waits until that field has the value. */
void await_field(const char *resource, const char *id, const char *name, const char *value);

/* A process of this installation by its name; 0 when there is none. */
pid_t installed_process(const char *name);

/* The installation's own node. */
const char *installed_node_id(void);

/* What the daemons said last, for a test that failed; nothing when the installation is gone. */
void installed_tell(void);

/* True when /proc/<pid>/environ names the installation's folder. */
bool installed_owns(const char *pid);

#endif
