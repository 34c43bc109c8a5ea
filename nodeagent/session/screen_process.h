/* The screen in a process of its own. Whatever a program writes goes through libvterm, and libvterm 0.1.4
 * has bugs that a few bytes can reach (margins, insert mode, double-width lines: a write through NULL).
 * The session host is root and outside every sandbox, so it does not draw itself: a child without
 * privileges, files or system calls does (screen_jail.h). It reads the ring, which is shared, and leaves
 * text in a shared page; what it says is checked like anything from outside. When it dies, it is started
 * again on an empty screen behind the bytes that killed it; the session goes on. And drawing, which is
 * slow, no longer stands between a key and its echo. */
#ifndef ROOST_NODEAGENT_SESSION_SCREEN_PROCESS_H
#define ROOST_NODEAGENT_SESSION_SCREEN_PROCESS_H

#include "nodeagent/session/ring.h"
#include "nodeagent/session/screen.h"

#include <stdbool.h>
#include <sys/types.h>

struct screen_process {
	const struct ring *ring;
	uint32_t cols, rows;
	screen_answer answer;
	void *context;
	char *text;	/* shared, SESSION_TEXT_BYTES_MAX */
	pid_t pid;	/* 0 once it is reaped: whoever reaps all children sees to it */
	int socket;	/* -1: it died too often; there is no screen any more */
	uint64_t asked; /* to be drawn up to here */
	uint64_t drawn; /* is: the ring may overwrite what lies before */
	unsigned deaths;
	uint32_t requests;   /* that wanted an answer; the last one's number */
	int64_t progress_ms; /* when it last said anything, or was idle */
};

/* Starts it. `answer` gets what the terminal answers to the program. False when there is no memory or no
 * process; screen_process_close is due either way. */
bool screen_process_open(struct screen_process *process, const struct ring *ring, uint32_t cols, uint32_t rows,
			 screen_answer answer, void *context);
void screen_process_close(struct screen_process *process);

/* True while it draws what it was asked to. */
bool screen_process_busy(const struct screen_process *process);

/* Asks it to draw all of the ring; nothing while it is busy. */
void screen_process_draw(struct screen_process *process);

/* Its socket is readable. */
void screen_process_ready(struct screen_process *process);

/* Draws all, then resizes. Waits. */
void screen_process_resize(struct screen_process *process, uint32_t cols, uint32_t rows);

/* Draws all, then gives the text (see screen_text), in the arena. Waits, seconds at most; false and
 * empty text when the screen is not there, or has still too much to draw. */
bool screen_process_text(struct screen_process *process, uint32_t lines, struct arena *arena, struct screen_text *text);

#endif
