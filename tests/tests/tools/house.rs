//! The house rules of the sources that no other tool checks.

use std::fs;
use std::path::{Path, PathBuf};

use product_tests::repository;

const LIMIT: usize = 300;

/// Files that may be longer, and why. `.ci/figures` has the same list.
const EXCEPTIONS: [(&str, &str); 0] = [];

#[test]
fn no_file_outside_tests_is_longer_than_300_lines() {
    let mut long = Vec::new();
    for folder in ["webhook-core/src", "webhook-core/catalog/src", "webhook-macros/src", "webhook-server/src"]
    {
        collect(&repository().join(folder), &mut long);
    }
    let long: Vec<_> =
        long.into_iter().filter(|path| !EXCEPTIONS.iter().any(|(name, _)| path.ends_with(name))).collect();
    assert!(long.is_empty(), "longer than {LIMIT} lines: {long:#?}");
}

/// Collects the long files below a folder, other than tests.
fn collect(folder: &Path, long: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("the folder can be read").path();
        let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        if ["tests", "conformance"].contains(&stem) {
            continue;
        }
        if path.is_dir() {
            collect(&path, long);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let lines = fs::read_to_string(&path).expect("a source is text").lines().count();
            if lines > LIMIT {
                long.push(path);
            }
        }
    }
}
