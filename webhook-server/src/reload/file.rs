//! Reading a small text file that holds something secret.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use zeroize::Zeroizing;

/// The maximum size of a file, in bytes: more than any secrets or certificates need.
const LONGEST: u64 = 64 * 1024;

/// The text of a file, or why it cannot be read.
pub(crate) type Content = Result<Zeroizing<String>, String>;

/// Reads a file without its last line break, which an editor or a secret store adds.
///
/// # Errors
///
/// Says why it cannot be read.
pub(crate) fn read(file: &Path) -> Content {
    let mut bytes = Zeroizing::new(Vec::new());
    let opened = File::open(file).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes));
    opened.map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err("it is too large for a file of secrets".to_owned());
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| {
        "it is not UTF-8 (`>` in Windows PowerShell writes UTF-16: use `Set-Content -Encoding ascii`)"
            .to_owned()
    })?;
    let lines = Zeroizing::new(text.replace("\r\n", "\n"));
    Ok(Zeroizing::new(lines.strip_suffix('\n').unwrap_or(&lines).to_owned()))
}

/// Whether every user of this machine can read a file.
#[cfg(unix)]
pub(crate) fn is_readable_by_others(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;

    std::fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0)
}

#[cfg(not(unix))]
pub(crate) fn is_readable_by_others(_: &Path) -> bool {
    false
}
