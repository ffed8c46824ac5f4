/*
 * The process's own TCP connections, found among its descriptors by their addresses: the runtime shows sockets, but not their
 * descriptors. Call from the thread that owns the sockets, so that none of them can be closed and its number reused meanwhile.
 */
#include "engine.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#ifdef __linux__
#include <sys/epoll.h>
#endif
#include <sys/resource.h>
#include <sys/socket.h>

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0
#endif

/* Port and address, IPv4 as ::ffff:a.b.c.d. False for what is no TCP address. */
static bool read_address(const struct sockaddr_storage *s, uint16_t *port, uint8_t address[16])
{
	if (s->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const void *)s;
		memset(address, 0, 10);
		memset(address + 10, 0xff, 2);
		memcpy(address + 12, &v4->sin_addr, 4);
		*port = ntohs(v4->sin_port);
		return true;
	}
	if (s->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const void *)s;
		memcpy(address, &v6->sin6_addr, 16);
		*port = ntohs(v6->sin6_port);
		return true;
	}
	return false;
}

static bool read_socket(int fd, struct blit_socket *out)
{
	struct sockaddr_storage local, peer;
	socklen_t local_len = sizeof local, peer_len = sizeof peer;
	uint8_t ignored[16];
	*out = (struct blit_socket){ .fd = fd };
	return getsockname(fd, (void *)&local, &local_len) == 0 && read_address(&local, &out->local_port, ignored) &&
		getpeername(fd, (void *)&peer, &peer_len) == 0 && read_address(&peer, &out->peer_port, out->peer);
}

int64_t blit_sockets_list(uint32_t local_port, struct blit_socket *out, uint64_t cap)
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	uint64_t count = 0;
	if (!dir)
		return -errno;
	while (count < cap && (r = readdir(dir))) {
		struct blit_socket s;
		if (r->d_name[0] == '.' || !read_socket(atoi(r->d_name), &s) || s.local_port != local_port)
			continue;
		out[count++] = s;
	}
	closedir(dir);
	return count;
}

int64_t blit_sockets_shut(const struct blit_socket *list, uint64_t count)
{
	int64_t shut = 0;
	for (uint64_t i = 0; i < count; i++) {
		struct blit_socket now;
		if (read_socket(list[i].fd, &now) && memcmp(&now, &list[i], sizeof now) == 0)
			shut += shutdown(now.fd, SHUT_RDWR) == 0;
	}
	return shut;
}

int64_t blit_sockets_prompt(uint32_t peer_port)
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	int64_t count = 0;
	int on = 1;
	if (!dir)
		return -errno;
	while ((r = readdir(dir))) {
		struct blit_socket s;
		if (r->d_name[0] != '.' && read_socket(atoi(r->d_name), &s) && s.peer_port == peer_port)
			count += setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
	}
	closedir(dir);
	return count;
}

int64_t blit_descriptors_max(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}

/* --- connections that leave the runtime: blocking descriptors for lanes, and for what feeds lanes inside the control channel --- */

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

int64_t blit_listener_prepare(uint32_t port)
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	int64_t found = 0;
	if (!dir)
		return -errno;
	while ((r = readdir(dir))) {
		struct sockaddr_storage local;
		socklen_t len = sizeof local, int_len = sizeof(int);
		uint8_t ignored[16];
		uint16_t at;
		int fd = atoi(r->d_name), listens = 0;
		if (r->d_name[0] == '.' || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 || !listens)
			continue;
		if (getsockname(fd, (void *)&local, &len) < 0 || !read_address(&local, &at, ignored) || at != port)
			continue;
		begin_congestion(fd, ""); /* what it accepts begins like it */
		found++;
	}
	closedir(dir);
	return found;
}

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

int64_t blit_socket_dial(const char *host, uint32_t port, const char *congestion, const void *first, uint64_t len, int64_t timeout_ms)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list;
	char service[16];
	int fd = -EHOSTUNREACH;
	snprintf(service, sizeof service, "%u", port);
	if (getaddrinfo(host, service, &hints, &list) != 0)
		return -EHOSTUNREACH;
	for (struct addrinfo *to = list; to && fd < 0; to = to->ai_next) {
		int at = socket(to->ai_family, SOCK_STREAM, 0);
		if (at < 0) {
			fd = -errno;
			continue;
		}
		fcntl(at, F_SETFD, FD_CLOEXEC);
		begin_congestion(at, congestion);
		int err = connect_within(at, to, timeout_ms);
		if (!err)
			err = blit_descriptor_write(at, first, len);
		if (err) {
			close(at);
			fd = err;
			continue;
		}
		settle_congestion(at, congestion);
		fd = at;
	}
	freeaddrinfo(list);
	return fd;
}

static bool parse_address(const char *text, uint8_t address[16])
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	return inet_pton(AF_INET, text, address + 12) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* The runtime watches its sockets with epoll, and every segment that arrives would wake its main thread: measured at a quarter of the
 * time of a transfer on two cores. It takes no offence when it finds a socket gone from there. */
static void leave_epolls(int fd)
{
#ifdef __linux__
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *r;
	while (dir && (r = readdir(dir))) {
		char target[32];
		ssize_t n = readlinkat(dirfd(dir), r->d_name, target, sizeof target - 1);
		target[n > 0 ? n : 0] = 0;
		if (strcmp(target, "anon_inode:[eventpoll]") == 0)
			epoll_ctl(atoi(r->d_name), EPOLL_CTL_DEL, fd, NULL);
	}
	if (dir)
		closedir(dir);
#else
	(void)fd;
#endif
}

int64_t blit_socket_take(uint32_t local_port, uint32_t peer_port, const char *peer, const char *congestion)
{
	uint8_t address[16];
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	int fd = -ENOTCONN;
	if (!dir)
		return -errno;
	if (!parse_address(peer, address))
		fd = -EINVAL;
	while (fd == -ENOTCONN && (r = readdir(dir))) {
		struct blit_socket s;
		if (r->d_name[0] == '.' || !read_socket(atoi(r->d_name), &s) || s.local_port != local_port || s.peer_port != peer_port ||
			memcmp(s.peer, address, sizeof address) != 0)
			continue;
		fd = fcntl(s.fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			fd = -errno;
		else
			leave_epolls(s.fd);
	}
	closedir(dir);
	if (fd < 0)
		return fd;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0) {
		int err = errno;
		close(fd);
		return -err;
	}
	settle_congestion(fd, congestion);
	return fd;
}

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
		n = read(fd, out, cap);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

int64_t blit_descriptor_write(int32_t fd, const void *data, uint64_t len)
{
	for (uint64_t done = 0; done < len;) {
		ssize_t n = send(fd, (const char *)data + done, len - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		done += n;
	}
	return 0;
}

int64_t blit_descriptor_shut(int32_t fd)
{
	return shutdown(fd, SHUT_RDWR) < 0 ? -errno : 0;
}

int64_t blit_descriptor_close(int32_t fd)
{
	return close(fd) < 0 ? -errno : 0;
}
