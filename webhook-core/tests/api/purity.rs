//! The promise of the crate: no runtime, no clock and no I/O, so that a library of handlers drags nothing in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the crate depends on in a normal build, as the cargo that built this test resolves it.
fn dependencies() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "webhook-core", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--target", "all", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
    let tree = String::from_utf8(output.stdout).unwrap();
    tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn the_crate_depends_on_no_runtime_network_clock_or_randomness() {
    let all = dependencies();
    for expected in ["webhook-core", "webhook-catalog", "webhook-macros", "hmac", "serde_json", "inventory"] {
        assert!(all.contains(expected), "the tree is read wrongly: no {expected} in {all:?}");
    }
    let banned = [
        "anyhow",
        "async-std",
        "axum",
        "chrono",
        "clap",
        "getrandom",
        "h2",
        "http",
        "http-body",
        "hyper",
        "hyper-util",
        "jiff",
        "log",
        "mio",
        "native-tls",
        "openssl",
        "parking_lot",
        "proptest",
        "rand",
        "regex",
        "reqwest",
        "ring",
        "rusqlite",
        "rustls",
        "signal-hook",
        "smol",
        "socket2",
        "sqlx",
        "time",
        "tokio",
        "tower",
        "tracing",
        "trybuild",
        "uuid",
        "webhook-server",
    ];
    let found: Vec<_> = banned.into_iter().filter(|name| all.contains(*name)).collect();
    assert!(found.is_empty(), "webhook-core depends on {found:?}");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn the_source_asks_the_system_for_nothing() {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
    assert!(found.len() >= 15, "the source is read wrongly: {found:?}");
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for asked in
                ["::now(", "::env", "::fs", "::net", "::process", "::thread", "::io", "println!", "elapsed("]
            {
                assert!(!line.contains(asked), "{}:{}: {}", path.display(), at + 1, line.trim());
            }
        }
    }
}
