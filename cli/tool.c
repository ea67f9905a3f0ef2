// SPDX-License-Identifier: Apache-2.0
// fork, exec, two pipes. The tool gets a time-out: a start must not hang on a foreign program, nor
// fail because a node that starts has much to do.
#include "cli/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TOOL_MS = 5000, SLOW_MS = 60000, OUTPUT_BYTES = 512 };

static void run_child(char *const argv[], int in, int out)
{
	sigset_t none;

	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
		dup2(out, STDERR_FILENO) < 0)
		_exit(127);
	(void)execvp(argv[0], argv);
	(void)dprintf(STDERR_FILENO, "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

// The first line of what the tool wrote.
static void read_line(int fd, char *line, size_t size_bytes)
{
	ssize_t n = read(fd, line, size_bytes - 1);

	line[n > 0 ? n : 0] = 0;
	line[strcspn(line, "\n")] = 0;
}

static int wait_child(pid_t pid, int limit_ms, int *status)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd pfd = {.fd = pidfd, .events = POLLIN};
	int n = pidfd < 0 ? 0 : poll(&pfd, 1, limit_ms);

	if (pidfd >= 0)
		(void)close(pidfd);
	if (n <= 0)
		(void)kill(pid, SIGKILL);
	if (waitpid(pid, status, 0) < 0)
		return -errno;
	return n <= 0 ? -ETIMEDOUT : 0;
}

static int run(char *const argv[], const char *input, int limit_ms, struct err *err)
{
	int in[2] = {-1, -1}, out[2] = {-1, -1}, status = 0, rc = 0;
	char line[OUTPUT_BYTES];
	pid_t pid = -1;

	if (pipe2(in, O_CLOEXEC) != 0 || pipe2(out, O_CLOEXEC) != 0) {
		rc = err_set(err, -errno, "%s: no pipe: %s", argv[0], strerror(errno));
		goto out;
	}
	pid = fork();
	if (pid == 0)
		run_child(argv, in[0], out[1]);
	if (pid < 0) {
		rc = err_set(err, -errno, "%s: no process: %s", argv[0], strerror(errno));
		goto out;
	}
	// Less than a pipe holds: never blocks. A tool that is gone shows in its status.
	(void)!write(in[1], input, strlen(input));
	(void)close(in[1]);
	(void)close(out[1]);
	in[1] = out[1] = -1;
	rc = wait_child(pid, limit_ms, &status);
	if (rc != 0) {
		rc = err_set(err, rc, "%s: %s", argv[0], strerror(-rc));
		goto out;
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
		read_line(out[0], line, sizeof(line));
		rc = err_set(err, -EIO, "%s failed: %.120s", argv[0], line);
	}
out:
	for (int i = 0; i < 2; i++) {
		if (in[i] >= 0)
			(void)close(in[i]);
		if (out[i] >= 0)
			(void)close(out[i]);
	}
	return rc;
}

int tool_run(char *const argv[], const char *input, struct err *err)
{
	return run(argv, input, TOOL_MS, err);
}

int tool_run_slow(char *const argv[], struct err *err)
{
	return run(argv, "", SLOW_MS, err);
}
