//! An exchange that can be fetched, tested and told something: how it is set and what proves who asks are read, so that the registry is
//! needed no more.

use crate::bank::BankId;
use crate::curation::exchange::ExchangeError;
use crate::curation::exchange::fetch::{self, FetchOptions, FetchWatch};
use crate::curation::exchange::one::{Exchange, TestedPage};
use crate::curation::exchange::state::FetchRecord;
#[cfg(feature = "exchange")]
use crate::curation::exchange::{bundle, remote};
#[cfg(feature = "exchange")]
use crate::exchange::Heard;
use crate::store::BankStore;

/// An exchange that can be fetched: how it is set, its bank, and what proves who asks. It is read once, so that a fetch
/// needs the registry no more.
pub struct Ready {
    pub(super) exchange: Exchange,
    pub(super) bank: BankId,
    #[cfg(feature = "exchange")]
    pub(super) asked: Option<remote::Asked>,
}

impl Ready {
    /// The exchange.
    #[must_use]
    pub fn exchange(&self) -> &Exchange {
        &self.exchange
    }

    /// Its bank.
    #[must_use]
    pub fn bank(&self) -> BankId {
        self.bank
    }

    /// Who hears opinions at the other side, and a client to tell them.
    #[cfg(feature = "exchange")]
    pub(super) fn listener(
        &self,
    ) -> Result<(crate::exchange::Listener, crate::web::Client), ExchangeError> {
        let listener = self.asked.as_ref().and_then(remote::Asked::listener);
        match (listener, &self.asked) {
            (Some(listener), Some(asked)) => {
                let client = asked.teller().map_err(|error| ExchangeError::Opinion {
                    problem: error.to_string(),
                })?;
                Ok((listener?, client))
            }
            _ => Err(ExchangeError::Opinion {
                problem: format!(
                    "exchanges of the kind {} hear no opinions",
                    self.exchange.api
                ),
            }),
        }
    }

    /// What would be sent to tell something: method, address without its query, and body, a line for each request. Where a reason is
    /// named, the other side is asked which reasons there are; nothing is told.
    ///
    /// # Errors
    /// [`ExchangeError::Opinion`] where the other side has no way to hear it.
    #[cfg(feature = "exchange")]
    pub fn preview(&self, said: &crate::exchange::Said) -> Result<Vec<String>, ExchangeError> {
        let (listener, client) = self.listener()?;
        let failed = |problem: String| ExchangeError::Opinion { problem };
        let reasons = listener
            .reasons(said)
            .map_err(|error| failed(error.to_string()))?;
        let reasons = match reasons {
            None => None,
            Some(ask) => {
                let answer = client.ask(&ask, &|| false);
                let answer = answer.map_err(|error| failed(error.to_string()))?;
                match listener.hear_reasons(&answer) {
                    Heard::Taken => Some(answer),
                    Heard::Refused(why) | Heard::Unheard(why) | Heard::Unclear(why) => {
                        return Err(failed(why));
                    }
                }
            }
        };
        let told = listener.tell(said, reasons.as_ref());
        let told = told.map_err(|error| failed(error.to_string()))?;
        Ok(told.into_iter().map(|telling| telling.shown).collect())
    }

    /// Asks the other side for one page, and keeps nothing.
    ///
    /// # Errors
    /// [`ExchangeError::Fetch`]: it does not answer, refuses, or answers something else.
    pub fn test(&self, stop: &dyn Fn() -> bool) -> Result<TestedPage, ExchangeError> {
        #[cfg(feature = "exchange")]
        if let Some(asked) = &self.asked {
            if asked.is_bundle() {
                return bundle::test(asked, &self.exchange.name, stop);
            }
            return asked.test(&self.exchange.name, stop);
        }
        let _ = stop;
        Ok(TestedPage {
            records: crate::curation::exchange::sample::records().count() as u64,
            bad: 0,
        })
    }

    /// Brings the bank of the exchange to what the other side has now, and writes down how that went.
    ///
    /// It can be stopped and killed at any point: the next fetch goes on from there. Others may write to the store meanwhile.
    /// No two fetches of one exchange run at once.
    ///
    /// # Errors
    /// [`ExchangeError`]: what was taken in before stays.
    pub fn fetch(
        &self,
        store: &BankStore,
        options: &FetchOptions,
        watch: &mut FetchWatch<'_>,
    ) -> Result<FetchRecord, ExchangeError> {
        fetch::run(store, (&self.exchange, self.bank), options, watch, |work| {
            #[cfg(feature = "exchange")]
            if let Some(asked) = &self.asked {
                return match asked.is_bundle() {
                    true => work.bundle(asked),
                    false => work.pages(asked),
                };
            }
            work.samples()
        })
    }
}

impl std::fmt::Debug for Ready {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut told = f.debug_struct("Ready");
        told.field("exchange", &self.exchange.name)
            .finish_non_exhaustive()
    }
}
