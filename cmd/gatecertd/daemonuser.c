#include "daemonuser.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"

#define NAME	      "gatecert"
#define STATE_DEFAULT "/var/lib/gatecert"

/* Only the owner of the state directory is asked for here; all else that is wrong is told later. */
static bool find_state(struct ctx *ctx, const char *config_path, struct stat *status)
{
	struct problems problems;
	struct config *config;
	bool is_there;

	problems_init(&problems);
	if (config_load(ctx, config_path, &config, &problems) != E_OK) {
		fault_clear(ctx);
		return stat(STATE_DEFAULT, status) == 0;
	}
	is_there = stat(config->state_directory, status) == 0;
	config_free(config);
	return is_there;
}

static bool become(const struct passwd *user, uid_t uid, gid_t gid)
{
	int groups = user ? initgroups(user->pw_name, gid) : setgroups(0, NULL);

	if (groups == 0 && setgid(gid) == 0 && setuid(uid) == 0)
		return true;
	fprintf(stderr, "gatecertd: cannot check as the daemon's user: %s\n", strerror(errno));
	return false;
}

bool daemonuser_become(struct ctx *ctx, const char *config_path)
{
	const struct passwd *user;
	struct stat status;

	if (geteuid() != 0)
		return true;
	if (find_state(ctx, config_path, &status)) {
		user = getpwuid(status.st_uid);
		return status.st_uid == 0 ||
		       become(user, status.st_uid, user ? user->pw_gid : status.st_gid);
	}
	user = getpwnam(NAME);
	return !user || become(user, user->pw_uid, user->pw_gid);
}
