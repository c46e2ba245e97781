//! What all requests share, and the steps that several paths take.

use crate::decisions::Decision;
use crate::gate::{Gate, Worker};
use crate::service::body::Budget;
#[cfg(feature = "curation")]
use crate::service::curator::Curator;
use crate::service::decided::Decided;
use crate::service::fault::Fault;
use crate::service::follow::Follower;
use crate::service::handing::Handing;
use crate::service::ids::Ids;
#[cfg(feature = "curation")]
use crate::service::lists::Lists;
use crate::service::metrics::Metrics;
use crate::service::pool::Pool;
use crate::service::ring::Ring;
use crate::service::settings::{Role, Settings};
use crate::service::switches::Switches;
use std::sync::Arc;
use std::time::Duration;

/// What a listener serves.
#[derive(Debug, Clone)]
pub(super) struct Roles(pub(super) Arc<[Role]>);

/// What all requests of all listeners share.
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) follower: Arc<Follower>,
    pub(super) pool: Pool,
    pub(super) bodies: Budget,
    pub(super) ids: Ids,
    pub(super) metrics: Metrics,
    /// Which kinds of hash are asked about on HMA's paths.
    pub(super) switches: Switches,
    /// Where hashes of judged uploads are handed on.
    pub(super) handing: Option<Handing>,
    /// Where decisions are logged.
    pub(super) decided: Option<Decided>,
    /// Where there are keys.
    pub(super) ring: Option<Arc<Ring>>,
    /// Where this node keeps banks.
    #[cfg(feature = "curation")]
    pub(super) curator: Option<Arc<Curator>>,
    /// Lists that are uploaded, and what else takes long there.
    #[cfg(feature = "curation")]
    pub(super) lists: Lists,
}

impl State {
    /// The gate, where its index may be relied on.
    pub(super) fn gate(&self) -> Result<Arc<Gate>, Fault> {
        Ok(self.follower.ready()?)
    }

    /// How long a caller waits at most: what it says, in milliseconds, and never more than the setting.
    pub(super) fn wait(&self, asked: Option<u64>) -> Duration {
        let most = self.settings.wait;
        asked.map_or(most, |asked| Duration::from_millis(asked).min(most))
    }

    /// Does work for a processor on one of the pool's threads.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        wait: Duration,
        job: impl FnOnce(&mut Worker) -> T + Send + 'static,
    ) -> Result<T, Fault> {
        Ok(self.pool.run(wait, job).await?)
    }

    /// Sees that decisions are in the log before they are answered. Where there is no log there is nothing to wait for.
    pub(super) async fn record(
        &self,
        decisions: Vec<Decision>,
        wait: Duration,
    ) -> Result<(), Fault> {
        match &self.decided {
            Some(decided) => decided.write(decisions, wait).await,
            None => Ok(()),
        }
    }
}
