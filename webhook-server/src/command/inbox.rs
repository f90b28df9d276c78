//! `inbox`: shows what arrived and what became of it, and steers it.

pub(super) mod rows;
mod selection;

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand, ValueEnum};
use indicatif::ProgressBar;
use serde::de::DeserializeOwned;

use self::selection::Selection;
pub(super) use self::selection::{EventFlags, handler, named};
use super::{Failure, Format, Output};
use crate::app::App;
use crate::control::{Operator, Request};
use crate::inbox::store::{self, EventRow, Filter, Pruned, QuarantineRow, State, StoredEvent, TaskRow};
use crate::log;
use crate::settings::{InboxFlag, Settings};
use crate::startup::Problems;
use crate::terminal::{complain, print};

/// How many tasks or events go into one request.
pub(super) const PAGE: usize = 100;

#[derive(Args)]
#[command(after_help = "All of them work on the file (--inbox) whether or not a server has it.\n\
    A task is one handler's work on one event. It is ready, running, blocked (its lane is taken), done, discarded, or \
    parked: set aside for a person, who looks with `inbox list --state parked` and decides for `inbox retry` or \
    `inbox discard`.")]
pub(super) struct Inbox {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Lists tasks, newest first
    List(List),
    /// Shows an event, what its handlers made of it, and its body
    Show(Show),
    /// Counts events and tasks
    Stats(Stats),
    /// Makes parked or waiting tasks run now, with all their attempts before them
    Retry(Steer),
    /// Gives parked or waiting tasks up
    Discard(Discard),
    /// Frees now what has been kept long enough
    Prune(Prune),
    /// Writes events with their tasks and bodies, one JSON object a line
    Export(Export),
}

#[derive(Args)]
struct Plain {
    #[command(flatten)]
    inbox: InboxFlag,
    #[command(flatten)]
    output: Output,
}

#[derive(Args)]
#[command(
    after_help = "A server that has the inbox does it with its own settings. Without one, they are the program's \
    and those of the environment (WEBHOOK_KEEP_BODIES, WEBHOOK_KEEP_IDS, WEBHOOK_KEEP_PARKED)."
)]
struct Prune {
    // Not flags to be used: they let the environment count here as it does for the server.
    #[arg(long, hide = true, env = "WEBHOOK_KEEP_BODIES", value_parser = humantime::parse_duration)]
    keep_bodies: Option<Duration>,
    #[arg(long, hide = true, env = "WEBHOOK_KEEP_IDS", value_parser = humantime::parse_duration)]
    keep_ids: Option<Duration>,
    #[arg(long, hide = true, env = "WEBHOOK_KEEP_PARKED", value_parser = humantime::parse_duration)]
    keep_parked: Option<Duration>,
    #[command(flatten)]
    plain: Plain,
}

impl Prune {
    /// Applies the environment to the program's settings, and checks them: what is freed does not come back.
    fn apply(&self, settings: &mut Settings) -> Result<(), Failure> {
        for (given, setting) in [
            (self.keep_bodies, &mut settings.keep_bodies),
            (self.keep_ids, &mut settings.keep_ids),
            (self.keep_parked, &mut settings.keep_parked),
        ] {
            *setting = given.unwrap_or(*setting);
        }
        let mut problems = Problems::default();
        settings.check(&mut problems);
        problems.none_or(()).map_err(Failure::from)
    }
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    selection: Selection,
    /// Only tasks in this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// At most so many
    #[arg(long, value_name = "NUMBER", default_value_t = 50)]
    limit: usize,
    /// Lists what was verified and is no event
    #[arg(long, conflicts_with_all = ["ids", "state", "why", "event_type", "object", "customer", "account", "handler", "since"])]
    quarantine: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Args)]
struct Show {
    /// Id of the event
    #[arg(value_name = "EVENT")]
    id: String,
    /// Prints the stored body, and nothing else
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    plain: Plain,
}

#[derive(Args)]
struct Stats {
    #[command(flatten)]
    plain: Plain,
}

#[derive(Args)]
struct Steer {
    #[command(flatten)]
    selection: Selection,
    /// Only tasks in this state [default: parked, unless events are named]
    #[arg(long, value_parser = steerable())]
    state: Option<State>,
    /// All tasks in that state
    #[arg(long)]
    all: bool,
    /// Shows which tasks are meant, and changes nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    plain: Plain,
}

/// The states of tasks that can be steered: what runs is its handler's, and what is over is over.
fn steerable() -> impl TypedValueParser<Value = State> {
    let states = [State::Parked, State::Ready, State::Blocked];
    PossibleValuesParser::new(states.iter().filter_map(ValueEnum::to_possible_value))
        .try_map(|name| State::from_str(&name, false))
}

#[derive(Args)]
struct Discard {
    #[command(flatten)]
    steer: Steer,
    /// Kept with the task
    #[arg(long, value_name = "TEXT", default_value = "by the operator")]
    reason: String,
}

#[derive(Args)]
struct Export {
    #[command(flatten)]
    selection: Selection,
    /// File to write, for this user alone [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    inbox: InboxFlag,
}

pub(super) async fn run(app: App, inbox: Inbox) -> Result<(), Failure> {
    match inbox.action {
        Action::List(list) => self::list(app, &list).await,
        Action::Show(show) => self::show(app, show).await,
        Action::Stats(stats) => self::stats(app, &stats.plain).await,
        Action::Retry(steer) => self::steer(app, &steer, READY, |tasks| Request::Retry { tasks }).await,
        Action::Discard(Discard { steer, reason }) => {
            let request = |tasks| Request::Discard { tasks, reason: reason.clone() };
            self::steer(app, &steer, "discarded", request).await
        }
        Action::Prune(plain) => prune(app, &plain).await,
        Action::Export(export) => self::export(app, &export).await,
    }
}

/// Reaches the inbox that the flag, the environment or the program names.
pub(super) async fn operator(mut app: App, flag: &InboxFlag) -> Result<Operator, Failure> {
    log::write_at_once("warn");
    if app.inline {
        return Err(Failure::Failed("this program is `.inline()`: it has no inbox".to_owned()));
    }
    flag.apply(&mut app.settings);
    Operator::of(&app.settings, app.settings.retention()).await.map_err(Failure::Failed)
}

/// Asks for what stands at the request.
pub(super) async fn ask<T: DeserializeOwned>(
    operator: &mut Operator,
    request: Request,
) -> Result<T, Failure> {
    operator.ask(request).await.map_err(Failure::Failed)
}

async fn list(app: App, list: &List) -> Result<(), Failure> {
    let mut filter = list.selection.filter()?;
    let mut operator = operator(app, &list.plain.inbox).await?;
    named(&mut operator, &filter).await?;
    let limit = list.limit.clamp(1, 100_000);
    if list.quarantine {
        let mut rows: Vec<QuarantineRow> =
            ask(&mut operator, Request::Quarantined { limit: limit + 1 }).await?;
        let is_cut = cut(&mut rows, limit);
        return write(list.plain.output, &rows, is_cut, |rows, width| rows::quarantine(rows).text(width));
    }
    (filter.state, filter.limit) = (list.state, limit + 1);
    let mut found: Vec<TaskRow> = ask(&mut operator, Request::Tasks(filter)).await?;
    let is_cut = cut(&mut found, limit);
    write(list.plain.output, &found, is_cut, |rows, width| rows::tasks(rows).text(width))?;
    all_known(&mut operator, &list.selection.filter()?.event_ids).await
}

/// Writes to standard output byte for byte. `print` leaves out what would steer a terminal, and a body is data.
fn exactly(text: &str) {
    let mut out = io::stdout().lock();
    if let Err(error) = out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        if error.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        complain(&format!("cannot write to standard output: {error}"));
        std::process::exit(1);
    }
}

/// Writes JSON in which no character steers a terminal: JSON itself escapes only those below U+0020.
pub(super) fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = super::json(value)?;
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        // The line breaks are between the values; inside, they are escaped already.
        if char.is_control() && char != '\n' {
            shown.push_str(&format!("\\u{:04x}", u32::from(char)));
        } else {
            shown.push(char);
        }
    }
    Ok(shown)
}

/// Leaves `limit` rows. Returns whether there were more.
fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    is_cut
}

fn write<T: serde::Serialize>(
    output: Output,
    rows: &[T],
    is_cut: bool,
    table: fn(&[T], Option<usize>) -> String,
) -> Result<(), Failure> {
    match output.format {
        Format::Json => print(&json(&rows)?),
        Format::Table if rows.is_empty() => print("There are no such rows in the inbox.\n"),
        Format::Table => print(&table(rows, output.width())),
    }
    if is_cut {
        let more = format!("there are more: `--limit {}` shows the next ones, too\n", rows.len() * 2);
        // With standard error closed there is nobody left to tell.
        let _ = anstream::stderr().write_all(more.as_bytes());
    }
    Ok(())
}

async fn show(app: App, show: Show) -> Result<(), Failure> {
    let mut operator = operator(app, &show.plain.inbox).await?;
    let found: Option<StoredEvent> = ask(&mut operator, Request::Event { id: show.id.clone() }).await?;
    let Some(found) = found else {
        return Err(Failure::Failed(format!("there is no event {} in the inbox", show.id)));
    };
    match (show.body, show.plain.output.format, &found.body) {
        (true, _, Some(body)) => exactly(body),
        (true, _, None) => {
            return Err(Failure::Failed(format!("the body of {} is not, or no longer, kept", show.id)));
        }
        (false, Format::Json, _) => print(&json(&found)?),
        (false, Format::Table, _) => print(&rows::event(&found, show.plain.output.width())),
    }
    Ok(())
}

async fn stats(app: App, plain: &Plain) -> Result<(), Failure> {
    let mut operator = operator(app, &plain.inbox).await?;
    let stats: store::Stats = ask(&mut operator, Request::Stats).await?;
    match plain.output.format {
        Format::Json => print(&json(&stats)?),
        Format::Table => print(&rows::stats(&stats, plain.output.width())),
    }
    Ok(())
}

async fn prune(mut app: App, prune: &Prune) -> Result<(), Failure> {
    prune.apply(&mut app.settings)?;
    let plain = &prune.plain;
    let mut operator = operator(app, &plain.inbox).await?;
    let pruned: Pruned = ask(&mut operator, Request::Prune).await?;
    match plain.output.format {
        Format::Json => print(&json(&pruned)?),
        Format::Table => print(&format!(
            "freed: bodies {}, events {} (parked ones among them {}), quarantined bodies {}\n",
            pruned.bodies, pruned.events, pruned.parked, pruned.quarantined
        )),
    }
    Ok(())
}

/// Changes the tasks that are meant.
async fn steer(
    app: App,
    steer: &Steer,
    done: &str,
    request: impl Fn(Vec<i64>) -> Request,
) -> Result<(), Failure> {
    let mut filter = steer.selection.filter()?;
    if !steer.all && !steer.selection.selects() {
        return Err(Failure::Failed(
            "which tasks? name events, --type, --object, --customer, --account, --handler, --since or --why, or say --all".to_owned(),
        ));
    }
    let by_name = !filter.event_ids.is_empty();
    filter.state = steer.state.or((!by_name).then_some(State::Parked));
    filter.limit = PAGE;
    let mut operator = operator(app, &steer.plain.inbox).await?;
    named(&mut operator, &filter).await?;
    let mut meant = Vec::new();
    loop {
        let page: Vec<TaskRow> = ask(&mut operator, Request::Tasks(filter.clone())).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.task);
        meant.extend(page.into_iter().filter(|task| can_be_steered(task.state)));
    }
    if done == READY {
        leave_without_handler(&mut meant);
    }
    if steer.dry_run {
        write(steer.plain.output, &meant, false, |rows, width| rows::tasks(rows).text(width))?;
        return all_known(&mut operator, &filter.event_ids).await;
    }
    let bar = ProgressBar::new(meant.len() as u64);
    let mut changed = 0;
    for page in meant.chunks(PAGE) {
        let page: Vec<i64> = page.iter().map(|task| task.task).collect();
        bar.inc(page.len() as u64);
        changed += ask::<u64>(&mut operator, request(page)).await?;
    }
    bar.finish_and_clear();
    match steer.plain.output.format {
        Format::Json => print(&json(&serde_json::json!({ "tasks": changed }))?),
        Format::Table => print(&format!("{changed} {done}{}\n", when(&operator, done))),
    }
    all_known(&mut operator, &filter.event_ids).await
}

/// What a retry makes of tasks.
const READY: &str = "ready now";

/// Leaves out the tasks of handlers that this program has not, and says so: they would only be parked again.
fn leave_without_handler(meant: &mut Vec<TaskRow>) {
    let all = meant.len();
    meant.retain(|task| handler(&task.handler).is_ok());
    let left_out = all - meant.len();
    if left_out > 0 {
        let told = format!(
            "left parked: {left_out}, since this program has not their handlers; give a handler that was renamed its \
             former id (`id = \"…\"`), or `replay` the events\n"
        );
        // With standard error closed there is nobody left to tell.
        let _ = anstream::stderr().write_all(told.as_bytes());
    }
}

/// Fails if one of these events is not in the inbox: whoever named it meant another one.
async fn all_known(operator: &mut Operator, ids: &[String]) -> Result<(), Failure> {
    if ids.is_empty() {
        return Ok(());
    }
    let filter = Filter { event_ids: ids.to_vec(), limit: ids.len(), ..Filter::default() };
    let known: Vec<EventRow> = ask(operator, Request::Events(filter)).await?;
    let is_unknown = |id: &&str| known.iter().all(|event| event.event_id != *id);
    let unknown: Vec<&str> = ids.iter().map(String::as_str).filter(is_unknown).collect();
    match &unknown[..] {
        [] => Ok(()),
        unknown => Err(Failure::Failed(format!("not in the inbox: {}", unknown.join(" ")))),
    }
}

fn can_be_steered(state: State) -> bool {
    matches!(state, State::Parked | State::Ready | State::Blocked)
}

/// When what is ready will run, if not at once.
fn when(operator: &Operator, done: &str) -> &'static str {
    if operator.runs_tasks() || done == "discarded" { "" } else { ", to be run when the server starts" }
}

async fn export(app: App, export: &Export) -> Result<(), Failure> {
    let mut filter = export.selection.filter()?;
    filter.limit = PAGE;
    let mut operator = operator(app, &export.inbox).await?;
    named(&mut operator, &filter).await?;
    let mut file = match &export.out {
        None => None,
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let cannot =
                |error: io::Error| Failure::Failed(format!("{} cannot be written: {error}", path.display()));
            let file = options.open(path).map_err(cannot)?;
            // One that was there keeps its mode, and what is written now is not for others. A device has no mode of ours.
            #[cfg(unix)]
            if file.metadata().is_ok_and(|found| found.is_file()) {
                let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                file.set_permissions(private).map_err(cannot)?;
            }
            Some((file, cannot))
        }
    };
    let ids = exported(&mut operator, filter).await?;
    let bar = if file.is_some() { ProgressBar::new(ids.len() as u64) } else { ProgressBar::hidden() };
    for id in ids {
        let found: Option<StoredEvent> = ask(&mut operator, Request::Event { id }).await?;
        // One that was deleted since is not there.
        let Some(found) = found else { continue };
        let mut line =
            serde_json::to_string(&found).map_err(|error| super::failed("cannot write JSON", &error))?;
        line.push('\n');
        match &mut file {
            Some((file, cannot)) => file.write_all(line.as_bytes()).map_err(&*cannot)?,
            None => exactly(&line),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    all_known(&mut operator, &export.selection.filter()?.event_ids).await
}

/// The ids of the events that are meant, newest first.
async fn exported(operator: &mut Operator, mut filter: Filter) -> Result<Vec<String>, Failure> {
    let mut ids = Vec::new();
    // A list of events knows no handlers: with such a filter it would be all of them.
    if filter.handler.is_none() && filter.why.is_none() {
        loop {
            let page: Vec<EventRow> = ask(operator, Request::Events(filter.clone())).await?;
            let Some(last) = page.last() else { return Ok(ids) };
            filter.after = Some(last.cursor);
            ids.extend(page.into_iter().map(|event| event.event_id));
        }
    }
    let mut seen = HashSet::new();
    loop {
        let page: Vec<TaskRow> = ask(operator, Request::Tasks(filter.clone())).await?;
        let Some(last) = page.last() else { return Ok(ids) };
        filter.after = Some(last.task);
        let fresh = page.into_iter().map(|task| task.event_id).filter(|id| seen.insert(id.clone()));
        ids.extend(fresh);
    }
}
