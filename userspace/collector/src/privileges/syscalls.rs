//! The system calls that a running collector makes (`seccomp(2)`). Others fail with `EPERM`: no
//! program can be started, no process looked into, no file system mounted, no socket opened but
//! those of a client or a server, no memory made executable.
//!
//! The numbers are those of `libc`, by what they are for. What the C library may use instead is
//! here too: a newer one must not find a collector that fails.

use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen::Dword, SeccompCmpOp,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter,
};
use std::{collections::BTreeMap, env::consts::ARCH};

/// Keeps the calling thread to these system calls.
///
/// # Errors
/// Where the kernel has no such filters, or there is no table for this processor.
pub(super) fn restrict() -> Result<(), String> {
    let program = program().map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| error.to_string())
}

fn program() -> Result<BpfProgram, BackendError> {
    let architecture = TargetArch::try_from(ARCH)?;
    let refused = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let plain = [FILES, DIRECTORIES, MEMORY, THREADS, TIME, SOCKETS, EVENTS, OF_OLD];
    let plain = plain.iter().flat_map(|list| list.iter());
    let mut rules: BTreeMap<_, _> = plain.map(|number| (*number, Vec::new())).collect();
    rules.extend(conditional()?);
    SeccompFilter::new(rules, refused, SeccompAction::Allow, architecture)?.try_into()
}

/// Those that are allowed with some arguments only.
fn conditional() -> Result<impl Iterator<Item = (i64, Vec<SeccompRule>)>, BackendError> {
    let one_of = |argument, words: &[u32]| {
        let rule = |word: &u32| SeccompRule::new(vec![is(argument, u64::from(*word))?]);
        words.iter().map(rule).collect::<Result<Vec<_>, _>>()
    };
    Ok([
        (libc::SYS_bpf, one_of(0, &MAP_COMMANDS)?),
        (libc::SYS_ioctl, one_of(1, &IOCTLS)?),
        (libc::SYS_prctl, one_of(0, &THREAD_NAMES)?),
        (libc::SYS_socket, ordinary_sockets()?),
        (libc::SYS_mmap, vec![SeccompRule::new(vec![is_not_executable()?])?]),
        (libc::SYS_mprotect, vec![SeccompRule::new(vec![is_not_executable()?])?]),
    ]
    .into_iter())
}

fn is(argument: u8, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Dword, SeccompCmpOp::Eq, value)
}

/// TCP, UDP and Unix sockets: no raw ones, none of packets, netlink or AF_XDP.
fn ordinary_sockets() -> Result<Vec<SeccompRule>, BackendError> {
    // Above these bits are SOCK_CLOEXEC and SOCK_NONBLOCK.
    const KIND: u64 = 0xf;
    let mut rules = Vec::new();
    for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM] {
            let kind = u64::from(kind.cast_unsigned());
            let kind = SeccompCondition::new(1, Dword, SeccompCmpOp::MaskedEq(KIND), kind)?;
            rules.push(SeccompRule::new(vec![is(0, u64::from(family.cast_unsigned()))?, kind])?);
        }
    }
    Ok(rules)
}

fn is_not_executable() -> Result<SeccompCondition, BackendError> {
    const EXECUTABLE: u64 = libc::PROT_EXEC.cast_unsigned() as u64;
    SeccompCondition::new(2, Dword, SeccompCmpOp::MaskedEq(EXECUTABLE), 0)
}

/// `BPF_MAP_LOOKUP_ELEM`, `UPDATE_ELEM`, `DELETE_ELEM`, `GET_NEXT_KEY` (linux/bpf.h): counters are
/// read and the allow-list is changed by the maps' file descriptors, which takes no capability.
const MAP_COMMANDS: [u32; 4] = [1, 2, 3, 4];

/// Whether a file is a terminal, and how wide; sockets that do not block (asm-generic/ioctls.h:
/// `TCGETS`, `TIOCGWINSZ`, `FIONREAD`, `FIONBIO`, `FIOCLEX`).
const IOCTLS: [u32; 5] = [0x5401, 0x5413, 0x541b, 0x5421, 0x5451];

const THREAD_NAMES: [u32; 2] =
    [libc::PR_SET_NAME.cast_unsigned(), libc::PR_GET_NAME.cast_unsigned()];

const FILES: &[i64] = &[
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_close,
    libc::SYS_close_range,
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_preadv2,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_pwritev2,
    libc::SYS_lseek,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_syncfs,
    libc::SYS_sync_file_range,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_utimensat,
    libc::SYS_umask,
];

const DIRECTORIES: &[i64] = &[
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_linkat,
    libc::SYS_readlinkat,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
];

const MEMORY: &[i64] = &[
    libc::SYS_brk,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_mincore,
    libc::SYS_msync,
    libc::SYS_membarrier,
];

const THREADS: &[i64] = &[
    libc::SYS_clone,
    libc::SYS_clone3,
    libc::SYS_futex,
    libc::SYS_futex_waitv,
    libc::SYS_set_robust_list,
    libc::SYS_get_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_capget,
    libc::SYS_tgkill,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity,
    libc::SYS_getpriority,
    libc::SYS_setpriority,
    libc::SYS_getcpu,
    libc::SYS_getrusage,
    libc::SYS_prlimit64,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_getrandom,
];

const TIME: &[i64] = &[
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_clock_nanosleep,
    libc::SYS_nanosleep,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    // To read how far the clock is off; setting it takes a capability.
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
];

const SOCKETS: &[i64] = &[
    libc::SYS_socketpair,
    libc::SYS_bind,
    libc::SYS_connect,
    libc::SYS_listen,
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_shutdown,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_sendmmsg,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_recvmmsg,
];

const EVENTS: &[i64] = &[
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_eventfd2,
    libc::SYS_pipe2,
];

/// What newer processors' kernels have only as the calls above.
#[cfg(target_arch = "x86_64")]
const OF_OLD: &[i64] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_link,
    libc::SYS_readlink,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OF_OLD: &[i64] = &[];
