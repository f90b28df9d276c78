//! `inbox move`: moves an inbox from a file into a database, for a program that is to have several instances.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::Failure;
use super::super::flags::{Operating, SettingFlags};
use crate::app::App;
use crate::report::console::{print, tell};
use crate::report::format::{chain, hex, masked};
use crate::report::progress::Progress;
use crate::report::unusable::unusable;
use crate::settings::{Given, Interface, Origin, Settings};
use crate::store::moving::tables::TABLES;
use crate::store::moving::{MoveError, Moved, move_all};
use crate::store::postgres::take_in::Target;
use crate::store::sqlite::read_out::Source;
use crate::store::{InboxLocation, OpenError, Opening};

#[derive(Args)]
#[command(
    after_help = "Stop the program first. The database gets everything, with the same ids, or nothing: if the move ends \
    early, run it again. The file keeps everything."
)]
pub(super) struct Move {
    /// The inbox's file
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// URL of the database, which has no inbox yet or an empty one [default: --inbox]
    #[arg(long, value_name = "URL")]
    to: Option<OsString>,
    #[command(flatten)]
    flags: SettingFlags<Operating>,
}

/// How long to wait for a server that is stopping.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(app: App, mut wanted: Move) -> Result<(), Failure> {
    if let Some(text) = wanted.to.take() {
        let setting = Settings::TABLE.iter().find(|setting| setting.field == "inbox");
        let given = &mut wanted.flags.sources.given;
        given.retain(|given| given.setting.field != "inbox");
        given.extend(setting.map(|setting| Given { setting, text, origin: Origin::Flag("--to".to_owned()) }));
    }
    let settings = super::settings(app, &wanted.flags, |_, _| ())?;
    let InboxLocation::Postgres(url) = &settings.inbox else {
        return Err(Failure::Failed(
            "name the database with --to, or set WEBHOOK_INBOX to its URL".to_owned(),
        ));
    };
    // It may be a URL by mistake, with a password.
    let (from, to) = (masked(&wanted.from.display().to_string()), settings.inbox.shown());
    if !wanted.from.exists() {
        return Err(Failure::Failed(format!("there is no inbox at {from}")));
    }
    let refused = |error: OpenError| Failure::Failed(unusable(&error, Interface::CommandLine));
    let opening = settings.opening();
    let source = Source::open(&wanted.from, &Opening { patience: PATIENCE, ..opening.clone() });
    let mut source = source.map_err(refused)?;
    let target = Target::connect(url, &opening).await.map_err(refused)?;
    let rows: u64 = TABLES.iter().map(|table| source.count(table)).sum::<Result<_, _>>().map_err(failed)?;
    // Each row is copied, and compared.
    let mut progress = Progress::of(usize::try_from(rows.saturating_mul(2)).unwrap_or(usize::MAX));
    let moved = move_all(&mut source, &target, |rows| progress.advance(rows)).await;
    drop(progress);
    let moved = moved.map_err(|error| Failure::Failed(sentence(&error, &to, &opening.schema)))?;
    print(&summary(&moved, &source, &from, &to));
    tell(&format!(
        "next: set WEBHOOK_INBOX to the URL of the database, start the program, and do not start it on {from} again\n"
    ));
    Ok(())
}

/// What was moved, and that it is all there.
fn summary(moved: &Moved, source: &Source, from: &str, to: &str) -> String {
    let rows = |name: &str| moved.rows.iter().find(|(table, _)| *table == name).map_or(0, |(_, rows)| *rows);
    let mut text = match moved.was_there {
        true => format!("everything in {from} was moved to {to} before\n"),
        false => format!("moved {from} to {to}\n"),
    };
    text.push_str(&format!(
        "{} events, {} open and {} closed tasks, {} attempts, {} quarantined bodies\n",
        rows("event"),
        rows("task"),
        rows("ended"),
        rows("attempt"),
        rows("quarantine"),
    ));
    let (suspects, parked) = (source.recovered.suspects, source.recovered.poisoned);
    if suspects + parked > 0 {
        text.push_str(&format!("{suspects} tasks that were cut off are ready again, {parked} are parked\n"));
    }
    let digest = hex(&moved.digest);
    text.push_str(&format!("verified: both have the same rows, SHA-256\n{digest}\n"));
    text
}

/// Why the move failed, and what to do.
fn sentence(error: &MoveError, to: &str, schema: &str) -> String {
    let why = chain(error);
    match error {
        MoveError::InUse(_) => {
            format!("{why}: stop them first; `inbox bury --force` ends the lease of one that was killed")
        }
        MoveError::NotEmpty => format!(
            "{why}: name another schema than {schema} with --inbox-schema, or remove the schema from {to} if nothing in \
             it is wanted"
        ),
        MoveError::Unconfirmed(_) => {
            format!("{why}: run the command again, which says whether everything is there")
        }
        MoveError::File(_)
        | MoveError::Database(_)
        | MoveError::Refused { .. }
        | MoveError::Differs { .. } => {
            format!("{why}; nothing was moved")
        }
    }
}

fn failed(error: rusqlite::Error) -> Failure {
    Failure::Failed(sentence(&MoveError::File(error), "", ""))
}
