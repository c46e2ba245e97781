//! The kinds of exchange by the names that Hasher-Matcher-Actioner gives them, and what each is told.
//!
//! Owns the fields of each kind, and how a value is read into one.

use crate::curation::bundle::is_public_key;
use serde_json::{Map, Value};

/// Most bytes of one text in a setting.
const MOST_TEXT: usize = 4_096;
/// Most numbers of one set.
const MOST_NUMBERS: usize = 1_024;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldKind {
    /// A text of 1 to 4,096 bytes.
    Text,
    /// A whole number, 0 to 2⁶³ − 1.
    Number,
    /// One of some texts.
    Choice(&'static [&'static str]),
    /// At most 1,024 whole numbers.
    Numbers,
    /// An address that may be asked: `https`, or `http` of this machine, without a query.
    Address,
    /// The address of a proxy.
    Proxy,
    /// A public key of minisign's, as text.
    PublicKey,
}

impl FieldKind {
    /// As Hasher-Matcher-Actioner calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Address | Self::Proxy | Self::PublicKey => "string",
            Self::Number => "number",
            Self::Choice(_) => "enum",
            Self::Numbers => "set_of_number",
        }
    }

    /// The value, if it is one: numbers may be texts. The error says what would be one, and nothing of the value.
    fn read(self, given: &Value) -> Result<Value, String> {
        let number = |given: &Value| {
            let read = match given {
                Value::String(text) => text.trim().parse().ok(),
                other => other.as_u64(),
            };
            read.filter(|&number| i64::try_from(number).is_ok())
                .map(Value::from)
        };
        match self {
            Self::Text => match given.as_str() {
                Some(text) if (1..=MOST_TEXT).contains(&text.len()) => Ok(given.clone()),
                _ => Err(format!("a text of 1 to {MOST_TEXT} bytes")),
            },
            Self::Address => match given.as_str() {
                Some(text) if may_be_asked(text) => Ok(given.clone()),
                _ => Err(
                    "an address with https, or with http one of this machine, without a query"
                        .to_owned(),
                ),
            },
            Self::Proxy => match given.as_str() {
                Some(text) if is_proxy(text) => Ok(given.clone()),
                _ => Err("the address of a proxy, as http://HOST:PORT, without a user".to_owned()),
            },
            Self::PublicKey => match given.as_str() {
                Some(text) if is_public_key(text) => Ok(given.clone()),
                _ => Err("a public key of minisign's, as text: 56 letters and digits".to_owned()),
            },
            Self::Number => number(given).ok_or_else(|| "a whole number from 0 on".to_owned()),
            Self::Choice(choices) => match given.as_str() {
                Some(text) if choices.contains(&text) => Ok(given.clone()),
                _ => Err(format!("one of {}", choices.join(", "))),
            },
            Self::Numbers => {
                let numbers = given
                    .as_array()
                    .filter(|given| given.len() <= MOST_NUMBERS)
                    .and_then(|given| given.iter().map(number).collect::<Option<Vec<_>>>());
                let numbers =
                    numbers.ok_or_else(|| format!("at most {MOST_NUMBERS} whole numbers"))?;
                let mut numbers: Vec<u64> = numbers.iter().filter_map(Value::as_u64).collect();
                numbers.sort_unstable();
                numbers.dedup();
                Ok(numbers.into())
            }
        }
    }
}

/// Whether an address may be asked. A program that cannot ask takes none.
fn may_be_asked(text: &str) -> bool {
    #[cfg(feature = "exchange")]
    return text.parse::<crate::web::Base>().is_ok();
    #[cfg(not(feature = "exchange"))]
    return {
        let _ = text;
        false
    };
}

fn is_proxy(text: &str) -> bool {
    let known = ["http://", "https://", "socks5://", "socks5h://"];
    let rest = known.iter().find_map(|scheme| text.strip_prefix(scheme));
    rest.is_some_and(|rest| (1..=300).contains(&rest.len()) && !rest.contains(['@', '?', '#', ' ']))
}

/// A field of a kind's settings, or of what proves who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: FieldKind,
    /// Whether it must be there. A list that is left out is empty.
    pub is_required: bool,
    /// What it is for, for people.
    pub help: &'static str,
}

impl Field {
    const fn required(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self {
            name,
            kind,
            is_required: true,
            help,
        }
    }

    const fn optional(name: &'static str, kind: FieldKind, help: &'static str) -> Self {
        Self {
            is_required: false,
            ..Self::required(name, kind, help)
        }
    }

    /// What holds where it is left out and need not be there.
    #[must_use]
    pub fn default(&self) -> Value {
        match self.kind {
            FieldKind::Numbers => Value::Array(Vec::new()),
            _ => Value::Null,
        }
    }
}

/// Why values do not fit the fields. It tells no value: some are secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {problem}")]
#[non_exhaustive]
pub struct FieldError {
    /// The field, its first 64 characters.
    pub field: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What becomes of fields that are not known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unknown {
    Ignored,
    Refused,
}

/// Reads values into fields.
pub(super) fn read(
    fields: &[Field],
    given: &Map<String, Value>,
    unknown: Unknown,
) -> Result<Map<String, Value>, FieldError> {
    let fails = |field: &str, problem: String| FieldError {
        field: field.chars().take(64).collect(),
        problem,
    };
    let is_known = |name: &String| fields.iter().any(|field| field.name == name);
    if unknown == Unknown::Refused
        && let Some(name) = given.keys().find(|name| !is_known(name))
    {
        let known: Vec<&str> = fields.iter().map(|field| field.name).collect();
        let problem = format!("there is no such field: there are {}", known.join(", "));
        return Err(fails(name, problem));
    }
    let mut read = Map::new();
    for field in fields {
        let value = given.get(field.name).filter(|value| !value.is_null());
        match value {
            Some(value) => {
                let value = field.kind.read(value);
                let value =
                    value.map_err(|wanted| fails(field.name, format!("it must be {wanted}")))?;
                read.insert(field.name.to_owned(), value);
            }
            None if field.is_required => return Err(fails(field.name, "it is missing".to_owned())),
            None if field.kind == FieldKind::Numbers => {
                read.insert(field.name.to_owned(), field.default());
            }
            None => {}
        }
    }
    Ok(read)
}

/// A kind of exchange.
///
/// ```
/// use hashgate::curation::exchange::Api;
/// let sample = Api::named("sample").expect("it is known");
/// assert!(sample.is_there && sample.credentials.is_none());
/// assert!(Api::named("nothing").is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Api {
    /// Its name.
    pub name: &'static str,
    /// What an exchange of the kind is told.
    pub config: &'static [Field],
    /// What proves who asks, one for all exchanges of the kind; `None`: nothing does.
    pub credentials: Option<&'static [Field]>,
    /// Whether this version fetches from it.
    pub is_there: bool,
}

const NCMEC: &[&str] = &[
    "https://report.cybertip.org/hashsharing",
    "https://report.cybertip.org/exploitative-hashsharing",
    "https://lesp.ncmec.org/csam-hashsharing",
    "https://hashsharing.ncmec.org/npo",
    "https://hashsharing.ncmec.org/exploitative",
    "https://hashsharing.ncmec.org/generative-ai-csam",
    "https://hashsharing.ncmec.org/generative-ai-exploitative",
    "https://exttest.cybertip.org/hashsharing",
    "https://exttest.cybertip.org/exploitative-hashsharing",
    "https://betalesp.ncmec.org/csam-hashsharing",
    "https://hashsharing-test.ncmec.org/npo",
    "https://hashsharing-test.ncmec.org/exploitative",
    "https://hashsharing-test.ncmec.org/generative-ai-csam",
    "https://hashsharing-test.ncmec.org/generative-ai-exploitative",
];

/// The kind of hashgate's own feeds and bundles.
pub(super) const BUNDLE: &str = "bundle";

/// Where else than at its own address a kind is asked.
const BASE_URL: Field = Field::optional(
    "base_url",
    FieldKind::Address,
    "another address than the kind's own: https, or http of this machine",
);
/// Through which proxy it is asked.
const PROXY: Field = Field::optional(
    "proxy",
    FieldKind::Proxy,
    "a proxy that is asked in its place, as http://HOST:PORT; none is taken from the environment",
);

impl Api {
    /// Every kind, those included that this version does not fetch from.
    pub const ALL: [Self; 6] = [
        Self {
            name: "sample",
            config: &[],
            credentials: None,
            is_there: true,
        },
        Self {
            name: "ncmec",
            config: &[
                Field::required(
                    "environment",
                    FieldKind::Choice(NCMEC),
                    "which of NCMEC's lists",
                ),
                Field::optional(
                    "only_esp_ids",
                    FieldKind::Numbers,
                    "members whose entries are taken; none: all members'",
                ),
                BASE_URL,
                PROXY,
            ],
            credentials: Some(&[
                Field::required("user", FieldKind::Text, "the user's name"),
                Field::required("password", FieldKind::Text, "its password"),
            ]),
            is_there: cfg!(feature = "exchange"),
        },
        Self {
            name: "stop_ncii",
            config: &[BASE_URL, PROXY],
            credentials: Some(&[
                Field::required(
                    "fetch_function_key",
                    FieldKind::Text,
                    "the key of FetchHashes",
                ),
                Field::required(
                    "subscription_key",
                    FieldKind::Text,
                    "the subscription's key",
                ),
                Field::optional(
                    "feedback_function_key",
                    FieldKind::Text,
                    "the key of SubmitFeedback, where opinions are sent",
                ),
                Field::optional(
                    "base_url_override",
                    FieldKind::Address,
                    "another address than StopNCII's own",
                ),
            ]),
            is_there: cfg!(feature = "exchange"),
        },
        Self {
            name: "fb_threatexchange",
            config: &[
                Field::required(
                    "privacy_group",
                    FieldKind::Number,
                    "the number of the group whose signals are taken",
                ),
                BASE_URL,
                PROXY,
            ],
            credentials: Some(&[Field::required(
                "api_token",
                FieldKind::Text,
                "the application's number and secret, with a `|` between",
            )]),
            is_there: cfg!(feature = "exchange"),
        },
        Self {
            name: "tat",
            config: &[BASE_URL, PROXY],
            credentials: Some(&[
                Field::required("username", FieldKind::Text, "the user's name"),
                Field::required("password", FieldKind::Text, "its password"),
            ]),
            is_there: cfg!(feature = "exchange"),
        },
        Self {
            name: BUNDLE,
            config: &[
                Field::required(
                    "url",
                    FieldKind::Address,
                    "the address of the feed's head, as `hashgate export --to` makes it, or of a signed bundle",
                ),
                Field::required(
                    "public_key",
                    FieldKind::PublicKey,
                    "the publisher's public key, which must have signed it",
                ),
                PROXY,
            ],
            credentials: None,
            is_there: cfg!(feature = "exchange"),
        },
    ];

    /// The kind of this name; `threatexchange` means `fb_threatexchange`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = match name {
            "threatexchange" => "fb_threatexchange",
            name => name,
        };
        Self::ALL.into_iter().find(|api| api.name == name)
    }

    /// The names of those that this version fetches from, for people.
    #[must_use]
    pub fn names() -> String {
        let there = Self::ALL.iter().filter(|api| api.is_there);
        there.map(|api| api.name).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Map<String, Value> {
        value.as_object().cloned().expect("an object")
    }

    #[test]
    fn values_are_read_by_their_fields_and_unknown_ones_by_their_rule() {
        let ncmec = Api::named("ncmec").expect("it is known");
        let of = |value| read(ncmec.config, &object(value), Unknown::Ignored);
        let good = of(json!({ "environment": NCMEC[0], "only_esp_ids": ["7", 3, 3], "more": 1 }));
        let want = object(json!({ "environment": NCMEC[0], "only_esp_ids": [3, 7] }));
        assert_eq!(good, Ok(want));
        let alone = of(json!({ "environment": NCMEC[1] })).expect("the rest has a default");
        assert_eq!(alone["only_esp_ids"], json!([]));
        for bad in [
            json!({}),
            json!({ "environment": null }),
            json!({ "environment": "https://example.org" }),
            json!({ "environment": NCMEC[0], "only_esp_ids": 7 }),
            json!({ "environment": NCMEC[0], "only_esp_ids": [-1] }),
            json!({ "environment": NCMEC[0], "only_esp_ids": vec![1; 1_025] }),
        ] {
            assert!(of(bad.clone()).is_err(), "{bad}");
        }
        let tx = Api::named("fb_threatexchange").expect("it is known");
        let secrets = tx.credentials.expect("it has some");
        let refused = read(
            secrets,
            &object(json!({ "token": "s3cret" })),
            Unknown::Refused,
        );
        let said = refused.expect_err("no such field").to_string();
        assert!(
            said.contains("`token`") && !said.contains("s3cret"),
            "{said}"
        );
        let refused = read(
            secrets,
            &object(json!({ "api_token": ["s3cret"] })),
            Unknown::Refused,
        );
        let said = refused.expect_err("no text").to_string();
        assert!(!said.contains("s3cret"), "{said}");
    }
}
