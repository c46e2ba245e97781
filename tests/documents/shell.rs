//! The shell commands of a document: found in its text, and run in order in a folder of their own.
//!
//! Blocks that begin with ```` ```sh ```` are run; those that begin with ```` ```sh no-run ```` are
//! not. A comment `# exit N` behind a command says what exit code it must end with; without one it
//! must end with 0.

use std::fmt::Write as _;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the commands of one document may take together.
const DEADLINE: Duration = Duration::from_secs(900);

/// One command of a document.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// The line of the document that it begins at, from 1.
    line: usize,
    /// What is typed: several lines where they are continued, or bring a text with them.
    typed: String,
    /// The exit code that it must end with.
    exit: i32,
}

/// The commands of a document, in order.
pub(crate) fn steps(markdown: &str) -> Vec<Step> {
    let mut found = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((_, line)) = lines.next() {
        if line.trim_end() != "```sh" {
            continue;
        }
        while let Some((number, first)) = lines.next() {
            if first.trim() == "```" {
                break;
            }
            if first.trim().is_empty() || first.trim_start().starts_with('#') {
                continue;
            }
            let mut typed = first.to_owned();
            while typed.ends_with('\\') {
                let Some((_, next)) = lines.next() else { break };
                typed.push('\n');
                typed.push_str(next);
            }
            let exit = exit_code(&typed);
            // A text that the command reads: up to the line that ends it.
            if let Some(end) = typed
                .split_once("<<'")
                .and_then(|(_, rest)| rest.split('\'').next())
            {
                let end = end.to_owned();
                for (_, next) in lines.by_ref() {
                    typed.push('\n');
                    typed.push_str(next);
                    if next == end {
                        break;
                    }
                }
            }
            found.push(Step {
                line: number + 1,
                typed,
                exit,
            });
        }
    }
    found
}

/// The exit code that a command's comment names, or 0.
fn exit_code(typed: &str) -> i32 {
    let digits = typed.rsplit_once("# exit ").map_or("", |(_, rest)| rest);
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(0)
}

/// Runs a document's commands in a new folder that has the project's examples and lists, with the
/// program in the path and a home folder of its own. The error tells what failed and what was said.
pub(crate) fn run(root: &Path, document: &str, steps: &[Step]) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in ["examples", "hashsets"] {
        std::os::unix::fs::symlink(root.join(name), folder.path().join(name))
            .expect("a link to the examples");
    }
    let script = folder.path().join("script.sh");
    std::fs::write(&script, script_of(document, steps)).expect("the script can be written");
    let log = folder.path().join("log.txt");
    let said = File::create(&log).expect("the log can be written");
    let program = Path::new(env!("CARGO_BIN_EXE_hashgate"));
    let mut path = program
        .parent()
        .expect("the program is in a folder")
        .as_os_str()
        .to_owned();
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    let mut child = Command::new("bash")
        .arg(&script)
        .current_dir(folder.path())
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("HASHGATE_HOME", folder.path().join("home"))
        .stdin(Stdio::null())
        .stdout(said.try_clone().expect("the log can be shared"))
        .stderr(said)
        .spawn()
        .expect("bash runs");
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().expect("bash can be waited for") {
            break Some(status);
        }
        if begun.elapsed() > DEADLINE {
            child.kill().expect("bash can be ended");
            child.wait().expect("bash can be waited for");
            break None;
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    if status.is_some_and(|status| status.success()) {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&std::fs::read(&log).unwrap_or_default()).into_owned();
    let tail: Vec<&str> = said.lines().rev().take(25).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    let what = match status {
        Some(_) => "a command failed",
        None => "the commands did not end in time",
    };
    Err(format!("{document}: {what}:\n  {}\n", tail.join("\n  ")))
}

/// The commands as one script that stops at the first that ends otherwise than it should.
fn script_of(document: &str, steps: &[Step]) -> String {
    let mut script = String::from("set -uo pipefail\numask 077\n");
    for Step { line, typed, exit } in steps {
        let _ = writeln!(script, "status=0\n{{\n{typed}\n}} || status=$?");
        let _ = writeln!(
            script,
            "if [ $status -ne {exit} ]; then\n    \
             echo \"{document}:{line}: exit code $status, {exit} was expected\"\n    exit 1\nfi"
        );
    }
    script
}

#[cfg(test)]
mod tests {
    use super::{Step, run, steps};
    use std::path::Path;

    fn step(line: usize, typed: &str, exit: i32) -> Step {
        Step {
            line,
            typed: typed.to_owned(),
            exit,
        }
    }

    #[test]
    fn commands_are_found_with_what_belongs_to_them() {
        let markdown = "# A\n```sh\n# a comment\none --flag   # exit 1: a match\n\ntwo \\\n    more\n```\n\
            ```sh no-run\nthree\n```\n```sh\ncat <<'END'\na\n# exit 2\nEND\nfour\n```\n";
        assert_eq!(
            steps(markdown),
            [
                step(4, "one --flag   # exit 1: a match", 1),
                step(6, "two \\\n    more", 0),
                step(13, "cat <<'END'\na\n# exit 2\nEND", 0),
                step(17, "four", 0),
            ]
        );
    }

    #[test]
    fn a_command_that_fails_is_told_with_its_line() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let good = [
            step(1, "export A=1", 0),
            step(2, "test $A = 1 -a -d examples", 0),
        ];
        assert_eq!(run(root, "good.md", &good), Ok(()));
        let bad = [
            step(1, "true", 0),
            step(7, "(exit 3)", 1),
            step(8, "echo never", 0),
        ];
        let told = run(root, "bad.md", &bad).expect_err("it fails");
        assert!(
            told.contains("bad.md:7: exit code 3, 1 was expected"),
            "{told}"
        );
        assert!(!told.contains("never"), "{told}");
    }
}
