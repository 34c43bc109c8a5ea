/* Jobs: a lane runs one after another, lanes run side by side, and progress comes before the end. */
#include "nodeagent/control/jobs.h"
#include "tests/unit/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LANES = 4, PER_LANE = 8 };

struct room {
	uv_loop_t loop;
	struct jobs *jobs;
	atomic_int inside[LANES];
	uv_barrier_t meeting;
	int order[LANES];
	int done;
	bool idle;
	char transcript[256];
};

struct numbered {
	struct job job; /* first */
	struct room *room;
	int lane;
	int number;
};

static struct numbered *make(struct room *room, int lane, int number, void (*work)(struct job *),
			     void (*done)(struct job *))
{
	struct arena *arena = arena_new();
	struct numbered *job = arena_new_of(arena, struct numbered);
	job->job.arena = arena;
	job->job.work = work;
	job->job.done = done;
	job->room = room;
	job->lane = lane;
	job->number = number;
	snprintf(job->job.lane, sizeof(job->job.lane), "lane-%d", lane);
	return job;
}

static int setup(void **state)
{
	static struct room room;
	memset(&room, 0, sizeof(room));
	uv_loop_init(&room.loop);
	room.jobs = jobs_open(&room.loop);
	*state = &room;
	return 0;
}

static void close_jobs(void *context)
{
	struct room *room = context;
	room->idle = true;
	jobs_close(room->jobs, NULL, NULL);
}

static void run_to_the_end(struct room *room)
{
	jobs_when_idle(room->jobs, close_jobs, room);
	uv_run(&room->loop, UV_RUN_DEFAULT);
	assert_true(room->idle);
	assert_int_equal(uv_loop_close(&room->loop), 0);
}

static void work_alone(struct job *base)
{
	struct numbered *job = (struct numbered *)base;
	assert_int_equal(atomic_fetch_add(&job->room->inside[job->lane], 1), 0);
	uv_sleep(1);
	atomic_fetch_sub(&job->room->inside[job->lane], 1);
}

static void done_in_order(struct job *base)
{
	struct numbered *job = (struct numbered *)base;
	assert_int_equal(job->number, job->room->order[job->lane]++);
	job->room->done++;
}

static void a_lane_is_one_after_another(void **state)
{
	struct room *room = *state;
	for (int number = 0; number < PER_LANE; number++)
		for (int lane = 0; lane < LANES; lane++)
			jobs_submit(room->jobs, &make(room, lane, number, work_alone, done_in_order)->job);
	assert_int_equal(jobs_count(room->jobs), LANES * PER_LANE);
	run_to_the_end(room);
	assert_int_equal(room->done, LANES * PER_LANE);
}

static void meet(struct job *base)
{
	uv_barrier_wait(&((struct numbered *)base)->room->meeting);
}

static void count(struct job *base)
{
	((struct numbered *)base)->room->done++;
}

/* S0-05: one workspace's work does not wait for another's. It ends only if all are inside at once. */
static void lanes_are_side_by_side(void **state)
{
	struct room *room = *state;
	uv_barrier_init(&room->meeting, LANES);
	for (int lane = 0; lane < LANES; lane++)
		jobs_submit(room->jobs, &make(room, lane, 0, meet, count)->job);
	run_to_the_end(room);
	uv_barrier_destroy(&room->meeting);
	assert_int_equal(room->done, LANES);
}

static void tell_three(struct job *base)
{
	job_tell(base, "disk", "1");
	job_tell(base, "network", "2");
	job_tell(base, "sandbox", "3");
}

static void note_progress(struct job *base, const char *step, const char *message)
{
	struct room *room = ((struct numbered *)base)->room;
	size_t used = strlen(room->transcript);
	snprintf(room->transcript + used, sizeof(room->transcript) - used, "%s %s, ", step, message);
}

static void note_end(struct job *base)
{
	note_progress(base, "end", "of it");
}

static void progress_comes_in_order_and_before_the_end(void **state)
{
	struct room *room = *state;
	struct numbered *job = make(room, 0, 0, tell_three, note_end);
	job->job.progress = note_progress;
	jobs_submit(room->jobs, &job->job);
	run_to_the_end(room);
	assert_string_equal(room->transcript, "disk 1, network 2, sandbox 3, end of it, ");
}

static void wait_for_the_quick_one(struct job *base)
{
	struct room *room = ((struct numbered *)base)->room;
	while (atomic_load(&room->inside[0]) == 0)
		uv_sleep(1);
}

static void be_quick(struct job *base)
{
	atomic_store(&((struct numbered *)base)->room->inside[0], 1);
}

/* S0-05: more starts that hang than there are threads, and a stop that comes after them. */
static void slow_jobs_leave_threads_to_the_others(void **state)
{
	struct room *room = *state;
	for (int lane = 1; lane <= 2 * JOBS_THREADS; lane++) {
		struct numbered *slow = make(room, lane, 0, wait_for_the_quick_one, count);
		slow->job.slow = true;
		jobs_submit(room->jobs, &slow->job);
	}
	jobs_submit(room->jobs, &make(room, 0, 0, be_quick, count)->job);
	run_to_the_end(room);
	assert_int_equal(room->done, 2 * JOBS_THREADS + 1);
}

int main(void)
{
	char threads[16];
	snprintf(threads, sizeof(threads), "%d", JOBS_THREADS);
	setenv("UV_THREADPOOL_SIZE", threads, 1);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(a_lane_is_one_after_another, setup),
	    cmocka_unit_test_setup(lanes_are_side_by_side, setup),
	    cmocka_unit_test_setup(progress_comes_in_order_and_before_the_end, setup),
	    cmocka_unit_test_setup(slow_jobs_leave_threads_to_the_others, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
