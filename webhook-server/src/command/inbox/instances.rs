//! `inbox instances` and `inbox bury`: the instances that share an inbox, and the removal of a dead one.

use clap::Args;

use super::{Plain, json, operator, tables};
use crate::app::App;
use crate::command::flags::{Operating, SettingFlags};
use crate::command::{Failure, Format};
use crate::report::console::{print, tell};
use crate::report::format::printable;
use crate::store::InstanceRow;

#[derive(Args)]
#[command(
    after_help = "Without this, the others take over when the lease of the dead instance has ended (--inbox-lease).\n\
    An instance that is buried while it lives loses its runs: their tasks run again, and it joins again by itself."
)]
pub(super) struct Bury {
    /// Name of the instance, as `inbox instances` shows it
    #[arg(value_name = "NAME")]
    name: String,
    /// Also while its lease runs: for who has seen it die
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    flags: SettingFlags<Operating>,
}

/// Lists the instances that share the inbox.
pub(super) async fn list(app: App, plain: &Plain) -> Result<(), Failure> {
    let mut operator = operator(app, &plain.flags).await?;
    let instances = operator.instances().await?;
    match plain.output.format() {
        Format::Json => print(&json(&instances)?),
        Format::Table if instances.is_empty() => print("No instances share this inbox.\n"),
        Format::Table => print(&tables::instances(&instances).text(plain.output.width())),
    }
    Ok(())
}

/// Removes an instance, and says what became of its tasks.
pub(super) async fn bury(app: App, bury: Bury) -> Result<(), Failure> {
    let mut operator = operator(app, &bury.flags).await?;
    let name = printable(&bury.name);
    if !bury.force
        && let Some(until) = lease(&operator.instances().await?, &bury.name)
    {
        return Err(Failure::Failed(format!(
            "the lease of {name} runs until {}, so it may be alive; then the others take its tasks over by themselves: \
             `--force` buries it at once, and if it is alive, its tasks run a second time",
            tables::time(until)
        )));
    }
    let Some(buried) = operator.bury(bury.name).await? else {
        let known = operator.instances().await?;
        let known: Vec<String> = known.iter().map(|row| printable(&row.name)).collect();
        return Err(Failure::Failed(match &known[..] {
            [] => format!("there is no instance {name}, and no other: no instances share this inbox"),
            known => format!("there is no instance {name}, only {}", known.join(", ")),
        }));
    };
    let parked = if buried.parked > 0 { format!(", {} are parked", buried.parked) } else { String::new() };
    print(&format!("{name} is buried; tasks that are ready again: {}{parked}\n", buried.ready));
    if buried.has_successor {
        tell("another instance with this name joined later: it stays\n");
    }
    tell("if it is alive after all, its runs are cancelled, and it joins again\n");
    Ok(())
}

/// Until when the lease runs of those instances of a name that would be removed: of several, the one that joined last stays.
fn lease(instances: &[InstanceRow], name: &str) -> Option<i64> {
    let mut named: Vec<_> = instances.iter().filter(|row| row.name == name).collect();
    if named.len() > 1 {
        named.sort_by_key(|row| row.joined_ms);
        named.pop();
    }
    named.into_iter().filter(|row| row.is_alive).map(|row| row.lease_until_ms).max()
}
