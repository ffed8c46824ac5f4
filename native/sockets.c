/*
 * The process's own TCP connections, found among its descriptors by their addresses: the runtime shows sockets, but not their
 * descriptors. Call from the thread that owns the sockets, so that none of them can be closed and its number reused meanwhile.
 */
#include "engine.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

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

int64_t blit_sockets_tend(uint32_t peer_port, uint32_t unanswered_ms)
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	int64_t count = 0;
	int on = 1;
	if (!dir)
		return -errno;
	while ((r = readdir(dir))) {
		struct blit_socket s;
		if (r->d_name[0] == '.' || !read_socket(atoi(r->d_name), &s) || s.peer_port != peer_port)
			continue;
		socket_keep_watch(s.fd, unanswered_ms);
		count += setsockopt(s.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0;
	}
	closedir(dir);
	return count;
}

int64_t blit_listener_tend(uint32_t port, uint32_t unanswered_ms)
{
	DIR *dir = opendir("/dev/fd");
	struct dirent *r;
	int64_t count = 0;
	if (!dir)
		return -errno;
	while ((r = readdir(dir))) {
		struct sockaddr_storage local;
		socklen_t len = sizeof local, int_len = sizeof(int);
		uint8_t ignored[16];
		uint16_t at;
		int fd = atoi(r->d_name), listens = 0;
		if (r->d_name[0] == '.' || getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &int_len) < 0 || !listens ||
			getsockname(fd, (void *)&local, &len) < 0 || !read_address(&local, &at, ignored) || at != port)
			continue;
		socket_keep_watch(fd, unanswered_ms);
		count++;
	}
	closedir(dir);
	return count;
}

int64_t blit_signal_ignored(int32_t number)
{
	struct sigaction now;
	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int64_t blit_memory_release(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	return 0;
}

int64_t blit_descriptors_max(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return -errno;
	return limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur;
}
