//! A fetch from a server: asks it page by page, tries again where an answer cannot be read, and goes on behind what never can be.

use crate::bank::BankName;
use crate::clock;
use crate::curation::exchange::api::BUNDLE;
use crate::curation::exchange::credentials::Credentials;
use crate::curation::exchange::fetch::Work;
use crate::curation::exchange::{Api, Exchange, ExchangeError, FieldError, TestedPage};
use crate::curation::{Notice, Progress};
use crate::exchange::{
    Listener, Ncmec, Page, PageError, Source, StopNcii, Tat, ThreatExchange, WayOn,
};
use crate::web::{Base, Client, ClientOptions, WebError};
use minisign::PublicKey;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use std::time::{Duration, Instant};

/// How often a page that cannot be read is asked for.
const READS: u32 = 3;
/// How often in a row something is left out before the fetch fails.
const IN_A_ROW: u32 = 40;
/// The same where the other side says that it cannot answer: each time was tried often, and took long.
const DOWN_IN_A_ROW: u32 = 2;
/// How often in one fetch the other side may give an answer that cannot be read. A fetch that would turn in a circle fails, and the next one goes on
/// from where it was.
const MOST_TROUBLE: u32 = 2_000;
/// How often the other side may forget where it was before it has brought the reader any farther.
const MOST_FORGOTTEN: u32 = 40;

fn text(of: &Map<String, Value>, field: &'static str) -> Option<String> {
    of.get(field).and_then(Value::as_str).map(str::to_owned)
}

/// How an exchange is asked, and what marks that it asks for the same as before.
pub(super) struct Asked {
    api: Api,
    config: Map<String, Value>,
    secrets: Map<String, Value>,
    base: Option<Base>,
}

impl Asked {
    /// Of an exchange and the secrets of its kind.
    pub(super) fn of(
        exchange: &Exchange,
        api: Api,
        credentials: &Credentials,
    ) -> Result<Self, ExchangeError> {
        let secrets = credentials.given(api)?;
        if secrets.is_none() && api.credentials.is_some() {
            return Err(ExchangeError::NoCredentials { api: api.name });
        }
        let secrets = secrets.unwrap_or_default();
        let given =
            text(&exchange.config, "base_url").or_else(|| text(&secrets, "base_url_override"));
        let given = given.or_else(|| text(&exchange.config, "environment"));
        let given = given.or_else(|| text(&exchange.config, "url"));
        let base = given.map(|given| given.parse()).transpose();
        let base = base.map_err(|error: crate::web::BaseError| ExchangeError::Address {
            problem: error.to_string(),
        })?;
        Ok(Self {
            api,
            config: exchange.config.clone(),
            secrets,
            base,
        })
    }

    /// What is asked, and for what, without a secret. Where it changes, all is read anew.
    pub(super) fn mark(&self) -> String {
        let mut config = self.config.clone();
        config.remove("proxy");
        let mut digest = Sha256::new();
        digest.update(self.api.name);
        digest.update(Value::Object(config).to_string());
        digest.update(
            self.base
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default(),
        );
        let digest: [u8; 32] = digest.finalize().into();
        let hex: String = digest
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        format!("{} {hex}", self.api.name)
    }

    /// Whether a feed or a bundle is asked for, and not pages.
    pub(super) fn is_bundle(&self) -> bool {
        self.api.name == BUNDLE
    }

    /// Where a feed's head or a bundle lies, and the key that must have signed it.
    pub(super) fn bundle(&self) -> Result<(&Base, PublicKey), ExchangeError> {
        let missing = |field: &str, problem: &str| FieldError {
            field: field.to_owned(),
            problem: problem.to_owned(),
        };
        let base = self.base.as_ref();
        let base = base.ok_or_else(|| missing("url", "it is missing"))?;
        let key = text(&self.config, "public_key").unwrap_or_default();
        let key = PublicKey::from_base64(&key)
            .map_err(|_| missing("public_key", "it is no public key"))?;
        Ok((base, key))
    }

    fn source(&self, position: Option<&Value>) -> Result<Box<dyn Source>, PageError> {
        let secret = |field| text(&self.secrets, field).unwrap_or_default();
        let base = self.base.clone();
        Ok(match self.api.name {
            "ncmec" => {
                let members = self.config.get("only_esp_ids").and_then(Value::as_array);
                let members = members.into_iter().flatten().filter_map(Value::as_u64);
                let base = base.ok_or_else(|| PageError::Stuck {
                    problem: "it is not said which environment is asked".to_owned(),
                })?;
                let user = (secret("user"), secret("password"));
                Box::new(Ncmec::new(base, user, members, position))
            }
            "stop_ncii" => {
                let (key, subscription) =
                    (secret("fetch_function_key"), secret("subscription_key"));
                Box::new(StopNcii::new(base, key, subscription, position)?)
            }
            "fb_threatexchange" => {
                let group = self.config.get("privacy_group").and_then(Value::as_u64);
                let group = group.unwrap_or_default();
                Box::new(ThreatExchange::new(
                    base,
                    group,
                    secret("api_token"),
                    position,
                )?)
            }
            "tat" => {
                let user = (secret("username"), secret("password"));
                Box::new(Tat::new(base, user, position)?)
            }
            other => {
                let problem = format!("exchanges of the kind {other} are not fetched page by page");
                return Err(PageError::Stuck { problem });
            }
        })
    }

    /// Who hears opinions there; `None` where nobody does.
    pub(super) fn listener(&self) -> Option<Result<Listener, ExchangeError>> {
        let secret = |field| text(&self.secrets, field).unwrap_or_default();
        let base = self.base.clone();
        let problem = |problem: &str| ExchangeError::Opinion {
            problem: problem.to_owned(),
        };
        Some(match self.api.name {
            "ncmec" => {
                let user = (secret("user"), secret("password"));
                let base = base.ok_or_else(|| problem("it is not said which environment is asked"));
                base.map(|base| Listener::Ncmec { base, user })
            }
            "stop_ncii" => match text(&self.secrets, "feedback_function_key") {
                Some(key) => Ok(Listener::StopNcii {
                    base,
                    key,
                    subscription: secret("subscription_key"),
                }),
                None => Err(problem(
                    "the key of SubmitFeedback is not set: give `feedback_function_key` with the credentials",
                )),
            },
            "fb_threatexchange" => Ok(Listener::ThreatExchange {
                base,
                token: secret("api_token"),
            }),
            _ => return None,
        })
    }

    /// A client that asks as the exchange says.
    pub(super) fn client(&self) -> Result<Client, WebError> {
        Client::new(ClientOptions {
            proxy: text(&self.config, "proxy"),
            ..ClientOptions::default()
        })
    }

    /// A client that tells something: the answers are short.
    pub(super) fn teller(&self) -> Result<Client, WebError> {
        Client::new(ClientOptions {
            proxy: text(&self.config, "proxy"),
            most_bytes: 1 << 20,
            ..ClientOptions::default()
        })
    }
}

impl Asked {
    /// Asks for one page.
    pub(super) fn test(
        &self,
        name: &BankName,
        stop: &dyn Fn() -> bool,
    ) -> Result<TestedPage, ExchangeError> {
        let failed = |problem: String| ExchangeError::Fetch {
            name: name.clone(),
            problem,
        };
        let client = self.client().map_err(|error| failed(error.to_string()))?;
        let mut source = self
            .source(None)
            .map_err(|error| failed(error.to_string()))?;
        // A token may have to be asked for first.
        for _ in 0..2 {
            let ask = source
                .next(clock::now())
                .map_err(|error| failed(error.to_string()))?;
            let Some(ask) = ask else { break };
            let answer = client
                .ask(&ask, stop)
                .map_err(|error| failed(error.to_string()))?;
            let page = source
                .take(&answer, clock::now())
                .map_err(|error| failed(error.to_string()))?;
            let records = page.records.len() as u64;
            if records + page.bad_count > 0 || source.is_past_login() {
                return Ok(TestedPage {
                    records,
                    bad: page.bad_count,
                });
            }
        }
        Ok(TestedPage { records: 0, bad: 0 })
    }
}

/// How often what went wrong in a row.
#[derive(Default)]
struct Row {
    reads: u32,
    left_out: u32,
    /// The last answer was that the other side cannot answer.
    is_down: bool,
}

impl Work<'_, '_> {
    /// Fetches what the other side has, page by page.
    pub(super) fn pages(&mut self, asked: &Asked) -> Result<(), ExchangeError> {
        let failed = self.failed();
        let clock = self.options.clock;
        let client = asked.client().map_err(|error| failed(error.to_string()))?;
        let source = |position: Option<&Value>| {
            asked
                .source(position)
                .map_err(|error| failed(error.to_string()))
        };
        self.begin(&asked.mark(), source(None)?.stale_after())?;
        let mut source = source(self.progress.position.as_ref())?;
        let ends = Instant::now() + self.options.time;
        let (mut row, mut trouble, mut forgotten) = (Row::default(), 0, 0);
        // What is passed over counts only when something behind it can be read.
        let mut left_out: Vec<String> = Vec::new();
        loop {
            if self.is_stopped() {
                return Err(ExchangeError::Stopped {
                    name: self.exchange.name.clone(),
                });
            }
            if Instant::now() >= ends {
                return Err(ExchangeError::More {
                    name: self.exchange.name.clone(),
                });
            }
            let ask = source
                .next(clock.now())
                .map_err(|error| failed(error.to_string()))?;
            let Some(ask) = ask else {
                // Nothing behind it: it is asked for again the next time.
                match left_out.first() {
                    Some(what) => return Err(failed(format!("{what} cannot be read"))),
                    None => break,
                }
            };
            let observer = self.watch.observer;
            let answer = client.ask(&ask, &|| observer.is_stopped());
            let taken = match answer {
                Ok(answer) => {
                    row.is_down = false;
                    source.take(&answer, clock.now())
                }
                Err(WebError::Stopped) => {
                    return Err(ExchangeError::Stopped {
                        name: self.exchange.name.clone(),
                    });
                }
                Err(error @ WebError::Later { seconds, .. }) => {
                    return Err(ExchangeError::Later {
                        problem: error.to_string(),
                        name: self.exchange.name.clone(),
                        until: clock.now().saturating_add(seconds),
                    });
                }
                // It was asked for often enough. Some servers fail where a page would be too large for them.
                Err(
                    error @ (WebError::Cut { .. }
                    | WebError::TooLong { .. }
                    | WebError::Lost {
                        status: Some(500 | 502 | 504),
                        ..
                    }),
                ) => {
                    row.reads = READS;
                    row.is_down = matches!(error, WebError::Lost { .. });
                    Err(PageError::Corrupt {
                        problem: error.to_string(),
                        page: Box::default(),
                    })
                }
                Err(error) => return Err(failed(error.to_string())),
            };
            match taken {
                // Something in between that can be read must not hide what cannot.
                Ok(page) if page.is_idle => {}
                Ok(page) => {
                    self.progress.has_holes |= !left_out.is_empty() || page.bad_count > 0;
                    for what in left_out.drain(..) {
                        self.alarm(format!("{what} cannot be read, however often they are asked for, and were left out"));
                        self.record.left_out.push(what);
                    }
                    self.progress.position = Some(source.position());
                    if source.read_up_to() > self.state.checkpoint_at {
                        forgotten = 0;
                    }
                    self.state.checkpoint_at = source.read_up_to();
                    self.page(page, &*source, true)?;
                    row = Row::default();
                }
                Err(PageError::Corrupt { problem, page }) => {
                    (row.reads, trouble) = (row.reads + 1, trouble + 1);
                    let is_asked_often = source.is_narrowed() && !source.is_smallest();
                    let reads = if is_asked_often { 1 } else { READS };
                    if row.reads < reads {
                        // Behind what was left out it is not a moment's trouble.
                        let wait = match row.left_out {
                            0 => Duration::from_secs(1) * row.reads,
                            _ => Duration::ZERO,
                        };
                        if !client.pause(wait, &|| observer.is_stopped()) {
                            return Err(ExchangeError::Stopped {
                                name: self.exchange.name.clone(),
                            });
                        }
                        continue;
                    }
                    row.reads = 0;
                    match source.way_on(clock.now()) {
                        // What it holds comes again.
                        WayOn::Less => {}
                        WayOn::LeaveOut(what) => {
                            row.left_out += 1;
                            left_out.push(what);
                            // What of it could be read is better than nothing.
                            self.page(*page, &*source, false)?;
                        }
                        WayOn::None => return Err(failed(problem)),
                    }
                    let most = if row.is_down { DOWN_IN_A_ROW } else { IN_A_ROW };
                    if row.left_out > most || trouble > MOST_TROUBLE {
                        return Err(failed(problem));
                    }
                }
                Err(error @ PageError::Expired { .. }) => {
                    forgotten += 1;
                    if forgotten > MOST_FORGOTTEN {
                        return Err(failed(error.to_string()));
                    }
                }
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        self.end()
    }

    pub(super) fn failed(&self) -> impl Fn(String) -> ExchangeError + use<> {
        let name = self.exchange.name.clone();
        move |problem| ExchangeError::Fetch {
            name: name.clone(),
            problem,
        }
    }

    /// Takes in what a page holds.
    fn page(
        &mut self,
        page: Page,
        source: &dyn Source,
        is_position: bool,
    ) -> Result<(), ExchangeError> {
        let Page {
            mut records,
            bad,
            bad_count,
            ..
        } = page;
        records.retain(|record| {
            record
                .record_id
                .as_deref()
                .is_none_or(|id| source.wants(id))
        });
        for line in &bad {
            self.watch.observer.notice(Notice::LeftOut(line));
        }
        self.record.rejected += bad_count;
        self.record.pages += u64::from(is_position);
        self.take(records, is_position)?;
        let name = self.exchange.name.as_str();
        let taken = self.record.added
            + self.record.updated
            + self.record.unchanged
            + self.record.taken_back;
        let what = format!("{name}: records");
        let mut progress = Progress::items(&what, taken, 0);
        progress.total = None;
        self.watch.observer.progress(progress);
        Ok(())
    }
}
