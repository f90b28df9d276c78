//! The terminal: what is printed, and how the program was called.

use std::io::{self, Write};

/// The command line that ran this program, for messages that give an example.
pub(crate) fn program() -> String {
    std::env::args().next().unwrap_or_else(|| "app".to_owned())
}

/// Writes to standard output, in colour where it is a terminal.
///
/// Ends the process if nobody reads any more, as `events | head` does not.
pub(crate) fn print(text: &str) {
    let mut out = anstream::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        complain(&format!("cannot write to standard output: {error}"));
        std::process::exit(1);
    }
}

/// How many columns standard output has, if it is a terminal.
pub(crate) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout())
        .map(|(width, _)| usize::from(width.0))
        .filter(|width| *width > 0)
}

/// Says on standard error why the program ends.
pub(crate) fn complain(reason: &dyn std::fmt::Display) {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {}", reason.to_string().trim_end());
}
