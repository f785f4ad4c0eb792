/* SPDX-License-Identifier: MIT */
/* `acre info`: the system's figures and the mechanisms that Acre uses here, for people or as JSON. */
#include <acre/base.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "message.h"
#include "system/system.h"
#include "terminal.h"
#include "text.h"
#include "tool.h"

#define NAME_WIDTH 30

static void print_help(void) {
  fputs(_("Usage: acre info [OPTION]...\n"
          "Shows the system's figures, and how Acre works on this machine.\n"
          "\n"
          "Options:\n"
          "      --json        print JSON: sizes in bytes, addresses as numbers\n"
          "      --no-color    no colours (also: the variable NO_COLOR)\n"
          "      --lang LANG   speak LANG: en or ko (default: the locale's language)\n"
          "  -h, --help        show this help\n"
          "\n"
          "The variable ACRE_OPTIONS forces other mechanisms, and sets limits: for example\n"
          "commit=mprotect,commit_limit=2G. acre(1) has all of its keys.\n"),
        stdout);
}

static const char *commit_bound_name(acre_commit_bound bound) {
  switch (bound) {
    case ACRE_COMMIT_BOUND_USER: return "user";
    case ACRE_COMMIT_BOUND_MEMORY: return "memory";
    case ACRE_COMMIT_BOUND_GROUP: return "group";
    case ACRE_COMMIT_BOUND_NONE: break;
  }
  return "none";
}

static void print_json(const acre_system *system) {
  struct json json;
  json_start(&json, stdout);
  json_begin_object(&json, NULL);
  json_string(&json, "version", acre_version());
  json_string(&json, "kernel", system->kernel);
  json_begin_object(&json, "system");
  json_number(&json, "page_size", system->page_size);
  json_number(&json, "allocation_granularity", system->allocation_granularity);
  json_number(&json, "lowest_address", system->lowest_address);
  json_number(&json, "highest_address", system->highest_address);
  json_number(&json, "large_page_size", system->large_page_size);
  json_number(&json, "physical_memory", system->physical_memory);
  json_number(&json, "available_memory", system->available_memory);
  json_number(&json, "swap", system->swap);
  json_number(&json, "processors", system->processors);
  json_number(&json, "mapping_limit", system->mapping_limit);
  json_integer(&json, "overcommit_mode", system->overcommit_mode);
  json_bool(&json, "transparent_large_pages", system->transparent_large_pages);
  json_number(&json, "nodes", system->nodes);
  json_number(&json, "large_pages", system->large_pages);
  json_number(&json, "large_pages_free", system->large_pages_free);
  json_end_object(&json);
  json_begin_object(&json, "mechanisms");
  json_string(&json, "commit", system_commit_way(system->commit_way).word);
  json_string(&json, "query", system_query_way(system->query_way).word);
  json_string(&json, "populate", system_populate_way(system->populate_way).word);
  json_string(&json, "collapse", system_collapse_way(system->collapse).word);
  json_string(&json, "written", system_written_way(system->written_way).word);
  json_end_object(&json);
  json_begin_object(&json, "process");
  json_number(&json, "regions", system->regions);
  json_number(&json, "reserved_bytes", system->reserved_bytes);
  json_number(&json, "commit_charge", system->commit_charge);
  json_number(&json, "commit_peak", system->commit_peak);
  json_number(&json, "commit_limit", system->commit_limit);
  json_string(&json, "commit_bound", commit_bound_name(system->commit_bound));
  json_number(&json, "metadata_bytes", system->metadata_bytes);
  json_end_object(&json);
  json_end_object(&json);
  json_finish(&json);
}

static void print_heading(const char *heading) {
  printf("\n%s%s%s\n", terminal_paint(PAINT_TITLE), heading, terminal_paint(PAINT_NONE));
}

static void print_row(const char *name, const char *value) {
  fputs("  ", stdout);
  text_print_left(stdout, name, NAME_WIDTH);
  puts(value);
}

static void print_system(const acre_system *system) {
  char value[128];
  uint64_t space = (uint64_t)system->highest_address - system->lowest_address + 1;
  print_heading(_("System"));
  print_row(_("page size"), text_size(system->page_size).s);
  print_row(_("allocation granularity"), text_size(system->allocation_granularity).s);
  snprintf(value, sizeof value, "0x%" PRIxPTR " - 0x%" PRIxPTR " (%s)", system->lowest_address, system->highest_address,
           text_size(space).s);
  print_row(_("addresses"), value);
  print_row(_("number of pages"), text_count(space / system->page_size).s);
  print_row(_("large page size"), system->large_page_size > 0 ? text_size(system->large_page_size).s : _("none"));
  snprintf(value, sizeof value, _("%s, of which %s are available"), text_size(system->physical_memory).s,
           text_size(system->available_memory).s);
  print_row(_("RAM"), value);
  print_row(_("swap"), system->swap > 0 ? text_size(system->swap).s : _("none"));
  print_row(_("processors"), text_count(system->processors).s);
  print_row(_("NUMA nodes"), text_count(system->nodes).s);
}

static void print_kernel(const acre_system *system) {
  static const char *const overcommit[] = {N_("0: promises more than there is, within reason"),
                                           N_("1: promises everything"), N_("2: promises no more than there is")};
  print_heading(_("Kernel"));
  print_row(_("mappings a process may have"),
            system->mapping_limit < SIZE_MAX ? text_count(system->mapping_limit).s : _("no limit"));
  print_row(_("overcommit"), system->overcommit_mode >= 0 && system->overcommit_mode <= 2
                                 ? _(overcommit[system->overcommit_mode])
                                 : _("unknown"));
  print_row(_("transparent large pages"), system->transparent_large_pages ? _("on request") : _("no"));
  char value[128];
  snprintf(value, sizeof value, _("%s, of which %s are free"), text_count(system->large_pages).s,
           text_count(system->large_pages_free).s);
  print_row(_("large pages of its own"), system->large_pages + system->large_pages_free > 0 ? value : _("none"));
}

static const char *commit_bound_text(acre_commit_bound bound) {
  switch (bound) {
    case ACRE_COMMIT_BOUND_USER: return _("as ACRE_OPTIONS says");
    case ACRE_COMMIT_BOUND_MEMORY: return _("RAM, swap and paging file");
    case ACRE_COMMIT_BOUND_GROUP: return _("as the cgroup allows");
    case ACRE_COMMIT_BOUND_NONE: break;
  }
  return _("unknown");
}

static void print_commit(const acre_system *system) {
  char value[128];
  print_heading(_("Commit, of this process"));
  if (system->commit_bound == ACRE_COMMIT_BOUND_NONE)
    snprintf(value, sizeof value, "%s", _("none"));
  else
    snprintf(value, sizeof value, "%s (%s)", text_size(system->commit_limit).s,
             commit_bound_text(system->commit_bound));
  print_row(_("limit"), value);
  print_row(_("charge"), text_size(system->commit_charge).s);
  print_row(_("peak"), text_size(system->commit_peak).s);
}

static void print_mechanisms(const acre_system *system) {
  print_heading(_("Mechanisms in use"));
  print_row(_("commit of scattered pages"), _(system_commit_way(system->commit_way).text));
  print_row(_("questions on other memory"), _(system_query_way(system->query_way).text));
  print_row(_("populating"), _(system_populate_way(system->populate_way).text));
  print_row(_("collapse into large pages"), _(system_collapse_way(system->collapse).text));
  print_row(_("written pages"), _(system_written_way(system->written_way).text));
}

int info_main(int argc, char **argv) {
  static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                          {"no-color", no_argument, NULL, 'c'},
                                          {"lang", required_argument, NULL, 'L'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  bool as_json = false, no_color = false, help = false;
  for (int option; (option = getopt_long(argc, argv, ":h", options, NULL)) != -1;) {
    switch (option) {
      case 'j': as_json = true; break;
      case 'c': no_color = true; break;
      case 'L':
        if (!tool_set_language(optarg)) return TOOL_USAGE;
        break;
      case 'h': help = true; break;
      default: return tool_bad_option(option, argv);
    }
  }
  if (help) {
    print_help();
    return TOOL_OK;
  }
  if (optind < argc) {
    tool_complain(_("'%s' is not expected; see 'acre info --help'"), argv[optind]);
    return TOOL_USAGE;
  }
  acre_system system;
  acre_result result = acre_system_info(&system);
  if (result != ACRE_OK) {
    tool_complain(_("cannot learn the system's figures: %s"), _(acre_result_text(result)));
    return TOOL_FAILED;
  }
  terminal_begin(no_color);
  if (as_json) {
    print_json(&system);
    return TOOL_OK;
  }
  printf("%sacre %s%s, %s\n", terminal_paint(PAINT_TITLE), acre_version(), terminal_paint(PAINT_NONE), system.kernel);
  print_system(&system);
  print_kernel(&system);
  print_commit(&system);
  print_mechanisms(&system);
  return TOOL_OK;
}
