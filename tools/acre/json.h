/* SPDX-License-Identifier: MIT */
/*
 * A writer of JSON (RFC 8259), for output that programs read. It indents by two
 * spaces and puts the commas; the caller keeps begin and end paired, and gives
 * every member of an object a key and every element of an array NULL.
 */
#ifndef ACRE_TOOL_JSON_H
#define ACRE_TOOL_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json {
  FILE *out;
  unsigned depth;
  bool is_first; /* nothing stands in the innermost object or array yet */
};

void json_start(struct json *json, FILE *out);
void json_finish(struct json *json); /* ends the last line */

void json_begin_object(struct json *json, const char *key);
void json_end_object(struct json *json);
void json_begin_array(struct json *json, const char *key);
void json_end_array(struct json *json);

/* Text in UTF-8. Bytes that are not UTF-8 become U+FFFD, so that the output is JSON whatever comes in. */
void json_string(struct json *json, const char *key, const char *text);
void json_number(struct json *json, const char *key, uint64_t number);
void json_integer(struct json *json, const char *key, int64_t number);
void json_bool(struct json *json, const char *key, bool truth);

#endif
