//! Checking: ranges, the catalog, and which arguments go together.

use std::fmt::Display;
use std::time::Duration;

use proc_macro2::Span;
use syn::{Ident, LitInt, LitStr};
use webhook_catalog::{Catalog, EventType, Kind, awaited, awaited_types, retry};

use super::super::check::is_name;
use super::{Order, OrderMode, Policy, Retry, Returns, Written, WrittenOrder, WrittenRetry};
use crate::diagnostics::Diagnostics;
use crate::schema;

pub(super) const ATTEMPTS: &str =
    "the value of `attempts` is a whole number from 1 to 1000, such as `attempts = 12`";

impl Policy {
    /// Checks what was written. `types` are the event types that the catalog lists; `None` for `#[on_unhandled]`.
    pub(in super::super) fn check(
        written: Written,
        types: Option<&[&'static EventType]>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let timeout_at = written.timeout.as_ref().map(LitStr::span);
        let timeout = written.timeout.and_then(|timeout| timeout_of(&timeout, diagnostics));
        let types_or_none = types.unwrap_or_default();
        let replies = written.reply.is_some();
        if let Some(order) = &written.order {
            order.check(types_or_none, diagnostics);
        }
        if let Some(reply) = &written.reply {
            let order_at = written.order.as_ref().map(|order| order.key);
            answers(reply, types_or_none, timeout.zip(timeout_at), order_at, diagnostics);
        }
        let is_read =
            replies && types_or_none.iter().any(|known| awaited(known.name).is_some_and(|it| it.is_read));
        let retry = match written.retry {
            Some(retry) => Retry::check(&retry, diagnostics),
            // Stripe does not read what a later run decides.
            None if is_read => Retry { attempts: Some(1), ..Retry::default() },
            None => Retry::default(),
        };
        let order = match written.order {
            // A run that Stripe waits for cannot wait for another.
            _ if replies => Order { mode: OrderMode::Unordered, ..Order::default() },
            Some(WrittenOrder { mode, per, group, .. }) => Order {
                mode: mode.unwrap_or_default(),
                per: per.map(|path| path.value()),
                group: group.map(|name| name.value()),
            },
            None => Order::default(),
        };
        Self { timeout, retry, order, replies, returns: returns(types, replies) }
    }
}

impl WrittenOrder {
    fn check(&self, types: &[&'static EventType], diagnostics: &mut Diagnostics) {
        if self.mode == Some(OrderMode::Unordered) {
            for (setting, useless) in
                [(&self.per, "nothing is ordered"), (&self.group, "there are no lanes to share")]
            {
                let Some(setting) = setting else { continue };
                let message = format!(
                    "with `unordered` any number of runs overlap, so {useless}: remove one of the two"
                );
                diagnostics.add(setting.span(), message);
            }
        }
        if let Some(path) = &self.per
            && let Err(message) = per(&path.value(), types)
        {
            diagnostics.add(path.span(), message);
        }
        if let Some(group) = &self.group
            && !is_name(&group.value())
        {
            let message = format!(
                "`{}` is not a valid group name: use letters, digits, `_`, `-`, `.` and `:`",
                group.value()
            );
            diagnostics.add(group.span(), message);
        }
    }
}

impl Retry {
    fn check(written: &WrittenRetry, diagnostics: &mut Diagnostics) -> Self {
        let attempts = written.attempts.as_ref().and_then(|attempts| attempts_of(attempts, diagnostics));
        let first_delay =
            written.first_delay.as_ref().and_then(|first| delay("first_delay", first, diagnostics));
        let max_delay = written.max_delay.as_ref().and_then(|max| delay("max_delay", max, diagnostics));
        let growth = "the delays begin at `first_delay` and grow up to `max_delay`";
        match (&written.first_delay, first_delay, &written.max_delay, max_delay) {
            (_, Some(first), Some(at), Some(max)) if max < first => {
                diagnostics.add(at.span(), format!("`max_delay` is below `first_delay`: {growth}"));
            }
            (None, _, Some(at), Some(max)) if max < retry::FIRST_DELAY => {
                let default = humantime::format_duration(retry::FIRST_DELAY);
                let message =
                    format!("`max_delay` is below `first_delay`, which is {default} by default: {growth}");
                diagnostics.add(at.span(), message);
            }
            (Some(at), Some(first), None, _) if first > retry::MAX_DELAY => {
                let default = humantime::format_duration(retry::MAX_DELAY);
                let message =
                    format!("`first_delay` is above `max_delay`, which is {default} by default: {growth}");
                diagnostics.add(at.span(), message);
            }
            _ => {}
        }
        Self { attempts, first_delay, max_delay }
    }
}

fn attempts_of(attempts: &LitInt, diagnostics: &mut Diagnostics) -> Option<u32> {
    // A number that is too large for its type is out of the range as well.
    let runs = attempts.base10_parse().unwrap_or(u32::MAX);
    let message: &dyn Display = match runs {
        1..=1000 if attempts.suffix().is_empty() => return Some(runs),
        0 if attempts.suffix().is_empty() => {
            &"with `attempts = 0` the handler would never run: the first run counts too"
        }
        _ => &ATTEMPTS,
    };
    diagnostics.add(attempts.span(), message);
    None
}

fn delay(key: &str, written: &LitStr, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let delay = duration(written, diagnostics)?;
    if (retry::SHORTEST_DELAY..=retry::LONGEST_DELAY).contains(&delay) {
        return Some(delay);
    }
    diagnostics
        .add(written.span(), format!("`{key}` is from \"1s\" to \"24h\": `{}` is not", written.value()));
    None
}

fn timeout_of(written: &LitStr, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let timeout = duration(written, diagnostics)?;
    if timeout.is_zero() {
        diagnostics.add(written.span(), "a timeout of 0 would cancel every run before it began");
        return None;
    }
    Some(timeout)
}

fn duration(written: &LitStr, diagnostics: &mut Diagnostics) -> Option<Duration> {
    let text = written.value();
    let duration = humantime::parse_duration(&text).ok();
    if duration.is_none() {
        let message = format!(
            "`{text}` is not a duration: write a number and its unit, such as \"500ms\", \"30s\" or \"2m\""
        );
        diagnostics.add(written.span(), message);
    }
    duration
}

/// Checks that every event carries an object with a text or an id at the path.
fn per(path: &str, types: &[&'static EventType]) -> Result<(), String> {
    if path.is_empty() {
        return Err("`per` names a field, such as `per = \"customer\"`".to_owned());
    }
    if let Some(inside) = path.strip_prefix("data.object.") {
        return Err(format!("the path begins in the object: write `per = \"{inside}\"`"));
    }
    if let Some(thin) = types.iter().find(|known| known.kind == Kind::Thin) {
        return Err(format!(
            "`{}` is a thin event, which has no field to order by: without `per`, its runs are ordered by the object that \
             it is about",
            thin.name
        ));
    }
    for known in types {
        let mut missing = None;
        let exists = known.objects.iter().any(|object| {
            let place = schema::object_of(Catalog::enabled(), known, object);
            let Some(found) = place.map(|place| place.check_lane(path)) else { return false };
            found.map_err(|message| missing.get_or_insert((object, message))).is_ok()
        });
        if !exists && let Some((object, message)) = missing {
            // Where several types are named, the message says which of them is meant.
            let of = format!("`{}` carries `{object}`, and ", known.name);
            return Err(if types.len() > 1 { of + &message } else { message });
        }
    }
    Ok(())
}

/// Checks that Stripe waits for the answer, and that nothing delays it.
fn answers(
    reply: &Ident,
    types: &[&EventType],
    timeout: Option<(Duration, Span)>,
    order_at: Option<Span>,
    diagnostics: &mut Diagnostics,
) {
    if let Some(other) = types.iter().find(|known| awaited(known.name).is_none()) {
        let all: Vec<_> = awaited_types().iter().map(|awaited| awaited.event_type).collect();
        let message = format!(
            "Stripe does not wait for the answer to `{}`: `reply` is for `{}`",
            other.name,
            all.join("` and `")
        );
        diagnostics.add(reply.span(), message);
        return;
    }
    let shortest =
        types.iter().filter_map(|known| awaited(known.name)).min_by_key(|awaited| awaited.patience);
    if let (Some(awaited), Some((timeout, at))) = (shortest, timeout)
        && timeout > awaited.patience
    {
        let message = format!(
            "Stripe waits {} for the answer to `{}`: with `reply`, `timeout` cannot be longer",
            humantime::format_duration(awaited.patience),
            awaited.event_type
        );
        diagnostics.add(at, message);
    }
    if let Some(at) = order_at {
        let message =
            "`order` and `reply` exclude each other: a run that Stripe waits for cannot wait for another run";
        diagnostics.add(at, message);
    }
}

/// What the function must return, to the extent that the attribute decides it.
fn returns(types: Option<&[&EventType]>, replies: bool) -> Option<Returns> {
    let types_or_none = types.unwrap_or_default();
    if replies {
        let read =
            types_or_none.iter().filter_map(|known| awaited(known.name)).find(|awaited| awaited.is_read)?;
        let otherwise = format!(
            "Stripe reads the answer to `{}`: with `reply`, this handler returns a `Reply`, or a `Result` of one",
            read.event_type
        );
        return Some(Returns { reply: true, otherwise });
    }
    let otherwise = match (types, types_or_none.iter().find(|known| awaited(known.name).is_none())) {
        (Some(_), None) => {
            "this handler returns a `Reply`: add `reply` to its attribute, so that Stripe's answer waits for it"
                .to_owned()
        }
        (_, Some(other)) => format!(
            "this handler returns a `Reply`, but Stripe does not wait for the answer to `{}`: \
             return `()` or `Result<(), E>`",
            other.name
        ),
        (None, None) => "this handler returns a `Reply`, but nothing waits for the answer of `#[on_unhandled]`: \
                         return `()` or `Result<(), E>`"
            .to_owned(),
    };
    Some(Returns { reply: false, otherwise })
}
