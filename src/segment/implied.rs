//! Which kinds of digest tell nothing that SHA-256 does not tell.
//!
//! Lists bring several digests of one file. Where each entry that has an MD5 digest has a SHA-256 digest too, a
//! file that meets an entry by MD5 meets it by SHA-256. This file owns the rule by which that is known of a
//! segment. It refuses to say what follows for an upload: that is `gate`'s.
//!
//! The rule is strict, because a digest that is wrongly left out is a match that is missed: an entry must have one
//! digest of the kind and one SHA-256. With two of a kind nobody can tell which belongs to which file.

use crate::hash::{Family, SignalType};
use std::collections::BTreeMap;

/// A content item of a bank.
type Item = (u32, u64);

/// Gathers which items have digests, kind by kind: 16 bytes of memory for each posting.
#[derive(Debug, Default)]
pub(super) struct Implied {
    items: BTreeMap<SignalType, Vec<Item>>,
}

impl Implied {
    /// Notes the items of all distinct postings of a kind of digest, in any order.
    pub(super) fn note(&mut self, kind: SignalType, items: impl Iterator<Item = Item>) {
        if kind.family() == Family::Digest {
            self.items.entry(kind).or_default().extend(items);
        }
    }

    /// The kinds besides SHA-256 that tell nothing, ascending.
    pub(super) fn by_sha256(mut self) -> Vec<SignalType> {
        let Some(mut sha256) = self.items.remove(&SignalType::Sha256) else {
            return Vec::new();
        };
        sha256.sort_unstable();
        let tells_nothing = |(kind, mut items): (SignalType, Vec<Item>)| {
            items.sort_unstable();
            each_has_one(&items, &sha256).then_some(kind)
        };
        self.items.into_iter().filter_map(tells_nothing).collect()
    }
}

/// Whether each item is there once only, and once only among the others. Both are ascending.
fn each_has_one(items: &[Item], others: &[Item]) -> bool {
    if !items.is_sorted_by(|a, b| a < b) {
        return false;
    }
    let mut others = others.iter().peekable();
    items.iter().all(|item| {
        while others.next_if(|other| *other < item).is_some() {}
        others.next() == Some(item) && others.peek() != Some(&item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn implied(of: &[(SignalType, &[Item])]) -> Vec<SignalType> {
        let mut implied = Implied::default();
        for (kind, items) in of {
            implied.note(*kind, items.iter().copied());
        }
        implied.by_sha256()
    }

    #[test]
    fn an_item_needs_one_of_the_kind_and_one_sha256() {
        use SignalType::{Md5, Pdq, Sha1, Sha256};
        let (a, b) = ((1, 7), (2, 7));
        assert_eq!(implied(&[(Md5, &[a]), (Sha256, &[b, a])]), [Md5]);
        assert_eq!(implied(&[(Md5, &[a]), (Sha256, &[b])]), [], "other banks");
        assert_eq!(implied(&[(Md5, &[a, b]), (Sha256, &[a])]), []);
        assert_eq!(implied(&[(Md5, &[a, a]), (Sha256, &[a])]), [], "two of it");
        assert_eq!(implied(&[(Md5, &[a]), (Sha256, &[a, a])]), [], "two files");
        let all = [(Sha256, &[a, b][..]), (Sha1, &[b]), (Md5, &[b, a])];
        assert_eq!(implied(&all), [Md5, Sha1]);
        assert_eq!(implied(&[(Md5, &[a]), (Pdq, &[a])]), []);
        assert_eq!(implied(&[(Sha256, &[a])]), []);
    }

    proptest! {
        #[test]
        fn the_walk_says_what_counting_says(
            items in proptest::collection::vec((0u32..3, 0u64..4), 0..8),
            others in proptest::collection::vec((0u32..3, 0u64..4), 0..16),
        ) {
            let count = |of: &[Item], item: &Item| of.iter().filter(|one| *one == item).count();
            let counted = items.iter().all(|one| count(&items, one) == 1 && count(&others, one) == 1);
            let (mut sorted, mut sorted_others) = (items.clone(), others.clone());
            sorted.sort_unstable();
            sorted_others.sort_unstable();
            prop_assert_eq!(each_has_one(&sorted, &sorted_others), counted);
        }
    }
}
