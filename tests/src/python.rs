//! Packages of PyPI.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{run, scratch, tool};

/// Installs the packages that a file of requirements names, with their hashes, into a virtual environment, and returns the
/// interpreter there.
pub fn python_with(requirements: &Path) -> PathBuf {
    let name = requirements.file_stem().expect("it is a file").to_string_lossy();
    let folder = scratch(&format!("pypi-{name}"));
    let mut python = tool("python3", "Python 3.9 or newer");
    let made = run(python.args(["-m", "venv"]).arg(&folder));
    assert_eq!(
        made.code,
        Some(0),
        "this test needs Python's venv module (on Debian: python3-venv): {made:#?}"
    );
    let interpreter = folder.join("bin/python");
    let mut pip = Command::new(&interpreter);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", "--require-hashes", "--requirement"]).arg(requirements);
    run(&mut pip).with_code(0);
    interpreter
}
