/* SPDX-License-Identifier: MIT */
#include "run_check.h"

#include <stdio.h>
#include <string.h>

#include "message.h"
#include "text.h"
#include "tool.h"

enum { ITEM = 64 };

static int complain(const char *text) {
  tool_complain(_("--page-heap=%s: give N, SIZE-SIZE, under or tight, or several of them with commas"), text);
  return TOOL_USAGE;
}

static bool parse_every(const char *item, struct run_checks *out) {
  uint64_t every;
  if (text_parse_count(item, &every) != TEXT_PARSED || every == 0) return false;
  out->every = every;
  return true;
}

/* "16-4K" */
static bool parse_sizes(char *item, struct run_checks *out) {
  char *dash = strchr(item, '-');
  if (dash == NULL) return false;
  *dash = '\0';
  return text_parse_size(item, &out->least) == TEXT_PARSED && text_parse_size(dash + 1, &out->most) == TEXT_PARSED &&
         out->most >= out->least && out->most > 0;
}

int run_check_parse(const char *text, struct run_checks *out) {
  out->page_heap = true;
  for (const char *at = text; at != NULL;) {
    char item[ITEM];
    size_t length = strcspn(at, ",");
    if (length == 0 || length >= sizeof item) return complain(text);
    memcpy(item, at, length);
    item[length] = '\0';
    if (strcmp(item, "under") == 0)
      out->under = true;
    else if (strcmp(item, "tight") == 0)
      out->tight = true;
    else if (!parse_every(item, out) && !parse_sizes(item, out))
      return complain(text);
    at = at[length] == ',' ? at + length + 1 : NULL;
  }
  return TOOL_OK;
}

int run_check_together(const struct run_checks *checks) {
  if (checks->page_heap && checks->canaries) {
    tool_complain(_("--page-heap and --check: give one of them"));
    return TOOL_USAGE;
  }
  if (checks->leaks && checks->page_heap && (checks->every > 1 || checks->least > 0 || checks->most > 0)) {
    tool_complain(_("--leaks must know every block: give it with --check, or with --page-heap for all of them"));
    return TOOL_USAGE;
  }
  if (checks->under && checks->tight) {
    tool_complain(_("--page-heap: blocks begin at a page's start (under) or end at its end (tight), not both"));
    return TOOL_USAGE;
  }
  return TOOL_OK;
}

void run_check_options(const struct run_checks *checks, char *out, size_t room) {
  size_t length = 0;
  out[0] = '\0';
  if (checks->page_heap)
    length = (size_t)snprintf(out, room, "page_heap=%llu,page_heap_least=%llu,page_heap_most=%llu,%s%s",
                              (unsigned long long)(checks->every == 0 ? 1 : checks->every),
                              (unsigned long long)checks->least, (unsigned long long)checks->most,
                              checks->under ? "page_heap_side=under," : "",
                              checks->tight ? "page_heap_fit=tight," : "");
  snprintf(out + length, room - length, "%s%s", !checks->page_heap ? "check=canaries," : "",
           checks->leaks ? "leaks=yes," : "");
}
