/* The two configurations and their comparison. */
#include "bus/log/stream_config.h"

#include "bus/log/log_stream.h"

#include <stdlib.h>
#include <string.h>

static const json_int_t SECOND_NS = 1000000000;

enum { DUPLICATE_WINDOW_S = 10 * 60, BEAT_BYTES_MAX = 64 * 1024 };

json_t *stream_config_log(int replicas, const char *log_id)
{
	/* "discard":"new": should anybody ever set a limit, the log refuses rather than forgets. */
	json_t *config = json_pack("{ss s[s] ss ss ss si si si si si sI sb s{ss ss}}", "name", LOG_STREAM, "subjects",
				   "roost.evt.>", "retention", "limits", "storage", "file", "discard", "new",
				   "max_msgs", -1, "max_bytes", -1, "max_age", 0, "max_msgs_per_subject", -1,
				   "num_replicas", replicas, "duplicate_window", DUPLICATE_WINDOW_S * SECOND_NS,
				   "allow_direct", 1, "republish", "src", "roost.evt.>", "dest", "roost.feed.>");
	if (log_id != NULL)
		json_object_set_new(config, "metadata", json_pack("{ss ss}", "log_id", log_id, "log_epoch", "1"));
	return config;
}

json_t *stream_config_beats(void)
{
	return json_pack("{ss s[s] ss ss ss si si sb sb si}", "name", BEATS_STREAM, "subjects", "roost.beat.*",
			 "retention", "limits", "storage", "memory", "discard", "old", "max_msgs_per_subject", 1,
			 "max_msg_size", BEAT_BYTES_MAX, "no_ack", 1, "allow_direct", 1, "num_replicas", 1);
}

bool stream_config_holds(json_t *asked, const json_t *made, struct error *error)
{
	const char *name;
	json_t *value;
	json_object_foreach(asked, name, value)
	{
		const json_t *got = json_object_get(made, name);
		if (json_is_object(value)) {
			if (!stream_config_holds(value, got, error))
				return error_wrap(error, "%s", name);
			continue;
		}
		if (json_equal(value, got))
			continue;
		char *wanted = json_dumps(value, JSON_ENCODE_ANY);
		char *found = got != NULL ? json_dumps(got, JSON_ENCODE_ANY) : NULL;
		error_set(error, ERROR_PLATFORM_UNAVAILABLE, "%s is %s where %s is needed", name,
			  found != NULL ? found : "absent", wanted);
		free(found);
		free(wanted);
		return false;
	}
	return true;
}
