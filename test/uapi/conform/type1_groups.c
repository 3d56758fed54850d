/* SPDX-License-Identifier: MIT */
/*
 * Several groups and IOMMUs in one container, and containers without an IOMMU. Linux 7.3
 * drivers/vfio/vfio_iommu_type1.c and container.c.
 */
#include "conform/conform.h"

#define ATTACH "vfio_iommu_type1.c vfio_iommu_type1_attach_group"
#define DETACH "vfio_iommu_type1.c vfio_iommu_type1_detach_group"
#define APER   "vfio_iommu_type1.c vfio_iommu_aper_conflict"
#define RESIZE "vfio_iommu_type1.c vfio_iommu_aper_resize"
#define EXPAND "vfio_iommu_type1.c vfio_iommu_aper_expand"
#define REPLAY "vfio_iommu_type1.c vfio_iommu_replay"
#define VALID  "vfio_iommu_type1.c vfio_iommu_iova_dma_valid"
#define IOMAP  "vfio_iommu_type1.c vfio_iommu_map"

#define NARROW	   .host = "apertures" /* group 1: 48 bits; group 10: 40; group 3: as group 1 */
#define TOP	   (1ull << 48)
#define NARROW_TOP (1ull << 40)
#define OPEN_10                                                                                    \
	{                                                                                          \
		OPEN(GROUP2, "10"), FD                                                             \
	}
#define JOIN_10                                                                                    \
	{                                                                                          \
		SET_CONTAINER(GROUP2, CONTAINER)                                                   \
	}
#define WITH_10 STEPS(OPEN_10, JOIN_10)
#define GET_INFO                                                                                   \
	IOCTL(CONTAINER, VFIO_IOMMU_GET_INFO, TAIL(96, struct vfio_iommu_type1_info, .argsz = 120))
/* The end of the second IOVA range. */
#define LAST_IOVA(top) WORD(28, 0xffffffff), WORD(29, ((top)-1) >> 32)

/* A no-IOMMU group, and a container. */
#define NOIOMMU .host = "noiommu"
#define NO_OPEN                                                                                    \
	{ OPEN(CONTAINER, "vfio"), FD },                                                           \
	{                                                                                          \
		OPEN(GROUP, "noiommu-0"), FD                                                       \
	}
#define NO_JOIN                                                                                    \
	{                                                                                          \
		SET_CONTAINER(GROUP, CONTAINER)                                                    \
	}
#define NO_SET                                                                                     \
	{                                                                                          \
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU)                                           \
	}
#define JOINED_	 STEPS(NO_OPEN, NO_JOIN)
#define SET_	 STEPS(NO_OPEN, NO_JOIN, NO_SET)
#define CHECK_	 "container.c vfio_container_ioctl_check_extension"
#define NO_CALL	 "container.c vfio_noiommu_ioctl"
#define SET_CALL "container.c vfio_ioctl_set_iommu"
#define JOIN_	 "container.c vfio_container_attach_group"

static const struct row rows[] = {
	/* ---- one mapping for all ---- */
	{ "groups: a second of the same IOMMU joins", ATTACH, MAPPED,
		SET_CONTAINER(GROUP2, CONTAINER), 0, .first = STEPS({ OPEN(GROUP2, "3"), FD }),
		.after = { .attachments = 2, .may = MAY_STATUS } },
	{ "groups: one of another IOMMU joins", REPLAY, MAPPED, SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS(OPEN_10), .host = "mixed",
		.after = { .domains = 1, .attachments = 1, .may = MAY_STATUS | MAY_EXTENSIONS } },
	{ "groups: a mapping for both is one", IOMAP, V2, MAP(0x10000, RW, 16 * PAGE, F_RW), 0,
		.first = WITH_10, .host = "mixed", .after = ONE_MORE },
	{ "groups: unmapped from both", "vfio_iommu_type1.c vfio_unmap_unpin", MAPPED,
		UNMAP(0x10000, 16 * PAGE, 0), 0, .see = { UNMAPPED(16 * PAGE) }, .first = WITH_10,
		.host = "mixed", .after = ONE_LESS },
	{ "groups: the second leaves, mappings stay", DETACH, MAPPED, UNSET_CONTAINER(GROUP2), 0,
		.first = WITH_10, .host = "mixed",
		.after = { .domains = -1, .attachments = -1, .may = MAY_STATUS | MAY_EXTENSIONS },
		.then = STEPS({ UNMAP(0x10000, 16 * PAGE, 0), 0, { UNMAPPED(16 * PAGE) } }) },
	{ "groups: the first leaves, mappings stay", DETACH, MAPPED, UNSET_CONTAINER(GROUP), 0,
		.first = WITH_10, .host = "mixed",
		.after = { .domains = -1, .attachments = -1, .may = MAY_STATUS | MAY_EXTENSIONS },
		.then = STEPS({ UNMAP(0x10000, 16 * PAGE, 0), 0, { UNMAPPED(16 * PAGE) } }) },
	{ "groups: the last leaves, and all goes", DETACH, MAPPED, UNSET_CONTAINER(GROUP), 0,
		.after = { .mappings = -1, .domains = -1, .attachments = -1, .may = MAY_ALL },
		.then = STEPS({ GET_INFO, -EINVAL }) },
	{ "groups: the last is closed, and all goes", "group.c vfio_group_fops_release", MAPPED,
		CLOSE(GROUP), 0,
		.after = { .mappings = -1, .domains = -1, .attachments = -1, .may = MAY_ALL },
		.then = STEPS({ GET_INFO, -EINVAL }) },
	{ "groups: the container is closed, they stay", "container.c vfio_container_put", MAPPED,
		CLOSE(CONTAINER), 0, .after = { .may = MAY_ALL },
		.then = STEPS({ MAPPINGS, 1 }, { UNSET_CONTAINER(GROUP) }, { MAPPINGS, 0 }) },
	{ "groups: a new IOMMU after the last left", "container.c vfio_group_detach_container",
		MAPPED, SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU), 0,
		.first = STEPS({ UNSET_CONTAINER(GROUP) }, { SET_CONTAINER(GROUP, CONTAINER) }),
		.after = { .domains = 1, .attachments = 1, .may = MAY_ALL & ~MAY_DIE } },
	{ "groups: two that do not nest alike", ATTACH, JOINED,
		SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU), 0, .first = WITH_10, .host = "mixed",
		.after = { .domains = 2, .attachments = 2, .may = MAY_ALL & ~MAY_DIE } },
	{ "groups: it joins twice", "group.c vfio_group_ioctl_set_container", TWO,
		SET_CONTAINER(GROUP2, CONTAINER), -EINVAL, "group-has-container" },

	/* ---- apertures ---- */
	{ "aperture: of the wide one", RESIZE, V2, GET_INFO, 0, .see = { LAST_IOVA(TOP) }, NARROW },
	{ "aperture: narrows as the narrow one joins", RESIZE, V2, GET_INFO, 0,
		.see = { WORD(20, 2), LAST_IOVA(NARROW_TOP) }, .first = WITH_10, NARROW },
	{ "aperture: page sizes of both", "vfio_iommu_type1.c vfio_update_pgsize_bitmap", V2,
		GET_INFO, 0, .see = { WORD(2, 0x40201000), WORD(3, 0) }, .first = WITH_10, NARROW },
	{ "aperture: of both from the start", RESIZE, JOINED, GET_INFO, 0,
		.see = { LAST_IOVA(NARROW_TOP) },
		.first = STEPS(OPEN_10, JOIN_10, { SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }),
		NARROW },
	{ "aperture: widens as the narrow one leaves", EXPAND, V2, GET_INFO, 0,
		.see = { WORD(20, 2), LAST_IOVA(TOP) },
		.first = STEPS(OPEN_10, JOIN_10, { UNSET_CONTAINER(GROUP2) }), NARROW },
	{ "aperture: stays as the wide one leaves", EXPAND, V2, GET_INFO, 0,
		.see = { LAST_IOVA(NARROW_TOP) },
		.first = STEPS(OPEN_10, JOIN_10, { UNSET_CONTAINER(GROUP) }), NARROW },
	{ "aperture: the last page of both", VALID, V2, MAP(NARROW_TOP - PAGE, RW, PAGE, F_RW), 0,
		.first = WITH_10, NARROW, .after = ONE_MORE },
	{ "aperture: beyond the narrow one", VALID, V2, MAP(NARROW_TOP, RW, PAGE, F_RW), -EINVAL,
		"iova-not-allowed", .first = WITH_10, NARROW },
	{ "aperture: reaches beyond the narrow one", VALID, V2,
		MAP(NARROW_TOP - PAGE, RW, 2 * PAGE, F_RW), -EINVAL, "iova-not-allowed",
		.first = WITH_10, NARROW },
	{ "aperture: beyond it once it has left", VALID, V2, MAP(NARROW_TOP, RW, PAGE, F_RW), 0,
		.first = STEPS(OPEN_10, JOIN_10, { UNSET_CONTAINER(GROUP2) }), NARROW,
		.after = ONE_MORE },
	{ "aperture: a mapping beyond it keeps it out", APER, V2, SET_CONTAINER(GROUP2, CONTAINER),
		-EINVAL, "mapping-out-of-range",
		.first = STEPS({ MAP(NARROW_TOP, RW, PAGE, F_RW) }, OPEN_10), NARROW,
		.then = STEPS({ UNMAP(NARROW_TOP, PAGE, 0), 0, { UNMAPPED(PAGE) } }, JOIN_10) },
	{ "aperture: a mapping that reaches beyond it too", APER, V2,
		SET_CONTAINER(GROUP2, CONTAINER), -EINVAL, "mapping-out-of-range",
		.first = STEPS({ MAP(NARROW_TOP - PAGE, RW, 2 * PAGE, F_RW) }, OPEN_10), NARROW },
	{ "aperture: a mapping up to its end does not", APER, V2, SET_CONTAINER(GROUP2, CONTAINER),
		0, .first = STEPS({ MAP(NARROW_TOP - PAGE, RW, PAGE, F_RW) }, OPEN_10), NARROW,
		.after = { .domains = 1, .attachments = 1, .may = MAY_STATUS | MAY_EXTENSIONS } },
	{ "aperture: who is kept out is free", APER, V2, SET_CONTAINER(GROUP2, CONTAINER2), 0,
		.first = STEPS({ MAP(NARROW_TOP, RW, PAGE, F_RW) }, OPEN_10,
			{ SET_CONTAINER(GROUP2, CONTAINER), -EINVAL },
			{ OPEN(CONTAINER2, "vfio"), FD }),
		NARROW, .after = { .may = MAY_STATUS },
		.then = STEPS({ SET_IOMMU(CONTAINER2, VFIO_TYPE1v2_IOMMU) }) },
	{ "aperture: who is kept out does not narrow", APER, V2, GET_INFO, 0,
		.see = { LAST_IOVA(TOP) },
		.first = STEPS({ MAP(NARROW_TOP, RW, PAGE, F_RW) }, OPEN_10,
			{ SET_CONTAINER(GROUP2, CONTAINER), -EINVAL }),
		NARROW },
	{ "aperture: v1 keeps out too", APER, V1, SET_CONTAINER(GROUP2, CONTAINER), -EINVAL,
		"mapping-out-of-range",
		.first = STEPS({ MAP(NARROW_TOP, RW, PAGE, F_RW) }, OPEN_10), NARROW },

	/* ---- without an IOMMU ---- */
	{ "no-IOMMU: allowed here, says an empty container", NO_CALL, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_NOIOMMU_IOMMU), 1,
		.first = STEPS({ OPEN(CONTAINER, "vfio"), FD }), NOIOMMU },
	{ "no-IOMMU: not allowed there", NO_CALL, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_NOIOMMU_IOMMU), 0,
		.first = STEPS({ OPEN(CONTAINER, "vfio"), FD }) },
	{ "no-IOMMU: not for a real group", CHECK_, JOINED,
		CHECK_EXTENSION(CONTAINER, VFIO_NOIOMMU_IOMMU), 0, NOIOMMU },
	{ "no-IOMMU: a real group cannot have it", SET_CALL, JOINED,
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), -ENODEV, "noiommu-type-mismatch",
		NOIOMMU },
	{ "no-IOMMU: joins", JOIN_, NOTHING, SET_CONTAINER(GROUP, CONTAINER), 0,
		.first = STEPS(NO_OPEN), NOIOMMU, .after = { .may = MAY_STATUS | MAY_EXTENSIONS } },
	{ "no-IOMMU: can have its type", CHECK_, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_NOIOMMU_IOMMU), 1, .first = JOINED_, NOIOMMU },
	{ "no-IOMMU: not TYPE1", CHECK_, NOTHING, CHECK_EXTENSION(CONTAINER, VFIO_TYPE1_IOMMU), 0,
		.first = JOINED_, NOIOMMU },
	{ "no-IOMMU: not TYPE1v2", CHECK_, NOTHING, CHECK_EXTENSION(CONTAINER, VFIO_TYPE1v2_IOMMU),
		0, .first = JOINED_, NOIOMMU },
	{ "no-IOMMU: not the nesting type", CHECK_, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_TYPE1_NESTING_IOMMU), 0, .first = JOINED_,
		NOIOMMU },
	{ "no-IOMMU: no extension of type 1", CHECK_, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_UNMAP_ALL), 0, .first = JOINED_, NOIOMMU },
	{ "no-IOMMU: SET_IOMMU(TYPE1)", SET_CALL, NOTHING, SET_IOMMU(CONTAINER, VFIO_TYPE1_IOMMU),
		-ENODEV, "noiommu-type-mismatch", .first = JOINED_, NOIOMMU },
	{ "no-IOMMU: SET_IOMMU(TYPE1v2)", SET_CALL, NOTHING,
		SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU), -ENODEV, "noiommu-type-mismatch",
		.first = JOINED_, NOIOMMU },
	{ "no-IOMMU: SET_IOMMU(an extension of type 1)", SET_CALL, NOTHING,
		SET_IOMMU(CONTAINER, VFIO_UNMAP_ALL), -ENODEV, "noiommu-type-mismatch",
		.first = JOINED_, NOIOMMU },
	{ "no-IOMMU: its type", "container.c vfio_noiommu_open", NOTHING,
		SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU), 0, .first = JOINED_, NOIOMMU,
		.after = { .may = MAY_ALL } },
	{ "no-IOMMU: its type twice", SET_CALL, NOTHING, SET_IOMMU(CONTAINER, VFIO_NOIOMMU_IOMMU),
		-EINVAL, "iommu-already-set", .first = SET_, NOIOMMU },
	{ "no-IOMMU set: it says yes to itself", NO_CALL, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_NOIOMMU_IOMMU), 1, .first = SET_, NOIOMMU },
	{ "no-IOMMU set: and to nothing else", NO_CALL, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_TYPE1v2_IOMMU), 0, .first = SET_, NOIOMMU },
	{ "no-IOMMU set: nothing of type 1", NO_CALL, NOTHING,
		CHECK_EXTENSION(CONTAINER, VFIO_UPDATE_VADDR), 0, .first = SET_, NOIOMMU },
	{ "no-IOMMU set: GET_INFO", NO_CALL, NOTHING, GET_INFO, -ENOTTY, .first = SET_, NOIOMMU },
	{ "no-IOMMU set: MAP", NO_CALL, NOTHING, MAP(0, RW, PAGE, F_RW), -ENOTTY, .first = SET_,
		NOIOMMU },
	{ "no-IOMMU set: UNMAP", NO_CALL, NOTHING, UNMAP(0, PAGE, 0), -ENOTTY, .first = SET_,
		NOIOMMU },
	{ "no-IOMMU set: DIRTY_PAGES", NO_CALL, NOTHING, DIRTY(1), -ENOTTY, .first = SET_,
		NOIOMMU },
	{ "no-IOMMU set: any other call", NO_CALL, NOTHING,
		IOCTL(CONTAINER, _IO(';', 100 + 40), VALUE(0)), -ENOTTY, .first = SET_, NOIOMMU },
	{ "no-IOMMU set: API version", "container.c vfio_fops_unl_ioctl", NOTHING,
		IOCTL(CONTAINER, VFIO_GET_API_VERSION, VALUE(0)), 0, .first = SET_, NOIOMMU },
	{ "no-IOMMU: no device before its type", "container.c vfio_group_use_container", NOTHING,
		OPEN_DEVICE(X0, GROUP, "0002:01:00.0"), -EINVAL, "iommu-not-set", .first = JOINED_,
		NOIOMMU },
	{ "no-IOMMU set: the device opens", "container.c vfio_group_use_container", NOTHING,
		OPEN_DEVICE(X0, GROUP, "0002:01:00.0"), FD, .first = SET_, NOIOMMU },
	{ "no-IOMMU: a real group does not join", JOIN_, NOTHING, SET_CONTAINER(GROUP2, CONTAINER),
		-EPERM, "noiommu-mix", .first = STEPS(NO_OPEN, NO_JOIN, { OPEN(GROUP2, "1"), FD }),
		NOIOMMU },
	{ "no-IOMMU set: a real group does not join", JOIN_, NOTHING,
		SET_CONTAINER(GROUP2, CONTAINER), -EPERM, "noiommu-mix",
		.first = STEPS(NO_OPEN, NO_JOIN, NO_SET, { OPEN(GROUP2, "1"), FD }), NOIOMMU },
	{ "no-IOMMU: does not join real groups", JOIN_, JOINED, SET_CONTAINER(GROUP2, CONTAINER),
		-EPERM, "noiommu-mix", .first = STEPS({ OPEN(GROUP2, "noiommu-0"), FD }), NOIOMMU },
	{ "no-IOMMU: does not join a TYPE1v2 container", JOIN_, MAPPED,
		SET_CONTAINER(GROUP2, CONTAINER), -EPERM, "noiommu-mix",
		.first = STEPS({ OPEN(GROUP2, "noiommu-0"), FD }), NOIOMMU },
	{ "no-IOMMU: once it has left, a real group joins", JOIN_, NOTHING,
		SET_CONTAINER(GROUP2, CONTAINER), 0,
		.first = STEPS(NO_OPEN, NO_JOIN, NO_SET, { UNSET_CONTAINER(GROUP) },
			{ OPEN(GROUP2, "1"), FD }),
		NOIOMMU, .after = { .may = MAY_STATUS | MAY_EXTENSIONS },
		.then = STEPS(
			{ SET_IOMMU(CONTAINER, VFIO_TYPE1v2_IOMMU) }, { MAP(0, RW, PAGE, F_RW) }) },
	{ "no-IOMMU: opens once", "group.c vfio_group_fops_open", NOTHING, OPEN(X0, "noiommu-0"),
		-EBUSY, "group-is-open", .first = STEPS(NO_OPEN), NOIOMMU },
};

AREA(type1_groups, rows);
