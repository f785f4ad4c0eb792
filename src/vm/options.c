/* SPDX-License-Identifier: MIT */
#include "vm/options.h"

#include <stdint.h>
#include <string.h>

enum { LONGEST = 64 };

/* One key and one value that it takes; a NULL value is a number. */
struct setting {
  const char *key, *value;
  size_t offset;
  bool set; /* what the field becomes; of a number: whether it is a size, and may end in K, M, G or T */
};

/* clang-format off */
#define FLAG(key, value, field, set) {key, value, offsetof(struct acre__options, field), set}
#define NUMBER(key, field) {key, NULL, offsetof(struct acre__options, field), false}
#define SIZE(key, field) {key, NULL, offsetof(struct acre__options, field), true}

static const struct setting settings[] = {
    FLAG("commit", "auto", commit_by_mprotect, false),
    FLAG("commit", "guard", commit_by_mprotect, false),
    FLAG("commit", "mprotect", commit_by_mprotect, true),
    FLAG("query", "auto", query_by_proc, false),
    FLAG("query", "ioctl", query_by_proc, false),
    FLAG("query", "proc", query_by_proc, true),
    FLAG("populate", "auto", populate_by_touch, false),
    FLAG("populate", "madvise", populate_by_touch, false),
    FLAG("populate", "touch", populate_by_touch, true),
    FLAG("fence", "auto", fence_by_lock, false),
    FLAG("fence", "membarrier", fence_by_lock, false),
    FLAG("fence", "lock", fence_by_lock, true),
    NUMBER("map_budget", map_budget),
    SIZE("commit_limit", commit_limit),
    SIZE("heap_limit", heap_limit),
    SIZE("heap_reserve", heap_reserve),
    NUMBER("purge", purge),
    NUMBER("page_heap", page_heap),
    SIZE("page_heap_least", page_heap_least),
    SIZE("page_heap_most", page_heap_most),
    FLAG("page_heap_side", "over", page_heap_under, false),
    FLAG("page_heap_side", "under", page_heap_under, true),
    FLAG("page_heap_fit", "aligned", page_heap_tight, false),
    FLAG("page_heap_fit", "tight", page_heap_tight, true),
    FLAG("check", "none", check_canaries, false),
    FLAG("check", "canaries", check_canaries, true),
    FLAG("leaks", "no", check_leaks, false),
    FLAG("leaks", "yes", check_leaks, true),
    FLAG("files", "auto", plain_files, false),
    FLAG("files", "plain", plain_files, true),
    FLAG("large", "auto", large_by_advice, false),
    FLAG("large", "transparent", large_by_advice, true),
    FLAG("collapse", "auto", no_collapse, false),
    FLAG("collapse", "madvise", no_collapse, false),
    FLAG("collapse", "none", no_collapse, true),
    FLAG("memory_file", "auto", memory_on_disk, false),
    FLAG("memory_file", "memfd", memory_on_disk, false),
    FLAG("memory_file", "disk", memory_on_disk, true),
    FLAG("batch", "auto", single_calls, false),
    FLAG("batch", "process_madvise", single_calls, false),
    FLAG("batch", "each", single_calls, true),
    FLAG("written", "auto", written_by_fault, false),
    FLAG("written", "kernel", written_by_fault, false),
    FLAG("written", "fault", written_by_fault, true),
    FLAG("dirty", "auto", dirty_by_mapping, false),
    FLAG("dirty", "cachestat", dirty_by_mapping, false),
    FLAG("dirty", "smaps", dirty_by_mapping, true),
    FLAG("copy", "auto", copy_by_memcpy, false),
    FLAG("copy", "instruction", copy_by_memcpy, false),
    FLAG("copy", "memcpy", copy_by_memcpy, true),
    FLAG("reserve", "auto", plain_reservations, false),
    FLAG("reserve", "placeholder", plain_reservations, false),
    FLAG("reserve", "plain", plain_reservations, true),
};
/* clang-format on */

/* The shift that a letter stands for; 0: none. */
static unsigned shift_of(char letter) {
  switch (letter) {
    case 'K': return 10;
    case 'M': return 20;
    case 'G': return 30;
    case 'T': return 40;
    default: return 0;
  }
}

static bool parse_number(const char *text, bool is_size, size_t *out) {
  size_t number = 0;
  if (*text < '0' || *text > '9') return false;
  for (; *text >= '0' && *text <= '9'; text++) {
    if (number > (SIZE_MAX - 9) / 10) return false;
    number = number * 10 + (size_t)(*text - '0');
  }
  unsigned shift = is_size ? shift_of(*text) : 0;
  if (shift != 0) text++;
  if (*text != '\0' || number > SIZE_MAX >> shift) return false;
  *out = number << shift;
  return true;
}

static bool apply(const char *key, const char *value, struct acre__options *out) {
  for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
    const struct setting *setting = &settings[i];
    char *field = (char *)out + setting->offset;
    if (strcmp(setting->key, key) != 0) continue;
    if (setting->value == NULL) return parse_number(value, setting->set, (size_t *)(void *)field);
    if (strcmp(setting->value, value) != 0) continue;
    *(bool *)field = setting->set;
    return true;
  }
  return false;
}

void acre__options_parse(const char *text, struct acre__options *out, void (*complain)(const char *piece)) {
  while (*text != '\0') {
    size_t length = strcspn(text, ",");
    char piece[LONGEST + 1];
    size_t kept = length < LONGEST ? length : LONGEST;
    memcpy(piece, text, kept);
    piece[kept] = '\0';
    char *equals = strchr(piece, '=');
    bool understood = false;
    if (equals != NULL && length <= LONGEST) {
      *equals = '\0';
      understood = apply(piece, equals + 1, out);
      *equals = '=';
    }
    if (!understood && length > 0) complain(piece);
    text += length;
    if (*text == ',') text++;
  }
}
