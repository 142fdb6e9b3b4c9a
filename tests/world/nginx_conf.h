/*
 * nginx_conf - the served gateway as an nginx configuration and its certificate files.
 */
#pragma once

#include "world/model.h"

struct plane_options {
	unsigned gateway;  /* its number */
	const char *dir;   /* absolute */
	const char *nginx; /* path of the binary */
	const char *ip;
	unsigned http_port, https_port; /* where 80 and 443 are */
	const char *ca_file;		/* verifies the blob server */
};

struct plane_file {
	struct plane_file *next;
	const char *name; /* below dir */
	const char *text;
};

#define PLANE_CONTROL_HOST "plane-control.invalid"

/* Of world->gateway: everything that nginx needs for this generation; the configuration itself is
 * the first file. */
struct plane_file *nginx_conf(struct ctx *ctx, const struct world *world,
			      const struct plane_options *options);
