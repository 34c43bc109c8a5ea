/* The arguments of `roost up` and `roost down`. */
#ifndef ROOST_CONTROLLER_INSTALLATION_ARGUMENTS_H
#define ROOST_CONTROLLER_INSTALLATION_ARGUMENTS_H

#include <stdbool.h>

struct arguments {
	const char *folder; /* --data, or ROOST_DATA_DIR */
	bool detach;	    /* up only */
	bool purge;	    /* down only */
	int controllers;    /* up only */
};

/* Returns -1 to go on, or 2 for usage, having said what is wrong. argv[0] is the verb. Their help is the
 * command line's. */
int arguments_read(int argc, char **argv, struct arguments *out);

#endif
