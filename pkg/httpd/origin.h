/*
 * origin - which web page a request comes from, as far as its browser says.
 *
 * A browser sends requests to whatever address a page names, also to a service that only this
 * machine or its user reaches. It says so: Origin names the page, Sec-Fetch-Site how far away it
 * is. No other client sends either. The service has no pages of its own, so what it does without a
 * key is nothing that a page may ask for, unless it is one behind its own address.
 */
#pragma once

#include "httpd/request.h"

/* Whether another site's page sent it. `base_origin` is "scheme://host[:port]" of PublicBaseUrl, or
 * NULL. The Host of a request makes an origin our own only where it is a loopback one: any other a
 * page can choose, by pointing its own name at us. */
bool origin_is_foreign(const struct request *request, const char *base_origin);
