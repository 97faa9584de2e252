// Linux calls that Swift cannot import: variadic in C, or hidden behind _GNU_SOURCE.
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

int rookery_set_parent_death_signal(int signal) {
  return prctl(PR_SET_PDEATHSIG, (unsigned long)signal, 0, 0, 0);
}

int rookery_pidfd_open(pid_t process) {
  return (int)syscall(SYS_pidfd_open, process, 0);
}

int rookery_signalfd(const sigset_t *signals) {
  return signalfd(-1, signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

static pthread_t signal_owner;

static void forward_signal(int number) {
  int code = errno;
  pthread_kill(signal_owner, number);
  errno = code;
}

int rookery_block_signals(const sigset_t *signals) {
  int code = pthread_sigmask(SIG_BLOCK, signals, NULL);
  if (code != 0) return code;
  signal_owner = pthread_self();
  struct sigaction action = {.sa_handler = forward_signal, .sa_flags = SA_RESTART};
  sigfillset(&action.sa_mask);
  for (int number = 1; number < NSIG; number++) {
    if (sigismember(signals, number) == 1 && sigaction(number, &action, NULL) != 0) return errno;
  }
  return 0;
}

int rookery_signalfd_read(int descriptor) {
  struct signalfd_siginfo info;
  ssize_t count;
  do {
    count = read(descriptor, &info, sizeof info);
  } while (count < 0 && errno == EINTR);
  if (count == (ssize_t)sizeof info) return (int)info.ssi_signo;
  return count < 0 && errno != EAGAIN ? -1 : 0;
}

int rookery_spawn_close_from(posix_spawn_file_actions_t *actions, int from) {
  return posix_spawn_file_actions_addclosefrom_np(actions, from);
}

int rookery_spawn_change_directory(posix_spawn_file_actions_t *actions, const char *path) {
  return posix_spawn_file_actions_addchdir_np(actions, path);
}

int rookery_spawn_session_flag(void) {
  return POSIX_SPAWN_SETSID;
}

int rookery_memory_file(const char *name) {
  return memfd_create(name, MFD_CLOEXEC);
}
