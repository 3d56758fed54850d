/* SPDX-License-Identifier: MIT */
/* Reference counting of open files (src/file/file.h). */
#include "file/file.h"

#include "base/check.h"
#include "base/hostlock.h"

void file_init(struct file *file, const struct file_ops *ops)
{
	file->ops = ops;
	file->memfd = -1;
	__atomic_store_n(&file->refs, 1, __ATOMIC_RELAXED);
}

struct file *file_get(struct file *file)
{
	int before = __atomic_fetch_add(&file->refs, 1, __ATOMIC_RELAXED);

	nb_assert(before > 0);
	return file;
}

void file_put(struct file *file)
{
	int left;

	if (!file)
		return;
	nb_assert(!hostlock_held());
	/* ACQ_REL: whoever releases sees all that the other holders did to the file. */
	left = __atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL);
	nb_assert(left >= 0);
	if (left == 0)
		file->ops->release(file);
}
