/* SPDX-License-Identifier: MIT */
/*
 * sections.h - sections (file mapping objects) and views of them.
 *
 *   handle --> section [ acre_section | what views may do ] <-- view [ acre_view | address ]
 *
 * A view keeps its section, as an acre_view its acre_section. Which view an
 * address is of is looked up by the region's base (acre_vm_query), in a table.
 */
#ifndef ACRE_WIN32_SECTIONS_H
#define ACRE_WIN32_SECTIONS_H

#include "win32/handles.h"

struct acre__section {
  struct acre__object object;
  acre_section *section;
  acre_section *name; /* keeps the name of a section over a file; else NULL */
  DWORD protect;      /* PAGE_..., with which it was made */
  DWORD access;       /* SECTION_MAP_...: what the handle's opener may do */
  uint64_t from;      /* where in the acre_section its bytes begin */
  uint64_t size;
};

#endif
