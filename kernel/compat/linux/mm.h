/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The flags of a mapping are changed by functions since 6.3.
 */
#ifndef MODDB_COMPAT_LINUX_MM_H
#define MODDB_COMPAT_LINUX_MM_H

#include <linux/version.h>
#include_next <linux/mm.h>

#if KERNEL_VERSION(6, 3, 0) > LINUX_VERSION_CODE
static inline void vm_flags_set(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags |= flags;
}

static inline void vm_flags_clear(struct vm_area_struct *vma, vm_flags_t flags)
{
	vma->vm_flags &= ~flags;
}
#endif

#endif
