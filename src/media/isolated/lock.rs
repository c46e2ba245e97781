//! What a process gives up before it reads hostile bytes.
//!
//! In this order: new privileges, its memory's dumps, its life beyond its parent's; memory, time and files beyond
//! a limit; every file, port and signal of others (Landlock); and last every system call but some twenty (seccomp),
//! with reading bound to standard input, and writing to standard output and to standard error, which leads nowhere.
//! A call that is not on the list ends the process at once, with `SIGSYS`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, Signal, getpid, set_dumpable_behavior,
    set_parent_process_death_signal, setrlimit,
};
use rustix::thread::set_no_new_privs;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// What the process may use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// Bytes of its address space, the program itself included.
    pub(crate) memory: u64,
    /// Seconds of processor time.
    pub(crate) seconds: u64,
}

/// Whether this process is locked.
static LOCKED: AtomicBool = AtomicBool::new(false);

/// Whether this process is locked: what must run isolated runs in it.
pub(crate) fn is_locked() -> bool {
    LOCKED.load(Ordering::Relaxed)
}

/// Locks this thread, and with it the process where it has no other.
///
/// # Errors
///
/// What could not be had, in words. The process must not read its input then.
pub(super) fn lock(allowed: Allowed) -> Result<(), String> {
    let system = |what: &'static str| move |error| format!("{what}: {error}");
    set_no_new_privs(true).map_err(system("new privileges"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(system("dumps"))?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(system("the parent's end"))?;
    for (resource, current, maximum) in [
        (Resource::As, allowed.memory, allowed.memory),
        // At the first a signal that ends the process, at the second one that nothing can keep off.
        (Resource::Cpu, allowed.seconds, allowed.seconds + 1),
        (Resource::Nofile, 16, 16),
        (Resource::Nproc, 0, 0),
        (Resource::Core, 0, 0),
        (Resource::Memlock, 0, 0),
        (Resource::Msgqueue, 0, 0),
    ] {
        let limit = Rlimit {
            current: Some(current),
            maximum: Some(maximum),
        };
        setrlimit(resource, limit).map_err(system("limits"))?;
    }
    match no_files().map_err(|error| format!("Landlock: {error}"))? {
        RulesetStatus::NotEnforced => return Err("this system has no Landlock".to_owned()),
        // An older kernel knows fewer kinds of access; none is granted, and seccomp forbids all.
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => {}
    }
    let filter = filter().map_err(|error| format!("seccomp: {error}"))?;
    apply_filter(&filter).map_err(|error| format!("seccomp: {error}"))?;
    LOCKED.store(true, Ordering::Relaxed);
    Ok(())
}

/// No file, no port, no process outside: each kind of access is handled, and none allowed.
fn no_files() -> Result<RulesetStatus, RulesetError> {
    let status = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .restrict_self()?;
    Ok(status.ruleset)
}

/// The system calls that are left.
fn filter() -> Result<BpfProgram, seccompiler::BackendError> {
    let is = |argument, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
    };
    let without = |argument, bits| {
        let none_of = SeccompCmpOp::MaskedEq(bits);
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, none_of, 0)
    };
    let executable = libc::PROT_EXEC as u64;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = [
        libc::SYS_brk,
        libc::SYS_clock_gettime,
        libc::SYS_exit,
        libc::SYS_exit_group,
        libc::SYS_futex,
        libc::SYS_getpid,
        libc::SYS_getrandom,
        libc::SYS_gettid,
        libc::SYS_madvise,
        libc::SYS_mremap,
        libc::SYS_munmap,
        libc::SYS_restart_syscall,
        libc::SYS_rt_sigaction,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigreturn,
        libc::SYS_sched_yield,
        libc::SYS_sigaltstack,
    ]
    .into_iter()
    .map(|call| (call, Vec::new()))
    .collect();
    let itself = getpid().as_raw_nonzero().get() as u64;
    for (call, conditions) in [
        (libc::SYS_read, vec![is(0, 0)?]),
        (libc::SYS_mmap, vec![without(2, executable)?]),
        (libc::SYS_mprotect, vec![without(2, executable)?]),
        // To abort where memory runs out: itself, and by no other signal.
        (
            libc::SYS_tgkill,
            vec![is(0, itself)?, is(2, libc::SIGABRT as u64)?],
        ),
    ] {
        rules.insert(call, vec![SeccompRule::new(conditions)?]);
    }
    // Standard error leads nowhere; where memory runs out, Rust says so there before it aborts.
    let writes = [1, 2].map(|to| SeccompRule::new(vec![is(0, to)?]));
    let writes = writes.into_iter().collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_write, writes);
    SeccompFilter::new(
        rules,
        SeccompAction::KillProcess,
        SeccompAction::Allow,
        std::env::consts::ARCH.try_into()?,
    )?
    .try_into()
}

#[cfg(test)]
mod tests;
