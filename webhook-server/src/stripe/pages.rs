//! Lists, which Stripe's API gives page by page.

use hyper::Uri;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use serde_json::value::RawValue;

use super::call::Call;
use super::error::{ApiError, Reason};
use super::{Client, path};

/// From where, and to which end, a list is read. Those of `/v2/` are only read [`down`](Direction::Down) from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The newest first; without an id from the top, otherwise from what is older than the object with this id.
    Down { from: Option<String> },
    /// The oldest first, from what is newer than the object with this id, up to the newest.
    Up { from: String },
}

/// A list that is read page by page.
#[derive(Debug)]
pub(crate) struct Pages {
    client: Client,
    /// What is asked for the first page, and with another cursor for each further one.
    call: Call,
    next: Next,
}

/// How the next page is asked for.
#[derive(Debug)]
enum Next {
    /// By the object before it, if there is one.
    By(Direction),
    /// By a query that Stripe gave.
    Query(String),
    Nothing,
}

/// A page of a list of `/v1/` or of `/v2/`.
#[derive(Deserialize)]
struct Page {
    data: Vec<Box<RawValue>>,
    #[serde(default)]
    has_more: bool,
    #[serde(default)]
    next_page_url: Option<String>,
}

#[derive(Deserialize)]
struct Identified {
    id: String,
}

impl Pages {
    pub(super) fn new(client: Client, call: Call, direction: Direction) -> Self {
        Self { client, call, next: Next::By(direction) }
    }

    /// Reads the next page; `None` after the last one. A page may be empty. If it fails, it can be asked for again.
    ///
    /// # Errors
    ///
    /// Fails as [`Client::call`] does, and if the page is not one of this list.
    pub(crate) async fn next<T: DeserializeOwned>(&mut self) -> Result<Option<Vec<T>>, ApiError> {
        let call = match &self.next {
            Next::Nothing => return Ok(None),
            Next::By(Direction::Down { from: None }) => self.call.clone(),
            Next::By(Direction::Down { from: Some(id) }) => {
                self.call.clone().and_query(&json!({ "starting_after": id }))
            }
            Next::By(Direction::Up { from }) => {
                self.call.clone().and_query(&json!({ "ending_before": from }))
            }
            Next::Query(query) => {
                let mut call = self.call.clone();
                call.query.clone_from(query);
                call
            }
        };
        let answer = self.client.call(&call).await?;
        let mut page: Page = answer.decode()?;
        let failed = |reason| ApiError::new(&call, reason);
        let next = self.after(&page).map_err(failed)?;
        if let Next::By(Direction::Up { .. }) = &self.next {
            page.data.reverse();
        }
        let items = page.data.iter().map(|item| serde_json::from_str(item.get()));
        let items = items.collect::<Result<_, _>>().map_err(|error: serde_json::Error| {
            failed(Reason::Unexpected { line: error.line(), column: error.column() })
        })?;
        self.next = next;
        Ok(Some(items))
    }

    /// How the page after this one is asked for.
    fn after(&self, page: &Page) -> Result<Next, Reason> {
        if let Some(url) = &page.next_page_url {
            return self.query_of(url).map(Next::Query).ok_or(Reason::EndlessList);
        }
        let Next::By(direction) = &self.next else { return Ok(Next::Nothing) };
        if !page.has_more {
            return Ok(Next::Nothing);
        }
        let id = |item: Option<&Box<RawValue>>| {
            let item: Identified = serde_json::from_str(item?.get()).ok()?;
            Some(item.id)
        };
        let (next, before) = match direction {
            // Each page begins with the newest.
            Direction::Down { from } => (id(page.data.last()), from.as_ref()),
            Direction::Up { from } => (id(page.data.first()), Some(from)),
        };
        let next = next.filter(|next| Some(next) != before).ok_or(Reason::EndlessList)?;
        Ok(Next::By(match direction {
            Direction::Down { .. } => Direction::Down { from: Some(next) },
            Direction::Up { .. } => Direction::Up { from: next },
        }))
    }

    /// The query of the next page's URL, if that is another page of this list.
    fn query_of(&self, url: &str) -> Option<String> {
        let relative = if url.starts_with('/') {
            url
        } else {
            let parsed: Uri = url.parse().ok()?;
            let own = self.client.0.connections.server().url;
            let is_own = parsed.scheme() == own.scheme() && parsed.authority() == own.authority();
            let path_at = url.find("://")? + 3 + parsed.authority()?.as_str().len();
            is_own.then(|| url.get(path_at..))??
        };
        let (path, query) = relative.split_once('?')?;
        let is_plain = query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let is_other =
            self.call.query != query && !matches!(&self.next, Next::Query(before) if before == query);
        (path::check(path).is_ok() && path == self.call.path && is_plain && is_other)
            .then(|| query.to_owned())
    }
}
