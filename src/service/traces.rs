//! Traces, sent to a collector by OTLP: each request, and how long its body, the queue and the work took.
//!
//! Owned here: the way to the collector. Spans wait in a bounded queue, and are sent
//! by a thread of their own: what the collector does, or that it is gone, holds no answer up. Refuses to send
//! events: what is logged stays here.

use crate::service::collector::Collector;
use crate::service::span::TARGET;
use axum::body::Bytes;
use axum::http::{HeaderValue, Request, Response, StatusCode, header};
use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider,
};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;

/// Most spans that wait to be sent; further ones are forgotten.
const MOST_WAITING: usize = 4_096;
/// How often they are sent.
const EACH: Duration = Duration::from_secs(1);
/// How long the collector may take for each step.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long the end of the program waits for what is not sent yet.
const AT_END: Duration = Duration::from_secs(6);
/// Most bytes of the collector's answer that are read.
const MOST_ANSWER: u64 = 64 << 10;

/// What sends traces; what waits is sent when it is let go of.
pub(crate) struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// What sends to this collector, and the layer that hears of spans.
    ///
    /// # Errors
    /// Why it cannot be made, in words.
    pub(crate) fn begin<S>(collector: &Collector) -> Result<(Self, impl Layer<S>), String>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Client::new(collector))
            .with_endpoint(collector.to_string())
            .with_protocol(Protocol::HttpJson)
            .build()
            .map_err(|error| error.to_string())?;
        let batch = BatchConfigBuilder::default()
            .with_max_queue_size(MOST_WAITING)
            .with_scheduled_delay(EACH)
            .build();
        let processor = BatchSpanProcessor::builder(exporter)
            .with_batch_config(batch)
            .build();
        let resource = Resource::builder_empty()
            .with_attributes([
                KeyValue::new("service.name", "hashgate"),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(processor)
            .with_resource(resource)
            // Who asks says whether its trace is kept.
            .with_sampler(Sampler::ParentBased(Box::new(Sampler::AlwaysOn)))
            .build();
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("hashgate"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_filter(Targets::new().with_target(TARGET, tracing::Level::INFO));
        Ok((Self { provider }, layer))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.provider.shutdown_with_timeout(AT_END) {
            tracing::warn!("some traces were not sent: {error}");
        }
    }
}

/// Sends to one collector, a connection for each time.
#[derive(Debug)]
struct Client {
    host: String,
    port: u16,
    /// Whether it failed when it was last asked: said once.
    is_failing: AtomicBool,
}

impl Client {
    fn new(collector: &Collector) -> Self {
        Self {
            host: collector.host().to_owned(),
            port: collector.port(),
            is_failing: AtomicBool::new(false),
        }
    }

    fn send(&self, request: &Request<Bytes>) -> io::Result<StatusCode> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let mut last = io::Error::new(io::ErrorKind::NotFound, "this name has no address");
        for address in (bare, self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, TIMEOUT) {
                Ok(stream) => return self.converse(stream, request),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn converse(&self, mut stream: TcpStream, request: &Request<Bytes>) -> io::Result<StatusCode> {
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        let body = request.body();
        let kind = request.headers().get(header::CONTENT_TYPE);
        let kind = kind.and_then(|kind| HeaderValue::to_str(kind).ok());
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}:{}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            request.uri().path(),
            self.host,
            self.port,
            kind.unwrap_or("application/json"),
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        // `HTTP/1.1 200`.
        Read::by_ref(&mut stream)
            .take(12)
            .read_to_end(&mut answer)?;
        let status = answer
            .get(9..12)
            .and_then(|code| StatusCode::from_bytes(code).ok());
        // It is not cut off while it speaks.
        let _ = io::copy(&mut stream.take(MOST_ANSWER), &mut io::sink());
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "this is no answer in HTTP");
        status.ok_or_else(bad)
    }
}

impl HttpClient for Client {
    // What a trait with `async` in it asks for, written out.
    fn send_bytes<'life, 'made>(
        &'life self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'made>>
    where
        'life: 'made,
        Self: 'made,
    {
        // It runs on the sender's own thread, which may wait.
        Box::pin(async move {
            let sent = self.send(&request);
            let problem = match &sent {
                Ok(status) if status.is_success() => None,
                Ok(status) => Some(format!("it answers {status}")),
                Err(error) => Some(error.to_string()),
            };
            let was_failing = self.is_failing.swap(problem.is_some(), Ordering::Relaxed);
            match problem {
                Some(problem) if !was_failing => {
                    tracing::warn!("traces are lost, the collector does not take them: {problem}");
                }
                None if was_failing => tracing::warn!("the collector takes traces again"),
                _ => {}
            }
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = sent?;
            Ok(response)
        })
    }
}
