"""Functions that stand in a stack trace without being to blame, by what they do.

One table of facts for `culprit`: the helpers that kernel developers pass over when they name a crash, so that a bad
pointer handed to `memcpy` is filed under the caller. The selection follows the convention of syzbot's reports on the
kernel's mailing lists. Words match anywhere in a name unless anchored.
"""

from __future__ import annotations

import re

_BY_SUBJECT = {
    "watch over memory": (
        r"k(?:as|ms)an|hwasan|__[am]san|__sanitizer|kcsan_setup_watchpoint|(?:read|write)_once_.*nocheck",
        r"check_(?:memory_region|heap_object|object)|read_word_at_a_time|__fortify_report|__phys_addr",
    ),
    "print the report": (
        r"panic|invalid_op|(?:report|fixup|imbalance)_bug|do_(?:error|trap)|_trap$|__warn|warn_(?:slowpath|alloc|bogus)",
        r"print_(?:report|usage_bug|unlock|tainted|address_description|hex_dump)|hex_dump_to_buffer|^get_taint$",
        r"(?:show|dump|walk)_stack|dump_backtrace|arch_stack_walk|stack_trace_(?:save|consume_entry)",
        r"valid_state|assertfail|program_check_(?:exception|common)",
        r"do_(?:kernel|translation)_fault|do_mem_abort|el1_abort|el1h_64_sync",
    ),
    "format text": (
        r"printk|s[nc]+printf|kv?asprintf|va_format|string|pointer",
        r"dev_(?:info|notice|warn|err|alert|crit|emerg)",
    ),
    "allocate and free": (
        r"[mzc]alloc|krealloc|kmem_cache|slab_|allocate_slab|alloc_page|__alloc_frozen_pages_noprof",
        r"^kv?free$|kfree_skb|ida_free|memdup|strn?dup",
    ),
    "keep pages and folios": (
        r"folio_(?:alloc|unlock|invalidate)|filemap_alloc_folio|__filemap_get_folio|find_(?:or_create_page|lock_entries)",
        r"do_read_cache_folio|read_cache_page|pagecache_get_page|grab_cache_page_write_begin|^(?:un)?lock_page",
        r"truncate_(?:cleanup_folio|inode_(?:folio|partial_folio|pages_range))|iomap_invalidate_folio|ifs_free",
        r"xas_(?:start|load|find)|mark_buffer_dirty|drop_nlink|dput|^iput(?:_final)?$|^ihold$",
    ),
    "lock and wait": (
        r"lockdep|lock_(?:acquire|release|class|sock)|release_sock|mark_lock|(?:reacquire|mark)_held_locks",
        r"(?:spin|read|write)_(?:try|un)?lock|raw_spin_rq|osq_(?:un)?lock|owner_on_cpu|^(?:__|rt_)?mutex_",
        r"^down$|down_(?:read|write|trylock)|up_(?:read|write)|bh_(?:en|dis)able|(?:trace|lockdep)_(?:hard|soft)irq",
        r"might_(?:fault|sleep|resched)|__wake_up|^complete$|wait_for_completion|finish_wait|perf_trace",
    ),
    "count": (
        r"atomic(?:64)?_(?:dec|inc|read|set|x?or|and|add|sub|fetch|(?:cmp)?xchg|try)|(?:set|clear|change|test)_bit",
        r"^(?:refcount|kref)_|ref_tracker|seqprop_assert",
    ),
    "move bytes": (
        r"mem(?:cpy|cmp|set|chr|move)|strn?(?:cmp|cpy|len|str)|str(?:lcpy|scpy|chr)|^crc\d+|crc_itu_t",
        r"copy_(?:to|from)_(?:user|iter)|copy_page_(?:to|from)_iter|copy_folio_to_iter|^copy(?:in|out)$",
        r"(?:put|get)_user|extract_(?:user|iter)_to_sg|(?:read|write)[bwlq]$|logic_(?:in|out)|_indirect_thunk_",
    ),
    "link lists and trees": (r"list_(?:add|del|replace|move|splice)|^(?:__)?rb_|^klist_|rhashtable_lookup",),
    "run later": (
        r"(?:timer|work)_is_static_object|debug_object|del_timer|lock_timer_base|__mod_timer|__timer_delete_sync",
        r"sk_stop_timer_sync|(?:flush|queue|insert)_work|queue_delayed_work_on|__queue_delayed_work",
        r"(?:drain|destroy)_workqueue|__cancel_work_timer|cancel_work_sync|try_to_grab_pending|kthread_stop",
        r"cleanup_srcu_struct",
    ),
    "keep devices": (
        r"kobject_|add_uevent_var|sysfs_remove|get_device_parent|^put_device$|devres_release_all",
        r"device_(?:add|del|unregister|destroy|release|for_each_child|remove_file)|tty_unregister_device",
        r"hwrng_unregister|i2c_del_adapter|__unregister_client|rollback_registered|unregister_netdev",
        r"dummy_urb_enqueue|usb_(?:kill_(?:anchored_)?urb|control_msg|(?:hcd_)?submit_urb)",
    ),
}

BYSTANDERS = "|".join(words for subject in _BY_SUBJECT.values() for words in subject)

# The same system call has another prefix on each architecture and in each decade. One is taken off, whichever leaves
# the shortest name.
SYSCALL_PREFIXES = (
    "SYSC_", "SyS_", "sys_", "__x64_", "__ia32_", "__arm64_", "____sys_", "___sys_", "__sys_", "__se_", "__se_sys_",
    "__do_sys_", "compat_SYSC_", "compat_SyS_", "ksys_",
)  # fmt: skip

# Dispatchers: in a kernel that loops, what they called is a better name than where the clock happened to strike.
HANG_ANCHORS = re.compile(
    "|".join(
        (
            r"process_one_work|^kthread$|smpboot_thread_fn|ret_from_fork|start_secondary|cpu_startup_entry",
            r"do_(?:fast_)?syscall_|sysenter_dispatch|tracesys_phase2|el0_svc_handler|invoke_syscall|ret_fast_syscall",
            r"do_softirq|run_ksoftirqd|tasklet_(?:hi_)?action|smp_call_function|hrtimer_run|netif_receive_skb",
            r"call_timer_fn|_run_timers|run_timer_softirq|task_work_run|exit_to_usermode|__fput",
            r"__do_fault|do_page_fault|^page_fault$|mmap_region|do_mmap|^call_mmap|do_dentry_open|vfs_open",
            r"vfs_(?:iter_)?(?:read|write)|do_iter_(?:read|write)|call_(?:read|write)_iter|new_sync_(?:read|write)",
            r"vfs_ioctl|ksys_ioctl|compat_(?:sys_)?ioctl|blkdev_(?:driver_)?ioctl|^(?:sys_)?(?:socketpair|connect|ioctl)",
            r"^(?:compat_)?sock_ioctl|^sock_(?:do_ioctl|mmap|sendmsg|recvmsg)|^(?:__)?sock_release|sk_common_release",
            r"^(?:setsockopt|listen|accept)$|kernel_(?:setsockopt|listen|accept)|sock_common_setsockopt",
            r"^(?:nfnetlink|rtnetlink)_rcv_msg|^netlink_dump",
        )
    )
)

# What a sleeping task does at the top of its stack.
HUNG_TASK_WAITS = re.compile(
    r"sched|_lock|_slowlock|down|rwsem|completion|kthread|wait|synchronize|context_switch|__switch_to|rcu_barrier|"
    r"cancel_delayed_work"
)
