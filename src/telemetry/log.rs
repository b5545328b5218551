//! Lines of the log, each with the trace it belongs to.
//!
//! Guarantee: a line that is written within a trace has `trace_id` and `span_id`, in
//! JSON as fields of the line itself, so that it can be found from the trace.

use std::fmt;

use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{self as lines, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::registry::LookupSpan;

use super::spans;
use crate::config::LogFormat;

/// Writes events in a format to a writer.
pub(super) fn layer<S, W>(format: LogFormat, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let log = lines::layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Text => log.map_event_format(|inner| WithTrace { inner, format }).boxed(),
        LogFormat::Json => {
            let log = log.json().flatten_event(true).with_span_list(false).with_current_span(false);
            log.map_event_format(|inner| WithTrace { inner, format }).boxed()
        }
    }
}

/// A format whose lines also name the current trace.
struct WithTrace<F> {
    inner: F,
    format: LogFormat,
}

impl<S, N, F> FormatEvent<S, N> for WithTrace<F>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some((trace, span)) = spans::current() else {
            return self.inner.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.inner.format_event(context, Writer::new(&mut line), event)?;
        match self.format {
            LogFormat::Text => writeln!(writer, "{} trace_id={trace} span_id={span}", line.trim_end()),
            LogFormat::Json => {
                let rest = line.strip_prefix('{').ok_or(fmt::Error)?;
                write!(writer, "{{\"trace_id\":\"{trace}\",\"span_id\":\"{span}\",{rest}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::prelude::*;

    use super::*;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Two lines: one of a job on a record of a trace, one of no trace at all.
    fn logged(format: LogFormat) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let log = layer(format, move || writer.clone());
        let traces = tracing_opentelemetry::layer().boxed();
        let subscriber = tracing_subscriber::registry().with(vec![traces, log]);
        tracing::subscriber::with_default(subscriber, || {
            let headers = [("traceparent".to_owned(), format!("00-{TRACE}-{SPAN}-01").into_bytes())];
            let job = spans::job("embed_job", [headers.as_slice()]);
            job.in_scope(|| {
                spans::stage("fetch").in_scope(|| tracing::warn!(attempt = 2, "trying \"again\""));
            });
            tracing::warn!("of no trace");
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_line_names_the_trace_of_its_record_also_without_export() {
        let lines = logged(LogFormat::Json);
        let line: Value = serde_json::from_str(&lines[0]).unwrap();
        assert_eq!((&line["trace_id"], &line["span_id"]), (&Value::from(TRACE), &Value::from(SPAN)));
        assert_eq!((&line["message"], &line["attempt"]), (&"trying \"again\"".into(), &2.into()));
        assert_eq!(line["level"], "WARN");
        let line: Value = serde_json::from_str(&lines[1]).unwrap();
        assert_eq!((line.get("trace_id"), &line["message"]), (None, &"of no trace".into()));

        let lines = logged(LogFormat::Text);
        assert!(lines[0].ends_with(&format!("trace_id={TRACE} span_id={SPAN}")), "{lines:?}");
        assert!(!lines[1].contains("trace_id"), "{lines:?}");
    }
}
