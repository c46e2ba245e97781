//! Publishing to a store in memory, and following it, while things go wrong.

use super::*;
use crate::bank::{Action, Bank, BankId, ContentId, Policy};
use crate::fleet::head::{HEAD, MOST_BYTES};
use crate::fleet::place::{PIECE, Put};
use crate::hash::{Distance, PdqHash, Signal};
use crate::index::{Index, IndexRecord, PublishOptions, publish, publish_delta};
use crate::watch::{Observer, Silent};
use minisign::KeyPair;
use object_store::memory::InMemory;
use object_store::path::Path as Key;
use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A bucket, and what publishes to it.
struct World {
    home: tempfile::TempDir,
    bucket: Arc<InMemory>,
    public: String,
}

fn pdq(number: u64) -> Signal {
    let mut hash = PdqHash::ZERO;
    hash.0[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    hash.0[8..16].copy_from_slice(&number.to_le_bytes());
    hash.into()
}

fn bank() -> Bank {
    Bank {
        id: BankId(1),
        name: "known".parse().unwrap(),
        policy: Policy::new(Action::Block),
    }
}

fn record(number: u64) -> Result<IndexRecord, std::convert::Infallible> {
    Ok(IndexRecord {
        bank: BankId(1),
        content: ContentId(number),
        signal: pdq(number),
        quality: None,
    })
}

impl World {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let pair = KeyPair::generate_unencrypted_keypair().unwrap();
        let secret = pair.sk.to_box(None).unwrap().into_string();
        fs::write(home.path().join("key"), secret).unwrap();
        Self {
            home,
            bucket: Arc::default(),
            public: pair.pk.to_base64(),
        }
    }

    fn place(&self) -> Place {
        let bucket: Arc<InMemory> = Arc::clone(&self.bucket);
        Place::over(Box::new(bucket), Key::from("some/where")).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// All entries up to a number, in one segment.
    fn publish(&self, folder: &str, upto: u64) -> u64 {
        let records = (1..=upto).map(record);
        let options = PublishOptions::default();
        let published = publish(&self.path(folder), &[bank()], records, &options);
        published.unwrap().generation
    }

    fn options(&self) -> SendOptions {
        SendOptions::by(self.path("key"))
    }

    fn send(&self, folder: &str) -> Result<Sent, FleetError> {
        send(&self.path(folder), &self.place(), &self.options(), &Silent)
    }

    fn follower(&self, folder: &str) -> Follower {
        let options = FollowOptions::new(self.path(folder), &self.public);
        Follower::begin(&options).unwrap()
    }

    fn look(&self, follower: &mut Follower) -> Result<Followed, FleetError> {
        follower.look(&self.place(), &Silent)
    }

    fn head(&self) -> Vec<u8> {
        let found = self.place().get(HEAD, MOST_BYTES, &Silent).unwrap();
        found.unwrap().0
    }

    /// Puts this `HEAD` in the place of the one that is there, as somebody does who has the bucket and no key.
    fn put_head(&self, bytes: Vec<u8>) {
        let place = self.place();
        let before = place.get(HEAD, 2 * MOST_BYTES, &Silent).unwrap();
        let version = before.map(|(_, version)| version);
        let put = place.put(HEAD, bytes, version.as_ref(), &Silent).unwrap();
        assert_eq!(put, Put::Done);
    }
}

/// Whether the index of a folder holds entry 1 to this number, and no further one.
fn holds(folder: &Path, upto: u64) -> bool {
    let index = Index::open(folder).unwrap();
    let found = |number| {
        let hits = index.search(&pdq(number), Distance(0));
        hits.iter().any(|hit| hit.content == ContentId(number))
    };
    (1..=upto).all(found) && !found(upto + 1)
}

#[test]
fn what_is_sent_is_followed_and_only_what_lacks_is_fetched() {
    let world = World::new();
    let mut follower = world.follower("copy");
    assert!(matches!(world.look(&mut follower), Err(FleetError::Empty)));
    world.publish("index", 30_000);
    let sent = world.send("index").unwrap();
    assert_eq!(
        (sent.generation, sent.sequence, sent.files, sent.uploaded),
        (1, 1, 2, 2)
    );
    let followed = world.look(&mut follower).unwrap();
    assert!(followed.is_new && !followed.is_expired);
    assert_eq!(
        (followed.generation, followed.sequence, followed.fetched),
        (1, 1, 1)
    );
    assert!(holds(&world.path("copy"), 30_000));
    let again = world.look(&mut follower).unwrap();
    assert_eq!((again.is_new, again.fetched), (false, 0));

    // A change is a segment more: the large one is neither sent nor fetched again.
    let options = PublishOptions::default();
    let none: [(BankId, ContentId); 0] = [];
    publish_delta(
        &world.path("index"),
        &[bank()],
        (30_001..=30_002).map(record),
        none,
        &options,
    )
    .unwrap();
    let sent = world.send("index").unwrap();
    assert_eq!((sent.generation, sent.sequence, sent.uploaded), (2, 2, 2));
    let followed = world.look(&mut follower).unwrap();
    assert_eq!((followed.generation, followed.fetched), (2, 1));
    assert!(holds(&world.path("copy"), 30_002));

    // One that begins later, and one that is begun again, go on where they are.
    let mut late = world.follower("late");
    assert_eq!(world.look(&mut late).unwrap().fetched, 2);
    let mut again = world.follower("copy");
    let followed = world.look(&mut again).unwrap();
    assert_eq!((followed.generation, followed.fetched), (2, 0));

    // The same again is a new HEAD, so that it does not expire.
    let sent = world.send("index").unwrap();
    assert_eq!((sent.sequence, sent.uploaded), (3, 0));
    assert_eq!(world.look(&mut follower).unwrap().sequence, 3);
}

#[test]
fn a_segment_of_several_pieces_comes_whole() {
    let world = World::new();
    world.publish("index", 130_000);
    let sent = world.send("index").unwrap();
    assert!(
        sent.uploaded_bytes > PIECE,
        "{sent:?}: too few to need two pieces"
    );
    world.look(&mut world.follower("copy")).unwrap();
    let name = "segment-0000000000000001-0000.hgs";
    let read = |folder| fs::read(world.path(folder).join(name)).unwrap();
    assert!(read("index") == read("copy"));
}

#[test]
fn a_store_that_forgets_conditions_is_refused_before_anything_is_sent() {
    let world = World::new();
    world.publish("index", 10);
    let mut place = world.place();
    place.faults.forgets = true;
    let refused = send(&world.path("index"), &place, &world.options(), &Silent).unwrap_err();
    assert!(matches!(
        refused,
        FleetError::NoConditions {
            what: "it made an object twice"
        }
    ));
    assert!(world.place().list("blobs", &Silent).unwrap().is_empty());
    assert!(world.place().list("probe", &Silent).unwrap().is_empty());
}

#[test]
fn a_publisher_that_was_overtaken_says_so_and_changes_nothing() {
    let world = Arc::new(World::new());
    world.publish("index", 10);
    // Between its look at HEAD and its swap another one publishes: where there was none, and over the one that was there.
    for sequence in 1..=2 {
        let place = world.place();
        let other = Arc::clone(&world);
        // Of another machine, with a folder of its own.
        let folder = format!("other-{sequence}");
        world.publish(&folder, 11);
        let meanwhile = move || assert_eq!(other.send(&folder).unwrap().sequence, sequence);
        place.faults.before_head.set(Some(Box::new(meanwhile)));
        let refused = send(&world.path("index"), &place, &world.options(), &Silent).unwrap_err();
        assert!(
            matches!(refused, FleetError::Overtaken { sequence: found } if found == sequence),
            "{refused}"
        );
        let text = String::from_utf8(world.head()).unwrap();
        assert!(text.contains(&format!("\"sequence\":{sequence}")), "{text}");
    }
}

#[test]
fn a_head_by_nobody_known_or_changed_or_older_is_not_believed() {
    let world = World::new();
    world.publish("index", 10);
    world.send("index").unwrap();
    let first = world.head();
    let mut follower = world.follower("copy");
    world.look(&mut follower).unwrap();
    world.publish("index", 20);
    world.send("index").unwrap();
    let second = world.head();

    let stranger = World::new();
    let mut other =
        Follower::begin(&FollowOptions::new(world.path("x"), &stranger.public)).unwrap();
    assert!(matches!(world.look(&mut other), Err(FleetError::Untrusted)));
    assert!(!world.path("x").join("manifest").exists());

    let text = String::from_utf8(second.clone()).unwrap();
    for changed in [
        text.replace("\"generation\":2", "\"generation\":3"),
        text.replace("\"sequence\":2", "\"sequence\":9"),
    ] {
        assert_ne!(changed, text);
        world.put_head(changed.into_bytes());
        assert!(matches!(
            world.look(&mut follower),
            Err(FleetError::Untrusted)
        ));
    }
    for broken in ["", "{}", "{}\n", "\n\n\n", &text[..text.len() / 2]] {
        world.put_head(broken.as_bytes().to_vec());
        let refused = world.look(&mut follower).unwrap_err();
        assert!(
            matches!(
                refused,
                FleetError::Unreadable { .. } | FleetError::Untrusted
            ),
            "{refused}"
        );
    }
    world.put_head(vec![b'a'; MOST_BYTES as usize + 1]);
    assert!(matches!(
        world.look(&mut follower),
        Err(FleetError::Unreadable { .. })
    ));
    assert!(holds(&world.path("copy"), 10), "what was in force stays");

    world.put_head(second);
    assert_eq!(world.look(&mut follower).unwrap().sequence, 2);
    // Somebody puts the first one back: nobody goes back, however often it is begun again.
    world.put_head(first);
    for mut follower in [follower, world.follower("copy")] {
        let refused = world.look(&mut follower).unwrap_err();
        assert!(
            matches!(
                refused,
                FleetError::Older {
                    sequence: 1,
                    seen: 2
                }
            ),
            "{refused}"
        );
    }
    // An empty folder takes no memory away.
    fs::remove_dir_all(world.path("copy")).unwrap();
    let refused = world.look(&mut world.follower("copy")).unwrap_err();
    assert!(matches!(refused, FleetError::Older { .. }));
    // Whoever has the key publishes after the one that was taken away, not after the one that is shown.
    assert_eq!(world.send("index").unwrap().sequence, 3);
    assert_eq!(world.look(&mut world.follower("copy")).unwrap().sequence, 3);
}

#[test]
fn two_publishers_by_one_key_are_found_out() {
    let world = World::new();
    world.publish("index", 10);
    world.send("index").unwrap();
    let mut follower = world.follower("copy");
    world.look(&mut follower).unwrap();
    // The same key publishes to a bucket of its own, and that bucket is shown to the follower.
    let other = World {
        home: tempfile::tempdir().unwrap(),
        bucket: Arc::default(),
        public: world.public.clone(),
    };
    fs::copy(world.path("key"), other.path("key")).unwrap();
    other.publish("index", 20);
    other.send("index").unwrap();
    let refused = other.look(&mut follower).unwrap_err();
    assert!(
        matches!(refused, FleetError::Twofold { sequence: 1 }),
        "{refused}"
    );
    // A newer one whose segment has the name of one that is there, and another content, is refused with what to do.
    other.send("index").unwrap();
    let refused = other.look(&mut follower).unwrap_err();
    assert!(
        matches!(refused, FleetError::OtherSegment { .. }),
        "{refused}"
    );
    assert!(holds(&world.path("copy"), 10));
}

#[test]
fn a_content_that_was_not_signed_does_not_come_in() {
    let world = World::new();
    world.publish("index", 300);
    world.send("index").unwrap();
    let place = world.place();
    for (name, _) in place.list("blobs", &Silent).unwrap() {
        let object = format!("blobs/{name}");
        let (good, version) = place.get(&object, 1 << 30, &Silent).unwrap().unwrap();
        let mut bad = good.clone();
        bad[good.len() / 2] ^= 1;
        for bad in [bad, good[1..].to_vec(), Vec::new()] {
            let (_, now) = place.get(&object, 1 << 30, &Silent).unwrap().unwrap();
            place.put(&object, bad, Some(&now), &Silent).unwrap();
            let refused = world.look(&mut world.follower("copy")).unwrap_err();
            assert!(
                matches!(
                    refused,
                    FleetError::Content { .. } | FleetError::Store { .. }
                ),
                "{refused}"
            );
            assert!(!world.path("copy").join("manifest").exists());
        }
        let _ = version;
        let (_, now) = place.get(&object, 1 << 30, &Silent).unwrap().unwrap();
        place.put(&object, good, Some(&now), &Silent).unwrap();
    }
    world.look(&mut world.follower("copy")).unwrap();
    assert!(holds(&world.path("copy"), 300));
}

#[test]
fn what_expires_stays_in_force_and_is_told_and_does_not_come_in_late() {
    let world = World::new();
    world.publish("index", 10);
    let mut options = world.options();
    options.expires_after = 0;
    let send_expired = || send(&world.path("index"), &world.place(), &options, &Silent).unwrap();
    send_expired();
    let refused = world.look(&mut world.follower("copy")).unwrap_err();
    assert!(matches!(refused, FleetError::Expired { .. }), "{refused}");
    world.send("index").unwrap();
    let mut follower = world.follower("copy");
    assert!(!world.look(&mut follower).unwrap().is_expired);
    // Time passes: what is in force is only told to be over.
    if let Some((_, head)) = &mut follower.in_force {
        head.expires = 1;
    }
    let told = world.look(&mut follower).unwrap();
    assert!(told.is_expired && !told.is_new);
    assert!(holds(&world.path("copy"), 10));
}

#[test]
fn old_files_stay_for_a_while_and_then_go() {
    let world = World::new();
    let count = || world.place().list("blobs", &Silent).unwrap().len();
    world.publish("index", 10);
    world.send("index").unwrap();
    assert_eq!(count(), 2);
    world.publish("index", 20);
    assert_eq!(world.send("index").unwrap().removed, 0);
    assert_eq!(count(), 4, "a slow follower finds those of before");
    let mut options = world.options();
    options.grace = 0;
    world.publish("index", 30);
    let sent = send(&world.path("index"), &world.place(), &options, &Silent).unwrap();
    assert_eq!(sent.removed, 4, "those of both, for none stays");
    assert_eq!(count(), 2);
    world.look(&mut world.follower("copy")).unwrap();
    assert!(holds(&world.path("copy"), 30));
}

#[test]
fn stopped_at_any_request_a_publish_is_whole_or_not_there_and_the_next_one_mends_it() {
    let world = World::new();
    world.publish("index", 300);
    world.send("index").unwrap();
    let mut follower = world.follower("copy");
    world.look(&mut follower).unwrap();
    let mut upto = 300;
    let mut stopped = 0;
    for fails_after in 0..40 {
        upto += 10;
        world.publish("index", upto);
        let mut place = world.place();
        place.faults.fails_after = Some(Cell::new(fails_after));
        let sent = send(&world.path("index"), &place, &world.options(), &Silent);
        let mut reader = world.follower("copy");
        world.look(&mut reader).unwrap();
        let is_new = holds(&world.path("copy"), upto);
        assert!(
            is_new || holds(&world.path("copy"), upto - 10),
            "after {fails_after}"
        );
        match sent {
            Ok(_) => assert!(is_new),
            Err(_) => {
                stopped += 1;
                world.send("index").unwrap();
                world.look(&mut reader).unwrap();
            }
        }
        assert!(holds(&world.path("copy"), upto));
    }
    assert!(stopped > 8, "{stopped} of 40 publishes were stopped");
}

#[test]
fn stopped_at_any_request_a_follower_has_the_old_or_the_new_and_goes_on() {
    let world = World::new();
    let mut upto = 300;
    world.publish("index", upto);
    world.send("index").unwrap();
    world.look(&mut world.follower("copy")).unwrap();
    let mut stopped = 0;
    for fails_after in 0..8 {
        upto += 10;
        world.publish("index", upto);
        world.send("index").unwrap();
        let mut place = world.place();
        place.faults.fails_after = Some(Cell::new(fails_after));
        let mut follower = world.follower("copy");
        let followed = follower.look(&place, &Silent);
        stopped += usize::from(followed.is_err());
        let is_new = holds(&world.path("copy"), upto);
        assert_eq!(is_new, followed.is_ok(), "after {fails_after}");
        assert!(is_new || holds(&world.path("copy"), upto - 10));
        // The same one goes on, and so does one that is begun again.
        world.look(&mut follower).unwrap();
        assert!(holds(&world.path("copy"), upto));
        world.look(&mut world.follower("copy")).unwrap();
    }
    assert!(stopped >= 3, "{stopped} of 8 looks were stopped");
}

#[test]
fn who_wants_to_stop_is_heard() {
    struct Stopped;
    impl Observer for Stopped {
        fn is_stopped(&self) -> bool {
            true
        }
    }
    let world = World::new();
    world.publish("index", 10);
    let refused = send(
        &world.path("index"),
        &world.place(),
        &world.options(),
        &Stopped,
    );
    assert!(matches!(refused, Err(FleetError::Interrupted)));
}

#[test]
fn addresses_and_keys_are_checked() {
    for address in ["", "index", "s3://", "ftp://bucket/x", "file:///tmp/x"] {
        assert!(
            matches!(Place::open(address), Err(FleetError::Address { .. })),
            "{address}"
        );
    }
    let world = World::new();
    let options = FollowOptions::new(world.path("copy"), "no key");
    assert!(matches!(Follower::begin(&options), Err(FleetError::Key(_))));
    fs::write(world.path("copy.followed"), "{").unwrap();
    let options = FollowOptions::new(world.path("copy"), &world.public);
    assert!(matches!(
        Follower::begin(&options),
        Err(FleetError::Note { .. })
    ));
}

#[test]
fn a_key_that_was_replaced_brings_nothing_back() {
    let (old, mut new) = (World::new(), World::new());
    new.bucket = Arc::clone(&old.bucket);
    old.publish("index", 10);
    old.send("index").unwrap();
    let first = old.head();
    let mut options = FollowOptions::new(old.path("copy"), &old.public);
    options.keys.push(new.public.clone());
    let begin = || Follower::begin(&options).unwrap();
    old.look(&mut begin()).unwrap();
    // The new key begins anew at the place: the operator removed the old HEAD.
    old.place().remove(HEAD, &Silent).unwrap();
    new.publish("other", 20);
    new.publish("other", 20);
    new.send("other").unwrap();
    let mut follower = begin();
    old.look(&mut follower).unwrap();
    assert!(holds(&old.path("copy"), 20));
    old.put_head(first);
    for mut follower in [follower, begin()] {
        let refused = old.look(&mut follower).unwrap_err();
        assert!(matches!(refused, FleetError::Older { .. }), "{refused}");
    }
    assert!(holds(&old.path("copy"), 20));
}

#[test]
fn one_who_was_away_learns_what_another_follower_of_the_folder_saw() {
    let world = World::new();
    world.publish("index", 10);
    world.send("index").unwrap();
    let mut away = world.follower("copy");
    world.look(&mut away).unwrap();
    world.publish("index", 20);
    world.send("index").unwrap();
    let second = world.head();
    // This one is shown again what it had brought into force itself.
    let mut had_it = world.follower("copy");
    assert_eq!(world.look(&mut had_it).unwrap().sequence, 2);
    assert!(!world.look(&mut had_it).unwrap().is_new);
    world.publish("index", 30);
    world.send("index").unwrap();
    world.look(&mut world.follower("copy")).unwrap();
    world.put_head(second);
    for follower in [&mut away, &mut had_it] {
        let refused = world.look(follower).unwrap_err();
        let FleetError::Older { sequence, seen } = refused else {
            panic!("{refused}");
        };
        assert_eq!((sequence, seen), (2, 3));
    }
    assert!(holds(&world.path("copy"), 30));
}

#[test]
fn a_file_that_another_publisher_removed_meanwhile_is_sent_again() {
    let world = Arc::new(World::new());
    world.publish("index", 10);
    world.send("index").unwrap();
    let place = world.place();
    let other = Arc::clone(&world);
    // One that was cleaning up takes all files away, right before this one's HEAD comes into force.
    place.faults.before_head.set(Some(Box::new(move || {
        for (name, _) in other.place().list("blobs", &Silent).unwrap() {
            other
                .place()
                .remove(&format!("blobs/{name}"), &Silent)
                .unwrap();
        }
    })));
    send(&world.path("index"), &place, &world.options(), &Silent).unwrap();
    world.look(&mut world.follower("copy")).unwrap();
    assert!(holds(&world.path("copy"), 10));
}
