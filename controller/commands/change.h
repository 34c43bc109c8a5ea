/* Commands that change what the log says. Loop thread. */
#ifndef ROOST_CONTROLLER_COMMANDS_CHANGE_H
#define ROOST_CONTROLLER_COMMANDS_CHANGE_H

#include "controller/commands/command.h"

/* Runs the request's command (its `decide` and `respond`) through the pipeline and answers it. */
void change_run(struct request *request);

#endif
