//! Reading an object for a handler: `Fresh<…>`.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tracing::info;
use webhook_core::{HandlerError, ReadFuture, Registry, StripeRead, StripeReader};

use super::{ApiError, Call, Caller, Client, DEADLINE, Environment, Reason, find};
use crate::problems::{Problems, in_one_line};
use crate::report::format::chain;
use crate::settings::{Origins, Settings};

/// What reads from Stripe's API for the handlers of a server, if one of them needs it. Without a key, that is a problem.
pub(crate) fn reader(
    registry: &Registry,
    settings: (&Settings, &Origins),
    problems: &mut Problems,
) -> Option<Arc<dyn StripeReader>> {
    let handler = registry.registrations().iter().find(|handler| handler.needs().reads_stripe)?;
    let handler = handler.place().to_string();
    let caller = Caller::Server { handler: &handler };
    let found = find(settings, &Environment::of_process(), caller, problems)?;
    info!(key = found.to_string(), "handlers read from Stripe's API");
    Some(Arc::new(Client::new(found.key, settings.0)))
}

impl StripeReader for Client {
    fn read<'r>(&'r self, read: &'r StripeRead) -> ReadFuture<'r> {
        Box::pin(self.read_object(read))
    }
}

impl Client {
    async fn read_object(&self, read: &StripeRead) -> Result<Option<Bytes>, HandlerError> {
        match self.call(&call(read)).await {
            Ok(answer) => Ok(Some(answer.body().clone())),
            Err(error) if matches!(error.reason(), Reason::NotFound) => Ok(None),
            Err(error) => Err(after(&error)),
        }
    }
}

/// Asks in the context, or in the name of the account, in which the event happened.
fn call(read: &StripeRead) -> Call {
    let envelope = &read.envelope;
    // Stripe may write a query into the URL of a related object.
    let (path, query) = read.path.split_once('?').unwrap_or((&read.path, ""));
    let call = Call::get(path).written_query(query).because_of(&envelope.id);
    let call = match (&envelope.context, &envelope.account) {
        (Some(context), _) => call.context(context),
        (None, Some(account)) => call.account(account),
        (None, None) => call,
    };
    // A part of the time is left, for the run to say why it failed.
    let left = |at: Instant| at.saturating_duration_since(Instant::now()).mul_f64(0.9);
    call.deadline(read.deadline.map_or(DEADLINE, |at| left(at).min(DEADLINE)))
}

/// What a failed read means for the run. A key that lacks a permission is mended outside of the program, so that another run
/// may succeed.
fn after(error: &ApiError) -> HandlerError {
    let cause = in_one_line(&chain(error));
    let is_mended_outside =
        matches!(error.reason(), Reason::UnknownKey | Reason::Permission { .. } | Reason::NotStripe { .. });
    if error.is_passing() || is_mended_outside {
        HandlerError::retry(cause)
    } else {
        HandlerError::park(cause)
    }
}
