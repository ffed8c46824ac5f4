/*
 * Connections that the runtime knows nothing of: those of lanes, and the socket pairs that feed lanes inside the control channel. The
 * runtime would watch them, and every segment that arrives would wake its main thread.
 *
 * Nothing here blocks but blit_socket_listen, which may ask for the address of a name, and the thread that blit_socket_dial starts.
 */
#include "engine.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

#define BACKLOG 1024

/*
 * Congestion control. On a fast network bbr's pacing costs a third of the rate (docs/performance.md), and a connection that began with
 * bbr keeps being paced; so a lane begins with cubic, or reno where cubic is not allowed, whatever the system's choice is, and goes
 * over to bbr where its round trip shows a long path.
 */
#define LONG_PATH_US 5000

static bool use_congestion(int fd, const char *name)
{
#ifdef TCP_CONGESTION
	return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, strlen(name)) == 0;
#else
	(void)fd, (void)name;
	return false;
#endif
}

static void begin_congestion(int fd, const char *wanted)
{
	if (wanted[0])
		use_congestion(fd, wanted);
	else if (!use_congestion(fd, "cubic"))
		use_congestion(fd, "reno");
}

/* Of a connection that is there. */
static void settle_congestion(int fd, const char *wanted)
{
	if (wanted[0]) {
		use_congestion(fd, wanted);
		return;
	}
#ifdef TCP_INFO
	struct tcp_info info;
	socklen_t len = sizeof info;
	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 && info.tcpi_rtt > LONG_PATH_US)
		use_congestion(fd, "bbr");
#endif
}

static int new_socket(int family)
{
	int fd = socket(family, SOCK_STREAM, 0);
	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	return fd;
}

/* --- coming in --- */

static int listen_at(const struct addrinfo *at)
{
	int on = 1, off = 0, fd = new_socket(at->ai_family);
	if (fd < 0)
		return fd;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (at->ai_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off); /* "::" means IPv4, too */
	if (bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	begin_congestion(fd, ""); /* what it accepts begins like it */
	return fd;
}

static uint32_t port_of(const struct sockaddr_storage *s)
{
	return ntohs(s->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)s)->sin6_port : ((const struct sockaddr_in *)s)->sin_port);
}

int64_t blit_socket_listen(const char *address, uint32_t port, uint32_t *bound)
{
	const char *all[] = { "::", "0.0.0.0" }; /* a machine without IPv6 gets a second try */
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *list;
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	char service[16];
	int fd = -EADDRNOTAVAIL;
	snprintf(service, sizeof service, "%u", port);
	for (int i = 0; i < (address[0] ? 1 : 2) && fd < 0 && fd != -EADDRINUSE; i++) {
		if (getaddrinfo(address[0] ? address : all[i], service, &hints, &list) != 0)
			continue;
		fd = listen_at(list);
		freeaddrinfo(list);
	}
	if (fd >= 0 && getsockname(fd, (void *)&own, &len) == 0)
		*bound = port_of(&own);
	return fd;
}

static void describe(const struct sockaddr_storage *from, struct blit_peer *peer)
{
	const struct in6_addr *v6 = &((const struct sockaddr_in6 *)from)->sin6_addr;
	peer->port = port_of(from);
	peer->address[0] = 0;
	if (from->ss_family == AF_INET)
		inet_ntop(AF_INET, &((const struct sockaddr_in *)from)->sin_addr, peer->address, sizeof peer->address);
	else if (IN6_IS_ADDR_V4MAPPED(v6))
		inet_ntop(AF_INET, &v6->s6_addr[12], peer->address, sizeof peer->address);
	else
		inet_ntop(AF_INET6, v6, peer->address, sizeof peer->address);
}

int64_t blit_socket_accept(int32_t fd, struct blit_peer *peer)
{
	struct sockaddr_storage from;
	socklen_t len = sizeof from;
	int at = accept(fd, (void *)&from, &len);
	if (at < 0)
		return -errno;
	fcntl(at, F_SETFD, FD_CLOEXEC);
	describe(&from, peer);
	return at;
}

int64_t blit_socket_settle(int32_t fd, const char *congestion)
{
	fcntl(fd, F_SETFL, 0); /* some systems hand the listener's flags on */
	settle_congestion(fd, congestion);
	return 0;
}

/* --- going out --- */

/* Connects within the time; 0 or -errno. The descriptor blocks afterwards. */
static int connect_within(int fd, const struct addrinfo *to, int timeout_ms)
{
	int err = 0;
	socklen_t len = sizeof err;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, to->ai_addr, to->ai_addrlen) < 0) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		if (errno != EINPROGRESS)
			return -errno;
		int ready = poll(&p, 1, timeout_ms);
		if (ready <= 0)
			return ready ? -errno : -ETIMEDOUT;
		if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) < 0 || err)
			return err ? -err : -errno;
	}
	return fcntl(fd, F_SETFL, 0) < 0 ? -errno : 0;
}

struct call {
	int answer; /* where the outcome goes */
	char host[256], service[16], congestion[32];
	int timeout_ms;
	size_t len;
	char first[];
};

static int call_one(const struct call *c, const struct addrinfo *to)
{
	int fd = new_socket(to->ai_family);
	if (fd < 0)
		return fd;
	begin_congestion(fd, c->congestion);
	int err = connect_within(fd, to, c->timeout_ms);
	if (!err && send(fd, c->first, c->len, MSG_NOSIGNAL) != (ssize_t)c->len)
		err = -ECONNRESET; /* so little fits a new connection's buffer, or it is none */
	if (err) {
		close(fd);
		return err;
	}
	settle_congestion(fd, c->congestion);
	return fd;
}

static void call(void *arg)
{
	struct call *c = arg;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	int32_t fd = -EHOSTUNREACH;
	if (getaddrinfo(c->host, c->service, &hints, &list) == 0) {
		for (struct addrinfo *to = list; to && fd < 0; to = to->ai_next)
			fd = call_one(c, to);
		freeaddrinfo(list);
	}
	if (send(c->answer, &fd, sizeof fd, MSG_NOSIGNAL) < 0 && fd >= 0)
		close(fd); /* nobody waits any more */
	close(c->answer);
	free(c);
}

int64_t blit_socket_dial(const char *host, uint32_t port, const char *congestion, const void *first, uint64_t len, int64_t timeout_ms)
{
	int32_t ends[2];
	struct call *c = malloc(sizeof *c + len);
	if (!c)
		return -ENOMEM;
	int err = blit_socket_pair(ends);
	if (err) {
		free(c);
		return err;
	}
	*c = (struct call){ .answer = ends[1], .timeout_ms = timeout_ms, .len = len };
	snprintf(c->host, sizeof c->host, "%s", host);
	snprintf(c->service, sizeof c->service, "%u", port);
	snprintf(c->congestion, sizeof c->congestion, "%s", congestion);
	memcpy(c->first, first, len);
	err = thread_start(NULL, "blit dial", call, c);
	if (!err)
		return ends[0];
	close(ends[0]);
	close(ends[1]);
	free(c);
	return err;
}

/* --- any --- */

int64_t blit_socket_pair(int32_t out[2])
{
	int fd[2];
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		fcntl(fd[i], F_SETFD, FD_CLOEXEC);
		out[i] = fd[i];
	}
	return 0;
}

int64_t blit_descriptor_read(int32_t fd, void *out, uint64_t cap)
{
	ssize_t n;
	do
		n = recv(fd, out, cap, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t blit_descriptor_write(int32_t fd, const void *data, uint64_t len)
{
	ssize_t n;
	do
		n = send(fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t blit_descriptor_shut(int32_t fd)
{
	return shutdown(fd, SHUT_RDWR) < 0 ? -errno : 0;
}

int64_t blit_descriptor_close(int32_t fd)
{
	return close(fd) < 0 ? -errno : 0;
}
