/* Runs commands one after another, each to its end, until one fails; for clones (nodeagent/runtime/git.h). */
#ifndef ROOST_NODEAGENT_RUNTIME_INIT_STEPS_H
#define ROOST_NODEAGENT_RUNTIME_INIT_STEPS_H

/* arguments: "" or a repository to copy borrowed objects from after the first command, then the commands
 * with "\n" between two and NULL at the end. Returns the exit code: that of the command that failed. */
int steps_run(char **arguments);

#endif
