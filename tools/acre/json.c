/* SPDX-License-Identifier: MIT */
/* A writer of JSON (see json.h). */
#define _POSIX_C_SOURCE 200809L
#include "json.h"

/* Bytes of the UTF-8 character at `s`, or 0 where there is none (RFC 3629: no overlong forms, no surrogates). */
static unsigned utf8_length(const unsigned char *s) {
  if (s[0] < 0x80) return 1;
  unsigned length = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4 : 0;
  for (unsigned i = 1; i < length; i++)
    if ((s[i] & 0xc0) != 0x80) return 0;
  if (s[0] == 0xe0 && s[1] < 0xa0) return 0;
  if (s[0] == 0xed && s[1] > 0x9f) return 0;
  if (s[0] == 0xf0 && s[1] < 0x90) return 0;
  if (s[0] == 0xf4 && s[1] > 0x8f) return 0;
  return length;
}

static void write_string(FILE *out, const char *text) {
  putc('"', out);
  for (const unsigned char *s = (const unsigned char *)text; *s != '\0';) {
    unsigned length = utf8_length(s);
    if (length == 0) {
      fputs("\\ufffd", out);
      s++;
    } else if (*s == '"' || *s == '\\') {
      fprintf(out, "\\%c", *s++);
    } else if (*s == '\n') {
      fputs("\\n", out);
      s++;
    } else if (*s == '\t') {
      fputs("\\t", out);
      s++;
    } else if (*s < 0x20 || *s == 0x7f) {
      fprintf(out, "\\u%04x", *s++);
    } else {
      fwrite(s, 1, length, out);
      s += length;
    }
  }
  putc('"', out);
}

static void new_line(struct json *json) {
  putc('\n', json->out);
  for (unsigned i = 0; i < json->depth; i++) fputs("  ", json->out);
}

static void begin_value(struct json *json, const char *key) {
  if (json->depth > 0) {
    if (!json->is_first) putc(',', json->out);
    new_line(json);
  }
  json->is_first = false;
  if (key != NULL) {
    write_string(json->out, key);
    fputs(": ", json->out);
  }
}

static void open_bracket(struct json *json, const char *key, char bracket) {
  begin_value(json, key);
  putc(bracket, json->out);
  json->depth++;
  json->is_first = true;
}

static void close_bracket(struct json *json, char bracket) {
  json->depth--;
  if (!json->is_first) new_line(json);
  putc(bracket, json->out);
  json->is_first = false;
}

void json_start(struct json *json, FILE *out) {
  *json = (struct json){.out = out, .depth = 0, .is_first = true};
}

void json_finish(struct json *json) {
  putc('\n', json->out);
}

void json_begin_object(struct json *json, const char *key) {
  open_bracket(json, key, '{');
}

void json_end_object(struct json *json) {
  close_bracket(json, '}');
}

void json_begin_array(struct json *json, const char *key) {
  open_bracket(json, key, '[');
}

void json_end_array(struct json *json) {
  close_bracket(json, ']');
}

void json_string(struct json *json, const char *key, const char *text) {
  begin_value(json, key);
  write_string(json->out, text);
}

void json_number(struct json *json, const char *key, uint64_t number) {
  begin_value(json, key);
  fprintf(json->out, "%llu", (unsigned long long)number);
}

void json_integer(struct json *json, const char *key, int64_t number) {
  begin_value(json, key);
  fprintf(json->out, "%lld", (long long)number);
}

void json_bool(struct json *json, const char *key, bool truth) {
  begin_value(json, key);
  fputs(truth ? "true" : "false", json->out);
}
