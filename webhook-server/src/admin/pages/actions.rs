//! What a form asks for: retry, skip, replay. Then the browser is sent back to a page, which says what was done.

use tracing::info;

use super::parked::{GroupKey, tasks_of};
use super::{Backend, PageError};
use crate::admin::query::{Query, query_text};
use crate::operate::EventKey;
use crate::store::{Replayed, StoreError, TaskRow};

/// The longest reason for skipping, in characters.
const LONGEST_REASON: usize = 500;

/// How many tasks are changed in one call.
const TOGETHER: usize = 100;

/// Carries out the action at a path. Returns where the browser goes next: a path with parameters that count what was done.
pub(super) async fn act(backend: &Backend, path: &str, form: &Query) -> Result<String, PageError> {
    let operations = backend.operations()?;
    let (done, count, back) = match path {
        "/retry" => {
            let tasks = tasks(form)?;
            info!(?tasks, "the dashboard was asked to retry tasks");
            ("retried", operations.retry(tasks).await?, back_to_event(form))
        }
        "/skip" => {
            let (tasks, reason) = (tasks(form)?, reason(form)?);
            info!(?tasks, reason, "the dashboard was asked to skip tasks");
            ("skipped", operations.skip(tasks, reason).await?, back_to_event(form))
        }
        "/replay" => {
            let event = event(form)?;
            info!(
                event_id = event.event_id,
                handler = form.get("handler"),
                "the dashboard was asked to replay an event"
            );
            let replayed = operations.replay(vec![event], form.get("handler").map(str::to_owned)).await?;
            ("replayed", replayed.iter().map(started).sum(), back_to_event(form))
        }
        "/parked/retry" => {
            let tasks = group(backend, form).await?;
            ("retried", in_steps(tasks, |tasks| operations.retry(tasks)).await?, "/parked?".to_owned())
        }
        "/parked/skip" => {
            let reason = reason(form)?;
            let tasks = group(backend, form).await?;
            (
                "skipped",
                in_steps(tasks, |tasks| operations.skip(tasks, reason.clone())).await?,
                "/parked?".to_owned(),
            )
        }
        _ => return Err(PageError::Missing("There is no such action.")),
    };
    info!(path, count, "the dashboard did what it was asked to");
    Ok(format!("{back}{}", query_text(&[(done, Some(&count.to_string()))])))
}

/// The tasks that a form names.
fn tasks(form: &Query) -> Result<Vec<i64>, PageError> {
    let tasks: Vec<i64> = form.all("task").filter_map(|task| task.parse().ok()).collect();
    if tasks.is_empty() { Err(PageError::Unclear("Which tasks?")) } else { Ok(tasks) }
}

fn reason(form: &Query) -> Result<String, PageError> {
    form.get("reason")
        .map(|reason| reason.chars().take(LONGEST_REASON).collect())
        .ok_or(PageError::Unclear("A skipped task needs a reason."))
}

/// The event that a form names.
pub(super) fn event(form: &Query) -> Result<EventKey, PageError> {
    match (form.get("id"), form.number("cursor")) {
        (Some(id), Some(cursor)) => Ok(EventKey { event_id: id.to_owned(), cursor }),
        _ => Err(PageError::Unclear("Which event?")),
    }
}

fn started(replayed: &Replayed) -> u64 {
    if let Replayed::Ready(tasks) = replayed { *tasks } else { 0 }
}

/// The tasks of the group that a form names. If it has grown since it was shown, nobody has agreed to that.
async fn group(backend: &Backend, form: &Query) -> Result<Vec<i64>, PageError> {
    let key = GroupKey::read(form).ok_or(PageError::Unclear("Which tasks?"))?;
    let (mut rows, _) = tasks_of(backend, &key).await?;
    // Nobody has seen those that are newer.
    let newest = form.number("newest").unwrap_or(0);
    rows.retain(|row| row.task <= newest);
    let shown = form.number("tasks").and_then(|tasks| usize::try_from(tasks).ok()).unwrap_or(0);
    if rows.len() > shown {
        return Err(PageError::Changed("More tasks were parked since. Look again, and then decide."));
    }
    info!(
        handler = form.get("handler"),
        why = form.get("why"),
        tasks = rows.len(),
        "the dashboard was asked to change parked tasks"
    );
    Ok(rows.iter().map(|row: &TaskRow| row.task).collect())
}

async fn in_steps<F>(tasks: Vec<i64>, change: impl Fn(Vec<i64>) -> F) -> Result<u64, PageError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut changed = 0;
    for step in tasks.chunks(TOGETHER) {
        changed += change(step.to_vec()).await?;
    }
    Ok(changed)
}

/// The page of the event that a form names, or the list of events.
fn back_to_event(form: &Query) -> String {
    match form.get("id") {
        Some(id) => format!("/event?{}&", query_text(&[("id", Some(id)), ("cursor", form.get("cursor"))])),
        None => "/events?".to_owned(),
    }
}
