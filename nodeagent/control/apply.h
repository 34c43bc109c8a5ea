/* Wanted state as it arrives: checked, and stored in one transaction. Loop thread. */
#ifndef ROOST_NODEAGENT_CONTROL_APPLY_H
#define ROOST_NODEAGENT_CONTROL_APPLY_H

#include "nodeagent/control/store.h"

/* Stores what is newer than what is held and fills `answer` with what is held afterwards:
 * - another log, or a higher epoch of the same one, starts over from version 0; what the new log does
 *   not name stays, as unknown;
 * - a lower epoch, or a page that begins above what is held, stores nothing;
 * - a row older than the one held, or than what was held when its row was forgotten, is left out.
 * `answer`'s log id is borrowed from the store. False with ERROR_INVALID_ARGUMENT (nothing stored) for
 * a request that makes no sense, and with another error when the file cannot be written. */
bool apply_store(struct store *store, const Roost__ApplyRequest *request, Roost__ApplyResponse *answer,
		 struct error *error);

#endif
