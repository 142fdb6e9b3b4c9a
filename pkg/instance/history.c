#include "instance/history.h"

#include <string.h>

#include "base/text.h"

#define STEPS_PER_HOSTNAME 24 /* twice a whole ascent */
#define STEPS_BESIDE	   176

#define SCHEDULED "TaskScheduled"
#define COMPLETED "TaskCompleted"

static bool has(const struct history *history, const struct instance_event *event)
{
	for (size_t i = history->count; i-- > 0;) {
		const struct instance_event *item = &history->items[i];

		if (item->time == event->time && text_equals(item->name, event->name) &&
		    text_equals(item->hostname, event->hostname))
			return true;
	}
	return false;
}

static void append(struct history *history, const struct instance_event *event)
{
	if (history->count < history->capacity)
		history->items[history->count++] = *event;
}

void history_begin(struct ctx *ctx, struct history *history, const struct instance *instance)
{
	const struct objects *kept = &instance->status.history;
	size_t most = STEPS_BESIDE + STEPS_PER_HOSTNAME * instance->spec.hostnames.count;

	*history = (struct history){.spec = &instance->spec,
				    .count = kept->count,
				    .capacity = kept->count > most ? kept->count : most};
	history->items = arena_new_array(ctx->arena, struct instance_event, history->capacity + 1);
	if (kept->count)
		memcpy(history->items, kept->items, kept->count * sizeof(*history->items));
}

void history_add(struct history *history, struct instance_event event)
{
	if (!has(history, &event))
		append(history, &event);
}

void history_settle(struct history *history, const char *hostname, const char *type)
{
	for (size_t i = history->count; i-- > 0;) {
		struct instance_event *item = &history->items[i];

		if (!text_equals(item->hostname, hostname))
			continue;
		if (text_equals(item->type, SCHEDULED))
			item->type = type;
		return;
	}
}

static void begin_step(struct history *history, const char *hostname,
		       const struct step_climbed *climbed)
{
	msec_t accepted = history->spec->accepted;
	const struct instance_event event = {
		.time = climbed->time > accepted ? climbed->time : accepted,
		.type = SCHEDULED,
		.name = climbed->step,
		.hostname = hostname,
	};

	if (has(history, &event))
		return;
	history_settle(history, hostname, COMPLETED);
	if (!text_equals(climbed->step, step_info(STEP_COMPLETED)->name))
		append(history, &event);
}

void history_follow(struct history *history, const struct hostname *hostname)
{
	const struct step_climbed *climbed = hostname->status.climbed.items;
	size_t count = hostname->status.climbed.count;

	for (size_t i = 0; i < count; i++)
		if (climbed[i].time >= history->spec->accepted || i + 1 == count)
			begin_step(history, hostname->meta.name, &climbed[i]);
}

void history_end(struct history *history, struct instance_event event)
{
	history->items[history->count++] = event;
}
