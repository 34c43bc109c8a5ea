/* Arithmetic on what was heard of a node. */
#include "controller/effects/silence.h"

#include <stdio.h>

static int64_t later(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

struct silence silence_of(const struct node_signs *signs, int64_t listening_since_ms, int64_t now_ms)
{
	struct silence silence = {0};
	if (signs->beat)
		silence.beats_ms = now_ms - signs->beat_at_ms;
	else if (listening_since_ms != 0)
		silence.beats_ms = now_ms - listening_since_ms;
	if (signs->failing && listening_since_ms != 0) {
		int64_t since_ms = signs->answer ? signs->answer_at_ms : signs->failing_since_ms;
		silence.channel_ms = now_ms - later(since_ms, listening_since_ms);
	}
	silence.ms = later(silence.beats_ms, silence.channel_ms);
	return silence;
}

Roost__Node__Health silence_health(int64_t silent_ms, int64_t stale_ms)
{
	if (silent_ms <= stale_ms)
		return ROOST__NODE__HEALTH__HEALTHY;
	return silent_ms <= 2 * stale_ms ? ROOST__NODE__HEALTH__STALE : ROOST__NODE__HEALTH__UNHEALTHY;
}

int64_t silence_left(const struct silence *silence, int64_t stale_ms)
{
	switch (silence_health(silence->ms, stale_ms)) {
	case ROOST__NODE__HEALTH__HEALTHY:
		return stale_ms - silence->ms + 1;
	case ROOST__NODE__HEALTH__STALE:
		return 2 * stale_ms - silence->ms + 1;
	default:
		return INT64_MAX;
	}
}

void silence_describe(const struct silence *silence, int64_t stale_ms, char *text, size_t size)
{
	long long beats_s = silence->beats_ms / 1000, channel_s = silence->channel_ms / 1000;
	if (silence->beats_ms <= stale_ms)
		snprintf(text, size, "its heartbeats come, but it has not answered on its command channel for %lld s",
			 channel_s);
	else if (silence->channel_ms <= stale_ms)
		snprintf(text, size, "no heartbeat of it has come for %lld s", beats_s);
	else
		snprintf(text, size, "nothing has been heard of it for %lld s", beats_s);
}
