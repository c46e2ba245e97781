//! A process that decodes: begun, listened to until a deadline, and ended.

use std::fs::File;
use std::io::{PipeReader, Read, Seek, Write, pipe};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::lock::Allowed;
use super::program::VERSION;

/// How long a process may take to be gone once it has closed its pipe.
const TO_BE_GONE: Duration = Duration::from_secs(2);

/// What answers, byte by byte.
pub(super) trait Voice {
    /// Fills the bytes with what it says next.
    fn read(&mut self, into: &mut [u8]) -> Result<(), Silence>;

    /// Ends it, unless it has ended, and says how it did.
    fn end(&mut self) -> Option<ExitStatus>;
}

/// A process at work. It is ended when this is dropped.
pub(super) struct Process {
    child: Child,
    answers: PipeReader,
    /// How long it may still be waited for, in all.
    patience: Duration,
    is_gone: bool,
}

/// Why there is nothing more to read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Silence {
    /// It has ended, so.
    Ended(ExitStatus),
    /// The deadline has passed, and it was ended.
    Late,
    /// The system refused to let it be listened to.
    Failed(Errno),
}

impl Process {
    /// Executes a program and hands it a job: as standard input, in memory that nobody can change any more.
    pub(super) fn begin(
        program: &std::path::Path,
        mark: &str,
        allowed: Allowed,
        patience: Duration,
        job: &[&[u8]],
    ) -> std::io::Result<Self> {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut memory = File::from(memfd_create("hashgate-job", flags)?);
        for part in job {
            memory.write_all(part)?;
        }
        memory.rewind()?;
        let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
        fcntl_add_seals(&memory, seals)?;
        let (answers, writer) = pipe()?;
        // The command is dropped with the line, and with it this side's end of the pipe for writing.
        let child = Command::new(program)
            .arg(mark)
            .args([allowed.memory, allowed.seconds].map(|number| number.to_string()))
            .arg(VERSION)
            .env_clear()
            .current_dir("/")
            .stdin(memory)
            .stdout(writer)
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Self {
            child,
            answers,
            patience,
            is_gone: false,
        })
    }

    /// How it ended, now that its pipe is closed.
    fn silence(&mut self) -> Silence {
        let mut patience = TO_BE_GONE;
        if let Ok(id) = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()) {
            let mut wait = [PollFd::new(&id, PollFlags::IN)];
            // Whether it went or not, it is ended next.
            let _ = waited(&mut wait, &mut patience);
        }
        match self.end() {
            Some(status) => Silence::Ended(status),
            None => Silence::Late,
        }
    }
}

impl Voice for Process {
    fn read(&mut self, mut into: &mut [u8]) -> Result<(), Silence> {
        while !into.is_empty() {
            let mut wait = [PollFd::new(&self.answers, PollFlags::IN)];
            match waited(&mut wait, &mut self.patience) {
                Ok(true) => {}
                Ok(false) => {
                    self.end();
                    return Err(Silence::Late);
                }
                Err(error) => return Err(Silence::Failed(error)),
            }
            match self.answers.read(into) {
                Ok(0) => return Err(self.silence()),
                Ok(read) => {
                    let (_, rest) = std::mem::take(&mut into).split_at_mut(read);
                    into = rest;
                }
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let code = Errno::from_io_error(&error).unwrap_or(Errno::IO);
                    return Err(Silence::Failed(code));
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Option<ExitStatus> {
        if self.is_gone {
            return None;
        }
        self.is_gone = true;
        // It fails where the process is gone already.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Waits for one of them, and takes the time off the patience. `false` where it is used up.
fn waited(wait: &mut [PollFd<'_>], patience: &mut Duration) -> Result<bool, Errno> {
    loop {
        let begun = Instant::now();
        let timeout = Timespec {
            tv_sec: patience.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let ready = poll(wait, Some(&timeout));
        *patience = patience.saturating_sub(begun.elapsed());
        match ready {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// The signal that ended a process.
pub(super) fn signal(status: ExitStatus) -> Option<i32> {
    status.signal()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Has `tail` wait for files that never come.
    const WAIT: &str = "-F";

    fn begun(program: &str, mark: &str, patience: Duration) -> Process {
        let allowed = Allowed {
            memory: 60,
            seconds: 60,
        };
        Process::begin(program.as_ref(), mark, allowed, patience, &[b"job"]).unwrap()
    }

    #[test]
    fn a_process_that_says_nothing_is_ended_at_the_deadline() {
        let mut process = begun("/usr/bin/tail", WAIT, Duration::from_millis(1));
        assert!(matches!(process.read(&mut [0; 1]), Err(Silence::Late)));
        assert!(process.is_gone);
        assert!(matches!(process.child.try_wait(), Ok(Some(status)) if signal(status) == Some(9)));
    }

    #[test]
    fn a_process_that_nobody_listens_to_any_more_is_ended() {
        let process = begun("/usr/bin/tail", WAIT, Duration::from_secs(60));
        let id = process.child.id().to_string();
        drop(process);
        assert!(!std::path::Path::new("/proc").join(id).exists());
    }

    #[test]
    fn the_job_is_all_that_a_process_can_read_and_nobody_can_change_it() {
        let mut process = begun("/bin/cat", "-", Duration::from_secs(60));
        // `cat` fails at the numbers behind, which are no files.
        let mut said = [0; 3];
        process.read(&mut said).unwrap();
        assert_eq!(&said, b"job");
        let Err(Silence::Ended(status)) = process.read(&mut [0; 1]) else {
            panic!("it goes on");
        };
        assert_eq!((status.code(), signal(status)), (Some(1), None));
    }
}
