//! The application's commands. Each has a file; this one holds what they share.

mod dev;
mod events;
mod handlers;
mod serve;
mod table;
mod trigger;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::journal::chain;
use crate::settings::Flags;
use crate::startup::Problems;

/// `EX_CONFIG` of `sysexits.h`: something was found in an unconfigured or misconfigured state.
const MISCONFIGURED: u8 = 78;

#[derive(Parser)]
#[command(
    about = "Receives Stripe's webhook events and hands them to this application's handlers.",
    after_help = "Without a command, `serve` runs. New here? Start with `dev`: it needs neither Stripe nor a secret.\n\
                  Exit codes: 0 success, 1 failure, 2 wrong arguments, 78 wrong configuration.",
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Flags,
}

#[derive(Subcommand)]
enum Command {
    /// Listens for events from Stripe (the default)
    Serve(Flags),
    /// Listens on this machine with a secret of its own, and sends itself a sample of every handled event
    Dev(dev::Dev),
    /// Lists this application's handlers
    Handlers(handlers::Handlers),
    /// Lists what Stripe can send, and who handles it
    Events(events::Events),
    /// Signs a sample event and sends it to a running server
    Trigger(trigger::Trigger),
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

/// Why a command did not succeed.
enum Failure {
    /// It could not start as configured.
    Misconfigured(Problems),
    /// It failed; the text says at what.
    Failed(String),
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        Self::Misconfigured(problems)
    }
}

/// Runs the command that the arguments name.
pub(crate) async fn run(app: App, arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let parsed = Arguments::try_parse_from(arguments).unwrap_or_else(|error| error.exit());
    let result = match parsed.command.unwrap_or(Command::Serve(parsed.serve)) {
        Command::Serve(flags) => serve::run(app, &flags).await,
        Command::Dev(dev) => dev::run(app, &dev).await,
        Command::Handlers(handlers) => handlers::run(&handlers),
        Command::Events(events) => events::run(&events),
        Command::Trigger(trigger) => trigger::run(app, &trigger).await,
    };
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

/// Installs the log, unless the program has one: to standard error, `info` and above unless `RUST_LOG` says else.
fn log() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).try_init();
}

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
        std::process::exit(i32::from(error.kind() != io::ErrorKind::BrokenPipe));
    }
}

fn complain(reason: &dyn std::fmt::Display) {
    let red = anstyle::Style::new().fg_color(Some(anstyle::AnsiColor::Red.into())).bold();
    // With standard error closed there is nobody left to tell.
    let _ = writeln!(anstream::stderr(), "{red}error:{red:#} {}", reason.to_string().trim_end());
}

fn failed(what: &str, error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::Failed(format!("{what}: {}", chain(error)))
}

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

fn random() -> Result<u64, getrandom::Error> {
    getrandom::u64()
}
