/* SPDX-License-Identifier: MIT */
/*
 * messages.c - FormatMessage: texts of errors, and inserts (%1, %2!u! ...).
 *
 * The texts are Acre's own, in English whatever language is asked for. Each ends with a full stop and CR LF, as Windows's do.
 */
#include <stdio.h>
#include <stdlib.h>

#include "win32/text.h"

/* ------------------------------------------------------------- texts of errors */

static const struct {
  DWORD error;
  const char *text;
} texts[] = {
    {ERROR_SUCCESS, "The operation was successful"},
    {ERROR_INVALID_FUNCTION, "There is no such function"},
    {ERROR_FILE_NOT_FOUND, "There is no such file or name"},
    {ERROR_PATH_NOT_FOUND, "There is no such path"},
    {ERROR_TOO_MANY_OPEN_FILES, "Too many files are open"},
    {ERROR_ACCESS_DENIED, "Access is denied"},
    {ERROR_INVALID_HANDLE, "The handle is invalid"},
    {ERROR_NOT_ENOUGH_MEMORY, "There is not enough memory"},
    {ERROR_INVALID_DATA, "The data are invalid"},
    {ERROR_OUTOFMEMORY, "There is not enough memory"},
    {ERROR_NO_MORE_FILES, "There are no more files"},
    {ERROR_WRITE_PROTECT, "The file system takes no writes"},
    {ERROR_BAD_LENGTH, "The length is wrong"},
    {ERROR_SEEK, "The file has no such position"},
    {ERROR_WRITE_FAULT, "Writing failed"},
    {ERROR_READ_FAULT, "Reading failed"},
    {ERROR_GEN_FAILURE, "A system call has failed"},
    {ERROR_SHARING_VIOLATION, "The file is in use by someone who does not share it"},
    {ERROR_LOCK_VIOLATION, "Another process has locked a part of the file"},
    {ERROR_HANDLE_EOF, "The end of the file was reached"},
    {ERROR_HANDLE_DISK_FULL, "The disk is full"},
    {ERROR_NOT_SUPPORTED, "The request is not supported"},
    {ERROR_FILE_EXISTS, "The file exists"},
    {ERROR_INVALID_PARAMETER, "A parameter is incorrect"},
    {ERROR_BROKEN_PIPE, "The pipe was closed at its other end"},
    {ERROR_DISK_FULL, "There is not enough space on the disk"},
    {ERROR_CALL_NOT_IMPLEMENTED, "The function is not supported on this system"},
    {ERROR_SEM_TIMEOUT, "The time for waiting is over"},
    {ERROR_INSUFFICIENT_BUFFER, "The buffer is too small"},
    {ERROR_INVALID_NAME, "The name is incorrect"},
    {ERROR_MOD_NOT_FOUND, "There is no such module"},
    {ERROR_PROC_NOT_FOUND, "There is no such procedure"},
    {ERROR_NEGATIVE_SEEK, "The position would be before the file's beginning"},
    {ERROR_DIR_NOT_EMPTY, "The directory is not empty"},
    {ERROR_DISCARDED, "The block was discarded"},
    {ERROR_NOT_LOCKED, "The pages or the block are not locked"},
    {ERROR_BAD_ARGUMENTS, "The arguments are incorrect"},
    {ERROR_BAD_PATHNAME, "The path is invalid"},
    {ERROR_BUSY, "The resource is in use"},
    {ERROR_ALREADY_EXISTS, "The object or file exists already"},
    {ERROR_BAD_EXE_FORMAT, "%1 is no program of Windows"},
    {ERROR_ENVVAR_NOT_FOUND, "There is no such environment variable"},
    {ERROR_FILENAME_EXCED_RANGE, "The name is too long"},
    {ERROR_FILE_TOO_LARGE, "The file is larger than the limit"},
    {ERROR_MORE_DATA, "There are more data"},
    {WAIT_TIMEOUT, "The time for waiting is over"},
    {ERROR_NO_MORE_ITEMS, "There are no more data"},
    {ERROR_DIRECTORY, "The directory's name is invalid"},
    {ERROR_NOT_OWNER, "The caller does not own the lock"},
    {ERROR_TOO_MANY_POSTS, "The semaphore would exceed its maximum"},
    {ERROR_MR_MID_NOT_FOUND, "There is no text for this message"},
    {ERROR_INVALID_ADDRESS, "The address is invalid for this operation"},
    {ERROR_OPERATION_ABORTED, "The operation was aborted"},
    {ERROR_NOACCESS, "The memory location cannot be accessed"},
    {ERROR_SWAPERROR, "Paging failed"},
    {ERROR_INVALID_FLAGS, "The flags are invalid"},
    {ERROR_FILE_INVALID, "The file has no content that could be mapped"},
    {ERROR_NO_UNICODE_TRANSLATION, "The text has characters that cannot be translated"},
    {ERROR_IO_DEVICE, "The device has failed"},
    {ERROR_POSSIBLE_DEADLOCK, "The wait could last forever"},
    {ERROR_MAPPED_ALIGNMENT, "The base address or the file offset is not aligned"},
    {ERROR_USER_MAPPED_FILE, "A view or section of the file is open"},
    {ERROR_PRIVILEGE_NOT_HELD, "The caller lacks a privilege"},
    {ERROR_NO_SYSTEM_RESOURCES, "The system's resources are used up"},
    {ERROR_WORKING_SET_QUOTA, "No more pages can be locked"},
    {ERROR_PAGEFILE_QUOTA, "The paging file is used up"},
    {ERROR_COMMITMENT_LIMIT, "The commit limit is reached"},
    {ERROR_TIMEOUT, "The time for waiting is over"},
    {ERROR_RESOURCE_NAME_NOT_FOUND, "There is no such resource"},
};

static const char *text_of(DWORD error) {
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
    if (texts[i].error == error) return texts[i].text;
  return NULL;
}

/* ------------------------------------------------------------- a growing text */

struct line {
  char *bytes;
  size_t length, room;
  bool failed;
};

static void add(struct line *line, const char *bytes, size_t size) {
  if (line->failed) return;
  if (line->length + size + 1 > line->room) {
    size_t room = (line->length + size + 1) * 2;
    char *more = realloc(line->bytes, room);
    line->failed = more == NULL;
    if (line->failed) return;
    line->bytes = more;
    line->room = room;
  }
  memcpy(line->bytes + line->length, bytes, size);
  line->length += size;
  line->bytes[line->length] = 0;
}

/* ------------------------------------------------------------- inserts */

enum { INSERTS = 99 };

/* The inserts, all of a pointer's size: they are read in order, as far as one is needed. */
struct inserts {
  const DWORD_PTR *array; /* or */
  va_list *list;
  DWORD_PTR read[INSERTS];
  size_t count;
  bool wide; /* texts are */
};

static DWORD_PTR insert(struct inserts *inserts, size_t number) {
  if (inserts->array != NULL) return inserts->array[number - 1];
  if (inserts->list == NULL) return 0;
  while (inserts->count < number) inserts->read[inserts->count++] = va_arg(*inserts->list, DWORD_PTR);
  return inserts->read[number - 1];
}

/* Prints a value with the format between the exclamation marks; a text without any. */
static void add_insert(struct line *line, struct inserts *inserts, size_t number, const char *format, size_t size) {
  char whole[40] = "%", small[256], *bytes = small;
  DWORD_PTR value = insert(inserts, number);
  if (size > sizeof whole - 4) size = 0;
  memcpy(whole + 1, format, size);
  char conversion = size > 0 ? format[size - 1] : 's';
  bool text = conversion == 's' || conversion == 'S';
  if (text) { /* of the function's own kind, or the other */
    bool wide = inserts->wide != (conversion == 'S');
    strcpy(whole + (size > 0 ? size : 1), wide ? "ls" : "hs");
  }
  int length = text ? acre_win32_snprintf(small, sizeof small, whole, (const void *)value)
                    : acre_win32_snprintf(small, sizeof small, whole, value);
  if (length >= (int)sizeof small) {
    bytes = malloc((size_t)length + 1);
    if (bytes == NULL) {
      line->failed = true;
      return;
    }
    length = text ? acre_win32_snprintf(bytes, (size_t)length + 1, whole, (const void *)value)
                  : acre_win32_snprintf(bytes, (size_t)length + 1, whole, value);
  }
  if (length > 0) add(line, bytes, (size_t)length);
  if (bytes != small) free(bytes);
}

/* What stands behind a '%'. Returns where the message goes on; NULL: it ends here. */
static const char *expand(struct line *line, const char *at, struct inserts *inserts, bool ignore) {
  if (*at >= '1' && *at <= '9') {
    const char *start = at;
    size_t number = (size_t)(*at++ - '0');
    if (*at >= '0' && *at <= '9') number = number * 10 + (size_t)(*at++ - '0');
    const char *format = at, *end = *at == '!' ? strchr(at + 1, '!') : NULL;
    size_t size = end != NULL ? (size_t)(end - format - 1) : 0;
    if (end != NULL) at = end + 1;
    if (ignore) {
      add(line, "%", 1);
      add(line, start, (size_t)(at - start));
    } else {
      add_insert(line, inserts, number, format + 1, size);
    }
    return at;
  }
  switch (*at) {
    case '0': return ignore ? (add(line, "%0", 2), at + 1) : NULL;
    case 'n': add(line, "\r\n", 2); return at + 1;
    case 'r': add(line, "\r", 1); return at + 1;
    case 't': add(line, "\t", 1); return at + 1;
    case 0: return NULL;
    default: add(line, at, 1); return at + 1;
  }
}

static void build(struct line *line, const char *message, struct inserts *inserts, DWORD flags) {
  bool ignore = (flags & FORMAT_MESSAGE_IGNORE_INSERTS) != 0, joins = (flags & FORMAT_MESSAGE_MAX_WIDTH_MASK) != 0;
  for (const char *at = message; at != NULL && *at != 0;) {
    if (*at == '%') {
      at = expand(line, at + 1, inserts, ignore);
    } else if (joins && (*at == '\r' || *at == '\n')) { /* a line break that was not asked for by %n is a space */
      at += at[0] == '\r' && at[1] == '\n' ? 2 : 1;
      add(line, " ", 1);
    } else {
      add(line, at++, 1);
    }
  }
}

/* ------------------------------------------------------------- the functions */

/* The message in UTF-8, malloc's; NULL with the last error. `source` is UTF-8, and inserts as said. */
static char *make_message(DWORD flags, const char *source, DWORD message, va_list *arguments, bool wide) {
  struct line line = {0};
  struct inserts inserts = {.wide = wide};
  char plain[160];
  if ((flags & FORMAT_MESSAGE_ARGUMENT_ARRAY) != 0)
    inserts.array = (const DWORD_PTR *)(const void *)arguments;
  else
    inserts.list = arguments;
  if ((flags & FORMAT_MESSAGE_FROM_STRING) == 0) {
    if ((flags & (FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_FROM_HMODULE)) == 0)
      return acre__fail_null(ERROR_INVALID_PARAMETER);
    const char *text = (flags & FORMAT_MESSAGE_FROM_SYSTEM) != 0 ? text_of(message) : NULL;
    if (text == NULL) return acre__fail_null(ERROR_MR_MID_NOT_FOUND);
    snprintf(plain, sizeof plain, "%s.\r\n", text);
    source = plain;
  } else if (source == NULL) {
    return acre__fail_null(ERROR_INVALID_PARAMETER);
  }
  add(&line, "", 0);
  build(&line, source, &inserts, flags);
  if (!line.failed) return line.bytes;
  free(line.bytes);
  return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
}

DWORD FormatMessageA(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPSTR out, DWORD size,
                     va_list *arguments) {
  (void)language;
  bool allocates = (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0;
  if (out == NULL) return (DWORD)acre__fail(allocates ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER);
  char *text = make_message(flags, source, message, arguments, false);
  if (text == NULL) return 0;
  DWORD length = (DWORD)strlen(text), room = length + 1 > size && allocates ? length + 1 : size;
  char *to = allocates ? LocalAlloc(LMEM_FIXED, room) : out;
  bool fits = to != NULL && length < room;
  if (fits) memcpy(to, text, length + 1);
  if (allocates) *(char **)(void *)out = to;
  free(text);
  return fits ? length : (DWORD)acre__fail(to == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INSUFFICIENT_BUFFER);
}

DWORD FormatMessageW(DWORD flags, LPCVOID source, DWORD message, DWORD language, LPWSTR out, DWORD size,
                     va_list *arguments) {
  (void)language;
  struct acre__text given = {.bytes = NULL};
  bool allocates = (flags & FORMAT_MESSAGE_ALLOCATE_BUFFER) != 0, from_text = (flags & FORMAT_MESSAGE_FROM_STRING) != 0;
  if (out == NULL) return (DWORD)acre__fail(allocates ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INVALID_PARAMETER);
  if (from_text && !acre__text_from_wide(&given, source)) return 0;
  char *text = make_message(flags, given.bytes, message, arguments, true);
  if (from_text) acre__text_end(&given);
  if (text == NULL) return 0;
  size_t bytes = strlen(text);
  DWORD length = (DWORD)acre__wide_from_utf8(text, bytes, NULL, 0, NULL);
  DWORD room = length + 1 > size && allocates ? length + 1 : size;
  wchar_t *to = allocates ? LocalAlloc(LMEM_FIXED, room * sizeof *to) : out;
  bool fits = to != NULL && length < room;
  if (fits) acre__wide_from_utf8(text, bytes + 1, to, length + 1, NULL);
  if (allocates) *(wchar_t **)(void *)out = to;
  free(text);
  return fits ? length : (DWORD)acre__fail(to == NULL ? ERROR_NOT_ENOUGH_MEMORY : ERROR_INSUFFICIENT_BUFFER);
}
