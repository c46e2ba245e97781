//! What several integration tests need.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test file uses its own part of it"
)]

use std::path::{Path, PathBuf};

/// The folder of real test data: `$HASHGATE_TEST_DATA`, else `../shared/data` beside the project.
///
/// `None`, with a line on standard error, where there is none: a test that needs it returns then.
pub fn test_data() -> Option<PathBuf> {
    let folder = match std::env::var_os("HASHGATE_TEST_DATA") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data"),
    };
    if folder.join("README.md").is_file() {
        return Some(folder);
    }
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
    pub fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_hashgate"));
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
        let mut child = self
            .command()
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdin = child.stdin.take().expect("piped");
        let input = input.to_owned();
        let writer = std::thread::spawn(move || {
            // A program that does not read its input closes it: no concern here.
            let _ = stdin.write_all(input.as_bytes());
        });
        let output = child.wait_with_output().expect("the program ends");
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
