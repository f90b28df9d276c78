//! Reading a small text file that holds something secret.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::ops::Deref;
use std::path::Path;

use zeroize::Zeroizing;

/// The maximum size of a file, in bytes: more than any secrets or certificates need.
const LONGEST: u64 = 64 * 1024;

/// The text of a file, or why it cannot be read.
pub(crate) type Content = Result<Text, String>;

/// The text of a file, and what was seen when it was read.
pub(crate) struct Text {
    pub(crate) text: Zeroizing<String>,
    /// Whether every user of this machine can read the file.
    pub(crate) is_readable_by_others: bool,
}

impl Text {
    #[cfg(test)]
    pub(crate) fn of_a_test(text: &str) -> Self {
        Self { text: Zeroizing::new(text.to_owned()), is_readable_by_others: false }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.text
    }
}

/// Reads a file without its last line break, which an editor or a secret store adds.
///
/// # Errors
///
/// Says why it cannot be read.
pub(crate) fn read(file: &Path) -> Content {
    text_of(File::open(file))
}

/// Reads a file as [`read`] does, and never waits for another program. `None` if it can be read only once, such as a pipe.
pub(super) fn read_again(file: &Path) -> Option<Content> {
    // A directory in place of a file is an error, which reading it tells.
    let is_read_once = |found: Metadata| !found.is_file() && !found.is_dir();
    // Opening a pipe would disturb who is to write it.
    if file.metadata().is_ok_and(is_read_once) {
        return None;
    }
    let opened = open_at_once(file);
    // It may have been replaced meanwhile.
    let is_read_once = opened.as_ref().is_ok_and(|opened| opened.metadata().is_ok_and(is_read_once));
    (!is_read_once).then(|| text_of(opened))
}

/// Opens a file. Of a pipe, it does not wait for the other end.
fn open_at_once(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        #[expect(clippy::cast_possible_wrap, reason = "the flags of `open` are small")]
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    options.open(file)
}

fn text_of(opened: io::Result<File>) -> Content {
    let mut bytes = Zeroizing::new(Vec::new());
    let read = opened.and_then(|file| {
        let is_readable_by_others = is_readable_by_others(&file.metadata()?);
        file.take(LONGEST + 1).read_to_end(&mut bytes)?;
        Ok(is_readable_by_others)
    });
    let is_readable_by_others = read.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is too large for a file of secrets".to_owned());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        "it is not UTF-8 (`>` in Windows PowerShell writes UTF-16: use `Set-Content -Encoding ascii`)"
            .to_owned()
    })?;
    let lines = Zeroizing::new(text.replace("\r\n", "\n"));
    let text = Zeroizing::new(lines.strip_suffix('\n').unwrap_or(&lines).to_owned());
    Ok(Text { text, is_readable_by_others })
}

#[cfg(unix)]
fn is_readable_by_others(found: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;

    found.permissions().mode() & 0o004 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &Metadata) -> bool {
    false
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// One may take a file's place between a look at it and its opening. A reload that waits for it is the last one.
    #[test]
    fn a_pipe_is_opened_without_a_wait_and_not_read() {
        let folder = tempfile::tempdir().expect("there is room");
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("the system has it");
        assert!(made.success());
        open_at_once(&pipe).expect("it can be read");
        assert!(read_again(&pipe).is_none());
    }
}
