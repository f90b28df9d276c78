//! The crate's promise: no runtime, no clock and no I/O, so that a library of handlers has few dependencies. `clippy.toml`
//! checks what the crate itself calls; this checks what it depends on.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// What the crate depends on in a normal build, as the cargo that built this test resolves it.
fn dependencies() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--offline", "--package", "webhook-core", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{p}", "--manifest-path"])
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
