/* Addresses are claimed in the kernel: a route is made with "must not exist", so two installations that
 * want the same one cannot both get it. The link's name holds a short form of the installation and the
 * slot, its alias the full ids. */
#include "nodeagent/runtime/oci/network.h"

#include "bus/foundation/log.h"
#include "nodeagent/runtime/oci/namespaces.h"
#include "nodeagent/runtime/oci/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

unsigned if_nametoindex(const char *name); /* net/if.h and linux/if.h exclude each other */

enum {
	NETWORK_BASE = 0x647e0000, /* 100.126.0.0 */
	GATEWAY_SLOT = 1,
	SLOT_FIRST = 2,
	SLOT_LAST = 65534,
	SLOT_TRIES = 2048,
	ALIAS_BYTES = 160,
};

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261U;
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash;
}

static void link_name(const struct runtime_settings *settings, uint32_t slot, char *name)
{
	snprintf(name, IFNAMSIZ, NETWORK_LINK_PREFIX "%05x%04x", hash_text(settings->installation) & 0xfffff, slot);
}

static void link_alias(const struct runtime_settings *settings, const char *workspace_id, char *alias)
{
	snprintf(alias, ALIAS_BYTES, "roost %s %s", settings->installation, workspace_id);
}

void network_address_text(uint32_t slot, char *text)
{
	struct in_addr address = {.s_addr = htonl(NETWORK_BASE + slot)};
	inet_ntop(AF_INET, &address, text, INET_ADDRSTRLEN);
}

/* A setting that the workspace can do without: ports below 1024 and ping for everybody in it. */
static void write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		log_warning("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* The packet size of the way out, so that nothing has to be taken apart there; 0 when there is no way. */
static uint32_t way_out_mtu(void)
{
	char line[256], name[64], path[128];
	unsigned destination, mtu = 0;
	FILE *routes = fopen("/proc/net/route", "re");
	while (routes != NULL && mtu == 0 && fgets(line, sizeof(line), routes) != NULL) {
		if (sscanf(line, "%63s %x", name, &destination) != 2 || destination != 0)
			continue;
		snprintf(path, sizeof(path), "/sys/class/net/%s/mtu", name);
		FILE *file = fopen(path, "re");
		if (file != NULL && fscanf(file, "%u", &mtu) != 1)
			mtu = 0;
		if (file != NULL)
			fclose(file);
	}
	if (routes != NULL)
		fclose(routes);
	return mtu;
}

/* The pair itself: one end here, the other as eth0 in the namespace. */
static int make_pair(int netlink, const char *name, int network_fd)
{
	struct netlink_request request = {0};
	struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
	uint32_t mtu = way_out_mtu();
	netlink_message(&request, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	netlink_put_text(&request, IFLA_IFNAME, name);
	if (mtu != 0)
		netlink_put_u32(&request, IFLA_MTU, mtu);
	size_t info = netlink_begin(&request, IFLA_LINKINFO);
	netlink_put(&request, IFLA_INFO_KIND, "veth", 4);
	size_t data = netlink_begin(&request, IFLA_INFO_DATA);
	size_t peer = netlink_begin(&request, VETH_INFO_PEER);
	netlink_put_raw(&request, &body, sizeof(body));
	netlink_put_text(&request, IFLA_IFNAME, "eth0");
	if (mtu != 0)
		netlink_put_u32(&request, IFLA_MTU, mtu);
	netlink_put_u32(&request, IFLA_NET_NS_FD, (uint32_t)network_fd);
	netlink_end(&request, peer);
	netlink_end(&request, data);
	netlink_end(&request, info);
	return netlink_send(netlink, &request);
}

/* Up, and without any IPv6 address of its own making. */
static void put_link_up(struct netlink_request *request, unsigned index, const char *alias)
{
	enum { ADDRESS_MODE_NONE = 1 };
	struct ifinfomsg body = {
	    .ifi_family = AF_UNSPEC, .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	uint8_t mode = ADDRESS_MODE_NONE;
	netlink_message(request, RTM_SETLINK, 0, &body, sizeof(body));
	if (alias != NULL)
		netlink_put(request, IFLA_IFALIAS, alias, strlen(alias));
	size_t families = netlink_begin(request, IFLA_AF_SPEC);
	size_t family = netlink_begin(request, AF_INET6);
	netlink_put(request, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof(mode));
	netlink_end(request, family);
	netlink_end(request, families);
}

static void put_loopback_up(struct netlink_request *request, unsigned index)
{
	struct ifinfomsg body = {
	    .ifi_family = AF_UNSPEC, .ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	netlink_message(request, RTM_SETLINK, 0, &body, sizeof(body));
}

static void put_address(struct netlink_request *request, unsigned index, uint32_t slot)
{
	struct ifaddrmsg body = {.ifa_family = AF_INET, .ifa_prefixlen = 32, .ifa_index = index};
	netlink_message(request, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	netlink_put_u32(request, IFA_LOCAL, htonl(NETWORK_BASE + slot));
	netlink_put_u32(request, IFA_ADDRESS, htonl(NETWORK_BASE + slot));
}

static void put_route_to(struct netlink_request *request, unsigned index, uint32_t slot)
{
	struct rtmsg body = {.rtm_family = AF_INET,
			     .rtm_dst_len = 32,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = RT_SCOPE_LINK,
			     .rtm_type = RTN_UNICAST};
	netlink_message(request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	netlink_put_u32(request, RTA_DST, htonl(NETWORK_BASE + slot));
	netlink_put_u32(request, RTA_OIF, index);
}

static void put_default_route(struct netlink_request *request, unsigned index)
{
	struct rtmsg body = {.rtm_family = AF_INET,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_STATIC,
			     .rtm_scope = RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST,
			     .rtm_flags = RTNH_F_ONLINK};
	netlink_message(request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &body, sizeof(body));
	netlink_put_u32(request, RTA_GATEWAY, htonl(NETWORK_BASE + GATEWAY_SLOT));
	netlink_put_u32(request, RTA_OIF, index);
}

static void delete_link(int netlink, int index)
{
	struct netlink_request request = {0};
	struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	netlink_message(&request, RTM_DELLINK, 0, &body, sizeof(body));
	netlink_send(netlink, &request);
}

/* The machine's end for one slot: 0, EEXIST when the slot is taken, or another errno. */
static int connect_slot(const struct runtime_settings *settings, int netlink, const char *workspace_id, int network_fd,
			uint32_t slot)
{
	char name[IFNAMSIZ], alias[ALIAS_BYTES];
	link_name(settings, slot, name);
	link_alias(settings, workspace_id, alias);
	int failed = make_pair(netlink, name, network_fd);
	if (failed != 0)
		return failed;
	unsigned index = if_nametoindex(name);
	struct netlink_request request = {0};
	put_link_up(&request, index, alias);
	put_address(&request, index, GATEWAY_SLOT);
	put_route_to(&request, index, slot);
	failed = netlink_send(netlink, &request);
	if (failed != 0)
		delete_link(netlink, (int)index);
	return failed;
}

/* The workspace's end, from within its namespace. Loopback keeps ::1, eth0 has no IPv6 address. */
static int connect_inside(uint32_t slot)
{
	write_setting("/proc/sys/net/ipv4/ip_unprivileged_port_start", "0");
	write_setting("/proc/sys/net/ipv4/ping_group_range", "0 2147483647");
	int netlink = netlink_open(NETLINK_ROUTE);
	if (netlink < 0)
		return errno;
	unsigned loopback = if_nametoindex("lo"), index = if_nametoindex("eth0");
	struct netlink_request request = {0};
	put_loopback_up(&request, loopback);
	put_link_up(&request, index, NULL);
	put_address(&request, index, slot);
	put_default_route(&request, index);
	int failed = netlink_send(netlink, &request);
	close(netlink);
	return failed;
}

static int connect_any_slot(const struct runtime_settings *settings, int netlink, const char *workspace_id,
			    int network_fd, uint32_t *slot)
{
	uint32_t next = *slot >= SLOT_FIRST && *slot <= SLOT_LAST
			    ? *slot
			    : SLOT_FIRST + hash_text(workspace_id) % (SLOT_LAST - SLOT_FIRST + 1);
	for (int tries = 0; tries < SLOT_TRIES; tries++) {
		int failed = connect_slot(settings, netlink, workspace_id, network_fd, next);
		if (failed != EEXIST) {
			*slot = next;
			return failed;
		}
		next = next < SLOT_LAST ? next + 1 : SLOT_FIRST;
	}
	return EADDRINUSE;
}

bool network_connect(const struct runtime_settings *settings, const char *workspace_id, int network_fd, uint32_t *slot,
		     struct error *error)
{
	int netlink = netlink_open(NETLINK_ROUTE);
	if (netlink < 0)
		return error_errno(error, errno, "cannot speak to the kernel about links");
	int failed = connect_any_slot(settings, netlink, workspace_id, network_fd, slot);
	close(netlink);
	int former;
	if (failed == 0) {
		if (!namespaces_enter_network(network_fd, &former, error))
			return false;
		failed = connect_inside(*slot);
		namespaces_leave_network(former);
	}
	if (failed == EADDRINUSE)
		return error_set(error, ERROR_PLATFORM_UNAVAILABLE, "The node has no free network address.");
	return failed == 0 || error_errno(error, failed, "cannot make the workspace's network");
}

/* What network_disconnect and network_list look for, and what they found. */
struct search {
	char alias[ALIAS_BYTES]; /* whole, or a prefix that ends with a blank */
	bool prefix;
	struct arena *arena;
	const char **ids;
	int *indexes;
	size_t count;
	size_t room;
};

static void found_link(struct search *search, int index, const char *name, const char *alias)
{
	size_t length = strlen(search->alias);
	bool matches = search->prefix ? strncmp(alias, search->alias, length) == 0 : strcmp(alias, search->alias) == 0;
	if (!matches || strncmp(name, NETWORK_LINK_PREFIX, strlen(NETWORK_LINK_PREFIX)) != 0)
		return;
	if (search->count == search->room) {
		size_t room = search->room == 0 ? 16 : search->room * 2;
		const char **ids = arena_array_of(search->arena, const char *, room);
		int *indexes = arena_array_of(search->arena, int, room);
		for (size_t i = 0; i < search->count; i++) {
			ids[i] = search->ids[i];
			indexes[i] = search->indexes[i];
		}
		search->ids = ids;
		search->indexes = indexes;
		search->room = room;
	}
	search->ids[search->count] = arena_strdup(search->arena, alias + (search->prefix ? length : 0));
	search->indexes[search->count++] = index;
}

static void take_link(void *context, const struct nlmsghdr *header)
{
	const struct ifinfomsg *link = NLMSG_DATA(header);
	const char *name = "", *alias = "";
	int size = (int)IFLA_PAYLOAD(header);
	if (header->nlmsg_type != RTM_NEWLINK)
		return;
	for (const struct rtattr *attribute = IFLA_RTA(link); RTA_OK(attribute, size);
	     attribute = RTA_NEXT(attribute, size)) {
		if (attribute->rta_type == IFLA_IFNAME)
			name = RTA_DATA(attribute);
		if (attribute->rta_type == IFLA_IFALIAS)
			alias = RTA_DATA(attribute);
	}
	found_link(context, link->ifi_index, name, alias);
}

/* Again from the beginning while links come and go under the list: it may lack some. */
static int search_links(int netlink, struct search *search)
{
	enum { TRIES = 64 };
	int failed = EINTR;
	for (int tries = 0; failed == EINTR && tries < TRIES; tries++) {
		struct netlink_request request = {0};
		struct ifinfomsg body = {.ifi_family = AF_UNSPEC};
		search->count = 0;
		netlink_message(&request, RTM_GETLINK, NLM_F_DUMP, &body, sizeof(body));
		failed = netlink_dump(netlink, &request, take_link, search);
	}
	return failed;
}

bool network_disconnect(const struct runtime_settings *settings, const char *workspace_id, struct error *error)
{
	struct search search = {.arena = arena_new()};
	link_alias(settings, workspace_id, search.alias);
	int netlink = netlink_open(NETLINK_ROUTE);
	int failed = netlink < 0 ? errno : search_links(netlink, &search);
	for (size_t i = 0; failed == 0 && i < search.count; i++)
		delete_link(netlink, search.indexes[i]);
	if (netlink >= 0)
		close(netlink);
	arena_free(search.arena);
	return failed == 0 || error_errno(error, failed, "cannot list the machine's links");
}

bool network_list(const struct runtime_settings *settings, struct arena *arena, const char ***ids, size_t *count,
		  struct error *error)
{
	struct search search = {.arena = arena, .prefix = true};
	link_alias(settings, "", search.alias);
	int netlink = netlink_open(NETLINK_ROUTE);
	int failed = netlink < 0 ? errno : search_links(netlink, &search);
	if (netlink >= 0)
		close(netlink);
	*ids = search.ids;
	*count = search.count;
	return failed == 0 || error_errno(error, failed, "cannot list the machine's links");
}
