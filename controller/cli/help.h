/* The list of verbs, for `roost help` and for wrong words. */
#ifndef ROOST_CONTROLLER_CLI_HELP_H
#define ROOST_CONTROLLER_CLI_HELP_H

#include "controller/cli/verb.h"

#include <stdio.h>

void help_print(FILE *file);

/* What is said about words that name no verb: where the verbs are listed. */
void help_point(const char *first, const char *second);

/* The verbs of one noun; false when there is no such noun. */
bool help_print_noun(const char *noun, FILE *file);

#endif
