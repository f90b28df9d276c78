//! `replay`: runs handlers again on stored events.
//!
//! The events are selected first, page by page, and then replayed oldest first. Which handlers run is decided where the
//! inbox is written: by the running server, or by this program if there is none.

use clap::Args;
use serde::Serialize;
use webhook_core::Registry;

use super::flags::{Operating, SettingFlags};
use super::inbox::{EventFlags, PAGE, handler, json, named, operator, tables};
use super::{Failure, Format, Output};
use crate::app::App;
use crate::operate::EventKey;
use crate::operate::operator::Operator;
use crate::report::console::print;
use crate::report::progress::Progress;
use crate::store::{EventRow, Filter, Replayed};

#[derive(Args)]
#[command(
    after_help = "A replay runs all handlers of the event's type at the endpoints that it came through, regardless of \
    their earlier outcome, including handlers added after the event arrived. Their `Context::is_replay` is true, and their idempotency keys are the same as \
    before. Events whose body is no longer stored cannot be replayed.\n\nExamples:\n  \
    replay evt_1 evt_2 --handler shop::orders::fulfil\n  \
    replay --type 'charge.dispute.*' --since 2days --dry-run\n  replay --customer cus_1 --type 'invoice.*'"
)]
pub(super) struct Replay {
    /// Event ids
    #[arg(
        value_name = "EVENT",
        required_unless_present_any = ["event_type", "object", "customer", "account", "since"]
    )]
    ids: Vec<String>,
    #[command(flatten)]
    of: EventFlags,
    /// Only this handler
    #[arg(long, value_name = "ID")]
    handler: Option<String>,
    /// List the selected events without running their handlers
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    inbox: SettingFlags<Operating>,
    #[command(flatten)]
    output: Output,
}

/// The result of a replay.
#[derive(Default, Serialize)]
struct Report {
    /// The number of selected events.
    events: usize,
    /// Tasks that are ready.
    tasks: u64,
    /// Ids of events whose body is not stored.
    without_body: Vec<String>,
    /// Ids that the inbox does not contain.
    unknown: Vec<String>,
}

/// Selects the events, replays them, and reports what became of each.
pub(super) async fn run(app: App, replay: Replay) -> Result<(), Failure> {
    let filter = Filter { limit: PAGE, ..replay.of.filter(&replay.ids)? };
    replay.handler.as_deref().map(handler).transpose()?;
    let mut operator = operator(app, &replay.inbox).await?;
    named(&mut operator, &filter).await?;
    let mut meant = meant(&mut operator, filter).await?;
    let is_known = |id: &&String| meant.iter().any(|event| event.event_id == **id);
    let unknown: Vec<String> = replay.ids.iter().filter(|id| !is_known(id)).cloned().collect();
    // An event that is not named is selected only if there is a handler for it.
    let registry = Registry::linked();
    meant.retain(|event| {
        let endpoints = event.endpoints.iter().map(|row| &*row.endpoint);
        let mut handlers = registry.handlers_at(&event.event_type, endpoints).into_iter();
        let is_taken = match &replay.handler {
            Some(only) => handlers.any(|handler| handler.id == only),
            None => handlers.next().is_some(),
        };
        is_taken || replay.ids.contains(&event.event_id)
    });
    let mut report = Report { events: meant.len(), unknown, ..Report::default() };
    if replay.dry_run {
        report.without_body =
            meant.iter().filter(|event| !event.has_body).map(|event| event.event_id.clone()).collect();
        return write(&replay, &report, &meant, "");
    }
    let mut progress = Progress::of(meant.len());
    // The oldest first, as they happened.
    meant.reverse();
    for page in meant.chunks(PAGE) {
        let key = |event: &EventRow| EventKey { event_id: event.event_id.clone(), cursor: event.cursor };
        let replayed = operator.replay(page.iter().map(key).collect(), replay.handler.clone()).await?;
        for (id, replayed) in page.iter().map(|event| &event.event_id).zip(replayed) {
            match replayed {
                Replayed::Ready(tasks) => report.tasks += tasks,
                Replayed::NoBody => report.without_body.push(id.clone()),
                Replayed::Unknown => report.unknown.push(id.clone()),
            }
        }
        progress.advance(page.len());
    }
    drop(progress);
    let when = if operator.runs_tasks() { " now" } else { " when the server starts" };
    write(&replay, &report, &meant, when)
}

/// All events that match a filter, newest first.
async fn meant(operator: &mut Operator, mut filter: Filter) -> Result<Vec<EventRow>, Failure> {
    let mut meant: Vec<EventRow> = Vec::new();
    loop {
        let page = operator.events(filter.clone()).await?;
        let Some(last) = page.last() else { return Ok(meant) };
        filter.after = Some(last.cursor);
        meant.extend(page);
    }
}

/// Writes the report. Fails if an event that was named is not in the inbox.
fn write(replay: &Replay, report: &Report, meant: &[EventRow], when: &str) -> Result<(), Failure> {
    match replay.output.format() {
        Format::Json => print(&json(report)?),
        Format::Table if replay.dry_run => {
            print(&tables::events(meant).text_without_header(replay.output.width()));
            let replayable = report.events - report.without_body.len();
            print(&format!("{replayable} of {} events would be replayed\n", report.events));
        }
        Format::Table => {
            print(&format!("{} tasks run{when} (events: {})\n", report.tasks, report.events));
            if !report.without_body.is_empty() {
                print(&format!(
                    "not replayed because their bodies are not stored: {}\n",
                    some(&report.without_body)
                ));
            }
        }
    }
    match &report.unknown[..] {
        [] => Ok(()),
        unknown => Err(Failure::Failed(format!("not in the inbox: {}", unknown.join(" ")))),
    }
}

/// The first few ids of a list that may be long.
fn some(ids: &[String]) -> String {
    const FEW: usize = 10;
    match ids.len().checked_sub(FEW) {
        None | Some(0) => ids.join(" "),
        Some(more) => format!("{} and {more} more (`--format json` lists all)", ids[..FEW].join(" ")),
    }
}
