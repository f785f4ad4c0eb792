/* SPDX-License-Identifier: MIT */
/*
 * Random sequences of calls, from a fixed seed: 10,000, each of 30 calls on regions, views and heaps, and each printed
 * as a number that all results, last errors, queries and contents went into. One sequence in full: test_random NUMBER.
 *
 * Left out is what deviations.txt knows of Wine: calls on memory that is free or beyond a region, and
 * the size of a reserved run where pages were decommitted; and protecting with no protection, which Wine looks at after the pages.
 */
#include "observe.h"

enum { SEQUENCES = 10000, CALLS = 30, REGIONS = 4, BLOCKS = 6, VIEWS = 3, PAGE = 4096 };

static unsigned long long state, sum;
static int verbose;

static unsigned roll(unsigned below) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (unsigned)((state >> 33) % below);
}

static void add(const char *what, unsigned long long value) {
  sum = (sum ^ value) * 1099511628211ULL;
  if (verbose) printf("  %s %llx\n", what, value);
}

static void add_result(const char *what, int good) {
  add(what, good ? 1 : GetLastError());
}

static const DWORD protections[] = {PAGE_NOACCESS,
                                    PAGE_READONLY,
                                    PAGE_READWRITE,
                                    PAGE_READWRITE,
                                    PAGE_READWRITE,
                                    PAGE_EXECUTE,
                                    PAGE_EXECUTE_READ,
                                    PAGE_EXECUTE_READWRITE,
                                    PAGE_READWRITE | PAGE_GUARD,
                                    PAGE_READONLY | PAGE_GUARD,
                                    PAGE_WRITECOPY,
                                    0};

static DWORD any_protection(void) {
  return protections[roll(sizeof protections / sizeof *protections)];
}

/* ------------------------------------------------------------- regions */

static struct {
  char *base;
  SIZE_T size;
} regions[REGIONS];

static void show(const char *address, const char *base) {
  MEMORY_BASIC_INFORMATION info;
  add("got", VirtualQuery(address, &info, sizeof info));
  add("base", (ULONG_PTR)info.BaseAddress - (ULONG_PTR)base);
  add("allocation", (ULONG_PTR)info.AllocationBase - (ULONG_PTR)base);
  add("first", info.AllocationProtect);
  add("state", info.State);
  add("protect", info.Protect);
  add("type", info.Type);
  if (info.State == MEM_COMMIT) add("size", info.RegionSize);
}

static void use_region(int i) {
  char *base = regions[i].base;
  SIZE_T size = regions[i].size, offset = 0, length = 1;
  if (base == NULL) {
    regions[i].size = size = 1 + roll(16 * PAGE);
    DWORD type = roll(3) ? MEM_RESERVE : MEM_RESERVE | MEM_COMMIT;
    regions[i].base = base = VirtualAlloc(NULL, size, type, any_protection());
    add_result("reserve", base != NULL);
    if (base != NULL) show(base, base);
    return;
  }
  offset = roll((unsigned)size);
  length = 1 + roll((unsigned)(size - offset));
  DWORD old = 0;
  switch (roll(8)) {
    case 0:
    case 1: {
      char *got = VirtualAlloc(base + offset, length, MEM_COMMIT, any_protection());
      add_result("commit", got != NULL);
      if (got != NULL) add("at", (ULONG_PTR)(got - base));
      break;
    }
    case 2:
      add_result("commit beyond", VirtualAlloc(base + offset, size + PAGE, MEM_COMMIT, PAGE_READWRITE) != NULL);
      break;
    case 3: add_result("decommit", VirtualFree(base + offset, length, MEM_DECOMMIT)); break;
    case 4: {
      DWORD protection = any_protection();
      BOOL good = VirtualProtect(base + offset, length, protection != 0 ? protection : PAGE_READONLY, &old);
      add_result("protect", good);
      if (good) add("old", old);
      break;
    }
    case 5: {
      MEMORY_BASIC_INFORMATION info;
      VirtualQuery(base + offset, &info, sizeof info);
      if (info.State == MEM_COMMIT && (info.Protect == PAGE_READWRITE || info.Protect == PAGE_EXECUTE_READWRITE))
        add("byte", (unsigned char)base[offset]++);
      break;
    }
    case 6:
      if (roll(3) == 0) {
        add_result("release", VirtualFree(base, 0, MEM_RELEASE));
        regions[i].base = NULL;
        return;
      }
      add_result("release inside", roll(2) ? VirtualFree(base, PAGE, MEM_RELEASE) : VirtualFree(base, 0, 0x1234));
      break;
    case 7:
      add_result("again", VirtualAlloc(base + offset / PAGE * PAGE, length, MEM_RESERVE, PAGE_READWRITE) != NULL);
      break;
  }
  show(base + offset, base);
}

/* ------------------------------------------------------------- views */

static struct {
  HANDLE section;
  SIZE_T size;
  char *view;
} views[VIEWS];

static void use_view(int i) {
  static const DWORD accesses[] = {FILE_MAP_READ, FILE_MAP_WRITE, FILE_MAP_COPY, FILE_MAP_WRITE};
  if (views[i].section == NULL) {
    views[i].size = 1 + roll(300000);
    DWORD protect = roll(3) ? PAGE_READWRITE : PAGE_READONLY;
    views[i].section = CreateFileMappingA(INVALID_HANDLE_VALUE, NULL, protect, 0, (DWORD)views[i].size, NULL);
    add_result("section", views[i].section != NULL);
  } else if (views[i].view == NULL) {
    DWORD offset = roll(4) ? roll(5) * 65536 : roll(200000);
    SIZE_T size = roll(2) ? 0 : roll(100000);
    views[i].view = MapViewOfFile(views[i].section, accesses[roll(4)], 0, offset, size);
    add_result("map", views[i].view != NULL);
    if (views[i].view != NULL) show(views[i].view, views[i].view);
  } else if (roll(2)) {
    MEMORY_BASIC_INFORMATION info;
    VirtualQuery(views[i].view, &info, sizeof info);
    if (info.Protect == PAGE_READWRITE) add("byte", (unsigned char)views[i].view[roll((unsigned)info.RegionSize)]++);
    show(views[i].view, views[i].view);
  } else {
    add_result("unmap", UnmapViewOfFile(views[i].view));
    views[i].view = NULL;
    if (roll(2)) {
      add_result("close", CloseHandle(views[i].section));
      views[i].section = NULL;
    }
  }
}

/* ------------------------------------------------------------- heaps */

static HANDLE heap;
static unsigned char *blocks[BLOCKS];

static void use_heap(int i) {
  static const unsigned most[] = {100, 100, 2000, 20000, 200000, 1200000};
  SIZE_T size = roll(most[roll(6)]);
  DWORD flags = roll(2) ? HEAP_ZERO_MEMORY : 0;
  if (blocks[i] == NULL) {
    blocks[i] = HeapAlloc(heap, flags, size);
    add_result("alloc", blocks[i] != NULL);
    if (blocks[i] != NULL && flags != 0 && size > 0) add("zero", blocks[i][size - 1]);
    if (blocks[i] != NULL) memset(blocks[i], i + 1, size);
  } else if (roll(2)) {
    SIZE_T before = HeapSize(heap, 0, blocks[i]);
    unsigned char *moved = HeapReAlloc(heap, flags, blocks[i], size);
    add_result("realloc", moved != NULL);
    if (moved != NULL) {
      blocks[i] = moved;
      if (before > 0 && size > 0) add("kept", moved[(before < size ? before : size) - 1]);
      if (flags != 0 && size > before) add("zero", moved[size - 1]);
      memset(moved, i + 1, size);
    }
  } else {
    add_result("free", HeapFree(heap, 0, blocks[i]));
    blocks[i] = NULL;
  }
  if (blocks[i] != NULL) add("size", HeapSize(heap, 0, blocks[i]));
  if (roll(8) == 0) add("valid", (unsigned long long)HeapValidate(heap, 0, NULL));
}

static void run(int number) {
  state = 20260101ULL * 1000003 + (unsigned)number;
  sum = 14695981039346656037ULL;
  for (int call = 0; call < CALLS; call++) {
    unsigned what = roll(10);
    if (what < 6)
      use_region((int)roll(REGIONS));
    else if (what < 8)
      use_heap((int)roll(BLOCKS));
    else
      use_view((int)roll(VIEWS));
  }
  for (int i = 0; i < REGIONS; i++) {
    if (regions[i].base != NULL) add_result("release", VirtualFree(regions[i].base, 0, MEM_RELEASE));
    regions[i].base = NULL;
  }
  for (int i = 0; i < VIEWS; i++) {
    if (views[i].view != NULL) add_result("unmap", UnmapViewOfFile(views[i].view));
    if (views[i].section != NULL) add_result("close", CloseHandle(views[i].section));
    views[i].view = NULL;
    views[i].section = NULL;
  }
  for (int i = 0; i < BLOCKS; i++) {
    if (blocks[i] != NULL) add_result("free", HeapFree(heap, 0, blocks[i]));
    blocks[i] = NULL;
  }
}

int main(int count, char **arguments) {
  heap = HeapCreate(0, 0, 0);
  if (count > 1) {
    verbose = 1;
    run(atoi(arguments[1]));
    return 0;
  }
  for (int number = 0; number < SEQUENCES; number++) {
    run(number);
    printf("sequence %d | %llx\n", number, sum);
  }
  return 0;
}
