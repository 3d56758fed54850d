/* SPDX-License-Identifier: MIT */
#include "doctor/doctor.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/bits.h"
#include "base/text.h"
#include "doctor/facts.h"
#include "doctor/remedy.h"
#include "doctor/run.h"

/* A probe takes some milliseconds; this is for a machine that is very busy. */
#define LIMIT_MS 10000

/* In an order in which the first that lacks is the cause of later ones. */
static const struct probe *const probes[] = {
	&probe_kernel,
	&probe_proc,
	&probe_open_files,
	&probe_userns_mounts,
	&probe_cover_sys,
	&probe_cover_dev,
	&probe_null_node,
	&probe_listener,
	&probe_wait_killable,
	&probe_notify_addfd,
	&probe_sync_wake_up,
	&probe_proc_mem,
	&probe_process_vm,
	&probe_procmap_query,
	&probe_pidfd_getfd,
	&probe_memfd,
	&probe_stand_in_fstat,
	&probe_inotify,
	&probe_last_close,
	&probe_membarrier,
	&probe_subreaper,
	&probe_runtime_dir,
};

struct examined {
	struct finding finding;
	char why[512], remedy[512];
};

/** What went wrong with a probe that has no verdict, in words; which lack that is most like. */
static enum lack explain_end(const struct run_result *result, struct text *why)
{
	switch (result->end) {
	case RUN_ENDED:
		text_add(why, "%s", *result->said ? result->said : "it says nothing");
		return result->lack;
	case RUN_KILLED:
		text_add(why, "killed by signal %d (%s)%s%s", result->signal,
			strsignal(result->signal), *result->said ? ": " : "", result->said);
		/* A seccomp filter's other way to deny. */
		return result->signal == SIGSYS ? LACK_DENIED : LACK_BROKEN;
	case RUN_HUNG:
		text_add(why, "no answer within %d seconds%s%s", LIMIT_MS / 1000,
			*result->said ? ": " : "", result->said);
		return LACK_BROKEN;
	case RUN_UNSTARTED:
		text_add(why, "%s", result->said);
		return LACK_EXHAUSTED;
	}
	return LACK_BROKEN;
}

static enum finding_verdict judge(const struct probe *probe, const struct run_result *result)
{
	if (result->end != RUN_ENDED)
		return FINDING_MISSING;
	if (result->lack == LACK_NONE)
		return FINDING_OK;
	return probe->without ? FINDING_LIMITED : FINDING_MISSING;
}

static void examine(const struct probe *probe, const struct facts *facts, struct examined *out)
{
	struct run_result result;
	struct text why;
	enum lack lack;

	probe_run(probe, LIMIT_MS, &result);
	out->finding = (struct finding){
		.name = probe->name,
		.purpose = probe->purpose,
		.verdict = judge(probe, &result),
	};
	if (out->finding.verdict == FINDING_OK)
		return;
	text_init(&why, out->why, sizeof(out->why));
	lack = explain_end(&result, &why);
	remedy_for(probe->name, lack, facts, out->remedy, sizeof(out->remedy));
	out->finding.why = out->why;
	out->finding.remedy = out->remedy;
	if (out->finding.verdict == FINDING_LIMITED)
		out->finding.without = probe->without;
}

unsigned doctor_examine(void (*found)(void *ctx, const struct finding *finding), void *ctx)
{
	struct examined examined;
	unsigned missing = 0;
	struct facts facts;

	facts_read(&facts);
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		examine(probes[i], &facts, &examined);
		missing += examined.finding.verdict == FINDING_MISSING;
		found(ctx, &examined.finding);
	}
	return missing;
}

bool doctor_first_missing(char *buf, size_t size)
{
	struct examined examined;
	struct facts facts;

	facts_read(&facts);
	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		examine(probes[i], &facts, &examined);
		if (examined.finding.verdict != FINDING_MISSING)
			continue;
		finding_line(buf, size, &examined.finding);
		return true;
	}
	return false;
}
