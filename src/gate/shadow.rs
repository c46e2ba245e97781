//! Policies that are tried out beside those in force: judged by, never acted on.

use crate::bank::{Bank, PolicyError, UnreadPolicy};
use crate::gate::Verdict;
use crate::gate::quarantine::{Stops, Watch};
use crate::gate::terms::Terms;
use crate::index::Index;

/// Other policies for the banks of an index, to see what they would decide.
///
/// What they say of labels and sources can be tried out only where the index carries that.
#[derive(Debug)]
pub struct Shadow {
    pub(crate) banks: Vec<Bank>,
    unread: Option<UnreadPolicy>,
    watch: Watch,
}

/// Why policies cannot be tried out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShadowError {
    /// A policy says what it may not.
    #[error("bank {bank}: {source}")]
    Policy {
        /// The bank.
        bank: String,
        /// What is wrong.
        source: PolicyError,
    },
    /// The index lacks what a policy asks for.
    #[error(
        "bank {bank}: the policy asks for {what}, which the index does not carry; name it under \
         [carry] in config.toml and publish"
    )]
    NotCarried {
        /// The bank.
        bank: String,
        /// What it asks for.
        what: String,
    },
}

impl Shadow {
    /// Tries these policies out on an index.
    ///
    /// # Errors
    /// [`ShadowError`].
    pub fn new(index: &Index, banks: Vec<Bank>) -> Result<Self, ShadowError> {
        for bank in &banks {
            let name = || bank.name.to_string();
            bank.policy.check().map_err(|source| ShadowError::Policy {
                bank: name(),
                source,
            })?;
            if let Some(what) = index.carried().lacks(&bank.policy) {
                return Err(ShadowError::NotCarried { bank: name(), what });
            }
        }
        Ok(Self {
            banks,
            unread: None,
            watch: Watch::default(),
        })
    }

    /// Sets what they say is to be done about uploads that pass, where a part of them was not looked at. What the gate
    /// itself was told outweighs it.
    #[must_use]
    pub fn unread(mut self, policy: Option<UnreadPolicy>) -> Self {
        self.unread = policy;
        self
    }

    /// The banks with these policies.
    #[must_use]
    pub fn banks(&self) -> &[Bank] {
        &self.banks
    }

    /// Has quarantine count a verdict by these policies. `at`: seconds since 1970-01-01 UTC.
    pub(crate) fn settle(&self, at: u64, verdict: &mut Verdict, stops: &Stops) {
        self.watch.settle(at, verdict, stops);
    }

    /// Holds a verdict back for parts that were not looked at, where these policies say so, and the gate was `told`
    /// nothing else.
    pub(crate) fn mind_unread(&self, verdict: &mut Verdict, told: Option<UnreadPolicy>) {
        verdict.mind_unread(told.or(self.unread).unwrap_or_default());
    }

    /// The terms of one input with these policies.
    pub(crate) fn terms<'a>(&'a self, terms: &Terms<'a>) -> Terms<'a> {
        Terms {
            banks: &self.banks,
            ..*terms
        }
    }
}
