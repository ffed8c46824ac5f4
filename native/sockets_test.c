/* A connection is found by its port, shut once, and left alone when its descriptor means something else. */
#undef NDEBUG
#include <assert.h>

#include "engine.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int listen_on_loopback(struct sockaddr_in *address)
{
	socklen_t len = sizeof *address;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	assert(bind(fd, (void *)address, sizeof *address) == 0 && listen(fd, 4) == 0);
	assert(getsockname(fd, (void *)address, &len) == 0);
	return fd;
}

int main(void)
{
	struct sockaddr_in address, own;
	struct blit_socket found[4];
	socklen_t len = sizeof own;
	char byte;
	int listener = listen_on_loopback(&address), port = ntohs(address.sin_port);
	assert(blit_sockets_list(port, found, 4) == 0); /* the listener is no connection */

	int client = socket(AF_INET, SOCK_STREAM, 0);
	assert(connect(client, (void *)&address, sizeof address) == 0);
	int server = accept(listener, NULL, NULL);
	assert(getsockname(client, (void *)&own, &len) == 0);
	assert(blit_sockets_list(port, found, 4) == 1 && found[0].fd == server);
	assert(found[0].local_port == port && found[0].peer_port == ntohs(own.sin_port));
	assert(found[0].peer[10] == 0xff && found[0].peer[12] == 127 && found[0].peer[15] == 1);
	assert(blit_sockets_list(port, found, 0) == 0);

	struct blit_socket other = found[0];
	other.peer_port++;
	assert(blit_sockets_shut(&other, 1) == 0);
	assert(blit_sockets_shut(found, 1) == 1 && recv(client, &byte, 1, 0) == 0);
	assert(blit_descriptors_max() > server);
	return 0;
}
