/* A line in a log that the node keeps for its owner. He may read all of it, so it says what happened and to what,
 * and never holds a credential or an environment's value. Any thread. */
#ifndef ROOST_NODEAGENT_CONTROL_NOTE_H
#define ROOST_NODEAGENT_CONTROL_NOTE_H

#include "nodeagent/logs/logs.h"

/* `workspace_id` "" is the node's own log; `step` is a word, "" for none. */
void note(struct logs *logs, const char *workspace_id, enum log_line_level level, const char *step, const char *format,
	  ...) __attribute__((format(printf, 5, 6)));

#endif
