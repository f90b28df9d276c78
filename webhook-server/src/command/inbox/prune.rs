//! `inbox prune`: deletes what is past its retention time.

use clap::Args;

use super::{json, operator_with};
use crate::app::App;
use crate::command::flags::{Pruning, SettingFlags};
use crate::command::{Failure, Format, Output};
use crate::problems::Problems;
use crate::report::console::print;

#[derive(Args)]
#[command(
    after_help = "A running server prunes with its own settings. If no server is running, the program's settings and the \
    environment apply (WEBHOOK_KEEP_BODIES, WEBHOOK_KEEP_IDS, WEBHOOK_KEEP_PARKED)."
)]
pub(super) struct Prune {
    #[command(flatten)]
    flags: SettingFlags<Pruning>,
    #[command(flatten)]
    output: Output,
}

/// Deletes what is past its retention time.
pub(super) async fn run(app: App, prune: &Prune) -> Result<(), Failure> {
    // What is out of range is found here, too: deleted data cannot be restored.
    let check = |app: &App, problems: &mut Problems| app.settings.check(&app.origins, problems);
    let mut operator = operator_with(app, &prune.flags, check).await?;
    let pruned = operator.prune().await?;
    match prune.output.format() {
        Format::Json => print(&json(&pruned)?),
        Format::Table => print(&format!(
            "deleted: {} bodies, {} events ({} of them parked), {} quarantined bodies\n",
            pruned.bodies, pruned.events, pruned.parked, pruned.quarantined
        )),
    }
    Ok(())
}
