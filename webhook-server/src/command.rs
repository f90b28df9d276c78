//! The application's commands. Each has a file; this one holds what they share.
//!
//! A command reads its arguments and the environment, reports everything that is wrong with them at once, and then calls a
//! `Server` or an `Operator`: no command knows what an inbox is made of. Results go to standard output, everything else to
//! standard error.

mod arguments;
mod check;
mod dev;
mod events;
mod flags;
mod handlers;
mod inbox;
mod mounted;
mod replay;
mod send;
mod serve;
mod signing;
mod table;
mod trigger;

use std::ffi::OsString;
use std::future::ready;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand, ValueEnum};

use self::serve::Serve;
use crate::app::App;
use crate::future::BoxFuture;
use crate::mount::{Reason, StartError};
use crate::operate::operator::OperateError;
use crate::problems::Problems;
use crate::report::console::{self, complain};
use crate::report::format::chain;
use crate::report::stderr as log;

/// `EX_CONFIG` of `sysexits.h`: something was found in an unconfigured or misconfigured state.
const MISCONFIGURED: u8 = 78;

#[derive(Parser)]
#[command(
    version = version(),
    about = "Receive Stripe's webhook events and run this application's handlers.",
    after_help = "Without a command, `serve` runs. New here? Start with `dev`: it needs neither Stripe nor a secret.\n\
                  Exit codes: 0 success, 1 failure, 2 wrong arguments, 78 wrong configuration.",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Listen for events from Stripe (the default)
    Serve(Serve),
    /// Try the handlers on this machine with sample events, without Stripe
    Dev(dev::Dev),
    /// List this application's handlers
    Handlers(handlers::Handlers),
    /// List Stripe's event types and their handlers
    Events(events::Events),
    /// Sign a sample event and send it to a running server
    Trigger(trigger::Trigger),
    /// Show events and their tasks; retry or skip tasks
    Inbox(inbox::Inbox),
    /// Run handlers again on stored events
    Replay(replay::Replay),
}

/// How a listing is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs
    Json,
}

/// The format in which a command writes.
#[derive(clap::Args, Clone, Copy, Debug)]
struct FormatFlags {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Short for `--format json`
    #[arg(long, conflicts_with = "format")]
    json: bool,
}

impl FormatFlags {
    fn format(self) -> Format {
        if self.json { Format::Json } else { self.format }
    }
}

/// How a command writes its result.
#[derive(clap::Args, Clone, Copy, Debug)]
struct Output {
    #[command(flatten)]
    format: FormatFlags,
    /// Print one line per row, even if the terminal is narrower, as in a pipe
    #[arg(long)]
    wide: bool,
}

impl Output {
    fn format(self) -> Format {
        self.format.format()
    }

    /// The maximum width of a table; `None` for no limit.
    fn width(self) -> Option<usize> {
        if self.wide { None } else { console::width() }
    }
}

/// Why a command did not succeed.
enum Failure {
    /// It could not start as configured: exit code 78.
    Misconfigured(Problems),
    /// It failed, and the text says why: exit code 1.
    Failed(String),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Misconfigured(problems)
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        match error.0 {
            Reason::Misconfigured(problems) => Self::Misconfigured(problems),
            Reason::Failed(reason) => Self::Failed(reason),
        }
    }
}

impl From<OperateError> for Failure {
    fn from(error: OperateError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl App {
    /// Runs the command that the program's arguments name; without one, the server.
    ///
    /// Returns 0 for success, 1 for failure, and 78 if the application cannot start as it is configured (`EX_CONFIG` of
    /// `sysexits.h`). If the arguments are wrong, the process exits at once with code 2.
    ///
    /// The process also exits without returning from here at a second SIGTERM or Ctrl-C, and if a handler still blocks
    /// its thread when the server has stopped. Code after this call runs only after a normal end.
    ///
    /// At SIGHUP, `serve` and `dev` do not end: the files of the secrets and of the certificate are read again.
    ///
    /// Unless the program installed a `tracing` subscriber, one is installed that logs to standard error; `RUST_LOG`
    /// filters it. A separate thread writes the server's log, so that a stalled reader of standard error delays no
    /// event. A subscriber of your own should do the same.
    ///
    /// `serve` and `dev` install a panic hook, which records where a handler panicked. A hook that the program installed
    /// before is still called. The standard library's hook would write the panic's text, which may contain a customer's
    /// data, to standard error: `serve` does not call it for handlers, `dev` does. Panics in tasks that a handler spawned
    /// are not covered.
    pub async fn main(self) -> ExitCode {
        self.run(std::env::args_os()).await
    }

    /// Does the same as [`main`](Self::main) with the given arguments. The first is the program's name.
    pub async fn run(self, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
        let command = Command::named(arguments.into_iter().collect());
        exit_code(command.run(self).await)
    }
}

impl Command {
    /// Parses the arguments. If they are wrong, the process exits.
    fn named(arguments: Vec<OsString>) -> Self {
        let parsed = arguments::parse(&arguments).unwrap_or_else(|error| error.exit());
        parsed.command.unwrap_or(Self::Serve(parsed.serve))
    }

    /// Runs the command.
    fn run(self, app: App) -> BoxFuture<'static, Result<(), Failure>> {
        match self {
            Self::Serve(serve) => Box::pin(serve::run(app, serve)),
            Self::Dev(dev) => Box::pin(dev::run(app, dev)),
            Self::Handlers(handlers) => Box::pin(ready(handlers::run(&handlers))),
            Self::Events(events) => Box::pin(ready(events::run(&app.endpoints, &events))),
            Self::Trigger(trigger) => Box::pin(trigger::run(app, trigger)),
            Self::Inbox(inbox) => Box::pin(inbox::run(app, inbox)),
            Self::Replay(replay) => Box::pin(replay::run(app, replay)),
        }
    }
}

/// Reports why a command did not succeed. Returns the code with which the process is to end.
fn exit_code(result: Result<(), Failure>) -> ExitCode {
    log::flush();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Misconfigured(problems)) => {
            complain(&problems);
            ExitCode::from(MISCONFIGURED)
        }
        Err(Failure::Failed(reason)) => {
            complain(&reason);
            ExitCode::FAILURE
        }
    }
}

/// What `--version` writes after the framework's name. The application's own version is not known here.
fn version() -> String {
    format!("{}, Stripe API {}", env!("CARGO_PKG_VERSION"), webhook_core::catalog::enabled_names())
}

/// A failure with its causes on one line.
fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::Failed(format!("{what}: {}", chain(error)))
}

/// A value as indented JSON with a final line break.
fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let mut text =
        serde_json::to_string_pretty(value).map_err(|error| failed("cannot write JSON", &error))?;
    text.push('\n');
    Ok(text)
}

/// The time in seconds since the Unix epoch.
fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// A random number from the system, for ids of samples and for secrets.
fn random() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}
