/* SPDX-License-Identifier: MIT */
/* Reasons, errors, the host lock and its busy marks. */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/hostlock.h"
#include "base/why.h"

static void innermost_reason_wins(void **state)
{
	struct why why = { 0 };

	assert_int_equal(why_refused(&why, EOPNOTSUPP, "inner", "group %d", 5), -EOPNOTSUPP);
	assert_int_equal(why_misuse(&why, EINVAL, "outer", "late"), -EINVAL);
	assert_int_equal(why.class, WHY_REFUSED);
	assert_int_equal(why.err, EOPNOTSUPP);
	assert_string_equal(why.rule, "inner");
	assert_string_equal(why.missing, "group 5");
	why_about(&why, "5", NULL, "smmu0");
	why_about(&why, "6", "0000:01:00.0", "smmu1");
	assert_string_equal(why.group, "5");
	assert_string_equal(why.device, "0000:01:00.0");
	assert_string_equal(why.iommu, "smmu0");
	why_instead(&why, "use %s", "TYPE1v2");
	why_instead(&why, "something else");
	assert_string_equal(why.instead, "use TYPE1v2");
	why_clear(&why);
	assert_int_equal(why.class, WHY_NONE);
	assert_string_equal(why.instead, "");
}

static void reasons_are_optional_and_bounded(void **state)
{
	struct why why = { 0 };
	char text[1000];

	assert_int_equal(why_refused(NULL, EPERM, "rule", "x"), -EPERM);
	why_about(NULL, "1", "2", "3");
	why_instead(NULL, "x");
	why_clear(NULL);
	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = 0;
	why_refused(&why, EPERM, "rule", "%s", text);
	why_about(&why, text, text, text);
	why_instead(&why, "%s", text);
	assert_int_equal(strlen(why.missing), sizeof(why.missing) - 1);
	assert_int_equal(strlen(why.group), sizeof(why.group) - 1);
	assert_int_equal(strlen(why.instead), sizeof(why.instead) - 1);
}

static void names_of_errnos(void **state)
{
	assert_string_equal(errno_name(EOPNOTSUPP), "EOPNOTSUPP");
	assert_string_equal(errno_name(EINVAL), "EINVAL");
	assert_string_equal(errno_name(EAGAIN), "EAGAIN");
	assert_string_equal(errno_name(0), "0");
	assert_string_equal(errno_name(4095), "4095");
}

static void errors(void **state)
{
	struct error e = { 0 };

	assert_int_equal(error_sys(&e, ENOENT, "open %s", "x"), -ENOENT);
	assert_int_equal(error_set(&e, EIO, "later"), -EIO);
	assert_int_equal(e.err, ENOENT);
	assert_string_equal(e.message, "open x: No such file or directory");
	assert_int_equal(error_set(NULL, EIO, "nobody reads it"), -EIO);
	e = (struct error){ 0 };
	error_sys(&e, 4095, "x");
	assert_string_equal(e.message, "x: unknown error");
}

struct sharing {
	struct hostlock lock;
	struct busy busy;
	atomic_int inside;
	int rounds;
};

static void *take_turns(void *arg)
{
	struct sharing *s = arg;
	int i;

	for (i = 0; i < 200; i++) {
		hostlock_lock(&s->lock);
		busy_begin(&s->lock, &s->busy);
		assert_int_equal(atomic_fetch_add(&s->inside, 1), 0);
		hostlock_relax(&s->lock, i % 10);
		s->rounds++;
		atomic_fetch_sub(&s->inside, 1);
		busy_end(&s->lock, &s->busy);
		hostlock_unlock(&s->lock);
	}
	return NULL;
}

static void busy_excludes_while_the_lock_is_dropped(void **state)
{
	struct sharing s = { 0 };
	pthread_t other;

	hostlock_init(&s.lock);
	assert_false(hostlock_held());
	pthread_create(&other, NULL, take_turns, &s);
	take_turns(&s);
	pthread_join(other, NULL);
	assert_int_equal(s.rounds, 400);
	hostlock_lock(&s.lock);
	assert_true(hostlock_held());
	hostlock_unlock(&s.lock);
	assert_false(hostlock_held());
	hostlock_finish(&s.lock);
}

static bool alive_a_few_times(void *ctx)
{
	return --*(int *)ctx > 0;
}

static void who_died_waits_no_longer(void **state)
{
	struct hostlock lock;
	struct busy busy = { 0 };
	int left = 3;

	hostlock_init(&lock);
	hostlock_lock(&lock);
	busy_begin(&lock, &busy);
	assert_false(busy_begin_while(&lock, &busy, alive_a_few_times, &left));
	assert_int_equal(left, 0);
	assert_true(hostlock_held());
	busy_end(&lock, &busy);
	/* Free: nobody is asked. */
	assert_true(busy_begin_while(&lock, &busy, alive_a_few_times, &left));
	assert_int_equal(left, 0);
	busy_end(&lock, &busy);
	hostlock_unlock(&lock);
	hostlock_finish(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(innermost_reason_wins),
		cmocka_unit_test(reasons_are_optional_and_bounded),
		cmocka_unit_test(names_of_errnos),
		cmocka_unit_test(errors),
		cmocka_unit_test(busy_excludes_while_the_lock_is_dropped),
		cmocka_unit_test(who_died_waits_no_longer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
