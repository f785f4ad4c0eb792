/* SPDX-License-Identifier: MIT */
/*
 * rename.h - force-included when the backend is compiled for the wrapper: what
 * fault.c wraps is compiled as acre__os_real_..., and fault.c takes the name.
 * Functions that cannot fail keep theirs. Includes nothing, as it comes before
 * the backend has asked libc for its extensions.
 */
#ifndef ACRE_OS_FAULT_RENAME_H
#define ACRE_OS_FAULT_RENAME_H

#define acre__os_reserve acre__os_real_reserve
#define acre__os_release acre__os_real_release
#define acre__os_commit acre__os_real_commit
#define acre__os_decommit acre__os_real_decommit
#define acre__os_protect acre__os_real_protect
#define acre__os_hide acre__os_real_hide
#define acre__os_reveal acre__os_real_reveal
#define acre__os_hide_each acre__os_real_hide_each
#define acre__os_reveal_each acre__os_real_reveal_each
#define acre__os_discard acre__os_real_discard
#define acre__os_populate acre__os_real_populate
#define acre__os_lock acre__os_real_lock
#define acre__os_unlock acre__os_real_unlock
#define acre__os_reset acre__os_real_reset
#define acre__os_undo_reset acre__os_real_undo_reset
#define acre__os_file_open acre__os_real_file_open
#define acre__os_file_size acre__os_real_file_size
#define acre__os_file_grow acre__os_real_file_grow
#define acre__os_map_file acre__os_real_map_file
#define acre__os_flush acre__os_real_flush
#define acre__os_file_sync acre__os_real_file_sync
#define acre__os_maps_open acre__os_real_maps_open
#define acre__os_maps_at acre__os_real_maps_at
#define acre__os_fault_install acre__os_real_fault_install
#define acre__os_at_fork acre__os_real_at_fork
#define acre__os_read_singly acre__os_real_read_singly
#define acre__os_keep_from_children acre__os_real_keep_from_children
#define acre__os_directory_open acre__os_real_directory_open
#define acre__os_file_temporary acre__os_real_file_temporary
#define acre__os_file_identity acre__os_real_file_identity
#define acre__os_file_allocate acre__os_real_file_allocate
#define acre__os_file_punch acre__os_real_file_punch
#define acre__os_signal_stack_set acre__os_real_signal_stack_set
#define acre__os_signal_stack_unset acre__os_real_signal_stack_unset
#define acre__os_at_thread_exit acre__os_real_at_thread_exit
#define acre__os_want_thread_exit acre__os_real_want_thread_exit
#define acre__os_fence_prepare acre__os_real_fence_prepare
#define acre__os_advise_large acre__os_real_advise_large
#define acre__os_commit_large acre__os_real_commit_large
#define acre__os_collapse acre__os_real_collapse
#define acre__os_prefer_node acre__os_real_prefer_node
#define acre__os_cool acre__os_real_cool
#define acre__os_page_out acre__os_real_page_out
#define acre__os_file_in_memory acre__os_real_file_in_memory
#define acre__os_track acre__os_real_track
#define acre__os_written acre__os_real_written

#endif
