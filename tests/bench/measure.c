/* Percentiles and the one shape of a printed line. */
#include "tests/bench/measure.h"

#include <stdio.h>
#include <stdlib.h>

void bench_die(const char *what, const char *detail)
{
	fprintf(stderr, "%s: %s\n", what, detail);
	exit(1);
}

void samples_add(struct samples *samples, int64_t ns)
{
	if (samples->count == samples->capacity) {
		samples->capacity = samples->capacity == 0 ? 1024 : samples->capacity * 2;
		samples->ns = realloc(samples->ns, samples->capacity * sizeof(*samples->ns));
		if (samples->ns == NULL)
			abort();
	}
	samples->ns[samples->count++] = ns;
}

void samples_free(struct samples *samples)
{
	free(samples->ns);
	*samples = (struct samples){0};
}

static int compare(const void *left, const void *right)
{
	int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
	return (a > b) - (a < b);
}

int64_t samples_at(struct samples *samples, double fraction)
{
	if (samples->count == 0)
		return 0;
	qsort(samples->ns, samples->count, sizeof(*samples->ns), compare);
	size_t index = (size_t)(fraction * (double)(samples->count - 1) + 0.5);
	return samples->ns[index];
}

static const char *verdict(int met)
{
	return met ? "met" : "MISSED";
}

void print_time_line(const char *name, double milliseconds, double floor_milliseconds, double aim)
{
	double ratio = milliseconds / floor_milliseconds;
	printf("%-52s %10.3f ms   floor %10.3f ms   %5.2fx", name, milliseconds, floor_milliseconds, ratio);
	if (aim > 0)
		printf("  (aim %.2fx: %s)", aim, verdict(ratio <= aim));
	printf("\n");
}

void print_rate_line(const char *name, double per_second, double floor_per_second, double aim)
{
	double ratio = per_second / floor_per_second;
	printf("%-52s %10.0f /s   floor %10.0f /s   %4.0f %%  (aim %.0f %%: %s)\n", name, per_second, floor_per_second,
	       ratio * 100, aim * 100, verdict(ratio >= aim));
}

void print_memory_line(const char *name, double megabytes, double aim_megabytes)
{
	printf("%-52s %10.1f MB   %31s (aim %.0f MB: %s)\n", name, megabytes, "", aim_megabytes,
	       verdict(megabytes <= aim_megabytes));
}

double resident_megabytes(int process)
{
	char path[64];
	long total, resident;
	snprintf(path, sizeof(path), "/proc/%d/statm", process);
	FILE *file = fopen(path, "re");
	if (file == NULL || fscanf(file, "%ld %ld", &total, &resident) != 2) {
		perror(path);
		exit(1);
	}
	fclose(file);
	return (double)resident * 4096 / 1e6;
}
