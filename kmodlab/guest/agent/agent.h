/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the agent's source files share. */
#ifndef AGENT_H
#define AGENT_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol.h"

#define MAX_JOBS 64
#define MAX_ARGS 4096

/* One request in progress: a command (pid > 0) or a file being written (pid == 0). */
struct job {
	int used;
	uint32_t id;
	pid_t pid;
	int in, out, err;              /* -1 if closed; `out` is also the terminal's master side */
	int command_pipe, status_pipe; /* of the helper process if the command is a builtin, else -1 */
	char *input;                   /* bytes that the command has not read yet */
	size_t input_length;
	int input_ended, error;
};

/* frames.c: the port to the host */
extern int port;
extern char payload[MAX_PAYLOAD + 1]; /* of the frame being handled; room for a NUL */
extern char chunk[MAX_PAYLOAD];       /* bytes on their way to the host */
void write_all(int fd, const void *data, size_t length);
void send_frame(uint32_t id, enum frame_type type, const void *data, uint32_t length);
void send_done(uint32_t id, int32_t error);
int receive_frame(struct frame_header *header);

/* jobs.c: the table of requests in progress */
extern struct job jobs[MAX_JOBS];
struct job *find_job(uint32_t id);
struct job *new_job(uint32_t id);
void free_job(struct job *job);
void fail_job(struct job *job, int error);
void close_fd(int *fd);
int forward(struct job *job, int *fd, enum frame_type type);
void forward_all(struct job *job);
void feed(struct job *job);
void take_input(struct job *job, uint32_t length);

/* commands.c: programs that the agent starts */
int split_words(char *text, uint32_t length, char **words);
void execute(uint32_t id, uint32_t length, int on_terminal);
void resize(struct job *job);
void reap(void);

/* builtins.c: commands that the agent runs without starting a program */
int run_builtin(char **words);

/* jump.c */
int jump(char **argv);

/* helper.c: the process that runs them */
int start_helper(void);
void execute_builtin(uint32_t id, uint32_t length);
void finish_builtin(struct job *job);
void forget_helper(pid_t pid);

/* files.c */
void open_file(uint32_t id, uint32_t length);
void write_file(struct job *job, uint32_t length);
void read_file(uint32_t id, uint32_t length);

/* kernel_log.c */
void read_log(uint32_t id);

/* hello.c */
void hello(uint32_t id, uint32_t length, int in_guest);

#endif
