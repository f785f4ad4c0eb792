/* SPDX-License-Identifier: MIT */
/* Options of `acre sort` (see sort_options.h). */
#include "sort_options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "message.h"
#include "text.h"
#include "tool.h"

enum { LONGEST_RECORD = 1 << 30, LEAST_MEMORY = 4 << 20 };

/* What was given besides what sort_options holds. */
struct given {
  bool record, lines, stable;
  const char *endian;
};

static int bad_key(const char *key) {
  tool_complain(_("'%s' is no key; give OFFSET:TYPE, TYPE being i8 to i64, u8 to u64, f32, f64, or bN for N bytes"),
                key);
  return TOOL_USAGE;
}

/* OFFSET:TYPE */
static int read_key(const char *text, struct sort_order *order) {
  char offset[24];
  const char *colon = strchr(text, ':');
  if (order->keys == SORT_KEYS) {
    tool_complain(_("more than %d keys; give fewer"), SORT_KEYS);
    return TOOL_USAGE;
  }
  struct sort_key *key = &order->key[order->keys];
  size_t length = colon == NULL ? sizeof offset : (size_t)(colon - text);
  if (length >= sizeof offset) return bad_key(text);
  memcpy(offset, text, length);
  offset[length] = '\0';
  uint64_t place;
  if (text_parse_count(offset, &place) != TEXT_PARSED || place > LONGEST_RECORD) return bad_key(text);
  key->offset = (size_t)place;
  if (!sort_type_read(colon + 1, &key->type, &key->length)) return bad_key(text);
  order->keys++;
  return TOOL_OK;
}

/* KEY[,KEY...] */
static int read_keys(const char *text, struct sort_order *order) {
  int status = TOOL_OK;
  while (status == TOOL_OK) {
    char key[64];
    size_t length = strcspn(text, ",");
    if (length >= sizeof key) return bad_key(text);
    memcpy(key, text, length);
    key[length] = '\0';
    status = read_key(key, order);
    if (text[length] == '\0') break;
    text += length + 1;
  }
  return status;
}

static int read_type(const char *text, struct sort_options *out) {
  size_t length;
  out->type = text;
  if (sort_type_read(text, &out->order.key[0].type, &length) && out->order.key[0].type != SORT_BYTES) {
    out->order.key[0].length = length;
    return TOOL_OK;
  }
  tool_complain(_("'%s' is no type of number; give i8, i16, i32, i64, u8, u16, u32, u64, f32 or f64"), text);
  return TOOL_USAGE;
}

static int read_size(const char *option, const char *text, uint64_t most, uint64_t *out) {
  if (text_parse_size(text, out) == TEXT_PARSED && *out > 0 && *out <= most) return TOOL_OK;
  tool_complain(_("'%s' of --%s is no size; give a number from 1 on, of bytes or of K, M or G"), text, option);
  return TOOL_USAGE;
}

static int complain(const char *text) {
  tool_complain("%s", text);
  return TOOL_USAGE;
}

/* What contradicts itself, or says nothing. */
static int check(struct sort_options *out, const struct given *given) {
  struct sort_order *order = &out->order;
  int forms = (out->type != NULL) + given->record + given->lines;
  if (out->file == NULL) return complain(_("no file is named; see 'acre sort --help'"));
  if (forms != 1) return complain(_("give one of --type, --record and --lines: what the file holds"));
  if (!given->record && order->keys > 0) return complain(_("--key goes with --record"));
  if (!given->record && given->stable) return complain(_("--stable goes with --record"));
  if (given->record && order->keys == 0) return complain(_("--record wants a --key, or several"));
  if (!given->lines && (order->numeric || order->unique)) return complain(_("--numeric and --unique go with --lines"));
  if (given->lines && given->endian != NULL) return complain(_("--endian goes with --type and --record"));
  if (out->check && (out->in_place || out->output != NULL))
    return complain(_("--check changes nothing; leave --in-place and --output out"));
  if (out->in_place && out->output != NULL) return complain(_("give --in-place or --output, not both"));
  if (given->endian != NULL && strcmp(given->endian, "little") != 0 && strcmp(given->endian, "big") != 0) {
    tool_complain(_("'%s' is no byte order; give little or big"), given->endian);
    return TOOL_USAGE;
  }
  order->big_endian = given->endian != NULL && strcmp(given->endian, "big") == 0;
  if (out->type != NULL) {
    order->form = SORT_NUMBERS;
    order->record = order->key[0].length;
    order->keys = 1;
  }
  if (given->lines) {
    order->form = SORT_LINES;
    order->record = 1;
  }
  for (unsigned i = 0; i < order->keys; i++) {
    const struct sort_key *key = &order->key[i];
    order->key_length += key->length;
    if (key->length <= order->record && key->offset <= order->record - key->length) continue;
    tool_complain(_("the key at %zu is %zu bytes long and reaches out of a record of %zu bytes; give one inside it"),
                  key->offset, key->length, order->record);
    return TOOL_USAGE;
  }
  return TOOL_OK;
}

int sort_options_read(int argc, char **argv, struct sort_options *out) {
  static const struct option options[] = {{"type", required_argument, NULL, 't'},
                                          {"endian", required_argument, NULL, 'e'},
                                          {"reverse", no_argument, NULL, 'r'},
                                          {"record", required_argument, NULL, 'n'},
                                          {"key", required_argument, NULL, 'k'},
                                          {"stable", no_argument, NULL, 's'},
                                          {"lines", no_argument, NULL, 'l'},
                                          {"numeric", no_argument, NULL, 'N'},
                                          {"unique", no_argument, NULL, 'u'},
                                          {"check", no_argument, NULL, 'c'},
                                          {"output", required_argument, NULL, 'o'},
                                          {"memory", required_argument, NULL, 'm'},
                                          {"in-place", no_argument, NULL, 'i'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"lang", required_argument, NULL, 'L'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  struct given given = {.record = false};
  uint64_t record = 0;
  int status = TOOL_OK;
  *out = (struct sort_options){.file = NULL};
  for (int option; status == TOOL_OK && (option = getopt_long(argc, argv, ":hru", options, NULL)) != -1;) {
    switch (option) {
      case 't': status = read_type(optarg, out); break;
      case 'e': given.endian = optarg; break;
      case 'r': out->order.reverse = true; break;
      case 'n':
        given.record = true;
        status = read_size("record", optarg, LONGEST_RECORD, &record);
        break;
      case 'k': status = read_keys(optarg, &out->order); break;
      case 's': given.stable = true; break;
      case 'l': given.lines = true; break;
      case 'N': out->order.numeric = true; break;
      case 'u': out->order.unique = true; break;
      case 'c': out->check = true; break;
      case 'o': out->output = optarg; break;
      case 'm':
        status = read_size("memory", optarg, UINT64_MAX, &out->memory);
        if (status == TOOL_OK && out->memory < LEAST_MEMORY) {
          tool_complain(_("--memory %s is too little; give 4M or more"), optarg);
          status = TOOL_USAGE;
        }
        break;
      case 'i': out->in_place = true; break;
      case 'q': out->quiet = true; break;
      case 'L': status = tool_set_language(optarg) ? TOOL_OK : TOOL_USAGE; break;
      case 'h': out->help = true; break;
      default: return tool_bad_option(option, argv);
    }
  }
  if (status != TOOL_OK || out->help) return status;
  if (given.record && out->type == NULL) out->order.form = SORT_RECORDS;
  if (given.record) out->order.record = (size_t)record;
  if (optind < argc) out->file = argv[optind++];
  if (optind < argc) {
    tool_complain(_("'%s' is not expected; see 'acre sort --help'"), argv[optind]);
    return TOOL_USAGE;
  }
  return check(out, &given);
}
