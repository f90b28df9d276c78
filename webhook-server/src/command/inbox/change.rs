//! `inbox retry` and `inbox skip`: changes the state of tasks.
//!
//! The tasks are selected first, page by page, and then changed by their numbers. A task that starts meanwhile is left
//! as it is, so the number of changed tasks may be smaller than that of selected ones.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::selection::Selection;
use super::{PAGE, Plain, all_known, handler, json, named, operator, tables, write};
use crate::app::App;
use crate::command::{Failure, Format};
use crate::operate::operator::Operator;
use crate::operate::wire::Named;
use crate::report::console::{print, tell};
use crate::report::progress::Progress;
use crate::store::{Filter, State, TaskRow};

#[derive(Args)]
pub(super) struct Steer {
    #[command(flatten)]
    selection: Selection,
    /// Only tasks in this state [default: parked, unless event ids are given]
    #[arg(long, value_parser = steerable())]
    state: Option<State>,
    /// Select all tasks in the state
    #[arg(long)]
    all: bool,
    /// List the selected tasks without changing them
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    plain: Plain,
}

/// The states in which a task can be changed. A running task belongs to its handler, and a finished task stays as it is.
fn steerable() -> impl TypedValueParser<Value = State> {
    let states = [State::Parked, State::Ready, State::Blocked];
    PossibleValuesParser::new(states.iter().filter_map(ValueEnum::to_possible_value))
        .try_map(|name| State::from_str(&name, false))
}

#[derive(Args)]
pub(super) struct Skip {
    #[command(flatten)]
    steer: Steer,
    /// Reason to record with the task
    #[arg(long, value_name = "TEXT", default_value = "skipped by an operator")]
    reason: String,
}

pub(super) async fn retry(app: App, retry: &Steer) -> Result<(), Failure> {
    steer(app, retry, Change::Retry).await
}

pub(super) async fn skip(app: App, skip: &Skip) -> Result<(), Failure> {
    steer(app, &skip.steer, Change::Skip { reason: &skip.reason }).await
}

/// What an operator does to tasks.
#[derive(Clone, Copy, Debug)]
enum Change<'r> {
    Retry,
    Skip { reason: &'r str },
}

impl Change<'_> {
    /// Returns how many tasks it changed.
    async fn apply(self, operator: &mut Operator, tasks: Vec<i64>) -> Result<u64, Failure> {
        Ok(match self {
            Self::Retry => operator.retry(tasks).await?,
            Self::Skip { reason } => operator.skip(tasks, reason.to_owned()).await?,
        })
    }

    /// Describes the changed tasks.
    fn outcome(self, operator: &Operator) -> &'static str {
        match self {
            Self::Retry if operator.runs_tasks() => "ready now",
            Self::Retry => "ready; they run when the server starts",
            Self::Skip { .. } => "skipped",
        }
    }

    /// Says which tasks were selected and stay as they are, because they are in a state in which they cannot be changed.
    fn left(self, others: &[State]) -> String {
        let counted =
            [(State::Done, "already done"), (State::Skipped, "already skipped"), (State::Running, "running")]
                .into_iter()
                .map(|(state, name)| (others.iter().filter(|other| **other == state).count(), name));
        let told: Vec<_> = counted
            .filter(|(count, _)| *count > 0)
            .map(|(count, name)| match count {
                1 => format!("1 task was {name}"),
                _ => format!("{count} tasks were {name}"),
            })
            .collect();
        let is_closed = others.iter().any(|state| matches!(state, State::Done | State::Skipped));
        let hint =
            if matches!(self, Self::Retry) && is_closed { "; `replay` runs handlers again" } else { "" };
        format!("{}{hint}", told.join(", "))
    }
}

/// Changes the selected tasks.
async fn steer(app: App, steer: &Steer, change: Change<'_>) -> Result<(), Failure> {
    let mut filter = steer.selection.filter()?;
    if !steer.all && !steer.selection.selects() {
        return Err(Failure::Failed(
            "no tasks selected: give event ids, use --type, --object, --customer, --account, --handler, --since or --why, \
             or use --all".to_owned(),
        ));
    }
    let by_name = !filter.event_ids.is_empty();
    filter.state = steer.state.or((!by_name).then_some(State::Parked));
    filter.limit = PAGE;
    let mut operator = operator(app, &steer.plain.flags).await?;
    named(&mut operator, &filter).await?;
    let (mut meant, mut others) = (Vec::new(), Vec::new());
    loop {
        let page = operator.tasks(filter.clone()).await?;
        let Some(last) = page.last() else { break };
        filter.after = Some(last.task);
        for task in page {
            if can_be_steered(task.state) { meant.push(task) } else { others.push(task.state) }
        }
    }
    if meant.is_empty() && filter.state == Some(State::Parked) {
        tell_of_others(&mut operator, filter.clone(), steer.selection.selects()).await?;
    }
    if matches!(change, Change::Retry) {
        leave_without_handler(&mut meant);
    }
    let left = change.left(&others);
    if steer.dry_run {
        if !left.is_empty() {
            tell(&format!("{left}\n"));
        }
        write(steer.plain.output, &meant, false, |rows, width| tables::tasks(rows).text(width))?;
        return all_known(&mut operator, &filter.event_ids).await;
    }
    let mut progress = Progress::of(meant.len());
    let mut changed = 0;
    for page in meant.chunks(PAGE) {
        let page: Vec<i64> = page.iter().map(|task| task.task).collect();
        progress.advance(page.len());
        changed += change.apply(&mut operator, page).await?;
    }
    drop(progress);
    match steer.plain.output.format() {
        Format::Json => print(&json(&serde_json::json!({ "tasks": changed }))?),
        Format::Table => {
            let left = if left.is_empty() { left } else { format!(": {left}") };
            print(&format!("{changed} {}{left}\n", change.outcome(&operator)));
        }
    }
    all_known(&mut operator, &filter.event_ids).await
}

/// Leaves out the tasks whose handlers this program does not have, and says so: they would only be parked again.
fn leave_without_handler(meant: &mut Vec<TaskRow>) {
    let all = meant.len();
    meant.retain(|task| handler(&task.handler).is_ok());
    let left_out = all - meant.len();
    if left_out > 0 {
        let (tasks, stay) = if left_out == 1 { ("task", "stays") } else { ("tasks", "stay") };
        tell(&format!(
            "{left_out} {tasks} {stay} parked because this program has no such handler. If a handler was renamed, give it \
             its old id (`id = \"…\"`), or `replay` the events\n"
        ));
    }
}

/// Says which tasks the same selection finds in other states, because it finds no parked task. A selection of everything
/// always finds closed tasks, so they are left out there.
async fn tell_of_others(operator: &mut Operator, filter: Filter, is_narrow: bool) -> Result<(), Failure> {
    let closed = [State::Running, State::Skipped, State::Done];
    let closed = closed.into_iter().filter(|_| is_narrow);
    for state in [State::Ready, State::Blocked].into_iter().chain(closed) {
        let waiting = operator.tasks(Filter { state: Some(state), after: None, ..filter.clone() }).await?;
        let count = match waiting.len() {
            0 => continue,
            all if all < PAGE => all.to_string(),
            all => format!("at least {all}"),
        };
        let name = state.name();
        let how = if can_be_steered(state) {
            format!(" (select them with `--state {name}`)")
        } else {
            String::new()
        };
        tell(&format!("no parked task matches; {name}: {count}{how}\n"));
    }
    Ok(())
}

/// Whether an operator may change a task in this state.
fn can_be_steered(state: State) -> bool {
    matches!(state, State::Parked | State::Ready | State::Blocked)
}
