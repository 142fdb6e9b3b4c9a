/*
 * The sweep itself: every effect goes wrong once, and what fails at one of them fails.
 */
#include "sim/scene.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/sweep.h"

#define SHOP "shop.example.com"

static int told[2]; /* a byte from each copy: its effect */

static unsigned issue(unsigned fails_at)
{
	unsigned char effect;
	struct scene scene;

	scene_open(&scene);
	sweep_start(scene.rig, TROUBLE_LOST_AFTER);
	rig_desire(scene.rig, SHOP);
	scene_run(&scene, (struct budget){80, 5 * MSEC_PER_MIN});
	effect = (unsigned char)sweep_effect();
	assert_int_equal(rig_trouble_happened(scene.rig), effect != 0);
	if (effect)
		assert_int_equal(write(told[1], &effect, 1), 1);
	assert_true(!effect || effect != fails_at);
	scene_close(&scene);
	return sweep_end();
}

static void test_each_effect(void **state)
{
	unsigned effects;

	(void)state;
	assert_int_equal(pipe(told), 0);
	effects = issue(0);
	assert_in_range(effects, 30, 250);
	for (unsigned i = 1; i <= effects; i++) {
		unsigned char effect = 0;

		assert_int_equal(read(told[0], &effect, 1), 1);
		assert_int_equal(effect, i);
	}
	close(told[0]);
	close(told[1]);
}

/* In a process of its own, as it ends with an abort. */
static void fail_at(unsigned effect)
{
	int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(nowhere, STDERR_FILENO);
	setenv("CMOCKA_TEST_ABORT", "1", 1);
	(void)issue(effect);
	_exit(0);
}

static void test_what_fails(void **state)
{
	pid_t runner;
	int status;

	(void)state;
	assert_int_equal(pipe(told), 0);
	runner = fork();
	assert_true(runner >= 0);
	if (runner == 0)
		fail_at(7);
	assert_int_equal(waitpid(runner, &status, 0), runner);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	close(told[0]);
	close(told[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"each effect goes wrong once, in a copy of the process", test_each_effect, NULL,
		 NULL, NULL},
		{"what fails in a copy fails", test_what_fails, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("sweep", tests, NULL, NULL);
}
