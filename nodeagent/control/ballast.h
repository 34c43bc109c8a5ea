/* A file beside the database that only takes up room, so that there is something to give when the disk is
 * full: what runs can then still be stopped, removed and reported. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_BALLAST_H
#define ROOST_NODEAGENT_CONTROL_BALLAST_H

struct ballast {
	char path[4096]; /* "" for none */
	int there;	 /* 1 while it is held; 0 once it was given */
};

/* The ballast of the database at `path`; taken when there is room. */
void ballast_open(struct ballast *ballast, const char *path);

/* To be called before each write: gives it when hardly any room is left, takes it back when there is
 * plenty again. */
void ballast_tend(struct ballast *ballast);

#endif
