//! `inbox show`: an event with everything that belongs to it, or a quarantined body.

use clap::Args;

use super::json::Readable;
use super::{Plain, json, operator, quarantine, tables};
use crate::app::App;
use crate::command::{Failure, Format};
use crate::report::console::{print, print_unchanged};
use crate::store::StoredEvent;

#[derive(Args)]
pub(super) struct Show {
    /// Event id, or the number of a quarantined body, as `inbox list --quarantine` shows it
    #[arg(value_name = "EVENT")]
    id: String,
    /// Print only the stored body
    #[arg(long)]
    body: bool,
    #[command(flatten)]
    plain: Plain,
}

/// Shows the events with an id; if there are none, the quarantined body with this number.
pub(super) async fn run(app: App, show: Show) -> Result<(), Failure> {
    let mut operator = operator(app, &show.plain.flags).await?;
    let found = operator.events_with_id(show.id.clone()).await?;
    if !found.is_empty() {
        return events(&show, found);
    }
    let Ok(number) = show.id.parse() else {
        return Err(Failure::Failed(format!("event {} is not in the inbox", show.id)));
    };
    match operator.quarantined_with_id(number).await? {
        Some(found) => quarantine::show(&found, show.body, show.plain.output),
        None => Err(Failure::Failed(format!(
            "{number} is not in quarantine (see `inbox list --quarantine`), and no event has this id"
        ))),
    }
}

/// Shows events that have one id. Almost always there is one.
fn events(show: &Show, found: Vec<StoredEvent>) -> Result<(), Failure> {
    if show.body && found.len() > 1 {
        return Err(Failure::Failed(format!(
            "{} events of different types or objects have the id {}: `inbox export {1}` writes all of them",
            found.len(),
            show.id
        )));
    }
    for (at, found) in found.into_iter().enumerate() {
        match (show.body, show.plain.output.format(), &found.body) {
            (true, _, Some(body)) => print_unchanged(body),
            (true, _, None) => {
                return Err(Failure::Failed(format!(
                    "the body of {} is not stored, or no longer stored",
                    show.id
                )));
            }
            (false, Format::Json, _) => print(&json(&Readable::of(found))?),
            (false, Format::Table, _) => {
                print(&format!(
                    "{}{}",
                    if at > 0 { "\n" } else { "" },
                    tables::event(&found, show.plain.output.width())
                ));
            }
        }
    }
    Ok(())
}
