/* A workspace is told only of name servers that it can reach. */
#include "nodeagent/runtime/oci/resolver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void servers_out_of_reach_are_left_out(void **state)
{
	(void)state;
	char text[512] = "";
	assert_true(resolver_filter("# made by somebody\nnameserver 127.0.0.53\nnameserver 10.0.0.2\n"
				    "nameserver fe80::1%eth0\nnameserver 169.254.1.1\nsearch example.org\n"
				    "options edns0\nsortlist 10.0.0.0\n",
				    text, sizeof(text)));
	assert_string_equal(text, "nameserver 10.0.0.2\nsearch example.org\noptions edns0\n");
}

static void only_local_servers_count_as_none(void **state)
{
	(void)state;
	char text[512] = "";
	assert_false(resolver_filter("nameserver 127.0.0.53\nsearch a", text, sizeof(text)));
	assert_string_equal(text, "search a\n");
}

static void what_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	char text[24] = "";
	assert_true(resolver_filter("nameserver 10.0.0.1\nnameserver 10.0.0.2\n", text, sizeof(text)));
	assert_string_equal(text, "nameserver 10.0.0.1\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(servers_out_of_reach_are_left_out),
	    cmocka_unit_test(only_local_servers_count_as_none),
	    cmocka_unit_test(what_does_not_fit_is_left_out_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
