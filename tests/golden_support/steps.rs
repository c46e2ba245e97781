//! What can be typed in a transcript, and what is written down of it.
//!
//! `hashgate ARGUMENTS [< FILE] [> FILE]`, with `NAME=VALUE` before it where a variable is set;
//! `write FILE`, `copy FROM TO`, `remove PATH`, `mode OCTAL PATH`, `flip FILE OFFSET` (all bits of one
//! byte; from the end where negative), `cut FILE BYTES`, `show FILE` and `list FOLDER` for the rest.
//! What goes into a file by `>` has what differs from run to run replaced, so that what is made of it does
//! not differ. All paths are below a folder of the transcript's own, which has `pictures` and `samples` of the
//! project in it and becomes the home's parent.

use super::normal::Normal;
use super::script::{Piece, words};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where a transcript is played.
pub(crate) struct Place {
    folder: tempfile::TempDir,
    program: PathBuf,
    normal: Normal,
}

impl Place {
    pub(crate) fn new(project: &Path, program: &Path) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (from, to) in [
            ("examples/pictures", "pictures"),
            ("examples/config.toml", "config.toml"),
            ("hashsets/samples", "samples"),
        ] {
            copy(&project.join(from), &folder.path().join(to)).expect("copied");
        }
        let normal = Normal::new(folder.path());
        Self {
            folder,
            program: program.to_owned(),
            normal,
        }
    }

    /// Plays one piece; gives it back with what was said.
    pub(crate) fn play(&self, piece: &Piece) -> Result<String, String> {
        let mut said = String::new();
        for line in &piece.kept {
            said.push_str(line);
            said.push('\n');
        }
        let Some(command) = &piece.command else {
            return Ok(said);
        };
        said.push_str(&format!("$ {command}\n"));
        for line in &piece.input {
            said.push_str(match line.is_empty() {
                true => "|",
                false => "| ",
            });
            said.push_str(line);
            said.push('\n');
        }
        let words = words(command)?;
        let lines = self
            .step(&words, &piece.input)
            .map_err(|error| format!("{command}: {error}"))?;
        said.push_str(&lines);
        Ok(said)
    }

    fn at(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    fn step(&self, words: &[String], input: &[String]) -> Result<String, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let failed = |error: std::io::Error| error.to_string();
        match words.as_slice() {
            ["write", file] => {
                let text: String = input.iter().map(|line| format!("{line}\n")).collect();
                let path = self.at(file);
                path.parent()
                    .map_or(Ok(()), fs::create_dir_all)
                    .map_err(failed)?;
                fs::write(path, text).map_err(failed)?;
            }
            ["copy", from, to] => copy(&self.at(from), &self.at(to)).map_err(failed)?,
            ["remove", path] => match self.at(path) {
                path if path.is_dir() => fs::remove_dir_all(path).map_err(failed)?,
                path => fs::remove_file(path).map_err(failed)?,
            },
            ["mode", octal, path] => {
                let mode = u32::from_str_radix(octal, 8).map_err(|error| error.to_string())?;
                set_mode(&self.at(path), mode).map_err(failed)?;
            }
            ["flip", file, offset] => {
                let path = self.only(file)?;
                let mut bytes = fs::read(&path).map_err(failed)?;
                let offset: i64 = offset.parse().map_err(|_| "no offset".to_owned())?;
                let at = match offset < 0 {
                    true => bytes.len().saturating_sub(offset.unsigned_abs() as usize),
                    false => offset as usize,
                };
                *bytes.get_mut(at).ok_or("behind its end")? ^= 0xff;
                fs::write(path, bytes).map_err(failed)?;
            }
            ["cut", file, left] => {
                let left = left.parse().map_err(|_| "no length".to_owned())?;
                let file = fs::File::options().write(true).open(self.only(file)?);
                file.and_then(|file| file.set_len(left)).map_err(failed)?;
            }
            ["show", file] => {
                let text = fs::read_to_string(self.only(file)?).map_err(failed)?;
                return Ok(self.lines(">", &text));
            }
            ["list", folder] => {
                let entries = fs::read_dir(self.at(folder)).map_err(failed)?;
                let mut names = Vec::new();
                for entry in entries {
                    names.push(
                        entry
                            .map_err(failed)?
                            .file_name()
                            .to_string_lossy()
                            .into_owned(),
                    );
                }
                names.sort();
                return Ok(self.lines(">", &names.join("\n")));
            }
            _ => return self.hashgate(&words),
        }
        Ok(String::new())
    }

    /// The file of this path, or the only one that `FOLDER/*.END` means.
    fn only(&self, file: &str) -> Result<PathBuf, String> {
        let Some((folder, end)) = file.split_once("/*") else {
            return Ok(self.at(file));
        };
        let entries = fs::read_dir(self.at(folder)).map_err(|error| error.to_string())?;
        let mut found: Vec<PathBuf> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .filter(|path| path.to_string_lossy().ends_with(end))
            .collect();
        match (found.pop(), found.is_empty()) {
            (Some(path), true) => Ok(path),
            _ => Err(format!("{file} is not one file")),
        }
    }

    fn hashgate(&self, words: &[&str]) -> Result<String, String> {
        let mut words = words.iter().copied().peekable();
        let mut command = Command::new(&self.program);
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.at("user"))
            .env("HASHGATE_HOME", self.at("home"))
            // The same instructions on every machine.
            .env("HASHGATE_KERNEL", "scalar")
            .stdin(Stdio::null());
        while let Some((name, value)) = words.peek().and_then(|word| word.split_once('=')) {
            command.env(name, value);
            words.next();
        }
        if words.next() != Some("hashgate") {
            return Err("nothing that a transcript can type".to_owned());
        }
        let mut into = None;
        while let Some(word) = words.next() {
            match (word, words.peek()) {
                ("<", Some(file)) => {
                    let file = fs::File::open(self.at(file)).map_err(|error| error.to_string())?;
                    command.stdin(file);
                    words.next();
                }
                (">", Some(file)) => {
                    into = Some(self.at(file));
                    words.next();
                }
                _ => {
                    command.arg(word);
                }
            }
        }
        let output = command
            .output()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let mut said = String::new();
        match into {
            Some(path) => fs::write(
                path,
                self.normal.of(&String::from_utf8_lossy(&output.stdout)),
            )
            .map_err(|error| error.to_string())?,
            None => said.push_str(&self.lines(">", &String::from_utf8_lossy(&output.stdout))),
        }
        said.push_str(&self.lines("!", &String::from_utf8_lossy(&output.stderr)));
        match output.status.code() {
            Some(0) => {}
            Some(code) => said.push_str(&format!("= {code}\n")),
            None => said.push_str("= ended by a signal\n"),
        }
        Ok(said)
    }

    /// A text's lines as a transcript has them.
    fn lines(&self, mark: &str, text: &str) -> String {
        let text = self.normal.of(text);
        let mut said = String::new();
        for line in text.lines() {
            said.push_str(mark);
            if !line.is_empty() {
                said.push(' ');
                said.push_str(line);
            }
            said.push('\n');
        }
        said
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    if !from.is_dir() {
        return fs::copy(from, to).map(drop);
    }
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_mode(_: &Path, _: u32) -> std::io::Result<()> {
    Ok(())
}

/// The subcommands that `--help` of these words names.
pub(crate) fn subcommands(program: &Path, words: &[String]) -> Vec<String> {
    let output = Command::new(program)
        .args(words)
        .arg("--help")
        .output()
        .expect("it runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect()
}
