//! No secret is shown: the program as typed, with good and wrong credentials and whatever else goes wrong, and behind it
//! everything that it wrote is searched for every secret, in each form that it may have.
#![cfg(all(feature = "full", target_os = "linux"))]

mod exchange_home;
mod exchange_support;

use exchange_home::ear::{Ran, run_with};
use exchange_home::{Side, sides};
use exchange_support::{Answer, Fault, Plan, Random, Server, Wait, client, http, quoted};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Where the program keeps secrets, and nowhere else.
const KEPT: &str = "exchange-credentials.json";
/// In the place of each right secret, a wrong one.
const WRONG: &str = "87654321|wrong-and-secret-too-0123456789";

struct Search<'a> {
    side: &'a dyn Side,
    folder: tempfile::TempDir,
    secrets: Vec<String>,
    searched: u64,
}

/// The forms that a secret may have.
fn forms(secret: &str) -> Vec<String> {
    let base64 = |text: &str| {
        let basic = client::basic(exchange_support::ncmec::USER, text);
        basic.trim_start_matches("Basic ").to_owned()
    };
    vec![
        secret.to_owned(),
        http::in_query(secret),
        quoted(secret).trim_matches('"').to_owned(),
        base64(secret),
    ]
}

impl<'a> Search<'a> {
    fn of(side: &'a dyn Side) -> Self {
        let mut secrets: Vec<String> = side.secrets().iter().flat_map(|one| forms(one)).collect();
        secrets.extend(forms(WRONG));
        secrets.push("wrong-and-secret-too".to_owned());
        Self {
            side,
            folder: tempfile::tempdir().unwrap(),
            secrets,
            searched: 0,
        }
    }

    /// A token that the server gave is a secret too.
    fn learn(&mut self) {
        for request in self.side.server().requests() {
            let token = request.header("authorization");
            if let Some(token) = token.and_then(|value| value.strip_prefix("Bearer "))
                && !self.secrets.iter().any(|known| known == token)
            {
                self.secrets.push(token.to_owned());
            }
        }
    }

    #[track_caller]
    fn look(&mut self, where_it_is: &str, bytes: &[u8]) {
        self.searched += bytes.len() as u64;
        for secret in &self.secrets {
            let found = memchr::memmem::find(bytes, secret.as_bytes());
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(4_000)]);
            assert!(
                found.is_none(),
                "{}: {secret:?} in {where_it_is}: {shown}",
                self.side.api()
            );
        }
    }

    /// Runs the program with all that it logs, and searches what it says.
    #[track_caller]
    fn run_with(&mut self, arguments: &[&str], input: &str) -> Ran {
        let all = [arguments, &["-vv"]].concat();
        let ran = run_with(&self.folder.path().join("home"), &all, input);
        self.learn();
        let what = arguments.join(" ");
        self.look(&format!("the output of {what}"), ran.out.as_bytes());
        self.look(&format!("the errors of {what}"), ran.err.as_bytes());
        ran
    }

    #[track_caller]
    fn expect(&mut self, code: i32, arguments: &[&str]) -> Ran {
        let ran = self.run_with(arguments, "");
        assert_eq!(
            ran.code,
            Some(code),
            "{} {arguments:?}: {ran:#?}",
            self.side.api()
        );
        ran
    }

    /// Searches every file below the home but one.
    #[track_caller]
    fn look_at_files(&mut self) {
        let mut folders = vec![self.folder.path().join("home")];
        let mut files = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else if !path.ends_with(KEPT) {
                    files += 1;
                    let bytes = fs::read(&path).unwrap();
                    self.look(&path.display().to_string(), &bytes);
                }
            }
        }
        assert!(files > 5, "{files}");
    }

    /// The credentials as lines; the right ones, or wrong ones in their place.
    fn lines(&self, is_wrong: bool) -> String {
        let all = self.side.credentials();
        let line = |(name, value): (&String, &serde_json::Value)| {
            let value = if is_wrong {
                WRONG
            } else {
                value.as_str().unwrap()
            };
            format!("{name}={value}\n")
        };
        all.as_object().unwrap().iter().map(line).collect()
    }

    fn file(&self, name: &str, mode: u32, text: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        path.display().to_string()
    }
}

/// An answer that says back whatever was asked.
fn echo(side: &dyn Side, status: u16) -> Answer {
    let said = side
        .secrets()
        .iter()
        .flat_map(|one| forms(one))
        .collect::<Vec<_>>();
    Answer::json(status, said.join(" "))
}

fn add(search: &mut Search<'_>) {
    let side = search.side;
    let config = side.config();
    let settings: Vec<String> = (config.as_object().unwrap().iter())
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            format!("{name}={text}")
        })
        .collect();
    let mut arguments = vec!["exchange", "add", "SIDE", "--api", side.api()];
    arguments.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    arguments.extend(["--credentials", "-"]);
    // What is no credentials is told, and nothing of it.
    let secret = side.secret();
    for bad in [
        format!("{{\"password\": \"{secret}"),
        format!("password {secret}\n"),
        format!("nonsense={secret}\n"),
        format!("[\"{secret}\"]"),
    ] {
        let ran = search.run_with(&arguments, &bad);
        assert_eq!(ran.code, Some(2), "{ran:?}");
    }
    let wrong = search.lines(true);
    let ran = search.run_with(&arguments, &wrong);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    for (bad, file) in [
        ("base_url=http://me:wrong-and-secret-too@127.0.0.1", None),
        (
            "base_url=https://example.org/?key=wrong-and-secret-too",
            None,
        ),
        ("proxy=http://me:wrong-and-secret-too@127.0.0.1:9", None),
        ("", Some(search.file("open", 0o644, &wrong))),
    ] {
        let more = match &file {
            Some(file) => ["--credentials", file],
            None => ["--set", bad],
        };
        search.expect(2, &[&["exchange", "set", "SIDE"][..], &more].concat());
    }
}

fn ask_with_wrong_credentials(search: &mut Search<'_>) {
    for command in ["test", "fetch"] {
        let ran = search.expect(2, &["exchange", command, "SIDE"]);
        assert!(ran.err.contains("does not take the credentials"), "{ran:?}");
    }
    search.expect(2, &["exchange", "status"]);
    search.expect(
        2,
        &["exchange", "status", "--format", "jsonl", "--fetches", "9"],
    );
    for command in [
        &["exchange", "list"][..],
        &["exchange", "show", "SIDE"],
        &["exchange", "show"],
    ] {
        search.expect(0, command);
    }
}

fn ask_while_things_go_wrong(search: &mut Search<'_>, elsewhere: &Server) {
    let side = search.side;
    let right = search.file("closed", 0o600, &search.lines(false));
    search.expect(0, &["exchange", "set", "SIDE", "--credentials", &right]);
    search.expect(0, &["exchange", "test", "SIDE"]);
    for fault in [
        Fault::Instead(echo(side, 400)),
        Fault::Instead(echo(side, 403)),
        Fault::Instead(echo(side, 200)),
        Fault::Status(500, None),
        Fault::Status(429, Some(Wait::Seconds(4_000))),
        Fault::Redirect(302, elsewhere.base()),
        Fault::Truncated,
        Fault::Garbled,
        Fault::Cut,
        Fault::Close,
    ] {
        let shown = format!("{fault:.40?}");
        side.server().plan(Plan::once(fault));
        let ran = search.run_with(&["exchange", "test", "SIDE"], "");
        assert!(ran.code.is_some(), "{shown}: {ran:?}");
    }
    side.server().faults().clear();
    assert_eq!(elsewhere.count(), 0);
    for fault in [
        Fault::Instead(echo(side, 409)),
        Fault::Instead(echo(side, 401)),
    ] {
        // Not the login, where there is one.
        side.server().plan(Plan::once(fault).method("GET"));
        let ran = search.run_with(&["exchange", "fetch", "SIDE", "--at-once"], "");
        // A token that is not taken is asked for anew.
        assert!(ran.code == Some(2) || side.api() == "tat", "{ran:?}");
        search.run_with(&["exchange", "status"], "");
    }
    search.expect(0, &["exchange", "fetch", "SIDE", "--at-once"]);
    search.expect(0, &["exchange", "fetch", "--format", "jsonl"]);
    search.expect(0, &["exchange", "status", "--fetches", "9"]);
}

fn tell_something(search: &mut Search<'_>) {
    let side = search.side;
    let give = [
        "exchange",
        "feedback",
        "SIDE",
        "1",
        "--opinion",
        "true",
        "--by",
        "desk-3",
    ];
    if side.api() == "tat" {
        search.expect(2, &give);
        search.expect(2, &["exchange", "set", "SIDE", "--feedback", "true"]);
        return;
    }
    search.expect(0, &[&give[..], &["--dry-run"]].concat());
    search.expect(0, &give);
    search.expect(0, &["exchange", "set", "SIDE", "--feedback", "true"]);
    let method = if side.api() == "ncmec" { "PUT" } else { "POST" };
    for fault in [
        Fault::Instead(echo(side, 401)),
        Fault::Instead(echo(side, 429)),
        Fault::Instead(echo(side, 400)),
    ] {
        side.server()
            .plan(Plan::once(fault).method(method).times(8));
        search.expect(2, &["exchange", "feedback", "SIDE", "--send"]);
        side.server().faults().clear();
    }
    search.expect(0, &["exchange", "feedback", "SIDE"]);
    let ran = search.expect(0, &["exchange", "feedback", "SIDE", "--format", "jsonl"]);
    assert!(ran.out.contains("refused"), "{ran:?}");
    search.expect(
        0,
        &[
            "exchange", "feedback", "SIDE", "--settle", "1", "--as", "again", "--by", "desk-4",
        ],
    );
    let ran = search.expect(0, &["exchange", "feedback", "SIDE", "--send"]);
    assert!(ran.out.contains(": sent since"), "{ran:?}");
    search.expect(0, &["audit", "1", "--format", "jsonl"]);
    search.expect(0, &["audit", "1"]);
}

/// What others on this machine may see of a program that is asking.
fn look_at_the_process(search: &mut Search<'_>) {
    let slow = Fault::Endless(Duration::from_millis(20));
    search.side.server().plan(Plan::once(slow).forever());
    let before = search.side.server().count();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hashgate"))
        .args(["exchange", "fetch", "SIDE", "--anew", "-vv"])
        .env("HASHGATE_HOME", search.folder.path().join("home"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    while search.side.server().count() == before {
        assert!(child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    let process = Path::new("/proc").join(child.id().to_string());
    for file in ["cmdline", "environ", "comm"] {
        let bytes = fs::read(process.join(file)).unwrap();
        assert!(!bytes.is_empty());
        search.look(file, &bytes);
    }
    child.kill().unwrap();
    let output = child.wait_with_output().unwrap();
    search.look("the errors of one that was killed", &output.stderr);
    search.side.server().faults().clear();
}

/// Those in the environment are used in the place of those that are kept, and are shown as little.
fn take_them_from_the_environment(search: &mut Search<'_>) {
    let side = search.side;
    let wrong = search.lines(true);
    search.run_with(&["exchange", "set", "SIDE", "--credentials", "-"], &wrong);
    for command in ["show", "test", "fetch", "status"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_hashgate"));
        child.env("HASHGATE_HOME", search.folder.path().join("home"));
        child.args(["exchange", command, "SIDE", "-vv"]);
        for (name, value) in side.credentials().as_object().unwrap() {
            let name = format!("HASHGATE_{}_{name}", side.api()).to_uppercase();
            child.env(name, value.as_str().unwrap());
        }
        let output = child.output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{command}: {err}");
        assert!(!err.contains('\u{1b}'), "colours in a pipe: {err:?}");
        search.learn();
        search.look(command, &output.stdout);
        search.look(command, err.as_bytes());
    }
}

#[test]
fn no_secret_is_in_anything_that_the_program_says_or_writes() {
    let elsewhere = Server::recorder();
    for side in sides(9) {
        side.steps(&mut Random::new(41), 60);
        let mut search = Search::of(&*side);
        add(&mut search);
        ask_with_wrong_credentials(&mut search);
        search.look_at_files();
        ask_while_things_go_wrong(&mut search, &elsewhere);
        tell_something(&mut search);
        look_at_the_process(&mut search);
        take_them_from_the_environment(&mut search);
        search.look_at_files();
        search.expect(2, &["exchange", "remove", "SIDE"]);
        search.expect(0, &["exchange", "remove", "SIDE", "--with-entries"]);
        search.look_at_files();
        // What was searched for is there where it must be.
        let kept = fs::read(search.folder.path().join("home").join(KEPT)).unwrap();
        assert!(memchr::memmem::find(&kept, WRONG.as_bytes()).is_some());
        eprintln!("{}: {} bytes searched", side.api(), search.searched);
    }
}
