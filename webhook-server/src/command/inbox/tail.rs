//! `inbox tail`: prints what happens in the inbox, as it happens.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::selection::Selection;
use super::tables::{time, worded};
use super::{Plain, json_line, named, settings};
use crate::app::App;
use crate::command::{Failure, Format};
use crate::operate::operator::{OperateError, Operator};
use crate::operate::tail::{Change, Look, PAUSE, Tail as Following};
use crate::report::console::{has_reader, print, tell};
use crate::report::format::{parked_because, printable, rounded};
use crate::store::{EventRow, State, TaskRow};

#[derive(Args)]
#[command(
    after_help = "It looks once a second, also through a server that has the inbox, and ends at Ctrl-C. A task that runs and \
    succeeds between two looks is shown as done. At most 50 arrivals are shown each time; more are counted."
)]
pub(super) struct Tail {
    #[command(flatten)]
    selection: Selection,
    /// Only tasks that come into this state
    #[arg(long, value_enum)]
    state: Option<State>,
    /// Number of latest events to begin with
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    last: usize,
    #[command(flatten)]
    plain: Plain,
}

/// Prints until the reader or the inbox has gone.
pub(super) async fn run(app: App, tail: Tail) -> Result<(), Failure> {
    let mut filter = tail.selection.filter()?;
    filter.state = tail.state;
    let settings = settings(app, &tail.plain.flags, |_, _| ())?;
    let mut operator = Operator::reach(&settings).await?;
    named(&mut operator, &filter).await?;
    let mut following = Following::with_latest(filter, tail.last);
    let mut lines = Lines::new(tail.plain.output.format());
    let following = async {
        loop {
            match following.look(&mut operator).await {
                Ok(look) => lines.write(&look)?,
                // The server has ended, or another one has started in its place.
                Err(OperateError::NoAnswer(_)) => {
                    operator = Operator::reach(&settings).await?;
                    tell("the server has stopped, or was started again: still looking\n");
                }
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(PAUSE).await;
            if !has_reader() {
                return Ok(());
            }
        }
    };
    tokio::select! {
        ended = following => ended,
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// A line as JSON.
#[derive(Serialize)]
#[serde(tag = "change", rename_all = "snake_case")]
enum Line<'l> {
    Received { event: &'l EventRow },
    Task { task: &'l TaskRow },
    LeftOut { events: usize, is_more: bool },
    Unfollowed { events: usize },
}

/// Writes lines one below the other, in columns that grow with what is in them.
struct Lines {
    format: Format,
    widths: [usize; 3],
}

impl Lines {
    fn new(format: Format) -> Self {
        Self { format, widths: [0; 3] }
    }

    fn write(&mut self, look: &Look) -> Result<(), Failure> {
        if look.left_out > 0 || look.is_more {
            self.line(&Line::LeftOut { events: look.left_out, is_more: look.is_more })?;
        }
        if look.unfollowed > 0 {
            self.line(&Line::Unfollowed { events: look.unfollowed })?;
        }
        for Change { event, is_new, tasks, changed } in &look.changes {
            if *is_new {
                self.line(&Line::Received { event })?;
            }
            for task in tasks.iter().filter(|task| changed.contains(&task.task)) {
                self.line(&Line::Task { task })?;
            }
        }
        Ok(())
    }

    fn line(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        match self.format {
            Format::Json => print(&json_line(line)?),
            Format::Table => {
                let text = self.text(line);
                print(&format!("{text}\n"));
            }
        }
        Ok(())
    }

    /// A line for people: the columns of `inbox list`, as far as they say something.
    fn text(&mut self, line: &Line<'_>) -> String {
        match line {
            Line::Received { event } => {
                let object = event.object_id.as_deref().map_or_else(|| "-".to_owned(), printable);
                let columns = self.columns(&event.event_id, &event.event_type, &object);
                format!("{}  {columns}  received", time(event.received_ms))
            }
            Line::Task { task } => {
                let columns = self.columns(&task.event_id, &task.event_type, &task.handler);
                let at = task.finished_ms.or(task.started_ms).unwrap_or(task.received_ms);
                let (word, style) = worded(task.state);
                format!("{}  {columns}  {style}{word}{style:#}{}", time(at), details(task))
            }
            Line::LeftOut { events, is_more } => {
                let more = if *is_more { "more than " } else { "" };
                format!("({more}{events} events left out: they arrive faster than they can be shown)")
            }
            Line::Unfollowed { events } => {
                format!("({events} events are not followed any more: too many have open tasks)")
            }
        }
    }

    fn columns(&mut self, event_id: &str, event_type: &str, about: &str) -> String {
        let columns = [printable(event_id), printable(event_type), about.to_owned()];
        let padded = columns.iter().zip(&mut self.widths).map(|(column, width)| {
            *width = (*width).max(column.width());
            format!("{column}{}", " ".repeat(*width - column.width()))
        });
        padded.collect::<Vec<_>>().join("  ")
    }
}

/// What is known of a task besides its state.
fn details(task: &TaskRow) -> String {
    let took = task.finished_ms.zip(task.started_ms).map(|(finished, started)| {
        format!(" after {}", rounded(Duration::from_millis(finished.abs_diff(started))))
    });
    let mut details = took.unwrap_or_default();
    if task.attempt > 0 {
        details.push_str(&format!(", attempt {}", task.attempt));
    }
    if let Some(why) = task.why {
        details.push_str(&format!(", {}", parked_because(why)));
    }
    if let Some(error) = &task.error {
        details.push_str(&format!(": {}", printable(error)));
    }
    if let Some(due) = task.due_ms.filter(|_| task.attempt > 0) {
        let due = UNIX_EPOCH + Duration::from_millis(due.unsigned_abs());
        let left = due.duration_since(SystemTime::now()).unwrap_or_default();
        let left = Duration::from_secs_f64(left.as_secs_f64().ceil());
        details.push_str(&match left {
            Duration::ZERO => ", again now".to_owned(),
            left => format!(", again in {}", humantime::format_duration(left)),
        });
    }
    details
}
