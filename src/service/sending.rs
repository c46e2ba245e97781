//! Pictures into a bank of another node: they are hashed here, and hashes are sent.
//!
//! Owns how entries are grouped on the way. Refuses to send a picture.

use crate::bank::{Bank, BankId, BankName};
use crate::curation::Observer;
use crate::curation::add::{AddOutcome, AddPlan, Kept, add_by};
use crate::curation::banks::BankRecord;
use crate::service::asking::{Asking, escaped};
use crate::service::client::ClientError;
use crate::service::v1::curation::items::{AddedItems, MOST_AT_ONCE, New, NewItems, NewSignal};
use crate::store::NewItem;
use axum::http::Method;

/// Bytes of JSON that are sent together: a node takes 1 MiB.
const AT_ONCE: usize = 900 << 10;

/// Why pictures were not added.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    /// The node refused, or gave no answer.
    #[error(transparent)]
    Node(#[from] ClientError),
    /// The worker threads could not be started.
    #[error(transparent)]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Hashes pictures, and has the node add them to a bank.
pub(crate) fn add(
    node: &Asking,
    name: &BankName,
    plan: &AddPlan,
    observer: &dyn Observer,
) -> Result<AddOutcome, SendError> {
    let path = format!("/v1/banks/{}", escaped(name.as_str()));
    let known: BankRecord = node.get((Method::GET, &path))?;
    let bank = Bank {
        // Its number is the node's.
        id: BankId(0),
        name: known.bank,
        policy: known.policy,
    };
    let path = format!("{path}/items");
    add_by(bank, plan, observer, &mut |batch| send(node, &path, batch))
}

/// An item as it is sent.
fn sent(item: &NewItem) -> New {
    let signals = item.signals.iter().map(|entry| NewSignal::Known {
        signal: entry.signal.to_string(),
        quality: entry.quality.map(|quality| quality.get()),
        form: entry.form.map(|form| form.to_string()),
    });
    New {
        signals: signals.collect(),
        labels: item.labels.clone(),
        source: Some(item.provenance.source.clone()),
        record: item.provenance.record.clone(),
        metadata: item.provenance.metadata.clone(),
    }
}

fn send(node: &Asking, path: &str, batch: &[NewItem]) -> Result<Kept, SendError> {
    let mut kept = Kept::default();
    let mut items: Vec<New> = Vec::new();
    let (mut bytes, mut first) = (0, 0);
    for item in batch {
        let item = sent(item);
        let size = serde_json::to_vec(&item).map_or(0, |json| json.len()) + 1;
        if !items.is_empty() && (bytes + size > AT_ONCE || items.len() >= MOST_AT_ONCE) {
            first += send_some(node, path, (first, std::mem::take(&mut items)), &mut kept)?;
            bytes = 0;
        }
        bytes += size;
        items.push(item);
    }
    if !items.is_empty() {
        send_some(node, path, (first, items), &mut kept)?;
    }
    Ok(kept)
}

/// Sends what goes together, from this position of the batch on; gives how many that were.
fn send_some(
    node: &Asking,
    path: &str,
    (first, items): (usize, Vec<New>),
    kept: &mut Kept,
) -> Result<usize, SendError> {
    let count = items.len();
    let added: AddedItems = node.send((Method::POST, path), &NewItems { items })?;
    kept.added += added.added;
    kept.updated += added.updated;
    kept.already_there += added.already_there;
    kept.withdrawn += added.withdrawn;
    let refused = added.refused.into_iter();
    kept.refused
        .extend(refused.map(|one| (first + one.position, one.reason)));
    Ok(count)
}
