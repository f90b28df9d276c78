//! Where the shop's work is done: its books, and a desk for each handler.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use webhook_server::{Extract, HandlerError, Invocation, Requirements, State};

/// What the shop knows. In memory: a real shop has a database.
#[derive(Clone, Default)]
pub(crate) struct Books(Arc<Mutex<Pages>>);

#[derive(Default)]
pub(crate) struct Pages {
    /// What became of each order, by the payment or session it is known by.
    pub(crate) orders: BTreeMap<String, &'static str>,
    /// The e-mail address of each customer.
    pub(crate) customers: BTreeMap<String, String>,
    /// The card of each customer.
    pub(crate) cards: BTreeMap<String, String>,
    /// The status of each subscription.
    pub(crate) subscriptions: BTreeMap<String, String>,
    /// What is sold, and for how much.
    pub(crate) prices: BTreeMap<String, i64>,
    /// What the shop has earned, in the smallest unit of its currency.
    pub(crate) balance: i64,
    /// What was done, and by which handler.
    pub(crate) done: Vec<(&'static str, String)>,
}

impl Books {
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a handler works with: the books, in its name.
pub(crate) struct Desk {
    books: Books,
    handler: &'static str,
}

impl Desk {
    pub(crate) fn pages(&self) -> MutexGuard<'_, Pages> {
        self.books.pages()
    }

    /// Notes that the work is done.
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

/// What the shop cannot do without.
pub(crate) trait Needed<T> {
    /// Parks the event, for a person to see, where Stripe did not send it.
    fn needed(self, what: &'static str) -> Result<T, HandlerError>;
}

impl<T> Needed<T> for Option<T> {
    fn needed(self, what: &'static str) -> Result<T, HandlerError> {
        self.ok_or_else(|| HandlerError::park(format!("the event has no {what}")))
    }
}

/// Parks the event unless something is so.
pub(crate) fn ensure(is_so: bool, otherwise: &'static str) -> Result<(), HandlerError> {
    if is_so { Ok(()) } else { Err(HandlerError::park(otherwise)) }
}
