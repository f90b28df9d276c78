//! The shop's books, and a desk for each handler to work at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webhook_server::{Extract, HandlerError, Invocation, Requirements, State};

/// What the shop knows. It is kept in memory; a real shop has a database.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Pages>>);

#[derive(Default)]
pub(crate) struct Pages {
    /// The status of each order, by its payment or session.
    pub(crate) orders: BTreeMap<String, &'static str>,
    /// The e-mail address of each customer.
    pub(crate) customers: BTreeMap<String, String>,
    /// The card of each customer.
    pub(crate) cards: BTreeMap<String, String>,
    /// The status of each subscription.
    pub(crate) subscriptions: BTreeMap<String, String>,
    /// The amount of each price.
    pub(crate) prices: BTreeMap<String, i64>,
    /// The shop's earnings, in the smallest unit of its currency.
    pub(crate) balance: i64,
    /// What each handler did, in order.
    pub(crate) done: Vec<(&'static str, String)>,
}

impl Books {
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a handler works with: the books, and the handler's name for the record.
pub(crate) struct Desk {
    books: Books,
    handler: &'static str,
}

impl Desk {
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.books.pages()
    }

    /// Records that the work is done.
    pub(crate) fn done(&self, what: String) {
        println!("{what}");
        self.pages().done.push((self.handler, what));
    }
}

impl Extract for Desk {
    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        let State(books) = State::extract(invocation).await?;
        Ok(Self { books, handler: invocation.context.handler() })
    }

    fn needs(needs: &mut Requirements) {
        State::<Books>::needs(needs);
    }
}

/// A value that the shop needs.
pub(crate) trait Needed<T> {
    /// Returns the value; if Stripe did not send it, parks the event for a person.
    fn needed(self, what: &'static str) -> Result<T, HandlerError>;
}

impl<T> Needed<T> for Option<T> {
    fn needed(self, what: &'static str) -> Result<T, HandlerError> {
        self.ok_or_else(|| HandlerError::park(format!("the event has no {what}")))
    }
}

/// Parks the event unless a condition holds.
pub(crate) fn ensure(is_so: bool, otherwise: &'static str) -> Result<(), HandlerError> {
    if is_so { Ok(()) } else { Err(HandlerError::park(otherwise)) }
}
