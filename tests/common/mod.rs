//! What several integration tests need.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::sync::mpsc::{RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How long a child process of a test may take. Far more than any needs, for machines that are busy.
const DEADLINE: Duration = Duration::from_secs(600);

/// A child process that is killed where it does not end in time, so that a test fails and does not hang.
/// It is killed too when the test ends before it.
pub struct Watched {
    /// There until it has been waited for.
    child: Option<Child>,
    /// Let go of to end the watch.
    watch: Option<Sender<()>>,
    watcher: Option<JoinHandle<bool>>,
}

/// Starts a program and watches it.
pub fn watched(command: &mut Command) -> Watched {
    watched_for(command, DEADLINE)
}

fn watched_for(command: &mut Command, most: Duration) -> Watched {
    let child = command.spawn().expect("the program starts");
    let id = child.id().to_string();
    let (watch, ended) = std::sync::mpsc::channel::<()>();
    let watcher = std::thread::spawn(move || {
        let is_late = ended.recv_timeout(most) == Err(RecvTimeoutError::Timeout);
        if is_late {
            // Whoever reads from it reads its end then.
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
        is_late
    });
    Watched {
        child: Some(child),
        watch: Some(watch),
        watcher: Some(watcher),
    }
}

impl Watched {
    /// Waits until it has ended; what it has written.
    pub fn output(mut self) -> Output {
        let child = self.child.take().expect("it was not waited for");
        child.wait_with_output().expect("the program ends")
    }
}

impl std::ops::Deref for Watched {
    type Target = Child;

    fn deref(&self) -> &Child {
        self.child.as_ref().expect("it was not waited for")
    }
}

impl std::ops::DerefMut for Watched {
    fn deref_mut(&mut self) -> &mut Child {
        self.child.as_mut().expect("it was not waited for")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        drop(self.watch.take());
        let watcher = self.watcher.take().expect("there is one");
        if watcher.join().unwrap_or(false) {
            let said = "a program did not end in time and was killed";
            match std::thread::panicking() {
                true => eprintln!("{said}"),
                false => panic!("{said}"),
            }
        }
    }
}

/// Waits until something holds, and fails where it never does.
#[track_caller]
pub fn wait_until(mut holds: impl FnMut() -> bool, what: &str) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The pictures that come with the project, by name: `known` and `uploads` are folders of them.
pub fn shipped_pictures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples/pictures")
        .join(folder);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let bytes = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        (path.display().to_string(), bytes)
    };
    paths.into_iter().map(read).collect()
}

/// Pictures as people take them: those of the test data's `folders`, else those that come with the
/// project, and whether they are of the test data.
pub fn photos(folders: &[&str]) -> (Vec<(String, Vec<u8>)>, bool) {
    let Some(data) = test_data() else {
        let shipped = ["known", "uploads"].map(shipped_pictures);
        return (shipped.concat(), false);
    };
    let mut photos = Vec::new();
    for folder in folders {
        for entry in std::fs::read_dir(data.join(folder)).expect("a folder of the data") {
            let path = entry.expect("an entry").path();
            photos.push((
                path.display().to_string(),
                std::fs::read(&path).expect("read"),
            ));
        }
    }
    photos.sort();
    (photos, true)
}

/// The folder of real test data: `$HASHGATE_TEST_DATA`, else `../shared/data` beside the project.
///
/// `None`, with a line on standard error, where there is none: a test that needs it returns then, or
/// makes do with the pictures that come with the project. Where `HASHGATE_REQUIRE_DATA` is 1, as in CI,
/// the test fails.
pub fn test_data() -> Option<PathBuf> {
    let folder = match std::env::var_os("HASHGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
    let is_required = std::env::var_os("HASHGATE_REQUIRE_DATA").is_some_and(|value| value == "1");
    assert!(
        !is_required,
        "no test data at {}, and HASHGATE_REQUIRE_DATA is 1: set HASHGATE_TEST_DATA to its folder",
        folder.display()
    );
    eprintln!(
        "skipped: no test data at {} (set HASHGATE_TEST_DATA to its folder)",
        folder.display()
    );
    None
}

/// The lines of a tab-separated file below its header, each split into its fields.
pub fn tsv(path: &Path) -> Vec<Vec<String>> {
    let text =
        std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// A home folder of its own and the program to run on it.
#[cfg(feature = "cli")]
pub struct Hashgate {
    home: tempfile::TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

#[cfg(feature = "cli")]
impl Hashgate {
    pub fn new() -> Self {
        Self {
            home: tempfile::tempdir().expect("a folder"),
        }
    }

    /// The home folder.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    /// The program with its home set, to be given arguments.
    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
        command.env("HASHGATE_HOME", self.home.path());
        command.env_remove("HASHGATE_KERNEL");
        command
    }

    /// Runs the program.
    pub fn run<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S]) -> Ran {
        self.run_with(arguments, "")
    }

    /// Runs the program with this on its standard input.
    pub fn run_with<S: AsRef<std::ffi::OsStr>>(&self, arguments: &[S], input: &str) -> Ran {
        use std::io::Write;
        use std::process::Stdio;
        let mut command = self.command();
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = watched(&mut command);
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A program that does not read its input closes it: no concern here.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.output();
        writer.join().expect("written");
        Ran {
            code: output.status.code().expect("no signal"),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// Runs the program, which must end with this code.
    #[track_caller]
    pub fn expect<S: AsRef<std::ffi::OsStr> + std::fmt::Debug>(
        &self,
        code: i32,
        arguments: &[S],
    ) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {ran:#?}");
        ran
    }
}

impl Ran {
    /// Standard output as JSON Lines.
    #[track_caller]
    pub fn json(&self) -> Vec<serde_json::Value> {
        self.out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
            .collect()
    }
}

/// A picture full of shapes, a different one for each seed, as RGB8.
#[cfg(feature = "decode")]
pub fn picture(seed: u32, width: u32, height: u32) -> image::RgbImage {
    let mut state = u64::from(seed).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 33) as f32 / (1u64 << 31) as f32
    };
    let blobs: Vec<[f32; 6]> = (0..24)
        .map(|_| [next(), next(), 0.05 + 0.25 * next(), next(), next(), next()])
        .collect();
    image::RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (x as f32 / width as f32, y as f32 / height as f32);
        let mut rgb = [90.0f32, 100.0, 110.0];
        for [cx, cy, radius, r, g, b] in &blobs {
            if (x - cx).hypot(y - cy) < *radius {
                for (channel, value) in rgb.iter_mut().zip([r, g, b]) {
                    *channel = 0.4 * *channel + 0.6 * 255.0 * value;
                }
            }
        }
        image::Rgb(rgb.map(|value| value as u8))
    })
}
