//! What is told to an exchange about one of its records: seen, it is what it is said to be, or it is not.
//!
//! Owned here: how each interface is told, what it lacks, and whether it does harm to tell it twice. Whether anything is told is
//! decided elsewhere.

use crate::exchange::ncmec::check_whole;
use crate::exchange::page::{PageError, encoded};
use crate::exchange::stop_ncii::own;
use crate::exchange::threatexchange::{error_code, secret_of};
use crate::hash::SignalType;
use crate::web::{Answer, Ask, Base, Method};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use std::str::FromStr;

/// The namespace of NCMEC's elements.
const NCMEC: &str = "https://hashsharing.ncmec.org/hashsharing/v2";

/// What was decided about a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Opinion {
    /// It was met here.
    Seen,
    /// It is what it is said to be.
    True,
    /// It is not.
    False,
}

impl Opinion {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::True => "true",
            Self::False => "false",
        }
    }
}

impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Opinion {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let all = [Self::Seen, Self::True, Self::False];
        let found = all.into_iter().find(|one| one.name() == text);
        found.ok_or("give seen, true or false")
    }
}

/// What is said about a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Said {
    /// The record's id at the exchange, as its lists are read.
    pub record: String,
    /// The hash that is meant: its type, and its value as the exchange writes it.
    pub kind: String,
    /// See `kind`.
    pub value: String,
    /// What is said.
    pub opinion: Opinion,
    /// Why, in the exchange's own words.
    pub reasons: Vec<String>,
    /// Those of the record's parts that can be answered, where the exchange has such.
    pub descriptors: Vec<String>,
    /// What was said of the record before, and holds no longer: the opposite of `opinion`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Opinion>,
}

impl Said {
    /// An opinion about a record's hash.
    #[must_use]
    pub fn new(
        record: impl Into<String>,
        kind: impl Into<String>,
        value: impl Into<String>,
        opinion: Opinion,
    ) -> Self {
        Self {
            record: record.into(),
            kind: kind.into(),
            value: value.into(),
            opinion,
            reasons: Vec::new(),
            descriptors: Vec::new(),
            instead_of: None,
        }
    }

    /// With reasons.
    #[must_use]
    pub fn because(mut self, reasons: Vec<String>) -> Self {
        self.reasons = reasons;
        self
    }

    /// About these descriptors.
    #[must_use]
    pub fn of_descriptors(mut self, descriptors: Vec<String>) -> Self {
        self.descriptors = descriptors;
        self
    }

    /// In the place of what was said before.
    #[must_use]
    pub const fn instead_of(mut self, before: Option<Opinion>) -> Self {
        self.instead_of = before;
        self
    }

    /// Whether an exchange of a kind has a way to hear this, as far as can be told without asking it: the names of reasons
    /// are NCMEC's to judge. `api`: the kind's name.
    ///
    /// # Errors
    /// [`CannotSay`].
    pub fn fits(&self, api: &str) -> Result<(), CannotSay> {
        match api {
            "ncmec" => ncmec_place(self).map(drop),
            "stop_ncii" => Ok(()),
            "fb_threatexchange" => threatexchange_place(self).map(drop),
            _ => cannot(format!("exchanges of the kind {api} hear no opinions")),
        }
    }
}

/// Whether exchanges of a kind hear opinions.
#[must_use]
pub fn hears_opinions(api: &str) -> bool {
    matches!(api, "ncmec" | "stop_ncii" | "fb_threatexchange")
}

/// What an answer says of what was told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// It was taken.
    Taken,
    /// It was looked at and refused. What else is told may be taken.
    Refused(String),
    /// It was not looked at, and nothing else would be either: the credentials, the address, too many requests.
    Unheard(String),
    /// It may have been taken or not.
    Unclear(String),
}

/// Why an exchange cannot be told something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
#[non_exhaustive]
pub struct CannotSay {
    /// Why.
    pub problem: String,
}

fn cannot<T>(problem: impl Into<String>) -> Result<T, CannotSay> {
    let problem = problem.into();
    Err(CannotSay { problem })
}

/// The exchange that is told.
#[derive(Clone)]
#[non_exhaustive]
pub enum Listener {
    /// NCMEC at an environment, with a user's name and password.
    Ncmec {
        /// The environment.
        base: Base,
        /// Name and password.
        user: (String, String),
    },
    /// StopNCII.org, with the key of `SubmitFeedback` and that of the subscription.
    StopNcii {
        /// Another address than its own.
        base: Option<Base>,
        /// The key of `SubmitFeedback`.
        key: String,
        /// The subscription's.
        subscription: String,
    },
    /// ThreatExchange, with an application's token.
    ThreatExchange {
        /// Another address than the Graph API's.
        base: Option<Base>,
        /// The token.
        token: String,
    },
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

/// A request that tells something, and what may be shown of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Telling {
    /// The request.
    pub ask: Ask,
    /// What it says, without a secret: the method, the place and the body.
    pub shown: String,
    /// It takes back what was said before: if that is refused, it is gone already or stays, and what is said now holds.
    pub is_removal: bool,
}

impl Telling {
    const fn new(ask: Ask, shown: String) -> Self {
        Self {
            ask,
            shown,
            is_removal: false,
        }
    }
}

/// NCMEC's name of a type of hash in the paths of feedback.
fn ncmec_type(kind: &str) -> Option<&'static str> {
    let known: Option<SignalType> = kind.parse().ok();
    Some(match known {
        Some(SignalType::Md5) => "MD5",
        Some(SignalType::Sha1) => "SHA1",
        Some(SignalType::Pdq) => "PDQ",
        _ => match kind {
            "photodna" => "PDNA",
            "netclean" => "NETCLEAN",
            "videntifier" => "VIDENTIFIER",
            "tmk-pdqf" => "TMK_PDQF",
            "ssvh-pdna" => "SSVH_PDNA",
            "ssvh-safer-hash" => "SSVH_SAFER_HASH",
            _ => return None,
        },
    })
}

/// A text within XML.
fn escaped(text: &str) -> String {
    quick_xml::escape::escape(text).into_owned()
}

/// Whether a reason is named by its GUID.
fn is_guid(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_hexdigit() || c == '-';
    text.len() == 36 && text.chars().all(is_part)
}

impl Listener {
    /// Whether the same may be told twice without harm.
    #[must_use]
    pub const fn may_hear_twice(&self) -> bool {
        !matches!(self, Self::StopNcii { .. })
    }

    /// What must be asked before this can be told: which reasons there are.
    ///
    /// # Errors
    /// [`CannotSay`].
    pub fn reasons(&self, said: &Said) -> Result<Option<Ask>, CannotSay> {
        let Self::Ncmec { base, user } = self else {
            return Ok(None);
        };
        if said.opinion != Opinion::False || said.reasons.iter().all(|reason| is_guid(reason)) {
            return Ok(None);
        }
        let Some(kind) = ncmec_type(&said.kind) else {
            return cannot(format!("NCMEC takes no feedback about {}", said.kind));
        };
        match base.join(&format!("/v2/feedback/{kind}/reasons")) {
            Ok(at) => Ok(Some(Ask::get(at).user(&user.0, &user.1))),
            Err(error) => cannot(error.to_string()),
        }
    }

    /// The requests that tell it. `reasons` is the answer to what [`reasons`](Self::reasons) asks, where it asks something.
    ///
    /// # Errors
    /// [`CannotSay`] where the interface has no way to say this.
    pub fn tell(&self, said: &Said, reasons: Option<&Answer>) -> Result<Vec<Telling>, CannotSay> {
        match self {
            Self::Ncmec { base, user } => ncmec(base, user, said, reasons),
            Self::StopNcii {
                base,
                key,
                subscription,
            } => stop_ncii(base.as_ref(), (key, subscription), said),
            Self::ThreatExchange { base, token } => threatexchange(base.as_ref(), token, said),
        }
    }

    /// What an answer to a request that tells something says. What it tells in words has no secret.
    #[must_use]
    pub fn hear(&self, answer: &Answer) -> Heard {
        let told = || self.refusal(answer).to_string();
        let is_page = answer.body.trim_ascii_start().starts_with(b"<html")
            || (answer.body.trim_ascii_start().get(..9))
                .is_some_and(|start| start.eq_ignore_ascii_case(b"<!doctype"));
        match answer.status {
            200..=299 => self.heard_well(answer, is_page),
            300..=399 | 401 | 403 | 407 | 429 => Heard::Unheard(told()),
            // Not the interface says so, but whatever stands at this address.
            404 if is_page => Heard::Unheard(told()),
            400..=499 => match (self, error_code(&answer.body)) {
                // The token, and too many requests.
                (Self::ThreatExchange { .. }, Some(102 | 190)) => {
                    let what = "the other side does not take the credentials";
                    Heard::Unheard(format!("{what} ({})", answer.status))
                }
                (Self::ThreatExchange { .. }, Some(4 | 17 | 32 | 341 | 368 | 613)) => {
                    Heard::Unheard(told())
                }
                // "Unknown" and "temporarily unavailable".
                (Self::ThreatExchange { .. }, Some(1 | 2)) => Heard::Unclear(told()),
                _ => Heard::Refused(told()),
            },
            _ => Heard::Unclear(told()),
        }
    }

    /// What an answer says that was asked for reasons: [`Heard::Taken`] where they can be read.
    #[must_use]
    pub fn hear_reasons(&self, answer: &Answer) -> Heard {
        match (self.hear(answer), check_whole(answer)) {
            (Heard::Taken, Err(problem)) => Heard::Unclear(format!(
                "the reasons that there are cannot be read: {problem}"
            )),
            (heard, _) => heard,
        }
    }

    fn heard_well(&self, answer: &Answer, is_page: bool) -> Heard {
        let unclear = |what: &str| Heard::Unclear(format!("{what} ({})", answer.status));
        if is_page {
            return unclear("what answers is not the interface, but a page for people");
        }
        let read: Result<Value, _> = serde_json::from_slice(&answer.body);
        match (self, read) {
            // What it answers is not known.
            (Self::Ncmec { .. }, _) => Heard::Taken,
            (Self::StopNcii { .. }, Ok(_)) => Heard::Taken,
            (Self::ThreatExchange { .. }, Ok(said)) => match said.get("success") {
                Some(Value::Bool(true)) => Heard::Taken,
                Some(Value::Bool(false)) => {
                    Heard::Refused("the other side says that it did not take it".to_owned())
                }
                _ => unclear("the other side does not say whether it took it"),
            },
            (_, Err(_)) => unclear("the answer cannot be read"),
        }
    }

    /// A refusal in words, without a secret.
    fn refusal(&self, answer: &Answer) -> PageError {
        match self {
            Self::Ncmec { user, .. } => {
                let both = format!("{}:{}", user.0, user.1);
                PageError::refused(answer, &[&user.1, &both])
            }
            Self::StopNcii {
                key, subscription, ..
            } => PageError::refused(answer, &[key, subscription]),
            Self::ThreatExchange { token, .. } => {
                let whole = token.replace("%7C", "|");
                PageError::refused(answer, &[token, &whole, secret_of(&whole)])
            }
        }
    }
}

/// The type, member and entry that NCMEC is told something about.
fn ncmec_place(said: &Said) -> Result<(&'static str, &str, &str), CannotSay> {
    let Some(kind) = ncmec_type(&said.kind) else {
        return cannot(format!("NCMEC takes no feedback about {}", said.kind));
    };
    let Some((member, entry)) = said.record.split_once('/') else {
        return cannot("the record's id is no MEMBER/ENTRY");
    };
    match (said.opinion, said.reasons.is_empty()) {
        (Opinion::Seen, _) => {
            cannot("NCMEC is told only whether an entry is what it is said to be: true or false")
        }
        (Opinion::True, false) => {
            cannot("NCMEC takes reasons only where an entry is not what it is said to be")
        }
        (Opinion::False, true) => {
            cannot("NCMEC wants a reason why an entry is not what it is said to be")
        }
        _ => Ok((kind, member, entry)),
    }
}

fn ncmec(
    base: &Base,
    user: &(String, String),
    said: &Said,
    reasons: Option<&Answer>,
) -> Result<Vec<Telling>, CannotSay> {
    let (kind, member, entry) = ncmec_place(said)?;
    let inner = match said.reasons.is_empty() {
        true => "<affirmative/>".to_owned(),
        false => {
            let known = reasons.map(reason_names).unwrap_or_default();
            let mut guids = String::new();
            for reason in &said.reasons {
                let named = known
                    .iter()
                    .find(|(_, name)| name.eq_ignore_ascii_case(reason));
                let guid = match named {
                    Some((guid, _)) => guid,
                    None if is_guid(reason) => reason,
                    None => {
                        let names: Vec<String> =
                            known.iter().map(|(_, name)| format!("{name:?}")).collect();
                        return cannot(format!(
                            "NCMEC has no reason {reason:?} for {kind}: it has {}",
                            names.join(", ")
                        ));
                    }
                };
                guids.push_str(&format!("<guid>{}</guid>", escaped(guid)));
            }
            format!("<negative><reasonIds>{guids}</reasonIds></negative>")
        }
    };
    let body = format!("<feedbackSubmission xmlns=\"{NCMEC}\">{inner}</feedbackSubmission>");
    let path = format!(
        "/v2/entries/{}/{}/{kind}/feedback",
        encoded(member),
        encoded(entry)
    );
    let at = match base.join(&path) {
        Ok(at) => at,
        Err(error) => return cannot(error.to_string()),
    };
    let shown = format!("PUT {at} {body}");
    let media_type = "application/xml; charset=utf-8";
    let ask = Ask::send(Method::Put, at, media_type, body.into_bytes());
    let ask = ask.user(&user.0, &user.1).repeatable();
    Ok(vec![Telling::new(ask, shown)])
}

/// The reasons that an answer of NCMEC's names: GUIDs with names.
fn reason_names(answer: &Answer) -> Vec<(String, String)> {
    let mut reader = Reader::from_reader(answer.body.as_slice());
    let (mut buffer, mut found) = (Vec::new(), Vec::new());
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer) {
            Ok(Event::Start(start) | Event::Empty(start))
                if start.local_name().as_ref() == "reason" =>
            {
                let value = |wanted: &str| {
                    let mut all = start.attributes().flatten();
                    let one = all.find(|one| one.key.local_name().as_ref() == wanted)?;
                    let text = quick_xml::escape::unescape(&one.value).ok()?;
                    Some(text.trim().chars().take(200).collect::<String>())
                };
                if let (Some(guid), Some(name)) = (value("guid"), value("name")) {
                    found.push((guid, name));
                }
            }
            Ok(Event::Eof) | Err(_) => return found,
            Ok(_) if found.len() > 1_000 => return found,
            Ok(_) => {}
        }
    }
}

fn stop_ncii(
    base: Option<&Base>,
    (key, subscription): (&str, &str),
    said: &Said,
) -> Result<Vec<Telling>, CannotSay> {
    let value = match said.opinion {
        Opinion::Seen => "PendingReview",
        Opinion::True => "Blocked",
        Opinion::False => "NotBlocked",
    };
    let body = json!({
        "count": 1,
        "hashFeedbacks": [{ "hashValue": said.value, "feedbackValue": value, "tags": said.reasons }],
    })
    .to_string();
    let base = match base {
        Some(base) => Ok(base.clone()),
        None => own("https://api.stopncii.org/v1").map_err(|error| error.to_string()),
    };
    let at = base.and_then(|base| {
        base.join("/SubmitFeedback")
            .map_err(|error| error.to_string())
    });
    let at = match at {
        Ok(at) => at,
        Err(problem) => return cannot(problem),
    };
    let shown = format!("POST {at} {body}");
    let ask = Ask::send(Method::Post, at, "application/json", body.into_bytes())
        .header("x-functions-key", key)
        .header("ocp-apim-subscription-key", subscription);
    Ok(vec![Telling::new(ask, shown)])
}

/// The descriptors that ThreatExchange is told something about.
fn threatexchange_place(said: &Said) -> Result<&[String], CannotSay> {
    if !said.reasons.is_empty() {
        return cannot("ThreatExchange's reactions take no reasons");
    }
    if said.descriptors.is_empty() {
        return cannot(
            "none of the record's descriptors is known: fetch the exchange anew, then say it again",
        );
    }
    let is_number = |id: &String| !id.is_empty() && id.chars().all(|c| c.is_ascii_digit());
    match said.descriptors.iter().all(is_number) {
        true => Ok(&said.descriptors),
        false => cannot("a descriptor's id is no number"),
    }
}

/// ThreatExchange's word for an opinion.
const fn reaction(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Seen => "SAW_THIS_TOO",
        Opinion::True => "HELPFUL",
        Opinion::False => "DISAGREE_WITH_TAGS",
    }
}

fn threatexchange(
    base: Option<&Base>,
    token: &str,
    said: &Said,
) -> Result<Vec<Telling>, CannotSay> {
    let descriptors = threatexchange_place(said)?;
    let base = match base {
        Some(base) => Ok(base.clone()),
        None => own("https://graph.facebook.com/v21.0").map_err(|error| error.to_string()),
    };
    let base = match base {
        Ok(base) => base,
        Err(problem) => return cannot(problem),
    };
    let token = encoded(&token.replace("%7C", "|"));
    let mut all = Vec::new();
    for descriptor in descriptors {
        let at = match base.join(&format!("/{descriptor}?access_token={token}")) {
            Ok(at) => at,
            Err(error) => return cannot(error.to_string()),
        };
        let told = ("reactions", reaction(said.opinion), false);
        let removed =
            (said.instead_of).map(|before| ("reactions_to_remove", reaction(before), true));
        for (field, reaction, is_removal) in std::iter::once(told).chain(removed) {
            let body = format!("{field}={reaction}");
            let shown = format!("POST {at} {body}");
            let form = "application/x-www-form-urlencoded";
            let ask = Ask::send(Method::Post, at.clone(), form, body.into_bytes()).repeatable();
            all.push(Telling {
                ask,
                shown,
                is_removal,
            });
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base() -> Base {
        "http://127.0.0.1:9/x".parse().unwrap()
    }

    #[test]
    fn each_interface_is_told_in_its_own_words_and_no_secret_is_shown() {
        let user = ("me".to_owned(), "s3cret".to_owned());
        let ncmec = Listener::Ncmec { base: base(), user };
        let about = |opinion| Said::new("42/a b", "pdq", "00", opinion);
        let shown = |listener: &Listener, said: &Said| {
            listener.tell(said, None).map(|all| all[0].shown.clone())
        };
        let yes = shown(&ncmec, &about(Opinion::True)).unwrap();
        assert!(
            yes.starts_with("PUT http://127.0.0.1:9/x/v2/entries/42/a%20b/PDQ/feedback <feedback"),
            "{yes}"
        );
        assert!(yes.contains("<affirmative/>") && !yes.contains("s3cret"));
        assert!(shown(&ncmec, &about(Opinion::Seen)).is_err());
        assert!(
            shown(&ncmec, &about(Opinion::False))
                .unwrap_err()
                .to_string()
                .contains("reason")
        );
        let no = about(Opinion::False).because(vec!["not csam".to_owned()]);
        assert!(ncmec.reasons(&no).unwrap().is_some());
        let listed = "<r><reason guid='1-2' name='Not CSAM' type='x'/><reason guid='3' name='A &amp; B'/></r>";
        let listed = Answer::of(200, listed);
        let other = about(Opinion::False).because(vec!["a & b".to_owned()]);
        assert!(ncmec.tell(&other, Some(&listed)).is_ok());
        let told = ncmec.tell(&no, Some(&listed)).unwrap();
        assert!(
            told[0].shown.contains("<guid>1-2</guid>"),
            "{}",
            told[0].shown
        );
        let stop = Listener::StopNcii {
            base: Some(base()),
            key: "s3cret".to_owned(),
            subscription: "s3cret".to_owned(),
        };
        let said = shown(&stop, &about(Opinion::False)).unwrap();
        assert!(
            said.contains("NotBlocked") && !said.contains("s3cret"),
            "{said}"
        );
        assert!(!stop.may_hear_twice() && ncmec.may_hear_twice());
        let tx = Listener::ThreatExchange {
            base: Some(base()),
            token: "12345678|s3cret".to_owned(),
        };
        assert!(shown(&tx, &about(Opinion::True)).is_err());
        let of = about(Opinion::True).of_descriptors(vec!["7".to_owned(), "8".to_owned()]);
        let told = tx.tell(&of, None).unwrap();
        assert_eq!(told.len(), 2);
        assert_eq!(
            told[1].shown,
            "POST http://127.0.0.1:9/x/8 reactions=HELPFUL"
        );
    }
}
