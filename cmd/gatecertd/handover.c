#include "handover.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fatal.h"

static void *stop(void *handle)
{
	struct handover *handover = handle;
	uint64_t one = 1;
	ssize_t written;

	engine_finish(handover->engine);
	written = write(handover->done, &one, sizeof(one));
	assert(written == sizeof(one));
	return NULL;
}

static void join(struct handover *handover)
{
	int result = pthread_join(handover->thread, NULL);

	assert(result == 0);
	engine_stop(handover->engine);
	handover->engine = NULL;
}

static int on_done(sd_event_source *source, int fd, uint32_t events, void *handle)
{
	struct handover *handover = handle;
	uint64_t count;

	(void)source, (void)events;
	if (read(fd, &count, sizeof(count)) < 0)
		return 0;
	join(handover);
	handover->is_stopped(handover->handle);
	return 0;
}

void handover_init(struct handover *handover, sd_event *event, void (*is_stopped)(void *handle),
		   void *handle)
{
	int result;

	*handover = (struct handover){.is_stopped = is_stopped, .handle = handle};
	handover->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (handover->done < 0)
		fatal("no descriptor for the end of an engine", strerror(errno));
	result = sd_event_add_io(event, &handover->source, handover->done, EPOLLIN, on_done,
				 handover);
	if (result < 0)
		fatal("the end of an engine cannot be watched", strerror(-result));
}

void handover_begin(struct handover *handover, struct engine *engine, msec_t now)
{
	int result;

	assert(!handover->engine);
	handover->engine = engine;
	handover->began = now;
	result = pthread_create(&handover->thread, NULL, stop, handover);
	if (result != 0)
		fatal("no thread to stop an engine", strerror(result));
}

void handover_fini(struct handover *handover)
{
	if (!handover->source)
		return;
	if (handover->engine) {
		engine_hurry(handover->engine);
		join(handover);
	}
	sd_event_source_unref(handover->source);
	close(handover->done);
}
