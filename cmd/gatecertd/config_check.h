/*
 * config_check - what each value of the configuration must look like.
 *
 * NULL when the value is fine, else what is wrong with it: most in the form of struct field's
 * check. Names become parts of URLs and paths, so they are held to the alphabets that Azure
 * documents for them.
 */
#pragma once

#include "base/ctx.h"

const char *config_check_email(struct ctx *ctx, const void *value);
const char *config_check_guid(struct ctx *ctx, const void *value);
const char *config_check_tenant(struct ctx *ctx, const void *value);
const char *config_check_resource_group(struct ctx *ctx, const void *value);
const char *config_check_resource_name(struct ctx *ctx, const void *value);
const char *config_check_task_hub(struct ctx *ctx, const void *value);

/* An https URL; of nothing but a host; of a blob container. */
const char *config_check_https(struct ctx *ctx, const void *value);
const char *config_check_https_host(struct ctx *ctx, const void *value);
const char *config_check_container(struct ctx *ctx, const void *value);
/* http as well: addresses on the machine itself, and the base under which clients reach us. */
const char *config_check_http(struct ctx *ctx, const void *value);

const char *config_check_path(struct ctx *ctx, const void *value);
const char *config_check_socket_path(struct ctx *ctx, const void *value);
const char *config_check_account_key(struct ctx *ctx, const void *value);
const char *config_check_listen(struct ctx *ctx, const void *value);
const char *config_check_dns_servers(struct ctx *ctx, const void *value);
const char *config_check_networks(struct ctx *ctx, const void *value);
const char *config_check_cloud(struct ctx *ctx, const void *value);
const char *config_check_name_policy(struct ctx *ctx, const void *value);
const char *config_check_key_name(struct ctx *ctx, const void *value);
const char *config_check_key(struct ctx *ctx, const void *value);

/* The machine as it is now: a file that can be read; one of trusted CAs; a directory; one in which
 * the file named can stand. */
const char *config_check_file(struct ctx *ctx, const char *path);
const char *config_check_ca_file(struct ctx *ctx, const char *path);
const char *config_check_directory(struct ctx *ctx, const char *path);
const char *config_check_parent(struct ctx *ctx, const char *path);
/* One that the daemon makes when it is not there. */
const char *config_check_own_directory(struct ctx *ctx, const char *path);

/* Whether others than this machine can connect; false for what config_check_listen refuses. */
bool config_is_reachable(const char *listen);
