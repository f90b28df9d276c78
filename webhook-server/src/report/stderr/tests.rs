//! A line is what the subscriber's own format makes of it.

use std::error::Error;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing::{debug, error, info, info_span, warn};

use super::*;

/// What was written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it failed")]
struct Failed(#[source] fmt::Error);

fn log() {
    let (text, nothing): (&str, Option<&str>) = ("payment_intent.succeeded", None);
    info!(
        event_id = "evt_1",
        event_type = text,
        livemode = true,
        account = nothing,
        took_us = 7_u64,
        "event delivered"
    );
    info!(cause = "it \"failed\"\n\u{1b}[31m", back = "\\", "a value that needs escaping");
    info!(wide = "ü", display = %text, debug = ?Some(1), negative = -1, float = 1.5, r#type = "x");
    warn!(count = usize::MAX, "warned about {text} and \u{1b}");
    error!("\"quoted\"");
    error!(error = &fmt::Error as &dyn Error, "without a cause");
    error!(error = &Failed(fmt::Error) as &dyn Error, "with a cause");
    debug!(text);
    info_span!("handler", handler = "a").in_scope(|| info!(text, "in a span"));
}

/// The lines without their times.
fn lines(written: &Written) -> Vec<String> {
    let written = String::from_utf8(written.0.lock().expect("no panic").clone()).expect("it is text");
    let without_time = |line: &str| {
        let (time, rest) = line.split_once(' ').expect("there is a time");
        let digits: String =
            time.chars().map(|char| if char.is_ascii_digit() { '0' } else { char }).collect();
        format!("{digits} {rest}")
    };
    written.lines().map(without_time).collect()
}

#[test]
fn a_line_is_that_of_the_subscribers_own_format() {
    for ansi in [false, true] {
        let [ours, theirs] = [(); 2].map(|()| Written::default());
        let layer = || tracing_subscriber::fmt::layer().with_ansi(ansi).with_target(false);
        let writer = ours.clone();
        let lines_of_ours =
            layer().with_writer(move || writer.clone()).with_timer(Time).fmt_fields(Fields::default());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines_of_ours), log);
        let writer = theirs.clone();
        let lines_of_theirs = layer().with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines_of_theirs), log);
        assert_eq!(lines(&ours), lines(&theirs));
        assert_eq!(lines(&ours).len(), 9);
    }
}
