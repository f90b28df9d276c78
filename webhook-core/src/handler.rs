//! Handlers: what they take, what they return, how they are run, and which there are.

mod context;
mod error;
mod extract;
pub mod ledger;
mod outcome;
mod policy;
mod registry;
mod reply;

pub use self::context::{Context, Run};
pub use self::error::{HandlerError, ResultExt, Verdict};
pub use self::extract::{Extract, Invocation, Needs, State, StateType, StateValue, States};
pub use self::outcome::{HandlerFailure, IntoOutcome, Outcome, Returned};
pub use self::policy::{Order, Policy, Retry};
pub use self::registry::{Place, Registration, Registry, RegistryProblem, Running, Takes};
pub use self::reply::Reply;
