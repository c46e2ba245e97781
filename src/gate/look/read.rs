//! A file's bytes, within a limit, and never from a thing that could make a reader wait for ever.

use crate::gate::{Outcome, Problem, ProblemKind};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;

/// Reads a regular file of at most `max_bytes` into `buffer`, whose old content is dropped.
///
/// Opens without waiting, so that a FIFO put in a file's place cannot stop the reader, and asks
/// the open file, not its name, whether it is regular and how large it is. A file that grows
/// while it is read is held to the limit too.
///
/// # Errors
/// [`Outcome::Unreadable`] where the file is gone, forbidden or no regular file, and
/// [`Outcome::TooLarge`] above the limit. The message does not repeat the path.
pub fn read_file(
    path: impl AsRef<Path>,
    max_bytes: u64,
    buffer: &mut Vec<u8>,
) -> Result<(), Problem> {
    buffer.clear();
    let mut file = open(path.as_ref()).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        let error = format!("is {}, and only regular files are read", kind(&facts));
        return Err(Problem::new(
            Outcome::Unreadable,
            ProblemKind::NotAFile,
            error,
        ));
    }
    if facts.len() > max_bytes {
        return Err(too_large(facts.len(), max_bytes));
    }
    let expected = usize::try_from(facts.len()).unwrap_or(0);
    buffer.reserve(expected.saturating_add(1));
    let read = Read::by_ref(&mut file)
        .take(max_bytes.saturating_add(1))
        .read_to_end(buffer)
        .map_err(unreadable)?;
    if read as u64 > max_bytes {
        buffer.clear();
        return Err(too_large(read as u64, max_bytes));
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

fn unreadable(error: io::Error) -> Problem {
    Problem::new(Outcome::Unreadable, ProblemKind::Io, error.to_string())
}

fn too_large(got: u64, limit: u64) -> Problem {
    let message = format!("the file has {got} bytes or more, the limit is {limit}");
    Problem::new(Outcome::TooLarge, ProblemKind::FileBytes, message)
}

fn kind(facts: &std::fs::Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        let kind = facts.file_type();
        if kind.is_fifo() {
            return "a FIFO";
        }
        if kind.is_socket() {
            return "a socket";
        }
        if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        }
    }
    if facts.is_dir() {
        "a folder"
    } else {
        "not a regular file"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_inclusive_and_the_buffer_is_reused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("f");
        std::fs::write(&path, b"12345").unwrap();
        let mut buffer = b"old".to_vec();
        read_file(&path, 5, &mut buffer).unwrap();
        assert_eq!(buffer, b"12345");
        let problem = read_file(&path, 4, &mut buffer).unwrap_err();
        assert_eq!(problem.outcome, Outcome::TooLarge);
        assert!(buffer.is_empty());
    }

    #[test]
    fn what_is_no_file_is_unreadable_and_never_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut buffer = Vec::new();
        let mut outcome = |path: &Path| read_file(path, 10, &mut buffer).unwrap_err();
        assert_eq!(outcome(folder.path()).outcome, Outcome::Unreadable);
        assert_eq!(
            outcome(&folder.path().join("gone")).outcome,
            Outcome::Unreadable
        );
        let fifo = folder.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        if made.is_ok_and(|status| status.success()) {
            let problem = outcome(&fifo);
            assert_eq!(problem.outcome, Outcome::Unreadable);
            assert!(problem.message.contains("FIFO"), "{}", problem.message);
        }
    }
}
