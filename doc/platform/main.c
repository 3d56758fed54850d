/* SPDX-License-Identifier: MIT */
/* One probe as a program: 0, 77 (a skip: not on this machine) or 1. PROBE is set by the build. */
#include <stdio.h>

#include "probe.h"

static int body(void)
{
	PROBE.run();
	return LACK_BROKEN;
}

int main(void)
{
	int status = wait_child(run_child(body));

	printf("%s: %s\n", PROBE.name, !status ? "ok" : status < LACK_OLD ? "failed" : "skip");
	if (status && PROBE.without)
		printf("without it: %s\n", PROBE.without);
	return !status ? 0 : status < LACK_OLD || status > LACK_TAKEN ? 1 : 77;
}
