//! Which tasks or events a command selects.

use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use webhook_core::{Registry, catalog};

use crate::command::{Failure, events};
use crate::operate::operator::Operator;
use crate::store::{Filter, ParkReason};

/// Flags that select tasks.
#[derive(Args)]
pub(crate) struct Selection {
    /// Event ids
    #[arg(value_name = "EVENT")]
    ids: Vec<String>,
    #[command(flatten)]
    of: EventFlags,
    /// Only tasks of this handler
    #[arg(long, value_name = "ID")]
    handler: Option<String>,
    /// Only tasks parked for this reason
    #[arg(long, value_enum)]
    why: Option<ParkReason>,
}

/// Flags that select events by their properties.
#[derive(Args)]
pub(crate) struct EventFlags {
    /// Only this event type, or group of types: `charge.dispute.*`
    #[arg(long = "type", value_name = "TYPE")]
    event_type: Option<String>,
    /// Only events about the object with this id, such as `in_…` or `pi_…`
    #[arg(long, value_name = "ID")]
    object: Option<String>,
    /// Only events about this customer, or about an object of this customer while the event's body is kept
    #[arg(long, value_name = "ID")]
    customer: Option<String>,
    /// Only events of this connected account
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Only events received since a time in UTC (2026-11-23T07:30:00Z), a day (2026-11-23), or a duration ago (2h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
}

impl EventFlags {
    /// Whether any of the flags is given.
    fn selects(&self) -> bool {
        [&self.event_type, &self.object, &self.customer, &self.account, &self.since]
            .iter()
            .any(|flag| flag.is_some())
    }

    /// The filter for these events and the flags. Fails if a time cannot be read.
    pub(crate) fn filter(&self, event_ids: &[String]) -> Result<Filter, Failure> {
        Ok(Filter {
            event_ids: event_ids.to_vec(),
            event_type: self.event_type.clone(),
            object_id: self.object.clone(),
            customer: self.customer.clone(),
            account: self.account.clone(),
            since: self.since.as_deref().map(since).transpose()?,
            ..Filter::default()
        })
    }
}

impl Selection {
    /// Whether any of the flags is given.
    pub(crate) fn selects(&self) -> bool {
        !self.ids.is_empty() || self.of.selects() || self.handler.is_some() || self.why.is_some()
    }

    /// The filter for all flags. Fails if a time cannot be read.
    pub(crate) fn filter(&self) -> Result<Filter, Failure> {
        // The handler is not checked: tasks of a removed handler can be selected, too.
        Ok(Filter { handler: self.handler.clone(), why: self.why, ..self.of.filter(&self.ids)? })
    }
}

/// Checks that the named event type and handler exist in this program, or in the inbox, which may contain newer types and
/// removed handlers.
pub(crate) async fn named(operator: &mut Operator, filter: &Filter) -> Result<(), Failure> {
    if let Some(written) = &filter.event_type
        && !Registry::linked().names(written)
        && let Err(mismatch) = catalog::expand(written)
    {
        let filter = Filter { event_type: Some(written.clone()), limit: 1, ..Filter::default() };
        let stored = operator.events(filter).await?;
        if stored.is_empty() {
            return Err(events::unknown(written, &mismatch));
        }
    }
    if let Some(written) = &filter.handler
        && let Err(unknown) = handler(written)
    {
        let filter = Filter { handler: Some(written.clone()), limit: 1, ..Filter::default() };
        let stored = operator.tasks(filter).await?;
        if stored.is_empty() {
            return Err(unknown);
        }
    }
    Ok(())
}

/// Checks that this program has such a handler.
pub(crate) fn handler(written: &str) -> Result<(), Failure> {
    let registry = Registry::linked();
    if registry.get(written).is_some() {
        return Ok(());
    }
    let near = catalog::nearest(written, registry.ids());
    let meant =
        near.first().map_or("`handlers` lists them".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(Failure::Failed(format!("this program has no handler `{written}`: {meant}")))
}

/// Reads a point in time, in UTC. In milliseconds since the Unix epoch.
pub(crate) fn since(written: &str) -> Result<i64, Failure> {
    let time = || humantime::parse_rfc3339_weak(written).ok();
    let day = || humantime::parse_rfc3339_weak(&format!("{written}T00:00:00")).ok();
    let ago = || SystemTime::now().checked_sub(humantime::parse_duration(written).ok()?);
    let found = time().or_else(day).or_else(ago);
    let since_epoch = found.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch.and_then(|time| i64::try_from(time.as_millis()).ok()).ok_or_else(|| {
        Failure::Failed(format!(
            "--since is {written:?}: it must be a time in UTC such as 2026-11-23T07:30:00Z, a day such as 2026-11-23, or \
             how long ago, such as 2h or 3days"
        ))
    })
}
