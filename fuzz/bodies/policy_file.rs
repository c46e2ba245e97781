//! Reads any bytes as a policy file: nothing panics, faults have lines of the file, and what is
//! read is written so that it says the same.

use hashgate::bank::{Action, Bank, BankId, Policy};
use hashgate::hash::SignalType;
use hashgate::policy::{FileError, PolicyFile, write};

pub(crate) fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let file = match PolicyFile::parse("config.toml", &text) {
        Ok(file) => file,
        Err(error) => {
            let lines = text.matches('\n').count() as u32 + 1;
            assert!((1..=FileError::MOST).contains(&error.faults.len()));
            assert!(
                error
                    .faults
                    .iter()
                    .all(|fault| (1..=lines).contains(&fault.line))
            );
            return;
        }
    };
    // The banks that it speaks of, and one more.
    let mut names: Vec<String> = (file.sections.iter())
        .filter_map(|section| section.bank.clone())
        .collect();
    names.push("another".to_owned());
    names.sort();
    names.dedup();
    let own = |name: &String| Bank {
        id: BankId(1),
        name: name.parse().expect("checked when it was read"),
        policy: Policy::new(Action::Block),
    };
    let laid: Vec<Bank> = names
        .iter()
        .map(|name| Bank {
            policy: file.lay_over(&own(name)),
            ..own(name)
        })
        .collect();
    let written = write(&laid, file.unread, &file.carry_labels, file.carry_sources);
    if written.len() > PolicyFile::MAX_BYTES {
        return;
    }
    let again = PolicyFile::parse("written", &written).expect("what is written is read");
    assert_eq!(again.unread, file.unread);
    assert_eq!(again.carry_labels, file.carry_labels);
    for (name, laid) in names.iter().zip(&laid) {
        assert_eq!(laid.policy.without_layer(), own(name).policy);
        let once_more = again.lay_over(&own(name));
        let mut labels: Vec<&str> = laid.policy.labels().collect();
        labels.truncate(4);
        for kind in SignalType::ALL {
            for chosen in 0..1_usize << labels.len() {
                let has = |label: &str| {
                    let place = labels.iter().position(|one| *one == label);
                    place.is_some_and(|place| chosen & (1 << place) != 0)
                };
                let (mut a, mut b) = (
                    laid.policy.effective(kind, has),
                    once_more.effective(kind, has),
                );
                (a.rule, b.rule) = (None, None);
                assert_eq!(a, b);
            }
        }
    }
}
