#include "store/leftovers.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define DIGITS 16
#define SUFFIX ".tmp"

/* As fs names them: ".<16 hex digits>.tmp". */
static bool is_leftover(const char *name)
{
	return name[0] == '.' && strspn(name + 1, "0123456789abcdef") == DIGITS &&
	       strcmp(name + 1 + DIGITS, SUFFIX) == 0;
}

void leftovers_remove(struct ctx *ctx, const char *directory)
{
	DIR *dir = opendir(directory);
	const struct dirent *entry;
	size_t count = 0;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (is_leftover(entry->d_name) && unlinkat(dirfd(dir), entry->d_name, 0) == 0)
			count++;
	closedir(dir);
	if (count > 0)
		log_info(ctx, "removed what interrupted writes left behind", "directory", directory,
			 NULL);
}
