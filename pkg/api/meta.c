#include "api/meta.h"

#include <stddef.h>

const struct field meta_fields[] = {
	{.name = "name",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct meta, name),
	 .help = "Name, unique among the objects of its kind."},
	{.name = "uid",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct meta, uid),
	 .help = "Identity: new for every creation."},
	{.name = "lineage",
	 .type = FIELD_TEXT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct meta, lineage)},
	{.name = "generation",
	 .type = FIELD_INT,
	 .offset = offsetof(struct meta, generation),
	 .help = "Counts the changes of the spec."},
	{.name = "resourceVersion",
	 .type = FIELD_INT,
	 .offset = offsetof(struct meta, resource_version),
	 .help = "Changes with every write."},
	{.name = "creationTimestamp",
	 .type = FIELD_TIME,
	 .offset = offsetof(struct meta, created),
	 .help = "When the object was made."},
	{.name = "deletionTimestamp",
	 .type = FIELD_TIME,
	 .offset = offsetof(struct meta, withdrawn),
	 .help = "When it was withdrawn."},
	{.name = "labels",
	 .type = FIELD_TEXT_MAP,
	 .offset = offsetof(struct meta, labels),
	 .help = "For selecting."},
	{.name = "annotations",
	 .type = FIELD_TEXT_MAP,
	 .offset = offsetof(struct meta, annotations),
	 .help = "For people and tools."},
	{.name = NULL},
};

const char *meta_lineage(const struct meta *meta)
{
	return meta->lineage ? meta->lineage : meta->uid;
}
