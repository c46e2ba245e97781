//! Whether a connection has a request under way: what must be answered before the service ends, and what need not.
//!
//! A request is under way from the end of its header until its answer was taken by the system. Refuses to look at either.

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// What is known of one connection.
#[derive(Debug, Default)]
pub(super) struct Busy {
    requests: AtomicUsize,
    waits_to_write: AtomicBool,
}

impl Busy {
    /// A request begins; it is under way until what comes back is dropped.
    pub(super) fn begin(self: &Arc<Self>) -> UnderWay {
        self.requests.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// The other end does or does not take what is written.
    pub(super) fn set_waits_to_write(&self, waits: bool) {
        self.waits_to_write.store(waits, Ordering::Relaxed);
    }

    /// Whether something is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.requests.load(Ordering::Relaxed) > 0 || self.waits_to_write.load(Ordering::Relaxed)
    }
}

/// A request under way.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Busy>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The body of an answer; the request is under way until all of it was handed over.
pub(super) struct Answering {
    pub(super) body: Body,
    pub(super) _under_way: UnderWay,
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
