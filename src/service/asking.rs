//! The small [client](crate::service::client) for a program that does one thing at a time: a command.
//!
//! Owned here: bodies that are read as they are sent, and texts as parts of an address.

use crate::service::client::{Address, Client, ClientError};
use axum::body::{Body, Bytes, HttpBody};
use axum::http::Method;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Bytes of a body that are read together.
const PIECE: usize = 64 << 10;

/// As [`Client`], for a program that does one thing at a time.
pub(crate) struct Asking {
    client: Client,
    runtime: tokio::runtime::Runtime,
}

impl Asking {
    pub(crate) fn new(client: Client) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        Ok(Self { client, runtime })
    }

    /// Where it asks.
    pub(crate) const fn address(&self) -> &Address {
        self.client.address()
    }

    fn read<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        let at = self.address().to_string();
        serde_json::from_slice(body).map_err(|_| ClientError::Answer { at })
    }

    /// Asks without a body.
    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        (method, path): (Method, &str),
    ) -> Result<T, ClientError> {
        let answer = self.client.send((method, path), None, Body::empty());
        let answer = self.runtime.block_on(answer)?;
        self.read(&answer)
    }

    /// Sends JSON.
    pub(crate) fn send<T: DeserializeOwned>(
        &self,
        (method, path): (Method, &str),
        value: &impl Serialize,
    ) -> Result<T, ClientError> {
        let at = self.address().to_string();
        let body = serde_json::to_vec(value).map_err(|_| ClientError::Answer { at })?;
        let kind = Some("application/json");
        let answer = self.client.send((method, path), kind, Body::from(body));
        let answer = self.runtime.block_on(answer)?;
        self.read(&answer)
    }

    /// Sends what a reader gives, of `length` bytes where that is known.
    pub(crate) fn upload<T: DeserializeOwned>(
        &self,
        (method, path): (Method, &str),
        (reader, length): (impl Read + Send + Unpin + 'static, Option<u64>),
    ) -> Result<T, ClientError> {
        let body = Body::new(Reading {
            reader,
            left: length,
            is_over: false,
        });
        let answer = self
            .client
            .send((method, path), Some("application/octet-stream"), body);
        let answer = self.runtime.block_on(answer)?;
        self.read(&answer)
    }
}

/// A body that is read as it is sent. The one thread of [`Asking`] may wait for it.
struct Reading<R> {
    reader: R,
    /// How much is to come, where that was said.
    left: Option<u64>,
    is_over: bool,
}

impl<R: Read + Unpin> HttpBody for Reading<R> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let most = self.left.map_or(PIECE, |left| {
            usize::try_from(left).unwrap_or(PIECE).min(PIECE)
        });
        let mut piece = vec![0; most];
        let read = loop {
            match self.reader.read(&mut piece) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => break read,
            }
        };
        match read {
            Ok(0) => {
                self.is_over = true;
                match self.left {
                    Some(1..) => Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
                    _ => Poll::Ready(None),
                }
            }
            Ok(count) => {
                piece.truncate(count);
                self.left = self.left.map(|left| left.saturating_sub(count as u64));
                Poll::Ready(Some(Ok(Frame::data(piece.into()))))
            }
            Err(error) => {
                self.is_over = true;
                Poll::Ready(Some(Err(error)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A text as a part of an address: what would end it there is written as `%XX`.
pub(crate) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte));
            }
            other => escaped.push_str(&format!("%{other:02X}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_part_of_an_address_is_escaped() {
        assert_eq!(escaped("a-b_c.d~9"), "a-b_c.d~9");
        assert_eq!(escaped("a b/é?&=+#%"), "a%20b%2F%C3%A9%3F%26%3D%2B%23%25");
    }
}
