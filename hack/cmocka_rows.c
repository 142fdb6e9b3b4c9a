/*
 * cmocka_rows - preloaded into a binary of cmocka's: prints its tests instead of running them.
 */
#include <stddef.h>
#include <stdio.h>

struct CMUnitTest {
	const char *name;
	void *members[4];
};

int _cmocka_run_group_tests(const char *group, const struct CMUnitTest *tests, size_t count,
			    void *setup, void *teardown)
{
	size_t i;

	(void)setup, (void)teardown;
	for (i = 0; i < count; i++)
		if (tests[i].name)
			printf("%s > %s\n", group, tests[i].name);
	return 0;
}
