//! A clock that is wrong.

use std::ffi::OsString;
use std::path::PathBuf;

/// The environment of a program whose clock is wrong by this much, such as `+1h`. Its monotonic clock is right, and it sees
/// the right times of files.
///
/// # Panics
///
/// Panics if `libfaketime` is not installed.
#[must_use]
pub fn wrong_clock(offset: &str) -> Vec<(&'static str, OsString)> {
    vec![
        ("LD_PRELOAD", library().into()),
        ("FAKETIME", offset.into()),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1".into()),
        ("NO_FAKE_STAT", "1".into()),
    ]
}

/// Where Debian keeps it, for any processor.
fn library() -> PathBuf {
    let architectures = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let places = architectures.map(|entry| entry.path().join("faketime/libfaketimeMT.so.1"));
    let found = places.into_iter().find(|library| library.exists());
    found.expect("this test needs `libfaketime`: install it (Debian: `apt-get install faketime`)")
}
