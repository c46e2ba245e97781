//! The upload forms of `examples/upload_form`: what is known is stopped before it is stored, and what could not be judged
//! is held back.

#![cfg(all(feature = "service", target_os = "linux"))]

mod common;
mod form_support;
mod service_support;

use common::shipped_pictures;
use form_support::{Form, Kind, files, python, upload};
use service_support::{Answer, Client, form, png};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::Command;
use std::sync::{Arc, Mutex};

const KINDS: [Kind; 2] = [Kind::Rust, Kind::Python];

/// What the table beside the shipped pictures says of each upload: what must become of it here.
fn expected() -> BTreeMap<String, &'static str> {
    let table = std::fs::read_to_string("examples/pictures/expected.tsv").expect("the table");
    let lines = table.lines().skip(1);
    let mut all = BTreeMap::new();
    for line in lines {
        let cells: Vec<_> = line.split('\t').collect();
        let answer = match cells.as_slice() {
            [_, "match", "rocket.jpg"] | [_, "not_judged", _] => "held",
            [_, "match", _] => "stopped",
            [_, "no_match", _] => "shared",
            _ => panic!("{line:?}"),
        };
        all.insert(cells[0].to_owned(), answer);
    }
    all
}

/// The word by which a page says what became of an upload.
fn answer_of(answer: &Answer) -> String {
    let text = answer.text();
    let (_, rest) = text.split_once("<main id=\"").expect("a page");
    rest.split('"').next().unwrap_or_default().to_owned()
}

fn status_of(answer: &str) -> u16 {
    match answer {
        "shared" => 201,
        "held" => 202,
        "stopped" => 403,
        "later" => 503,
        "too_large" => 413,
        _ => 400,
    }
}

#[test]
fn what_is_known_is_never_stored_and_what_was_not_judged_is_held_back() {
    let expected = expected();
    for kind in KINDS {
        let form = Form::start(kind);
        let mut counts = BTreeMap::new();
        for (name, bytes) in shipped_pictures("uploads") {
            let file = name.rsplit('/').next().expect("a name");
            let right = expected[file];
            let answer = form.upload("en", &bytes);
            let said = answer_of(&answer);
            assert_eq!(
                (&*said, answer.status),
                (right, status_of(right)),
                "{kind:?} {name}"
            );
            for folder in ["shared", "held"] {
                let is_there = form.files(folder).contains(&bytes);
                assert_eq!(is_there, folder == right, "{kind:?} {name} in {folder}");
            }
            *counts.entry(right).or_insert(0) += 1;
        }
        assert!(counts.len() == 3, "{counts:?}");
        let first = form.get("/").text();
        assert_eq!(first.matches("<img ").count(), counts["shared"], "{kind:?}");
        // What everybody sees are the files that were sent, and nothing else can be asked for.
        for entry in std::fs::read_dir(form.kept.join("shared")).expect("a folder") {
            let entry = entry.expect("an entry");
            let path = format!("/shared/{}", entry.file_name().to_string_lossy());
            let shown = form.get(&path);
            assert_eq!(shown.body, std::fs::read(entry.path()).expect("a file"));
            let kind = shown.header("content-type").expect("a type");
            assert!(kind.starts_with("image/"), "{kind}");
            assert_eq!(shown.header("x-content-type-options"), Some("nosniff"));
        }
        for entry in std::fs::read_dir(form.kept.join("held")).expect("a folder") {
            let name = entry.expect("an entry").file_name();
            let name = name.to_string_lossy();
            for path in [
                format!("/shared/{name}"),
                format!("/held/{name}"),
                format!("/shared/../held/{name}"),
            ] {
                assert_eq!(form.get(&path).status, 404, "{kind:?} {path}");
            }
        }
    }
}

/// A page, with the number of its upload left out.
fn unnumbered(answer: &Answer) -> String {
    let text = answer.text();
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let is_number = word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        out.push_str(if is_number { "NUMBER" } else { &word });
        word.clear();
        out.push(c);
    }
    out
}

#[test]
fn the_uploader_is_told_in_both_languages_and_by_both_forms_alike() {
    let forms = KINDS.map(Form::start);
    let known = &shipped_pictures("known")[0].1;
    let harmless = std::fs::read("examples/pictures/uploads/grass.jpg").expect("a picture");
    for (lang, dir) in [("en", "ltr"), ("ur", "rtl")] {
        let path = form_support::folder().join(format!("stopped.{lang}.txt"));
        let stopped = std::fs::read_to_string(path).expect("the text");
        let made = Command::new(env!("CARGO_BIN_EXE_hashgate"))
            .args(["report", "text", "--language", lang])
            .output()
            .expect("it runs");
        assert_eq!(stopped, String::from_utf8_lossy(&made.stdout), "{lang}");
        let [one, other] = [&forms[0], &forms[1]].map(|form| {
            let answers = [
                form.get(&format!("/?lang={lang}")),
                form.upload(lang, known),
                form.upload(lang, b"not a picture"),
                form.upload(lang, &harmless),
                form.upload(lang, b""),
            ];
            let said = answers.each_ref().map(answer_of);
            assert_eq!(said, ["form", "stopped", "held", "shared", "no_file"]);
            for answer in &answers {
                let policy = answer.header("content-security-policy").expect("a policy");
                assert!(policy.starts_with("default-src 'none'"), "{policy}");
                let open = format!("<html lang=\"{lang}\" dir=\"{dir}\">");
                assert!(answer.text().contains(&open), "{answer:?}");
            }
            let page = answers[1].text();
            for line in stopped.lines() {
                for word in line.trim_start_matches("- ").split(": ") {
                    let word = word.replace('\'', "&#x27;");
                    assert!(page.contains(&word), "{word:?} in {page}");
                }
            }
            answers.each_ref().map(unnumbered)
        });
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other);
        }
    }
    // By the browser's language, unless the page was asked for in another.
    for form in &forms {
        for (accepted, asked, right) in [
            ("ur-PK,ur;q=0.9,en;q=0.8", "/", "ur"),
            ("en-GB,en;q=0.9,ur;q=0.8", "/", "en"),
            ("de,fr;q=0.9", "/", "en"),
            ("ur-PK", "/?lang=en", "en"),
            ("en", "/?lang=%00", "en"),
        ] {
            let headers = [("Accept-Language", accepted)];
            let page = Client::new(form.at).send("GET", asked, &headers, b"");
            let open = format!("<html lang=\"{right}\"");
            assert!(page.text().contains(&open), "{accepted} {asked}");
        }
    }
}

#[test]
fn what_is_no_form_with_one_file_within_the_limit_is_not_kept() {
    let picture = png(3);
    for kind in KINDS {
        let at = Form::start(kind);
        let send = |(kind, body): (String, Vec<u8>)| {
            let headers = [("Content-Type", &*kind)];
            answer_of(&Client::new(at.at).send("POST", "/upload", &headers, &body))
        };
        let file = ("picture", Some("a"), &*picture);
        for (form, right) in [
            (form(&[file, file]), "no_file"),
            (form(&[("picture", None, &picture)]), "no_file"),
            (form(&[]), "no_file"),
            (("text/plain".to_owned(), picture.clone()), "no_file"),
            (
                ("multipart/form-data".to_owned(), picture.clone()),
                "no_file",
            ),
            (
                form(&[("picture", Some("a"), &vec![7; (20 << 20) + 1])]),
                "too_large",
            ),
            (
                form(&[("picture", Some("a"), &vec![7; 30 << 20])]),
                "too_large",
            ),
        ] {
            assert_eq!(send(form), right, "{kind:?}");
        }
        assert!(at.files("shared").is_empty() && at.files("held").is_empty());
        // The largest that is taken, and the form goes on.
        let mut most = picture.clone();
        most.resize(20 << 20, 0);
        let said = send(form(&[("picture", Some("a"), &most)]));
        assert!(["shared", "held"].contains(&&*said), "{said}");
        assert_ne!(answer_of(&at.upload("en", &picture)), "later");
    }
}

/// A node that answers each request with the first of these, and writes down its headers.
fn fake_node(answers: Vec<(u16, &'static str)>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("an address");
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let into = Arc::clone(&seen);
    std::thread::spawn(move || {
        for (status, header) in answers {
            let (stream, _) = listener.accept().expect("a connection");
            let mut stream = BufReader::new(stream);
            let (mut length, mut head) = (0, String::new());
            loop {
                let mut line = String::new();
                stream.read_line(&mut line).expect("a header");
                if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                    length = given.trim().parse().expect("a number");
                }
                if line.trim().is_empty() {
                    break;
                }
                head.push_str(&line);
            }
            stream.read_exact(&mut vec![0; length]).expect("a body");
            into.lock().expect("a list").push(head);
            let answer = format!("HTTP/1.1 {status} X\r\n{header}Content-Length: 2\r\n\r\n{{}}");
            let _ = stream.get_mut().write_all(answer.as_bytes());
        }
    });
    (at, seen)
}

#[test]
fn only_a_clear_word_of_the_node_lets_a_picture_pass() {
    let table = [
        (200, "Hashgate-Action: none\r\n", "shared"),
        (200, "Hashgate-Action: report\r\n", "shared"),
        (200, "hashgate-action: allow\r\n", "shared"),
        (200, "Hashgate-Action: review\r\n", "held"),
        (200, "Hashgate-Action: block\r\n", "stopped"),
        (200, "Hashgate-Action: unjudged\r\n", "held"),
        (200, "Hashgate-Action: NONE\r\n", "held"),
        (200, "Hashgate-Action: none, none\r\n", "held"),
        (200, "", "held"),
        (422, "Hashgate-Action: unjudged\r\n", "held"),
        (204, "Hashgate-Action: none\r\n", "later"),
        (302, "Hashgate-Action: none\r\n", "later"),
        (401, "Hashgate-Action: none\r\n", "later"),
        (429, "Hashgate-Action: unjudged\r\n", "later"),
        (500, "", "later"),
        (503, "Hashgate-Action: unjudged\r\n", "later"),
    ];
    let answers = table.iter().map(|(status, header, _)| (*status, *header));
    let (node, seen) = fake_node(answers.collect());
    let folder = tempfile::tempdir().expect("a folder");
    let (at, _program) = python(folder.path(), node, Some("a-key-of-the-form"));
    for (number, (status, header, right)) in (0..).zip(table) {
        let picture = png(number);
        let answer = upload(at, "en", &picture);
        assert_eq!(answer_of(&answer), right, "{status} {header}");
        assert_eq!(answer.status, status_of(right));
        for kept in ["shared", "held"] {
            let is_there = files(&folder.path().join(kept)).contains(&picture);
            assert_eq!(is_there, kept == right, "{status} {header}");
        }
    }
    for head in seen.lock().expect("a list").iter() {
        assert!(
            head.contains("Authorization: Bearer a-key-of-the-form\r\n"),
            "{head}"
        );
        assert!(head.starts_with("POST /v1/check HTTP/1.1\r\n"), "{head}");
    }
    // Nobody listens there any more.
    let kept = files(&folder.path().join("shared")).len();
    let answer = upload(at, "ur", &png(1));
    assert_eq!((&*answer_of(&answer), answer.status), ("later", 503));
    assert_eq!(answer.header("retry-after"), Some("60"));
    assert_eq!(files(&folder.path().join("shared")).len(), kept);
}
