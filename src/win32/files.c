/* SPDX-License-Identifier: MIT */
/* files.c - see files.h: opening, reading, writing, sizes. What takes a path alone is in paths.c. */
#include "win32/files.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "win32/text.h"

DWORD acre__errno_error(int error) {
  switch (error) {
    case 0: return ERROR_SUCCESS;
    case ENOENT: return ERROR_FILE_NOT_FOUND;
    case ENOTDIR:
    case ELOOP: return ERROR_PATH_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EISDIR:
    case ETXTBSY: return ERROR_ACCESS_DENIED;
    case EEXIST: return ERROR_FILE_EXISTS;
    case EROFS: return ERROR_WRITE_PROTECT;
    case ENOSPC:
    case EDQUOT: return ERROR_DISK_FULL;
    case EFBIG: return ERROR_FILE_TOO_LARGE;
    case EMFILE:
    case ENFILE: return ERROR_TOO_MANY_OPEN_FILES;
    case ENOMEM: return ERROR_NOT_ENOUGH_MEMORY;
    case ENAMETOOLONG: return ERROR_FILENAME_EXCED_RANGE;
    case EINVAL: return ERROR_INVALID_PARAMETER;
    case EBADF: return ERROR_INVALID_HANDLE;
    case EFAULT: return ERROR_NOACCESS;
    case ESPIPE: return ERROR_SEEK;
    case EPIPE: return ERROR_BROKEN_PIPE;
    case EBUSY: return ERROR_SHARING_VIOLATION;
    case ENOTEMPTY: return ERROR_DIR_NOT_EMPTY;
    case EIO: return ERROR_IO_DEVICE;
    default: return ERROR_GEN_FAILURE;
  }
}

/* ------------------------------------------------------------- share modes */

static const off_t SHARE_BYTES = (off_t)1 << 62;
enum { READS = 1, WRITES = 2, DELETES = 4 };

static bool lock_byte(int fd, unsigned byte, bool test) {
  struct flock lock = {
      .l_type = test ? F_WRLCK : F_RDLCK, .l_whence = SEEK_SET, .l_start = SHARE_BYTES + byte, .l_len = 1};
  if (fcntl(fd, test ? F_OFD_GETLK : F_OFD_SETLK, &lock) != 0) return true; /* none to be had here */
  return !test || lock.l_type == F_UNLCK;
}

/* False: another open file contradicts. */
static bool share(int fd, unsigned uses, DWORD shares) {
  unsigned denies = ~shares & (READS | WRITES | DELETES);
  for (unsigned i = 0; i < 3; i++) {
    if ((uses >> i & 1) != 0) lock_byte(fd, i, false);
    if ((denies >> i & 1) != 0) lock_byte(fd, 3 + i, false);
  }
  for (unsigned i = 0; i < 3; i++) {
    if ((uses >> i & 1) != 0 && !lock_byte(fd, 3 + i, true)) return false;
    if ((denies >> i & 1) != 0 && !lock_byte(fd, i, true)) return false;
  }
  return true;
}

/* ------------------------------------------------------------- the object */

static void destroy(struct acre__object *object) {
  struct acre__win32_file *file = (struct acre__win32_file *)object;
  acre_file_close(file->file);
  if (!file->standard && file->fd >= 0) close(file->fd);
  if (file->delete_path != NULL) unlink(file->delete_path);
  free(file->delete_path);
  free(file);
}

static struct acre__win32_file *new_file(void) {
  struct acre__win32_file *file = calloc(1, sizeof *file);
  if (file == NULL) return acre__fail_null(ERROR_NOT_ENOUGH_MEMORY);
  file->object.kind = ACRE_KIND_FILE;
  file->object.destroy = destroy;
  file->fd = -1;
  return file;
}

acre_file *acre__file_of(struct acre__win32_file *file) {
  acre_file *made = file->file, *none = NULL;
  if (made != NULL) return made;
  acre_result result = acre_file_adopt(file->fd,
                                       file->writes && file->reads ? ACRE_ACCESS_READ_WRITE : ACRE_ACCESS_READ, &made);
  if (result != ACRE_OK) return acre__fail_null(acre__win32_error(result));
  if (atomic_compare_exchange_strong(&file->file, &none, made)) return made;
  acre_file_close(made);
  return none;
}

static struct acre__win32_file *file_of(HANDLE handle) {
  return (struct acre__win32_file *)acre__object_of(handle, ACRE_KIND_FILE);
}

static BOOL end_with(struct acre__win32_file *file, DWORD error) {
  acre__object_release(&file->object);
  return error == ERROR_SUCCESS ? TRUE : acre__fail(error);
}

/* ------------------------------------------------------------- opening */

struct opening {
  char *path;
  DWORD access, shares, disposition, flags;
  bool reads, writes, deletes;
};

static void read_access(struct opening *opening) {
  DWORD access = opening->access;
  opening->reads = (access & (GENERIC_READ | GENERIC_ALL | FILE_READ_DATA | MAXIMUM_ALLOWED)) != 0;
  opening->writes = (access & (GENERIC_WRITE | GENERIC_ALL | FILE_WRITE_DATA | FILE_APPEND_DATA | MAXIMUM_ALLOWED)) !=
                    0;
  opening->deletes = (access & (DELETE | GENERIC_ALL)) != 0 || (opening->flags & FILE_FLAG_DELETE_ON_CLOSE) != 0;
}

DWORD acre__path_error(const char *path, int error) {
  struct stat status;
  if (error != ENOENT) return acre__errno_error(error);
  const char *end = strrchr(path, '/');
  if (end == NULL || end == path) return ERROR_FILE_NOT_FOUND;
  char *folder = strndup(path, (size_t)(end - path));
  bool there = folder != NULL && stat(folder, &status) == 0 && S_ISDIR(status.st_mode);
  free(folder);
  return there ? ERROR_FILE_NOT_FOUND : ERROR_PATH_NOT_FOUND;
}

static DWORD flags_of(const struct opening *opening, int *flags) {
  switch (opening->disposition) {
    case CREATE_NEW: *flags = O_CREAT | O_EXCL; break;
    case CREATE_ALWAYS:
    case OPEN_ALWAYS: *flags = O_CREAT; break;
    case OPEN_EXISTING: *flags = 0; break;
    case TRUNCATE_EXISTING:
      if (!opening->writes) return ERROR_INVALID_PARAMETER;
      *flags = 0;
      break;
    default: return ERROR_INVALID_PARAMETER;
  }
  *flags |= O_CLOEXEC | O_NOCTTY | ((opening->flags & FILE_FLAG_WRITE_THROUGH) != 0 ? O_DSYNC : 0);
  return ERROR_SUCCESS;
}

/* Reading as well as writing where that can be, as views for writing want both, and share modes too. */
static int open_path(const struct opening *opening, int flags, mode_t mode) {
  bool writes = opening->writes || (flags & O_CREAT) != 0;
  int fd = open(opening->path, flags | (writes ? O_RDWR : O_RDONLY), mode);
  if (fd < 0 && errno == EACCES && opening->writes && !opening->reads) fd = open(opening->path, flags | O_WRONLY, mode);
  if (fd < 0 && errno == EACCES && writes && !opening->writes) fd = open(opening->path, flags | O_RDONLY, mode);
  return fd;
}

static DWORD open_file(struct opening *opening, struct acre__win32_file *file, bool *existed) {
  struct stat status;
  int flags;
  DWORD error = flags_of(opening, &flags);
  if (error != ERROR_SUCCESS) return error;
  bool there = stat(opening->path, &status) == 0;
  if (there && S_ISDIR(status.st_mode)) {
    if (opening->disposition == CREATE_NEW) return ERROR_FILE_EXISTS;
    if ((opening->flags & FILE_FLAG_BACKUP_SEMANTICS) == 0 || opening->writes) return ERROR_ACCESS_DENIED;
    flags &= ~O_CREAT;
  }
  if (there && opening->writes && S_ISREG(status.st_mode) && (status.st_mode & 0222) == 0) return ERROR_ACCESS_DENIED;
  mode_t mode = (opening->flags & FILE_ATTRIBUTE_READONLY) != 0 ? 0444 : 0666;
  file->fd = open_path(opening, flags, mode);
  if (file->fd < 0) return acre__path_error(opening->path, errno);
  *existed = there;
  unsigned uses = (opening->reads ? READS : 0) | (opening->writes ? WRITES : 0) | (opening->deletes ? DELETES : 0);
  if (!there || S_ISREG(status.st_mode))
    if (uses != 0 && !share(file->fd, uses, opening->shares)) return ERROR_SHARING_VIOLATION;
  bool empties = opening->disposition == TRUNCATE_EXISTING || (opening->disposition == CREATE_ALWAYS && there);
  if (empties && ftruncate(file->fd, 0) != 0) return acre__errno_error(errno);
  file->reads = opening->reads;
  file->writes = opening->writes;
  file->appends = (opening->access & FILE_APPEND_DATA) != 0 &&
                  (opening->access & (GENERIC_WRITE | FILE_WRITE_DATA)) == 0;
  if ((opening->flags & FILE_FLAG_DELETE_ON_CLOSE) != 0) file->delete_path = realpath(opening->path, NULL);
  return ERROR_SUCCESS;
}

HANDLE CreateFileA(LPCSTR path, DWORD access, DWORD shares, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                   DWORD flags, HANDLE like) {
  (void)security, (void)like; /* not inherited by programs that are started; attributes of a model do not count */
  struct opening opening = {NULL, access, shares, disposition, flags, false, false, false};
  bool existed = false;
  if (!acre__path_from(path, &opening.path)) return INVALID_HANDLE_VALUE;
  read_access(&opening);
  struct acre__win32_file *file = new_file();
  HANDLE handle = INVALID_HANDLE_VALUE;
  if (file != NULL) {
    DWORD error = open_file(&opening, file, &existed);
    if (error == ERROR_SUCCESS) {
      handle = acre__handle_make(&file->object);
      if (handle == NULL) handle = INVALID_HANDLE_VALUE;
    } else {
      destroy(&file->object);
      SetLastError(error);
    }
  }
  free(opening.path);
  if (handle == INVALID_HANDLE_VALUE) return handle;
  bool tells = existed && (disposition == CREATE_ALWAYS || disposition == OPEN_ALWAYS);
  SetLastError(tells ? ERROR_ALREADY_EXISTS : ERROR_SUCCESS);
  return handle;
}

HANDLE CreateFileW(LPCWSTR path, DWORD access, DWORD shares, LPSECURITY_ATTRIBUTES security, DWORD disposition,
                   DWORD flags, HANDLE like) {
  ACRE_WITH_TEXT(HANDLE, INVALID_HANDLE_VALUE, path,
                 CreateFileA(text.bytes, access, shares, security, disposition, flags, like));
}

/* ------------------------------------------------------------- the process's streams */

static HANDLE streams[3];

static void make_streams(void) {
  for (int i = 0; i < 3; i++) {
    if (fcntl(i, F_GETFD) < 0) continue;
    struct acre__win32_file *file = new_file();
    if (file == NULL) continue;
    file->fd = i;
    file->reads = i == 0;
    file->writes = i != 0;
    file->standard = true;
    streams[i] = acre__handle_make(&file->object);
  }
}

HANDLE GetStdHandle(DWORD which) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, make_streams);
  switch (which) {
    case STD_INPUT_HANDLE: return streams[0];
    case STD_OUTPUT_HANDLE: return streams[1];
    case STD_ERROR_HANDLE: return streams[2];
    default: SetLastError(ERROR_INVALID_HANDLE); return INVALID_HANDLE_VALUE;
  }
}

DWORD GetFileType(HANDLE handle) {
  struct stat status;
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FILE_TYPE_UNKNOWN;
  bool known = fstat(file->fd, &status) == 0;
  acre__object_release(&file->object);
  SetLastError(NO_ERROR);
  if (!known) return FILE_TYPE_UNKNOWN;
  if (S_ISCHR(status.st_mode)) return FILE_TYPE_CHAR;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ? FILE_TYPE_PIPE : FILE_TYPE_DISK;
}

/* ------------------------------------------------------------- reading and writing */

static ssize_t read_once(const struct acre__win32_file *file, void *buffer, size_t size, const OVERLAPPED *at) {
  ssize_t got;
  do
    got = at != NULL ? pread(file->fd, buffer, size, (off_t)acre__join(at->OffsetHigh, at->Offset))
                     : read(file->fd, buffer, size);
  while (got < 0 && errno == EINTR);
  return got;
}

/* All that the file has, as Windows reads; a pipe or a terminal gives what is there. */
BOOL ReadFile(HANDLE handle, LPVOID buffer, DWORD size, LPDWORD done, LPOVERLAPPED overlapped) {
  if (done != NULL) *done = 0;
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  if (!file->reads) return end_with(file, ERROR_ACCESS_DENIED);
  ssize_t got = read_once(file, buffer, size, overlapped);
  if (got < 0) return end_with(file, acre__errno_error(errno));
  if (done != NULL) *done = (DWORD)got;
  if (overlapped != NULL) {
    if (got == 0 && size > 0) return end_with(file, ERROR_HANDLE_EOF);
    lseek(file->fd, (off_t)acre__join(overlapped->OffsetHigh, overlapped->Offset) + got, SEEK_SET);
    overlapped->InternalHigh = (ULONG_PTR)got;
    overlapped->Internal = 0;
  }
  return end_with(file, ERROR_SUCCESS);
}

BOOL WriteFile(HANDLE handle, LPCVOID buffer, DWORD size, LPDWORD done, LPOVERLAPPED overlapped) {
  if (done != NULL) *done = 0;
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  if (!file->writes) return end_with(file, ERROR_ACCESS_DENIED);
  if (overlapped != NULL) lseek(file->fd, (off_t)acre__join(overlapped->OffsetHigh, overlapped->Offset), SEEK_SET);
  if (file->appends) lseek(file->fd, 0, SEEK_END);
  DWORD written = 0;
  while (written < size) {
    ssize_t more = write(file->fd, (const char *)buffer + written, size - written);
    if (more < 0 && errno == EINTR) continue;
    if (more < 0) break;
    written += (DWORD)more;
  }
  if (done != NULL) *done = written;
  if (overlapped != NULL) {
    overlapped->InternalHigh = written;
    overlapped->Internal = 0;
  }
  return end_with(file, written == size ? ERROR_SUCCESS : acre__errno_error(errno));
}

BOOL FlushFileBuffers(HANDLE handle) {
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  if (!file->writes) return end_with(file, ERROR_ACCESS_DENIED);
  return end_with(file, fsync(file->fd) == 0 || errno == EINVAL ? ERROR_SUCCESS : acre__errno_error(errno));
}

/* ------------------------------------------------------------- sizes and positions */

BOOL GetFileSizeEx(HANDLE handle, PLARGE_INTEGER out) {
  struct stat status;
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  if (fstat(file->fd, &status) != 0) return end_with(file, acre__errno_error(errno));
  out->QuadPart = status.st_size;
  return end_with(file, ERROR_SUCCESS);
}

DWORD GetFileSize(HANDLE handle, LPDWORD high) {
  LARGE_INTEGER size = {.QuadPart = 0};
  if (!GetFileSizeEx(handle, &size)) return INVALID_FILE_SIZE;
  if (high != NULL) *high = (DWORD)size.HighPart;
  if (size.LowPart == INVALID_FILE_SIZE) SetLastError(NO_ERROR);
  return size.LowPart;
}

static DWORD move_to(struct acre__win32_file *file, LONGLONG distance, DWORD method, LONGLONG *position) {
  LONGLONG from = 0;
  if (method == FILE_CURRENT) from = lseek(file->fd, 0, SEEK_CUR);
  if (method == FILE_END) {
    struct stat status;
    if (fstat(file->fd, &status) != 0) return acre__errno_error(errno);
    from = status.st_size;
  }
  if (method > FILE_END) return ERROR_INVALID_PARAMETER;
  if (__builtin_add_overflow(from, distance, &from)) return ERROR_INVALID_PARAMETER;
  if (from < 0) return ERROR_NEGATIVE_SEEK;
  *position = lseek(file->fd, from, SEEK_SET);
  return *position < 0 ? acre__errno_error(errno) : ERROR_SUCCESS;
}

BOOL SetFilePointerEx(HANDLE handle, LARGE_INTEGER distance, PLARGE_INTEGER position, DWORD method) {
  LONGLONG now = 0;
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  DWORD error = move_to(file, distance.QuadPart, method, &now);
  if (error == ERROR_SUCCESS && position != NULL) position->QuadPart = now;
  return end_with(file, error);
}

/* Without `high` the distance has 32 bits, and a position beyond them is an error. */
DWORD SetFilePointer(HANDLE handle, LONG distance, PLONG high, DWORD method) {
  LARGE_INTEGER wanted, position;
  wanted.QuadPart = high != NULL ? (LONGLONG)acre__join((DWORD)*high, (DWORD)distance) : distance;
  if (!SetFilePointerEx(handle, wanted, &position, method)) return INVALID_SET_FILE_POINTER;
  if (high == NULL && position.HighPart != 0) {
    SetLastError(ERROR_INVALID_PARAMETER);
    return INVALID_SET_FILE_POINTER;
  }
  if (high != NULL) *high = position.HighPart;
  SetLastError(NO_ERROR);
  return position.LowPart;
}

BOOL SetEndOfFile(HANDLE handle) {
  struct acre__win32_file *file = file_of(handle);
  if (file == NULL) return FALSE;
  if (!file->writes) return end_with(file, ERROR_ACCESS_DENIED);
  off_t position = lseek(file->fd, 0, SEEK_CUR);
  if (position < 0) return end_with(file, acre__errno_error(errno));
  struct stat status;
  if (fstat(file->fd, &status) != 0) return end_with(file, acre__errno_error(errno));
  if (position < status.st_size && file->reads) { /* what is cut off must not be mapped */
    acre_file *mapped = acre__file_of(file);
    if (mapped == NULL) return end_with(file, GetLastError());
    return end_with(file, acre__win32_error(acre_file_resize(mapped, (uint64_t)position)));
  }
  return end_with(file, ftruncate(file->fd, position) == 0 ? ERROR_SUCCESS : acre__errno_error(errno));
}
