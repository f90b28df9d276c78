//! What is parked, in groups: one handler, one reason, messages of one shape.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use askama::Template;
use sha2::{Digest, Sha256};

use super::text::{When, visible};
use super::{Backend, Frame, PageError, Rendered, aside, made, render, searched};
use crate::admin::query::{Query, query_text};
use crate::operate::wire::Named;
use crate::report::format::{hex, parked_because};
use crate::report::shape::shape;
use crate::store::{Filter, ParkReason, State, TaskRow};

/// How many parked tasks are looked at, the newest ones.
const MOST: usize = 5_000;

/// How many are read at once.
const STEP: usize = 500;

#[derive(Template)]
#[template(path = "parked.html")]
struct Parked {
    frame: Frame,
    groups: Vec<Group>,
    /// Whether there are more than [`MOST`].
    is_cut: bool,
    most: usize,
}

#[derive(Template)]
#[template(path = "confirm.html")]
struct Confirm {
    frame: Frame,
    group: Group,
    is_cut: bool,
    most: usize,
}

/// A group, as a page shows it.
struct Group {
    handler: String,
    why: &'static str,
    /// The newest message.
    example: String,
    tasks: usize,
    latest: Option<When>,
    /// The search for its tasks.
    query: String,
    /// The parameters that name the group, and how many tasks it had when it was shown.
    key: String,
    fields: Vec<(&'static str, String)>,
}

/// What the tasks of a group have in common. A message may contain a customer's data, so that a URL has only its digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GroupKey {
    handler: String,
    why: &'static str,
    shape: String,
}

impl GroupKey {
    fn of(row: &TaskRow) -> Self {
        let error = row.error.as_deref().unwrap_or_default();
        Self {
            handler: row.handler.clone(),
            why: row.why.map_or("", ParkReason::name),
            shape: digest(&shape(error)),
        }
    }

    /// Reads what [`fields`](Self::fields) wrote.
    pub(super) fn read(query: &Query) -> Option<Self> {
        let why = ParkReason::named(query.get("why")?)?.name();
        let handler = query.get("handler")?.to_owned();
        Some(Self { handler, why, shape: query.get("shape").unwrap_or_default().to_owned() })
    }

    fn fields(&self, tasks: usize, newest: i64) -> Vec<(&'static str, String)> {
        vec![
            ("newest", newest.to_string()),
            ("handler", self.handler.clone()),
            ("why", self.why.to_owned()),
            ("shape", self.shape.clone()),
            ("tasks", tasks.to_string()),
        ]
    }
}

/// Shows all groups, the largest first.
pub(super) async fn page(backend: &Backend, query: &Query) -> Rendered {
    let (rows, is_cut) = parked(backend, Filter::default()).await?;
    let frame = backend.frame_after("/parked", query);
    made(move || Parked { frame, groups: groups(&rows), is_cut, most: MOST }).await
}

/// Puts tasks into groups, the largest first.
fn groups(rows: &[TaskRow]) -> Vec<Group> {
    let mut groups: BTreeMap<GroupKey, Vec<&TaskRow>> = BTreeMap::new();
    for row in rows {
        groups.entry(GroupKey::of(row)).or_default().push(row);
    }
    let mut groups: Vec<Group> = groups.iter().map(|(key, rows)| group(key, rows)).collect();
    groups.sort_by_key(|group| Reverse(group.tasks));
    groups
}

/// Asks whether a group is to be retried or skipped, with the number of its tasks.
pub(super) async fn confirm(backend: &Backend, query: &Query) -> Rendered {
    let key = GroupKey::read(query).ok_or(PageError::Unclear("Which tasks?"))?;
    let (rows, is_cut) = tasks_of(backend, &key).await?;
    if rows.is_empty() {
        return Err(PageError::Missing("None of these tasks is parked any more."));
    }
    let group = group(&key, &rows.iter().collect::<Vec<_>>());
    render(Confirm { frame: backend.frame("/parked"), group, is_cut, most: MOST }).await
}

/// Finds the tasks of a group that are parked now, and whether there may be more than are looked at.
pub(super) async fn tasks_of(backend: &Backend, key: &GroupKey) -> Result<(Vec<TaskRow>, bool), PageError> {
    let filter =
        Filter { handler: Some(key.handler.clone()), why: ParkReason::named(key.why), ..Filter::default() };
    let (mut rows, is_cut) = parked(backend, filter).await?;
    let key = key.clone();
    let rows = aside(move || {
        rows.retain(|row| GroupKey::of(row) == key);
        rows
    });
    Ok((rows.await?, is_cut))
}

/// Reads parked tasks, the newest first, and whether there are more than are looked at.
async fn parked(backend: &Backend, filter: Filter) -> Result<(Vec<TaskRow>, bool), PageError> {
    let operations = backend.operations()?;
    let mut filter = Filter { state: Some(State::Parked), limit: STEP, ..filter };
    let mut rows: Vec<TaskRow> = Vec::new();
    loop {
        let step = operations.tasks(filter.clone()).await?;
        let (is_last, last) = (step.len() < STEP, step.last().map(|row| row.task));
        rows.extend(step);
        if is_last || rows.len() >= MOST {
            return Ok((rows, !is_last));
        }
        filter.after = last;
    }
}

fn group(key: &GroupKey, rows: &[&TaskRow]) -> Group {
    let fields = key.fields(rows.len(), rows.iter().map(|row| row.task).max().unwrap_or(0));
    let parameters: Vec<_> = fields.iter().map(|(name, value)| (*name, Some(&**value))).collect();
    let newest = rows.first();
    let error = newest.and_then(|row| row.error.as_deref()).unwrap_or_default();
    Group {
        why: ParkReason::named(key.why).map_or("", parked_because),
        example: visible(&beginning(error)),
        tasks: rows.len(),
        latest: newest.and_then(|row| row.finished_ms).map(When::of),
        query: searched(&format!("handler:{} state:parked why:{}", key.handler, key.why)),
        key: query_text(&parameters),
        handler: key.handler.clone(),
        fields,
    }
}

/// As much of a message as tells what it is about: other groups are to be seen, too.
fn beginning(message: &str) -> String {
    const LONGEST: usize = 500;

    match message.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}

/// The beginning of a text's SHA-256.
fn digest(text: &str) -> String {
    hex(&Sha256::digest(text)[..8])
}
