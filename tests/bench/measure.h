/* Samples of one benchmark line, their percentiles, and the line that is printed: figure, floor, ratio
 * and aim. No test fails on a timing: a missed aim is printed as missed. */
#ifndef ROOST_TESTS_BENCH_MEASURE_H
#define ROOST_TESTS_BENCH_MEASURE_H

#include <stddef.h>
#include <stdint.h>

/* Ends the program with what went wrong. */
void bench_die(const char *what, const char *detail) __attribute__((noreturn));

struct samples {
	int64_t *ns;
	size_t count;
	size_t capacity;
};

void samples_add(struct samples *samples, int64_t ns);
void samples_free(struct samples *samples);

/* The value at a fraction such as 0.5 or 0.99; sorts the samples. 0 when there are none. */
int64_t samples_at(struct samples *samples, double fraction);

/* Times: smaller is better. Rates: larger is better. `aim` is the ratio to the floor; 0: none. */
void print_time_line(const char *name, double milliseconds, double floor_milliseconds, double aim);
void print_rate_line(const char *name, double per_second, double floor_per_second, double aim);

/* A figure against an absolute aim; memory in MB. */
void print_memory_line(const char *name, double megabytes, double aim_megabytes);

/* Resident set of a process now, in MB; ends the program when it cannot be read. */
double resident_megabytes(int process);

#endif
