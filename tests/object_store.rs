//! Publishing to a real object store and following it, while both are killed.
//!
//! `HASHGATE_OBJECT_STORE` names an empty place for it (`s3://BUCKET/PREFIX`), and the environment has what proves who asks:
//! `tools/object-store` starts a store on this machine and runs this. Without it the tests say that they are skipped.
#![cfg(all(feature = "curation", feature = "fleet"))]

mod common;

use common::Hashgate;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A place of this test's own, if there is a store.
fn place(name: &str) -> Option<String> {
    match std::env::var("HASHGATE_OBJECT_STORE") {
        Ok(place) => Some(format!(
            "{}/{name}-{}",
            place.trim_end_matches('/'),
            std::process::id()
        )),
        Err(_) => {
            eprintln!(
                "skipped: HASHGATE_OBJECT_STORE names no object store; tools/object-store starts one"
            );
            None
        }
    }
}

fn hash(number: u64) -> String {
    let mut state = number + 1;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state ^ (state >> 29)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    (0..4).map(|_| format!("{:016x}", next())).collect()
}

struct World {
    gate: Hashgate,
    scratch: tempfile::TempDir,
    place: String,
    copy: PathBuf,
    added: u64,
}

impl World {
    fn new(name: &str) -> Option<Self> {
        let place = place(name)?;
        let gate = Hashgate::new();
        gate.expect(0, &["bank", "create", "list", "--action", "block"]);
        let scratch = tempfile::tempdir().unwrap();
        let key = scratch.path().join("publisher.key");
        gate.expect(0, &["hashset", "keygen", key.to_str().unwrap()]);
        let copy = scratch.path().join("copy");
        Some(Self {
            gate,
            scratch,
            place,
            copy,
            added: 0,
        })
    }

    fn key(&self) -> String {
        self.scratch
            .path()
            .join("publisher.key")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn add(&mut self, count: u64) {
        let numbers = self.added..self.added + count;
        let list: String = numbers.map(|number| hash(number) + "\n").collect();
        let ran = self
            .gate
            .run_with(&["import", "--bank", "list", "-"], &list);
        assert_eq!(ran.code, 0, "{ran:?}");
        self.added += count;
    }

    fn publish_arguments(&self) -> Vec<String> {
        let arguments = ["publish", "--to", &self.place, "--secret-key", &self.key()];
        arguments.map(str::to_owned).to_vec()
    }

    fn publish(&self) -> String {
        let arguments = self.publish_arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.gate.expect(0, &arguments).out
    }

    fn follow_arguments(&self) -> Vec<String> {
        let (copy, key) = (self.copy.to_str().unwrap(), self.key() + ".pub");
        let arguments = ["follow", &self.place, "--index", copy, "--public-key", &key];
        arguments.map(str::to_owned).to_vec()
    }

    fn follow_once(&self) -> String {
        let mut arguments = self.follow_arguments();
        arguments.push("--once".to_owned());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        self.gate.expect(0, &arguments).out
    }

    fn begin(&self, arguments: &[String]) -> Child {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hashgate"));
        command.arg("--home").arg(self.gate.home()).args(arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().unwrap()
    }

    /// Whether the copy knows an entry.
    fn knows(&self, number: u64) -> bool {
        let copy = self.copy.to_str().unwrap();
        let ran = self.gate.run(&["match", "--index", copy, &hash(number)]);
        assert!(ran.code < 2, "the copy cannot be read: {ran:?}");
        ran.code == 1
    }
}

#[test]
fn what_is_published_to_a_store_is_followed() {
    let Some(mut world) = World::new("follow") else {
        return;
    };
    world.add(3_000);
    let told = world.publish();
    assert!(
        told.contains("(sequence 1): 2 of 2 files new there"),
        "{told}"
    );
    let told = world.follow_once();
    assert!(
        told.starts_with("generation 1 came into force (sequence 1): 1 segment fetched"),
        "{told}"
    );
    assert!(world.knows(2_999) && !world.knows(3_000));
    world.add(1);
    world.publish();
    world.follow_once();
    assert!(world.knows(3_000));
    let copy = world.copy.to_str().unwrap().to_owned();
    world.gate.expect(0, &["verify", "--index", &copy]);
}

#[test]
fn killed_anywhere_both_go_on_and_the_folder_is_always_whole() {
    let Some(mut world) = World::new("kills") else {
        return;
    };
    world.add(3_000);
    world.publish();
    world.follow_once();
    let mut state = 7_u64;
    let mut next = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let follow = {
        let mut arguments = world.follow_arguments();
        arguments.extend(["--every", "0.1"].map(str::to_owned));
        arguments
    };
    let mut follower = world.begin(&follow);
    for round in 0..40 {
        world.add(1 + next(400));
        let mut publisher = world.begin(&world.publish_arguments());
        std::thread::sleep(Duration::from_millis(next(400)));
        if round % 2 == 0 {
            publisher.kill().unwrap();
        }
        publisher.wait().unwrap();
        if round % 3 == 0 {
            follower.kill().unwrap();
            follower.wait().unwrap();
            // Whatever it was at: the folder answers, and its every byte is as it was published.
            assert!(world.knows(0));
            let copy = world.copy.to_str().unwrap().to_owned();
            world.gate.expect(0, &["verify", "--index", &copy]);
            follower = world.begin(&follow);
        }
    }
    world.publish();
    let until = Instant::now() + Duration::from_secs(60);
    while !world.knows(world.added - 1) {
        assert!(Instant::now() < until, "the last publish does not arrive");
        std::thread::sleep(Duration::from_millis(100));
    }
    follower.kill().unwrap();
    follower.wait().unwrap();
    let copy = world.copy.to_str().unwrap().to_owned();
    world.gate.expect(0, &["verify", "--index", &copy]);
    assert_eq!(
        segments(&world.copy),
        segments(&world.gate.home().join("index"))
    );
}

fn segments(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("segment-")).collect();
    names.sort();
    names
}

#[test]
fn a_feed_goes_out_to_a_store_and_is_mended_after_kills() {
    let Some(mut world) = World::new("feed") else {
        return;
    };
    world.add(200);
    let (place, key) = (world.place.clone(), world.key());
    let export = [
        "export",
        "--bank",
        "list",
        "--to",
        &place,
        "--secret-key",
        &key,
    ];
    let said = world.gate.expect(0, &export).out;
    assert!(said.contains("200 entries"), "{said}");
    for after in [0, 20, 60, 150, 400, 900] {
        world.add(1);
        let mut command = world.gate.command();
        command.args(export);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = common::watched(&mut command);
        std::thread::sleep(Duration::from_millis(after));
        let _ = child.kill();
        child.output();
    }
    let said = world.gate.expect(0, &export).out;
    assert!(said.contains("206 entries"), "{said}");
    let said = world.gate.expect(0, &export).out;
    assert!(said.contains("nothing has changed"), "{said}");
}
