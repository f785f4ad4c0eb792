/* SPDX-License-Identifier: MIT */
/* ACRE_OPTIONS: what the parser takes, and what it complains about. */
#include "vm/options.h"

#include <stdlib.h>
#include <string.h>

#include "harness.h"

static char complaints[1024];

static void complain(const char *piece) {
  strncat(complaints, piece, sizeof complaints - strlen(complaints) - 2);
  strcat(complaints, ";");
}

static struct acre__options parse(const char *text) {
  struct acre__options options = {0};
  complaints[0] = '\0';
  acre__options_parse(text, &options, complain);
  return options;
}

TEST(nothing_is_all_defaults) {
  struct acre__options options = parse("");
  CHECK(!options.commit_by_mprotect && !options.query_by_proc && !options.populate_by_touch);
  CHECK_EQ(options.map_budget, 0);
  CHECK_EQ(strlen(complaints), 0);
}

TEST(every_key_and_value) {
  CHECK(parse("commit=mprotect").commit_by_mprotect);
  CHECK(!parse("commit=guard").commit_by_mprotect);
  CHECK(!parse("commit=auto").commit_by_mprotect);
  CHECK(parse("query=proc").query_by_proc);
  CHECK(!parse("query=ioctl").query_by_proc);
  CHECK(!parse("query=auto").query_by_proc);
  CHECK(parse("batch=each").single_calls);
  CHECK(!parse("batch=each,batch=process_madvise").single_calls);
  CHECK(parse("populate=touch").populate_by_touch);
  CHECK(!parse("populate=madvise").populate_by_touch);
  CHECK(!parse("populate=auto").populate_by_touch);
  CHECK(parse("dirty=smaps").dirty_by_mapping);
  CHECK(parse("copy=memcpy").copy_by_memcpy);
  CHECK(!parse("copy=memcpy,copy=instruction").copy_by_memcpy);
  CHECK(parse("reserve=plain").plain_reservations);
  CHECK(!parse("reserve=plain,reserve=placeholder").plain_reservations);
  CHECK(!parse("dirty=cachestat").dirty_by_mapping);
  CHECK(parse("files=plain").plain_files);
  CHECK(!parse("files=auto").plain_files);
  CHECK(parse("fence=lock").fence_by_lock);
  CHECK(!parse("fence=membarrier").fence_by_lock);
  CHECK(!parse("fence=auto").fence_by_lock);
  CHECK(parse("written=fault").written_by_fault);
  CHECK(!parse("written=kernel").written_by_fault);
  CHECK(!parse("written=auto").written_by_fault);
  CHECK_EQ(parse("map_budget=1234").map_budget, 1234);
  CHECK_EQ(parse("commit_limit=1234").commit_limit, 1234);
  CHECK_EQ(parse("commit_limit=3K").commit_limit, 3 << 10);
  CHECK_EQ(parse("commit_limit=3M").commit_limit, 3 << 20);
  CHECK_EQ(parse("commit_limit=3G").commit_limit, (size_t)3 << 30);
  CHECK_EQ(parse("commit_limit=3T").commit_limit, (size_t)3 << 40);
  CHECK_EQ(parse("commit_limit=0").commit_limit, 0);
  CHECK(parse("large=transparent").large_by_advice);
  CHECK(!parse("large=auto").large_by_advice);
  CHECK(parse("collapse=none").no_collapse);
  CHECK(!parse("collapse=madvise").no_collapse);
  CHECK(!parse("collapse=auto").no_collapse);
  CHECK(parse("memory_file=disk").memory_on_disk);
  CHECK(!parse("memory_file=memfd").memory_on_disk);
  CHECK(!parse("memory_file=auto").memory_on_disk);
  struct acre__options all = parse("commit=mprotect,query=proc,populate=touch,map_budget=7");
  CHECK(all.commit_by_mprotect && all.query_by_proc && all.populate_by_touch);
  CHECK_EQ(all.map_budget, 7);
  CHECK_EQ(strlen(complaints), 0);
}

TEST(the_last_one_counts) {
  CHECK(!parse("commit=mprotect,commit=auto").commit_by_mprotect);
  CHECK(parse("commit=auto,commit=mprotect").commit_by_mprotect);
  CHECK_EQ(parse("map_budget=1,map_budget=2").map_budget, 2);
}

TEST(empty_pieces_are_no_complaint) {
  CHECK(parse(",,commit=mprotect,,").commit_by_mprotect);
  CHECK_EQ(strlen(complaints), 0);
}

static const struct {
  const char *text, *complaints;
} strange[] = {
    {"nonsense", "nonsense;"},
    {"commit", "commit;"},
    {"commit=", "commit=;"},
    {"=mprotect", "=mprotect;"},
    {"commit=MPROTECT", "commit=MPROTECT;"},
    {" commit=mprotect", " commit=mprotect;"},
    {"commit=mprotectx", "commit=mprotectx;"},
    {"commit=mprotect=guard", "commit=mprotect=guard;"},
    {"map_budget=", "map_budget=;"},
    {"map_budget=-1", "map_budget=-1;"},
    {"map_budget=12x", "map_budget=12x;"},
    {"map_budget=12K", "map_budget=12K;"},
    {"commit_limit=", "commit_limit=;"},
    {"commit_limit=K", "commit_limit=K;"},
    {"commit_limit=1KB", "commit_limit=1KB;"},
    {"commit_limit=1k", "commit_limit=1k;"},
    {"commit_limit=1 K", "commit_limit=1 K;"},
    {"commit_limit=-1", "commit_limit=-1;"},
    {"commit_limit=99999999T", "commit_limit=99999999T;"},
    {"map_budget=99999999999999999999999", "map_budget=99999999999999999999999;"},
    {"=", "=;"},
    {"a=b,c=d", "a=b;c=d;"},
    /* Of what is too long to be a setting the beginning is told. */
    {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyyy",
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx;"},
};

TEST(what_is_not_understood_is_told_and_passed_over) {
  for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) {
    struct acre__options options = parse(strange[i].text);
    if (strcmp(complaints, strange[i].complaints) != 0)
      test_fail(__FILE__, __LINE__, "'%s' complains of '%s'", strange[i].text, complaints);
    CHECK(!options.commit_by_mprotect);
    CHECK_EQ(options.map_budget, 0);
    CHECK_EQ(options.commit_limit, 0);
  }
  CHECK(parse("nonsense,commit=mprotect,more").commit_by_mprotect);
  CHECK(strcmp(complaints, "nonsense;more;") == 0);
}
