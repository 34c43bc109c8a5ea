/* The log server, reduced to its promises: records by subject, appended with the expected last sequence
 * of the subject, duplicates known by message id for a while, and the durable consumer that brings each
 * record to some controller until its effect is acknowledged. It may go away, and it may come back as
 * it was before. */
#ifndef ROOST_TESTS_SIMULATION_LOG_H
#define ROOST_TESTS_SIMULATION_LOG_H

#include "record.pb-c.h"
#include "tests/simulation/simulation.h"

struct log_record {
	uint64_t seq;
	int64_t stored_ms;
	const Roost__Record *record;
	bool acknowledged; /* its effect, by the consumer */
	unsigned deliveries;
};

struct log {
	struct simulation *simulation;
	struct log_record *records; /* the first has sequence 1 */
	size_t count, room;
	unsigned restored; /* how often it came back older */
};

enum log_outcome { LOG_STORED, LOG_DUPLICATE, LOG_WRONG_SEQUENCE };
struct log_answer {
	enum log_outcome outcome;
	uint64_t seq;
	int64_t server_ms;
};

enum { DUPLICATE_WINDOW_MS = 120 * 1000, ACK_WAIT_MS = 15 * 1000 };

struct log *log_new(struct simulation *simulation);

/* The record must live as long as the simulation. */
struct log_answer log_append_record(struct log *log, const Roost__Record *record, uint64_t expected_last_seq);

/* The subject's last record, and its first one after `seq`; NULL for none. */
const struct log_record *log_last_of(const struct log *log, const Roost__Record *like);
const struct log_record *log_next_of(const struct log *log, const Roost__Record *like, uint64_t seq);

/* The consumer's acknowledgement; `again` asks for the record after ACK_WAIT_MS / 2 instead. */
void log_effect_done(struct log *log, uint64_t seq, bool again);

/* The log as it was when it ended at `seq`. */
void log_restore(struct log *log, uint64_t seq);

#endif
