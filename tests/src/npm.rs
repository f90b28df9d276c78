//! Scripts for Node.js, with packages of npm.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use crate::{run, scratch, tool};

/// A command that runs Node.js in a folder with the files of `sources` and the packages from its lock file. `name` is the
/// folder's.
pub fn node_with(sources: &Path, name: &'static str) -> Command {
    static INSTALLED: Mutex<BTreeSet<&str>> = Mutex::new(BTreeSet::new());
    let folder = scratch(name);
    // Held until the packages are there. A test that failed meanwhile has not noted them.
    let mut installed = INSTALLED.lock().unwrap_or_else(PoisonError::into_inner);
    if !installed.contains(name) {
        let files = fs::read_dir(sources).expect("the scripts are there").flatten();
        // A person may have installed the packages beside them.
        for file in files.filter(|file| file.path().is_file()) {
            fs::copy(file.path(), folder.join(file.file_name()))
                .expect("the target folder can be written to");
        }
        let mut npm = tool("npm", "Node.js 20 or newer with npm");
        let quiet = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(npm.arg("ci").args(quiet).current_dir(&folder)).with_code(0);
        installed.insert(name);
    }
    let mut node = tool("node", "Node.js 20 or newer");
    node.current_dir(folder);
    node
}
