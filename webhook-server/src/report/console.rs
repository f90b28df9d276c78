//! The console: standard output for answers, standard error for the reason of a failure.
//!
//! The commands write through these functions only, so that colours and a closed pipe are handled in one place.

use std::io::{self, Write};

use terminal_size::{Height, Width, terminal_size_of};

use super::fold::folded;

/// Writes to standard output, in colour if it is a terminal.
///
/// Ends the process if the reader has gone, as in `events | head`.
pub(crate) fn print(text: &str) {
    write(anstream::stdout().lock(), text.as_bytes());
}

/// Writes to standard output byte for byte, where [`print()`] may remove escape sequences.
///
/// Ends the process if the reader has gone, as in `inbox export | head`.
pub(crate) fn print_unchanged(text: impl AsRef<[u8]>) {
    write(io::stdout().lock(), text.as_ref());
}

/// Whether standard output can still be read by anyone: it can be closed while there is nothing to write.
pub(crate) fn has_reader() -> bool {
    #[cfg(unix)]
    {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};

        let out = io::stdout();
        let mut polled = [PollFd::new(&out, PollFlags::empty())];
        let gone = PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL;
        poll(&mut polled, Some(&Timespec::default())).is_err() || !polled[0].revents().intersects(gone)
    }
    #[cfg(not(unix))]
    true
}

/// Writes a note to standard error.
pub(crate) fn tell(note: &str) {
    // If standard error is closed, the note is lost.
    let _ = anstream::stderr().write_all(note.as_bytes());
}

fn write(mut out: impl Write, text: &[u8]) {
    if let Err(error) = out.write_all(text).and_then(|()| out.flush()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        complain(&format!("cannot write to standard output: {error}"));
        std::process::exit(1);
    }
}

/// The width of standard output in columns, if it is a terminal.
pub(crate) fn width() -> Option<usize> {
    columns(terminal_size_of(io::stdout()))
}

fn columns(size: Option<(Width, Height)>) -> Option<usize> {
    size.map(|(width, _)| usize::from(width.0)).filter(|width| *width > 0)
}

/// Writes the reason why the program ends to standard error, in lines that fit the terminal.
pub(crate) fn complain(reason: &dyn std::fmt::Display) {
    let text = complaint(reason, columns(terminal_size_of(io::stderr())));
    // With standard error closed, there is nowhere left to report this.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// A reason behind a red `error:`, in lines that fit a terminal.
fn complaint(reason: &dyn std::fmt::Display, terminal: Option<usize>) -> String {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    let text = folded(&format!("{ERROR} {reason}"), terminal);
    // Behind `error:` is a space, or the end of the line if the first word is too wide.
    let reason = text.strip_prefix(ERROR).unwrap_or(&text).trim_end();
    format!("{red}{ERROR}{red:#}{reason}")
}

/// Begins the last words of a program that fails.
const ERROR: &str = "error:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_complaint_says_error_once() {
        for (reason, width, expected) in [
            ("it is full", None, "error: it is full"),
            ("it is full\n", Some(80), "error: it is full"),
            ("it is full", Some(12), "error: it is\n  full"),
            ("/a/file/that/is/wide is full", Some(10), "error:\n  /a/file/that/is/wide\n  is full"),
        ] {
            let complaint = complaint(&reason, width);
            assert_eq!(anstream::adapter::strip_str(&complaint).to_string(), expected);
        }
    }
}
