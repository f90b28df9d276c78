//! Handlers: what they take, what they return, how they are run, and which there are.

mod context;
mod error;
mod extract;
mod fresh;
pub mod idempotency;
mod notified;
mod outcome;
mod policy;
mod reader;
mod registry;
mod reply;
mod transaction;

pub use self::context::{Attempt, Context};
pub use self::error::{HandlerError, ResultExt, Verdict};
pub use self::extract::{Extract, Invocation, Requirements, State, StateType, StateValue, States};
pub use self::fresh::Fresh;
pub use self::outcome::{HandlerFailure, HandlerResult, IntoOutcome, Outcome};
pub use self::policy::{Order, OrderMode, Policy, Retry};
pub use self::reader::{ReadFuture, StripeRead, StripeReader};
pub use self::registry::{
    HandlerFuture, Registration, Registry, RegistryProblem, SourceLocation, Subscription,
};
pub use self::reply::Reply;
pub use self::transaction::{
    OpenTransaction, Transaction, TransactionFuture, TransactionManager, TransactionType,
};
