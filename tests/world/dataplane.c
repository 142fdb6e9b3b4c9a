#include "world/dataplane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "world/gateway.h"
#include "world/owners.h"

#define TICK_MS	 20
#define FORCE_MS 60000

struct dataplane {
	struct world *world;
	const struct plane_options *options;
	pthread_t thread;
	atomic_bool is_stopping;
	pid_t master;
	long worker;	  /* the nginx worker that served the last generation */
	unsigned applied; /* generation */
};

static void nap(void)
{
	nanosleep(&(struct timespec){.tv_nsec = TICK_MS * 1000000L}, NULL);
}

static bool write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	size_t size = strlen(text), done = 0;
	ssize_t n = 0;

	while (fd >= 0 && done < size && (n = write(fd, text + done, size - done)) > 0)
		done += (size_t)n;
	if (fd >= 0)
		close(fd);
	return fd >= 0 && done == size;
}

static bool write_files(struct ctx *ctx, const struct plane_options *options,
			const struct plane_file *files)
{
	for (; files; files = files->next) {
		if (write_file(arena_printf(ctx->arena, "%s/%s", options->dir, files->name),
			       files->text))
			continue;
		fprintf(stderr, "azuresim: %s/%s cannot be written: %s\n", options->dir,
			files->name, strerror(errno));
		return false;
	}
	return true;
}

static pid_t run_nginx(const struct dataplane *plane, bool is_test)
{
	char conf[4096], log[4096];
	sigset_t none;
	pid_t pid;

	(void)snprintf(conf, sizeof(conf), "%s/nginx.conf", plane->options->dir);
	(void)snprintf(log, sizeof(log), "%s/nginx.log", plane->options->dir);
	pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (is_test)
		execl(plane->options->nginx, "nginx", "-t", "-q", "-c", conf, "-e", log, "-p",
		      plane->options->dir, (char *)NULL);
	else
		execl(plane->options->nginx, "nginx", "-c", conf, "-e", log, "-p",
		      plane->options->dir, (char *)NULL);
	_exit(127);
}

static bool test_configuration(const struct dataplane *plane)
{
	pid_t pid = run_nginx(plane, true);
	int status = 0;

	if (pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0)
		return true;
	fprintf(stderr, "azuresim: nginx refuses %s/nginx.conf (see nginx.log there)\n",
		plane->options->dir);
	return false;
}

/* Asks the front port which worker answers, and with which generation. */
static bool ask(const struct plane_options *options, long *worker, unsigned *generation)
{
	static const char request[] = "GET / HTTP/1.0\r\nHost: " PLANE_CONTROL_HOST "\r\n\r\n";
	struct sockaddr_in address = {.sin_family = AF_INET};
	char reply[1024], *body;
	size_t size = 0;
	ssize_t n;
	int fd;

	address.sin_port = htons((uint16_t)options->http_port);
	if (inet_pton(AF_INET, options->ip, &address.sin_addr) != 1)
		return false;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 2},
		   sizeof(struct timeval));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0) {
		close(fd);
		return false;
	}
	while (size < sizeof(reply) - 1 &&
	       (n = read(fd, reply + size, sizeof(reply) - 1 - size)) > 0)
		size += (size_t)n;
	close(fd);
	reply[size] = '\0';
	body = strstr(reply, "\r\n\r\n");
	return body && sscanf(body, "%ld %u", worker, generation) == 2;
}

/* A worker that was told to go shows it in its title right before it stops listening. */
static bool is_leaving(long worker)
{
	char path[64], title[256] = {0};
	FILE *file;
	size_t size;

	(void)snprintf(path, sizeof(path), "/proc/%ld/cmdline", worker);
	file = fopen(path, "re");
	if (!file)
		return true;
	size = fread(title, 1, sizeof(title) - 1, file);
	fclose(file);
	return size == 0 || strstr(title, "shutting down") != NULL;
}

static bool wait_until_in_force(struct dataplane *plane, unsigned generation)
{
	long worker = 0, before = plane->worker;
	struct clock *clock = plane->world->doors->clock;
	msec_t end = clock->mono(clock) + FORCE_MS;
	unsigned answered = 0;

	while (clock->mono(clock) < end) {
		if (ask(plane->options, &worker, &answered) && answered == generation &&
		    (before == 0 || before == worker || is_leaving(before))) {
			plane->worker = worker;
			return true;
		}
		nap();
	}
	fprintf(stderr, "azuresim: nginx does not answer with generation %u\n", generation);
	return false;
}

/* Renders under the lock, works on the files without it. */
static bool apply(struct dataplane *plane)
{
	struct ctx ctx = {.arena = arena_new(), .doors = plane->world->doors};
	struct plane_file *files;
	unsigned generation;
	bool is_done;

	pthread_mutex_lock(&plane->world->lock);
	(void)owners_by_number(plane->world, PLACE_GATEWAY, plane->options->gateway);
	generation = plane->world->gateway->generation;
	files = nginx_conf(&ctx, plane->world, plane->options);
	owners_first(plane->world);
	pthread_mutex_unlock(&plane->world->lock);
	is_done = write_files(&ctx, plane->options, files) && test_configuration(plane);
	arena_free(ctx.arena);
	if (is_done && plane->master == 0) {
		plane->master = run_nginx(plane, false);
		is_done = plane->master > 0;
	} else if (is_done) {
		is_done = kill(plane->master, SIGHUP) == 0;
	}
	is_done = is_done && wait_until_in_force(plane, generation);
	plane->applied = generation;
	pthread_mutex_lock(&plane->world->lock);
	(void)owners_by_number(plane->world, PLACE_GATEWAY, plane->options->gateway);
	gateway_applied(plane->world, generation, is_done);
	owners_first(plane->world);
	pthread_mutex_unlock(&plane->world->lock);
	return is_done;
}

static void *run(void *argument)
{
	struct dataplane *plane = argument;
	unsigned wanted;

	while (!plane->is_stopping) {
		world_tick(plane->world);
		pthread_mutex_lock(&plane->world->lock);
		(void)owners_by_number(plane->world, PLACE_GATEWAY, plane->options->gateway);
		wanted = plane->world->gateway->generation;
		owners_first(plane->world);
		pthread_mutex_unlock(&plane->world->lock);
		if (wanted != plane->applied)
			apply(plane);
		nap();
	}
	return NULL;
}

static bool make_dirs(const struct plane_options *options)
{
	static const char *const names[] = {"", "/certs", "/tmp"};
	char path[4096];
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		(void)snprintf(path, sizeof(path), "%s%s", options->dir, names[i]);
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			fprintf(stderr, "azuresim: %s: %s\n", path, strerror(errno));
			return false;
		}
	}
	return true;
}

struct dataplane *dataplane_start(struct world *world, const struct plane_options *options)
{
	struct dataplane *plane = calloc(1, sizeof(*plane));

	if (!plane)
		abort();
	plane->world = world;
	plane->options = options;
	pthread_mutex_lock(&world->lock);
	(void)owners_by_number(world, PLACE_GATEWAY, options->gateway);
	world->gateway->has_data_plane = true;
	owners_first(world);
	pthread_mutex_unlock(&world->lock);
	if (!make_dirs(options) || !apply(plane) ||
	    pthread_create(&plane->thread, NULL, run, plane) != 0) {
		if (plane->master > 0)
			kill(plane->master, SIGTERM);
		free(plane);
		return NULL;
	}
	return plane;
}

void dataplane_stop(struct dataplane *plane)
{
	if (!plane)
		return;
	plane->is_stopping = true;
	pthread_join(plane->thread, NULL);
	kill(plane->master, SIGTERM);
	waitpid(plane->master, NULL, 0);
	free(plane);
}
