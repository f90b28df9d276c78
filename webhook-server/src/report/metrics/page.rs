//! The page that Prometheus reads: its text format, version 0.0.4.
//!
//! The format is described at <https://prometheus.io/docs/instrumenting/exposition_formats/>.

use std::fmt::{Display, Write};

use super::histogram::Histogram;
use super::series::{Counter, Family};
use super::table::Metric;

/// The media type of a page.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A page that is being written.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Writes a counter with all its series.
    pub(super) fn counter<const N: usize>(&mut self, family: &Family<Counter, N>) {
        self.begin(family.of);
        family.each(|values, counter| self.sample(family.of, "", values, None, counter.count()));
    }

    /// Writes a histogram with all its series.
    pub(super) fn histogram<const N: usize>(&mut self, family: &Family<Histogram, N>) {
        let of = family.of;
        self.begin(of);
        family.each(|values, histogram| {
            let now = histogram.snapshot();
            for (bound, count) in now.cumulative() {
                self.sample(of, "_bucket", values, Some(bound), count);
            }
            self.sample(of, "_sum", values, None, now.sum);
            self.sample(of, "_count", values, None, now.count());
        });
    }

    /// Writes a gauge with these series.
    pub(super) fn gauge<const N: usize, V: AsRef<str>>(
        &mut self,
        of: &Metric<N>,
        series: impl IntoIterator<Item = ([V; N], f64)>,
    ) {
        self.begin(of);
        for (values, value) in series {
            self.sample(of, "", &values, None, value);
        }
    }

    pub(super) fn text(self) -> String {
        self.0
    }

    /// Writes what a metric means.
    fn begin<const N: usize>(&mut self, of: &Metric<N>) {
        self.0.push_str("# HELP ");
        self.0.push_str(of.name);
        self.0.push(' ');
        escape(&mut self.0, of.help, false);
        self.line(format_args!("\n# TYPE {} {}", of.name, of.kind.name()));
    }

    /// Writes one line: a number, and what it is of. `bound` is that of a histogram's bucket.
    fn sample<const N: usize>(
        &mut self,
        of: &Metric<N>,
        suffix: &str,
        values: &[impl AsRef<str>; N],
        bound: Option<f64>,
        number: impl Display,
    ) {
        self.0.push_str(of.name);
        self.0.push_str(suffix);
        let bound = bound.map(|bound| if bound.is_finite() { bound.to_string() } else { "+Inf".to_owned() });
        let labels = of.labels.iter().copied().zip(values.iter().map(AsRef::as_ref));
        let mut before = '{';
        for (label, value) in labels.chain(bound.as_deref().map(|bound| ("le", bound))) {
            self.0.push(before);
            self.0.push_str(label);
            self.0.push_str("=\"");
            escape(&mut self.0, value, true);
            self.0.push('"');
            before = ',';
        }
        if before == ',' {
            self.0.push('}');
        }
        self.line(format_args!(" {number}"));
    }

    fn line(&mut self, end: std::fmt::Arguments<'_>) {
        // A text takes everything.
        let _ = writeln!(self.0, "{end}");
    }
}

/// Adds a text as the format wants it. Other control characters, which some readers take for the end of a line, become
/// replacement characters.
fn escape(page: &mut String, text: &str, is_value: bool) {
    for char in text.chars() {
        match char {
            '\\' => page.push_str("\\\\"),
            '\n' => page.push_str("\\n"),
            '"' if is_value => page.push_str("\\\""),
            '\u{2028}' | '\u{2029}' => page.push('\u{fffd}'),
            control if control.is_control() => page.push('\u{fffd}'),
            other => page.push(other),
        }
    }
}
