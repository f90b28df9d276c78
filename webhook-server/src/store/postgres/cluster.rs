//! The database of the tests: they share a server, and each has a schema of its own.

use std::sync::{Arc, OnceLock};

use super::connection::Connection;
use super::opener::Opener;
use crate::store::clock::StoreClock;

/// Makes a name for a schema that no other test has. It must be quoted.
pub(crate) fn new_schema() -> String {
    test_postgres::schema().replace('_', " ")
}

/// The URL of the server's database, possibly by way of a pool of connections. Starts the server if no other test has.
pub(crate) fn url() -> &'static str {
    static URL: OnceLock<String> = OnceLock::new();
    URL.get_or_init(test_postgres::shared_url)
}

/// An opener for a schema, which has no tables until the first connection.
pub(super) fn opener(schema: &str, clock: Option<StoreClock>) -> Arc<Opener> {
    Arc::new(Opener::new(url(), schema, true, clock).expect("the URL is right"))
}

/// An opener for a schema, whose connections are sessions of the server.
pub(super) fn opener_without_pool(schema: &str) -> Opener {
    Opener::new(&test_postgres::shared().url(), schema, true, None).expect("the URL is right")
}

/// A connection to a new inbox.
pub(super) async fn connection() -> Connection {
    opener(&new_schema(), None).connect().await.expect("the server is running")
}
