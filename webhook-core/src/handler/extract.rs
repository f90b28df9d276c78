//! A handler's arguments.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::__private::{Argument, Extraction};
use crate::payload::SparseField;
use crate::{Context, Envelope, Event, HandlerError, Payload};

/// One run of a handler on one event: what its arguments are taken from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Invocation {
    /// The event.
    pub envelope: Arc<Envelope>,
    /// The application's state.
    pub states: Arc<States>,
    /// The circumstances of this run.
    pub context: Context,
}

impl Invocation {
    /// Puts a run together.
    pub fn new(envelope: Arc<Envelope>, states: Arc<States>, context: Context) -> Self {
        Self { envelope, states, context }
    }
}

/// A type that a handler can take as an argument.
///
/// [`Event`], [`State`] and [`Context`] are such types. An application can add its own, which build on those:
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
    note = "a handler takes `Event<…>`, `State<…>`, `Context`, or a type that implements `Extract`"
)]
pub trait Extract: Sized + Send + 'static {
    /// Whether this is the event. A handler takes at most one.
    #[doc(hidden)]
    const IS_EVENT: bool = false;

    /// What the event's payload is, if this is the event: its name and the objects that it reads.
    #[doc(hidden)]
    const PAYLOAD: (&'static str, &'static [&'static str]) = ("", &[]);

    /// What the event's payload sparse_fields, for each object that it reads.
    #[doc(hidden)]
    const SPARSE_FIELDS: &'static [&'static [SparseField]] = &[];

    /// How the expansion extracts it. An extractor that never waits overrides this, to save the box.
    #[doc(hidden)]
    const EXTRACTION: Extraction<Self> = Extraction::boxed();

    /// What the expansion needs of an argument of this type. A type that cannot be an argument does not have it, and
    /// is reported on this name alone.
    #[doc(hidden)]
    const ARGUMENT: Argument<Self> = Argument {
        is_event: Self::IS_EVENT,
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
    /// An error ends the run as if the handler had returned it: the handler is not called.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the run is cancelled.
    fn extract(invocation: &Invocation) -> impl Future<Output = Result<Self, HandlerError>> + Send;

    /// Adds what the argument needs, so that it is checked before the application starts. Adds nothing by default.
    fn needs(needs: &mut Requirements) {
        let _ = needs;
    }
}

impl<T: Payload> Extract for Event<T> {
    const IS_EVENT: bool = true;
    const PAYLOAD: (&'static str, &'static [&'static str]) = (T::NAME, T::OBJECTS);
    const SPARSE_FIELDS: &'static [&'static [SparseField]] = T::SPARSE_FIELDS;

    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| {
        Self::decode(Arc::clone(&invocation.envelope)).map_err(|error| {
            // Where Stripe sends one of several objects, a handler may read only some of them.
            if error.is_other_object() { HandlerError::skip(error) } else { HandlerError::park(error) }
        })
    });

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }

    fn needs(needs: &mut Requirements) {
        needs.payload = Some(type_name::<T>());
        needs.fields = T::FIELDS;
    }
}

#[diagnostic::do_not_recommend]
impl Extract for Context {
    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| Ok(invocation.context.clone()));

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }
}

/// A value that the application was given for its handlers, such as a database pool.
///
/// Every handler gets a clone, so a value that is dear to clone goes into an [`Arc`]. A type that a handler asks
/// for and the application was not given stops the start.
#[derive(Clone, Copy, Debug)]
pub struct State<T>(
    /// The value.
    pub T,
);

impl<T: StateValue> Extract for State<T> {
    const EXTRACTION: Extraction<Self> = Extraction::Immediate(|invocation| {
        invocation.states.get().map(Self).ok_or_else(|| {
            HandlerError::park(format!("the application has no state of type `{}`", type_name::<T>()))
        })
    });

    async fn extract(invocation: &Invocation) -> Result<Self, HandlerError> {
        Self::EXTRACTION.run(invocation).await
    }

    fn needs(needs: &mut Requirements) {
        needs.states.push(StateType::of::<T>());
    }
}

/// A type that can be [`State`]: cloned for each handler, on any thread.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be state",
    label = "no state type",
    note = "state implements `Clone + Send + Sync + 'static`; `Arc<…>` gives a value the `Clone`, `Arc<Mutex<…>>` the `Sync`"
)]
pub trait StateValue: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> StateValue for T {}

/// What a handler needs from its application, as its arguments state it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Requirements {
    /// The name of the type that the event's object is decoded into; `None` if the handler does not look at it.
    pub payload: Option<&'static str>,
    /// The paths of the fields that it reads, if the type is a view.
    pub fields: &'static [&'static str],
    /// The types of its `State` arguments.
    pub states: Vec<StateType>,
}

/// A type of state: equal if it is the same type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StateType {
    id: TypeId,
    name: &'static str,
}

impl StateType {
    /// Names a type.
    pub fn of<T: 'static>() -> Self {
        Self { id: TypeId::of::<T>(), name: type_name::<T>() }
    }

    /// Returns the type's name with its path.
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
    /// Adds a value. Returns whether it is the first of its type; if not, it takes the place of the other.
    pub fn insert<T: StateValue>(&mut self, value: T) -> bool {
        let of = StateType::of::<T>();
        self.0.insert(of.id, (of, Box::new(value))).is_none()
    }

    /// Tells whether there is a value of a type.
    pub fn holds(&self, of: StateType) -> bool {
        self.0.contains_key(&of.id)
    }

    fn get<T: StateValue>(&self) -> Option<T> {
        let (_, value) = self.0.get(&TypeId::of::<T>())?;
        value.downcast_ref::<T>().cloned()
    }
}

/// Shows the types; the values are the application's.
impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.values().map(|(of, _)| of)).finish()
    }
}
