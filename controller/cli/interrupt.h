/* Ctrl-C while something is waited for: says that the work goes on, and then ends as Ctrl-C does. */
#ifndef ROOST_CONTROLLER_CLI_INTERRUPT_H
#define ROOST_CONTROLLER_CLI_INTERRUPT_H

/* From now on `words` (copied, a line) are written to standard error at SIGINT. */
void interrupt_says(const char *words);

/* SIGINT ends without a word again. */
void interrupt_says_nothing(void);

#endif
