//! A bank with its policy, byte for byte.
//!
//! Versions 1 and 2 have a place for what banks said at first; what says more is written as version
//! 3, so that older programs refuse it and do not pass over it.

use super::coding::{V1, V2, V3, corrupt, decode_whole, encode, encode_as, version};
use crate::bank::{Action, Bank, BankId, BankName, Policy, Verified};
use crate::hash::{Quality, Threshold};
use crate::store::StoreError;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct BankV1<'a> {
    name: &'a str,
    action: u8,
    threshold: u16,
    threshold64: u16,
    min_quality: u8,
    enabled: bool,
}

/// A bank whose policy says more than versions 1 and 2 have a place for. What a policy may say
/// later needs a version of its own: readers of this one would pass over it.
#[derive(Serialize, Deserialize)]
struct BankV3<'a> {
    name: &'a str,
    /// The policy as JSON, as the manifest has it.
    policy: &'a str,
}

/// A bank whose verified matches do what is not the default.
#[derive(Serialize, Deserialize)]
struct BankV2<'a> {
    #[serde(borrow)]
    bank: BankV1<'a>,
    /// 0: there are none; else an action's code and 1.
    verified: u8,
}

pub(super) const fn action_code(action: Action) -> u8 {
    match action {
        Action::Allow => 0,
        Action::Report => 1,
        Action::Review => 2,
        Action::Block => 3,
    }
}

pub(in crate::store) fn encode_bank(bank: &Bank) -> Result<Vec<u8>, StoreError> {
    if !bank.policy.is_plain() {
        let policy = serde_json::to_string(&bank.policy);
        let policy = policy.map_err(|error| corrupt("bank", bank.id.0)(error.to_string()))?;
        let v3 = BankV3 {
            name: bank.name.as_str(),
            policy: &policy,
        };
        return Ok(encode_as(V3, &v3));
    }
    Ok(encode_plain_bank(bank))
}

fn encode_plain_bank(bank: &Bank) -> Vec<u8> {
    let v1 = BankV1 {
        name: bank.name.as_str(),
        action: action_code(bank.policy.action),
        threshold: bank.policy.threshold.0,
        threshold64: bank.policy.threshold64.0,
        min_quality: bank.policy.min_quality.get(),
        enabled: bank.policy.enabled,
    };
    let verified = match bank.policy.verified {
        Verified::Milder => return encode(&v1),
        Verified::Off => 0,
        Verified::Act(action) => 1 + action_code(action),
    };
    encode_as(V2, &BankV2 { bank: v1, verified })
}

pub(in crate::store) fn decode_bank(id: BankId, bytes: &[u8]) -> Result<Bank, StoreError> {
    let read = || {
        let action = |code: u8| {
            let mut all = Action::ALL.into_iter();
            all.find(|&action| action_code(action) == code)
                .ok_or_else(|| format!("{code} is no action"))
        };
        let version = version(bytes, V3)?;
        if version == V3 {
            let v3: BankV3<'_> = decode_whole(bytes)?;
            let policy = serde_json::from_str(v3.policy).map_err(|error| error.to_string())?;
            return bank_of(id, v3.name, policy);
        }
        let (bank, verified): (BankV1<'_>, _) = if version == V1 {
            (decode_whole(bytes)?, Verified::Milder)
        } else {
            let v2: BankV2<'_> = decode_whole(bytes)?;
            let verified = match v2.verified.checked_sub(1) {
                None => Verified::Off,
                Some(code) => Verified::Act(action(code)?),
            };
            (v2.bank, verified)
        };
        let quality = Quality::try_from(bank.min_quality);
        let policy = Policy {
            threshold: Threshold(bank.threshold),
            threshold64: Threshold(bank.threshold64),
            min_quality: quality.map_err(|error| error.to_string())?,
            enabled: bank.enabled,
            verified,
            ..Policy::new(action(bank.action)?)
        };
        bank_of(id, bank.name, policy)
    };
    read().map_err(corrupt("bank", id.0))
}

/// A bank that was read, if its name and its policy may be.
fn bank_of(id: BankId, name: &str, policy: Policy) -> Result<Bank, String> {
    let name: BankName = name.parse().map_err(|error| format!("{error}"))?;
    (policy.check()).map_err(|error| format!("bank {name}: {error}"))?;
    Ok(Bank { id, name, policy })
}
