/* Connections for lanes: dialled without blocking, accepted, led by what the dialler sent; an attempt that fails says so. */
#include "test.h"

#include <poll.h>
#include <sys/socket.h>

/* What dialling comes to: a descriptor or -errno. */
static int outcome_of(int64_t dialled)
{
	int32_t outcome;
	CHECK(dialled >= 0);
	CHECK_EQUAL(recv(dialled, &outcome, sizeof outcome, MSG_WAITALL), sizeof outcome);
	CHECK_EQUAL(close(dialled), 0);
	return outcome;
}

static int accept_one(int listener, struct blit_peer *peer)
{
	struct pollfd p = { .fd = listener, .events = POLLIN };
	CHECK_EQUAL(poll(&p, 1, 60000), 1);
	int64_t fd = blit_socket_accept(listener, peer);
	CHECK(fd >= 0);
	return fd;
}

static void a_connection_arrives_with_what_was_sent_first(const char *address, const char *host)
{
	uint32_t port = 0;
	struct blit_peer peer;
	char first[6] = { 0 };
	int64_t listener = blit_socket_listen(address, 0, &port);
	CHECK(listener >= 0 && port > 0);
	CHECK_EQUAL(blit_socket_accept(listener, &peer), -EAGAIN);
	int out = outcome_of(blit_socket_dial(host, port, "", "token", 5, 5000));
	CHECK(out >= 0);
	int in = accept_one(listener, &peer);
	CHECK(peer.port > 0 && strcmp(peer.address, "127.0.0.1") == 0);
	CHECK_EQUAL(blit_socket_settle(in, ""), 0);
	CHECK(recv(in, first, 5, MSG_WAITALL) == 5 && strcmp(first, "token") == 0);
	CHECK(!(fcntl(in, F_GETFL) & O_NONBLOCK) && !(fcntl(out, F_GETFL) & O_NONBLOCK));
	uint32_t other;
	CHECK_EQUAL(blit_socket_listen(address, port, &other), -EADDRINUSE);
	CHECK(close(in) == 0 && close(out) == 0 && close(listener) == 0);
	CHECK_EQUAL(outcome_of(blit_socket_dial(host, port, "", "token", 5, 5000)), -ECONNREFUSED);
}

/* A thread that dials closes its own end after it has said what came of it. */
static int open_descriptors_at_rest(int expected)
{
	for (int i = 0; i < 5000 && test_open_descriptors() != expected; i++)
		usleep(1000);
	return test_open_descriptors();
}

int main(void)
{
	int before = test_open_descriptors();
	a_connection_arrives_with_what_was_sent_first("127.0.0.1", "127.0.0.1");
	a_connection_arrives_with_what_was_sent_first("", "localhost");
	CHECK_EQUAL(open_descriptors_at_rest(before), before);
	return 0;
}
