//! A handler's arguments.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::reader::{Reads, StripeReader};
use crate::__private::{Argument, ArgumentKind, Extraction};
use crate::catalog::Kind;
use crate::payload::SparseField;
use crate::{
    Context, DecodeError, Envelope, Event, HandlerError, Payload, RawJson, TransactionManager,
    TransactionType,
};

/// One run of a handler on one event, from which the arguments are made.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// The application's state.
    pub states: Arc<States>,
    /// Information about this run.
    pub context: Context,
    /// What begins and ends the run's transaction, if the handler takes one.
    pub(crate) transactions: Option<Arc<dyn TransactionManager>>,
    /// What reads from Stripe's API, if the program can.
    pub(crate) reads: Option<Reads>,
}

impl Invocation {
    /// Makes an invocation.
    pub fn new(envelope: Arc<Envelope>, states: Arc<States>, context: Context) -> Self {
        Self { envelope, states, context, transactions: None, reads: None }
    }

    /// Lets the run have transactions, for a handler that takes one.
    #[must_use]
    pub fn in_transactions(mut self, manager: Arc<dyn TransactionManager>) -> Self {
        self.transactions = Some(manager);
        self
    }

    /// Lets the run read from Stripe's API, for a handler that takes `Fresh<…>`.
    #[must_use]
    pub fn reading(mut self, reader: Arc<dyn StripeReader>) -> Self {
        self.reads = Some(Reads::new(reader));
        self
    }
}

/// A type that a handler can take as an argument.
///
/// [`Event`], [`Notification`](crate::Notification), [`Fresh`](crate::Fresh), [`State`] and [`Context`] are such types. An application can add its own, which build on those:
///
/// ```
/// use webhook_core::{Extract, HandlerError, Invocation, Requirements, State};
///
/// # #[derive(Clone)]
/// # struct Pool;
/// # struct Connection;
/// # impl Pool {
/// #     async fn acquire(&self) -> Result<Connection, std::io::Error> { Ok(Connection) }
/// # }
/// /// A connection to the database, for one run.
/// struct Database(Connection);
///
/// impl Extract for Database {
///     async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
///         let State(pool) = State::<Pool>::extract(invocation).await?;
///         Ok(Self(pool.acquire().await?))
///     }
///
///     fn needs(needs: &mut Requirements) {
///         State::<Pool>::needs(needs);
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be used as a handler argument",
    label = "not a handler argument",
    note = "a handler takes `Event<…>`, `Notification`, `Fresh<…>`, `State<…>`, `Context`, or a type that implements `Extract`; it borrows a transaction: `&mut Tx`"
)]
pub trait Extract: Sized + Send + 'static {
    /// What this is, besides a type: the event, for example, of which a handler takes at most one.
    #[doc(hidden)]
    const KIND: ArgumentKind = ArgumentKind::Other;

    /// What it reads of the event: the payload's name, and the objects that it reads.
    #[doc(hidden)]
    const PAYLOAD: (&'static str, &'static [&'static str]) = ("", &[]);

    /// The payload's fields that some events lack, for each object that it reads.
    #[doc(hidden)]
    const SPARSE_FIELDS: &'static [&'static [SparseField]] = &[];

    /// How the expansion extracts the argument. An extractor that never waits overrides this to avoid the box.
    #[doc(hidden)]
    const EXTRACTION: Extraction<Self> = Extraction::waiting();

    /// What the expansion needs to know about this type. A type that is not an argument lacks it, so the error is
    /// reported for this name alone.
    #[doc(hidden)]
    const ARGUMENT: Argument<Self> = Argument {
        kind: Self::KIND,
        needs: Self::needs,
        extraction: Self::EXTRACTION,
        payload: Self::PAYLOAD,
        sparse_fields: Self::SPARSE_FIELDS,
    };

    /// Makes the argument for one run. Implement it as an `async fn`, whose future must be `Send`.
    ///
    /// The arguments of a handler are extracted in their order, and the run's deadline includes the time this takes.
    ///
    /// # Errors
    ///
    /// An error ends the run as if the handler had returned it. The handler is not called.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the run is cancelled.
    fn extract(invocation: &Invocation) -> impl Future<Output = Result<Self, HandlerError>> + Send;

    /// Adds what the argument needs, so that it is checked before the application starts. Adds nothing by default.
    ///
    /// An extractor calls the `needs` of each type that it extracts. If it leaves one out, a missing state is noticed only
    /// when the handler runs, and the event is parked.
    fn needs(needs: &mut Requirements) {
        let _ = needs;
    }
}

impl<T: Payload> Extract for Event<T> {
    const KIND: ArgumentKind = ArgumentKind::Event;
    const PAYLOAD: (&'static str, &'static [&'static str]) = (T::NAME, T::OBJECTS);
    const SPARSE_FIELDS: &'static [&'static [SparseField]] = T::SPARSE_FIELDS;

    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| {
        let envelope = &invocation.envelope;
        match T::decode(object_of(envelope)?) {
            Ok(object) => Ok(Self { object, envelope: Arc::clone(envelope) }),
            Err(error) => Err(unfit(error, envelope)),
        }
    });

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }

    fn needs(needs: &mut Requirements) {
        needs.payload = Some(type_name::<T>());
        needs.fields = T::FIELDS;
        needs.event_kind = Some(Kind::Snapshot);
    }
}

// The rest of the extraction of an event, which does not depend on the payload and so is compiled once.

fn object_of(envelope: &Envelope) -> Result<&RawJson, HandlerError> {
    envelope.raw_object().ok_or_else(|| unfit(DecodeError::no_object(), envelope))
}

fn unfit(error: DecodeError, envelope: &Envelope) -> HandlerError {
    let error = error.in_event(envelope);
    // Where Stripe sends one of several objects, a handler may read only some of them.
    if error.is_other_object() { HandlerError::skip(error) } else { HandlerError::park(error) }
}

#[diagnostic::do_not_recommend]
impl Extract for Context {
    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| Ok(invocation.context.clone()));

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }
}

/// A value that the application provides to its handlers, such as a database pool.
///
/// Every run gets a clone, so put a value that is expensive to clone into an [`Arc`]. The application does not start if a
/// handler takes a state that it was not given.
#[derive(Clone, Copy, Debug)]
pub struct State<T>(
    /// The value.
    pub T,
);

impl<T: StateValue> Extract for State<T> {
    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| {
        invocation.states.get().map(Self).ok_or_else(|| {
            // The start checks what `needs` adds, so only an extractor that does not add it gets here.
            HandlerError::park(format!(
                "the application has no state of type `{}`, which the extractor's `needs` does not add",
                type_name::<T>()
            ))
        })
    });

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }

    fn needs(needs: &mut Requirements) {
        needs.states.push(StateType::of::<T>());
    }
}

/// A type that can be [`State`]: cloned for each run, on any thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be state",
    label = "not a state type",
    note = "state implements `Clone + Send + Sync + 'static`: `Arc<…>` adds `Clone`, and `Arc<Mutex<…>>` adds `Sync`"
)]
pub trait StateValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> StateValue for T {}

/// What a handler's arguments need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// The name of the type that the event's object is decoded into; `None` if the handler does not read it.
    pub payload: Option<&'static str>,
    /// The paths of the fields that it reads, if the type is a view.
    pub fields: &'static [&'static str],
    /// The types of its `State` arguments.
    pub states: Vec<StateType>,
    /// The type of its transaction, if it takes one.
    pub transaction: Option<TransactionType>,
    /// The only kind of event that it takes: `Event` is a snapshot event, `Notification` a thin one.
    pub event_kind: Option<Kind>,
    /// Whether it reads from Stripe's API.
    pub reads_stripe: bool,
}

/// The type of a state.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StateType {
    id: TypeId,
    name: &'static str,
}

impl StateType {
    /// Returns the state type of `T`.
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }

    /// Returns the type's name, including its path.
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl fmt::Debug for StateType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// The application's state: at most one value of each type.
#[derive(Default)]
pub struct States(HashMap<TypeId, (StateType, Box<dyn Any + Send + Sync>)>);

impl States {
    /// Adds a value. Returns whether it is the first of its type; if not, it replaces the other.
    pub fn insert<T: StateValue>(&mut self, value: T) -> bool {
        let of = StateType::of::<T>();
        self.0.insert(of.id, (of, Box::new(value))).is_none()
    }

    /// Tells whether there is a value of this type.
    pub fn holds(&self, of: StateType) -> bool {
        self.0.contains_key(&of.id)
    }

    pub(super) fn get<T: StateValue>(&self) -> Option<T> {
        let (_, value) = self.0.get(&TypeId::of::<T>())?;
        value.downcast_ref::<T>().cloned()
    }
}

/// Shows the types, not the application's values.
impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.values().map(|(of, _)| of)).finish()
    }
}
