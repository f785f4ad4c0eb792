/* SPDX-License-Identifier: MIT */
/* Names on Linux: other processes, killed ones, other users, traps. See test_names.c. */
#include "names_check.h"
#include "scratch_linux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/compiler.h"

enum { KILLS = ACRE_SANITIZED ? 200 : 1000, ROUNDS = ACRE_SANITIZED ? 50 : 300 };

/* ------------------------------------------------------------- other processes */

/* What processes tell each other, and wait for. */
struct board {
  _Atomic int ready, go, created, done;
  _Atomic uint64_t sizes[2];
  char name[64];
};

#define MUST(condition) must(condition, __LINE__)

static acre_section *forked;

static struct board *make_board(const char *text) {
  struct board *board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(board != MAP_FAILED);
  strcpy(board->name, name_of(text));
  return board;
}

static void wait_until(_Atomic int *word, int value) {
  while (*word < value) sched_yield();
}

/* Runs in a child of its own; its exit status is 0 if nothing failed. */
static pid_t start(void (*run)(struct board *board, int number), struct board *board, int number) {
  fflush(stdout);
  pid_t pid = fork();
  REQUIRE(pid >= 0);
  if (pid == 0) {
    run(board, number);
    _exit(0);
  }
  return pid;
}

static void finish(pid_t pid) {
  int status;
  REQUIRE(waitpid(pid, &status, 0) == pid);
  CHECK_EQ(status, 0);
}

static void must(bool condition, int line) {
  if (condition) return;
  fprintf(stderr, "a child failed at line %d\n", line);
  _exit(1);
}

static void create_at_once(struct board *board, int number) {
  acre_section *section;
  acre_view *view;
  bool created;
  acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE};
  board->ready++;
  wait_until(&board->go, 1);
  MUST(open_name(board->name, ACRE_FILE_OPEN_OR_CREATE, 5000 + (uint64_t)number, &created, &section) == ACRE_OK);
  if (created) board->created++;
  board->sizes[number] = acre_section_size(section);
  MUST(acre_view_map(section, 0, 0, &options, &view) == ACRE_OK);
  ((char *)acre_view_data(view))[number] = (char)('a' + number);
  board->ready++;
  wait_until(&board->go, 2);
  MUST(((volatile char *)acre_view_data(view))[1 - number] == 'a' + 1 - number);
  if (number == 0) acre_section_close(section); /* and at once again, in either order */
  MUST(acre_view_unmap(view) == ACRE_OK);
  if (number == 1) acre_section_close(section);
}

TEST(two_that_create_at_the_same_moment_agree) {
  struct board *board = make_board("agree");
  for (int round = 0; round < ROUNDS; round++) {
    board->ready = board->go = board->created = 0;
    pid_t one = start(create_at_once, board, 0), two = start(create_at_once, board, 1);
    wait_until(&board->ready, 2);
    board->go = 1;
    for (int waited = 0; board->ready < 4; waited++) {
      usleep(100);
      REQUIRE(waited < 300000);
    }
    CHECK_EQ(board->created, 1);
    CHECK_EQ(board->sizes[0], board->sizes[1]);
    board->go = 2;
    finish(one);
    finish(two);
    REQUIRE_OK(try_name(board->name, ACRE_FILE_CREATE)); /* they have taken the name away, or nobody is there */
  }
  check_gone(board->name);
  munmap(board, sizeof *board);
}

/* Opens and closes without end, and uses what it has. */
static void churn(struct board *board, int number) {
  board->ready++;
  for (;;) {
    acre_section *section;
    acre_view *view;
    acre_view_options options = {.access = ACRE_ACCESS_READ_WRITE};
    acre_result result = open_name(board->name, ACRE_FILE_OPEN_OR_CREATE, 100000, NULL, &section);
    MUST(result == ACRE_OK);
    MUST(acre_view_map(section, 0, 0, &options, &view) == ACRE_OK);
    memset(acre_view_data(view), 'x' + number, 100000);
    acre_section_close(section);
    MUST(acre_view_unmap(view) == ACRE_OK);
    if (board->done) _exit(0);
  }
}

TEST(a_killed_process_leaves_no_name) {
  struct board *board = make_board("killed");
  for (int i = 0; i < KILLS; i++) {
    board->ready = 0;
    pid_t pid = start(churn, board, 0);
    wait_until(&board->ready, 1);
    usleep((useconds_t)test_random_below(1000));
    REQUIRE(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
    if (i % 2 == 0) {
      CHECK_RESULT(try_name(board->name, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND);
      continue;
    }
    acre_section *section;
    bool created = false;
    REQUIRE_OK(open_name(board->name, ACRE_FILE_OPEN_OR_CREATE, 70000, &created, &section));
    CHECK(created);
    CHECK_EQ(acre_section_size(section), 70000);
    acre_view *view = scratch_view(section, ACRE_ACCESS_READ);
    const char *data = acre_view_data(view);
    for (size_t j = 0; j < 70000; j++) REQUIRE_EQ(data[j], 0); /* nothing of the dead */
    CHECK_OK(acre_view_unmap(view));
    acre_section_close(section);
  }
  check_gone(board->name);
  munmap(board, sizeof *board);
}

/* One is killed again and again; the others open and close meanwhile, and never meet a failure. */
TEST(others_go_on_while_one_is_killed) {
  struct board *board = make_board("others");
  board->done = 0;
  pid_t others[2] = {start(churn, board, 1), start(churn, board, 2)};
  for (int i = 0; i < KILLS / 4; i++) {
    int ready = board->ready;
    pid_t pid = start(churn, board, 0);
    wait_until(&board->ready, ready + 1);
    usleep((useconds_t)test_random_below(500));
    REQUIRE(kill(pid, SIGKILL) == 0 && waitpid(pid, NULL, 0) == pid);
  }
  board->done = 1;
  for (int i = 0; i < 2; i++) finish(others[i]);
  check_gone(board->name);
  munmap(board, sizeof *board);
}

static void close_in_child(void *section) {
  acre_section_close(section);
}

TEST(a_child_that_closes_leaves_the_name_to_its_parent) {
  acre_section *section;
  const char *name = name_of("parent");
  REQUIRE_OK(open_name(name, ACRE_FILE_CREATE, 1000, NULL, &section));
  CHECK_EQ(test_in_child(close_in_child, section), 0);
  CHECK_OK(try_name(name, ACRE_FILE_OPEN));
  CHECK_RESULT(try_name(name, ACRE_FILE_CREATE), ACRE_E_EXISTS);
  acre_section_close(section);
  check_gone(name);
}

static void outlive_parent(struct board *board, int number) {
  (void)number;
  board->ready = 1;
  wait_until(&board->go, 1);
  acre_view *view;
  MUST(acre_view_map(forked, 0, 0, NULL, &view) == ACRE_OK);
  MUST(strcmp(acre_view_data(view), "parent's") == 0);
  MUST(acre_view_unmap(view) == ACRE_OK);
  acre_section_close(forked);
}

TEST(a_child_keeps_the_name_when_its_parent_closes) {
  struct board *board = make_board("child");
  REQUIRE_OK(open_name(board->name, ACRE_FILE_CREATE, 1000, NULL, &forked));
  acre_view *view = scratch_view(forked, ACRE_ACCESS_READ_WRITE);
  strcpy(acre_view_data(view), "parent's");
  pid_t pid = start(outlive_parent, board, 0);
  wait_until(&board->ready, 1);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(forked);
  CHECK_RESULT(try_name(board->name, ACRE_FILE_CREATE), ACRE_E_EXISTS);
  board->go = 1;
  finish(pid);
  check_gone(board->name);
  munmap(board, sizeof *board);
}

/* A fork in the middle of another thread's opening must not take the file with it. */
static void *open_and_close(void *stop) {
  char name[64];
  strcpy(name, name_of("fork"));
  while (!*(_Atomic bool *)stop) CHECK_OK(try_name(name, ACRE_FILE_OPEN_OR_CREATE));
  return NULL;
}

static void stay(struct board *board, int number) {
  (void)number;
  wait_until(&board->go, 1);
}

TEST(threads_open_names_while_others_fork) {
  enum { CHILDREN = 20 };
  struct board *board = make_board("fork");
  _Atomic bool stop = false;
  pthread_t thread;
  pid_t pids[CHILDREN];
  REQUIRE(pthread_create(&thread, NULL, open_and_close, &stop) == 0);
  for (int i = 0; i < CHILDREN; i++) {
    usleep(500);
    pids[i] = start(stay, board, 0);
  }
  stop = true;
  pthread_join(thread, NULL);
  /* Some children may have the section, as it was open at their fork; but none has it for itself. */
  CHECK_OK(try_name(board->name, ACRE_FILE_OPEN_OR_CREATE));
  board->go = 1;
  for (int i = 0; i < CHILDREN; i++) finish(pids[i]);
  check_gone(board->name);
  munmap(board, sizeof *board);
}

static void be_nobody(void *name) {
  if (setgid(65534) != 0 || setuid(65534) != 0) return;
  CHECK_RESULT(try_name(name, ACRE_FILE_OPEN), ACRE_E_NOT_FOUND); /* a world of its own */
  acre_section *section;
  bool created = false;
  REQUIRE_OK(open_name(name, ACRE_FILE_OPEN_OR_CREATE, 77, &created, &section));
  CHECK(created);
  acre_section_close(section);
  char path[128];
  snprintf(path, sizeof path, "/dev/shm/acre-0/%s", (const char *)name);
  CHECK(open(path, O_RDONLY | O_CLOEXEC) < 0 && errno == EACCES);
}

TEST(other_users_have_other_names) {
  if (geteuid() != 0) test_skip("needs root, to become somebody else");
  if (access("/dev/shm", W_OK) != 0) test_skip("no /dev/shm");
  char name[64];
  strcpy(name, name_of("users"));
  acre_section *section;
  REQUIRE_OK(open_name(name, ACRE_FILE_CREATE, 1000, NULL, &section));
  struct stat status;
  char path[128];
  snprintf(path, sizeof path, "/dev/shm/acre-0/%s", name);
  REQUIRE(stat(path, &status) == 0);
  CHECK_EQ(status.st_mode & 07777, 0600);
  REQUIRE(stat("/dev/shm/acre-0", &status) == 0);
  CHECK_EQ(status.st_mode & 07777, 0700);
  CHECK_EQ(test_in_child(be_nobody, name), 0);
  acre_section_close(section);
  check_gone(name);
}

/* In a child with a /dev/shm of its own. */
static bool own_shm(const char *options) {
  return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
         mount("none", "/dev/shm", "tmpfs", 0, options) == 0;
}

static void may_mount(void *context) {
  (void)context;
  if (!own_shm("size=1m,mode=1777")) _exit(9);
}

static void need_shm_of_its_own(void) {
  if (geteuid() != 0 || access("/dev/shm", W_OK) != 0) test_skip("needs root and /dev/shm");
  if (test_in_child(may_mount, NULL) != 0) test_skip("needs the right to mount");
}

static void find_traps(void *context) {
  (void)context;
  REQUIRE(own_shm("size=1m,mode=1777"));
  static const char directory[] = "/dev/shm/acre-0";
  REQUIRE(mkdir("/dev/shm/elsewhere", 0700) == 0 && symlink("elsewhere", directory) == 0); /* a link */
  CHECK_RESULT(try_name("trap", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED);
  CHECK_RESULT(try_name("trap", ACRE_FILE_OPEN), ACRE_E_ACCESS_DENIED);
  REQUIRE(unlink(directory) == 0 && mkdir(directory, 0700) == 0 && chown(directory, 65534, 65534) == 0);
  CHECK_RESULT(try_name("trap", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED); /* somebody else's */
  REQUIRE(chown(directory, 0, 0) == 0 && chmod(directory, 0750) == 0);
  CHECK_RESULT(try_name("trap", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED); /* open to others */
  REQUIRE(chmod(directory, 0700) == 0);
  CHECK_OK(try_name("trap", ACRE_FILE_OPEN_OR_CREATE));
  CHECK(access(directory, F_OK) != 0); /* it goes with its last name */

  REQUIRE(mkdir(directory, 0700) == 0);
  int fd = open("/dev/shm/victim", O_RDWR | O_CREAT, 0600);
  REQUIRE(fd >= 0 && write(fd, "content", 7) == 7);
  REQUIRE(symlink("../victim", "/dev/shm/acre-0/link") == 0);
  CHECK_RESULT(try_name("link", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED);
  REQUIRE(mkdir("/dev/shm/acre-0/folder", 0700) == 0);
  CHECK_RESULT(try_name("folder", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED);
  REQUIRE(mkfifo("/dev/shm/acre-0/pipe", 0600) == 0);
  alarm(20);
  CHECK_RESULT(try_name("pipe", ACRE_FILE_OPEN_OR_CREATE), ACRE_E_ACCESS_DENIED);
  alarm(0);
  char bytes[8] = "";
  CHECK(pread(fd, bytes, 7, 0) == 7 && strcmp(bytes, "content") == 0);
  CHECK(access("/dev/shm/acre-0/folder", F_OK) == 0); /* what is not ours is not cleared away */
}

TEST(traps_in_the_place_of_names) {
  need_shm_of_its_own();
  CHECK_EQ(test_in_child(find_traps, NULL), 0);
}

static void fill_shm(void *context) {
  (void)context;
  REQUIRE(own_shm("size=1m,mode=1777"));
  acre_section *section = NULL;
  bool created = true;
  CHECK_RESULT(open_name("full", ACRE_FILE_OPEN_OR_CREATE, 2 << 20, &created, &section), ACRE_E_NO_SPACE);
  CHECK(!created);
  check_gone("full");
  REQUIRE_OK(open_name("full", ACRE_FILE_OPEN_OR_CREATE, 900000, &created, &section));
  acre_view *view = scratch_view(section, ACRE_ACCESS_READ_WRITE);
  memset(acre_view_data(view), 1, 900000);
  CHECK_OK(acre_view_unmap(view));
  acre_section_close(section);
  CHECK(access("/dev/shm/acre-0", F_OK) != 0);
}

TEST(no_room_for_a_section) {
  need_shm_of_its_own();
  CHECK_EQ(test_in_child(fill_shm, NULL), 0);
}

static void without_shm(void *context) {
  (void)context;
  REQUIRE(own_shm("size=1m,mode=0777")); /* writable for all and not sticky: no place for names */
  char runtime[] = "/tmp/acre-runtime-XXXXXX";
  REQUIRE(mkdtemp(runtime) != NULL && setenv("XDG_RUNTIME_DIR", runtime, 1) == 0);
  acre_section *section;
  REQUIRE_OK(open_name("elsewhere", ACRE_FILE_CREATE, 1000, NULL, &section));
  char path[64];
  snprintf(path, sizeof path, "%s/acre-0/elsewhere", runtime);
  CHECK(access(path, F_OK) == 0);
  CHECK_OK(try_name("elsewhere", ACRE_FILE_OPEN));
  acre_section_close(section);
  check_gone("elsewhere");
  CHECK(rmdir(runtime) == 0);
}

TEST(another_place_for_names) {
  need_shm_of_its_own();
  CHECK_EQ(test_in_child(without_shm, NULL), 0);
}
