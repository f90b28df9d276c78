//! Where Stripe's API has an object, which `paths.txt` lists.

use std::fmt::Write as _;

/// Where Stripe's API has the objects of one type: a path, or one of several, with the names of the object's fields in the
/// place of ids, such as `/v1/transfers/{transfer}/reversals/{id}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadPath {
    /// Separated by spaces.
    paths: &'static str,
}

/// Returns where Stripe's API has the objects of a type. `None` if the newest API version has no call that reads one, and for
/// objects of version 2 of the API: thin events say where their object is.
pub fn read_path(object: &str) -> Option<ReadPath> {
    let lines = include_str!("paths.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once(' '))
        .find_map(|(name, paths)| (name == object).then_some(ReadPath { paths }))
}

impl ReadPath {
    /// Returns the fields of the object that hold the ids: none if there is only one such object. Where there are several
    /// paths, not all of the fields are needed.
    pub fn fields(&self) -> Vec<&'static str> {
        let mut fields = Vec::new();
        for field in self.paths.split(' ').flat_map(|path| path.split(['{', '}']).skip(1).step_by(2)) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
        fields
    }

    /// Returns the path, relative to Stripe's host, with the ids that `value` gives for fields. Each stays one segment of the
    /// path, whatever characters it has.
    ///
    /// `None` if an id is missing that every path needs. An empty id, `.` and `..` cannot be in a path, and count as missing.
    pub fn with<V: AsRef<str>>(&self, value: impl Fn(&str) -> Option<V>) -> Option<String> {
        self.paths.split(' ').find_map(|path| {
            let mut filled = String::with_capacity(path.len());
            let mut parts = path.split(['{', '}']);
            while let Some(text) = parts.next() {
                filled.push_str(text);
                if let Some(field) = parts.next() {
                    push_segment(&mut filled, value(field)?.as_ref())?;
                }
            }
            Some(filled)
        })
    }
}

/// Appends an id, in which only the characters that RFC 3986 does not reserve are left as they are.
fn push_segment(path: &mut String, id: &str) -> Option<()> {
    if matches!(id, "" | "." | "..") {
        return None;
    }
    for byte in id.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(byte.into()),
            _ => write!(path, "%{byte:02X}").ok()?,
        }
    }
    Some(())
}
