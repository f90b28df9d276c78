//! The console: standard output for answers, standard error for the reason of a failure.

use std::io::{self, Write};

/// Writes to standard output, in colour where it is a terminal.
///
/// Ends the process if the reader has gone, as in `events | head`.
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

/// The width of standard output in columns, if it is a terminal.
pub(crate) fn width() -> Option<usize> {
    terminal_size::terminal_size_of(io::stdout())
        .map(|(width, _)| usize::from(width.0))
        .filter(|width| *width > 0)
}

/// Writes the reason why the program ends to standard error.
pub(crate) fn complain(reason: &dyn std::fmt::Display) {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    // With standard error closed, there is nowhere left to report this.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {}", reason.to_string().trim_end());
}
