/* SPDX-License-Identifier: MIT */
/* The words for results: names for programs and logs, sentences for people. */
#include <acre/base.h>

static const struct {
  const char *name;
  const char *text;
} results[] = {
    [ACRE_OK] = {"ACRE_OK", "It is done"},
    [ACRE_E_INVALID_ARGUMENT] =
        {"ACRE_E_INVALID_ARGUMENT",
         "An argument is a null pointer or an unknown value; see the function's text in its header for "
         "what it takes"},
    [ACRE_E_INVALID_SIZE] = {"ACRE_E_INVALID_SIZE",
                             "The size is zero or reaches past the end of the address space; pass the bytes you need"},
    [ACRE_E_INVALID_ADDRESS] =
        {"ACRE_E_INVALID_ADDRESS",
         "The system lets no program have this address; take one between acre_system's lowest_address and "
         "highest_address, or NULL for any"},
    [ACRE_E_INVALID_ALIGNMENT] =
        {"ACRE_E_INVALID_ALIGNMENT",
         "The alignment is no power of two, or the wished-for address is not aligned to it; change one of "
         "them"},
    [ACRE_E_INVALID_PROTECTION] =
        {"ACRE_E_INVALID_PROTECTION",
         "The protection is unknown or more than this memory allows; use one of acre_vm_protection that "
         "its section permits"},
    [ACRE_E_ADDRESS_IN_USE] = {"ACRE_E_ADDRESS_IN_USE",
                               "Something is in the wished-for range already; take another address, or NULL for any"},
    [ACRE_E_NOT_A_REGION] =
        {"ACRE_E_NOT_A_REGION",
         "The address is free, released already, or not of Acre's making; pass one that acre_vm_reserve "
         "returned"},
    [ACRE_E_NOT_REGION_BASE] =
        {"ACRE_E_NOT_REGION_BASE",
         "The address lies inside a region; pass the region's base, as acre_vm_reserve returned it"},
    [ACRE_E_SPANS_REGIONS] = {"ACRE_E_SPANS_REGIONS",
                              "The range leaves the region in which it starts; call once for each region"},
    [ACRE_E_NOT_COMMITTED] = {"ACRE_E_NOT_COMMITTED", "A page of the range is only reserved; commit it first"},
    [ACRE_E_NOT_LOCKED] = {"ACRE_E_NOT_LOCKED",
                           "A page of the range is not locked; unlock only what acre_vm_lock has locked"},
    [ACRE_E_WRONG_KIND] =
        {"ACRE_E_WRONG_KIND",
         "This operation is not for memory of this kind (a view, or locked pages); see the function's text "
         "in its header"},
    [ACRE_E_NO_ADDRESS_SPACE] =
        {"ACRE_E_NO_ADDRESS_SPACE",
         "No free range of addresses is large enough; reserve less, or raise the limit on address space "
         "(ulimit -v)"},
    [ACRE_E_NO_MEMORY] = {"ACRE_E_NO_MEMORY", "The system has no memory left for this; free some, or ask for less"},
    [ACRE_E_COMMIT_LIMIT] = {"ACRE_E_COMMIT_LIMIT",
                             "This would exceed the commit limit; decommit something, or raise the limit"},
    [ACRE_E_MAPPING_LIMIT] =
        {"ACRE_E_MAPPING_LIMIT",
         "The process has as many mappings as the kernel allows (vm.max_map_count); commit in larger runs, "
         "or raise it with sysctl -w vm.max_map_count=N"},
    [ACRE_E_LOCK_LIMIT] =
        {"ACRE_E_LOCK_LIMIT",
         "This would lock more memory than RLIMIT_MEMLOCK allows; unlock something, or raise the limit "
         "(ulimit -l)"},
    [ACRE_E_ACCESS_DENIED] = {"ACRE_E_ACCESS_DENIED",
                              "The system or the memory's protection forbids it; check permissions and protection"},
    [ACRE_E_NOT_SUPPORTED] = {"ACRE_E_NOT_SUPPORTED", "This system cannot do it; acre_system_info tells what it can"},
    [ACRE_E_CONTENT_LOST] =
        {"ACRE_E_CONTENT_LOST",
         "The undo came too late: at least one page was dropped and reads zero; compute its content anew"},
    [ACRE_E_FULL] = {"ACRE_E_FULL",
                     "The array is at its maximum; create it with a larger one, which costs only address space"},
    [ACRE_E_NOT_FOUND] = {"ACRE_E_NOT_FOUND",
                          "There is no such file, or a directory of its path is missing; check the path"},
    [ACRE_E_EXISTS] = {"ACRE_E_EXISTS", "The file exists already; open it, or choose another name"},
    [ACRE_E_NOT_A_FILE] = {"ACRE_E_NOT_A_FILE",
                           "This is a directory, device, pipe or socket; only regular files can be mapped"},
    [ACRE_E_EMPTY_FILE] = {"ACRE_E_EMPTY_FILE",
                           "The file is empty, so there is nothing to map; give the section a size to grow it to"},
    [ACRE_E_READ_ONLY] = {"ACRE_E_READ_ONLY",
                          "The file system takes no writes; open the file for reading, or use one elsewhere"},
    [ACRE_E_NO_SPACE] = {"ACRE_E_NO_SPACE", "The disk or the quota is full; make room and try again"},
    [ACRE_E_FILE_TOO_LARGE] = {"ACRE_E_FILE_TOO_LARGE",
                               "The file would be larger than the file system or ulimit -f allows; ask for less"},
    [ACRE_E_TOO_MANY_FILES] = {"ACRE_E_TOO_MANY_FILES",
                               "No file descriptor is left; close some, or raise the limit (ulimit -n)"},
    [ACRE_E_OUT_OF_RANGE] = {"ACRE_E_OUT_OF_RANGE",
                             "This reaches past the end of the file, section, view or array; stay inside it"},
    [ACRE_E_IO] = {"ACRE_E_IO",
                   "The device failed; what was to be written may not be on it, so keep another copy and check it"},
    [ACRE_E_BUSY] = {"ACRE_E_BUSY", "Someone else is using it; try again when they have finished"},
    [ACRE_E_UNEXPECTED] =
        {"ACRE_E_UNEXPECTED",
         "The system reported an error that Acre has no name for; trace the system calls (strace) to see "
         "it"},
    [ACRE_E_HEAP_LIMIT] = {"ACRE_E_HEAP_LIMIT",
                           "The heap has as many segments as its limit allows; free something, or create it with a "
                           "higher limit"},
    [ACRE_E_NOT_A_BLOCK] =
        {"ACRE_E_NOT_A_BLOCK",
         "This is no block in use of that heap: it was freed already, comes from elsewhere, or points into a block"},
    [ACRE_E_HEAP_CORRUPT] =
        {"ACRE_E_HEAP_CORRUPT",
         "The heap's own data were overwritten; make it a checked heap (ACRE_HEAP_CHECKED) to find out by whom"},
    [ACRE_E_MAPPED] =
        {"ACRE_E_MAPPED",
         "A section or view reaches to what would be cut off; unmap the views and close the sections first"},
    [ACRE_E_MORE] = {"ACRE_E_MORE", "It is done as far as there was room, and there is more; call again for the rest"},
};

static bool is_result(acre_result result) {
  return (unsigned)result < sizeof results / sizeof *results;
}

const char *acre_result_name(acre_result result) {
  return is_result(result) ? results[result].name : "ACRE_E_?";
}

const char *acre_result_text(acre_result result) {
  return is_result(result) ? results[result].text
                           : "This number is no result of Acre's; look for a call whose result was overwritten";
}

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)

const char *acre_version(void) {
  return STRING(ACRE_VERSION_MAJOR) "." STRING(ACRE_VERSION_MINOR) "." STRING(ACRE_VERSION_PATCH);
}
