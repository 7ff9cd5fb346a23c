"""The words of checks, each met by what it asks for and missed by what it does not, in real guests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kmodlab.checks.check_result import CheckResult, Status
from kmodlab.checks.evaluate import evaluate
from kmodlab.checks.registry import WORDS, read_check
from kmodlab.checks.runner import CheckRunner
from kmodlab.guest.lab import Lab
from kmodlab.submission.learner_sources import LearnerSources

MODULE = """\
%%kmod probe
#include <linux/module.h>
#include <linux/miscdevice.h>
#include <linux/fs.h>
#include <linux/uaccess.h>
#include <linux/timer.h>

static int count = 1;
module_param(count, int, 0644);
MODULE_PARM_DESC(count, "how many");
static int fail;
module_param(fail, int, 0);

static ssize_t probe_read(struct file *file, char __user *to, size_t size, loff_t *at)
{
    return simple_read_from_buffer(to, size, at, "ready\\n", 6);
}
static ssize_t probe_write(struct file *file, const char __user *from, size_t size, loff_t *at)
{
    return -EBUSY;
}
static const struct file_operations operations = {
    .owner = THIS_MODULE, .read = probe_read, .write = probe_write,
};
static struct miscdevice device = { .minor = MISC_DYNAMIC_MINOR, .name = "probe", .fops = &operations, .mode = 0600 };
static void tick(struct timer_list *unused) { pr_info("tick"); }
static DEFINE_TIMER(timer, tick);

int probe_helper(void) { return 1; }
EXPORT_SYMBOL_GPL(probe_helper);

static int probe_init(void)
{
    int i;

    if (fail)
        return -fail;
    for (i = 0; i < count; i++)
        pr_notice("step %d of probe\\n", i);
    i = misc_register(&device);
    if (!i)
        mod_timer(&timer, jiffies + HZ / 2);
    return i;
}
static void probe_exit(void)
{
    del_timer_sync(&timer);
    misc_deregister(&device);
    pr_info("gone, without a newline");
}
module_init(probe_init);
module_exit(probe_exit);
MODULE_LICENSE("GPL");
MODULE_AUTHOR("somebody");
"""
USER = """\
%%kmod user -f probe.symvers
#include <linux/module.h>
int probe_helper(void);
static int user_init(void) { return probe_helper() - 1; }
module_init(user_init);
MODULE_LICENSE("GPL");
"""
SCRIPT = (
    "%%kscript install\nmkdir -p /lib/modules/$(uname -r)/extra\ncp probe.ko user.ko /lib/modules/$(uname -r)/extra\n"
)
WORK = LearnerSources.of([MODULE, USER, f"{SCRIPT}depmod -a\necho done", "%%kscript idle\nfalse"])


@pytest.fixture(scope="module")
def runner(lab: Lab) -> Iterator[CheckRunner]:
    with CheckRunner(lab) as runner:
        yield runner


def judged(runner: CheckRunner, words: str, work: LearnerSources = WORK) -> CheckResult:
    result = evaluate(read_check(f'check("c", {words})'), work, runner)
    assert result.status is not Status.ERRORED, result
    return result


MET = [
    'builds("probe")',
    'builds("probe", warnings=False)',
    'declares("probe", "license")',
    'declares("probe", "license", like="gpl"), has_free_licence("probe")',
    'declares("probe", "parmtype", like="count:int"), declares("probe", "parmtype", like=".*:int", only=True)',
    'has_parameter("probe", "count", kind="int", described=True)',
    'exports("probe", "probe_helper", gpl_only=True)',
    'uses("probe", "misc_register")',
    'uses("probe", "nosuch|misc_register")',
    'uses("probe", "misc_register", if_uses="nosuch|mod_timer"), uses("probe", "nosuch", if_uses="other")',
    'depends_on("user", "probe")',
    'loads("probe"), unloads("probe")',
    'loads("probe"), loads("user"), is_loaded("user", "probe")',
    'refuses("probe", "ENODEV", fail=19), is_not_loaded("probe")',
    'loads("probe"), is_used_while_open("probe", "/dev/probe"), unloads("probe")',
    'loads("probe", count=a_number(2, 5)), logs("of PROBE", times="{count}")',
    'loads("probe", count=2), logs("step 0", "step 1", level="NOTICE"), logs_nothing_like("step 2")',
    'loads("probe"), logs("tick", within=5)',
    'loads("probe"), unloads("probe"), logs("gone, without")',
    'creates("/proc/modules"), removes("/dev/probe"), loads("probe"), creates("/dev/probe", mode="0600", '
    'kind="character special file"), unloads("probe"), removes("/dev/probe")',
    'loads("probe", count=a_number(2, 99)), holds("/sys/module/probe/parameters/count", "{count}")',
    'loads("probe"), runs("cat /dev/probe"), prints("ready", exactly=True), prints_nothing_like("x+")',
    'loads("probe"), fails("echo x >/dev/probe", "EBUSY"), fails("cat /nosuch")',
    'runs("echo {word}", word=a_word()), prints("{word}")',
    'runs("echo {n} {2*n} {2*m}", n=a_number(50, 50)), prints("50 100 {2*m}", exactly=True)',
    'stands_in("probe", "#include <linux/module.h>\\nint probe_helper(void);\\nint probe_helper(void) { return 1; }\\n'
    'EXPORT_SYMBOL(probe_helper);\\nMODULE_LICENSE(\\"GPL\\");"), loads("user"), is_loaded("probe", "user")',
    'installs("probe"), modprobes("probe", count=2), logs("step 1"), is_loaded("probe")',
    'runs_script("idle"), runs("rm probe.ko"), installs("user", "probe"), modprobes("user"), is_loaded("probe")',
    'few_modules(), runs_script("install"), prints("done"), modprobes("user"), is_loaded("probe", "user")',
    'runs_script("idle")',
    'few_modules(), runs("depmod -a"), modprobes("dummy"), is_loaded("dummy")',
    'plugs("edu"), runs("cat /sys/bus/pci/devices/*/vendor"), prints("0x1234"), unplugs("edu")',
    'plugs("usb-mouse"), unplugs("usb-mouse")',
    'plugs("edu"), plugs("edu-2"), unplugs("edu")',
    'plugs("usb-1209-0001"), runs("cat /sys/bus/usb/devices/*/idVendor"), prints("1209"), unplugs("usb-1209-0001")',
    'leaves_nothing("probe")',
    'survives_rounds("probe", 5)',
    'survives_faults("probe")',
    'leaves_nothing("user")',
    'acquires("probe", "misc")',
    'exits_in_order("probe", "/proc/modules")',
    'runs("id -u", as_nobody=True), prints("65534", exactly=True)',
]  # fmt: skip
MET_AMONG_ALL_MODULES = 'runs_script("install"), prints("done"), modprobes("user"), is_loaded("probe", "user")'
MISSED = [
    ('builds("nosuch")', "no module `nosuch` yet"),
    ('declares("probe", "description")', "shows no description"),
    ('declares("probe", "license", like="MIT")', "shows the license `GPL`, which is not"),
    ('declares("probe", "parmtype", like="count:int", only=True)', "shows the parmtype `fail:int`, which is not"),
    ('uses("probe", "nosuch", if_uses="other|mod_timer")', "uses `mod_timer`, but none of `nosuch`"),
    ('has_parameter("probe", "nosuch")', "no parameter"),
    ('has_parameter("probe", "count", kind="charp")', "of the type int"),
    ('has_parameter("probe", "fail", described=True)', "no description"),
    ('exports("probe", "nosuch")', "does not export"),
    ('exports("probe", "probe_helper", gpl_only=False)', "GPL only"),
    ('uses("probe", "kmalloc|kzalloc")', "does not use"),
    ('depends_on("probe", "user")', "does not depend"),
    ('loads("user")', "no loaded module exports `probe_helper`. The kernel says: user: Unknown symbol probe_helper"),
    ('refuses("user", "ENOENT")', "before init was called"),
    ('unloads("probe")', "ENOENT"),
    ('loads("probe"), loads("user"), unloads("probe")', "EAGAIN"),
    ('loads("probe"), loads("user"), unloads("user")', "EBUSY"),
    ('is_loaded("probe")', "not loaded"),
    ('loads("probe"), is_not_loaded("probe")', "is loaded"),
    ('is_used_while_open("probe", "/dev/null")', "not loaded"),
    ('loads("probe"), is_used_while_open("probe", "/dev/nosuch")', "`/dev/nosuch` cannot be opened"),
    ('loads("probe"), is_used_while_open("probe", "/dev/null")', "rmmod would remove it"),
    ('refuses("probe", "EINVAL")', "should have failed"),
    ('refuses("probe", "EINVAL", fail=-22)', "Init returned +22: the sign is missing (-EINVAL is -22)"),
    ('refuses("probe", "EINVAL", fail=19)', "`insmod probe.ko fail=19` failed with ENODEV (19), not with EINVAL: "),
    ('loads("probe", count="many")', "`insmod probe.ko count=many` failed with EINVAL (22): the parameter `count`"),
    ('loads("probe", conut=2), logs("step 1")', "parameter `conut`, so the kernel ignores it. Did you mean `count`?"),
    ('loads("probe", fail=517)', "EPROBE_DEFER (517)"),
    ('loads("probe", fail=-7)', "Init returned +7: the sign is missing (-E2BIG is -7), so the module stays loaded."),
    ('loads("probe", fail=19)', "ENODEV"),
    ('loads("probe"), logs("step 1")', "`step 1` was not logged by `insmod probe.ko`"),
    ('loads("probe", count=2), logs("step 1", "step 0")', "but not after `step 1`"),
    ('loads("probe", count=2), logs("of probe", times=3)', "was logged 2 times by `insmod probe.ko count=2`, not 3."),
    ('loads("probe"), logs("step 0", level="ERR")', "at the level NOTICE, not at the level ERR"),
    ('loads("probe"), unloads("probe"), logs("step 0")', "not logged by `rmmod probe`"),
    ('loads("probe"), logs_nothing_like("st.p")', "but nothing like `st.p` should be"),
    ('runs("echo step 0 >/dev/kmsg"), logs("step 0")', "not logged"),
    ('creates("/dev/probe")', "not there"),
    ('loads("probe"), creates("/dev/probe", mode="0644")', "permissions 0600"),
    ('loads("probe"), creates("/dev/probe", kind="directory")', "not a directory"),
    ('loads("probe"), removes("/dev/probe")', "still there"),
    ('loads("probe"), holds("/sys/module/probe/parameters/count", "2")', "does not give `2`, but `1`"),
    ('holds("/nosuch", "2")', "No such file"),
    ('runs("cat /nosuch")', "No such file"),
    ('fails("true")', "should fail"),
    ('loads("probe"), fails("echo x >/dev/probe", "EIO")', "not with EIO"),
    ('runs("echo a"), prints("b")', "`echo a` did not print `b`. It printed `a`."),
    ('runs("echo a b"), prints("a", exactly=True)', "exactly"),
    ('runs("echo a"), prints_nothing_like("a")', "something like"),
    ('loads("probe"), serves_two("/dev/probe")', "A write to `/dev/probe` returned -16, but the program wrote 24"),
    ('serves_two("/dev/nosuch")', "Two programs could not open `/dev/nosuch` at the same time: No such file"),
    ('modprobes("probe")', "`modprobe probe` failed"),
    ('runs_script("nosuch")', "no script"),
    ('plugs("edu"), plugs("edu")', "plugged in already"),
    ('unplugs("edu")', "not plugged in"),
    ('plugs("usb-1209-0001"), plugs("usb-0627-0002")', "plugged in already"),
    ('loads("probe"), plugs("edu"), drives("probe")', "No device is bound"),
    ('survives_faults("probe", at_least=50)', "too few"),
    ('acquires("probe", "misc", "class")', "While it is loaded, `probe` does not hold the class."),
    ('acquires("probe", "misc", memory=64)', "does not hold 64 bytes of memory"),
    ('acquires("probe", fail=19)', "It is not loaded: init returned -ENODEV (-19). It was loaded with `insmod"),
    ('loads("probe"), runs("cat /dev/probe", as_nobody=True)', "`cat /dev/probe (not as root)` failed: Permission"),
]  # fmt: skip


@pytest.mark.parametrize("words", [*MET, pytest.param(MET_AMONG_ALL_MODULES, marks=pytest.mark.long)])
def test_a_word_is_met(runner: CheckRunner, words: str) -> None:
    result = judged(runner, words)
    assert result.status is Status.PASSED, result.reason


@pytest.mark.parametrize(("words", "why"), MISSED)
def test_a_word_is_missed(runner: CheckRunner, words: str, why: str) -> None:
    result = judged(runner, words)
    assert result.status is Status.FAILED
    assert why in result.reason
    assert judged(runner, words) == result  # from run to run it says the same


def test_every_word_is_tried() -> None:
    everything = " ".join([*MET, *(words for words, _ in MISSED), 'drives_nothing("m") answers("q") answers_all("q")'])
    assert not [word for word in WORDS if f"{word}(" not in everything]


def test_operations_without_an_owner_do_not_keep_their_module(runner: CheckRunner) -> None:
    work = LearnerSources.of([MODULE.replace(".owner = THIS_MODULE, ", "")])
    result = judged(runner, 'loads("probe"), is_used_while_open("probe", "/dev/probe")', work)
    assert "While a program has `/dev/probe` open, `probe` does not count as used" in result.reason


@pytest.mark.long
def test_a_module_that_keeps_itself_loaded_is_shown_its_line(runner: CheckRunner) -> None:
    text = MODULE.replace("    if (fail)\n", "    __module_get(THIS_MODULE);\n    if (fail)\n")
    result = judged(runner, 'loads("probe"), unloads("probe")', LearnerSources.of([text]))
    assert "it holds a reference to itself, which `__module_get()` in line" in result.reason
    assert result.line is not None and "__module_get" in result.line.text


DRIVER = """\
%%kmod taker
#include <linux/module.h>
#include <linux/pci.h>
static const struct pci_device_id ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, { } };
MODULE_DEVICE_TABLE(pci, ids);
static int probe(struct pci_dev *dev, const struct pci_device_id *id) { pci_info(dev, "taken\\n"); return 0; }
static void remove(struct pci_dev *dev) { pci_info(dev, "let go\\n"); }
static struct pci_driver taker = { .name = "taker", .id_table = ids, .probe = probe, .remove = remove };
module_pci_driver(taker);
MODULE_LICENSE("GPL");
"""


def test_a_driver_is_seen_to_take_and_to_let_go(runner: CheckRunner) -> None:
    words = 'loads("taker"), drives_nothing("taker"), plugs("edu"), logs("taken"), drives("taker"), '
    words += 'unplugs("edu"), logs("let go"), drives_nothing("taker"), unloads("taker")'
    assert judged(runner, words, LearnerSources.of([DRIVER])).reason == ""


def test_a_device_that_is_there_first_is_taken_on_loading(runner: CheckRunner) -> None:
    assert (
        judged(
            runner, 'plugs("edu"), loads("taker"), logs("taken"), drives("taker")', LearnerSources.of([DRIVER])
        ).reason
        == ""
    )


def test_a_name_that_is_taken_is_refused_as_in_a_notebook(runner: CheckRunner) -> None:
    result = judged(runner, 'builds("virtio_blk")', LearnerSources.of(['%%kmod virtio_blk\nMODULE_LICENSE("GPL");']))
    assert result.status is Status.FAILED and "The name virtio_blk is taken" in result.reason


def test_what_does_not_compile_fails_on_its_line(runner: CheckRunner) -> None:
    result = judged(
        runner, 'loads("bad")', LearnerSources.of(["%%kmod bad\n#include <linux/module.h>\nint x = nosuch;\n"])
    )
    assert "does not compile" in result.reason
    assert result.line
    assert (result.line.file, result.line.number, result.line.text) == ("bad.c", 3, "int x = nosuch;")
    assert "declare it" in result.hints[0]


def test_a_leak_fails_on_the_line_that_acquired_it(runner: CheckRunner) -> None:
    leaky = MODULE.replace("misc_deregister(&device);", "")
    result = judged(runner, 'leaves_nothing("probe")', LearnerSources.of([leaky]))
    assert result.status is Status.FAILED
    assert result.line
    assert "misc_register" in result.line.text


LATER = """\
%%kmod later
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
static int *counter;
static void count(struct work_struct *unused) { ++*counter; }
static DECLARE_DELAYED_WORK(work, count);
static int later_init(void)
{
    counter = kzalloc(sizeof(*counter), GFP_KERNEL);
    if (!counter)
        return -ENOMEM;
    schedule_delayed_work(&work, 60 * HZ);
    return 0;
}
static void later_exit(void)
{
    cancel_delayed_work_sync(&work);
    kfree(counter);
}
module_init(later_init);
module_exit(later_exit);
MODULE_LICENSE("GPL");
"""


def test_exit_that_frees_what_work_still_uses_is_noticed_each_time(runner: CheckRunner) -> None:
    assert judged(runner, 'exits_in_order("later")', LearnerSources.of([LATER])).reason == ""
    stop, free = "    cancel_delayed_work_sync(&work);\n", "    kfree(counter);\n"
    result = judged(runner, 'exits_in_order("later")', LearnerSources.of([LATER.replace(stop + free, free + stop)]))
    assert "use after free" in result.reason
    assert result.line and "++*counter" in result.line.text


def test_init_that_hides_a_failure_does_not_survive_faults(runner: CheckRunner) -> None:
    tries_again = LATER.replace("if (!counter)\n        return -ENOMEM;", "while (!counter)\n        later_init();")
    result = judged(runner, 'survives_faults("later")', LearnerSources.of([tries_again]))
    assert "When kzalloc fails: init returns 0, and not the error." in result.reason


def test_of_two_modules_in_one_build_the_one_that_is_named_is_watched(runner: CheckRunner) -> None:
    fine = '#include <linux/module.h>\nstatic void e(void) { }\nmodule_exit(e);\nMODULE_LICENSE("GPL");\nOWN'
    leak = (
        "#include <linux/slab.h>\nstatic int i(void) { return kmalloc(8, GFP_KERNEL) ? 0 : -ENOMEM; }\nmodule_init(i);"
    )
    cells = ["%%makefile pair\nobj-m += tidy.o leaky.o", f"%%kfile tidy.c\n{fine.replace('OWN', '')}"]
    work = LearnerSources.of([*cells, f"%%kfile leaky.c\n{fine.replace('OWN', leak)}"])
    assert judged(runner, 'leaves_nothing("tidy")', work).reason == ""
    assert "8 bytes of memory" in judged(runner, 'leaves_nothing("leaky")', work).reason


def test_a_makefile_may_call_the_module_otherwise(runner: CheckRunner) -> None:
    cells = [
        "%%makefile folder\nobj-m += inner.o\ninner-y := a.o b.o",
        "%%kfile a.c\n#include <linux/module.h>\nint f(void);",
    ]
    cells[1] += '\nstatic int i(void) { return f(); }\nmodule_init(i);\nMODULE_LICENSE("GPL");'
    cells.append("%%kfile b.c\nint f(void);\nint f(void) { return 0; }")
    assert judged(runner, 'loads("inner")', LearnerSources.of(cells)).reason == ""
    assert "but no `outer.ko`" in judged(runner, 'loads("outer")', LearnerSources.of(cells)).reason


def test_a_makefile_that_changes_the_sources_is_no_build_of_them(runner: CheckRunner) -> None:
    cells = ["%%makefile a\nobj-m += a.o\n$(shell echo >>$(src)/a.c)", "%%kfile a.c\n#include <linux/module.h>"]
    cells[1] += '\nMODULE_LICENSE("GPL");\n'
    result = judged(runner, 'builds("a")', LearnerSources.of(cells))
    assert result.reason == "The build changes the source `a.c`, but must not."
