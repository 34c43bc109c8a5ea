/* A repository of 50 MB in 1,400 files, on disk and behind a git server in a network namespace of its own, which
 * dies with the program. Ends the program on failure. */
#ifndef ROOST_TESTS_BENCH_REPOSITORY_H
#define ROOST_TESTS_BENCH_REPOSITORY_H

struct bench_repository {
	char folder[512]; /* with the repository in it */
	char path[600];
	char url[64];
};

void bench_repository_make(struct bench_repository *repository);

/* Milliseconds of a git clone of the path with four checkout workers, on the machine. */
double bench_repository_clone_ms(const struct bench_repository *repository);

#endif
