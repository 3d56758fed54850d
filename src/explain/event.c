/* SPDX-License-Identifier: MIT */
/*
 * Event records (IHI 0070 7.3): a row for each type says which fields it has.
 *
 * FIDELITY: Span and permissions of F_BAD_ATS_TREQ and E_PAGE_REQUEST are shown as the word they are in;
 * the model does not write them either (evtq.c). NSIPA, of Secure streams, is left out.
 */
#include <string.h>

#include "explain/fields.h"
#include "smmuv3/regs.h"

/* Which fields an event has: bits of `uses`. */
enum {
	HAS_SSV = 1 << 0,
	HAS_SSID = 1 << 1,
	HAS_REASON = 1 << 2,
	HAS_ACCESS = 1 << 3, /* PnU, InD */
	HAS_RNW = 1 << 4,
	HAS_STAGE = 1 << 5, /* S2, CLASS */
	HAS_STALL = 1 << 6,
	HAS_INPUT = 1 << 7,
	HAS_IPA = 1 << 8,
	HAS_FETCH = 1 << 9,
	HAS_ASKED = 1 << 10,
};

#define TRANSACTION (HAS_SSV | HAS_SSID | HAS_ACCESS | HAS_RNW | HAS_STAGE | HAS_INPUT)

static const struct {
	uint8_t type;
	const char *name, *what;
	unsigned has;
} events[] = {
	{ EVT_F_UUT, "F_UUT", "The transaction is of a kind that the SMMU does not support.",
		HAS_SSV | HAS_SSID | HAS_REASON | HAS_ACCESS | HAS_RNW | HAS_INPUT },
	{ EVT_C_BAD_STREAMID, "C_BAD_STREAMID", "The stream table has no entry for this StreamID.",
		HAS_SSV | HAS_SSID },
	{ EVT_F_STE_FETCH, "F_STE_FETCH", "Reading the stream table entry was aborted.",
		HAS_SSV | HAS_SSID | HAS_REASON | HAS_FETCH },
	{ EVT_C_BAD_STE, "C_BAD_STE", "The stream table entry is invalid, or ILLEGAL.",
		HAS_SSV | HAS_SSID },
	{ EVT_F_BAD_ATS_TREQ, "F_BAD_ATS_TREQ",
		"An ATS translation request, which this stream may not make.",
		HAS_SSV | HAS_SSID | HAS_ASKED | HAS_INPUT },
	{ EVT_F_STREAM_DISABLED, "F_STREAM_DISABLED",
		"STE.S1DSS does not permit it with (or without) its SubstreamID.", 0 },
	{ EVT_F_TRANSL_FORBIDDEN, "F_TRANSL_FORBIDDEN",
		"It says that it is translated already, which this stream may not.",
		HAS_SSV | HAS_SSID | HAS_RNW | HAS_INPUT },
	{ EVT_C_BAD_SUBSTREAMID, "C_BAD_SUBSTREAMID",
		"The SubstreamID is out of range, or the stream has no substreams.", HAS_SSID },
	{ EVT_F_CD_FETCH, "F_CD_FETCH", "Reading the context descriptor was aborted.",
		HAS_SSV | HAS_SSID | HAS_REASON | HAS_FETCH },
	{ EVT_C_BAD_CD, "C_BAD_CD", "The context descriptor is invalid, or ILLEGAL.",
		HAS_SSV | HAS_SSID },
	{ EVT_F_WALK_EABT, "F_WALK_EABT", "Reading (or updating) a translation table was aborted.",
		TRANSACTION | HAS_REASON | HAS_FETCH },
	{ EVT_F_TRANSLATION, "F_TRANSLATION", "Nothing is mapped at the address.",
		TRANSACTION | HAS_STALL | HAS_IPA },
	{ EVT_F_ADDR_SIZE, "F_ADDR_SIZE", "An output address is larger than the stage may put out.",
		TRANSACTION | HAS_STALL | HAS_IPA },
	{ EVT_F_ACCESS, "F_ACCESS", "The access flag of the mapping is 0.",
		TRANSACTION | HAS_STALL | HAS_IPA },
	{ EVT_F_PERMISSION, "F_PERMISSION", "The mapping does not permit this access.",
		TRANSACTION | HAS_STALL | HAS_IPA },
	{ EVT_F_TLB_CONFLICT, "F_TLB_CONFLICT", "Two TLB entries match the address.",
		HAS_SSV | HAS_SSID | HAS_REASON | HAS_ACCESS | HAS_RNW | HAS_STAGE | HAS_INPUT |
			HAS_IPA },
	{ EVT_F_CFG_CONFLICT, "F_CFG_CONFLICT", "Two cached configurations match the stream.",
		HAS_SSV | HAS_SSID | HAS_REASON },
	{ EVT_E_PAGE_REQUEST, "E_PAGE_REQUEST",
		"A hint that the pages will soon be accessed; no fault.",
		HAS_SSV | HAS_SSID | HAS_ASKED | HAS_INPUT },
	{ EVT_F_VMS_FETCH, "F_VMS_FETCH", "Reading the virtual machine structure was aborted.",
		HAS_SSV | HAS_SSID | HAS_REASON | HAS_FETCH },
};

static const char *say_type(const struct fields_of *of, uint64_t value, struct text *text)
{
	for (size_t i = 0; i < ARRAY_LEN(events); i++)
		if (events[i].type == value)
			text_add(text, "%s", events[i].name);
	if (!text->len)
		text_add(text,
			value >= 0xe0 && value <= 0xef ? "implementation defined" : "reserved");
	return NULL;
}

static const char *say_stream(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, "as a PCI requester: %02x:%02x.%x", (unsigned)(value >> 8 & 0xff),
		(unsigned)(value >> 3 & 0x1f), (unsigned)(value & 7));
	return NULL;
}

static const char *say_ssid(const struct fields_of *of, uint64_t value, struct text *text)
{
	if ((of->uses & HAS_SSV) && !(of->words[0] & EVT_0_SSV))
		text_add(text, "not meaningful: SSV is 0");
	else
		text_add(text, "PASID %u", (unsigned)value);
	return NULL;
}

static const char *say_stag(const struct fields_of *of, uint64_t value, struct text *text)
{
	if (of->words[1] & EVT_1_STALL)
		text_add(text, "for CMD_RESUME");
	else
		text_add(text, "not meaningful: Stall is 0");
	return NULL;
}

static const char *say_class(const struct fields_of *of, uint64_t value, struct text *text)
{
	static const char *const of_s2[] = { "while stage 2 translated the address of a CD",
		"while stage 2 translated the address of a stage 1 table",
		"while stage 2 translated the address itself" };
	bool s2 = of->words[1] & EVT_1_S2;

	if (value == 3)
		text_add(text, "reserved");
	else if (s2)
		text_add(text, "%s", of_s2[value]);
	else
		text_add(text, value == EVT_CLASS_IN   ? "of the address itself"
			       : value == EVT_CLASS_TT ? "of the read of a table"
						       : "of a CD");
	return NULL;
}

static const char *say_ipa(const struct fields_of *of, uint64_t value, struct text *text)
{
	if (!(of->words[1] & EVT_1_S2))
		text_add(text, "not meaningful: S2 is 0");
	else
		text_add(text, "what stage 2 was to translate (its low 12 bits are not recorded)");
	return NULL;
}

static const char *say_asked(const struct fields_of *of, uint64_t value, struct text *text)
{
	text_add(text, "Span and the permissions asked for, not taken apart");
	return NULL;
}

static const char *const ssvs[] = { "no SubstreamID", "there is a SubstreamID" };
static const char *const stalls[] = { "the transaction was terminated",
	"the transaction waits for CMD_RESUME" };
static const char *const pnus[] = { "unprivileged", "privileged" };
static const char *const inds[] = { "data", "an instruction fetch" };
static const char *const rnws[] = { "write", "read" };
static const char *const stages[] = { "stage 1", "stage 2" };

/* In the order in which they are told. Those that an event does not have are left out. */
static const struct {
	unsigned of;
	struct field_desc desc;
} all_fields[] = {
	{ 0, { "Type", 0, 7, 0, .say = say_type } },
	{ 0, { "StreamID", 0, 63, 32, .say = say_stream } },
	{ HAS_SSV, { "SSV", 0, 11, 11, NAMES(ssvs) } },
	{ HAS_SSID, { "SubstreamID", 0, 31, 12, .say = say_ssid } },
	{ HAS_INPUT, { "InputAddr", 2, 63, 0, .address = true } },
	{ HAS_RNW, { "RnW", 1, 35, 35, NAMES(rnws) } },
	{ HAS_ACCESS, { "InD", 1, 34, 34, NAMES(inds) } },
	{ HAS_ACCESS, { "PnU", 1, 33, 33, NAMES(pnus) } },
	{ HAS_STAGE, { "S2", 1, 39, 39, NAMES(stages) } },
	{ HAS_STAGE, { "CLASS", 1, 41, 40, .say = say_class } },
	{ HAS_IPA, { "IPA", 3, 51, 12, .address = true, .say = say_ipa } },
	{ HAS_STALL, { "Stall", 1, 31, 31, NAMES(stalls) } },
	{ HAS_STALL, { "STAG", 1, 15, 0, .say = say_stag } },
	{ HAS_REASON, { "Reason", 1, 15, 0 } },
	{ HAS_FETCH, { "FetchAddr", 3, 51, 3, .address = true } },
	{ HAS_ASKED, { "(word 1)", 1, 63, 0, .say = say_asked } },
};

bool nb_explain_event(const uint64_t record[4], struct nb_explain_fields *out)
{
	struct fields_of of = { .hw = &fields_all_features, .words = record };
	uint8_t type = field_get(EVT_0_TYPE, record[0]);

	memset(out, 0, sizeof(*out));
	out->name = type >= 0xe0 && type <= 0xef ? "IMPDEF_EVENT" : "reserved event";
	out->what = "The architecture has no event of this type.";
	for (size_t i = 0; i < ARRAY_LEN(events); i++) {
		if (events[i].type != type)
			continue;
		out->name = events[i].name;
		out->what = events[i].what;
		of.uses = events[i].has;
	}
	for (size_t i = 0; i < ARRAY_LEN(all_fields); i++)
		if (!all_fields[i].of || (of.uses & all_fields[i].of))
			fields_decode(&all_fields[i].desc, 1, &of, out);
	return *out->name != 'r' && *out->name != 'I';
}
