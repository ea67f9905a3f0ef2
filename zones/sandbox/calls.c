// SPDX-License-Identifier: Apache-2.0
// Read from the sources and from traces of every process under load, in every address mode.
#include "zones/sandbox/calls.h"

#include <seccomp.h>

const int sandbox_calls_common[] = {SCMP_SYS(accept), SCMP_SYS(accept4), SCMP_SYS(brk),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(close),
	SCMP_SYS(dup), SCMP_SYS(dup2), SCMP_SYS(dup3), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2), SCMP_SYS(exit),
	SCMP_SYS(exit_group), SCMP_SYS(fcntl), SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(futex),
	SCMP_SYS(get_robust_list), SCMP_SYS(getegid), SCMP_SYS(geteuid), SCMP_SYS(getgid),
	SCMP_SYS(getpeername), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(getrandom),
	SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(getsockname), SCMP_SYS(getsockopt),
	SCMP_SYS(gettid), SCMP_SYS(gettimeofday), SCMP_SYS(getuid), SCMP_SYS(ioctl),
	SCMP_SYS(lseek), SCMP_SYS(madvise), SCMP_SYS(membarrier), SCMP_SYS(mlock), SCMP_SYS(mremap),
	SCMP_SYS(munlock), SCMP_SYS(munmap), SCMP_SYS(nanosleep), SCMP_SYS(newfstatat),
	SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(prctl), SCMP_SYS(pread64),
	SCMP_SYS(prlimit64), SCMP_SYS(pselect6), SCMP_SYS(read), SCMP_SYS(readv),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmmsg), SCMP_SYS(recvmsg), SCMP_SYS(restart_syscall),
	SCMP_SYS(rseq), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigpending), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield), SCMP_SYS(select), SCMP_SYS(sendmmsg), SCMP_SYS(sendmsg),
	SCMP_SYS(sendto), SCMP_SYS(set_robust_list), SCMP_SYS(set_tid_address),
	SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(sigaltstack), SCMP_SYS(signalfd4),
	SCMP_SYS(socketpair), SCMP_SYS(statx), SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(time),
	SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(uname), SCMP_SYS(wait4),
	SCMP_SYS(write), SCMP_SYS(writev), SANDBOX_END};

const int sandbox_calls_network[] = {
	SCMP_SYS(bind), SCMP_SYS(connect), SCMP_SYS(listen), SCMP_SYS(socket), SANDBOX_END};

const int sandbox_calls_read_files[] = {SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(getcwd), SCMP_SYS(getdents64), SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_init1), SCMP_SYS(inotify_rm_watch), SCMP_SYS(lstat), SCMP_SYS(readlink),
	SCMP_SYS(readlinkat), SCMP_SYS(stat), SCMP_SYS(statfs), SANDBOX_END};

const int sandbox_calls_write_files[] = {SCMP_SYS(fallocate), SCMP_SYS(fchmod), SCMP_SYS(fdatasync),
	SCMP_SYS(flock), SCMP_SYS(fsync), SCMP_SYS(ftruncate), SCMP_SYS(memfd_create),
	SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(pwrite64), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat), SANDBOX_END};

// Packet memory grows in memfds; threads pin themselves; DPDK's interrupt thread begins anew when a
// device goes, and its registers are written through VFIO's descriptor.
const int sandbox_calls_dataplane[] = {SCMP_SYS(epoll_create), SCMP_SYS(fallocate),
	SCMP_SYS(ftruncate), SCMP_SYS(get_mempolicy), SCMP_SYS(mbind), SCMP_SYS(memfd_create),
	SCMP_SYS(move_pages), SCMP_SYS(pwrite64), SCMP_SYS(sched_setaffinity),
	SCMP_SYS(set_mempolicy), SCMP_SYS(timerfd_gettime), SANDBOX_END};

const int sandbox_calls_refused[] = {SCMP_SYS(io_uring_setup), SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler), SCMP_SYS(setpriority), SANDBOX_END};

const int sandbox_calls_files[] = {SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(stat),
	SANDBOX_END};

const int sandbox_calls_intruder[] = {SCMP_SYS(acct), SCMP_SYS(add_key), SCMP_SYS(chroot),
	SCMP_SYS(clock_settime), SCMP_SYS(delete_module), SCMP_SYS(finit_module),
	SCMP_SYS(init_module), SCMP_SYS(kexec_file_load), SCMP_SYS(kexec_load), SCMP_SYS(keyctl),
	SCMP_SYS(mount), SCMP_SYS(move_mount), SCMP_SYS(open_by_handle_at), SCMP_SYS(open_tree),
	SCMP_SYS(perf_event_open), SCMP_SYS(pidfd_getfd), SCMP_SYS(pivot_root), SCMP_SYS(quotactl),
	SCMP_SYS(reboot), SCMP_SYS(request_key), SCMP_SYS(sethostname), SCMP_SYS(settimeofday),
	SCMP_SYS(swapoff), SCMP_SYS(swapon), SCMP_SYS(umount2), SCMP_SYS(userfaultfd), SANDBOX_END};

const int sandbox_calls_rights[] = {SCMP_SYS(bpf), SCMP_SYS(capset), SCMP_SYS(iopl),
	SCMP_SYS(ioperm), SCMP_SYS(personality), SCMP_SYS(setgid), SCMP_SYS(setgroups),
	SCMP_SYS(setns), SCMP_SYS(setresgid), SCMP_SYS(setresuid), SCMP_SYS(setuid),
	SCMP_SYS(unshare), SANDBOX_END};

const int sandbox_calls_exec[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SANDBOX_END};

const int sandbox_calls_attach[] = {
	SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(ptrace), SANDBOX_END};
