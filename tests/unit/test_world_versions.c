/* The table of api-versions: what clients send exists, and is what the pinned clients are. */
#include "world_rig.h"

#include <stdio.h>

#include "world/versions.h"

static void what_the_clients_send_exists(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < versions_sent_count; i++)
		if (!versions_has(versions_sent[i].of, versions_sent[i].version))
			fail_msg("%s sends %s", versions_sent[i].by, versions_sent[i].version);
}

static void what_does_not_exist_is_not_there(void **state)
{
	static const char *const rows[] = {
		"2024-99-99", "7.99", "2025-05-0", "5-01", "", " ", "2025-05-01 2025-07-01"};
	enum versions_of of;
	size_t i;

	(void)state;
	for (of = 0; of < VERSIONS_COUNT; of++)
		for (i = 0; i < ARRAY_SIZE(rows); i++)
			if (versions_has(of, rows[i]))
				fail_msg("list %d has '%s'", (int)of, rows[i]);
}

/* "@azure/arm-network 33.5.0" stands in package.json as "@azure/arm-network": "33.5.0". */
static void the_clients_of_the_table_are_those_of_package_json(void **state)
{
	struct world_rig *rig = *state;
	char *text = arena_alloc(rig->ctx.arena, 65537);
	FILE *file = fopen("package.json", "re");
	size_t i;

	assert_non_null(file);
	text[fread(text, 1, 65536, file)] = '\0';
	fclose(file);
	for (i = 0; i < versions_sent_count; i++) {
		const char *by = versions_sent[i].by, *space = strchr(by, ' ');

		if (*by == '@' && !strstr(text, arena_printf(rig->ctx.arena, "\"%.*s\": \"%s\"",
							     (int)(space - by), by, space + 1)))
			fail_msg("%s is not in package.json", by);
	}
}

int main(void)
{
#define ROW(name) cmocka_unit_test_setup_teardown(name, world_rig_set_up, world_rig_tear_down)
	const struct CMUnitTest tests[] = {
		ROW(what_the_clients_send_exists),
		ROW(what_does_not_exist_is_not_there),
		ROW(the_clients_of_the_table_are_those_of_package_json),
	};

	return cmocka_run_group_tests_name("world_versions", tests, NULL, NULL);
}
