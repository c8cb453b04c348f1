/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * measure: what a command costs, all its children counted.
 * usage: measure COMMAND [ARGUMENT...]     prints "<cpu seconds> <wall seconds> <peak KiB of the
 * largest process> <exit status>" on standard error's place, file descriptor 3.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double seconds(struct timeval time)
{
	return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double wall_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	struct rusage used;
	double begin;
	int status;
	pid_t pid;

	if (argc < 2) {
		fputs("usage: measure COMMAND [ARGUMENT...]\n", stderr);
		return 2;
	}
	begin = wall_clock();
	pid = fork();
	if (pid < 0) {
		perror("fork");
		return 4;
	}
	if (pid == 0) {
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid) {
		perror("waitpid");
		return 4;
	}
	getrusage(RUSAGE_CHILDREN, &used);
	dprintf(3, "%.4f %.4f %ld %d\n", seconds(used.ru_utime) + seconds(used.ru_stime),
		wall_clock() - begin, used.ru_maxrss,
		WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}
