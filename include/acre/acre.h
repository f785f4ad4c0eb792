/* SPDX-License-Identifier: MIT */
/* acre/acre.h - all of Acre's C headers. */
#ifndef ACRE_ACRE_H
#define ACRE_ACRE_H

#include <acre/array.h>
#include <acre/base.h>
#include <acre/fault.h>
#include <acre/filemap.h>
#include <acre/flusher.h>
#include <acre/heap.h>
#include <acre/vm.h>

#endif
