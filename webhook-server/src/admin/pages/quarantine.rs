//! The quarantine, and one body in it.

use askama::Template;
use tracing::info;

use super::text::{When, visible};
use super::tree::{Tree, tree};
use super::{Backend, Frame, PageError, Rendered, made, render};
use crate::admin::query::Query;
use crate::store::{Body, QuarantineRow};

/// How many bodies are listed, the newest ones.
const MOST: usize = 200;

#[derive(Template)]
#[template(path = "quarantine.html")]
struct Quarantine {
    frame: Frame,
    rows: Vec<Row>,
    /// Whether there are more.
    is_cut: bool,
}

#[derive(Template)]
#[template(path = "quarantined.html")]
struct One {
    frame: Frame,
    row: Row,
    tree: Option<Tree>,
    /// What is not JSON, if it was asked for.
    text: Option<String>,
    shows_all: bool,
}

struct Row {
    id: i64,
    received: When,
    reason: String,
    deliveries: u64,
    bytes: u64,
}

pub(super) async fn page(backend: &Backend) -> Rendered {
    let mut rows = backend.operations()?.quarantined(MOST + 1).await?;
    let is_cut = rows.len() > MOST;
    rows.truncate(MOST);
    let rows = rows.iter().map(Row::of).collect();
    render(Quarantine { frame: backend.frame("/quarantine"), rows, is_cut }).await
}

pub(super) async fn one(backend: &Backend, query: &Query) -> Rendered {
    let id = query.number("id").ok_or(PageError::Unclear("Which body?"))?;
    let found = backend.operations()?.quarantined_with_id(id).await?;
    let found = found.ok_or(PageError::Missing("The quarantine has no such body."))?;
    let shows_all = query.get("show") == Some("all");
    if shows_all {
        info!(number = id, "the dashboard was asked for a body in quarantine");
    }
    let frame = backend.frame("/quarantine");
    made(move || {
        let tree = if let Body::Text(text) = &found.body { tree(text, shows_all) } else { None };
        let text = (shows_all && tree.is_none()).then(|| match &found.body {
            Body::Text(text) => visible(text),
            Body::Bytes(bytes) => bytes.escape_ascii().to_string(),
        });
        One { frame, row: Row::of(&found.row), tree, text, shows_all }
    })
    .await
}

impl Row {
    fn of(row: &QuarantineRow) -> Self {
        Self {
            id: row.id,
            received: When::of(row.received_ms),
            reason: visible(&row.reason),
            deliveries: row.deliveries,
            bytes: row.bytes,
        }
    }
}
