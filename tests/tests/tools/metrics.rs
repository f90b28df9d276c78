//! Prometheus' own parser reads the page of metrics.

use std::collections::BTreeMap;
use std::process::Command;

use product_tests::{Process, python_with, repository};
use serde_json::Value;

/// What Prometheus' parser finds on a page.
pub(crate) fn read(page: &str) -> BTreeMap<String, Value> {
    let sources = repository().join("tests/sdk");
    let mut reader = Command::new(python_with(&sources.join("prometheus.txt")));
    let mut reading = Process::start(reader.arg(sources.join("read_metrics.py")));
    page.lines().for_each(|line| reading.tell(line));
    reading.close_stdin();
    serde_json::from_str(&reading.wait().with_code(0).stdout).expect("the parser's findings are JSON")
}

/// A test of the server compares this page with what it writes.
#[test]
fn prometheus_reads_the_page() {
    let page = repository().join("webhook-server/src/report/metrics/tests/page.txt");
    let page = std::fs::read_to_string(page).expect("it can be read");
    let found = read(&page);
    let declared = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect::<Vec<_>>();
    assert!(declared.len() > 20, "{declared:?}");
    for line in declared {
        let (name, kind) = line.split_once(' ').expect("it has a name and a type");
        // The parser leaves out the ending that every counter has.
        let family = found.get(name.strip_suffix("_total").unwrap_or(name));
        let family = family.unwrap_or_else(|| panic!("the parser has not found {name}: {found:#?}"));
        assert_eq!(family["type"], kind, "{name}");
        assert_ne!(family["help"], "", "{name}");
    }
    // Nothing is lost or made up.
    let lines = page.lines().filter(|line| !line.starts_with('#')).count();
    let samples = |family: &Value| family["samples"].as_array().expect("they are a list").clone();
    assert_eq!(found.values().map(|family| samples(family).len()).sum::<usize>(), lines);
    let verified = &samples(&found["stripe_webhook_verified_deliveries"])[0];
    assert_eq!(verified[1]["secret"], "2025 \"new\"\\", "a label's value is read as it was");
    let runs = samples(&found["stripe_webhook_run_duration_seconds"]);
    let infinite = runs.iter().find(|sample| sample[1]["le"] == "+Inf");
    assert_eq!(infinite.map(|sample| sample[2].as_f64()), Some(Some(2.0)));
}
