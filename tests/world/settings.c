#include "world/model.h"

#include <stdlib.h>

#include "base/text.h"
#include "world/gateway.h"

enum setting_kind { SETTING_SECONDS, SETTING_NUMBER, SETTING_CHOICE, SETTING_GATEWAY_STATE };

struct setting {
	const char *name;
	enum setting_kind kind;
	size_t offset;
	const char *no, *yes; /* SETTING_CHOICE: the words for false and true */
	const char *initial;
};

#define AT(member) offsetof(struct settings, member)

static const struct setting settings[] = {
	{"gatewayUpdateSeconds", SETTING_SECONDS, AT(gateway_update), NULL, NULL, "2"},
	{"secondPut", SETTING_CHOICE, AT(second_put_is_refused), "cancel", "429", "cancel"},
	{"ifMatch", SETTING_CHOICE, AT(if_match_is_ignored), "honour", "ignore", "honour"},
	{"vaultPollSeconds", SETTING_SECONDS, AT(vault_poll), NULL, NULL, "5"},
	{"keyCreateLimit", SETTING_NUMBER, AT(key_create_limit), NULL, NULL, "0"},
	{"rsaKeys", SETTING_CHOICE, AT(reuses_rsa_keys), "new", "reuse", "new"},
	{"vaultAccess", SETTING_CHOICE, AT(vault_is_forbidden), "allow", "forbid", "allow"},
	{"gatewayVaultAccess", SETTING_CHOICE, AT(vault_is_forbidden_to_gateway), "allow", "forbid",
	 "allow"},
	{"vaultLook", SETTING_CHOICE, AT(looks_at_change), "secretId", "change", "secretId"},
	{"secretVersions", SETTING_CHOICE, AT(secret_versions_are_shown), "hide", "show", "hide"},
	{"gatewayState", SETTING_GATEWAY_STATE, 0, NULL, NULL, NULL},
	{"vaultDeleteSeconds", SETTING_SECONDS, AT(delete_time), NULL, NULL, "0"},
	{"vaultListPage", SETTING_NUMBER, AT(list_page), NULL, NULL, "25"},
	{"vaultPurge", SETTING_CHOICE, AT(purge_is_protected), "allow", "protect", "allow"},
	{"tokenSeconds", SETTING_SECONDS, AT(token_lifetime), NULL, NULL, "3599"},
	{"badNonceEvery", SETTING_NUMBER, AT(bad_nonce_every), NULL, NULL, "0"},
	{"orderSeconds", SETTING_SECONDS, AT(order_time), NULL, NULL, "0"},
	{"acmeRetryAfterSeconds", SETTING_SECONDS, AT(retry_after), NULL, NULL, "0"},
	{"acmeDate", SETTING_CHOICE, AT(hides_time), "yes", "no", "yes"},
	{"reuseAuthorizations", SETTING_CHOICE, AT(reuse_authz), "no", "yes", "yes"},
	{"certificateSeconds", SETTING_SECONDS, AT(cert_lifetime), NULL, NULL, "7776000"},
};

static const char *const state_names[] = {"Running", "Stopped", "Failed", "Missing"};

static enum err set_number(struct ctx *ctx, const struct setting *setting, void *member,
			   const char *value)
{
	char *end = NULL;
	double number = strtod(value, &end);

	if (end == value || *end || number < 0 || number > 1e9)
		return fault_set(ctx, E_REFUSED, "InvalidSetting", "%s: %s is no number from 0",
				 setting->name, value);
	if (setting->kind == SETTING_SECONDS)
		*(msec_t *)member = (msec_t)(number * 1000);
	else
		*(int64_t *)member = (int64_t)number;
	return E_OK;
}

static enum err set_choice(struct ctx *ctx, const struct setting *setting, bool *member,
			   const char *value)
{
	if (!text_equals(value, setting->yes) && !text_equals(value, setting->no))
		return fault_set(ctx, E_REFUSED, "InvalidSetting", "%s: %s is neither %s nor %s",
				 setting->name, value, setting->no, setting->yes);
	*member = text_equals(value, setting->yes);
	return E_OK;
}

static enum err set_state(struct ctx *ctx, struct world *world, const char *value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(state_names); i++) {
		if (!text_equals(state_names[i], value))
			continue;
		gateway_set_state(world, (enum gateway_state)i);
		return E_OK;
	}
	return fault_set(ctx, E_REFUSED, "InvalidSetting",
			 "gatewayState: %s is none of Running, Stopped, Failed, Missing", value);
}

static enum err apply(struct ctx *ctx, const struct setting *setting, struct settings *all,
		      const char *value)
{
	void *member = (char *)all + setting->offset;

	if (setting->kind == SETTING_CHOICE)
		return set_choice(ctx, setting, member, value);
	return set_number(ctx, setting, member, value);
}

enum err settings_set(struct ctx *ctx, struct world *world, const char *name, const char *value)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!text_equals(settings[i].name, name))
			continue;
		if (settings[i].kind == SETTING_GATEWAY_STATE)
			return set_state(ctx, world, value);
		return apply(ctx, &settings[i], &world->settings, value);
	}
	return fault_set(ctx, E_REFUSED, "UnknownSetting", "%s is no setting", name);
}

void settings_init(struct settings *all)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		if (settings[i].initial)
			(void)apply(NULL, &settings[i], all, settings[i].initial);
}

static const char *shown(struct ctx *ctx, const struct world *world, const struct setting *setting)
{
	const void *member = (const char *)&world->settings + setting->offset;

	switch (setting->kind) {
	case SETTING_SECONDS:
		return arena_printf(ctx->arena, "%g", (double)*(const msec_t *)member / 1000);
	case SETTING_NUMBER:
		return arena_printf(ctx->arena, "%lld", (long long)*(const int64_t *)member);
	case SETTING_CHOICE: return *(const bool *)member ? setting->yes : setting->no;
	case SETTING_GATEWAY_STATE: return state_names[world->gateway->state];
	}
	return "";
}

struct json *settings_show(struct ctx *ctx, const struct world *world)
{
	struct json *all = json_object(ctx);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++)
		json_set_text(ctx, all, settings[i].name, shown(ctx, world, &settings[i]));
	return all;
}
