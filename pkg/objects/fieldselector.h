/*
 * fieldselector - which objects a client means by their fields, as Kubernetes clients write it:
 * metadata.name=X, metadata.name==X, metadata.name!=X, joined by commas; all have to hold.
 *
 * metadata.name is the only field. Any other is refused: who is not told so takes the whole list
 * for a selection. A backslash takes a comma, an equals sign or a backslash into the value.
 */
#pragma once

#include "api/meta.h"
#include "httpd/request.h"

struct fieldselector;

/* Every fieldSelector of the query; none, and what is blank, selects everything. E_REFUSED, reason
 * InvalidSelector. */
enum err fieldselector_parse(struct ctx *ctx, const struct request *request,
			     struct fieldselector **out);

bool fieldselector_matches(const struct fieldselector *selector, const struct meta *meta);
