/*
 * bare - a server on libmicrohttpd that gives every request the same answer: what the library and
 * the machine can do when nothing is asked of them. The ratio to it is what the daemon costs.
 *
 * usage: bare STATUS FILE [NAME VALUE]...   FILE is the body; prints its port, ends with its input
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <microhttpd.h>

struct answer {
	unsigned status;
	struct MHD_Response *response;
};

/* Reads a body to its end, as whoever wants to know what it says has to. */
static enum MHD_Result give(void *handle, struct MHD_Connection *connection, const char *url,
			    const char *method, const char *version, const char *body,
			    size_t *body_size, void **state)
{
	const struct answer *answer = handle;

	(void)url, (void)method, (void)version, (void)body;
	if (!*state) {
		*state = handle;
		return MHD_YES;
	}
	if (*body_size > 0) {
		*body_size = 0;
		return MHD_YES;
	}
	return MHD_queue_response(connection, answer->status, answer->response);
}

static struct MHD_Response *read_response(const char *path)
{
	static char body[1 << 20];
	FILE *file = fopen(path, "rb");
	size_t size;

	if (!file)
		return NULL;
	size = fread(body, 1, sizeof(body), file);
	fclose(file);
	return MHD_create_response_from_buffer(size, body, MHD_RESPMEM_PERSISTENT);
}

int main(int argc, char **argv)
{
	const struct sockaddr_in loopback = {.sin_family = AF_INET,
					     .sin_addr = {htonl(INADDR_LOOPBACK)}};
	struct answer answer = {0};
	struct MHD_Daemon *daemon;
	char byte;

	if (argc >= 3)
		answer = (struct answer){(unsigned)atoi(argv[1]), read_response(argv[2])};
	if (!answer.response) {
		fprintf(stderr, "usage: bare STATUS FILE [NAME VALUE]...\n");
		return 2;
	}
	for (int i = 3; i + 1 < argc; i += 2)
		MHD_add_response_header(answer.response, argv[i], argv[i + 1]);
	daemon = MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD, 0, NULL, NULL, give, &answer,
				  MHD_OPTION_SOCK_ADDR, &loopback, MHD_OPTION_END);
	if (!daemon) {
		perror("bare");
		return 1;
	}
	printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	MHD_stop_daemon(daemon);
	MHD_destroy_response(answer.response);
	return 0;
}
