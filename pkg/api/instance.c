#include "api/instance.h"

#include <stddef.h>

const char *const runtime_status_names[] = {"Pending", "Running",    "Completed",
					    "Failed",  "Terminated", NULL};

#define EVENT(member) offsetof(struct instance_event, member)

static const struct field event_fields[] = {
	{.name = "time", .type = FIELD_TIME, .offset = EVENT(time)},
	{.name = "type", .type = FIELD_TEXT, .offset = EVENT(type)},
	{.name = "name", .type = FIELD_TEXT, .offset = EVENT(name)},
	{.name = "hostname", .type = FIELD_TEXT, .offset = EVENT(hostname)},
	{.name = "result", .type = FIELD_TEXT, .offset = EVENT(result)},
	{.name = NULL},
};

#define SPEC(member) offsetof(struct instance_spec, member)

static const struct field spec_fields[] = {
	{.name = "function",
	 .type = FIELD_TEXT,
	 .offset = SPEC(function),
	 .help = "The documented function that was called."},
	{.name = "isList",
	 .type = FIELD_BOOL,
	 .offset = SPEC(is_list),
	 .help = "Whether its input is a list."},
	{.name = "hostnames",
	 .type = FIELD_TEXTS,
	 .offset = SPEC(hostnames),
	 .help = "The hostnames it follows."},
	{.name = "introduced",
	 .type = FIELD_TEXTS,
	 .offset = SPEC(introduced),
	 .help = "Those of them that it made desired."},
	{.name = "leafSha256",
	 .type = FIELD_TEXT,
	 .offset = SPEC(leaf_sha256),
	 .help = "The certificate that an import brings."},
	{.name = "accepted",
	 .type = FIELD_TIME,
	 .flags = FIELD_WAS_MSEC,
	 .offset = SPEC(accepted),
	 .help = "When it was accepted, to the millisecond."},
	{.name = "request", .type = FIELD_INT, .flags = FIELD_INTERNAL, .offset = SPEC(request)},
	{.name = "retry", .type = FIELD_INT, .flags = FIELD_INTERNAL, .offset = SPEC(retry)},
	{.name = "retryRequested",
	 .type = FIELD_TIME,
	 .flags = FIELD_WAS_MSEC,
	 .offset = SPEC(retry_requested),
	 .help = "When a Retry event was last raised."},
	{.name = "isTerminated",
	 .type = FIELD_BOOL,
	 .offset = SPEC(is_terminated),
	 .help = "Whether it was asked to end."},
	{.name = "terminateReason",
	 .type = FIELD_TEXT,
	 .offset = SPEC(terminate_reason),
	 .help = "Why."},
	{.name = "events",
	 .type = FIELD_OBJECTS,
	 .offset = SPEC(events),
	 .fields = event_fields,
	 .element_size = sizeof(struct instance_event),
	 .help = "Events that clients raised."},
	{.name = NULL},
};

#define PROGRESS(member) offsetof(struct instance_progress, member)

static const struct field progress_fields[] = {
	{.name = "hostname", .type = FIELD_TEXT, .offset = PROGRESS(hostname)},
	{.name = "runtimeStatus",
	 .type = FIELD_CHOICE,
	 .offset = PROGRESS(runtime_status),
	 .choices = runtime_status_names},
	{.name = "step", .type = FIELD_TEXT, .offset = PROGRESS(step)},
	{.name = "message", .type = FIELD_TEXT, .offset = PROGRESS(message)},
	{.name = "error", .type = FIELD_TEXT, .offset = PROGRESS(error)},
	{.name = "output", .type = FIELD_TEXT, .offset = PROGRESS(output)},
	{.name = NULL},
};

#define STATUS(member) offsetof(struct instance_status, member)

static const struct field status_fields[] = {
	{.name = "observedGeneration",
	 .type = FIELD_INT,
	 .offset = STATUS(observed_generation),
	 .help = "The generation of the spec that this status speaks of."},
	{.name = "runtimeStatus",
	 .type = FIELD_CHOICE,
	 .offset = STATUS(runtime_status),
	 .choices = runtime_status_names,
	 .help = "As in the documented API."},
	{.name = "step", .type = FIELD_TEXT, .offset = STATUS(step), .help = "customStatus.status"},
	{.name = "message",
	 .type = FIELD_TEXT,
	 .offset = STATUS(message),
	 .help = "customStatus.message"},
	{.name = "error",
	 .type = FIELD_TEXT,
	 .offset = STATUS(error),
	 .help = "customStatus.error"},
	{.name = "output", .type = FIELD_TEXT, .offset = STATUS(output), .help = "What to know."},
	{.name = "updated",
	 .type = FIELD_TIME,
	 .offset = STATUS(updated),
	 .help = "When it last changed."},
	{.name = "progress",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(progress),
	 .fields = progress_fields,
	 .element_size = sizeof(struct instance_progress),
	 .help = "How each hostname stands."},
	{.name = "history",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(history),
	 .fields = event_fields,
	 .element_size = sizeof(struct instance_event),
	 .help = "What happened."},
	{.name = NULL},
};

const struct field instance_fields[] = {
	{.name = "metadata",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct instance, meta),
	 .fields = meta_fields,
	 .help = "Name and identity."},
	{.name = "spec",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct instance, spec),
	 .fields = spec_fields,
	 .help = "The request."},
	{.name = "status",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct instance, status),
	 .fields = status_fields,
	 .help = "How it stands."},
	{.name = NULL},
};
