/* SPDX-License-Identifier: MIT */
/*
 * Simulated hosts and device models, as a user sees them: load a description, show it.
 */
#ifndef NESTBOX_HOST_H
#define NESTBOX_HOST_H

#include <stddef.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct nb_host;

/**
 * A built-in host, or a file (its name has a '/' or ends in .yaml or .yml). NULL with a message
 * "file:line:column: key: what is wrong, must be what is allowed".
 */
struct nb_host *nb_host_load(const char *name_or_file, char *message, size_t len);
void nb_host_free(struct nb_host *host); /**< NULL accepted */

enum nb_view {
	NB_VIEW_TABLE, /**< for people */
	NB_VIEW_YAML,  /**< a host description with comments, a start for one's own */
	NB_VIEW_JSON,  /**< for programs */
};

void nb_host_print(const struct nb_host *host, enum nb_view view, FILE *out);

/** Names of the built-in hosts, ends with NULL; the first one is the default. */
const char *const *nb_host_names(void);

/** The device models with their options; NB_VIEW_YAML is shown as the table. */
void nb_models_print(enum nb_view view, FILE *out);

#ifdef __cplusplus
}
#endif
#endif
