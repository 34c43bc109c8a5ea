/* A handler may call write(2) and little else, so what it says is made beforehand. */
#include "controller/cli/interrupt.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char farewell[256];

static void on_interrupt(int number)
{
	ssize_t written = write(STDERR_FILENO, farewell, strlen(farewell));
	(void)written;
	signal(number, SIG_DFL);
	raise(number);
}

void interrupt_says(const char *words)
{
	signal(SIGINT, SIG_DFL); /* not while the words change */
	snprintf(farewell, sizeof(farewell), "%s\n", words);
	signal(SIGINT, on_interrupt);
}

void interrupt_says_nothing(void)
{
	signal(SIGINT, SIG_DFL);
}
