#include "config_rig.h"

#include "service/apikey.h"

#define HASH_A		"09f61f8d9cd65e6a0c258087c485b6293541364e42bd97b2d7936580c8aa3c54"
#define HASH_A_CAPITALS "09F61F8D9CD65E6A0C258087C485B6293541364E42BD97B2D7936580C8AA3C54"

/* Keys, from the file or the environment. */

static const struct {
	const char *sentence, *file, *environment;
	const char *keys; /* "name=key name=key", or NULL when refused */
	const char *says;
} keys[] = {
	{"objects", "ApiKeys: [{name: portal, key: " KEY_A "}, {name: b, key: " KEY_B "}]\n", NULL,
	 "portal=" KEY_A " b=" KEY_B, NULL},
	{"a map", "ApiKeys: {portal: " KEY_A ", b: " KEY_B "}\n", NULL, "portal=" KEY_A " b=" KEY_B,
	 NULL},
	{"texts", "ApiKeys: [portal=" KEY_A ", " KEY_B "]\n", NULL, "portal=" KEY_A " key-2=" KEY_B,
	 NULL},
	{"one text", "ApiKeys: " KEY_B "\n", NULL, "key-1=" KEY_B, NULL},
	{"the environment", "", "portal=" KEY_A ", " KEY_B, "portal=" KEY_A " key-2=" KEY_B, NULL},
	{"the environment wins", "ApiKeys: " KEY_B "\n", KEY_A, "key-1=" KEY_A, NULL},
	{"a short key is warned about", "ApiKeys: [b=short]\n", NULL, "b=short",
	 "ApiKeys: the key b has fewer than 16 characters"},
	{"the same name twice", "ApiKeys: [a=" KEY_A ", a=" KEY_B "]\n", NULL, NULL,
	 "two keys are named a"},
	{"no key", "ApiKeys: [{name: portal}]\n", NULL, NULL, "ApiKeys[0].key: required"},
	{"an empty key", "ApiKeys: {portal: ''}\n", NULL, NULL,
	 "a key must have 1 to 512 characters"},
	{"a key with a space", "ApiKeys: {portal: 'SECRET SECRETSECRET'}\n", NULL, NULL,
	 "a key must be ASCII without white space"},
	{"a name with a space", "ApiKeys: {'a b': " KEY_A "}\n", NULL, NULL,
	 "a key's name must be"},
	{"a key that looks like a number", "ApiKeys: {portal: '12345678901234567890'}\n", NULL,
	 "portal=12345678901234567890", NULL},
	{"a hash", "ApiKeys: {portal: 'sha256:" HASH_A "'}\n", NULL, "portal=" KEY_A, NULL},
	{"a hash in capitals", "ApiKeys: [portal=SHA256:" HASH_A_CAPITALS "]\n", NULL,
	 "portal=" KEY_A, NULL},
	{"a hash in the environment", "", "portal=sha256:" HASH_A, "portal=" KEY_A, NULL},
	{"half a hash", "ApiKeys: [portal=sha256:d0d7]\n", NULL, NULL,
	 "ApiKeys[0].key: the hash of a key must be sha256: and 64 hexadecimal digits"},
	{"more than a hash", "ApiKeys: [portal=sha256:" HASH_A "0]\n", NULL, NULL,
	 "the hash of a key must be"},
	{"lists in lists", "ApiKeys: [[SECRETSECRET]]\n", NULL, NULL, "ApiKeys[0]: expected a map"},
	{"an unknown member", "ApiKeys: [{name: a, key: " KEY_A ", rights: all}]\n", NULL, NULL,
	 "unknown member rights"},
};

/* "name=key" with each key in the form in which it is kept. */
static const char *kept(struct rig *rig, const char *list)
{
	char *rest = arena_strdup(rig->ctx.arena, list), *item;
	const char *text = "";

	while ((item = strsep(&rest, " "))) {
		char *equals = strchr(item, '=');

		text = arena_printf(rig->ctx.arena, "%s%s%.*s=%s", text, text[0] ? " " : "",
				    (int)(equals - item), item, apikey_hash(&rig->ctx, equals + 1));
	}
	return text;
}

static const char *key_list(struct rig *rig)
{
	const struct api_key *items = rig->config->api_keys.items;
	const char *text = "";

	for (size_t i = 0; i < rig->config->api_keys.count; i++)
		text = arena_printf(rig->ctx.arena, "%s%s%s=%s", text, i ? " " : "", items[i].name,
				    items[i].key);
	return text;
}

static void test_keys(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].environment)
			setenv("ApiKeys", keys[i].environment, 1);
		load(&rig, complete(&rig.ctx, NULL, keys[i].file));
		unsetenv("ApiKeys");
		if ((rig.err == E_OK) != (keys[i].keys != NULL))
			fail_msg("%s: %s", keys[i].sentence, printed(&rig));
		if (rig.err == E_OK)
			check_row_text(keys[i].sentence, key_list(&rig), kept(&rig, keys[i].keys));
		if (keys[i].says && !strstr(printed(&rig), keys[i].says))
			fail_msg("%s: \"%s\"", keys[i].sentence, printed(&rig));
		if (!keys[i].says)
			check_row_text(keys[i].sentence, printed(&rig), "");
		check_row(keys[i].sentence, !strstr(printed(&rig), "SECRET"));
	}
	tear_down(&rig);
}

/* Of a key's hostnames, on line 12 of the file. */
static const struct {
	const char *sentence, *hostnames;
	const char *reach; /* NULL: refused */
	const char *says;
} reaches[] = {
	{"a domain", "[example.com]", "example.com", NULL},
	{"one text", "example.com", "example.com", NULL},
	{"other spellings", "[EXAMPLE.com., 'B\u00fccher.example.com']",
	 "example.com xn--bcher-kva.example.com", NULL},
	{"an empty list", "[]", NULL, "leave it out for a key that reaches everything"},
	{"nothing", "", NULL, "leave it out for a key that reaches everything"},
	{"an empty text", "['']", NULL, "hostnames: "},
	{"a dot in front", "[.example.com]", NULL, "\".example.com\""},
	{"a wildcard", "['*.example.com']", NULL, "\"*.example.com\""},
	{"no hostname", "[example.com, 'not a host!']", NULL, "\"not a host!\""},
};

static void test_the_reach_of_keys(void **state)
{
	struct rig rig;

	(void)state;
	set_up(&rig);
	for (size_t i = 0; i < ARRAY_SIZE(reaches); i++) {
		const struct api_key *key;
		const char *text = "";

		load(&rig,
		     complete(&rig.ctx, NULL,
			      arena_printf(rig.ctx.arena,
					   "ApiKeys:\n- {name: a, key: " KEY_A ", hostnames: %s}\n",
					   reaches[i].hostnames)));
		if ((rig.err == E_OK) != (reaches[i].reach != NULL))
			fail_msg("%s: %s", reaches[i].sentence, printed(&rig));
		if (rig.err != E_OK) {
			check_row(reaches[i].sentence, strstr(printed(&rig), reaches[i].says) &&
							       strstr(printed(&rig), ":12:") &&
							       strstr(printed(&rig), "hostnames"));
			continue;
		}
		key = rig.config->api_keys.items;
		for (size_t k = 0; k < key->hostnames.count; k++)
			text = arena_printf(rig.ctx.arena, "%s%s%s", text, k ? " " : "",
					    key->hostnames.items[k]);
		check_row_text(reaches[i].sentence, text, reaches[i].reach);
	}
	tear_down(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_the_reach_of_keys),
	};

	return cmocka_run_group_tests_name("config keys", tests, NULL, NULL);
}
