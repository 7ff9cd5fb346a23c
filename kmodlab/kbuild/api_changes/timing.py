"""API changes of timers and clocks."""

from __future__ import annotations

from kmodlab.i18n import N_
from kmodlab.kbuild.api_changes.change import MANY, Change, changes, types

CHANGES: tuple[Change, ...] = (
    *changes(
        "gone",
        "4.15",
        "linux/timer.h",
        ("init_timer()", N_("use timer_setup(), which takes the function as well"), "timer_setup(&timer, tick, 0);"),
        ("setup_timer()", N_("use timer_setup(); the function gets the timer itself"), "timer_setup(&timer, tick, 0);"),
        (
            "init_timer_deferrable()",
            N_("use timer_setup() with a flag"),
            "timer_setup(&timer, tick, TIMER_DEFERRABLE);",
        ),
        (
            "timer_list.data",
            N_("put the timer into a structure with your data, and find that with container_of()"),
            "struct box *box = container_of(t, struct box, timer);",
        ),
        (
            "TIMER_INITIALIZER()",
            N_("use DEFINE_TIMER(), or timer_setup() in the init function"),
            "static DEFINE_TIMER(timer, tick);",
        ),
    ),
    *changes(
        "changed",
        "4.15",
        "linux/timer.h",
        ("DEFINE_TIMER()", N_("it takes the name and the function only"), "static DEFINE_TIMER(timer, tick);", MANY),
        (
            "timer_list.function",
            N_("the function gets the timer instead of a number"),
            "static void my_tick(struct timer_list *t) { mod_timer(t, jiffies + HZ); }",
            types(r"void \(\*\)\((?:long unsigned int|unsigned long)\)", r"struct timer_list \*", r"."),
        ),
    ),
    *changes(
        "gone",
        "4.8",
        "linux/timer.h",
        (
            "mod_timer_pinned()",
            N_("set the timer up as pinned, and use mod_timer()"),
            "timer_setup(&timer, tick, TIMER_PINNED);",
        ),
        (
            "set_timer_slack()",
            N_("remove it; if the time may be rounded, round it"),
            "mod_timer(&timer, round_jiffies(jiffies + HZ));",
        ),
    ),
    *changes(
        "gone",
        "2.6.21",
        "linux/hrtimer.h",
        ("HRTIMER_REL", N_("write HRTIMER_MODE_REL"), "hrtimer_start(&timer, ms_to_ktime(10), HRTIMER_MODE_REL);"),
        ("HRTIMER_ABS", N_("write HRTIMER_MODE_ABS"), "hrtimer_start(&timer, ms_to_ktime(10), HRTIMER_MODE_ABS);"),
    ),
    *changes(
        "gone",
        "4.10",
        "linux/ktime.h",
        (
            "ktime_t.tv64",
            N_("ktime_t is a number of nanoseconds; use it as it is, or ktime_to_ns()"),
            "s64 ns = ktime_to_ns(ktime_get());",
        ),
    ),
    *changes(
        "gone",
        "5.0",
        "linux/timekeeping.h",
        (
            "do_gettimeofday()",
            N_("use ktime_get_real_ts64(), in seconds and nanoseconds"),
            "ktime_get_real_ts64(&now);",
        ),
    ),
    *changes(
        "gone",
        "5.6",
        "linux/time64.h",
        (
            "struct timeval",
            N_("use struct timespec64, whose seconds have 64 bits and whose fraction is in nanoseconds"),
            "struct timespec64 now;",
        ),
        ("struct timespec", N_("use struct timespec64, whose seconds have 64 bits"), "struct timespec64 now;"),
        ("ns_to_timespec()", N_("use ns_to_timespec64()"), "struct timespec64 now = ns_to_timespec64(ktime_get());"),
    ),
    *changes(
        "gone",
        "5.0–5.6",
        "linux/timekeeping.h",
        ("getnstimeofday()", N_("use ktime_get_real_ts64()"), "ktime_get_real_ts64(&now);"),
        ("current_kernel_time()", N_("use ktime_get_coarse_real_ts64()"), "ktime_get_coarse_real_ts64(&now);"),
        ("get_seconds()", N_("use ktime_get_real_seconds()"), 'pr_info("%lld\\n", ktime_get_real_seconds());'),
        ("ktime_get_ts()", N_("use ktime_get_ts64()"), "ktime_get_ts64(&now);"),
        ("getrawmonotonic()", N_("use ktime_get_raw_ts64()"), "ktime_get_raw_ts64(&now);"),
        ("get_monotonic_boottime()", N_("use ktime_get_boottime_ts64()"), "ktime_get_boottime_ts64(&now);"),
    ),
    *changes(
        "gone",
        "5.6",
        "linux/types.h",
        ("time_t", N_("use time64_t, which has 64 bits everywhere"), "time64_t now = ktime_get_real_seconds();"),
    ),
    *changes(
        "gone",
        "4.20–5.6",
        "linux/rtc.h",
        ("rtc_time_to_tm()", N_("use rtc_time64_to_tm()"), "rtc_time64_to_tm(ktime_get_real_seconds(), &tm);"),
    ),
    *changes(
        "gone",
        "4.8–5.6",
        "linux/time.h",
        ("time_to_tm()", N_("use time64_to_tm()"), "time64_to_tm(ktime_get_real_seconds(), 0, &tm);"),
    ),
    *changes(
        "gone",
        "4.20–5.6",
        "linux/time64.h",
        ("mktime()", N_("use mktime64()"), "time64_t start = mktime64(2024, 1, 31, 12, 0, 0);"),
    ),
    *changes(
        "gone",
        "5.0–5.6",
        "linux/jiffies.h",
        (
            "timespec_to_jiffies()",
            N_("use timespec64_to_jiffies()"),
            "unsigned long ticks = timespec64_to_jiffies(&now);",
        ),
    ),
    *changes(
        "gone",
        "5.6",
        "linux/ktime.h",
        (
            "ktime_to_timespec()",
            N_("use ktime_to_timespec64()"),
            "struct timespec64 now = ktime_to_timespec64(ktime_get());",
        ),
        (
            "ktime_to_timeval()",
            N_("use ktime_to_timespec64()"),
            "struct timespec64 now = ktime_to_timespec64(ktime_get());",
        ),
    ),
    *changes(
        "gone",
        "5.5–5.6",
        "linux/time64.h",
        ("ns_to_timeval()", N_("use ns_to_timespec64()"), "struct timespec64 now = ns_to_timespec64(ktime_get());"),
    ),
    *changes(
        "gone",
        "4.3",
        "asm/msr.h",
        ("rdtscl()", N_("use get_cycles() from <linux/timex.h>"), 'pr_info("%llu\\n", (u64)get_cycles());'),
        ("rdtscll()", N_("use get_cycles() from <linux/timex.h>"), 'pr_info("%llu\\n", (u64)get_cycles());'),
    ),
    *changes(
        "gone",
        "6.15",
        "linux/timer.h",
        ("del_timer()", N_("the function is called timer_delete()"), "timer_delete(&timer);"),
        ("del_timer_sync()", N_("the function is called timer_delete_sync()"), "timer_delete_sync(&timer);"),
    ),
    *changes(
        "gone",
        "6.16",
        "linux/timer.h",
        (
            "try_to_del_timer_sync()",
            N_("the function is called timer_delete_sync_try()"),
            "timer_delete_sync_try(&timer);",
        ),
        (
            "from_timer()",
            N_("the macro is called timer_container_of()"),
            "struct box *box = timer_container_of(box, t, timer);",
        ),
    ),
    *changes(
        "gone",
        "6.15",
        "linux/hrtimer.h",
        (
            "hrtimer_init()",
            N_("use hrtimer_setup(), which takes the function as well"),
            "hrtimer_setup(&high, ring, CLOCK_MONOTONIC, HRTIMER_MODE_REL);",
        ),
    ),
    *changes(
        "gone",
        "4.19–5.6",
        "linux/timekeeping.h",
        ("getnstimeofday64()", N_("use ktime_get_real_ts64()"), "ktime_get_real_ts64(&now);"),
        ("current_kernel_time64()", N_("use ktime_get_coarse_real_ts64()"), "ktime_get_coarse_real_ts64(&now);"),
        ("get_monotonic_boottime64()", N_("use ktime_get_boottime_ts64()"), "ktime_get_boottime_ts64(&now);"),
        ("getrawmonotonic64()", N_("use ktime_get_raw_ts64()"), "ktime_get_raw_ts64(&now);"),
    ),
    *changes(
        "gone",
        "5.0–5.6",
        "linux/jiffies.h",
        ("jiffies_to_timeval()", N_("use jiffies_to_timespec64()"), "jiffies_to_timespec64(jiffies, &now);"),
        ("jiffies_to_timespec()", N_("use jiffies_to_timespec64()"), "jiffies_to_timespec64(jiffies, &now);"),
        ("timeval_to_ns()", N_("use timespec64_to_ns()"), "s64 n = timespec64_to_ns(&now);"),
        ("timespec_to_ns()", N_("use timespec64_to_ns()"), "s64 n = timespec64_to_ns(&now);"),
        ("timespec_sub()", N_("use timespec64_sub()"), "now = timespec64_sub(now, now);"),
    ),
    *changes(
        "gone",
        "2.6.35–3.5",
        "linux/timekeeping.h",
        ("xtime", N_("use ktime_get_real_ts64()"), "ktime_get_real_ts64(&now);"),
    ),
    *changes(
        "gone",
        "4.15",
        "linux/timer.h",
        (
            "init_timer_on_stack()",
            N_("use timer_setup_on_stack(), whose function gets the timer"),
            "timer_setup_on_stack(&timer, tick, 0);",
        ),
        (
            "setup_timer_on_stack()",
            N_("use timer_setup_on_stack(), whose function gets the timer"),
            "timer_setup_on_stack(&timer, tick, 0);",
        ),
    ),
    *changes(
        "gone",
        "4.20–5.6",
        "linux/timekeeping.h",
        ("ktime_get_real_ts()", N_("use ktime_get_real_ts64()"), "ktime_get_real_ts64(&now);"),
    ),
    *changes(
        "gone",
        "4.3",
        "asm/msr.h",
        ("native_read_tsc()", N_("use rdtsc()"), "u64 cycles = rdtsc();"),
    ),
)
