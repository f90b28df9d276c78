//! `events --rust`: the code of a handler for a type and of a view of its object.

mod place;
mod views;

use webhook_core::catalog::{self, Kind};

use self::views::Views;
use super::unknown;
use crate::command::Failure;
use crate::report::console::print;

/// Prints the code. `fields` are the paths that the view reads; a default choice if there are none.
pub(super) fn write(event_type: &str, fields: &[String]) -> Result<(), Failure> {
    let known = match catalog::expand(event_type).as_deref() {
        Ok([known]) if known.name == event_type => *known,
        Ok(_) => {
            return Err(Failure::Failed(format!("`{event_type}` is a pattern, but --rust takes one type")));
        }
        Err(mismatch) => return Err(unknown(event_type, mismatch)),
    };
    let mut views = Views::default();
    let handler = known.name.replace(['.', '-', '['], "_").replace(']', "");
    let (taken, name) = match known.kind {
        Kind::Thin if known.objects.is_empty() => ("Notification", "notification"),
        Kind::Thin => ("Fresh", "fresh"),
        _ => ("Event", "event"),
    };
    let (argument, shown) = if name == "notification" {
        (taken.to_owned(), format!("{name}.id"))
    } else {
        (format!("{taken}<{}>", views.payload(known, fields)?), format!("{name}.object"))
    };
    let imports = views.imports(taken);
    print(&format!(
        "{imports}\n{views}\
         /// Handles `{event_type}`.\n\
         #[on_event(\"{event_type}\")]\n\
         async fn {handler}({name}: {argument}) {{\n    \
         println!(\"{{:?}}\", {shown});\n\
         }}\n"
    ));
    Ok(())
}
