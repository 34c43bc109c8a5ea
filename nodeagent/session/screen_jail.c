/* The jail of the screen process: user nobody, no descriptors, a bound on memory, a list of system calls.
 * A call that is not on the list ends the process. */
#include "nodeagent/session/screen_jail.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

enum { NOBODY = 65534, ONLY_DESCRIPTOR = 3 };

static bool drop_rights(void)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return false;
	if (geteuid() != 0)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(NOBODY, NOBODY, NOBODY) == 0 &&
	       setresuid(NOBODY, NOBODY, NOBODY) == 0;
}

static bool keep_only(int socket)
{
	int nothing = open("/dev/null", O_RDWR);
	if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 || dup2(nothing, STDOUT_FILENO) < 0 ||
	    dup2(nothing, STDERR_FILENO) < 0)
		return false;
	if (socket != ONLY_DESCRIPTOR && dup2(socket, ONLY_DESCRIPTOR) < 0)
		return false;
	return syscall(SYS_close_range, ONLY_DESCRIPTOR + 1, ~0U, 0) == 0;
}

#if defined(__x86_64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

#if defined(OWN_ARCHITECTURE) && !defined(IS_SANITIZED)

enum { MEMORY_BYTES_MAX = 256 * 1024 * 1024 };

static bool bound_memory(void)
{
	const struct rlimit most = {.rlim_cur = MEMORY_BYTES_MAX, .rlim_max = MEMORY_BYTES_MAX};
	return setrlimit(RLIMIT_AS, &most) == 0;
}

#define LOAD(field)  BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define RETURN(what) BPF_STMT(BPF_RET | BPF_K, (what))
/* The next line when the loaded number is another. */
#define IF(number)    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1)
#define ALLOW(number) IF(number), RETURN(SECCOMP_RET_ALLOW)

static bool filter_calls(void)
{
	struct sock_filter lines[] = {
	    LOAD(arch),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCHITECTURE, 1, 0),
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	    LOAD(nr),
	    ALLOW(SYS_recvfrom),
	    ALLOW(SYS_sendto),
	    ALLOW(SYS_brk),
	    ALLOW(SYS_munmap),
	    ALLOW(SYS_mremap),
	    ALLOW(SYS_madvise),
	    ALLOW(SYS_futex),
	    ALLOW(SYS_clock_gettime),
	    ALLOW(SYS_restart_syscall),
	    ALLOW(SYS_exit_group),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	    /* memory, but none that could be run (the low half of the third argument) */
	    LOAD(args[2]),
	    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 0, 1),
	    RETURN(SECCOMP_RET_KILL_PROCESS),
	    RETURN(SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = sizeof(lines) / sizeof(lines[0]), .filter = lines};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) == 0;
}

#else

static bool bound_memory(void)
{
	return true;
}

static bool filter_calls(void)
{
	return true;
}

#endif

int screen_jail_enter(int socket)
{
	if (!keep_only(socket) || !bound_memory() || !drop_rights() || !filter_calls())
		return -1;
	return ONLY_DESCRIPTOR;
}
