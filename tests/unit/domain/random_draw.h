/* Between the files that make random steps: drawing, and the steps that random_step chooses among. */
#ifndef ROOST_TESTS_UNIT_DOMAIN_RANDOM_DRAW_H
#define ROOST_TESTS_UNIT_DOMAIN_RANDOM_DRAW_H

#include "tests/unit/domain/random_steps.h"

/* 0 to below - 1. */
uint32_t draw(struct random_life *life, uint32_t below);

/* One of them, or NULL. The second: mostly one of the newest, so that things meet. */
const char *pick(struct random_life *life, const char **ids, size_t count);
const char *pick_recent(struct random_life *life, const char **ids, size_t count);

/* One of the newest nodes: never NULL. */
const char *pick_node(struct random_life *life);

/* The steps of nodes: commands, reports and beats. */
void step_reports(struct random_life *life);
void step_node(struct random_life *life);
void step_health(struct random_life *life);
void step_rolled_back(struct random_life *life);

/* Findings of a sweeper that may be wrong. */
void step_sweep(struct random_life *life);

#endif
