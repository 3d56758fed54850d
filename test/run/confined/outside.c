/* SPDX-License-Identifier: MIT */
/* outside PROG ARGS: run it with an eventfd as descriptor 9, made before there is a box. */
#include <err.h>
#include <sys/eventfd.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 2 || dup2(eventfd(0, 0), 9) != 9)
		err(1, "an eventfd as descriptor 9");
	execvp(argv[1], argv + 1);
	err(127, "%s", argv[1]);
}
