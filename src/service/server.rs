//! Listeners and connections: from an address to the router, and an orderly end.
//!
//! Owned here: how many connections there may be, how long a header may take, and that requests under way are answered
//! when the service is asked to stop. Refuses to know what a request means.

use crate::decisions::{DecisionError, DecisionLog, LogOptions};
use crate::gate::GateError;
use crate::service::body::Budget;
use crate::service::busy::{Answering, Busy};
use crate::service::client::{Address, Client, Secret};
#[cfg(feature = "curation")]
use crate::service::curator::Curator;
use crate::service::decided::Decided;
use crate::service::door::{self, one_slash};
use crate::service::fault::Fault;
use crate::service::follow::{self, Follower, Following};
use crate::service::handing::{self, Handing};
use crate::service::heard::Heard;
use crate::service::hma;
use crate::service::ids::Ids;
use crate::service::keys::{KeyError, KeyFile};
#[cfg(feature = "curation")]
use crate::service::lists::Lists;
use crate::service::metrics::Metrics;
use crate::service::pool::Pool;
use crate::service::ring::Ring;
use crate::service::settings::{Listen, Role, Settings};
use crate::service::state::{Roles, State};
use crate::service::switches::Switches;
#[cfg(feature = "tls")]
use crate::service::tls::Tls;
use crate::service::unusable::SettingsError;
use crate::service::v1;
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::{any, get, post};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener};
use tokio::sync::Semaphore;
use tower::ServiceExt;

/// How long a request's header may take, and an idle connection stays open.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of a request's header.
const MOST_HEADER: usize = 64 << 10;
/// Most lines of a request's header.
const MOST_HEADERS: usize = 64;
/// How long requests under way have when the service stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How often it is told that connections cannot be taken.
const TELL: Duration = Duration::from_secs(1);
/// How often it is looked whether to stop.
const LOOK: Duration = Duration::from_millis(50);

/// Why a service cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The settings do not go together.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// The index cannot be used: told by [`check`] alone, as a service waits for one.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The keys cannot be used.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The certificate cannot be used.
    #[error("TLS: {problem}")]
    Tls {
        /// Why not.
        problem: String,
    },
    /// The log of decisions cannot be written.
    #[error(transparent)]
    Decisions(#[from] DecisionError),
    /// An address cannot be listened at.
    #[error("cannot listen at {at}: {source}")]
    Listen {
        /// The address.
        at: String,
        /// What the system said.
        source: io::Error,
    },
    /// The banks that are to be kept cannot be.
    #[error("the role curate: {problem}")]
    Curation {
        /// Why not.
        problem: String,
    },
    /// Hashes of uploads cannot be handed to the node that is named.
    #[error("`remember`: {problem}")]
    Remember {
        /// Why not.
        problem: String,
    },
    /// The system gives no threads.
    #[error("cannot begin: {source}")]
    Threads {
        /// What the system said.
        source: io::Error,
    },
}

/// A listener that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Bound {
    /// Its address, with the port that it got.
    pub at: Listen,
    /// What it serves.
    pub roles: Vec<Role>,
}

/// What [`check`] found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Checked {
    /// The generation of the index that would be served.
    pub generation: u64,
    /// Why nothing can match by it, where that is so.
    pub warning: Option<&'static str>,
}

/// Checks settings, that the index can be opened, and that the log of decisions can be written, without serving anything.
/// A log that is not there yet is begun.
///
/// # Errors
/// [`ServiceError::Settings`], [`ServiceError::Keys`], [`ServiceError::Decisions`] and [`ServiceError::Gate`].
pub fn check(settings: &Settings) -> Result<Checked, ServiceError> {
    settings.check()?;
    keeper(settings)?;
    if let Some(path) = &settings.keys {
        KeyFile::read(path)?;
    }
    if let Some(folder) = &settings.decisions {
        DecisionLog::open(folder, LogOptions::default())?;
    }
    #[cfg(feature = "tls")]
    tls(settings)?;
    let follower = Follower::new(settings);
    match follower.look() {
        // It publishes before it listens.
        Err(_) if settings.curates() => {}
        looked => looked?,
    }
    let index = follower.gate().map(|gate| gate.index());
    Ok(Checked {
        generation: index.as_ref().map_or(0, |index| index.generation()),
        warning: index.as_deref().and_then(follow::warning),
    })
}

/// Serves until `stop` becomes true, and until the requests that are under way then are answered (for 30 seconds at
/// most). `listening` is told once, when all listeners are open.
///
/// An index that is not there yet is waited for: until then nothing is judged, and `/v1/ready` says so.
///
/// # Errors
/// [`ServiceError`] where it cannot begin.
pub fn serve(
    settings: Settings,
    stop: &AtomicBool,
    listening: impl FnOnce(&[Bound]),
) -> Result<(), ServiceError> {
    settings.check()?;
    let threads = |source| ServiceError::Threads { source };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("serve")
        .enable_io()
        .enable_time()
        .build()
        .map_err(threads)?;
    let follower = Arc::new(Follower::new(&settings));
    let queue = settings.queue.unwrap_or(4 * settings.workers);
    let pool = Pool::new(settings.workers, queue).map_err(threads)?;
    let ring = match &settings.keys {
        Some(path) => Some(Arc::new(Ring::open(path.clone(), settings.rate)?)),
        None => None,
    };
    #[cfg(feature = "tls")]
    let tls = tls(&settings)?;
    let decided = match &settings.decisions {
        Some(folder) => Some(Decided::open(folder)?),
        None => None,
    };
    let handing = handing(&settings)?;
    let bodies = Budget::new(
        settings.max_body,
        settings.body_memory,
        settings.body_timeout,
    );
    #[cfg(feature = "curation")]
    let curator = settings
        .curates()
        .then(|| Curator::begin(&settings, Arc::clone(&follower)));
    let switches = match &settings.home {
        Some(home) if settings.curates() => Switches::read(&home.join("signal_types.json")),
        _ => Ok(Switches::default()),
    };
    #[cfg(feature = "curation")]
    let lists = Lists::begin().map_err(threads)?;
    let state = Arc::new(State {
        switches: switches.map_err(|problem| ServiceError::Curation { problem })?,
        follower: Arc::clone(&follower),
        pool,
        bodies,
        ids: Ids::default(),
        metrics: Metrics::default(),
        decided,
        handing,
        ring: ring.clone(),
        #[cfg(feature = "curation")]
        curator: curator
            .transpose()
            .map(|curator| curator.map(Arc::new))
            .map_err(|problem| ServiceError::Curation { problem })?,
        #[cfg(feature = "curation")]
        lists,
        settings,
    });
    #[cfg(feature = "tls")]
    let certificates = tls.clone();
    let following = Following::begin(follower, move || {
        #[cfg(feature = "tls")]
        if let Some(tls) = &certificates {
            tls.look();
        }
        if let Some(ring) = &ring {
            ring.look();
        }
    })
    .map_err(threads)?;
    let tell = |bound: &[Bound]| {
        #[cfg(feature = "curation")]
        if let Some(curator) = &state.curator {
            let curates = bound.iter().filter(|one| one.roles.contains(&Role::Curate));
            curator.tell(&curates.map(|one| one.at.to_string()).collect::<Vec<_>>());
        }
        listening(bound);
    };
    #[cfg(feature = "curation")]
    if state.curator.is_some() {
        runtime.spawn(crate::service::fetching::keep(Arc::clone(&state)));
    }
    let all = Serving {
        state: &state,
        stop,
        #[cfg(feature = "tls")]
        tls,
    };
    let served = runtime.block_on(all.serve(tell));
    // Connections that did not end in time end here.
    runtime.shutdown_timeout(Duration::from_millis(100));
    drop(following);
    if let Some(handing) = &state.handing {
        handing.close();
    }
    #[cfg(feature = "curation")]
    if let Some(curator) = &state.curator {
        // What takes long tells the curator of its end.
        state.lists.jobs.close();
        curator.close();
    }
    served
}

/// The certificate of TCP listeners, where there is one.
#[cfg(feature = "tls")]
fn tls(settings: &Settings) -> Result<Option<Arc<Tls>>, ServiceError> {
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else {
        return Ok(None);
    };
    let opened = Tls::open(certificate, key).map_err(|problem| ServiceError::Tls { problem })?;
    Ok(Some(Arc::new(opened)))
}

/// The way of hashes of uploads to the node that keeps the banks, where one is named.
fn handing(settings: &Settings) -> Result<Option<Handing>, ServiceError> {
    let Some(client) = keeper(settings)? else {
        return Ok(None);
    };
    let begun = Handing::begin(client);
    begun
        .map(Some)
        .map_err(|source| ServiceError::Threads { source })
}

/// The client of the node that keeps the banks, where hashes of uploads are to be handed to one.
fn keeper(settings: &Settings) -> Result<Option<Client>, ServiceError> {
    let Some(to) = &settings.remember else {
        return Ok(None);
    };
    let unfit = |problem: String| ServiceError::Remember { problem };
    let address = to
        .parse::<Address>()
        .map_err(|error| unfit(error.to_string()))?;
    let key = settings.remember_key.as_deref().map(Secret::read);
    let key = key.transpose().map_err(|error| unfit(error.to_string()))?;
    Ok(Some(Client::new(address, key, handing::PATIENCE)))
}

/// A listener of either kind.
enum Open {
    Tcp(TcpListener),
    Unix(UnixListener),
}

async fn open(at: &Listen) -> Result<(Open, Listen), ServiceError> {
    let failed = |source| ServiceError::Listen {
        at: at.to_string(),
        source,
    };
    match at {
        Listen::Tcp(address) => {
            let listener = TcpListener::bind(address).await.map_err(failed)?;
            let bound = listener.local_addr().map_err(failed)?;
            Ok((Open::Tcp(listener), Listen::Tcp(bound)))
        }
        Listen::Unix(path) => {
            remove_dead_socket(path);
            let listener = UnixListener::bind(path).map_err(failed)?;
            Ok((Open::Unix(listener), at.clone()))
        }
    }
}

/// Removes a socket at which nobody listens any more: what a service left that was killed.
fn remove_dead_socket(path: &Path) {
    use std::os::unix::fs::FileTypeExt;
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    if is_socket
        && std::os::unix::net::UnixStream::connect(path)
            .err()
            .is_some_and(refused)
    {
        // Where it stays, binding says so.
        let _ = std::fs::remove_file(path);
    }
}

/// What serves.
struct Serving<'a> {
    state: &'a Arc<State>,
    stop: &'a AtomicBool,
    #[cfg(feature = "tls")]
    tls: Option<Arc<Tls>>,
}

impl Serving<'_> {
    async fn serve(self, listening: impl FnOnce(&[Bound])) -> Result<(), ServiceError> {
        let Self { state, stop, .. } = self;
        let graceful = Arc::new(GracefulShutdown::new());
        let places = Arc::new(Semaphore::new(state.settings.max_connections));
        let ending = Arc::new(Semaphore::new(0));
        let mut bound = Vec::new();
        let mut opened = Vec::new();
        for listener in &state.settings.listen {
            let (open, at) = open(&listener.at).await?;
            let roles = state.settings.roles_of(listener).to_vec();
            let mut router = router(state, &Roles(roles.as_slice().into()));
            if matches!(open, Open::Tcp(_)) {
                router = router.layer(axum::Extension(door::ByTcp));
            }
            opened.push((open, router));
            bound.push(Bound { at, roles });
        }
        listening(&bound);
        let mut accepting = Vec::new();
        for (open, router) in opened {
            let to = Connections {
                router,
                graceful: Arc::clone(&graceful),
                places: Arc::clone(&places),
                ending: Arc::clone(&ending),
                #[cfg(feature = "tls")]
                tls: self.tls.clone(),
            };
            accepting.push(tokio::spawn(to.accept(open)));
        }
        while !stop.load(Ordering::Relaxed) {
            tokio::time::sleep(LOOK).await;
        }
        for task in &accepting {
            task.abort();
        }
        for task in accepting {
            // It was aborted: there is nothing to learn from it.
            let _ = task.await;
        }
        for listener in &bound {
            if let Listen::Unix(path) = &listener.at {
                let _ = std::fs::remove_file(path);
            }
        }
        ending.close();
        // Whoever is still about to speak TLS is cut, and lets go of it.
        while Arc::strong_count(&graceful) > 1 {
            tokio::task::yield_now().await;
        }
        if let Some(graceful) = Arc::into_inner(graceful)
            && tokio::time::timeout(DRAIN, graceful.shutdown())
                .await
                .is_err()
        {
            tracing::warn!("some requests were not answered within {DRAIN:?}");
        }
        Ok(())
    }
}

/// What each connection of a listener needs.
#[derive(Clone)]
struct Connections {
    router: Router,
    graceful: Arc<GracefulShutdown>,
    places: Arc<Semaphore>,
    /// Closed when the service ends.
    ending: Arc<Semaphore>,
    /// What those that come by TCP speak.
    #[cfg(feature = "tls")]
    tls: Option<Arc<Tls>>,
}

impl Connections {
    async fn accept(self, open: Open) {
        let mut failures = 0_u64;
        let mut told: Option<Instant> = None;
        loop {
            // Who finds no place waits in the system's queue.
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else {
                return;
            };
            let accepted = match &open {
                Open::Tcp(listener) => listener.accept().await.map(|(stream, _)| {
                    // Answers are small: they need not wait for more.
                    let _ = stream.set_nodelay(true);
                    self.begin_tcp(stream, place);
                }),
                Open::Unix(listener) => listener
                    .accept()
                    .await
                    .map(|(stream, _)| self.begin(stream, place)),
            };
            if let Err(error) = accepted {
                // Mostly: too many open files. Others may close soon.
                failures = failures.saturating_add(1);
                if told.is_none_or(|told| told.elapsed() >= TELL) {
                    tracing::warn!(
                        "connections could not be taken, {failures} times since the last word of it: {error}"
                    );
                    (told, failures) = (Some(Instant::now()), 0);
                }
                tokio::time::sleep(LOOK).await;
            }
        }
    }

    /// Begins a connection by TCP: with TLS, where there is a certificate, and never without it then.
    fn begin_tcp(&self, stream: TcpStream, place: tokio::sync::OwnedSemaphorePermit) {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            let acceptor = tls.acceptor();
            let (all, ending) = (self.clone(), Arc::clone(&self.ending));
            tokio::spawn(async move {
                let greeted = tokio::time::timeout(HEADER_TIMEOUT, acceptor.accept(stream));
                let (mut greeted, mut ending) = (pin!(greeted), pin!(ending.acquire_owned()));
                let greeted = poll_fn(|context| match greeted.as_mut().poll(context) {
                    Poll::Ready(greeted) => Poll::Ready(greeted.ok().and_then(Result::ok)),
                    Poll::Pending => ending.as_mut().poll(context).map(|_| None),
                });
                // Who does not finish it, or speaks something else, is let go.
                if let Some(stream) = greeted.await {
                    all.begin(stream, place);
                }
            });
            return;
        }
        self.begin(stream, place);
    }

    fn begin(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        place: tokio::sync::OwnedSemaphorePermit,
    ) {
        let busy = Arc::new(Busy::default());
        let of_requests = Arc::clone(&busy);
        let router = self.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            let under_way = of_requests.begin();
            if let Some(uri) = one_slash(request.uri()) {
                *request.uri_mut() = uri;
            }
            let answer = router.clone().oneshot(request);
            async move {
                let answer: Result<Response, Infallible> = answer.await;
                answer.map(|answer| {
                    answer.map(|body| Answering {
                        body,
                        _under_way: under_way,
                    })
                })
            }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(MOST_HEADER)
            .max_headers(MOST_HEADERS)
            .serve_connection(TokioIo::new(Heard::new(stream, Arc::clone(&busy))), service);
        let watched = self.graceful.watch(connection);
        let ending = Arc::clone(&self.ending).acquire_owned();
        tokio::spawn(async move {
            let mut watched = pin!(watched);
            let mut ending = pin!(ending);
            let ended = poll_fn(|context| match watched.as_mut().poll(context) {
                Poll::Ready(ended) => Poll::Ready(Some(ended)),
                Poll::Pending => ending.as_mut().poll(context).map(|_| None),
            });
            let mut ended = ended.await;
            while ended.is_none() {
                // What has come already is taken for a request, if it is a whole one.
                ended = tokio::time::timeout(LOOK, watched.as_mut()).await.ok();
                if !busy.is_busy() {
                    break;
                }
            }
            if let Some(Err(error)) = ended {
                tracing::debug!("a connection ended: {error}");
            }
            drop(place);
        });
    }
}

/// The paths of these roles.
fn router(state: &Arc<State>, roles: &Roles) -> Router {
    let mut router = Router::new()
        .route("/v1/openapi.json", get(v1::openapi::openapi))
        .route("/v1/live", get(v1::status::live))
        .route("/v1/ready", get(v1::status::ready))
        .route("/v1/status", get(v1::status::status));
    for role in &*roles.0 {
        router = match role {
            Role::Gate => router
                .route("/v1/check", post(v1::check::check))
                .route("/v1/authz/{*rest}", any(v1::check::authz)),
            Role::Match => {
                router.route("/v1/match", get(v1::matching::one).post(v1::matching::many))
            }
            Role::Hash => router.route("/v1/hash", post(v1::hash::hash)),
            Role::Metrics => router.route("/metrics", get(v1::metrics::metrics)),
            #[cfg(feature = "curation")]
            Role::Curate => v1::curation::routes::add(router),
            #[cfg(not(feature = "curation"))]
            Role::Curate => router,
            #[cfg(feature = "curation")]
            Role::Remember => router.route("/v1/uploads", post(v1::curation::uploads::keep)),
            #[cfg(not(feature = "curation"))]
            Role::Remember => router,
            Role::Admin => router.route("/v1/decisions", get(v1::log::decisions)),
        };
    }
    let router = hma::routes::add(router, roles);
    let served: Vec<&str> = roles.0.iter().map(|role| role.name()).collect();
    let served = served.join(", ");
    let nothing = move |request: Request| async move {
        let detail = format!("there is no such path here; this listener serves {served}");
        let fault = Fault::new(StatusCode::NOT_FOUND, "no-such-path", detail);
        door::refuse(request.uri().path(), fault)
    };
    router
        .fallback(nothing)
        .method_not_allowed_fallback(|request: Request| async move {
            let detail = "this path is asked in another way: see the page on the service";
            let fault = Fault::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail);
            door::refuse(request.uri().path(), fault)
        })
        .layer(axum::Extension(roles.clone()))
        .layer(axum::middleware::from_fn_with_state(
            Arc::clone(state),
            door::pass,
        ))
        .with_state(Arc::clone(state))
}
