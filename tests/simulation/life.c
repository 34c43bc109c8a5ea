/* One life: the weather is drawn, everything starts, clients and faults do what they do for a minute,
 * then the faults end and everything has to come to rest, be right, and stay so. */
#include "tests/simulation/client.h"
#include "tests/simulation/controller.h"
#include "tests/simulation/log.h"
#include "tests/simulation/oracle.h"
#include "tests/simulation/sweeper.h"

#include <stdlib.h>
#include <string.h>

/* None, some, or much. */
static unsigned draw_rate(struct simulation *simulation, unsigned some, unsigned much)
{
	unsigned kind = draw(simulation, 4);
	return kind == 0 ? 0 : kind < 3 ? 1 + draw(simulation, some) : 1 + draw(simulation, much);
}

static void draw_weather(struct simulation *simulation)
{
	simulation->weather = (struct weather){
	    .lost = draw_rate(simulation, 30, 200),
	    .doubled = draw_rate(simulation, 50, 300),
	    .late = draw_rate(simulation, 50, 300),
	    .killed = draw_rate(simulation, 5, 20),
	    .store_lost = draw_rate(simulation, 100, 400),
	    .job_fails = draw_rate(simulation, 50, 200),
	    .job_hangs = draw_rate(simulation, 50, 400),
	    .sandbox_dies = draw_rate(simulation, 5, 20),
	    .session_exits = draw_rate(simulation, 20, 60),
	    .reboots = draw_rate(simulation, 5, 20),
	    .outage = draw_rate(simulation, 10, 40),
	    .back_up = simulation->swept && draw(simulation, 3) == 0 ? 300 : 0,
	    .clock_jumps = draw_rate(simulation, 20, 200),
	    .stalls = draw_rate(simulation, 50, 200),
	};
}

/* ---- what befalls everybody ---- */

static void bus_returns(struct simulation *simulation, void *context)
{
	(void)context;
	struct log *log = simulation->log;
	if (log->count > 0 && happens(simulation, simulation->weather.back_up))
		log_restore(log, log->count - draw(simulation, 1 + (uint32_t)log->count / 4));
	simulation->bus_up = true;
	trace(simulation, "the bus is back");
	for (int i = 0; i < CONTROLLERS; i++)
		controller_reconnect(simulation->controllers[i]);
	controller_reconnect(simulation->sweeper->eyes);
	for (size_t i = 0; i < simulation->agent_count; i++)
		if (simulation->agents[i]->process.up && simulation->agents[i]->adopted)
			agent_beat(simulation->agents[i]); /* as at every connect */
}

static void skew(struct simulation *simulation, struct process *process)
{
	process->skew_ms = (int64_t)draw(simulation, 2 * CLOCK_SKEW_MAX_MS) - CLOCK_SKEW_MAX_MS;
	trace(simulation, "the clock of %s is %lld ms off", process->name, (long long)process->skew_ms);
}

static struct process *any_process(struct simulation *simulation)
{
	size_t chosen = draw(simulation, (uint32_t)(CONTROLLERS + simulation->agent_count + 1));
	if (chosen == CONTROLLERS + simulation->agent_count)
		return &simulation->sweeper->eyes->process;
	return chosen < CONTROLLERS ? &simulation->controllers[chosen]->process
				    : &simulation->agents[chosen - CONTROLLERS]->process;
}

static void every_second(struct simulation *simulation, void *context)
{
	(void)context;
	if (!simulation->faults)
		return;
	if (simulation->bus_up && happens(simulation, simulation->weather.outage)) {
		trace(simulation, "the bus goes away");
		simulation->bus_up = false;
		after(simulation, 2000 + draw(simulation, 20000), bus_returns, NULL);
	}
	if (happens(simulation, simulation->weather.clock_jumps))
		skew(simulation, any_process(simulation));
	if (happens(simulation, simulation->weather.stalls))
		controller_stall(simulation->controllers[draw(simulation, CONTROLLERS)], draw(simulation, 30000));
	after(simulation, 1000, every_second, NULL);
}

/* ---- from the seed to the last check ---- */

static void begin(struct simulation *simulation)
{
	static const char *const names[CONTROLLERS] = {"controller0", "controller1", "controller2"};
	simulation->now_ms = simulation->begun_ms = 1800000000000;
	simulation->faults = simulation->bus_up = true;
	simulation->swept = draw(simulation, 3) > 0;
	draw_weather(simulation);
	simulation->log = log_new(simulation);
	simulation->oracle = oracle_new(simulation);
	for (int i = 0; i < CONTROLLERS; i++)
		simulation->controllers[i] = controller_new(simulation, names[i]);
	simulation->sweeper = sweeper_new(simulation);
	for (int i = 0; i < CONTROLLERS; i++) {
		simulation->controllers[i]->process.boot_ms = simulation->now_ms - draw(simulation, 1000000);
		if (draw(simulation, 3) == 0)
			skew(simulation, &simulation->controllers[i]->process);
		process_start(simulation, &simulation->controllers[i]->process);
	}
	simulation->sweeper->eyes->process.boot_ms = simulation->now_ms - draw(simulation, 1000000);
	simulation->sweeper->eyes->process.ended = !simulation->swept;
	process_start(simulation, &simulation->sweeper->eyes->process);
	simulation->clients = clients_new(simulation);
	every_second(simulation, NULL);
}

static void settle(struct simulation *simulation)
{
	trace(simulation, "the faults have ended");
	simulation->faults = false;
	simulation->bus_up = true;
	for (int i = 0; i < CONTROLLERS; i++)
		controller_stall(simulation->controllers[i], 0);
	clients_stop(simulation->clients);
	int64_t until_ms = simulation->now_ms + SETTLING_MS;
	const char *restless;
	do {
		while (oracle_restless(simulation->oracle) != NULL && simulation->now_ms < until_ms)
			simulation_until(simulation, simulation->now_ms + 1000);
		simulation_until(simulation, simulation->now_ms + SETTLED_EXTRA_MS);
		restless = oracle_restless(simulation->oracle);
	} while (restless != NULL && simulation->now_ms < until_ms);
	if (restless != NULL)
		violated(simulation, "it does not settle: %s", restless);
}

static void live(struct simulation *simulation)
{
	begin(simulation);
	simulation_until(simulation, simulation->now_ms + LIFE_MS);
	settle(simulation);
	oracle_check_all(simulation->oracle);
}

bool simulation_run(struct simulation *simulation, uint64_t seed)
{
	simulation->seed = simulation->random = seed;
	simulation->arena = arena_new();
	simulation->scratch = arena_new();
	if (setjmp(simulation->failed) != 0)
		return false;
	live(simulation);
	return true;
}

void simulation_free(struct simulation *simulation)
{
	if (simulation->arena == NULL)
		return;
	oracle_free(simulation->oracle);
	arena_free(simulation->arena);
	arena_free(simulation->scratch);
	free(simulation->events);
	*simulation = (struct simulation){0};
}
