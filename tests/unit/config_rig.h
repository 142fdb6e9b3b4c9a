/*
 * config_rig - a configuration file in a temporary directory, loaded as the daemon does.
 */
#pragma once

#include "tempdir.h"

#include "../../cmd/gatecertd/config.h"
#include "api/dnsname.h"
#include "api/hostname.h"
#include "base/fs.h"
#include "base/log.h"

#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbb=="

static const struct {
	const char *key, *value;
} documented[] = {
	{"AcmeEndpoint", "https://ca.example/"},
	{"AcmeAccountEmail", "ops@example.com"},
	{"TenantId", "11111111-2222-3333-4444-555555555555"},
	{"SubscriptionId", "66666666-7777-8888-9999-aaaaaaaaaaaa"},
	{"ApplicationGatewayResourceGroup", "rg-web_1(eu)"},
	{"ApplicationGatewayName", "agw-web"},
	{"ApplicationGatewayHttpSettingsName", "http-settings"},
	{"ApplicationGatewayBackendName", "backend"},
	{"BlobContainerUrl", "https://acc.blob.core.windows.net/challenges/"},
	{"KeyVaultBaseUrl", "https://vault.vault.azure.net/"},
};

struct rig {
	struct ctx ctx;
	const char *root, *path;
	struct config *config;
	struct problems problems;
	enum err err;
};

static inline void set_up(struct rig *rig)
{
	check_begin(&rig->ctx);
	rig->root = tempdir_make(&rig->ctx);
	rig->path = fs_join(&rig->ctx, rig->root, "gatecert.yaml");
	rig->config = NULL;
}

static inline void tear_down(struct rig *rig)
{
	config_free(rig->config);
	tempdir_remove(rig->root);
	ctx_fini(&rig->ctx);
}

/* The documented ten but `key`, then `more`. */
static inline const char *complete(struct ctx *ctx, const char *key, const char *more)
{
	const char *text = "";

	for (size_t i = 0; i < ARRAY_SIZE(documented); i++)
		if (!text_equals(documented[i].key, key))
			text = arena_printf(ctx->arena, "%s%s: %s\n", text, documented[i].key,
					    documented[i].value);
	return arena_printf(ctx->arena, "%s%s", text, more);
}

static inline void load(struct rig *rig, const char *text)
{
	tempdir_write(rig->path, text, 5);
	chmod(rig->path, 0600);
	config_free(rig->config);
	rig->config = NULL;
	problems_init(&rig->problems);
	rig->err = config_load(&rig->ctx, rig->path, &rig->config, &rig->problems);
}

static inline const char *printed(struct rig *rig)
{
	return problems_print(&rig->ctx, &rig->problems, "\n");
}
