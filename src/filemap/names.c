/* SPDX-License-Identifier: MIT */
#include "filemap/names.h"

#include <string.h>

#include "base/line.h"
#include "base/lock.h"
#include "filemap/growth.h"
#include "vm/meta.h"
#include "vm/root.h"

enum { LONGEST = 200 }; /* bytes of a name; a file's may have 255 */

static struct {
  struct acre__lock lock;
  _Atomic bool prepared;
} names;

/* ------------------------------------------------------------- the lock */

static void fork_before(void) {
  acre__lock(&names.lock);
}

static void fork_in_parent(void) {
  acre__unlock(&names.lock);
}

static void fork_in_child(void) {
  acre__lock_reset(&names.lock);
}

/* Before the lock is taken. After the locks of growth.h, so that a fork takes this one before them. */
static acre_result prepare(void) {
  if (atomic_load_explicit(&names.prepared, memory_order_acquire)) return ACRE_OK;
  acre_result result = acre__growth_prepare();
  if (result == ACRE_OK) result = acre__os_at_fork(fork_before, fork_in_parent, fork_in_child);
  if (result == ACRE_OK) atomic_store_explicit(&names.prepared, true, memory_order_release);
  return result;
}

/* ------------------------------------------------------------- paths */

/* What would lead out of the directory is no name. */
static acre_result check_name(const char *name) {
  size_t length = strlen(name);
  if (length == 0 || length > LONGEST || memchr(name, '/', length) != NULL) return ACRE_E_INVALID_ARGUMENT;
  return strcmp(name, ".") == 0 || strcmp(name, "..") == 0 ? ACRE_E_INVALID_ARGUMENT : ACRE_OK;
}

static acre_result make_path(const char *name, bool make_directory, struct acre__name *out) {
  char directory[ACRE_OS_NAME_PATH];
  acre_result result = acre__os_name_directory(make_directory, directory);
  if (result != ACRE_OK) return result;
  struct acre__line line = acre__line_in(out->path, sizeof out->path);
  acre__line_add(&line, directory);
  acre__line_add(&line, "/");
  acre__line_add(&line, name);
  return line.length < line.size ? ACRE_OK : ACRE_E_NOT_SUPPORTED;
}

/* ------------------------------------------------------------- alive, or not */

/* With the lock: takes the name away if nobody is alive behind it. */
static void remove_if_dead(const struct acre__name *name) {
  struct acre__os_file file;
  if (acre__os_name_open(name->path, false, &file) != ACRE_OK) return;
  if (acre__os_name_hold(file, true, false) == ACRE_OK && acre__os_name_leads_to(name->path, file) == ACRE_OK)
    (void)acre__os_name_remove(name->path);
  acre__os_file_close(file);
}

static void leave(const struct acre__name *name, struct acre__os_file file) {
  acre__os_file_close(file);
  remove_if_dead(name);
}

void acre__name_leave(struct acre__name *name) {
  acre__lock(&names.lock);
  if (!name->left) leave(name, name->part);
  name->left = true;
  acre__unlock(&names.lock);
}

void acre__name_release(struct acre__name *name, struct acre__os_file file) {
  acre__name_leave(name);
  acre__os_file_close(file);
  acre__meta_free(name, sizeof *name);
}

/* ------------------------------------------------------------- opening */

/* One search for the file of a name. */
struct search {
  const acre_name_options *options;
  const struct acre__name *name;
  struct acre__os_file file; /* taken part in, if it was found or made */
  bool created;
  bool again; /* what was found has gone meanwhile: the file, or the directory, which goes with its last name */
};

static bool may_create(const struct search *search) {
  return search->options->mode != ACRE_FILE_OPEN;
}

/* Of a file that nobody else has: gives it its size and its mark, and lets others in. */
static acre_result begin(struct search *search) {
  uint64_t head = acre__os_name_head();
  if (search->options->size > INT64_MAX - head) return ACRE_E_FILE_TOO_LARGE;
  acre_result result = acre__os_file_set_size(search->file, 0);
  if (result == ACRE_OK) result = acre__os_file_grow(search->file, 0, head + search->options->size);
  if (result == ACRE_OK) result = acre__os_name_mark(search->file);
  if (result == ACRE_OK) result = acre__os_name_hold(search->file, false, false);
  search->created = result == ACRE_OK;
  return result;
}

/* The file is ours alone. On failure it is closed by the caller, and has no name any more. */
static acre_result have_alone(struct search *search) {
  const char *path = search->name->path;
  acre_result result = acre__os_name_leads_to(path, search->file);
  if (result != ACRE_OK) {
    search->again = result == ACRE_E_NOT_FOUND;
    return result;
  }
  result = acre__os_name_check_mark(search->file);
  if (result == ACRE_E_NOT_FOUND && may_create(search)) {
    result = begin(search);
    if (result != ACRE_OK) (void)acre__os_name_remove(path);
    return result;
  }
  if (result != ACRE_OK && result != ACRE_E_NOT_FOUND) return result;
  result = acre__os_name_remove(path);
  if (result != ACRE_OK) return result;
  search->again = may_create(search);
  return ACRE_E_NOT_FOUND;
}

/* Somebody else is alive behind the file, or making it. */
static acre_result take_part(struct search *search) {
  acre_result result = acre__os_name_hold(search->file, false, true);
  if (result == ACRE_OK) result = acre__os_name_leads_to(search->name->path, search->file);
  if (result == ACRE_OK) result = acre__os_name_check_mark(search->file);
  if (result == ACRE_E_NOT_FOUND) search->again = true;
  if (result == ACRE_OK && search->options->mode == ACRE_FILE_CREATE) result = ACRE_E_EXISTS;
  return result;
}

static acre_result look(struct search *search) {
  acre_result result = acre__os_name_open(search->name->path, may_create(search), &search->file);
  if (result != ACRE_OK) {
    search->again = result == ACRE_E_NOT_FOUND && may_create(search);
    return result;
  }
  result = acre__os_name_hold(search->file, true, false);
  if (result == ACRE_OK)
    result = have_alone(search);
  else if (result == ACRE_E_BUSY)
    result = take_part(search);
  if (result == ACRE_OK) return ACRE_OK;
  if (search->again)
    acre__os_file_close(search->file);
  else
    leave(search->name, search->file); /* its last owner may have closed it while we had part in it */
  return result;
}

/* The file again, by a handle of its own. */
static acre_result open_again(const struct search *search, struct acre__os_file *out) {
  acre_result result = acre__os_name_open(search->name->path, false, out);
  if (result != ACRE_OK) return result;
  struct acre__os_identity first, second;
  result = acre__os_file_identity(search->file, &first);
  if (result == ACRE_OK) result = acre__os_file_identity(*out, &second);
  if (result == ACRE_OK && memcmp(&first, &second, sizeof first) != 0) result = ACRE_E_UNEXPECTED;
  if (result != ACRE_OK) acre__os_file_close(*out);
  return result;
}

/* The section of a file that was found. On failure the part in it is the caller's. */
static acre_result make_section(const struct search *search, struct acre__name *name, acre_section **out) {
  uint64_t head = acre__os_name_head(), size;
  struct acre__os_file os;
  acre_file *file;
  acre_result result = acre__os_file_size(search->file, &size);
  if (result == ACRE_OK && size <= head) result = ACRE_E_UNEXPECTED; /* somebody has cut it */
  if (result == ACRE_OK) result = open_again(search, &os);
  if (result != ACRE_OK) return result;
  result = acre__file_make(os, ACRE_ACCESS_READ_WRITE, &file);
  if (result != ACRE_OK) {
    acre__os_file_close(os);
    return result;
  }
  name->part = search->file;
  acre_section_options options = {
      .access = search->options->access, .execute = search->options->execute, .offset = head, .size = size - head};
  result = acre__section_make(file, &options, false, out);
  if (result == ACRE_OK) file->name = name;
  if (result != ACRE_OK) {
    acre__file_forget(file);
    acre__os_file_close(os);
  } else {
    acre_file_close(file);
  }
  return result;
}

static acre_result open_locked(const char *text, struct search *search, struct acre__name *name, acre_section **out) {
  acre_result result;
  do {
    search->again = false;
    result = make_path(text, may_create(search), name);
    if (result == ACRE_OK)
      result = look(search);
    else
      search->again = result == ACRE_E_NOT_FOUND && may_create(search);
  } while (result != ACRE_OK && search->again);
  if (result != ACRE_OK) return result;
  result = make_section(search, name, out);
  if (result != ACRE_OK) leave(name, search->file);
  return result;
}

static acre_result check_options(const acre_name_options *options) {
  bool writable = options->access == ACRE_ACCESS_READ_WRITE;
  if (!writable && options->access != ACRE_ACCESS_READ && options->access != ACRE_ACCESS_COPY_ON_WRITE)
    return ACRE_E_INVALID_ARGUMENT;
  switch (options->mode) {
    case ACRE_FILE_OPEN: return ACRE_OK;
    case ACRE_FILE_OPEN_OR_CREATE:
    case ACRE_FILE_CREATE:
      if (!writable) return ACRE_E_INVALID_ARGUMENT;
      return options->size != 0 ? ACRE_OK : ACRE_E_INVALID_SIZE;
    case ACRE_FILE_TRUNCATE: break;
  }
  return ACRE_E_INVALID_ARGUMENT;
}

acre_result acre_section_open(const char *name, const acre_name_options *options, bool *created, acre_section **out) {
  static const acre_name_options defaults = {0};
  if (out == NULL) return ACRE_E_INVALID_ARGUMENT;
  *out = NULL;
  if (created != NULL) *created = false;
  if (name == NULL) return ACRE_E_INVALID_ARGUMENT;
  if (options == NULL) options = &defaults;
  acre_result result = check_options(options);
  if (result == ACRE_OK) result = check_name(name);
  if (result == ACRE_OK) result = prepare();
  if (result != ACRE_OK) return result;

  struct acre__name *kept = acre__meta_alloc(sizeof *kept);
  if (kept == NULL) return ACRE_E_NO_MEMORY;
  struct search search = {.options = options, .name = kept};
  acre__lock(&names.lock);
  result = open_locked(name, &search, kept, out);
  acre__unlock(&names.lock);
  if (result != ACRE_OK)
    acre__meta_free(kept, sizeof *kept);
  else if (created != NULL)
    *created = search.created;
  return result;
}
