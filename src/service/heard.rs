//! A connection whose other end must read: who takes none of an answer for too long is cut off.
//!
//! Refuses to look at what is written.

use crate::service::busy::Busy;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// For how long the other end may take nothing.
const PATIENCE: Duration = Duration::from_secs(30);

/// A stream; writing to it fails once nothing was taken for [`PATIENCE`].
pub(super) struct Heard<S> {
    stream: S,
    patience: Duration,
    /// Runs while a write waits.
    until: Pin<Box<Sleep>>,
    is_waiting: bool,
    busy: Arc<Busy>,
}

impl<S> Heard<S> {
    /// What waits to be written is told to `busy`.
    pub(super) fn new(stream: S, busy: Arc<Busy>) -> Self {
        Self {
            busy,
            ..Self::with(stream, PATIENCE)
        }
    }

    fn with(stream: S, patience: Duration) -> Self {
        Self {
            stream,
            patience,
            until: Box::pin(tokio::time::sleep(patience)),
            is_waiting: false,
            busy: Arc::default(),
        }
    }

    /// What a write came to, or that it took too long.
    fn in_time<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.busy.set_waits_to_write(written.is_pending());
        if written.is_ready() {
            self.is_waiting = false;
            return written;
        }
        if !self.is_waiting {
            self.is_waiting = true;
            self.until.as_mut().reset(Instant::now() + self.patience);
        }
        let late = self.until.as_mut().poll(context);
        late.map(|()| Err(io::Error::from(io::ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.in_time(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.in_time(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.in_time(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.in_time(context, ended)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use tokio::net::UnixStream;

    const PART: [u8; 4096] = [0; 4096];

    async fn write(stream: &mut Heard<UnixStream>) -> io::Result<usize> {
        poll_fn(|context| Pin::new(&mut *stream).poll_write(context, &PART)).await
    }

    /// Writes until the other end would have to read.
    async fn fill(stream: &mut Heard<UnixStream>) {
        let mut is_full = false;
        while !is_full {
            is_full = poll_fn(|context| {
                Poll::Ready(
                    Pin::new(&mut *stream)
                        .poll_write(context, &PART)
                        .is_pending(),
                )
            })
            .await;
        }
    }

    #[test]
    fn who_takes_nothing_is_cut_off_and_who_reads_is_not() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build();
        runtime.expect("a runtime").block_on(async {
            let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
            let mut deaf = Heard::with(ours, Duration::from_millis(20));
            fill(&mut deaf).await;
            let error = write(&mut deaf).await.expect_err("nobody reads");
            assert_eq!(error.kind(), io::ErrorKind::TimedOut);
            let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
            let mut heard = Heard::with(ours, Duration::from_secs(600));
            fill(&mut heard).await;
            assert!(heard.is_waiting);
            theirs.readable().await.expect("there is something");
            let mut taken = [0; 1 << 16];
            while theirs.try_read(&mut taken).is_ok() {}
            assert!(write(&mut heard).await.expect("there is room again") > 0);
            assert!(!heard.is_waiting);
        });
    }
}
