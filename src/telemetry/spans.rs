//! Spans of the work, and how a trace goes from record to record: as the header
//! `traceparent` of W3C Trace Context.
//!
//! Guarantee: work on records goes on in the trace of the first that names one, and is
//! linked to the others'. Where no spans are made, the trace of the record is handed on
//! as it came.

use opentelemetry::Context;
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator as _};
use opentelemetry::trace::{SpanContext, SpanId, TraceContextExt as _, TraceId};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::{Span, field};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Headers of a record.
pub type Headers = [(String, Vec<u8>)];

/// The span of a job on records with these headers. The attributes that are left empty
/// are OpenTelemetry's for messages.
pub fn job<'r>(name: &'static str, records: impl IntoIterator<Item = &'r Headers>) -> Span {
    let span = tracing::info_span!(
        "job",
        "otel.name" = name,
        "otel.kind" = "consumer",
        "messaging.system" = "kafka",
        "messaging.operation.type" = "process",
        "messaging.destination.name" = field::Empty,
        "messaging.kafka.message.key" = field::Empty,
        "messaging.batch.message_count" = field::Empty,
    );
    let mut contexts = records.into_iter().filter_map(context);
    if let Some(first) = contexts.next() {
        // Fails where there is no such layer, in tests and simulation: then nothing traces.
        span.set_parent(Context::new().with_remote_span_context(first)).ok();
    }
    contexts.for_each(|other| span.add_link(other));
    span
}

/// The span of a stage of the current job.
pub fn stage(name: &'static str) -> Span {
    tracing::info_span!("stage", "otel.name" = name)
}

/// What a record is to carry besides `headers`, so that the work on it goes on in the
/// current trace; nothing outside of a trace, or if `headers` name one.
pub fn onward(headers: &Headers) -> Vec<(String, Vec<u8>)> {
    let mut carried = Carried(Vec::new());
    if Read(headers).get(TRACEPARENT).is_none() {
        Context::map_current(|context| propagator().inject_context(context, &mut carried));
    }
    carried.0
}

/// Trace and span that the calling code runs in.
pub(super) fn current() -> Option<(TraceId, SpanId)> {
    Context::map_current(|context| {
        let span = context.span();
        let span = span.span_context();
        span.is_valid().then(|| (span.trace_id(), span.span_id()))
    })
}

const TRACEPARENT: &str = "traceparent";

fn propagator() -> TraceContextPropagator {
    TraceContextPropagator::new()
}

/// The span that sent a record.
fn context(headers: &Headers) -> Option<SpanContext> {
    let context = propagator().extract_with_context(&Context::new(), &Read(headers));
    Some(context.span().span_context().clone()).filter(SpanContext::is_valid)
}

struct Read<'r>(&'r Headers);

impl Extractor for Read<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        let (_, value) = self.0.iter().find(|(name, _)| name == key)?;
        std::str::from_utf8(value).ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }
}

struct Carried(Vec<(String, Vec<u8>)>);

impl Injector for Carried {
    fn set(&mut self, key: &str, value: String) {
        // An empty `tracestate` says nothing.
        if !value.is_empty() {
            self.0.push((key.to_owned(), value.into_bytes()));
        }
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::prelude::*;

    use super::*;

    fn parent(value: &str) -> Vec<(String, Vec<u8>)> {
        vec![(TRACEPARENT.to_owned(), value.as_bytes().to_vec())]
    }

    const FIRST: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    /// What a record produced by a job on these would carry.
    fn handed_on(records: &[Vec<(String, Vec<u8>)>], own: &Headers) -> Vec<(String, Vec<u8>)> {
        let subscriber = tracing_subscriber::registry().with(tracing_opentelemetry::layer());
        tracing::subscriber::with_default(subscriber, || {
            job("job", records.iter().map(Vec::as_slice))
                .in_scope(|| stage("announce").in_scope(|| onward(own)))
        })
    }

    #[test]
    fn the_first_trace_is_handed_on_as_it_came() {
        assert_eq!(handed_on(&[Vec::new(), parent(FIRST), parent(OTHER)], &[]), parent(FIRST));
        let with_state = [parent(FIRST), vec![("tracestate".to_owned(), b"shop=1".to_vec())]].concat();
        assert_eq!(handed_on(std::slice::from_ref(&with_state), &[]), with_state);
    }

    #[test]
    fn what_is_no_trace_is_not_taken_for_one() {
        for odd in
            ["", "00-zz-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01"]
        {
            assert_eq!(handed_on(&[parent(odd)], &[]), [], "{odd}");
        }
        assert_eq!(handed_on(&[vec![(TRACEPARENT.to_owned(), vec![0xff])]], &[]), []);
        assert_eq!(handed_on(&[Vec::new()], &[]), []);
        assert_eq!(onward(&[]), [], "nothing traces here");
    }

    #[test]
    fn a_record_that_names_its_trace_keeps_it() {
        assert_eq!(handed_on(&[parent(FIRST)], &parent(OTHER)), []);
    }
}
