// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hands of the host inside the guest: runs commands, moves files, reads the kernel log.
 *
 *     agent PORT      PORT is the virtio-serial port's device file
 *     agent -N        the protocol on the already open descriptor N
 *
 * As PID 1 it forks a child that does the work and itself only reaps orphans. When the child ends, PID 1 ends as
 * well, which panics the kernel, and QEMU tells the host so: no other process can go on in its name.
 *
 * The protocol is a stream of frames, the same in both directions (little-endian):
 *
 *     u32 length of the payload (at most 65536) | u32 id | u8 type | payload
 *
 * The id names the request; every answer carries the id of its request. Host to guest:
 *
 *     'H' hello    u64 unix time in nanoseconds, then entropy; answered by 'h' with the same payload
 *     'X' execute  directory NUL argv[0] NUL argv[1] NUL ...; stdout and stderr apart
 *     'T' execute  the same, on a terminal of its own (stdout only)
 *     'O' own      the same for one of the commands below, without standard input
 *     'I' input    bytes for the standard input of 'X'/'T' or the file of 'W'; empty: end of input
 *     'K' kill     u8 signal, to the command's whole process group
 *     'Z' size     u16 rows, u16 columns of the terminal of 'T'
 *     'W' write    u32 mode, then the path; its content follows in 'I' frames
 *     'R' read     the path of a regular file
 *     'L' log      u64 sequence number: the records of /dev/kmsg from there on; all-ones: what is new
 *
 * The agent's own commands do what kmod's and busybox's of that name do, and say what those say:
 *
 *     insmod FILE [PARAMETER=VALUE ...], rmmod NAME, cat PATH
 *     stat PATH    a line with permissions and kind, as "644 regular file"; a link's target in the next one
 *
 * A process that is there already does them, since starting a program takes an emulated guest a tenth of a second.
 *
 * Guest to host: 'o' stdout or file bytes, 'e' stderr bytes, and, once and last for each request,
 * 'x' with the i32 wait status of a command, or 'd' with an i32 that is 0 or an errno.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/capability.h>
#include <linux/random.h>

#define MAX_PAYLOAD 65536
#define MAX_JOBS 64
#define MAX_ARGS 4096

struct __attribute__((packed)) header {
	uint32_t length;
	uint32_t id;
	uint8_t type;
};

/* One request under way: a command (pid > 0) or a file being written (pid == 0). */
struct job {
	int used;
	uint32_t id;
	pid_t pid;
	int in, out, err;    /* -1 when closed; `out` is also the terminal's master side */
	int orders, done;    /* of the hand that does an own command, else -1 */
	char *input;      /* bytes that the command has not taken yet */
	size_t input_length;
	int input_ended, ended, status, error;
};

static int port;
static int in_guest; /* only there may the clock and the random pool be touched */
static int child_pipe[2];
static struct job jobs[MAX_JOBS];
static char payload[MAX_PAYLOAD + 1];
static char chunk[MAX_PAYLOAD];

static void write_all(int fd, const void *data, size_t length)
{
	const char *at = data;

	while (length > 0) {
		ssize_t n = write(fd, at, length);

		if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = fd, .events = POLLOUT }, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			/* The host is away; a restored one may come back on the same port. */
			sleep(1);
		} else if (n > 0) {
			at += n;
			length -= n;
		}
	}
}

static void send_frame(uint32_t id, uint8_t type, const void *data, uint32_t length)
{
	static char frame[sizeof(struct header) + MAX_PAYLOAD];
	struct header head = { length, id, type };

	memcpy(frame, &head, sizeof(head));
	memcpy(frame + sizeof(head), data, length);
	write_all(port, frame, sizeof(head) + length);
}

static void send_done(uint32_t id, int32_t error)
{
	send_frame(id, 'd', &error, sizeof(error));
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static struct job *find_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].used && jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static struct job *new_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		if (jobs[i].used)
			continue;
		jobs[i] = (struct job){ .used = 1, .id = id, .in = -1, .out = -1, .err = -1, .orders = -1, .done = -1 };
		return &jobs[i];
	}
	return NULL;
}

static void free_job(struct job *job)
{
	close_fd(&job->in);
	if (job->err != job->out)
		close_fd(&job->err);
	close_fd(&job->out);
	close_fd(&job->orders);
	close_fd(&job->done);
	free(job->input);
	job->used = 0;
}

/* ---- commands ---------------------------------------------------------------------------- */

static void run_child(char **argv, const char *directory, int in, int out, int err)
{
	static char *environment[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8",
				       "TERM=linux", "PS1=guest # ", NULL };
	int error;

	setsid();
	if (isatty(in))
		ioctl(in, TIOCSCTTY, 0);
	dup2(in, 0);
	dup2(out, 1);
	dup2(err, 2);
	close_range(3, ~0U, 0);
	signal(SIGPIPE, SIG_DFL);
	/* Root, but not over our own memory, where the ids of requests are. */
	prctl(PR_CAPBSET_DROP, CAP_SYS_PTRACE, 0, 0, 0);
	if (chdir(directory) == 0)
		execvpe(argv[0], argv, environment);
	error = errno;
	dprintf(2, "%s: %s\n", argv[0], strerror(error));
	_exit(error == ENOENT ? 127 : 126);
}

static int open_pipes(struct job *job, int ends[3])
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return -1;
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
	ends[0] = in[0];
	ends[1] = out[1];
	ends[2] = err[1];
	return 0;
}

static int open_terminal(struct job *job, int ends[3])
{
	int unlock = 0, master = open("/dev/ptmx", O_RDWR | O_CLOEXEC | O_NOCTTY), slave;

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock))
		return -1;
	slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	if (slave < 0)
		return -1;
	job->out = master;
	job->in = dup(master);
	ends[0] = slave;
	ends[1] = dup(slave);
	ends[2] = dup(slave);
	return 0;
}

static int split_words(char *text, uint32_t length, char **words)
{
	int count = 0;

	text[length] = 0;
	for (char *at = text; at < text + length && count < MAX_ARGS - 1; at += strlen(at) + 1)
		words[count++] = at;
	words[count] = NULL;
	return count;
}

static void execute(uint32_t id, uint32_t length, int on_terminal)
{
	static char *words[MAX_ARGS];
	int ends[3] = { -1, -1, -1 };
	struct job *job = new_job(id);

	if (!job || split_words(payload, length, words) < 2 ||
	    (on_terminal ? open_terminal(job, ends) : open_pipes(job, ends))) {
		if (job)
			free_job(job);
		send_done(id, job ? errno : EAGAIN);
		return;
	}
	job->pid = fork();
	if (job->pid == 0)
		run_child(words + 1, words[0], ends[0], ends[1], ends[2]);
	for (int i = 0; i < 3; i++)
		close(ends[i]);
	if (job->pid < 0) {
		free_job(job);
		send_done(id, errno);
		return;
	}
	fcntl(job->in, F_SETFL, O_NONBLOCK);
	fcntl(job->out, F_SETFL, O_NONBLOCK);
	if (job->err >= 0)
		fcntl(job->err, F_SETFL, O_NONBLOCK);
}

/* Send on what a command printed; 0 when there is nothing more just now. */
static int forward(struct job *job, int *fd, uint8_t type)
{
	ssize_t n = *fd < 0 ? 0 : read(*fd, chunk, sizeof(chunk));

	if (n > 0)
		send_frame(job->id, type, chunk, n);
	else if (n == 0 || errno != EAGAIN)
		close_fd(fd); /* a terminal says EIO when its other side is closed */
	return n > 0;
}

static void feed(struct job *job)
{
	ssize_t n = write(job->in, job->input, job->input_length);

	if (n < 0 && errno != EAGAIN) {
		job->input_length = 0; /* the command does not read: as with any closed pipe */
		job->input_ended = 1;
	} else if (n > 0) {
		memmove(job->input, job->input + n, job->input_length - n);
		job->input_length -= n;
	}
	if (job->input_length == 0 && job->input_ended && job->out != job->in)
		close_fd(&job->in);
}

/* ---- own commands ------------------------------------------------------------------------ */

/* A process that waits for orders: u32 length, then words as in 'X'. It answers each with an i32 wait status. */
static struct hand {
	pid_t pid; /* 0 when there is none */
	int orders, out, err, done;
} idle_hand;

#define MAX_ORDER 60000 /* with its length it fits into an empty pipe, so that giving it never waits */

static int complain(const char *format, const char *name, const char *words)
{
	dprintf(2, format, name, words);
	return 1;
}

/* As kmod's mod_strerror has it (tools/insmod.c). */
static const char *insmod_words(int error)
{
	switch (error) {
	case ENOEXEC: return "Invalid module format";
	case ENOENT: return "Unknown symbol in module";
	case ESRCH: return "Module has wrong symbol version";
	case EINVAL: return "Invalid parameters";
	}
	return strerror(error);
}

static int insmod(char **words)
{
	static char parameters[MAX_PAYLOAD];
	int fd = open(words[1], O_RDONLY | O_CLOEXEC), error = errno;
	size_t length = 0;

	if (fd < 0)
		return complain("insmod: ERROR: could not load module %s: %s\n", words[1], strerror(error));
	parameters[0] = 0;
	for (char **word = words + 2; *word; word++)
		length += sprintf(parameters + length, "%s%s", length ? " " : "", *word);
	error = syscall(SYS_finit_module, fd, parameters, 0) ? errno : 0;
	close(fd);
	return error ? complain("insmod: ERROR: could not insert module %s: %s\n", words[1], insmod_words(error)) : 0;
}

static int rmmod(char **words)
{
	if (!syscall(SYS_delete_module, words[1], O_NONBLOCK))
		return 0;
	if (errno == ENOENT)
		return complain("rmmod: ERROR: Module %s is not currently loaded%s\n", words[1], "");
	if (errno == EAGAIN)
		return complain("rmmod: ERROR: Module %s is in use%s\n", words[1], "");
	return complain("rmmod: ERROR: could not remove module %s: %s\n", words[1], strerror(errno));
}

static int cat(char **words)
{
	int fd = open(words[1], O_RDONLY | O_CLOEXEC), error = errno;
	ssize_t n;

	if (fd < 0)
		return complain("cat: can't open '%s': %s\n", words[1], strerror(error));
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		write_all(1, chunk, n);
	error = errno;
	close(fd);
	return n < 0 ? complain("cat: %s: %s\n", words[1], strerror(error)) : 0;
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR: return "directory";
	case S_IFCHR: return "character special file";
	case S_IFBLK: return "block special file";
	case S_IFLNK: return "symbolic link";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	}
	return "regular file";
}

static int show_stat(char **words)
{
	char target[4096];
	struct stat found;
	ssize_t n;

	if (lstat(words[1], &found))
		return complain("stat: can't stat '%s': %s\n", words[1], strerror(errno));
	dprintf(1, "%o %s\n", found.st_mode & 07777, kind_of(found.st_mode));
	if ((n = readlink(words[1], target, sizeof(target))) >= 0)
		dprintf(1, "%.*s\n", (int)n, target);
	return 0;
}

static int do_own(char **words)
{
	static const struct {
		const char *name;
		int (*run)(char **words);
	} commands[] = { { "insmod", insmod }, { "rmmod", rmmod }, { "cat", cat }, { "stat", show_stat } };

	if (!words[0] || !words[1] || !words[2] || chdir(words[0]))
		return 126;
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(commands[i].name, words[1]))
			continue;
		prctl(PR_SET_NAME, words[1]); /* what the kernel logs names who was at work */
		return commands[i].run(words + 1);
	}
	return 127;
}

static int take_order(uint32_t *length)
{
	return read(0, length, sizeof(*length)) == sizeof(*length) && *length <= MAX_ORDER &&
	       read(0, payload, *length) == (ssize_t)*length;
}

static void be_hand(int orders, int out, int err, int done)
{
	static char *words[MAX_ARGS];
	uint32_t length;

	setsid();
	signal(SIGCHLD, SIG_DFL);
	dup2(orders, 0);
	dup2(out, 1);
	dup2(err, 2);
	dup2(done, 3);
	close_range(4, ~0U, 0);
	while (take_order(&length)) {
		int32_t status;

		split_words(payload, length, words);
		status = do_own(words) << 8;
		write_all(3, &status, sizeof(status));
	}
	_exit(0); /* whoever gave orders is gone */
}

static void dismiss_hand(struct hand *hand)
{
	close_fd(&hand->orders);
	close_fd(&hand->out);
	close_fd(&hand->err);
	close_fd(&hand->done);
	hand->pid = 0;
}

static int start_hand(void)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 }, done[2] = { -1, -1 };
	pid_t pid = -1;

	if (!pipe2(in, O_CLOEXEC) && !pipe2(out, O_CLOEXEC) && !pipe2(err, O_CLOEXEC) && !pipe2(done, O_CLOEXEC))
		pid = fork();
	if (pid == 0)
		be_hand(in[0], out[1], err[1], done[1]);
	close_fd(&in[0]);
	close_fd(&out[1]);
	close_fd(&err[1]);
	close_fd(&done[1]);
	idle_hand = (struct hand){ pid, in[1], out[0], err[0], done[0] };
	if (pid < 0) {
		dismiss_hand(&idle_hand);
		return -1;
	}
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(err[0], F_SETFL, O_NONBLOCK);
	return 0;
}

static void execute_own(uint32_t id, uint32_t length)
{
	struct iovec order[] = { { &length, sizeof(length) }, { payload, length } };
	struct job *job = new_job(id);

	if (!job || length > MAX_ORDER || (!idle_hand.pid && start_hand())) {
		if (job)
			free_job(job);
		send_done(id, length > MAX_ORDER ? E2BIG : EAGAIN);
		return;
	}
	/* While it is busy, or for ever if it never comes back, the hand is the job's. */
	job->pid = idle_hand.pid;
	job->orders = idle_hand.orders;
	job->out = idle_hand.out;
	job->err = idle_hand.err;
	job->done = idle_hand.done;
	idle_hand.pid = 0;
	if (writev(job->orders, order, 2) < 0)
		return; /* it was killed: that it is reaped ends the job */
}

static void finish_own(struct job *job)
{
	int32_t status;

	if (read(job->done, &status, sizeof(status)) != sizeof(status)) {
		close_fd(&job->done); /* it is dead: that it is reaped ends the job */
		return;
	}
	while (forward(job, &job->out, 'o'))
		;
	while (forward(job, &job->err, 'e'))
		;
	send_frame(job->id, 'x', &status, sizeof(status));
	if (!idle_hand.pid && job->out >= 0 && job->err >= 0) {
		idle_hand = (struct hand){ job->pid, job->orders, job->out, job->err, job->done };
		job->orders = job->out = job->err = job->done = -1;
	}
	free_job(job);
}

/*
 * A command has ended when its own process has, not when the last holder of its pipes has: a daemon
 * left in the background must not keep the host waiting.
 */
static void reap(void)
{
	char drain[64];
	int status;
	pid_t pid;

	while (read(child_pipe[0], drain, sizeof(drain)) > 0)
		;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid == idle_hand.pid)
			dismiss_hand(&idle_hand);
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];

			if (!job->used || job->pid != pid)
				continue;
			while (forward(job, &job->out, 'o'))
				;
			while (forward(job, &job->err, 'e'))
				;
			send_frame(job->id, 'x', &status, sizeof(status));
			free_job(job);
		}
	}
}

/* ---- files and the log ------------------------------------------------------------------- */

static void open_file(uint32_t id, uint32_t length)
{
	struct job *job = new_job(id);
	uint32_t mode;

	if (!job || length < 5) {
		send_done(id, job ? EINVAL : EAGAIN);
		if (job)
			free_job(job);
		return;
	}
	memcpy(&mode, payload, sizeof(mode));
	payload[length] = 0;
	job->in = open(payload + 4, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (job->in < 0 || fchmod(job->in, mode & 07777))
		job->error = errno;
}

static void write_file(struct job *job, uint32_t length)
{
	const char *at = payload;

	if (length == 0) {
		send_done(job->id, job->error);
		free_job(job);
		return;
	}
	while (length > 0 && !job->error) {
		ssize_t n = write(job->in, at, length);

		if (n < 0)
			job->error = errno;
		else
			at += n, length -= n;
	}
}

static void read_file(uint32_t id, uint32_t length)
{
	ssize_t n;
	int fd;

	payload[length] = 0;
	fd = open(payload, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		send_done(id, errno);
		return;
	}
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		send_frame(id, 'o', chunk, n);
	send_done(id, n < 0 ? errno : 0);
	close(fd);
}

/*
 * Every read of /dev/kmsg gives one record, "priority,sequence,microseconds,flags;text\n"
 * (Documentation/ABI/testing/dev-kmsg). Records are sent many to a frame. EPIPE says that the
 * next records were overwritten: going on with the oldest one left is what we want. The file
 * stays open: asking for what is new is the common case, and must not read everything again.
 */
static void read_log(uint32_t id)
{
	static int fd = -1;
	uint64_t first, sequence;
	size_t filled = 0;
	ssize_t n;

	memcpy(&first, payload, sizeof(first));
	if (fd < 0)
		fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0) {
		send_done(id, errno);
		return;
	}
	if (first == UINT64_MAX)
		first = 0;
	else
		lseek(fd, 0, SEEK_SET);
	for (;;) {
		n = read(fd, chunk + filled, sizeof(chunk) - filled - 1);
		if (n < 0 && errno == EPIPE)
			continue;
		if (n < 0 && errno == EINVAL && filled > 0) {
			send_frame(id, 'o', chunk, filled); /* no room for the next record */
			filled = 0;
			continue;
		}
		if (n <= 0)
			break;
		chunk[filled + n] = 0;
		if (sscanf(chunk + filled, "%*u,%lu", &sequence) == 1 && sequence >= first)
			filled += n;
	}
	if (filled > 0)
		send_frame(id, 'o', chunk, filled);
	send_done(id, n < 0 && errno != EAGAIN ? errno : 0);
}

/*
 * After a restore all forks of one snapshot hold the same random state and the snapshot's clock.
 * RNDADDENTROPY mixes the host's bytes in, RNDRESEEDCRNG makes the kernel use them at once.
 */
static void hello(uint32_t id, uint32_t length)
{
	struct {
		struct rand_pool_info info;
		char bytes[64];
	} pool = { .info = { .entropy_count = 512, .buf_size = 64 } };
	uint64_t now = 0;
	int random = in_guest ? open("/dev/urandom", O_WRONLY | O_CLOEXEC) : -1;

	if (length >= sizeof(now))
		memcpy(&now, payload, sizeof(now));
	if (random >= 0 && length >= sizeof(now) + sizeof(pool.bytes)) {
		memcpy(pool.info.buf, payload + sizeof(now), sizeof(pool.bytes));
		ioctl(random, RNDADDENTROPY, &pool);
		ioctl(random, RNDRESEEDCRNG);
	}
	close_fd(&random);
	if (now && in_guest)
		clock_settime(CLOCK_REALTIME, &(struct timespec){ now / 1000000000, now % 1000000000 });
	send_frame(id, 'h', payload, length);
}

/* ---- frames ------------------------------------------------------------------------------ */

static void take_input(struct job *job, uint32_t length)
{
	if (job->pid == 0) {
		write_file(job, length);
		return;
	}
	if (length == 0) {
		job->input_ended = 1;
	} else {
		char *larger = realloc(job->input, job->input_length + length);

		if (!larger)
			return;
		job->input = larger;
		memcpy(job->input + job->input_length, payload, length);
		job->input_length += length;
	}
	if (job->in >= 0)
		feed(job);
}

static void resize(struct job *job)
{
	uint16_t size[2];
	struct winsize window = { 0 };

	memcpy(size, payload, sizeof(size));
	window.ws_row = size[0];
	window.ws_col = size[1];
	ioctl(job->out, TIOCSWINSZ, &window);
}

static void take_frame(const struct header *head)
{
	struct job *job = find_job(head->id);

	switch (head->type) {
	case 'H': hello(head->id, head->length); break;
	case 'X': execute(head->id, head->length, 0); break;
	case 'T': execute(head->id, head->length, 1); break;
	case 'O': execute_own(head->id, head->length); break;
	case 'W': open_file(head->id, head->length); break;
	case 'R': read_file(head->id, head->length); break;
	case 'L': read_log(head->id); break;
	case 'I': if (job) take_input(job, head->length); break;
	case 'K': if (job && job->pid > 0) kill(-job->pid, payload[0]); break;
	case 'Z': if (job) resize(job); break;
	}
}

/* 0 when the port has no host just now: it reads as end-of-file, and is not the end. */
static int read_all(void *data, size_t length)
{
	size_t filled = 0;

	while (filled < length) {
		ssize_t n = read(port, (char *)data + filled, length - filled);

		if (n > 0) {
			filled += n;
		} else if (n < 0 && errno == EAGAIN) {
			poll(&(struct pollfd){ .fd = port, .events = POLLIN }, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return 0;
		} else if (n == 0) {
			if (filled == 0)
				return 0;
			usleep(10000);
		}
	}
	return 1;
}

static void serve(void)
{
	for (;;) {
		struct pollfd fds[2 + 4 * MAX_JOBS] = { { port, POLLIN, 0 }, { child_pipe[0], POLLIN, 0 } };
		struct job *owner[2 + 4 * MAX_JOBS] = { 0 };
		struct header head;
		int count = 2;

		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];

			if (!job->used || job->pid == 0)
				continue;
			if (job->in >= 0 && (job->input_length || job->input_ended))
				owner[count] = job, fds[count++] = (struct pollfd){ job->in, POLLOUT, 0 };
			if (job->out >= 0)
				owner[count] = job, fds[count++] = (struct pollfd){ job->out, POLLIN, 0 };
			if (job->err >= 0)
				owner[count] = job, fds[count++] = (struct pollfd){ job->err, POLLIN, 0 };
			if (job->done >= 0)
				owner[count] = job, fds[count++] = (struct pollfd){ job->done, POLLIN, 0 };
		}
		if (poll(fds, count, -1) < 0)
			continue;
		for (int i = 2; i < count; i++) {
			struct job *job = owner[i];

			if (!fds[i].revents)
				continue;
			if (fds[i].fd == job->in)
				feed(job);
			else if (fds[i].fd == job->out)
				forward(job, &job->out, 'o');
			else if (fds[i].fd == job->err)
				forward(job, &job->err, 'e');
			else if (fds[i].fd == job->done)
				finish_own(job);
		}
		if (fds[1].revents)
			reap();
		if (fds[0].revents & POLLIN) {
			if (read_all(&head, sizeof(head)) && head.length <= MAX_PAYLOAD &&
			    read_all(payload, head.length))
				take_frame(&head);
		} else if (fds[0].revents & (POLLHUP | POLLERR)) {
			usleep(10000); /* no host on the port just now */
		}
	}
}

static void on_child(int signal_number)
{
	int saved = errno;

	(void)signal_number;
	if (write(child_pipe[1], "", 1) < 0) {
		/* full: the reader has been told already */
	}
	errno = saved;
}

/* The kernel panics when its first process ends: nobody takes the place of a worker that was killed. */
static void reap_orphans(pid_t worker)
{
	for (;;) {
		pid_t pid = waitpid(-1, NULL, 0);

		if (pid == worker)
			_exit(1);
		if (pid < 0)
			sleep(1);
	}
}

int main(int argc, char **argv)
{
	pid_t worker;

	if (argc != 2)
		return 2;
	if (getpid() == 1 && (worker = fork()) > 0)
		reap_orphans(worker);
	in_guest = argv[1][0] != '-';
	port = in_guest ? open(argv[1], O_RDWR | O_CLOEXEC) : atoi(argv[1] + 1);
	if (port < 0 || pipe2(child_pipe, O_CLOEXEC | O_NONBLOCK))
		return 1;
	fcntl(port, F_SETFD, FD_CLOEXEC);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child, .sa_flags = SA_RESTART }, NULL);
	start_hand();
	serve();
}
