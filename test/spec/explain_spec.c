/* SPDX-License-Identifier: MIT */
/*
 * Words of the architecture, decoded: for each field of each structure the value and what is said of
 * it, as a table; and every ILLEGAL rule with its reason. Then at random: what is called ILLEGAL is
 * what the model refuses.
 */
#include <stdio.h>

#include <nestbox/explain.h>

#include "../unit/smmuv3/rig.h"
#include "smmuv3/model.h"

enum kind {
	EVENT,
	STE,
	CD
};

struct row {
	const char *section, *what;
	enum kind kind;
	uint64_t words[4];
	const char *field; /* or NULL: the name of the whole */
	uint64_t value;
	const char *says;    /* part of the meaning, "" for any; "-": the field is not used */
	const char *illegal; /* part of the reason */
	enum {
		ALL,
		DEFAULT,
		FORCED
	} hw;
};

#define SID5	  (UINT64_C(5) << 32)
#define E(type)	  ((type) | SID5)
#define SSID3	  (UINT64_C(3) << 12 | 1 << 11)
#define W1(bits)  E(0x10), (bits)
#define STE_S1	  UINT64_C(0x4000000b)
#define STE_S2	  UINT64_C(0xd)
#define STE_BOTH  UINT64_C(0x4000000f)
#define CDV	  (16 | BIT64(30) | BIT64(31) | 5ull << 32 | BIT64(41) | BIT64(45) | BIT64(46))
#define CDV_T1	  ((CDV & ~BIT64(30)) | 16ull << 16 | 2ull << 22)
#define S2WORD(x) STE_S2, 0, (STE2_S2 & ~STE_2_S2R) | (x), 0x40000000

static const struct row rows[] = {
	/* Every event's name. */
	{ "IHI 7.3.2", "F_UUT", EVENT, { E(0x01) }, NULL, 0, "F_UUT" },
	{ "IHI 7.3.3", "C_BAD_STREAMID", EVENT, { E(0x02) }, NULL, 0, "C_BAD_STREAMID" },
	{ "IHI 7.3.4", "F_STE_FETCH", EVENT, { E(0x03) }, NULL, 0, "F_STE_FETCH" },
	{ "IHI 7.3.5", "C_BAD_STE", EVENT, { E(0x04) }, NULL, 0, "C_BAD_STE" },
	{ "IHI 7.3.6", "F_BAD_ATS_TREQ", EVENT, { E(0x05) }, NULL, 0, "F_BAD_ATS_TREQ" },
	{ "IHI 7.3.7", "F_STREAM_DISABLED", EVENT, { E(0x06) }, NULL, 0, "F_STREAM_DISABLED" },
	{ "IHI 7.3.8", "F_TRANSL_FORBIDDEN", EVENT, { E(0x07) }, NULL, 0, "F_TRANSL_FORBIDDEN" },
	{ "IHI 7.3.9", "C_BAD_SUBSTREAMID", EVENT, { E(0x08) }, NULL, 0, "C_BAD_SUBSTREAMID" },
	{ "IHI 7.3.10", "F_CD_FETCH", EVENT, { E(0x09) }, NULL, 0, "F_CD_FETCH" },
	{ "IHI 7.3.11", "C_BAD_CD", EVENT, { E(0x0a) }, NULL, 0, "C_BAD_CD" },
	{ "IHI 7.3.12", "F_WALK_EABT", EVENT, { E(0x0b) }, NULL, 0, "F_WALK_EABT" },
	{ "IHI 7.3.13", "F_TRANSLATION", EVENT, { E(0x10) }, NULL, 0, "F_TRANSLATION" },
	{ "IHI 7.3.14", "F_ADDR_SIZE", EVENT, { E(0x11) }, NULL, 0, "F_ADDR_SIZE" },
	{ "IHI 7.3.15", "F_ACCESS", EVENT, { E(0x12) }, NULL, 0, "F_ACCESS" },
	{ "IHI 7.3.16", "F_PERMISSION", EVENT, { E(0x13) }, NULL, 0, "F_PERMISSION" },
	{ "IHI 7.3.17", "F_TLB_CONFLICT", EVENT, { E(0x20) }, NULL, 0, "F_TLB_CONFLICT" },
	{ "IHI 7.3.18", "F_CFG_CONFLICT", EVENT, { E(0x21) }, NULL, 0, "F_CFG_CONFLICT" },
	{ "IHI 7.3.19", "E_PAGE_REQUEST", EVENT, { E(0x24) }, NULL, 0, "E_PAGE_REQUEST" },
	{ "IHI 7.3.20", "F_VMS_FETCH", EVENT, { E(0x25) }, NULL, 0, "F_VMS_FETCH" },
	{ "IHI 7.3.21", "IMPDEF_EVENTn", EVENT, { E(0xe3) }, NULL, 0, "IMPDEF_EVENT" },
	{ "IHI 7.3.21", "all others are reserved", EVENT, { E(0x30) }, NULL, 0, "reserved event" },
	/* Their fields. */
	{ "IHI 7.3", "Type", EVENT, { E(0x10) }, "Type", 0x10, "F_TRANSLATION" },
	{ "IHI 7.3", "StreamID", EVENT, { 0x10 | 0x108ull << 32 }, "StreamID", 0x108, "01:01.0" },
	{ "IHI 7.3", "SSV", EVENT, { E(0x10) | SSID3 }, "SSV", 1, "there is" },
	{ "IHI 7.3", "SubstreamID", EVENT, { E(0x10) | SSID3 }, "SubstreamID", 3, "PASID 3" },
	{ "IHI 7.3", "SubstreamID without SSV", EVENT, { E(0x10) | 3 << 12 }, "SubstreamID", 3,
		"not meaningful" },
	{ "IHI 7.3.9", "SubstreamID needs no SSV", EVENT, { E(0x08) | 3 << 12 }, "SubstreamID", 3,
		"PASID 3" },
	{ "IHI 7.3.2", "Reason", EVENT, { E(0x01), 0x1234 }, "Reason", 0x1234, "" },
	{ "IHI 7.3.2", "RnW", EVENT, { E(0x01), BIT64(35) }, "RnW", 1, "read" },
	{ "IHI 7.3.2", "InputAddr", EVENT, { E(0x01), 0, 0x123456789abcdef0 }, "InputAddr",
		0x123456789abcdef0, "" },
	{ "IHI 7.3.4", "FetchAddr", EVENT, { E(0x03), 0, 0, 0x40002140 }, "FetchAddr", 0x40002140,
		"" },
	{ "IHI 7.3.4", "Reason", EVENT, { E(0x03), 7 }, "Reason", 7, "" },
	{ "IHI 7.3.6", "InputAddr", EVENT, { E(0x05), 0, 0x7000 }, "InputAddr", 0x7000, "" },
	{ "IHI 7.3.6", "Span, R, W, X, PRIV", EVENT, { E(0x05), 0x81 }, "(word 1)", 0x81,
		"not taken" },
	{ "IHI 7.3.19", "InputAddr", EVENT, { E(0x24), 0, 0x8000 }, "InputAddr", 0x8000, "" },
	{ "IHI 7.3.19", "Span and permissions", EVENT, { E(0x24), 1 }, "(word 1)", 1, "not taken" },
	{ "IHI 7.3.8", "RnW", EVENT, { E(0x07) }, "RnW", 0, "write" },
	{ "IHI 7.3.8", "InputAddr", EVENT, { E(0x07), 0, 0x5000 }, "InputAddr", 0x5000, "" },
	{ "IHI 7.3.10", "FetchAddr", EVENT, { E(0x09), 0, 0, BIT64(51) }, "FetchAddr", BIT64(51),
		"" },
	{ "IHI 7.3.12", "FetchAddr", EVENT, { E(0x0b), 0, 0, 0x9008 }, "FetchAddr", 0x9008, "" },
	{ "IHI 7.3.12", "CLASS of stage 1", EVENT, { E(0x0b), 1ull << 40 }, "CLASS", 1, "a table" },
	{ "IHI 7.3.13", "RnW", EVENT, { W1(BIT64(35)) }, "RnW", 1, "read" },
	{ "IHI 7.3.13", "InD", EVENT, { W1(BIT64(34)) }, "InD", 1, "instruction" },
	{ "IHI 7.3.13", "PnU", EVENT, { W1(BIT64(33)) }, "PnU", 1, "privileged" },
	{ "IHI 7.3.13", "S2", EVENT, { W1(BIT64(39)) }, "S2", 1, "stage 2" },
	{ "IHI 7.3.13", "CLASS IN of stage 1", EVENT, { W1(2ull << 40) }, "CLASS", 2,
		"address itself" },
	{ "IHI 7.3.13", "CLASS CD", EVENT, { W1(BIT64(39)) }, "CLASS", 0, "address of a CD" },
	{ "IHI 7.3.13", "CLASS TT", EVENT, { W1(BIT64(39) | 1ull << 40) }, "CLASS", 1,
		"stage 1 table" },
	{ "IHI 7.3.13", "CLASS IN", EVENT, { W1(BIT64(39) | 2ull << 40) }, "CLASS", 2,
		"address itself" },
	{ "IHI 7.3.13", "CLASS 3 is reserved", EVENT, { W1(3ull << 40) }, "CLASS", 3, "reserved" },
	{ "IHI 7.3.13", "IPA", EVENT, { E(0x10), BIT64(39), 0, 0x7000 }, "IPA", 0x7000,
		"stage 2 was" },
	{ "IHI 7.3.13", "IPA without S2", EVENT, { E(0x10) }, "IPA", 0, "not meaningful" },
	{ "IHI 7.3.13", "Stall", EVENT, { W1(BIT64(31)) }, "Stall", 1, "CMD_RESUME" },
	{ "IHI 7.3.13", "STAG", EVENT, { W1(BIT64(31) | 0x55) }, "STAG", 0x55, "CMD_RESUME" },
	{ "IHI 7.3.13", "STAG without Stall", EVENT, { W1(0x55) }, "STAG", 0x55, "not meaningful" },
	{ "IHI 7.3.14", "Stall", EVENT, { E(0x11), BIT64(31) }, "Stall", 1, "waits" },
	{ "IHI 7.3.15", "Stall", EVENT, { E(0x12), BIT64(31) }, "Stall", 1, "waits" },
	{ "IHI 7.3.16", "RnW", EVENT, { E(0x13) }, "RnW", 0, "write" },
	{ "IHI 7.3.17", "Reason", EVENT, { E(0x20), 1 }, "Reason", 1, "" },
	{ "IHI 7.3.18", "Reason", EVENT, { E(0x21), 2 }, "Reason", 2, "" },
	{ "IHI 7.3.20", "FetchAddr", EVENT, { E(0x25), 0, 0, 0x8000 }, "FetchAddr", 0x8000, "" },

	/* Stream table entries. */
	{ "IHI 5.2", "V", STE, { 0 }, "V", 0, "invalid", "V = 0" },
	{ "IHI 5.2", "Config 0b000", STE, { 1 }, "Config", 0, "aborted" },
	{ "IHI 5.2", "Config 0b010", STE, { 5 }, "Config", 2, "reserved" },
	{ "IHI 5.2", "Config 0b100", STE, { 9 }, "Config", 4, "bypass" },
	{ "IHI 5.2", "Config 0b101", STE, { STE_S1 }, "Config", 5, "stage 1" },
	{ "IHI 5.2", "Config 0b110", STE, { S2WORD(0) }, "Config", 6, "stage 2" },
	{ "IHI 5.2", "Config 0b111", STE, { STE_BOTH, 0, STE2_S2, 0x40008000 }, "Config", 7,
		"stage 1, then stage 2" },
	{ "IHI 5.2", "S1Fmt is ignored without S1CDMax", STE, { STE_S1 | 1 << 4 }, "S1Fmt", 1,
		"-" },
	{ "IHI 5.2", "S1Fmt 4K", STE, { STE_S1 | 1 << 4 | 8ull << 59 }, "S1Fmt", 1, "64 CDs" },
	{ "IHI 5.2", "S1Fmt 64K", STE, { STE_S1 | 2 << 4 | 8ull << 59 }, "S1Fmt", 2, "1024 CDs" },
	{ "IHI 5.2", "S1ContextPtr", STE, { STE_S1 }, "S1ContextPtr", 0x40000000, "PA" },
	{ "IHI 5.2", "S1ContextPtr of both stages", STE, { STE_BOTH, 0, STE2_S2, 0x40008000 },
		"S1ContextPtr", 0x40000000, "IPA" },
	{ "IHI 5.2", "S1ContextPtr beyond the OAS", STE, { STE_S1 | BIT64(50) }, "S1ContextPtr",
		BIT64(50) | 0x40000000, "", "OAS", DEFAULT },
	{ "IHI 5.2", "S1CDMax", STE, { STE_S1 | 4ull << 59 }, "S1CDMax", 4, "16 substreams" },
	{ "IHI 5.2", "S1CDMax above SSIDSIZE", STE, { STE_S1 | 21ull << 59 }, "S1CDMax", 21, "",
		"SSIDSIZE" },
	{ "IHI 5.2", "S1CDMax is ignored without substreams", STE, { STE_S1 | 21ull << 59 },
		"S1CDMax", 21, "-", NULL, DEFAULT },
	{ "IHI 5.2", "S1DSS 0b01", STE, { STE_S1 | 4ull << 59, 1 }, "S1DSS", 1, "bypassed" },
	{ "IHI 5.2", "S1DSS 0b10", STE, { STE_S1 | 4ull << 59, 2 }, "S1DSS", 2, "CD 0" },
	{ "IHI 5.2", "CONT", STE, { 9, 3 << 13 }, "CONT", 3, "8 entries" },
	{ "IHI 5.2", "MEV", STE, { 9, BIT64(19) }, "MEV", 1, "merged" },
	{ "IHI 5.2", "S1STALLD", STE, { STE_S1, BIT64(27) }, "S1STALLD", 1, "may not stall" },
	{ "IHI 5.2", "S1STALLD without a choice", STE, { STE_S1, BIT64(27) }, "S1STALLD", 1, "",
		"STALL_MODEL", DEFAULT },
	{ "IHI 5.2", "EATS 0b01", STE, { STE_S1, 1 << 28 }, "EATS", 1, "full ATS" },
	{ "IHI 5.2", "EATS 0b01 with S2S", STE,
		{ STE_S2, 1 << 28, STE2_S2 | STE_2_S2S, 0x40000000 }, "EATS", 1, "", "S2S" },
	{ "IHI 5.2", "EATS 0b10 of one stage", STE, { STE_S1, 2 << 28 }, "EATS", 2, "",
		"both stages" },
	{ "IHI 5.2", "EATS without ATS", STE, { STE_S1, 2 << 28 }, "EATS", 2, "-", NULL, DEFAULT },
	{ "IHI 5.2", "PRIVCFG 0b10", STE, { 9, 2ull << 48 }, "PRIVCFG", 2, "unprivileged" },
	{ "IHI 5.2", "PRIVCFG 0b11", STE, { 9, 3ull << 48 }, "PRIVCFG", 3, "are privileged" },
	{ "IHI 5.2", "INSTCFG 0b10", STE, { 9, 2ull << 50 }, "INSTCFG", 2, "data" },
	{ "IHI 5.2", "INSTCFG 0b11", STE, { 9, 3ull << 50 }, "INSTCFG", 3, "instruction" },
	{ "IHI 5.2", "SHCFG 0b01", STE, { 9, 1ull << 44 }, "SHCFG", 1, "as the transaction" },
	{ "IHI 5.2", "S2VMID", STE, { S2WORD(0) }, "S2VMID", RIG_VMID, "" },
	{ "IHI 5.2", "S2T0SZ", STE, { S2WORD(0) }, "S2T0SZ", 25, "39 bits" },
	{ "IHI 5.2", "S2T0SZ too small", STE,
		{ STE_S2, 0, (STE2_S2 & ~STE_2_S2T0SZ) | 40ull << 32 }, "S2T0SZ", 40, "24 bits",
		"39" },
	{ "IHI 5.2", "S2T0SZ too large", STE, { STE_S2, 0, (STE2_S2 & ~STE_2_S2T0SZ) | 8ull << 32 },
		"S2T0SZ", 8, "56 bits", "OAS" },
	{ "IHI 5.2", "S2SL0", STE, { S2WORD(0) }, "S2SL0", 1, "level 1" },
	{ "IHI 5.2", "S2SL0 reserved", STE, { S2WORD(3ull << 38) }, "S2SL0", 3, "", "reserved" },
	{ "IHI 5.2", "S2SL0 with concatenation", STE,
		{ STE_S2, 0, (STE2_S2 & ~STE_2_S2T0SZ) | 22ull << 32 }, "S2SL0", 1,
		"8 concatenated" },
	{ "IHI 5.2", "S2SL0 too deep", STE,
		{ STE_S2, 0, (STE2_S2 & ~(STE_2_S2T0SZ | STE_2_S2SL0)) | 25ull << 32 }, "S2SL0", 0,
		"level 2", "16 concatenated" },
	{ "IHI 5.2", "S2TG 64 KiB", STE, { S2WORD(1ull << 46) }, "S2TG", 1, "64 KiB" },
	{ "IHI 5.2", "S2TG reserved", STE, { S2WORD(3ull << 46) }, "S2TG", 3, "", "reserved" },
	{ "IHI 5.2", "S2TG not implemented", STE, { S2WORD(1ull << 46) }, "S2TG", 1, "",
		"not implemented", DEFAULT },
	{ "IHI 5.2", "S2PS", STE, { S2WORD(0) }, "S2PS", 5, "48 bits" },
	{ "IHI 5.2", "S2AA64", STE, { STE_S2, 0, STE2_S2 & ~STE_2_S2AA64 }, "S2AA64", 0, "",
		"AArch32" },
	{ "IHI 5.2", "S2ENDI", STE, { S2WORD(BIT64(52)) }, "S2ENDI", 1, "", "big-endian" },
	{ "IHI 5.2", "S2AFFD", STE, { S2WORD(BIT64(53)) }, "S2AFFD", 1, "no fault" },
	{ "IHI 5.2", "S2PTW", STE, { S2WORD(BIT64(54)) }, "S2PTW", 1, "Device" },
	{ "IHI 5.2", "S2HD", STE, { S2WORD(BIT64(55) | BIT64(56)) }, "S2HD", 1, "updates dirty" },
	{ "IHI 5.2", "S2HD without S2HA", STE, { S2WORD(BIT64(55)) }, "S2HD", 1, "off" },
	{ "IHI 5.2", "S2HA not implemented", STE, { S2WORD(BIT64(56)) }, "S2HA", 1, "", "HTTU",
		DEFAULT },
	{ "IHI 5.2", "S2S", STE, { S2WORD(BIT64(57)) }, "S2S", 1, "stall" },
	{ "IHI 5.2", "S2S where nothing stalls", STE, { S2WORD(BIT64(57)) }, "S2S", 1, "", "0b01",
		DEFAULT },
	{ "IHI 5.2", "S2S where all stalls", STE, { S2WORD(0) }, "S2S", 0, "", "0b10", FORCED },
	{ "IHI 5.2", "S2R", STE, { S2WORD(BIT64(58)) }, "S2R", 1, "are recorded" },
	{ "IHI 5.2", "S2TTB", STE, { S2WORD(0) }, "S2TTB", 0x40000000, "first table" },
	{ "IHI 5.2", "S2TTB beyond S2PS", STE, { STE_S2, 0, STE2_S2 & ~STE_2_S2PS, BIT64(40) },
		"S2TTB", BIT64(40), "", "S2PS" },
	{ "IHI 5.2", "stage 2 is ignored under stage 1", STE, { STE_S1, 0, STE_2_S2ENDI }, "S2ENDI",
		1, "-" },

	/* Context descriptors. */
	{ "IHI 5.4", "V", CD, { 0 }, "V", 0, "invalid", "V = 0" },
	{ "IHI 5.4", "AA64", CD, { CDV & ~BIT64(41) }, "AA64", 0, "", "AArch32" },
	{ "IHI 5.4", "T0SZ", CD, { CDV, 0x1000 }, "T0SZ", 16, "48 bits, walks start at level 0" },
	{ "IHI 5.4", "T0SZ too small", CD, { (CDV & ~63ull) | 40 }, "T0SZ", 40, "", "39" },
	{ "IHI 5.4", "T0SZ too large", CD, { (CDV & ~63ull) | 12 }, "T0SZ", 12, "", "48" },
	{ "IHI 5.4", "TG0 16 KiB", CD, { CDV | 2 << 6 }, "TG0", 2, "16 KiB" },
	{ "IHI 5.4", "TG0 reserved", CD, { CDV | 3 << 6 }, "TG0", 3, "", "reserved" },
	{ "IHI 5.4", "TG0 not implemented", CD, { CDV | 1 << 6 }, "TG0", 1, "", "IDR5", DEFAULT },
	{ "IHI 5.4", "EPD0", CD, { CDV | BIT64(14) }, "EPD0", 1, "disabled" },
	{ "IHI 5.4", "EPD0 disables T0SZ", CD, { (CDV & ~63ull) | BIT64(14) }, "T0SZ", 0, "-" },
	{ "IHI 5.4", "ENDI", CD, { CDV | BIT64(15) }, "ENDI", 1, "", "big-endian" },
	{ "IHI 5.4", "T1SZ", CD, { CDV_T1 }, "T1SZ", 16, "48 bits" },
	{ "IHI 5.4", "TG1 4 KiB", CD, { CDV_T1 }, "TG1", 2, "4 KiB" },
	{ "IHI 5.4", "TG1 16 KiB", CD, { (CDV_T1 & ~(3ull << 22)) | 1 << 22 }, "TG1", 1, "16 KiB" },
	{ "IHI 5.4", "TG1 64 KiB", CD, { CDV_T1 | 3 << 22 }, "TG1", 3, "64 KiB" },
	{ "IHI 5.4", "TG1 reserved", CD, { CDV_T1 & ~(3ull << 22) }, "TG1", 0, "", "reserved" },
	{ "IHI 5.4", "IPS", CD, { CDV }, "IPS", 5, "48 bits" },
	{ "IHI 5.4", "AFFD", CD, { CDV | BIT64(35) }, "AFFD", 1, "no fault" },
	{ "IHI 5.4", "WXN", CD, { CDV | BIT64(36) }, "WXN", 1, "never executable" },
	{ "IHI 5.4", "TBI0", CD, { CDV | BIT64(38) }, "TBI0", 1, "ignored" },
	{ "IHI 5.4", "PAN", CD, { CDV | BIT64(40) }, "PAN", 1, "may not" },
	{ "IHI 5.4", "HD", CD, { CDV | BIT64(42) | BIT64(43) }, "HD", 1, "updates dirty" },
	{ "IHI 5.4", "HD not implemented", CD, { CDV | BIT64(42) }, "HD", 1, "", "HTTU", DEFAULT },
	{ "IHI 5.4", "HA not implemented", CD, { CDV | BIT64(43) }, "HA", 1, "", "HTTU", DEFAULT },
	{ "IHI 5.4", "S", CD, { CDV | BIT64(44) }, "S", 1, "stall" },
	{ "IHI 5.4", "S where nothing stalls", CD, { CDV | BIT64(44) }, "S", 1, "", "0b01",
		DEFAULT },
	{ "IHI 5.4", "S where all stalls", CD, { CDV }, "S", 0, "", "0b10", FORCED },
	{ "IHI 5.4", "R", CD, { CDV }, "R", 1, "are recorded" },
	{ "IHI 5.4", "A", CD, { CDV }, "A", 1, "aborted" },
	{ "IHI 5.4", "A under TERM_MODEL", CD, { CDV & ~BIT64(46) }, "A", 0, "", "TERM_MODEL",
		DEFAULT },
	{ "IHI 5.4", "A chooses RAZ/WI", CD, { CDV & ~BIT64(46) }, "A", 0, "reads as zero" },
	{ "IHI 5.4", "ASID", CD, { CDV | 0x1234ull << 48 }, "ASID", 0x1234, "" },
	{ "IHI 5.4", "ASET", CD, { CDV | BIT64(47) }, "ASET", 1, "alone" },
	{ "IHI 5.4", "HAD0", CD, { CDV, 2 }, "HAD0", 1, "ignored" },
	{ "IHI 5.4", "TTB0", CD, { CDV, 0x40004000 }, "TTB0", 0x40004000, "zeros" },
	{ "IHI 5.4", "TTB0 beyond IPS", CD, { CDV & ~(7ull << 32), BIT64(40) }, "TTB0", BIT64(40),
		"", "IPS" },
	{ "IHI 5.4", "TTB1", CD, { CDV_T1, 0, 0x40005000 }, "TTB1", 0x40005000, "ones" },
	{ "IHI 5.4", "MAIR", CD, { CDV, 0, 0, 0xff44 }, "MAIR", 0xff44, "" },
};

static const struct nb_smmuv3_config hws[] = {
	[DEFAULT] = { .oas_bits = 48, .sid_bits = 16, .granules = NB_SMMUV3_GRAN4K },
	[FORCED] = { .oas_bits = 48,
		.sid_bits = 16,
		.granules = NB_SMMUV3_GRAN4K,
		.stall_model = NB_SMMUV3_STALL_FORCED },
};

static void decode(const struct row *row, struct nb_explain_fields *out)
{
	const struct nb_smmuv3_config *hw = row->hw == ALL ? NULL : &hws[row->hw];
	uint64_t words[8] = { 0 };

	memcpy(words, row->words, sizeof(row->words));
	if (row->kind == EVENT)
		nb_explain_event(words, out);
	else if (row->kind == STE)
		nb_explain_ste(hw, words, out);
	else
		nb_explain_cd(hw, NULL, words, out);
}

static const struct nb_explain_field *find(const struct nb_explain_fields *in, const char *name)
{
	for (unsigned i = 0; i < in->n; i++)
		if (!strcmp(in->field[i].name, name))
			return &in->field[i];
	return NULL;
}

static bool field_holds(const struct row *row, const struct nb_explain_fields *in)
{
	const struct nb_explain_field *field = find(in, row->field);

	if (!field || field->value != row->value || in->illegal != (row->illegal != NULL))
		return false;
	if (!strcmp(row->says, "-"))
		return !field->used && !field->illegal;
	if (!field->used || !strstr(field->meaning, row->says))
		return false;
	return row->illegal ? field->illegal && strstr(field->illegal, row->illegal)
			    : !field->illegal;
}

static void test_rows(void **state)
{
	struct nb_explain_fields fields;
	unsigned failures = 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool holds;

		decode(&rows[i], &fields);
		holds = rows[i].field ? field_holds(&rows[i], &fields)
				      : !strcmp(fields.name, rows[i].says);
		if (holds)
			continue;
		failures++;
		print_error("%s: %s does not hold\n", rows[i].section, rows[i].what);
		for (unsigned j = 0; j < fields.n; j++)
			if (fields.field[j].illegal ||
				(rows[i].field && !strcmp(fields.field[j].name, rows[i].field)))
				print_error("  %s %#llx %s%s%s\n", fields.field[j].name,
					(unsigned long long)fields.field[j].value,
					fields.field[j].meaning,
					fields.field[j].illegal ? " ILLEGAL " : "",
					fields.field[j].illegal ?: "");
	}
	assert_int_equal(failures, 0);
}

/* ---- at random ---- */

static uint64_t seed = 1;

static uint64_t any(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* A legal structure with a few bits flipped: most of what is random is ILLEGAL for many reasons. */
static void flip(uint64_t words[8])
{
	for (unsigned n = any() % 6; n; n--)
		words[any() % 4] ^= BIT64(any() % 64);
}

static void agree(struct nb_smmuv3 *smmu)
{
	struct nb_explain_fields fields;
	struct smmu_cfg cfg;
	unsigned i;

	for (i = 0; i < 50000; i++) {
		uint64_t ste[8] = { 9 | (any() & 3) << 1 | 0x40000000, 0, STE2_S2, 0x40008000 };
		uint64_t cd[8] = { CD0 | any() % 3 << 6 | (any() & 1 ? BIT64(30) : 0), 0x40004000 };

		flip(ste);
		flip(cd);
		memset(&cfg, 0, sizeof(cfg));
		nb_explain_ste(&smmu->hw, ste, &fields);
		if (smmu_ste_decode(smmu, ste, &cfg) == fields.illegal)
			fail_msg("STE %#llx %#llx %#llx %#llx", (unsigned long long)ste[0],
				(unsigned long long)ste[1], (unsigned long long)ste[2],
				(unsigned long long)ste[3]);
		if (fields.illegal || !cfg.use_s1)
			continue;
		nb_explain_cd(&smmu->hw, ste, cd, &fields);
		if (smmu_cd_decode(smmu, cd, &cfg) == fields.illegal)
			fail_msg("CD %#llx %#llx %#llx", (unsigned long long)cd[0],
				(unsigned long long)cd[1], (unsigned long long)cd[2]);
	}
}

static void test_agrees(void **state)
{
	static const struct nb_smmuv3_config kinds[] = {
		{ 0 },
		{ .ssid_bits = 8,
			.granules = 7,
			.stall_model = NB_SMMUV3_STALL_ALLOWED,
			.ats = true },
		{ .oas_bits = 52,
			.granules = 7,
			.vax = true,
			.httu = NB_SMMUV3_HTTU_DIRTY,
			.raz_wi = true },
		{ .oas_bits = 40,
			.stall_model = NB_SMMUV3_STALL_FORCED,
			.httu = NB_SMMUV3_HTTU_ACCESS },
		{ .ssid_bits = 4, .linear_tables_only = true, .ats = true, .fwb = true },
		{ .no_stage1 = true },
		{ .no_stage2 = true, .granules = 6 },
	};
	struct rig rig;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		rig_create(&rig, kinds[i]);
		agree(rig.smmu);
		rig_finish(&rig);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_agrees),
	};

	if (argc > 1 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			printf("%s\tdecoded: %s\n", rows[i].section, rows[i].what);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
