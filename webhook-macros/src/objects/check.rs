//! Checking: that Stripe has the objects.

use super::parse::Module;
use crate::diagnostics::Diagnostics;
use crate::schema;

/// The objects' names, as the catalog spells them.
pub(super) fn objects(module: &Module, diagnostics: &mut Diagnostics) -> Vec<&'static str> {
    let mut names = Vec::new();
    for object in &module.objects {
        let words: Vec<_> = object.0.iter().map(ToString::to_string).collect();
        let name = words.join(".");
        match schema::object(&name) {
            Ok(known) if names.contains(&known.object) => {
                diagnostics.add_on(&object.0, format!("`{name}` is listed twice"));
            }
            Ok(known) => names.push(known.object),
            Err(message) => diagnostics.add_on(&object.0, message),
        }
    }
    if names.is_empty() && diagnostics.is_empty() {
        diagnostics.add(module.name.span(), "which objects? write `mod stripe { payment_intent }`");
    }
    names
}
