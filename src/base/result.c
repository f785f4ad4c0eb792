/* SPDX-License-Identifier: MIT */
/* The words for results: names for programs and logs, sentences for people. */
#include <acre/base.h>

#define RESULTS(X)                                                                                                 \
  X(ACRE_OK, "It is done")                                                                                         \
  X(ACRE_E_INVALID_ARGUMENT, "An argument is a null pointer or an unknown value; see the function's text in its "  \
                             "header for what it takes")                                                           \
  X(ACRE_E_INVALID_SIZE, "The size is zero or reaches past the end of the address space; pass the bytes you need") \
  X(ACRE_E_INVALID_ADDRESS, "The system lets no program have this address; take one between acre_system's "        \
                            "lowest_address and highest_address, or NULL for any")                                 \
  X(ACRE_E_INVALID_ALIGNMENT, "The alignment is no power of two, or the wished-for address is not aligned to it; " \
                              "change one of them")                                                                \
  X(ACRE_E_INVALID_PROTECTION, "The protection is unknown or more than this memory allows; use one of "            \
                               "acre_vm_protection that its section permits")                                      \
  X(ACRE_E_ADDRESS_IN_USE, "Something is in the wished-for range already; take another address, or NULL for any")  \
  X(ACRE_E_NOT_A_REGION, "The address is free, released already, or not of Acre's making; pass one that "          \
                         "acre_vm_reserve returned")                                                               \
  X(ACRE_E_NOT_REGION_BASE, "The address lies inside a region; pass the region's base, as acre_vm_reserve "        \
                            "returned it")                                                                         \
  X(ACRE_E_SPANS_REGIONS, "The range leaves the region in which it starts; call once for each region")             \
  X(ACRE_E_NOT_COMMITTED, "A page of the range is only reserved; commit it first")                                 \
  X(ACRE_E_NOT_LOCKED, "A page of the range is not locked; unlock only what acre_vm_lock has locked")              \
  X(ACRE_E_WRONG_KIND, "This operation is not for memory of this kind (a view, or locked pages); see the "         \
                       "function's text in its header")                                                            \
  X(ACRE_E_NO_ADDRESS_SPACE, "No free range of addresses is large enough; reserve less, or raise the limit on "    \
                             "address space (ulimit -v)")                                                          \
  X(ACRE_E_NO_MEMORY, "The system has no memory left for this; free some, or ask for less")                        \
  X(ACRE_E_COMMIT_LIMIT, "This would exceed the commit limit; decommit something, or raise the limit")             \
  X(ACRE_E_MAPPING_LIMIT, "The process has as many mappings as the kernel allows (vm.max_map_count); commit in "   \
                          "larger runs, or raise it with sysctl -w vm.max_map_count=N")                            \
  X(ACRE_E_LOCK_LIMIT, "This would lock more memory than RLIMIT_MEMLOCK allows; unlock something, or raise the "   \
                       "limit (ulimit -l)")                                                                        \
  X(ACRE_E_ACCESS_DENIED, "The system or the memory's protection forbids it; check permissions and protection")    \
  X(ACRE_E_NOT_SUPPORTED, "This system cannot do it; acre_system_info tells what it can")                          \
  X(ACRE_E_CONTENT_LOST, "The undo came too late: at least one page was dropped and reads zero; compute its "      \
                         "content anew")                                                                           \
  X(ACRE_E_FULL, "The array is at its maximum; create it with a larger one, which costs only address space")       \
  X(ACRE_E_NOT_FOUND, "There is no such file, or a directory of its path is missing; check the path")              \
  X(ACRE_E_EXISTS, "The file exists already; open it, or choose another name")                                     \
  X(ACRE_E_NOT_A_FILE, "This is a directory, device, pipe or socket; only regular files can be mapped")            \
  X(ACRE_E_EMPTY_FILE, "The file is empty, so there is nothing to map; give the section a size to grow it to")     \
  X(ACRE_E_READ_ONLY, "The file system takes no writes; open the file for reading, or use one elsewhere")          \
  X(ACRE_E_NO_SPACE, "The disk or the quota is full; make room and try again")                                     \
  X(ACRE_E_FILE_TOO_LARGE, "The file would be larger than the file system or ulimit -f allows; ask for less")      \
  X(ACRE_E_TOO_MANY_FILES, "No file descriptor is left; close some, or raise the limit (ulimit -n)")               \
  X(ACRE_E_OUT_OF_RANGE, "This reaches past the end of the file, section, view or array; stay inside it")          \
  X(ACRE_E_IO, "The device failed; what was to be written may not be on it, so keep another copy and check it")    \
  X(ACRE_E_BUSY, "Someone else is using it; try again when they have finished")                                    \
  X(ACRE_E_UNEXPECTED, "The system reported an error that Acre has no name for; trace the system calls "           \
                       "(strace) to see it")

#define NAME(result, text) \
  case result:             \
    return #result;
#define TEXT(result, text) \
  case result:             \
    return text;

/* Switches, not tables: a value that is missing here is a compiler's warning, and tables of pointers need relocation. */
const char *acre_result_name(acre_result result) {
  switch (result) { RESULTS(NAME) }
  return "ACRE_E_?";
}

const char *acre_result_text(acre_result result) {
  switch (result) { RESULTS(TEXT) }
  return "This number is no result of Acre's; look for a call whose result was overwritten";
}

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

const char *acre_version(void) {
  return STRING(ACRE_VERSION_MAJOR) "." STRING(ACRE_VERSION_MINOR) "." STRING(ACRE_VERSION_PATCH);
}
