// Linux calls that Swift cannot import: variadic in C, or hidden behind _GNU_SOURCE.
#pragma once

#include <signal.h>
#include <spawn.h>
#include <sys/types.h>

/// prctl(PR_SET_PDEATHSIG): sets the signal that this process gets when the thread that made it ends. 0, or -1 with
/// errno.
int rookery_set_parent_death_signal(int signal);

/// pidfd_open: a close-on-exec descriptor that polls readable once the process has ended. -1 with errno.
int rookery_pidfd_open(pid_t process);

/// Blocks signals in the calling thread and in threads that it makes from now on. Signals that reach another thread are
/// passed on to the calling thread. 0 or an error number.
int rookery_block_signals(const sigset_t *signals);

/// signalfd, close-on-exec and non-blocking. -1 with errno.
int rookery_signalfd(const sigset_t *signals);

/// Reads one pending signal from a signalfd: its number, 0 if none is pending, -1 with errno.
int rookery_signalfd_read(int descriptor);

/// In the child: close every descriptor from `from` on. 0 or an error number.
int rookery_spawn_close_from(posix_spawn_file_actions_t *actions, int from);

/// In the child: change to the working directory. 0 or an error number.
int rookery_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *path);

/// The flag that makes a spawned child lead a session of its own.
int rookery_spawn_session_flag(void);

/// memfd_create: a close-on-exec descriptor of an empty file in memory that has no path. -1 with errno.
int rookery_memory_file(const char *name);
