//! The process that decodes apart: hostile pictures, processes that die at any byte of their answer, programs that are
//! none of ours. Each file has an outcome, and whoever asks never waits for ever. What a locked process cannot do is
//! tested beside the lock itself (`src/media/isolated/lock/tests.rs`).
#![cfg(all(feature = "avif", feature = "cli", target_os = "linux"))]

mod common;

use common::shipped_pictures;
use hashgate::gate::isolated::use_program;
use hashgate::gate::{
    Extract, Extraction, Extractor, Gate, GateOptions, Isolation, MemoryBudget, Mode, Outcome,
    ProblemKind, VariantSet,
};
use hashgate::hash::SignalType;
use hashgate::media::{Limits, MediaError, decode, decode_frames};
use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Which program decodes is said for the whole process: one test at a time.
static PROGRAM: Mutex<()> = Mutex::new(());

const OURS: &str = env!("CARGO_BIN_EXE_hashgate-worker");
/// It does the same work.
const COMMAND: &str = env!("CARGO_BIN_EXE_hashgate");

fn with(program: impl Into<PathBuf>) -> MutexGuard<'static, ()> {
    let held = PROGRAM.lock().unwrap_or_else(PoisonError::into_inner);
    use_program(program);
    held
}

/// The same numbers in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most as u64) as usize
    }
}

fn made(wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats");
    let paths = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut files: Vec<_> = paths
        .map(|path| (name(&path), path))
        .filter(|(name, _)| wanted(name))
        .map(|(name, path)| (name, fs::read(path).unwrap()))
        .collect();
    files.sort();
    files
}

fn rocket() -> Vec<u8> {
    made(|name| name == "rocket.avif").remove(0).1
}

/// The file with some things wrong in it, mostly where its pixels are coded.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let coded = bytes.windows(4).position(|four| four == b"mdat");
    let coded = coded.map_or(0, |at| at + 4);
    for _ in 0..1 + random.below(6) {
        let from = match random.below(8) {
            0 => 0,
            _ => coded.min(bytes.len() - 1),
        };
        let at = from + random.below(bytes.len() - from);
        match random.below(5) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = [0, 0xff, 0x7f, 0x80][random.below(4)],
            2 => {
                let to = (at + 1 + random.below(12)).min(bytes.len());
                bytes[at..to].fill_with(|| random.below(256) as u8);
            }
            3 => {
                let other = from + random.below(bytes.len() - from);
                bytes.swap(at, other);
            }
            _ if random.below(6) == 0 => bytes.truncate(at.max(64)),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
    bytes
}

/// What becomes of a file: how many pictures, and the error that ended them.
fn outcome(bytes: &[u8]) -> (u32, Option<MediaError>) {
    let mut pictures = 0;
    let ended = decode_frames(bytes, &Limits::default(), &mut |picture| {
        let pixels = u64::from(picture.width) * u64::from(picture.height);
        assert_eq!(picture.rgb.len() as u64, 3 * pixels);
        pictures += 1;
        ControlFlow::Continue(())
    });
    (pictures, ended.err())
}

#[test]
fn a_thousand_hostile_pictures_have_an_outcome_each_and_none_breaks_out() {
    const FILES: usize = 1_000;
    let _held = with(OURS);
    let seeds = made(|name| name.contains(".avif"));
    let (mut shown, mut refused) = (0, 0);
    for number in 0..FILES {
        let (name, seed) = &seeds[number % seeds.len()];
        let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ (number as u64 + 1));
        let (pictures, error) = outcome(&damaged(seed, &mut random));
        match &error {
            None => assert!(pictures > 0, "{name} {number}"),
            Some(error) => {
                let words = error.to_string();
                assert!(!words.contains("broke out"), "{name} {number}: {words}");
                refused += 1;
            }
        }
        shown += usize::from(pictures > 0);
    }
    // Else the damage is all of one kind, and little of the decoder was reached.
    assert!(
        shown > FILES / 10 && refused > FILES / 10,
        "{shown} shown, {refused} refused"
    );
}

/// A program that stands in for the one that decodes.
struct StandIn {
    folder: tempfile::TempDir,
}

impl StandIn {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let stand_in = Self { folder };
        stand_in.becomes(script);
        stand_in
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn becomes(&self, script: &str) {
        // Written beside and renamed: who executes it has it open.
        let (new, program) = (self.path("new"), self.path("program"));
        let here = self.folder.path().display();
        fs::write(&new, format!("#!/bin/sh\ncd '{here}'\n{script}\n")).unwrap();
        fs::set_permissions(&new, fs::Permissions::from_mode(0o700)).unwrap();
        fs::rename(new, program).unwrap();
    }

    fn says(&self, answer: &[u8]) {
        fs::write(self.path("answer"), answer).unwrap();
    }

    /// What the program that decodes says of this file.
    fn record(file: &[u8]) -> (Self, MutexGuard<'static, ()>, Vec<u8>) {
        let stand_in = Self::new(&format!("'{OURS}' \"$@\" > answer; cat answer"));
        let held = with(stand_in.path("program"));
        assert_eq!(outcome(file), (1, None));
        let answer = fs::read(stand_in.path("answer")).unwrap();
        (stand_in, held, answer)
    }
}

#[test]
fn a_process_that_dies_at_any_byte_of_its_answer_leaves_an_outcome() {
    let file = rocket();
    let (stand_in, _held, answer) = StandIn::record(&file);
    let whole = answer.len();
    let mut random = Random(11);
    let ends = [
        ("kill -KILL $$", "the time to decode it"),
        ("kill -ABRT $$", "the memory to decode it"),
        ("kill -SEGV $$", "broke out"),
        ("kill -SYS $$", "broke out"),
        ("exit 0", "ended early"),
    ];
    for death in 0..100 {
        let (end, words) = ends[death % ends.len()];
        // At its beginning and its end too, where most is said in few bytes.
        let at = match death / ends.len() {
            0 => random.below(9),
            1 => 8 + random.below(10),
            2 => whole - 1 - random.below(9),
            _ => random.below(whole),
        };
        stand_in.says(&answer[..at]);
        stand_in.becomes(&format!("cat answer; {end}"));
        let (pictures, error) = outcome(&file);
        // Behind the samples all is said but that it was all, which is known.
        let is_all = at >= whole - 9;
        let said = error.map(|error| error.to_string()).unwrap_or_default();
        let told = match is_all {
            true => said.is_empty(),
            false if at < 8 && end == "exit 0" => said.contains("ended before it was locked"),
            false => said.contains(words),
        };
        assert!(told, "{at} of {whole}, then {end}: {said}");
        assert_eq!(pictures, u32::from(is_all), "{at} of {whole}, then {end}");
    }
}

#[test]
fn answers_of_any_bytes_are_refused_or_are_pictures() {
    let file = rocket();
    let (stand_in, _held, answer) = StandIn::record(&file);
    stand_in.becomes("cat answer");
    let mut random = Random(5);
    for turn in 0..200 {
        let mut said = answer.clone();
        // What is said of the samples stands in the first bytes.
        let reach = if turn % 4 == 0 { said.len() } else { 26 };
        for _ in 0..1 + random.below(3) {
            let at = random.below(reach);
            said[at] = random.below(256) as u8;
        }
        if turn % 10 == 0 {
            said.extend_from_slice(&answer);
        }
        stand_in.says(&said);
        let (pictures, error) = outcome(&file);
        assert!(
            pictures <= 1 && (pictures == 1 || error.is_some()),
            "turn {turn}"
        );
    }
    let of_size = |width: u32, height: u32| {
        [
            b"locked 1P",
            &width.to_le_bytes()[..],
            &height.to_le_bytes(),
        ]
        .concat()
    };
    for said in [
        of_size(u32::MAX, u32::MAX),
        of_size(192, 256),
        of_size(0, 0),
        b"locked 1F\0\0\0\0\xff\xff\xff\xff".to_vec(),
        b"locked 1B\0\0\0\0\xff\xff\xff\xff".to_vec(),
        b"locked 1D\0\0\0\0\0\0\0\0".to_vec(),
        b"locked 1Q\0\0\0\0\0\0\0\0".to_vec(),
    ] {
        stand_in.says(&said);
        let error = outcome(&file).1.unwrap().to_string();
        assert!(error.contains("broke out"), "{said:?}: {error}");
    }
}

#[test]
fn without_a_program_or_a_lock_nothing_is_decoded() {
    let file = rocket();
    let jpeg = &shipped_pictures("known")[0].1;
    let no_lock = StandIn::new(r"printf 'F\003\000\000\000\013\000\000\000no Landlock'");
    for (program, words) in [
        (
            PathBuf::from("/nonexistent/program"),
            "no process to decode it",
        ),
        // Of another version, say.
        (PathBuf::from("/bin/true"), "ended before it was locked"),
        (PathBuf::from("/bin/echo"), "does not decode in isolation"),
        (
            no_lock.path("program"),
            "no isolation to decode it in: no Landlock",
        ),
    ] {
        let _held = with(program);
        let error = decode(&file, &Limits::default()).unwrap_err();
        assert!(matches!(error, MediaError::Unsupported { .. }), "{error}");
        assert!(error.to_string().contains(words), "{error}");
        // What any gate can read is not read either, where it is to be read apart.
        let apart = extracted(jpeg, Isolation::Everything, false);
        let problem = apart.problem.unwrap();
        assert_eq!(problem.outcome, Outcome::Unsupported, "{}", problem.message);
        assert_eq!(problem.kind, ProblemKind::NotDecoded);
        assert!(problem.message.contains(words), "{}", problem.message);
        // Its digest is there all the same.
        let kinds: Vec<SignalType> = apart.signals.iter().map(|one| one.signal_type()).collect();
        assert_eq!(kinds, [SignalType::Sha256]);
    }
}

fn extracted(bytes: &[u8], isolation: Isolation, fast: bool) -> Extraction {
    let how = Extract {
        wanted: match fast {
            // Other hashes need pixels.
            true => &[SignalType::Sha256, SignalType::Pdq],
            false => &[SignalType::Pdq, SignalType::Dhash, SignalType::Sha256],
        },
        variants: VariantSet::STANDARD,
        limits: &Limits::default(),
        fast,
        memory: None,
        isolation,
    };
    Extractor::default().extract_with(bytes, &how)
}

/// One file of each format, a JPEG that is large enough for its coefficients to be read, a JPEG with a clip behind it,
/// and what is no picture.
fn one_of_each() -> Vec<(String, Vec<u8>)> {
    let mut files = made(|name| {
        let plain = [
            "rocket-grid.avif",
            "moving.avifs",
            "rocket-alpha.heic",
            "rocket-alpha.jxl",
        ];
        plain.contains(&name)
    });
    let pictures = shipped_pictures("uploads");
    files.extend(pictures.iter().take(6).cloned());
    let picture = image::load_from_memory(&shipped_pictures("known")[0].1).unwrap();
    let large = picture.resize_to_fill(900, 900, image::imageops::FilterType::Triangle);
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 90);
    large.to_rgb8().write_with_encoder(encoder).unwrap();
    files.push(("large.jpg".to_owned(), jpeg.clone()));
    jpeg.extend(b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x0cmdatclip");
    files.push(("clip.jpg".to_owned(), jpeg.clone()));
    jpeg.truncate(9_000);
    files.push(("cut.jpg".to_owned(), jpeg));
    files.push(("empty".to_owned(), Vec::new()));
    files.push(("text".to_owned(), b"no picture".to_vec()));
    files
}

#[test]
fn what_is_seen_apart_is_what_is_seen_here() {
    let _held = with(COMMAND);
    let mut from_coefficients = 0;
    for (name, bytes) in one_of_each() {
        for fast in [false, true] {
            let here = extracted(&bytes, Isolation::Unchecked, fast);
            let apart = extracted(&bytes, Isolation::Everything, fast);
            assert!(here == apart, "{name}: {here:#?}\n{apart:#?}");
            from_coefficients += u32::from(apart.fast);
        }
    }
    assert!(from_coefficients > 0);
}

#[test]
fn a_gate_that_looks_apart_decides_the_same() {
    use hashgate::bank::{Action, Bank, BankId, ContentId, Policy};
    use hashgate::index::{Index, IndexRecord, PublishOptions};
    let _held = with(OURS);
    let bank = Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    };
    let index = || {
        let known = shipped_pictures("known");
        let records = (1..).zip(&known).map(|(number, (_, bytes))| {
            let hashed = extracted(bytes, Isolation::Unchecked, false);
            Ok::<_, std::convert::Infallible>(IndexRecord {
                bank: BankId(1),
                content: ContentId(number),
                signal: hashed.signals[0],
                quality: hashed.quality,
            })
        });
        let banks = std::slice::from_ref(&bank);
        Index::in_memory(banks, records, &PublishOptions::default()).unwrap()
    };
    let options = || {
        let mut options = GateOptions::default().mode(Mode::Auto);
        options.at = Some(1_800_000_000);
        options
    };
    let here = Gate::over(index(), options());
    let budget = std::sync::Arc::new(MemoryBudget::new(600 << 20));
    let apart = options().isolation(Isolation::Everything).memory(budget);
    let apart = Gate::over(index(), apart);
    let mut matched = 0;
    for (path, bytes) in shipped_pictures("uploads") {
        let (here, apart) = (here.check(&bytes), apart.check(&bytes));
        assert!(here == apart, "{path}: {here:#?}\n{apart:#?}");
        matched += u32::from(apart.outcome == Outcome::Match);
    }
    assert!(matched > 3);
}
