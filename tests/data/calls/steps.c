/*
 * A module's shape without a kernel: an init with four steps, an exit that undoes them and ends in a jump to a pointer.
 * Made into steps.ko by
 *
 *	gcc -O2 -g -fno-pic -mcmodel=kernel -fcf-protection=none -mindirect-branch=thunk-extern -mindirect-branch-register \
 *		-ffile-prefix-map=$PWD=/lab -c steps.c modinfo.s
 *	ld -r steps.o modinfo.o -o steps.ko
 */
#define init_code __attribute__((section(".init.text"), used))
#define exit_code __attribute__((section(".exit.text"), used))

void *kmalloc_trace(void *cache, unsigned int flags, unsigned long size);
void kfree(const void *pointer);
int misc_register(void *misc);
void misc_deregister(void *misc);
int mod_timer(void *timer, unsigned long expires);
void mutex_lock(void *lock);
void mutex_unlock(void *lock);
void *unheard_of(void);

static void *box;
static char misc[64], timer[64], lock[64];
static void (*volatile last_word)(void);

static inline void *get_box(void)
{
	return kmalloc_trace(0, 0xcc0, 64);
}

init_code int steps_init(void)
{
	int error;

	box = get_box();
	if (!box)
		return -12;
	error = misc_register(misc);
	if (error)
		goto no_misc;
	mutex_lock(lock);
	mod_timer(timer, 100);
	unheard_of();
	mutex_unlock(lock);
	return 0;
no_misc:
	kfree(box);
	return error;
}

exit_code void steps_exit(void)
{
	misc_deregister(misc);
	kfree(box);
	last_word();
}

int init_module(void) __attribute__((alias("steps_init")));
void cleanup_module(void) __attribute__((alias("steps_exit")));
