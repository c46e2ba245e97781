//! Paths to files: which are read, which are passed over, and what is said of the rest.
//!
//! The rule: a path that the user names is read, through a symbolic link too. Below a folder,
//! regular files are read, hidden ones too; symbolic links are passed over and counted unless
//! links are followed (a loop of links is then an error of that path); FIFOs, sockets and devices
//! are passed over and counted. A folder that cannot be listed and a path that is not there are
//! errors of that path. Nothing is passed over without being counted.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use walkdir::WalkDir;

/// How folders are walked.
#[derive(Debug, Clone, Copy, Default)]
pub struct WalkOptions {
    /// Follow symbolic links below the named paths.
    pub follow_links: bool,
    /// Visit the entries of each folder in the order of their names.
    pub sorted: bool,
}

/// What a walk came upon.
#[derive(Debug)]
pub enum Walked {
    /// A file to read.
    File(PathBuf),
    /// A path that could not be listed or examined, and why.
    Failed(PathBuf, String),
}

/// What a walk passed over by its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Skipped {
    /// Symbolic links below the named paths, while links are not followed.
    pub symlinks: u64,
    /// FIFOs, sockets and devices below the named paths.
    pub special: u64,
}

/// The files below some paths, in one pass.
pub struct Walk {
    roots: std::collections::VecDeque<PathBuf>,
    current: Option<(PathBuf, walkdir::IntoIter)>,
    options: WalkOptions,
    skipped: Skipped,
}

impl Walk {
    /// A walk over these paths, in this order.
    #[must_use]
    pub fn new(paths: &[PathBuf], options: WalkOptions) -> Self {
        Self {
            roots: paths.iter().cloned().collect(),
            current: None,
            options,
            skipped: Skipped::default(),
        }
    }

    /// What has been passed over so far.
    #[must_use]
    pub const fn skipped(&self) -> Skipped {
        self.skipped
    }

    fn entry(&mut self, entry: walkdir::DirEntry) -> Option<Walked> {
        let kind = entry.file_type();
        if kind.is_file() {
            Some(Walked::File(entry.into_path()))
        } else if kind.is_dir() {
            None
        } else if entry.depth() == 0 {
            // Named by the user: whatever it is, the reader says what became of it.
            Some(Walked::File(entry.into_path()))
        } else if kind.is_symlink() {
            self.skipped.symlinks += 1;
            None
        } else {
            self.skipped.special += 1;
            None
        }
    }
}

impl Iterator for Walk {
    type Item = Walked;

    fn next(&mut self) -> Option<Walked> {
        loop {
            let Some((root, entries)) = &mut self.current else {
                let root = self.roots.pop_front()?;
                let mut walk = WalkDir::new(&root).follow_links(self.options.follow_links);
                if self.options.sorted {
                    walk = walk.sort_by_file_name();
                }
                self.current = Some((root, walk.into_iter()));
                continue;
            };
            match entries.next() {
                None => self.current = None,
                Some(Ok(entry)) => {
                    if let Some(walked) = self.entry(entry) {
                        return Some(walked);
                    }
                }
                Some(Err(error)) => {
                    let path = error.path().unwrap_or(root).to_path_buf();
                    return Some(Walked::Failed(path, reason(&error)));
                }
            }
        }
    }
}

fn reason(error: &walkdir::Error) -> String {
    match (error.loop_ancestor(), error.io_error()) {
        (Some(ancestor), _) => format!(
            "a loop of symbolic links: it leads back to {}",
            ancestor.display()
        ),
        (None, Some(error)) => error.to_string(),
        (None, None) => error.to_string(),
    }
}

/// How much there is to do, as far as it has been counted.
#[derive(Debug, Default)]
pub struct Counted {
    /// Files counted so far.
    pub files: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// Whether counting has come to its end.
    pub complete: AtomicBool,
}

/// Counts the files that a walk will visit, for showing the time left; ends early on `stop`.
pub fn count(paths: &[PathBuf], options: WalkOptions, counted: &Counted, stop: &AtomicBool) {
    for walked in Walk::new(paths, options) {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        if let Walked::File(path) = walked {
            let bytes = path.metadata().map_or(0, |facts| facts.len());
            counted.files.fetch_add(1, Ordering::Relaxed);
            counted.bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }
    counted.complete.store(true, Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn names(root: &Path, options: WalkOptions) -> (Vec<String>, Vec<String>, Skipped) {
        let mut walk = Walk::new(&[root.to_path_buf()], options);
        let (mut files, mut failed) = (Vec::new(), Vec::new());
        for walked in &mut walk {
            let (list, path) = match &walked {
                Walked::File(path) => (&mut files, path),
                Walked::Failed(path, _) => (&mut failed, path),
            };
            list.push(path.strip_prefix(root).unwrap().display().to_string());
        }
        (files, failed, walk.skipped())
    }

    #[cfg(unix)]
    #[test]
    fn links_are_counted_or_followed_and_loops_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir(root.join("a")).unwrap();
        std::fs::write(root.join("a/.hidden"), b"x").unwrap();
        std::fs::write(root.join("b"), b"x").unwrap();
        std::os::unix::fs::symlink(root, root.join("a/loop")).unwrap();
        std::os::unix::fs::symlink(root.join("b"), root.join("c")).unwrap();
        let sorted = WalkOptions {
            sorted: true,
            follow_links: false,
        };
        let (files, failed, skipped) = names(root, sorted);
        assert_eq!(
            (files, failed.len()),
            (vec!["a/.hidden".into(), "b".into()], 0)
        );
        assert_eq!((skipped.symlinks, skipped.special), (2, 0));
        let follow = WalkOptions {
            sorted: true,
            follow_links: true,
        };
        let (files, failed, skipped) = names(root, follow);
        assert_eq!(files, ["a/.hidden", "b", "c"]);
        assert_eq!(failed, ["a/loop"]);
        assert_eq!(skipped, Skipped::default());
    }

    #[test]
    fn a_path_that_is_not_there_is_an_error_of_that_path() {
        let gone = PathBuf::from("no/such/path");
        let walked: Vec<_> =
            Walk::new(std::slice::from_ref(&gone), WalkOptions::default()).collect();
        assert!(matches!(&walked[..], [Walked::Failed(path, _)] if *path == gone));
    }
}
