//! Floor 1: banks, their policies and the content in them, as plain values.
//!
//! This room says what a bank is and what names, numbers and policies are allowed. It refuses to
//! keep anything (that is `store`) and to decide about an upload (that is `gate`).

mod action;
mod content;
mod effective;
mod id;
mod name;
mod policy;
mod rule;
mod setting;
mod standing;
mod trace;
mod unread;
mod verified;

pub use action::{Action, UnknownAction};
pub use content::{Changed, ContentId, ContentItem, ContentSignal, ContentState, Provenance};
pub use effective::Effective;
pub use id::BankId;
pub use name::{BankName, BankNameError};
pub use policy::Policy;
pub use rule::{Layer, Over, Rule, Said, Scope};
pub use setting::{Paused, PolicyError, Quarantine, Setting, Share, ShareError};
pub use standing::{OpaqueSignal, Opinion, SourceStatus, View, Votes};
pub use trace::{Origin, Step};
pub use unread::{UnreadPolicy, UnreadPolicyError};
pub use verified::{UnknownVerified, Verified};

use serde::{Deserialize, Serialize};

/// A named collection of content with its policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bank {
    /// The number that records refer to.
    pub id: BankId,
    /// The name that people use.
    pub name: BankName,
    /// What a match does.
    pub policy: Policy,
}
