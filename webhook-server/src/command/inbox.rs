//! `inbox`: shows events and their tasks, and changes tasks.
//!
//! Rows are fetched in pages of [`PAGE`]. Ids and names that match nothing are errors, because they are probably mistyped.

mod change;
mod export;
mod instances;
mod json;
mod migrate;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
mod moving;
mod prune;
mod quarantine;
mod selection;
mod show;
pub(super) mod tables;
mod tail;
mod values;

use self::change::{Skip, Steer};
use self::export::Export;
use self::instances::Bury;
pub(super) use self::json::json;
use self::json::json_line;
use self::migrate::Migrate;
#[cfg(all(feature = "postgres", feature = "sqlite"))]
use self::moving::Move;
use self::prune::Prune;
use self::selection::Selection;
pub(super) use self::selection::{EventFlags, handler, named};
use self::show::Show;
use self::tail::Tail;
use super::flags::{Operating, SettingFlags};
use super::{Failure, Format, Output};
use crate::app::App;
use crate::operate::operator::Operator;
use crate::problems::Problems;
use crate::report::console::{print, tell};
use crate::report::stderr as log;
use crate::settings::{Group, Settings};
use crate::store::{Filter, State};
use clap::{Args, Subcommand};

/// How many tasks or events go into one request.
pub(super) const PAGE: usize = 100;

#[derive(Args)]
#[command(after_help = "These commands work whether or not a server has the inbox open (--inbox).\n\
    A task is one handler's work on one event. It is ready, running, blocked (an earlier task must finish first), done, \
    skipped, or parked. A parked task waits for a person to decide: find it with `inbox list --state parked`, then use \
    `inbox retry` or `inbox skip`.")]
pub(super) struct Inbox {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// List tasks, newest first
    List(List),
    /// Show what happens, as it happens
    Tail(Tail),
    /// Show an event with its tasks, attempts and body, or a quarantined body
    Show(Show),
    /// Count events and tasks
    Stats(Stats),
    /// List the instances that share the inbox
    Instances(Plain),
    /// Remove an instance that is known to be dead, so that others take its tasks over at once
    Bury(Bury),
    /// Run parked or waiting tasks now, and reset their attempts
    Retry(Steer),
    /// Close parked or waiting tasks without running them
    Skip(Skip),
    /// Delete data that is past its retention time
    Prune(Prune),
    /// Write events with their tasks and bodies, one JSON object per line
    Export(Export),
    /// Bring the schema of an inbox in a database up to date
    Migrate(Migrate),
    /// Move the inbox from a file into a database
    #[cfg(all(feature = "postgres", feature = "sqlite"))]
    Move(Move),
}

#[derive(Args)]
struct Plain {
    #[command(flatten)]
    flags: SettingFlags<Operating>,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    selection: Selection,
    /// Only tasks in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Maximum number of rows
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// List quarantined bodies (verified, but not events, or none that this inbox can keep)
    #[arg(long, conflicts_with_all = ["ids", "state", "why", "event_type", "object", "customer", "account", "handler", "since"])]
    quarantine: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Args)]
struct Stats {
    #[command(flatten)]
    plain: Plain,
}

pub(super) async fn run(app: App, inbox: Inbox) -> Result<(), Failure> {
    match inbox.action {
        Action::List(list) => self::list(app, &list).await,
        Action::Tail(tail) => tail::run(app, tail).await,
        Action::Show(show) => show::run(app, show).await,
        Action::Stats(stats) => self::stats(app, &stats.plain).await,
        Action::Instances(plain) => instances::list(app, &plain).await,
        Action::Bury(bury) => instances::bury(app, bury).await,
        Action::Retry(retry) => change::retry(app, &retry).await,
        Action::Skip(skip) => change::skip(app, &skip).await,
        Action::Prune(prune) => prune::run(app, &prune).await,
        Action::Export(export) => export::run(app, &export).await,
        Action::Migrate(migrate) => migrate::run(app, &migrate).await,
        #[cfg(all(feature = "postgres", feature = "sqlite"))]
        Action::Move(wanted) => moving::run(app, wanted).await,
    }
}

/// Connects to the inbox that the flag, the environment, the configuration file or the program names.
pub(super) async fn operator<S>(app: App, flags: &SettingFlags<S>) -> Result<Operator, Failure> {
    operator_with(app, flags, |_, _| ()).await
}

/// Connects to the inbox if a further check of the settings finds no problem.
async fn operator_with<S>(
    app: App,
    flags: &SettingFlags<S>,
    check: impl FnOnce(&App, &mut Problems),
) -> Result<Operator, Failure> {
    Ok(Operator::reach(&settings(app, flags, check)?).await?)
}

/// The settings of a command that uses the inbox, if `check` finds no problem either.
fn settings<S>(
    mut app: App,
    flags: &SettingFlags<S>,
    check: impl FnOnce(&App, &mut Problems),
) -> Result<Settings, Failure> {
    log::write_at_once("warn");
    if app.inline {
        return Err(Failure::Failed("this program is `.inline()` and has no inbox".to_owned()));
    }
    let mut problems = Problems::of_command();
    app.configure(&flags.sources, &mut problems);
    app.settings.check_those(|setting| setting.group == Group::Inbox, &app.origins, &mut problems);
    check(&app, &mut problems);
    Ok(problems.none_or(app.settings)?)
}

/// Lists tasks, or the quarantine.
async fn list(app: App, list: &List) -> Result<(), Failure> {
    let mut filter = list.selection.filter()?;
    let mut operator = operator(app, &list.plain.flags).await?;
    named(&mut operator, &filter).await?;
    let limit = list.limit.clamp(1, 100_000);
    if list.quarantine {
        let mut rows = operator.quarantined(limit + 1).await?;
        let is_cut = cut(&mut rows, limit);
        return write(list.plain.output, &rows, is_cut, |rows, width| quarantine::table(rows).text(width));
    }
    (filter.state, filter.limit) = (list.state, limit + 1);
    let mut found = operator.tasks(filter).await?;
    let is_cut = cut(&mut found, limit);
    write(list.plain.output, &found, is_cut, |rows, width| tables::tasks(rows).text(width))?;
    all_known(&mut operator, &list.selection.filter()?.event_ids).await
}

/// Leaves `limit` rows. Returns whether there were more.
fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    is_cut
}

/// Writes rows in the format that was asked for, and says if there are more.
fn write<T: serde::Serialize>(
    output: Output,
    rows: &[T],
    is_cut: bool,
    table: fn(&[T], Option<usize>) -> String,
) -> Result<(), Failure> {
    match output.format() {
        Format::Json => print(&json(&rows)?),
        Format::Table if rows.is_empty() => print("No matching tasks.\n"),
        Format::Table => print(&table(rows, output.width())),
    }
    if is_cut {
        let more = format!("there are more: `--limit {}` shows more\n", rows.len() * 2);
        tell(&more);
    }
    Ok(())
}

/// Shows counts.
async fn stats(app: App, plain: &Plain) -> Result<(), Failure> {
    let mut operator = operator(app, &plain.flags).await?;
    let stats = operator.stats().await?;
    match plain.output.format() {
        Format::Json => print(&json(&stats)?),
        Format::Table => print(&tables::stats(&stats, plain.output.width())),
    }
    Ok(())
}

/// Fails if one of these events is not in the inbox: the id is probably mistyped.
async fn all_known(operator: &mut Operator, ids: &[String]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let filter = Filter { event_ids: ids.to_vec(), limit: ids.len(), ..Filter::default() };
    let known = operator.events(filter).await?;
    let is_unknown = |id: &&str| known.iter().all(|event| event.event_id != *id);
    let unknown: Vec<&str> = ids.iter().map(String::as_str).filter(is_unknown).collect();
    match &unknown[..] {
        [] => Ok(()),
        unknown => Err(Failure::Failed(format!("not in the inbox: {}", unknown.join(" ")))),
    }
}
