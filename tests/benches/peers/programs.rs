//! Building the measured programs, which are a workspace of their own: `programs/`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use product_tests::{repository, target};
use serde_json::Value;

/// The programs, by name.
pub(crate) struct Programs(BTreeMap<String, PathBuf>);

impl Programs {
    /// Builds them as releases, into a folder of their own: their names are not the product's.
    pub(crate) fn build(names: &BTreeSet<&str>) -> Self {
        println!("building the peers");
        let mut command = Command::new(env!("CARGO"));
        command.args(["build", "--release", "--message-format", "json-render-diagnostics", "--target-dir"]);
        command.arg(target().join("peers/build")).current_dir(folder()).stderr(Stdio::inherit());
        // Always as parts of the whole workspace: else they would share fewer features, and be compiled again.
        command.arg("--workspace").args(names.iter().flat_map(|name| ["--bin", name]));
        let output = command.output().expect("cargo runs");
        assert!(output.status.success(), "the peers do not compile");
        let text = String::from_utf8(output.stdout).expect("cargo writes text");
        let program = |line: &str| {
            let message: Value = serde_json::from_str(line).expect("cargo writes JSON");
            let path = message["executable"].as_str()?;
            Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
        };
        Self(text.lines().filter_map(program).collect())
    }

    /// Takes those that are in a folder.
    pub(crate) fn in_folder(folder: &Path, names: &BTreeSet<&str>) -> Self {
        Self(names.iter().map(|name| ((*name).to_owned(), folder.join(name))).collect())
    }

    pub(crate) fn path(&self, name: &str) -> &Path {
        self.0.get(name).unwrap_or_else(|| panic!("there is no program {name}"))
    }
}

/// The versions of what the peers are made of, from their lock file.
pub(crate) fn versions(crates: &[&str]) -> String {
    let lock = std::fs::read_to_string(folder().join("Cargo.lock")).expect("it is part of the repository");
    let version = |name: &&str| {
        let block =
            lock.split("[[package]]").find(|block| block.contains(&format!("\nname = \"{name}\"\n")))?;
        let version = block.split("version = \"").nth(1)?.split('"').next()?;
        Some(format!("{name} {version}"))
    };
    crates.iter().filter_map(version).collect::<Vec<_>>().join(", ")
}

fn folder() -> PathBuf {
    repository().join("tests/benches/peers/programs")
}
