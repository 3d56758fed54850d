/* SPDX-License-Identifier: MIT */
/*
 * workflow FILE DIR: check that FILE is a GitHub Actions workflow (well-formed YAML without repeated
 * keys; jobs with steps that use or run something) and write what step n runs to DIR/n.
 */
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

static yaml_document_t document;

static void fail(const yaml_node_t *node, const char *what)
{
	errx(1, "line %zu: %s", node ? node->start_mark.line + 1 : 0, what);
}

static void load(const char *path)
{
	FILE *file = fopen(path, "re");
	yaml_parser_t parser;

	if (!file || !yaml_parser_initialize(&parser))
		err(1, "%s", path);
	yaml_parser_set_input_file(&parser, file);
	if (!yaml_parser_load(&parser, &document))
		errx(1, "%s:%zu: %s", path, parser.problem_mark.line + 1, parser.problem);
	if (!yaml_document_get_root_node(&document))
		errx(1, "%s: is empty", path);
	yaml_parser_delete(&parser);
	fclose(file);
}

static const yaml_node_t *node(int index)
{
	return yaml_document_get_node(&document, index);
}

static const char *text(const yaml_node_t *n)
{
	if (n->type != YAML_SCALAR_NODE)
		fail(n, "a plain value is wanted");
	return (const char *)n->data.scalar.value;
}

/** NULL: there is no such key. */
static const yaml_node_t *get(const yaml_node_t *map, const char *key)
{
	const yaml_node_t *found = NULL;

	if (map->type != YAML_MAPPING_NODE)
		fail(map, "a mapping is wanted");
	for (yaml_node_pair_t *p = map->data.mapping.pairs.start; p < map->data.mapping.pairs.top;
		p++) {
		if (strcmp(text(node(p->key)), key))
			continue;
		if (found)
			fail(node(p->key), "a key is repeated");
		found = node(p->value);
	}
	return found;
}

static const yaml_node_t *need(const yaml_node_t *map, const char *key)
{
	const yaml_node_t *found = get(map, key);

	if (!found)
		fail(map, key);
	return found;
}

static void write_step(const char *dir, unsigned n, const char *commands)
{
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%u", dir, n);
	out = fopen(path, "we");
	if (!out || fprintf(out, "%s\n", commands) < 0 || fclose(out))
		err(1, "%s", path);
}

static unsigned check_steps(const yaml_node_t *steps, const char *dir, unsigned n)
{
	if (steps->type != YAML_SEQUENCE_NODE)
		fail(steps, "steps are a sequence");
	for (yaml_node_item_t *i = steps->data.sequence.items.start;
		i < steps->data.sequence.items.top; i++) {
		const yaml_node_t *run = get(node(*i), "run"), *uses = get(node(*i), "uses");

		if (!run == !uses)
			fail(node(*i), "a step either uses or runs something");
		if (run)
			write_step(dir, n++, text(run));
	}
	return n;
}

int main(int argc, char **argv)
{
	const yaml_node_t *root, *jobs;
	unsigned n = 0;

	if (argc != 3)
		errx(2, "usage: workflow FILE DIR");
	load(argv[1]);
	root = yaml_document_get_root_node(&document);
	need(root, "on");
	jobs = need(root, "jobs");
	for (yaml_node_pair_t *p = jobs->data.mapping.pairs.start; p < jobs->data.mapping.pairs.top;
		p++) {
		need(node(p->value), "runs-on");
		n = check_steps(need(node(p->value), "steps"), argv[2], n);
	}
	yaml_document_delete(&document);
	printf("%u\n", n);
	return n ? 0 : 1;
}
