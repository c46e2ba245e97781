//! The spans of a request: what took how long, for the log and for traces.
//!
//! Owned here: the names `request`, `body`, `queue` and `work`, and what they say. A request's span has its id, so that what
//! is logged while it is answered, by whatever part, is known to be about it. Refuses to say anything of a body, a hash,
//! a query or a key.

use axum::http::StatusCode;
use tracing::Span;
use tracing::field::Empty;

/// What the log and traces know these spans by.
pub(super) const TARGET: &str = "hashgate::request";

/// A part of what is done about a request, within the span that is entered now.
macro_rules! part {
    ($name:literal) => {
        tracing::info_span!(target: crate::service::span::TARGET, $name)
    };
}
pub(super) use part;

/// What is known of a request before it is answered.
pub(super) struct Asked<'a> {
    pub(super) id: &'a str,
    pub(super) method: &'a str,
    /// The path as it is served: `/c/bank/{bank_name}`.
    pub(super) served: &'a str,
    /// The caller's `traceparent`, where it is one.
    pub(super) trace: Option<&'a str>,
    /// Whether traces are sent.
    pub(super) is_traced: bool,
}

impl Asked<'_> {
    /// The span of this request.
    pub(super) fn span(&self) -> Span {
        let span = tracing::info_span!(
            target: TARGET,
            "request",
            id = self.id,
            otel.name = Empty,
            otel.kind = Empty,
        );
        #[cfg(feature = "otlp")]
        if self.is_traced {
            otlp::describe(&span, self);
        }
        span
    }

    /// Says in the span how it was answered.
    pub(super) fn answered(&self, span: &Span, status: StatusCode, refused: Option<&'static str>) {
        #[cfg(feature = "otlp")]
        if self.is_traced {
            otlp::answered(span, status, refused);
        }
        #[cfg(not(feature = "otlp"))]
        let _ = (
            span,
            status,
            refused,
            self.method,
            self.served,
            self.trace,
            self.is_traced,
        );
    }
}

/// What traces say of a request beyond its id, by OpenTelemetry's names.
#[cfg(feature = "otlp")]
mod otlp {
    use super::Asked;
    use axum::http::StatusCode;
    use opentelemetry::Context;
    use opentelemetry::trace::{
        SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    };
    use tracing::Span;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    /// The caller's span, by its header.
    fn parent(trace: &str) -> Option<Context> {
        let mut parts = trace.split('-').skip(1);
        let context = SpanContext::new(
            TraceId::from_hex(parts.next()?).ok()?,
            SpanId::from_hex(parts.next()?).ok()?,
            TraceFlags::new(u8::from_str_radix(parts.next()?, 16).ok()?),
            true,
            TraceState::default(),
        );
        Some(Context::new().with_remote_span_context(context))
    }

    /// Says in a request's span what was asked, and whose trace it belongs to.
    pub(super) fn describe(span: &Span, asked: &Asked<'_>) {
        if let Some(parent) = asked.trace.and_then(parent) {
            // It fails only where the span is not heard of, or has begun: then there is nothing to tell.
            let _ = span.set_parent(parent);
        }
        span.record("otel.name", format!("{} {}", asked.method, asked.served));
        span.record("otel.kind", "server");
        span.set_attribute("http.request.method", asked.method.to_owned());
        span.set_attribute("http.route", asked.served.to_owned());
    }

    /// Says in a request's span how it was answered.
    pub(super) fn answered(span: &Span, status: StatusCode, refused: Option<&'static str>) {
        span.set_attribute("http.response.status_code", i64::from(status.as_u16()));
        if let Some(refused) = refused {
            span.set_attribute("error.type", refused);
        }
        if status.is_server_error() {
            span.set_status(Status::error(""));
        }
    }
}
