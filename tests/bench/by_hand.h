/* The runtime program started and stopped by hand, on bundles made after that of a workspace which runs, with
 * namespaces of their own: the floor of everything that the agent does. Ends the program on failure. */
#ifndef ROOST_TESTS_BENCH_BY_HAND_H
#define ROOST_TESTS_BENCH_BY_HAND_H

enum { BY_HAND_MAX = 20, BY_HAND_PATH_BYTES = 4096 };

struct by_hand {
	const char *runtime; /* crun or runc */
	char root[BY_HAND_PATH_BYTES];
	char bundles[BY_HAND_MAX][BY_HAND_PATH_BYTES];
};

/* Makes BY_HAND_MAX bundles after the workspace that runs on the node. */
void by_hand_prepare(struct by_hand *by_hand, const char *node, const char *runtime);

/* Milliseconds until so many run, started at once. */
double by_hand_start_ms(struct by_hand *by_hand, int at_once);

/* Milliseconds from SIGTERM to nothing being left, with one program in it that obeys. */
double by_hand_stop_ms(struct by_hand *by_hand, const char *const *program);

#endif
