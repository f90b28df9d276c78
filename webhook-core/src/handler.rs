//! Handlers: what they take, what they return, how they are run, and which there are.

mod context;
mod error;
mod extract;
pub mod idempotency;
mod outcome;
mod policy;
mod registry;
mod reply;
mod transaction;

pub use self::context::{Attempt, Context};
pub use self::error::{HandlerError, ResultExt, Verdict};
pub use self::extract::{Extract, Invocation, Requirements, State, StateType, StateValue, States};
pub use self::outcome::{HandlerFailure, HandlerResult, IntoOutcome, Outcome};
pub use self::policy::{Order, OrderMode, Policy, Retry};
pub use self::registry::{
    HandlerFuture, Registration, Registry, RegistryProblem, SourceLocation, Subscription,
};
pub use self::reply::Reply;
pub use self::transaction::{
    OpenTransaction, Transaction, TransactionFuture, TransactionManager, TransactionType,
};
