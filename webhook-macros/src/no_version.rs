//! The error if no API version is enabled. `webhook-server` says so itself; a library of handlers can depend on
//! `webhook-core` alone.

use std::sync::atomic::{AtomicBool, Ordering};

use proc_macro2::Span;
use webhook_catalog::{enabled, versions};

use crate::diagnostics::Diagnostics;

/// Tells whether no API version is enabled, and adds the error for it. A crate has only one such error, however many macros
/// it uses.
pub(crate) fn is_nothing_enabled(diagnostics: &mut Diagnostics) -> bool {
    // The compiler loads the macros for each crate.
    static WAS_TOLD: AtomicBool = AtomicBool::new(false);
    let is_nothing = enabled().is_empty();
    if is_nothing && !WAS_TOLD.swap(true, Ordering::Relaxed) {
        let features: Vec<_> = versions().map(|version| format!("`{}`", version.feature())).collect();
        let message = format!(
            "no API version is enabled: enable a feature of `webhook-core` for each version that your endpoints have: {}",
            features.join(", ")
        );
        diagnostics.add(Span::call_site(), message);
    }
    is_nothing
}
