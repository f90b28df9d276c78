//! A bar chart as SVG, readable on light and on dark ground.

use std::fmt::Write;

use crate::statistics::Spread;

const LABELS: f64 = 360.;
const BARS: f64 = 440.;
const LINE: f64 = 26.;
const TOP: f64 = 48.;

/// A bar of the chart.
#[derive(Debug)]
pub(crate) struct Bar {
    pub(crate) label: String,
    pub(crate) value: Spread,
    /// Whether it is the product's.
    pub(crate) is_ours: bool,
}

/// Draws horizontal bars: the median, and a thin line from the smallest to the largest value.
pub(crate) fn chart(title: &str, bars: &[Bar]) -> String {
    let most = bars.iter().map(|bar| bar.value.max).fold(f64::MIN_POSITIVE, f64::max);
    let (width, height) = (LABELS + BARS + 90., TOP + LINE * bars.len() as f64 + 12.);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>{title}</title>\n\
         <style>text {{ fill: #24292f }} .spread {{ stroke: #24292f }} .peer {{ fill: #8c959f }} .ours {{ fill: #0969da }}\n\
         @media (prefers-color-scheme: dark) {{ text {{ fill: #e6edf3 }} .spread {{ stroke: #e6edf3 }} .peer {{ fill: #6e7681 }} .ours {{ fill: #4493f8 }} }}</style>\n\
         <text x=\"12\" y=\"26\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    for (number, bar) in bars.iter().enumerate() {
        let y = TOP + LINE * number as f64;
        let x = |value: f64| LABELS + BARS * value / most;
        let Spread { median, min, max } = bar.value;
        writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <rect class=\"{}\" x=\"{LABELS:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\"/>\
             <path class=\"spread\" d=\"M{:.1} {:.1}H{:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\">{median:.2}</text>",
            LABELS - 8.,
            y + 13.,
            escaped(&bar.label),
            if bar.is_ours { "ours" } else { "peer" },
            y,
            x(median) - LABELS,
            x(min),
            y + 8.,
            x(max),
            x(max) + 8.,
            y + 13.,
        )
        .expect("a text takes anything");
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('`', "")
}
