//! Bundles through the library alone: keys, signatures, expiry, and no way back to an older one.
#![cfg(feature = "curation")]

mod curation_support;
mod store_support;

use curation_support::{Desk, StopAfter, digests, md5, options};
use hashgate::clock::{Clock, DAY};
use hashgate::curation::Silent;
use hashgate::curation::bundle::{self, Trust, TrustError};
use hashgate::curation::import::{ImportError, ImportOutcome, ListSource, import};
use hashgate::hashset::ListFormat;
use hashgate::trust::KeyError;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A workspace with a list of three, signed in a bundle, and its key as text.
fn signed(desk: &Desk, name: &str, made: u64, days: Option<u32>) -> (PathBuf, String) {
    let secret = desk.folder.join(format!("{name}.key"));
    let keys = bundle::make_keys(&secret).unwrap();
    let path = desk.bundle(name, made, days);
    let comment = bundle::sign(&path, &secret, None).unwrap();
    assert!(
        comment.starts_with("hashgate bundle list sequence "),
        "{comment}"
    );
    (path, keys.public_key)
}

fn take(desk: &Desk, path: &Path, trust: Trust, now: u64) -> Result<ImportOutcome, ImportError> {
    let options = options().trust(trust).clock(Clock::fixed(now));
    import(&desk.workspace, options, ListSource::file(path), &Silent)
}

#[test]
fn a_bundle_is_taken_signed_and_in_time() {
    let maker = Desk::new();
    maker.import(options(), &digests(1..=3)).unwrap();
    let (path, key) = signed(&maker, "a.bundle", DAY, Some(2));
    let head = bundle::verify(&path, &key, 3 * DAY - 1).unwrap().head;
    assert_eq!((head.created, head.expires), (DAY, Some(3 * DAY)));
    assert!(bundle::inspect(&path).unwrap().signature.is_some());

    let desk = Desk::new();
    let trusted = || Trust::SignedBy(key.clone());
    let refused = take(&desk, &path, Trust::None, DAY).unwrap_err();
    assert!(matches!(refused, ImportError::Trust(TrustError::NoSigner)));
    let refused = take(&desk, &path, trusted(), 3 * DAY).unwrap_err();
    let at = 3 * DAY;
    assert!(
        matches!(&refused, ImportError::Trust(TrustError::Expired { at: found }) if *found == at)
    );
    let other = bundle::make_keys(&desk.folder.join("other")).unwrap();
    let foreign = Trust::SignedBy(other.public_key);
    let refused = take(&desk, &path, foreign, DAY).unwrap_err();
    assert!(matches!(
        refused,
        ImportError::Trust(TrustError::WrongSignature { .. })
    ));
    let plain = maker.bundle("plain.bundle", DAY, None);
    let refused = take(&desk, &plain, trusted(), DAY).unwrap_err();
    assert!(matches!(refused, ImportError::Trust(TrustError::NotSigned)));
    assert!(bundle::verify(&plain, &key, DAY).is_err());
    assert_eq!(desk.active(), BTreeSet::new(), "nothing of them was taken");
    assert!(bundle::taken(&desk.workspace).unwrap().is_empty());

    let mut tampered = fs::read_to_string(&path).unwrap();
    let digit = tampered.find(&md5(2)).unwrap();
    tampered.replace_range(digit..=digit, "1");
    let changed = desk.folder.join("changed.bundle");
    fs::write(&changed, tampered).unwrap();
    let refused = take(&desk, &changed, trusted(), DAY).unwrap_err();
    assert!(matches!(refused, ImportError::Trust(TrustError::Bundle(_))));

    let done = take(&desk, &path, trusted(), DAY).unwrap();
    assert_eq!((done.format, done.added), (Some(ListFormat::Bundle), 3));
    assert_eq!(desk.active(), maker.active());
}

#[test]
fn an_older_bundle_is_refused_and_a_newer_one_takes_back_what_it_lacks() {
    let maker = Desk::new();
    let complete = || options().source("daily").complete(true);
    maker.import(complete(), &digests(1..=3)).unwrap();
    let first = maker.bundle("first.bundle", DAY, None);
    maker.import(complete(), &digests(2..=4)).unwrap();
    let second = maker.bundle("second.bundle", DAY, None);
    let sequence = |path: &Path| bundle::inspect(path).unwrap().head.sequence;
    assert!(sequence(&first) < sequence(&second));

    let desk = Desk::new();
    let taken = || bundle::taken(&desk.workspace).unwrap();
    take(&desk, &first, Trust::Unsigned, DAY).unwrap();
    assert_eq!(taken(), [("list".to_owned(), sequence(&first))].into());
    let preview = options().trust(Trust::Unsigned).dry_run(true);
    let list = ListSource::file(&second);
    let would = import(&desk.workspace, preview, list, &Silent).unwrap();
    assert_eq!((would.added, would.taken_back), (1, 1));
    assert_eq!(taken()["list"], sequence(&first), "a preview takes nothing");
    let done = take(&desk, &second, Trust::Unsigned, DAY).unwrap();
    assert_eq!((done.added, done.taken_back, done.stopped), (1, 1, 1));
    assert_eq!(desk.active(), maker.active());
    assert_eq!(taken()["list"], sequence(&second));

    let before = desk.dump();
    let refused = take(&desk, &first, Trust::Unsigned, DAY).unwrap_err();
    let ImportError::Trust(TrustError::Older { last, .. }) = &refused else {
        panic!("{refused}");
    };
    assert_eq!(*last, sequence(&second));
    assert_eq!(desk.dump(), before);
    // The same again is no older one.
    let again = take(&desk, &second, Trust::Unsigned, DAY).unwrap();
    assert_eq!(again.changed(), 0);

    fs::write(desk.workspace.bundles(), "{\"list\":").unwrap();
    let refused = take(&desk, &second, Trust::Unsigned, DAY).unwrap_err();
    assert!(matches!(
        refused,
        ImportError::Trust(TrustError::DamagedNote { .. })
    ));
}

#[test]
fn a_stopped_bundle_is_not_noted_as_taken() {
    let maker = Desk::new();
    maker.import(options(), &digests(1..=60)).unwrap();
    let path = maker.bundle("a.bundle", DAY, None);
    let desk = Desk::new();
    let observer = StopAfter::new(30);
    let trusting = || options().trust(Trust::Unsigned).accept_shrink(true);
    let list = ListSource::file(&path);
    let done = import(&desk.workspace, trusting(), list, &observer).unwrap();
    assert!(done.interrupted, "{done:?}");
    assert!(bundle::taken(&desk.workspace).unwrap().is_empty());
    let list = ListSource::file(&path);
    import(&desk.workspace, trusting(), list, &Silent).unwrap();
    assert_eq!(desk.active(), maker.active());
    assert_eq!(bundle::taken(&desk.workspace).unwrap().len(), 1);
}

#[test]
fn a_bundle_is_unpacked_where_somebody_is_trusted_and_within_its_bound() {
    let maker = Desk::new();
    maker.import(options(), &digests(1..=60)).unwrap();
    let path = maker.bundle("a.bundle", DAY, None);
    let bytes = fs::metadata(&path).unwrap().len();
    let desk = Desk::new();
    let taken = |most: Option<u64>| {
        let options = options().trust(Trust::Unsigned).max_unpacked(most);
        import(&desk.workspace, options, ListSource::file(&path), &Silent)
    };
    let refused = taken(Some(bytes - 1)).unwrap_err();
    let ImportError::TooLarge { most } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(*most, bytes - 1);
    assert_eq!(desk.active(), BTreeSet::new());
    assert_eq!(taken(Some(bytes)).unwrap().added, 60);
    assert_eq!(taken(None).unwrap().added, 0);
    // What claims to be compressed, and cannot be unpacked: nobody tries where nobody is trusted.
    let broken = desk.folder.join("broken.bundle");
    fs::write(&broken, b"\x1f\x8bnothing that could be unpacked").unwrap();
    let trusting = |trust| {
        let options = options().format(ListFormat::Bundle).trust(trust);
        import(&desk.workspace, options, ListSource::file(&broken), &Silent).unwrap_err()
    };
    let tried = trusting(Trust::Unsigned);
    assert!(matches!(tried, ImportError::Unpack { .. }), "{tried}");
    let refused = trusting(Trust::None);
    assert!(
        matches!(refused, ImportError::Trust(TrustError::NoSigner)),
        "{refused}"
    );
}

#[test]
fn keys_replace_none_and_are_closed_to_other_users() {
    let desk = Desk::new();
    let secret = desk.folder.join("key");
    let keys = bundle::make_keys(&secret).unwrap();
    assert_eq!(keys.public_file, desk.folder.join("key.pub"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&secret).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let refused = bundle::make_keys(&secret).unwrap_err();
    assert!(matches!(refused, TrustError::File { what: "write", .. }));

    // The key from its file does as well as its text.
    desk.import(options(), &digests([1])).unwrap();
    let path = desk.bundle("a.bundle", DAY, None);
    bundle::sign(&path, &secret, None).unwrap();
    let file = keys.public_file.to_str().unwrap();
    bundle::verify(&path, file, DAY).unwrap();
    let refused = bundle::verify(&path, "no such file", DAY).unwrap_err();
    assert!(matches!(
        refused,
        TrustError::Key(KeyError::NoPublicKey { .. })
    ));
}

#[test]
fn a_key_with_a_password_needs_it() {
    let desk = Desk::new();
    desk.import(options(), &digests([1])).unwrap();
    let path = desk.bundle("a.bundle", DAY, None);
    let pair = minisign::KeyPair::generate_encrypted_keypair(Some("secret".into())).unwrap();
    let secret = desk.folder.join("key");
    fs::write(&secret, pair.sk.to_box(None).unwrap().into_string()).unwrap();
    let unsigned = fs::read(&path).unwrap();
    let refused = bundle::sign(&path, &secret, None).unwrap_err();
    assert!(matches!(
        refused,
        TrustError::Key(KeyError::Password { .. })
    ));
    let refused = bundle::sign(&path, &secret, Some("wrong")).unwrap_err();
    assert!(matches!(
        refused,
        TrustError::Key(KeyError::NotASecretKey { .. })
    ));
    assert_eq!(fs::read(&path).unwrap(), unsigned);
    bundle::sign(&path, &secret, Some("secret")).unwrap();
    bundle::verify(&path, &pair.pk.to_base64(), DAY).unwrap();
}
