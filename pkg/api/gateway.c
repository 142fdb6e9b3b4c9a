#include "api/gateway.h"

#include <stddef.h>

#include "base/text.h"

static const struct field spec_fields[] = {
	{.name = "resourceId",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct gateway_spec, resource_id),
	 .help = "ARM resource id."},
	{.name = NULL},
};

#define PROGRAMMED(member) offsetof(struct programmed_hostname, member)

static const struct field programmed_fields[] = {
	{.name = "hostname", .type = FIELD_TEXT, .offset = PROGRAMMED(hostname)},
	{.name = "listener", .type = FIELD_TEXT, .offset = PROGRAMMED(listener)},
	{.name = "rule", .type = FIELD_TEXT, .offset = PROGRAMMED(rule)},
	{.name = "secretId", .type = FIELD_TEXT, .offset = PROGRAMMED(secret_id)},
	{.name = NULL},
};

#define REJECTED(member) offsetof(struct rejected_hostname, member)

static const struct field rejected_fields[] = {
	{.name = "hostname", .type = FIELD_TEXT, .offset = REJECTED(hostname)},
	{.name = "reason", .type = FIELD_TEXT, .offset = REJECTED(reason)},
	{.name = "message", .type = FIELD_TEXT, .offset = REJECTED(message)},
	{.name = "since", .type = FIELD_TIME, .offset = REJECTED(since)},
	{.name = NULL},
};

#define BROUGHT(member) offsetof(struct brought_hostname, member)

static const struct field brought_fields[] = {
	{.name = "hostname", .type = FIELD_TEXT, .offset = BROUGHT(hostname)},
	{.name = "base", .type = FIELD_TEXT, .offset = BROUGHT(base)},
	{.name = "secretId", .type = FIELD_TEXT, .offset = BROUGHT(secret_id)},
	{.name = NULL},
};

#define SENT(member) offsetof(struct sent_hostname, member)

static const struct field sent_fields[] = {
	{.name = "hostname", .type = FIELD_TEXT, .offset = SENT(hostname)},
	{.name = "version", .type = FIELD_TEXT, .offset = SENT(version)},
	{.name = NULL},
};

#define STATUS(member) offsetof(struct gateway_status, member)

static const struct field status_fields[] = {
	{.name = "observedGeneration",
	 .type = FIELD_INT,
	 .offset = STATUS(observed_generation),
	 .help = "The generation of the spec that this status speaks of."},
	{.name = "conditions",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(conditions),
	 .fields = condition_fields,
	 .element_size = sizeof(struct condition),
	 .help = "What is true about the gateway."},
	{.name = "publicIps",
	 .type = FIELD_TEXTS,
	 .offset = STATUS(public_ips),
	 .help = "Addresses of its public frontends."},
	{.name = "observedTime",
	 .type = FIELD_TIME,
	 .offset = STATUS(observed),
	 .help = "When it was last read."},
	{.name = "provisioningState",
	 .type = FIELD_TEXT,
	 .offset = STATUS(provisioning_state),
	 .help = "As Azure says."},
	{.name = "operationalState",
	 .type = FIELD_TEXT,
	 .offset = STATUS(operational_state),
	 .help = "As Azure says."},
	{.name = "missing",
	 .type = FIELD_BOOL,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(is_missing)},
	{.name = "updateIntended",
	 .type = FIELD_BOOL,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(update_intended)},
	{.name = "operationUrl",
	 .type = FIELD_TEXT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(operation_url)},
	{.name = "operationSince",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(operation_since)},
	{.name = "gatheringSince",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(gathering_since)},
	{.name = "programmed",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(programmed),
	 .fields = programmed_fields,
	 .element_size = sizeof(struct programmed_hostname),
	 .help = "The hostnames it serves for us."},
	{.name = "rejected",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(rejected),
	 .fields = rejected_fields,
	 .element_size = sizeof(struct rejected_hostname),
	 .help = "The hostnames it cannot take, and why."},
	{.name = "brought",
	 .type = FIELD_OBJECTS,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(brought),
	 .fields = brought_fields,
	 .element_size = sizeof(struct brought_hostname)},
	{.name = "sent",
	 .type = FIELD_OBJECTS,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(sent),
	 .fields = sent_fields,
	 .element_size = sizeof(struct sent_hostname)},
	{.name = NULL},
};

const struct field gateway_fields[] = {
	{.name = "metadata",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct gateway, meta),
	 .fields = meta_fields,
	 .help = "Name and identity."},
	{.name = "spec",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct gateway, spec),
	 .fields = spec_fields,
	 .help = "Which gateway."},
	{.name = "status",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct gateway, status),
	 .fields = status_fields,
	 .help = "What is known."},
	{.name = NULL},
};

bool gateway_is_stopped(const struct gateway *gateway)
{
	const char *state = gateway->status.operational_state;

	return state &&
	       (text_equals_nocase(state, "Stopped") || text_equals_nocase(state, "Stopping"));
}

bool gateway_is_out(const struct gateway *gateway)
{
	return gateway->status.is_missing || gateway_is_stopped(gateway);
}

const struct programmed_hostname *gateway_find_programmed(const struct gateway *gateway,
							  const char *hostname)
{
	const struct programmed_hostname *items = gateway->status.programmed.items;

	for (size_t i = 0; i < gateway->status.programmed.count; i++)
		if (text_equals(items[i].hostname, hostname))
			return &items[i];
	return NULL;
}

const struct rejected_hostname *gateway_find_rejected(const struct gateway *gateway,
						      const char *hostname)
{
	const struct rejected_hostname *items = gateway->status.rejected.items;

	for (size_t i = 0; i < gateway->status.rejected.count; i++)
		if (text_equals(items[i].hostname, hostname))
			return &items[i];
	return NULL;
}

const struct brought_hostname *gateway_find_brought(const struct gateway *gateway,
						    const char *hostname)
{
	const struct brought_hostname *items = gateway->status.brought.items;

	for (size_t i = 0; i < gateway->status.brought.count; i++)
		if (text_equals(items[i].hostname, hostname))
			return &items[i];
	return NULL;
}

const struct sent_hostname *gateway_find_sent(const struct gateway *gateway, const char *hostname)
{
	const struct sent_hostname *items = gateway->status.sent.items;

	for (size_t i = 0; i < gateway->status.sent.count; i++)
		if (text_equals(items[i].hostname, hostname))
			return &items[i];
	return NULL;
}
