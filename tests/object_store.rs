//! Publishing to a real object store and following it, while both are killed.
//!
//! `HASHGATE_OBJECT_STORE` names an empty place for it (`s3://BUCKET/PREFIX`), and the environment has what proves who asks:
//! `tools/object-store` starts a store on this machine and runs this. Without it the tests say that they are skipped.
//! `HASHGATE_FLEET=20x500` has 20 followers go along with 500 publishes, and prints how soon what was published answered.
#![cfg(all(feature = "curation", feature = "fleet"))]

mod common;

use common::Hashgate;
use hashgate::bank::ContentSignal;
use hashgate::gate::{Gate, Outcome};
use hashgate::hash::{Signal, SignalType};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
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
        self.follow_into(&self.copy)
    }

    fn follow_into(&self, copy: &Path) -> Vec<String> {
        let (copy, key) = (copy.to_str().unwrap(), self.key() + ".pub");
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

struct Draw(u64);

impl Draw {
    fn below(&mut self, below: u64) -> u64 {
        self.0 = (self.0)
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % below
    }
}

/// Entries that are there from the start. Behind them each round adds two, which are there together or not at all.
const FIRST: u64 = 1_000;

/// When each round's entries answered in a folder, as long as `rounds` says that there may be more. Every answer is of one
/// generation, and none is of an older one than the answer before.
fn watch(folder: &Path, rounds: &AtomicU64, is_over: &AtomicBool) -> Vec<Instant> {
    let asked = |number: u64| {
        ContentSignal::new(
            Signal::from_hex(SignalType::Pdq, &hash(number)).unwrap(),
            None,
        )
    };
    let gate = Gate::open(folder).unwrap();
    let mut arrived = Vec::new();
    let mut generation = 0;
    loop {
        let ends = is_over.load(Ordering::SeqCst);
        gate.refresh()
            .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let most = rounds.load(Ordering::SeqCst);
        let before = arrived.len();
        while (arrived.len() as u64) < most {
            let next = FIRST + 2 * arrived.len() as u64;
            let verdicts = gate.match_signals(&[asked(next), asked(0), asked(next + 1)]);
            let is_there = |verdict: &hashgate::gate::Verdict| verdict.outcome == Outcome::Match;
            assert!(
                verdicts
                    .iter()
                    .all(|one| one.generation == verdicts[0].generation)
            );
            assert!(verdicts[0].generation >= generation, "it went back");
            generation = verdicts[0].generation;
            assert!(is_there(&verdicts[1]));
            assert_eq!(
                is_there(&verdicts[0]),
                is_there(&verdicts[2]),
                "half of a generation answers"
            );
            if !is_there(&verdicts[0]) {
                break;
            }
            arrived.push(Instant::now());
        }
        if ends && arrived.len() == before {
            return arrived;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// `HEAD` as it lies at the place, got and put by hand: what somebody does who holds the bucket and no key.
fn head_by_hand(place: &str, to: Option<&Path>, from: Option<&Path>) {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").unwrap();
    let address = format!("{endpoint}/{}/HEAD", place.strip_prefix("s3://").unwrap());
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", &address]);
    if let Some(to) = to {
        curl.arg("--output").arg(to);
    }
    if let Some(from) = from {
        curl.arg("--upload-file").arg(from).stdout(Stdio::null());
    }
    assert!(curl.status().unwrap().success(), "{address}");
}

#[test]
fn many_followers_answer_by_whole_generations_while_all_are_killed() {
    let Some(mut world) = World::new("many") else {
        return;
    };
    let size = std::env::var("HASHGATE_FLEET").unwrap_or_else(|_| "4x24".to_owned());
    let (followers, publishes) = size.split_once('x').expect("HASHGATE_FLEET=20x500");
    let (followers, publishes): (usize, u64) =
        (followers.parse().unwrap(), publishes.parse().unwrap());
    world.add(FIRST);
    world.publish();
    let copies: Vec<PathBuf> = (0..followers)
        .map(|number| world.scratch.path().join(format!("copy-{number}")))
        .collect();
    let arguments: Vec<Vec<String>> = (copies.iter())
        .map(|copy| {
            let mut arguments = world.follow_into(copy);
            arguments.extend(["--every", "0.5"].map(str::to_owned));
            arguments
        })
        .collect();
    let mut running: Vec<Child> = arguments.iter().map(|one| world.begin(one)).collect();
    let until = Instant::now() + Duration::from_secs(120);
    while !copies.iter().all(|copy| copy.join("manifest").exists()) {
        assert!(
            Instant::now() < until,
            "the first generation does not arrive"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    let (rounds, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    let old = world.scratch.path().join("old-head");
    let new = world.scratch.path().join("new-head");
    head_by_hand(&world.place, Some(&old), None);
    let mut draw = Draw(17);
    let (mut killed, mut put_back) = (0, 0);
    // Rounds and followers that were held up on purpose: by a kill, or by what lay there.
    let mut held_up: HashSet<(usize, usize)> = HashSet::new();
    // When each publish that was not killed had ended.
    let mut ended: Vec<(usize, Instant)> = Vec::new();
    let arrived: Vec<Vec<Instant>> = std::thread::scope(|scope| {
        let (rounds, is_over) = (&rounds, &is_over);
        let watching: Vec<_> = copies
            .iter()
            .map(|copy| scope.spawn(move || watch(copy, rounds, is_over)))
            .collect();
        for round in 0..publishes {
            world.add(2);
            rounds.store(round + 1, Ordering::SeqCst);
            let mut publisher = world.begin(&world.publish_arguments());
            if round + 1 < publishes && draw.below(5) == 0 {
                std::thread::sleep(Duration::from_millis(draw.below(300)));
                publisher.kill().unwrap();
                killed += 1;
                publisher.wait().unwrap();
            } else {
                assert!(publisher.wait().unwrap().success());
                ended.push((round as usize, Instant::now()));
            }
            if draw.below(4) == 0 {
                let which = draw.below(followers as u64) as usize;
                running[which].kill().unwrap();
                running[which].wait().unwrap();
                killed += 1;
                held_up.insert((round as usize, which));
                Gate::open(&copies[which]).unwrap();
                running[which] = world.begin(&arguments[which]);
            }
            if draw.below(8) == 0 {
                // Everybody is shown what was in force before; nobody may take it.
                head_by_hand(&world.place, Some(&new), None);
                head_by_hand(&world.place, None, Some(&old));
                std::thread::sleep(Duration::from_millis(700));
                head_by_hand(&world.place, None, Some(&new));
                std::fs::rename(&new, &old).unwrap();
                put_back += 1;
                held_up.extend((0..followers).map(|which| (round as usize, which)));
            }
        }
        let until = Instant::now() + Duration::from_secs(120);
        let last = hash(world.added - 1);
        let last = Signal::from_hex(SignalType::Pdq, &last).unwrap();
        let knows = |copy: &PathBuf| {
            let verdict = Gate::open(copy).unwrap().match_signal(&last, None);
            verdict.outcome == Outcome::Match
        };
        while !copies.iter().all(knows) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(100));
        }
        is_over.store(true, Ordering::SeqCst);
        watching
            .into_iter()
            .map(|one| one.join().unwrap())
            .collect()
    });
    for mut follower in running {
        follower.kill().unwrap();
        follower.wait().unwrap();
    }
    let expected = segments(&world.gate.home().join("index"));
    for (copy, arrived) in copies.iter().zip(&arrived) {
        assert_eq!(arrived.len() as u64, publishes, "{}", copy.display());
        assert_eq!(segments(copy), expected);
        world
            .gate
            .expect(0, &["verify", "--index", copy.to_str().unwrap()]);
    }
    assert!(
        killed > 0 && put_back > 0,
        "{killed} killed, {put_back} put back"
    );
    // How soon what was published answers: of all, and where nobody was held up on purpose.
    let told = |name: &str, counts: &dyn Fn(usize, usize) -> bool| {
        let mut took: Vec<Duration> = Vec::new();
        for (round, ended) in &ended {
            let each = arrived.iter().enumerate();
            let each = each.filter(|(which, _)| counts(*round, *which));
            took.extend(each.map(|(_, one)| one[*round].saturating_duration_since(*ended)));
        }
        took.sort();
        let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_millis();
        let (half, most_of, most) = (at(50), at(99), at(100));
        eprintln!(
            "  {name}: {} answers, p50 {half} ms, p99 {most_of} ms, most {most} ms",
            took.len()
        );
    };
    eprintln!(
        "{followers} followers, {publishes} publishes, {killed} killed, {put_back} old HEADs shown; from the end of a publish to an answer:"
    );
    told("all", &|_, _| true);
    told("where nobody was held up", &|round, which| {
        !held_up.contains(&(round, which))
    });
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
