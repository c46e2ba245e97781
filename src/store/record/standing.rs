//! Versions 3 and 4 of a content item: with what its sources say beside its hashes.
//!
//! They are written only where there is such a thing: an item of lists that say nothing of the kind
//! keeps the shorter form of version 1 or 2. Version 4 is version 3 with more said of each hash.

use super::coding::{Packed, decode_whole, encode_into, state};
use super::content::Content;
use super::packed::unpack;
use crate::bank::{
    BankId, Changed, ContentId, ContentItem, ContentState, OpaqueSignal, Opinion, Provenance,
    SourceStatus, View,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct ContentV3<'a> {
    state: u8,
    #[serde(borrow)]
    signals: Packed<'a>,
    labels: Vec<&'a str>,
    by_hand: bool,
    /// When the state was changed last, and the revision that this led to.
    changed: Option<(u64, u64)>,
    /// Kinds and values.
    opaque: Vec<(&'a str, &'a str)>,
    sources: Vec<SourceV3<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SourceV3<'a> {
    source: &'a str,
    record: Option<&'a str>,
    metadata: Option<&'a str>,
    added_at: u64,
    status: u8,
    synced: bool,
    /// Owners and what they think.
    opinions: Vec<(&'a str, u8)>,
}

/// Whether an item holds what versions 1 and 2 have no place for.
pub(super) fn is_needed(content: &Content<'_>) -> bool {
    let plain = |source: &Provenance| {
        source.status == SourceStatus::Active && !source.synced && source.opinions.is_empty()
    };
    !content.opaque.is_empty()
        || content.changed.is_some()
        || content.state == ContentState::Disputed
        || content.by_hand != (content.state == ContentState::Withdrawn)
        || !plain(content.provenance)
        || !content.later.iter().all(plain)
}

pub(super) fn encode(
    version: u8,
    content: &Content<'_>,
    state: u8,
    signals: Packed<'_>,
    labels: Vec<&str>,
    buffer: &mut Vec<u8>,
) -> usize {
    let opaque = content.opaque.iter();
    let sources = std::iter::once(content.provenance).chain(content.later);
    let value = ContentV3 {
        state,
        signals,
        labels,
        by_hand: content.by_hand,
        changed: content
            .changed
            .map(|changed| (changed.at, changed.revision)),
        opaque: opaque.map(|one| (&*one.kind, &*one.value)).collect(),
        sources: sources.map(source).collect(),
    };
    encode_into(version, &value, buffer)
}

fn source(provenance: &Provenance) -> SourceV3<'_> {
    let opinions = provenance.opinions.iter();
    SourceV3 {
        source: &provenance.source,
        record: provenance.record.as_deref(),
        metadata: provenance.metadata.as_deref(),
        added_at: provenance.added_at,
        status: match provenance.status {
            SourceStatus::Active => 0,
            SourceStatus::Withdrawn => 1,
            SourceStatus::Deleted => 2,
        },
        synced: provenance.synced,
        opinions: opinions
            .map(|one| (&*one.owner, view_code(one.view)))
            .collect(),
    }
}

const fn view_code(view: View) -> u8 {
    match view {
        View::Positive => 0,
        View::Negative => 1,
        View::Seed => 2,
    }
}

fn provenance(source: &SourceV3<'_>) -> Result<Provenance, String> {
    let opinion = |&(owner, code): &(&str, u8)| {
        let view = [View::Positive, View::Negative, View::Seed]
            .into_iter()
            .find(|&view| view_code(view) == code);
        Ok(Opinion {
            owner: owner.to_owned(),
            view: view.ok_or_else(|| format!("{code} is no opinion"))?,
        })
    };
    Ok(Provenance {
        source: source.source.to_owned(),
        record: source.record.map(str::to_owned),
        metadata: source.metadata.map(str::to_owned),
        added_at: source.added_at,
        status: match source.status {
            0 => SourceStatus::Active,
            1 => SourceStatus::Withdrawn,
            2 => SourceStatus::Deleted,
            code => return Err(format!("{code} is no status of a source")),
        },
        synced: source.synced,
        opinions: source
            .opinions
            .iter()
            .map(opinion)
            .collect::<Result<_, String>>()?,
    })
}

pub(super) fn decode(
    version: u8,
    bank: BankId,
    id: ContentId,
    bytes: &[u8],
) -> Result<ContentItem, String> {
    let content: ContentV3<'_> = decode_whole(bytes)?;
    let mut signals = Vec::new();
    unpack(version, content.signals.0, |signal| signals.push(signal))?;
    let (first, later) = (content.sources.split_first()).ok_or("it has no source")?;
    let opaque = content
        .opaque
        .into_iter()
        .map(|(kind, value)| OpaqueSignal {
            kind: kind.to_owned(),
            value: value.to_owned(),
        });
    Ok(ContentItem {
        id,
        bank,
        signals,
        opaque: opaque.collect(),
        labels: content.labels.into_iter().map(str::to_owned).collect(),
        provenance: provenance(first)?,
        later: later
            .iter()
            .map(provenance)
            .collect::<Result<_, String>>()?,
        state: state(content.state, version)?,
        by_hand: content.by_hand,
        changed: content
            .changed
            .map(|(at, revision)| Changed { at, revision }),
    })
}
