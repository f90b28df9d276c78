//! Building packages as their users do, with cargo, and saying where the programs are.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Ended, Process};

/// The programs that a build made, by name.
pub type Built = BTreeMap<String, PathBuf>;

/// How programs are compiled.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Profile {
    Debug,
    /// What registers handlers, and what collects them, is optimised. Everything else is shared with `Debug`: a whole
    /// release build takes minutes.
    Optimised,
}

/// The crates that `Profile::Optimised` optimises, and how much.
const OPTIMISED: [(&str, u8); 6] = [
    ("inventory", 1),
    ("webhook-core", 1),
    ("handlers-in-a-crate", 3),
    ("quickstart", 3),
    ("shop-handlers", 3),
    ("unlinked", 3),
];

/// The folder of the workspace that is tested.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the tests stand in a folder of it").to_owned()
}

/// A folder of this name for what a test installs or writes, below cargo's target folder. Kept between runs.
pub fn scratch(name: &str) -> PathBuf {
    let folder = target().join("tmp").join(name);
    fs::create_dir_all(&folder).expect("the target folder can be written to");
    folder
}

/// Cargo's target folder: this test's program is `…/debug/deps/status-0123456789abcdef` in it.
pub fn target() -> PathBuf {
    let this = std::env::current_exe().expect("the system knows this program");
    this.ancestors().nth(3).expect("cargo put it three folders deep").to_owned()
}

/// Builds packages of the workspace.
#[track_caller]
pub fn build_workspace(packages: &[&str], profile: Profile) -> Built {
    programs(build(&repository(), packages, profile).with_code(0))
}

/// Builds packages of `fixtures/`.
#[track_caller]
pub fn build_fixtures(packages: &[&str], profile: Profile) -> Built {
    programs(build(fixtures(), packages, profile).with_code(0))
}

/// Builds a package of `fixtures/` that must not compile, and returns what the compiler says.
#[track_caller]
pub fn fixture_errors(package: &str) -> String {
    build(fixtures(), &[package], Profile::Debug).with_code(101).stderr
}

/// Builds a package of `fixtures/`, and returns what the compiler says all the same.
#[track_caller]
pub fn fixture_warnings(package: &str) -> String {
    build(fixtures(), &[package], Profile::Debug).with_code(0).stderr
}

/// Builds a library of this source text, which depends on the server as a user's would, and returns what the compiler
/// says all the same.
#[track_caller]
pub fn build_generated(package: &str, source: &str) -> String {
    let folder = scratch(package);
    let server = repository().join("webhook-server");
    let manifest = format!(
        "[package]\nname = {package:?}\nedition = \"2024\"\n\n[workspace]\nresolver = \"3\"\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n\
         [dependencies]\nwebhook-server = {{ path = {server:?} }}\n"
    );
    let lock = fs::read_to_string(repository().join("Cargo.lock")).expect("it is part of the workspace");
    for (path, text) in [("Cargo.toml", &*manifest), ("Cargo.lock", &lock), ("src/lib.rs", source)] {
        write_if_new(&folder.join(path), text);
    }
    build(&folder, &[package], Profile::Debug).with_code(0).stderr
}

/// Both workspaces are built into the one target folder, so that what they depend on is built once.
#[track_caller]
fn build(workspace: &Path, packages: &[&str], profile: Profile) -> Ended {
    let mut command = Command::new(env!("CARGO"));
    // What is built is locked and was downloaded for the tests themselves.
    command.args(["build", "--offline", "--message-format", "json-render-diagnostics", "--target-dir"]);
    match profile {
        Profile::Debug => _ = command.arg(target()),
        Profile::Optimised => {
            // Only the programs are in a folder of their own.
            command.arg(target().join("optimised")).env("CARGO_BUILD_BUILD_DIR", target());
            for (package, level) in OPTIMISED {
                command.arg(format!("--config=profile.dev.package.{package}.opt-level={level}"));
            }
        }
    }
    command.current_dir(workspace).env("CARGO_TERM_COLOR", "never");
    command.args(packages.iter().flat_map(|package| ["--package", package]));
    // Other builds may have to end before.
    Process::start(&mut command).patiently(Duration::from_secs(60 * 60)).wait()
}

fn programs(build: Ended) -> Built {
    let messages = build.stdout.lines().map(|line| serde_json::from_str(line).expect("cargo writes JSON"));
    let program = |message: Value| {
        let path = message["executable"].as_str()?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
    };
    messages.filter_map(program).collect()
}

/// A copy of `fixtures/` in the target folder: cargo writes a lock file beside a workspace, and builds there are no
/// part of the sources. The lock file is ours, so that the fixtures depend on nothing else than the product.
fn fixtures() -> &'static Path {
    static COPY: OnceLock<PathBuf> = OnceLock::new();
    COPY.get_or_init(|| {
        let copy = scratch("fixtures");
        copy_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &copy);
        let read =
            |path: &str| fs::read_to_string(repository().join(path)).expect("it is part of the workspace");
        write_if_new(&copy.join("Cargo.lock"), &read("Cargo.lock"));
        let quickstart = read("examples/quickstart/src/main.rs");
        let misspelt = quickstart.replace("payment_intent.succeeded", "payment_intent.succeded");
        assert_ne!(quickstart, misspelt, "the quickstart no longer names the type that is misspelt here");
        write_if_new(&copy.join("misspelt/src/main.rs"), &misspelt);
        copy
    })
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the fixtures are there") {
        let entry = entry.expect("the folder can be read");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            let text = fs::read_to_string(&from).expect("a fixture is text");
            // The manifests name the product's crates by where they are from the fixtures' place.
            write_if_new(&to, &text.replace("\"../../../", &format!("\"{}/", repository().display())));
        }
    }
}

/// Leaves a file alone that has this text already: cargo builds again what is younger than its program.
fn write_if_new(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|there| there == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("it is in a folder"))
        .expect("the target folder can be written to");
    fs::write(path, text).expect("the target folder can be written to");
}
