/*
 * yaml - documents that people write, as nodes. The only place that knows libyaml.
 *
 * Reads YAML and JSON alike, also behind a byte order mark. Refuses anchors, aliases, tags, keys
 * that are no scalars, depth over 16, more than 64 KiB, more than 10 000 nodes, NUL and bad UTF-8.
 * Of duplicate keys the first counts; the others wait in the document for node_complain_repeated,
 * so that one does not hide what else is wrong.
 */
#pragma once

#include "codec/node.h"
#include "codec/problems.h"

#define YAML_SIZE_MAX ((size_t)64 * 1024)

/* All documents of one file, empty ones left out. On E_REFUSED the first error is in `problems`
 * with its place, and the fault's text is that same line. `file` is only named. */
enum err yaml_parse(struct ctx *ctx, const char *file, const char *text, size_t size,
		    struct problems *problems, struct node ***documents, size_t *count);
