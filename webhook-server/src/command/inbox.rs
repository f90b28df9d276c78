//! `inbox`: shows what arrived and what became of it, and steers it.

mod rows;
mod selection;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;

use self::selection::Selection;
pub(super) use self::selection::{handler, since, types};
use super::{Failure, Format};
use crate::app::App;
use crate::control::{Answer, Operator, Request};
use crate::inbox::store::{Filter, State, TaskRow};
use crate::settings::InboxFlag;
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
    Prune(Plain),
    /// Writes events with their tasks and bodies, one JSON object a line
    Export(Export),
}

#[derive(Args)]
struct Plain {
    #[command(flatten)]
    inbox: InboxFlag,
    /// How the answer is written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
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
    #[arg(long, conflicts_with = "state")]
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
    /// Only tasks in this state: parked, ready or blocked [default: parked, unless events are named]
    #[arg(long, value_enum)]
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
        Action::Retry(steer) => self::steer(app, &steer, "ready now", |tasks| Request::Retry { tasks }).await,
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
    super::log("warn");
    if app.inline {
        return Err(Failure::Failed("this program is `.inline()`: it has no inbox".to_owned()));
    }
    flag.apply(&mut app.settings.inbox);
    Operator::of(&app.settings, app.settings.retention()).await.map_err(Failure::Failed)
}

/// Asks, and takes the one kind of answer that there is to it.
pub(super) async fn ask<T>(
    operator: &mut Operator,
    request: Request,
    take: impl FnOnce(Answer) -> Option<T>,
) -> Result<T, Failure> {
    let answer = operator.ask(request).await.map_err(Failure::Failed)?;
    take(answer).ok_or_else(|| {
        Failure::Failed("the server is of another version: its answer makes no sense".to_owned())
    })
}

async fn tasks(operator: &mut Operator, filter: Filter) -> Result<Vec<TaskRow>, Failure> {
    ask(operator, Request::Tasks(filter), |answer| match answer {
        Answer::Tasks(tasks) => Some(tasks),
        _ => None,
    })
    .await
}

async fn list(app: App, list: &List) -> Result<(), Failure> {
    let mut filter = list.selection.filter()?;
    let mut operator = operator(app, &list.plain.inbox).await?;
    let limit = list.limit.clamp(1, 100_000);
    if list.quarantine {
        let rows = ask(&mut operator, Request::Quarantined { limit: limit + 1 }, |answer| match answer {
            Answer::Quarantined(rows) => Some(rows),
            _ => None,
        });
        let mut rows = rows.await?;
        let is_cut = cut(&mut rows, limit);
        return write(list.plain.format, &rows, is_cut, rows::quarantine);
    }
    (filter.state, filter.limit) = (list.state, limit + 1);
    let mut found = tasks(&mut operator, filter).await?;
    let is_cut = cut(&mut found, limit);
    write(list.plain.format, &found, is_cut, rows::tasks)
}

/// Leaves `limit` rows. Returns whether there were more.
fn cut<T>(rows: &mut Vec<T>, limit: usize) -> bool {
    let is_cut = rows.len() > limit;
    rows.truncate(limit);
    is_cut
}

fn write<T: serde::Serialize>(
    format: Format,
    rows: &[T],
    is_cut: bool,
    table: fn(&[T]) -> String,
) -> Result<(), Failure> {
    match format {
        Format::Json => print(&super::json(&rows)?),
        Format::Table if rows.is_empty() => print("nothing\n"),
        Format::Table => print(&table(rows)),
    }
    if is_cut {
        complain(&format!("there are more: `--limit {}` shows the next ones, too", rows.len() * 2));
    }
    Ok(())
}

async fn show(app: App, show: Show) -> Result<(), Failure> {
    let mut operator = operator(app, &show.plain.inbox).await?;
    let found = ask(&mut operator, Request::Event { id: show.id.clone() }, |answer| match answer {
        Answer::Event(found) => Some(found),
        _ => None,
    });
    let Some(found) = found.await? else {
        return Err(Failure::Failed(format!("there is no event {} in the inbox", show.id)));
    };
    match (show.body, show.plain.format, &found.body) {
        (true, _, Some(body)) => print(body),
        (true, _, None) => {
            return Err(Failure::Failed(format!("the body of {} is not, or no longer, kept", show.id)));
        }
        (false, Format::Json, _) => print(&super::json(&found)?),
        (false, Format::Table, _) => print(&rows::event(&found)),
    }
    Ok(())
}

async fn stats(app: App, plain: &Plain) -> Result<(), Failure> {
    let mut operator = operator(app, &plain.inbox).await?;
    let stats = ask(&mut operator, Request::Stats, |answer| match answer {
        Answer::Stats(stats) => Some(stats),
        _ => None,
    });
    let stats = stats.await?;
    match plain.format {
        Format::Json => print(&super::json(&stats)?),
        Format::Table => print(&rows::stats(&stats)),
    }
    Ok(())
}

async fn prune(app: App, plain: &Plain) -> Result<(), Failure> {
    let mut operator = operator(app, &plain.inbox).await?;
    let pruned = ask(&mut operator, Request::Prune, |answer| match answer {
        Answer::Pruned(pruned) => Some(pruned),
        _ => None,
    });
    let pruned = pruned.await?;
    match plain.format {
        Format::Json => print(&super::json(&pruned)?),
        Format::Table => print(&format!(
            "{} bodies and {} events freed, {} of these with a parked task; {} bodies in quarantine\n",
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
            "which tasks? name events, --type, --handler, --since or --why, or say --all".to_owned(),
        ));
    }
    let by_name = !filter.event_ids.is_empty();
    filter.state = steer.state.or((!by_name).then_some(State::Parked));
    filter.limit = PAGE;
    let mut operator = operator(app, &steer.plain.inbox).await?;
    let mut meant = Vec::new();
    loop {
        let page = tasks(&mut operator, filter.clone()).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.task);
        meant.extend(page.into_iter().filter(|task| can_be_steered(task.state)));
    }
    if steer.dry_run {
        return write(steer.plain.format, &meant, false, rows::tasks);
    }
    let bar = ProgressBar::new(meant.len() as u64);
    let mut changed = 0;
    for page in meant.chunks(PAGE) {
        let page: Vec<i64> = page.iter().map(|task| task.task).collect();
        bar.inc(page.len() as u64);
        changed += ask(&mut operator, request(page), |answer| match answer {
            Answer::Changed(changed) => Some(changed),
            _ => None,
        })
        .await?;
    }
    bar.finish_and_clear();
    match steer.plain.format {
        Format::Json => print(&super::json(&serde_json::json!({ "tasks": changed }))?),
        Format::Table => print(&format!("{changed} {done}{}\n", when(&operator, done))),
    }
    Ok(())
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
    let mut file = match &export.out {
        None => None,
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let cannot = |error: std::io::Error| {
                Failure::Failed(format!("{} cannot be written: {error}", path.display()))
            };
            Some((options.open(path).map_err(cannot)?, cannot))
        }
    };
    let bar = if file.is_some() { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
    loop {
        let page = events(&mut operator, filter.clone()).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.cursor);
        for event in &page {
            let id = event.event_id.clone();
            let found = ask(&mut operator, Request::Event { id }, |answer| match answer {
                Answer::Event(found) => Some(found),
                _ => None,
            });
            // One that was deleted since is not there.
            let Some(found) = found.await? else { continue };
            let mut line =
                serde_json::to_string(&found).map_err(|error| super::failed("cannot write JSON", &error))?;
            line.push('\n');
            match &mut file {
                Some((file, cannot)) => file.write_all(line.as_bytes()).map_err(&*cannot)?,
                None => print(&line),
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    Ok(())
}

/// Lists one page of events.
pub(super) async fn events(
    operator: &mut Operator,
    filter: Filter,
) -> Result<Vec<crate::inbox::store::EventRow>, Failure> {
    ask(operator, Request::Events(filter), |answer| match answer {
        Answer::Events(events) => Some(events),
        _ => None,
    })
    .await
}
