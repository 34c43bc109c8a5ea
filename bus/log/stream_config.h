/* What is asked of the server for each stream, and whether what it made is what was asked: servers
 * silently ignore fields that they do not know. Pure. */
#ifndef ROOST_BUS_LOG_STREAM_CONFIG_H
#define ROOST_BUS_LOG_STREAM_CONFIG_H

#include "bus/foundation/error.h"

#include <jansson.h>

/* The log's configuration. With `log_id` its metadata are in it, as for making it; without (NULL),
 * as for comparing with one that exists. A new reference. */
json_t *stream_config_log(int replicas, const char *log_id);

/* The stream that keeps each node's last heartbeat. A new reference. */
json_t *stream_config_beats(void);

/* True when every field of `asked` has the same value in `made`. ERROR_PLATFORM_UNAVAILABLE that names
 * the first field which has not. */
bool stream_config_holds(json_t *asked, const json_t *made, struct error *error);

#endif
