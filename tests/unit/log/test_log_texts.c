/* JetStream's texts: answers, times, delivery subjects, stored messages, configurations. */
#include "bus/log/jetstream.h"
#include "bus/log/log_stream.h"
#include "bus/log/stored_message.h"
#include "bus/log/stream_config.h"
#include "tests/unit/cmocka_all.h"

#include <string.h>

static struct jetstream_answer answer_of(const char *text)
{
	struct jetstream_answer answer = {0};
	jetstream_parse_answer((struct bytes){(const unsigned char *)text, strlen(text)}, &answer);
	return answer;
}

static void an_answer_is_a_body_a_refusal_or_nothing(void **state)
{
	(void)state;
	struct jetstream_answer good = answer_of("{\"seq\":7}");
	assert_int_equal(good.error.code, ERROR_NONE);
	assert_int_equal(json_integer_value(json_object_get(good.body, "seq")), 7);
	json_decref(good.body);

	struct jetstream_answer refused = answer_of(
	    "{\"error\":{\"code\":400,\"err_code\":10071,\"description\":\"wrong last sequence: 3\"},\"seq\":0}");
	assert_int_equal(refused.api_error, JETSTREAM_WRONG_LAST_SEQUENCE);
	assert_int_equal(refused.error.code, ERROR_PLATFORM_UNAVAILABLE);
	assert_false(refused.temporary);
	assert_non_null(strstr(refused.error.message, "wrong last sequence: 3"));
	json_decref(refused.body);

	struct jetstream_answer busy = answer_of("{\"error\":{\"code\":503,\"err_code\":10008}}");
	assert_true(busy.temporary);
	json_decref(busy.body);

	struct jetstream_answer old = answer_of("{\"error\":{\"code\":500,\"description\":\"no number\"}}");
	assert_int_not_equal(old.api_error, 0);
	json_decref(old.body);

	const char *const rubbish[] = {"", "[]", "7", "{\"seq\":", "\"error\"", "\xff\xfe"};
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		struct jetstream_answer answer = answer_of(rubbish[i]);
		assert_null(answer.body);
		assert_int_equal(answer.api_error, 0);
		assert_int_equal(answer.error.code, ERROR_INTERNAL);
	}
}

static void times_are_read_to_the_millisecond(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"2026-11-21T09:08:07.28726527Z", 1795252087287},
	    {"2026-11-21T09:08:07.2Z", 1795252087200},
	    {"2024-02-29T23:59:59.999999999Z", 1709251199999},
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		int64_t ms = -1;
		assert_true(jetstream_parse_time(good[i].text, &ms));
		assert_int_equal(ms, good[i].ms);
	}
	int64_t ms;
	const char *const bad[] = {
	    NULL, "", "yesterday", "2026-11-21", "2026-11-21T09:08:07", "2026-11-21T09:08:07+01:00"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(jetstream_parse_time(bad[i], &ms));
}

static void delivery_subjects_are_read_in_both_forms(void **state)
{
	(void)state;
	const char *const good[] = {
	    "$JS.ACK.ROOST_EVENTS.replay.1.42.7.1795252087287265270.3",
	    "$JS.ACK._.hash.ROOST_EVENTS.replay.1.42.7.1795252087287265270.3",
	    "$JS.ACK.hub.hash.ROOST_EVENTS.replay.1.42.7.1795252087287265270.3.random",
	};
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct jetstream_delivery delivery;
		assert_true(jetstream_parse_delivery(good[i], &delivery));
		assert_int_equal(delivery.deliveries, 1);
		assert_int_equal(delivery.stream_seq, 42);
		assert_int_equal(delivery.consumer_seq, 7);
		assert_int_equal(delivery.stored_ms, 1795252087287);
		assert_int_equal(delivery.pending, 3);
	}
	const char *const bad[] = {"",
				   "$JS.ACK.",
				   "_INBOX.x",
				   "$JS.ACK.S.c.1.42.7.1",
				   "$JS.ACK.S.c.1.x.7.1.3",
				   "$JS.ACK.S.c.1.-42.7.1.3",
				   "$JS.ACK.S.c.1..7.1.3",
				   "$JS.ACK.S.c.1.42.7.1.3.4",
				   "$JS.ACK.a.b.c.d.e.f.g.h.i.j.k.l",
				   "$JS.ACK.S.c.1.99999999999999999999.7.1.3"};
	struct jetstream_delivery delivery;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(jetstream_parse_delivery(bad[i], &delivery));
}

static void a_stored_message_gives_its_place_and_id(void **state)
{
	(void)state;
	struct stored_message message;
	struct error error = {0};
	/* NATS/1.0\r\nNats-Expected-Stream: S\r\nNats-Msg-Id: 01ABC\r\n\r\n */
	struct jetstream_answer found =
	    answer_of("{\"message\":{\"seq\":9,\"hdrs\":\"TkFUUy8xLjANCk5hdHMtRXhwZWN0ZWQtU3RyZWFtOiBTDQpOYXRzLU1zZy1JZ"
		      "DogMDFBQkMNCg0K\",\"data\":\"eA==\"}}");
	assert_true(stored_message_read(&found, &message, &error));
	assert_true(message.found);
	assert_int_equal(message.seq, 9);
	assert_string_equal(message.record_id, "01ABC");
	json_decref(found.body);

	struct jetstream_answer bare = answer_of("{\"message\":{\"seq\":9}}");
	assert_true(stored_message_read(&bare, &message, &error));
	assert_string_equal(message.record_id, "");
	json_decref(bare.body);

	struct jetstream_answer absent = answer_of("{\"error\":{\"code\":404,\"err_code\":10037}}");
	assert_true(stored_message_read(&absent, &message, &error));
	assert_false(message.found);
	json_decref(absent.body);

	const char *const bad[] = {"{}", "{\"message\":{}}", "{\"error\":{\"code\":404,\"err_code\":10059}}",
				   "rubbish"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct jetstream_answer answer = answer_of(bad[i]);
		assert_false(stored_message_read(&answer, &message, &error));
		json_decref(answer.body);
	}
}

static void a_configuration_is_compared_field_by_field(void **state)
{
	(void)state;
	struct error error = {0};
	json_t *asked = stream_config_log(1, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
	json_t *made = json_deep_copy(asked);
	json_object_set_new(made, "max_consumers", json_integer(-1));
	json_object_set_new(json_object_get(made, "metadata"), "_nats.level", json_string("1"));
	assert_true(stream_config_holds(asked, made, &error));

	json_object_set_new(made, "max_age", json_integer(5));
	assert_false(stream_config_holds(asked, made, &error));
	assert_string_equal(error.message, "max_age is 5 where 0 is needed");
	json_object_set_new(made, "max_age", json_integer(0));

	json_object_set_new(json_object_get(made, "republish"), "dest", json_string("other"));
	assert_false(stream_config_holds(asked, made, &error));
	assert_non_null(strstr(error.message, "republish: dest"));
	json_object_del(made, "republish");
	assert_false(stream_config_holds(asked, made, &error));
	assert_false(stream_config_holds(asked, NULL, &error));
	json_decref(asked);
	json_decref(made);
}

#define METADATA(log_id, epoch) "{\"config\":{\"metadata\":{\"log_id\":" log_id ",\"log_epoch\":" epoch "}}"
#define INFO(state)                                                                                                    \
	METADATA("\"01HZZZZZZZZZZZZZZZZZZZZZZZ\"", "\"2\"") ",\"state\":" state ",\"ts\":\"2026-11-21T09:08:07Z\"}"

static void the_log_s_ends_are_read_and_doubted(void **state)
{
	(void)state;
	struct server_clock clock = {0};
	struct log_info info;
	struct error error = {0};
	struct jetstream_answer good = answer_of(INFO("{\"messages\":3,\"first_seq\":5,\"last_seq\":9}"));
	assert_true(log_stream_read(&good, &clock, &info, &error));
	assert_string_equal(info.identity.log_id, "01HZZZZZZZZZZZZZZZZZZZZZZZ");
	assert_int_equal(info.identity.log_epoch, 2);
	assert_int_equal(info.first_seq, 5);
	assert_int_equal(info.last_seq, 9);
	assert_false(info.miscounted);
	assert_true(clock.known);
	json_decref(good.body);

	struct jetstream_answer more = answer_of(INFO("{\"messages\":64,\"first_seq\":1,\"last_seq\":63}"));
	assert_true(log_stream_read(&more, &clock, &info, &error));
	assert_true(info.miscounted);
	json_decref(more.body);

	const char *const bad[] = {
	    INFO("{\"messages\":63,\"first_seq\":1,\"last_seq\":0}"),
	    INFO("{\"messages\":64,\"first_seq\":1,\"last_seq\":1}"),
	    "{\"config\":{},\"state\":{},\"ts\":\"2026-11-21T09:08:07Z\"}",
	    METADATA("\"short\"", "\"2\"") ",\"ts\":\"2026-11-21T09:08:07Z\"}",
	    METADATA("\"01HZZZZZZZZZZZZZZZZZZZZZZZ\"", "\"0\"") ",\"ts\":\"2026-11-21T09:08:07Z\"}",
	    METADATA("\"01HZZZZZZZZZZZZZZZZZZZZZZZ\"", "\"1\"") "}",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct jetstream_answer answer = answer_of(bad[i]);
		error = (struct error){0};
		assert_false(log_stream_read(&answer, &clock, &info, &error));
		assert_int_equal(error.code, ERROR_PLATFORM_UNAVAILABLE);
		json_decref(answer.body);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_answer_is_a_body_a_refusal_or_nothing),
	    cmocka_unit_test(times_are_read_to_the_millisecond),
	    cmocka_unit_test(delivery_subjects_are_read_in_both_forms),
	    cmocka_unit_test(a_stored_message_gives_its_place_and_id),
	    cmocka_unit_test(a_configuration_is_compared_field_by_field),
	    cmocka_unit_test(the_log_s_ends_are_read_and_doubted),
	};
	return cmocka_run_group_tests_name("JetStream's texts", tests, NULL, NULL);
}
