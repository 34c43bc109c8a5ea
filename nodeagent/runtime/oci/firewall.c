/* One batch for nft, which the kernel takes wholly or not at all. The table's name begins with roost_, so
 * that no installation's id can be a keyword of nft. */
#include "nodeagent/runtime/oci/firewall.h"

#include "bus/foundation/log.h"
#include "nodeagent/runtime/oci/netlink.h"
#include "nodeagent/runtime/oci/network.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Checked before any address is rewritten (mangle comes before dstnat), so that a port which the machine
 * publishes for something else is no way in either. A table that exists is emptied first; to add it
 * before that makes the emptying valid when it does not. What an honest program may try is refused and not
 * dropped, so that it need not wait; alike whether somebody is there or not. */
static const char rules[] = "table inet roost_%1$s\n"
			    "delete table inet roost_%1$s\n"
			    "table inet roost_%1$s {\n"
			    "  chain refuse {\n"
			    "    meta l4proto tcp reject with tcp reset\n"
			    "    reject with icmpx type admin-prohibited\n"
			    "  }\n"
			    "  chain from_workspace {\n"
			    "    type filter hook prerouting priority mangle; policy accept;\n"
			    "    iifname != \"" NETWORK_LINK_PREFIX "*\" return\n"
			    "    meta nfproto != ipv4 drop\n"
			    "    fib saddr . iif oif missing drop\n"
			    "    ct state established,related ct direction reply accept\n"
			    "    ip daddr { 0.0.0.0/8, 127.0.0.0/8, 224.0.0.0/3 } drop\n"
			    "    fib daddr type local goto refuse\n"
			    "    fib daddr type != unicast drop\n"
			    "    ip daddr { 169.254.0.0/16, 100.126.0.0/16 } goto refuse\n"
			    "  }\n"
			    "  chain to_machine {\n"
			    "    type filter hook input priority filter - 10; policy accept;\n"
			    "    iifname != \"" NETWORK_LINK_PREFIX "*\" return\n"
			    "    ct state established,related ct direction reply accept\n"
			    "    drop\n"
			    "  }\n"
			    "  chain to_workspace {\n"
			    "    type filter hook forward priority filter - 10; policy accept;\n"
			    "    oifname != \"" NETWORK_LINK_PREFIX "*\" return\n"
			    "    iifname \"" NETWORK_LINK_PREFIX "*\" drop\n"
			    "    ct state established,related ct direction reply accept\n"
			    "    drop\n"
			    "  }\n"
			    "  chain outbound {\n"
			    "    type nat hook postrouting priority srcnat; policy accept;\n"
			    "    ip saddr 100.126.0.0/16 oifname != \"" NETWORK_LINK_PREFIX "*\" masquerade\n"
			    "  }\n"
			    "}\n";

/* Lines above that are rules: three of each chain with a hook are not, and two of the other. */
enum { RULES = 18, COUNT_TRIES = 16 };

static bool run_nft(const char *input, const struct external_wait *wait, struct error *error)
{
	static char *const argv[] = {"nft", "-f", "-", NULL};
	struct arena *arena = arena_new();
	struct external_options options = {.argv = argv, .input = input, .timeout_ms = 30000};
	struct external_result result;
	bool done = external_run(&options, wait, arena, &result, error);
	if (done && result.exit_code != 0) {
		log_error("nft: %s", result.output);
		done =
		    error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The node's firewall refuses the workspaces' rules.");
	}
	arena_free(arena);
	return done;
}

static bool allow_forwarding(struct error *error)
{
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDWR | O_CLOEXEC);
	char now = '0';
	bool done = fd >= 0 && ((read(fd, &now, 1) == 1 && now == '1') || pwrite(fd, "1", 1, 0) == 1);
	int failed = errno;
	if (fd >= 0)
		close(fd);
	return done || error_errno(error, failed, "cannot let the machine forward IPv4");
}

bool firewall_make(const struct runtime_settings *settings, const struct external_wait *wait, struct error *error)
{
	char input[sizeof(rules) + 256];
	snprintf(input, sizeof(input), rules, settings->installation);
	return allow_forwarding(error) && run_nft(input, wait, error);
}

static void count_rule(void *context, const struct nlmsghdr *header)
{
	*(int *)context += header->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE) ? 1 : 0;
}

/* How many rules the table has; an emptied one is as good as none. */
static int count_rules(const struct runtime_settings *settings)
{
	struct nfgenmsg body = {.nfgen_family = NFPROTO_INET, .version = NFNETLINK_V0};
	char name[64];
	int count = 0, failed = EINTR, netlink = netlink_open(NETLINK_NETFILTER);
	if (netlink < 0)
		return 0;
	snprintf(name, sizeof(name), "roost_%s", settings->installation);
	for (int tries = 0; failed == EINTR && tries < COUNT_TRIES; tries++) {
		struct netlink_request request = {0};
		count = 0;
		netlink_message(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, NLM_F_DUMP, &body, sizeof(body));
		netlink_put_text(&request, NFTA_RULE_TABLE, name);
		failed = netlink_dump(netlink, &request, count_rule, &count);
	}
	close(netlink);
	return failed == 0 ? count : 0;
}

bool firewall_ensure(const struct runtime_settings *settings, struct error *error)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	bool exists = count_rules(settings) >= RULES;
	if (!exists)
		log_warning("the workspaces' firewall is absent or incomplete, and made again");
	exists = exists || firewall_make(settings, NULL, error);
	pthread_mutex_unlock(&lock);
	return exists;
}

bool firewall_remove(const struct runtime_settings *settings, struct error *error)
{
	char input[128];
	snprintf(input, sizeof(input), "table inet roost_%1$s\ndelete table inet roost_%1$s\n", settings->installation);
	return run_nft(input, NULL, error);
}
