/* Reading whole numbers out of texts. Any thread. */
#ifndef ROOST_CONTROLLER_INSTALLATION_NUMBER_H
#define ROOST_CONTROLLER_INSTALLATION_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

/* Skips blanks, reads digits up to `most`, and moves *text behind them. False, with *text where it was,
 * when there are none or they say more. */
bool number_read(const char **text, uint64_t most, uint64_t *out);

#endif
