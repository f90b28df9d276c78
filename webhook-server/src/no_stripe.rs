//! In place of `stripe.rs`, in a program that was built without the feature `stripe-api`.

use std::sync::Arc;

use webhook_core::{Registry, StripeReader};

use crate::problems::Problems;
use crate::settings::{Origins, Settings};

/// Reports the handlers that read from Stripe's API. The macros accept them if another crate has enabled the feature.
pub(crate) fn reader(
    registry: &Registry,
    _: (&Settings, &Origins),
    problems: &mut Problems,
) -> Option<Arc<dyn StripeReader>> {
    for handler in registry.registrations().iter().filter(|handler| handler.needs().reads_stripe) {
        problems.add(format!(
            "handler {} reads from Stripe's API: enable the feature `stripe-api` of `webhook-server`",
            handler.place()
        ));
    }
    None
}
