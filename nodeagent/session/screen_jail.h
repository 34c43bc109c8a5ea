/* What is left to a process that parses what a hostile program wrote: one socket, memory, and the system
 * calls for these. */
#ifndef ROOST_NODEAGENT_SESSION_SCREEN_JAIL_H
#define ROOST_NODEAGENT_SESSION_SCREEN_JAIL_H

/* Gives up, for this process and for good: root's rights, every descriptor but `socket`, memory beyond a
 * bound, and (on x86-64 and arm64, except under sanitizers, which need more) every system call but those
 * that read and write that socket, get memory, and end. Returns the socket's new number, -1 on failure:
 * then the process must end. */
int screen_jail_enter(int socket);

#endif
