/* Time, chance, messages and processes. The next event happens, whatever it is; it makes later ones.
 * Nothing here reads a clock or any randomness but the seed's, so a seed replays exactly. */
#include "tests/simulation/simulation.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- chance ---- */

static uint64_t next_random(struct simulation *simulation)
{
	uint64_t mixed = (simulation->random += 0x9e3779b97f4a7c15u); /* splitmix64 */
	mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
	mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
	return mixed ^ mixed >> 31;
}

uint32_t draw(struct simulation *simulation, uint32_t below)
{
	return (uint32_t)((next_random(simulation) >> 32) * below >> 32);
}

bool happens(struct simulation *simulation, unsigned per_mille)
{
	return simulation->faults && per_mille > 0 && draw(simulation, 1000) < per_mille;
}

/* ---- time ---- */

static bool sooner(const struct event *left, const struct event *right)
{
	return left->at_ms != right->at_ms ? left->at_ms < right->at_ms : left->order < right->order;
}

static void push(struct simulation *simulation, const struct event *event)
{
	if (simulation->event_count == simulation->event_room) {
		simulation->event_room = simulation->event_room == 0 ? 256 : 2 * simulation->event_room;
		simulation->events = realloc(simulation->events, simulation->event_room * sizeof(*simulation->events));
		if (simulation->events == NULL)
			abort();
	}
	struct event *heap = simulation->events;
	size_t place = simulation->event_count++;
	for (; place > 0 && sooner(event, &heap[(place - 1) / 2]); place = (place - 1) / 2)
		heap[place] = heap[(place - 1) / 2];
	heap[place] = *event;
}

static struct event pop(struct simulation *simulation)
{
	struct event *heap = simulation->events;
	struct event first = heap[0], last = heap[--simulation->event_count];
	size_t place = 0;
	for (;;) {
		size_t child = 2 * place + 1;
		if (child >= simulation->event_count)
			break;
		if (child + 1 < simulation->event_count && sooner(&heap[child + 1], &heap[child]))
			child++;
		if (!sooner(&heap[child], &last))
			break;
		heap[place] = heap[child];
		place = child;
	}
	heap[place] = last;
	return first;
}

static void add_event(struct simulation *simulation, int64_t at_ms, bool message, event_function *happen, void *context)
{
	const struct event event = {.at_ms = at_ms > simulation->now_ms ? at_ms : simulation->now_ms,
				    .order = simulation->order++,
				    .message = message,
				    .happen = happen,
				    .context = context};
	push(simulation, &event);
}

void at(struct simulation *simulation, int64_t when_ms, event_function *happen, void *context)
{
	add_event(simulation, when_ms, false, happen, context);
}

void after(struct simulation *simulation, int64_t delay_ms, event_function *happen, void *context)
{
	add_event(simulation, simulation->now_ms + delay_ms, false, happen, context);
}

void simulation_until(struct simulation *simulation, int64_t until_ms)
{
	while (simulation->event_count > 0 && simulation->events[0].at_ms <= until_ms) {
		struct event event = pop(simulation);
		simulation->now_ms = event.at_ms;
		simulation->events_happened++;
		if (event.message && !simulation->bus_up)
			continue;
		event.happen(simulation, event.context);
	}
	simulation->now_ms = until_ms;
}

/* ---- messages ---- */

void send_message(struct simulation *simulation, event_function *arrive, void *context)
{
	if (!simulation->bus_up || happens(simulation, simulation->weather.lost))
		return;
	int64_t at_ms = simulation->now_ms + 1 + draw(simulation, 4);
	if (happens(simulation, simulation->weather.late))
		at_ms += draw(simulation, 4000);
	add_event(simulation, at_ms, true, arrive, context);
	if (happens(simulation, simulation->weather.doubled))
		add_event(simulation, at_ms + draw(simulation, 3000), true, arrive, context);
}

/* ---- processes ---- */

struct moment moment_of(struct process *process)
{
	return (struct moment){process, process->life};
}

bool still(const struct moment *moment)
{
	return moment->process->up && moment->process->life == moment->life;
}

int64_t wall_ms(const struct simulation *simulation, const struct process *process)
{
	return simulation->now_ms + process->skew_ms;
}

int64_t monotonic_ms(const struct simulation *simulation, const struct process *process)
{
	return simulation->now_ms - process->boot_ms;
}

void process_start(struct simulation *simulation, struct process *process)
{
	if (process->up || process->ended)
		return;
	process->up = true;
	process->life++;
	trace(simulation, "%s starts", process->name);
	process->start(simulation, process->owner);
}

static void start_again(struct simulation *simulation, void *context)
{
	process_start(simulation, context);
}

void process_kill(struct simulation *simulation, struct process *process)
{
	if (!process->up)
		return;
	process->up = false;
	process->life++;
	after(simulation, 100 + draw(simulation, simulation->faults ? 8000 : 100), start_again, process);
}

bool dies(struct simulation *simulation, struct process *process, const char *place)
{
	if (!process->up)
		return true;
	if (!happens(simulation, simulation->weather.killed))
		return false;
	trace(simulation, "%s is killed: %s", process->name, place);
	process_kill(simulation, process);
	return true;
}

const char *id_new(struct simulation *simulation, int64_t ms)
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	char *id = arena_alloc(simulation->arena, ID_SIZE);
	for (int i = 9; i >= 0; i--, ms >>= 5)
		id[i] = digits[ms & 31];
	for (int i = 10; i < IDENTIFIER_LENGTH; i++)
		id[i] = digits[draw(simulation, 32)];
	return id;
}

/* ---- what happened ---- */

void trace_line(struct simulation *simulation, const char *format, ...)
{
	va_list arguments;
	char *line = simulation->lines[simulation->line_count++ % TRACE_LINES];
	int length = snprintf(line, TRACE_WIDTH, "%8.3f  ", (double)(simulation->now_ms - simulation->begun_ms) / 1000);
	va_start(arguments, format);
	vsnprintf(line + length, TRACE_WIDTH - (size_t)length, format, arguments);
	va_end(arguments);
	if (simulation->trace_to_stdout)
		puts(line);
}

void violated(struct simulation *simulation, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(simulation->failure, sizeof(simulation->failure), format, arguments);
	va_end(arguments);
	trace(simulation, "VIOLATED: %s", simulation->failure);
	longjmp(simulation->failed, 1);
}
