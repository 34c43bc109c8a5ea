/* Going into the background while the caller watches the start. */
#ifndef ROOST_CONTROLLER_INSTALLATION_DETACH_H
#define ROOST_CONTROLLER_INSTALLATION_DETACH_H

#include <stdbool.h>

/* Forks. In the new process it returns -1; its standard output and error go to the caller's until
 * detach_ready. In the caller it returns, once that was called or the new process has ended, the exit
 * status to end with. Before any thread and any loop. */
int detach(void);

/* In the background: the caller may go; from now on words go to the file `log_path`. */
void detach_ready(const char *log_path);

#endif
