//! Checking: ranges, the catalog, and which arguments go together.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use proc_macro2::Span;
use syn::{Ident, LitInt, LitStr};
use webhook_catalog::EventType;

use super::super::check::is_name;
use super::{Order, Policy, Retry, Returns, Written, WrittenRetry};
use crate::mistakes::Mistakes;
use crate::schema;

pub(super) const MAX: &str = "the value of `max` is a whole number from 1 to 1000, such as `max = 12`";

/// What `webhook_core::Retry::DEFAULT` has. An expansion that is silent on them takes them from there.
const DEFAULT_FIRST: Duration = Duration::from_secs(5);
const DEFAULT_CAP: Duration = Duration::from_secs(6 * 60 * 60);

/// How long a delay may be.
const DELAYS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(24 * 60 * 60);

/// An event type whose answer Stripe waits for.
struct Awaited {
    event_type: &'static str,
    patience: Duration,
    /// Whether Stripe reads the answer's body.
    is_read: bool,
}

/// Sources: <https://docs.stripe.com/checkout/fulfillment> (the customer's redirect waits) and
/// <https://docs.stripe.com/issuing/controls/real-time-authorizations> (the answer decides).
const AWAITED: [Awaited; 2] = [
    Awaited { event_type: "checkout.session.completed", patience: Duration::from_secs(10), is_read: false },
    Awaited { event_type: "issuing_authorization.request", patience: Duration::from_secs(2), is_read: true },
];

fn awaited(event_type: &str) -> Option<&'static Awaited> {
    AWAITED.iter().find(|awaited| awaited.event_type == event_type)
}

impl Policy {
    /// Checks what was written; `types` are the event types as far as they are known, `None` for `#[on_unhandled]`.
    pub(in super::super) fn check(
        written: Written,
        types: Option<&[&'static EventType]>,
        mistakes: &mut Mistakes,
    ) -> Self {
        let timeout_at = written.timeout.as_ref().map(LitStr::span);
        let timeout = written.timeout.and_then(|timeout| timeout_of(&timeout, mistakes));
        let (order_key, order) = written.order.map_or((None, None), |(key, order)| (Some(key), Some(order)));
        let types_or_none = types.unwrap_or_default();

        if let Some(path) = &written.order_by {
            if order == Some(Order::Unordered) {
                let message = "`order = none` lets any number run at once, so there is nothing to order by: \
                               remove one of the two";
                mistakes.add(path.span(), message);
            }
            if let Err(message) = order_by(&path.value(), types_or_none) {
                mistakes.add(path.span(), message);
            }
        }
        if let Some(group) = &written.order_group {
            if order == Some(Order::Unordered) {
                let message = "`order = none` lets any number run at once, so there are no lanes to share: \
                               remove one of the two";
                mistakes.add(group.span(), message);
            }
            if !is_name(&group.value()) {
                let message = format!(
                    "`{}` is not a valid group name: it is made of letters, digits, `_`, `-`, `.` and `:`",
                    group.value()
                );
                mistakes.add(group.span(), message);
            }
        }
        if let Some(reply) = &written.reply {
            let order_by = written.order_by.as_ref().map(|path| ("order_by", path.span()));
            let order_group = written.order_group.as_ref().map(|name| ("order_group", name.span()));
            let ordering = order_key.map(|key| ("order", key.span())).or(order_by).or(order_group);
            answers(reply, types_or_none, timeout.zip(timeout_at), ordering, mistakes);
        }
        let replies = written.reply.is_some();
        let is_read =
            replies && types_or_none.iter().any(|known| awaited(known.name).is_some_and(|it| it.is_read));
        let retry = match written.retry {
            Some(retry) => Retry::check(&retry, mistakes),
            // Nobody reads what a later run decides.
            None if is_read => Retry { max: Some(1), ..Retry::default() },
            None => Retry::default(),
        };
        // A run that Stripe waits for cannot wait for another.
        let order = if replies { Order::Unordered } else { order.unwrap_or_default() };
        let order_by = written.order_by.map(|path| path.value());
        let order_group = written.order_group.map(|name| name.value());
        Self { timeout, retry, order, order_by, order_group, replies, returns: returns(types, replies) }
    }
}

impl Retry {
    fn check(written: &WrittenRetry, mistakes: &mut Mistakes) -> Self {
        let max = written.max.as_ref().and_then(|max| max_of(max, mistakes));
        let first = written.first.as_ref().and_then(|first| delay("first", first, mistakes));
        let cap = written.cap.as_ref().and_then(|cap| delay("cap", cap, mistakes));
        match (&written.first, first, &written.cap, cap) {
            (_, Some(first), Some(at), Some(cap)) if cap < first => {
                let message = "`cap` is below `first`: the delays begin at `first` and grow up to `cap`";
                mistakes.add(at.span(), message);
            }
            (None, _, Some(at), Some(cap)) if cap < DEFAULT_FIRST => {
                let default = humantime::format_duration(DEFAULT_FIRST);
                let message = format!(
                    "`cap` is below `first`, which is {default} unless it is given: \
                     the delays begin at `first` and grow up to `cap`"
                );
                mistakes.add(at.span(), message);
            }
            (Some(at), Some(first), None, _) if first > DEFAULT_CAP => {
                let default = humantime::format_duration(DEFAULT_CAP);
                let message = format!(
                    "`first` is above `cap`, which is {default} unless it is given: \
                     the delays begin at `first` and grow up to `cap`"
                );
                mistakes.add(at.span(), message);
            }
            _ => {}
        }
        Self { max, first, cap }
    }
}

fn max_of(max: &LitInt, mistakes: &mut Mistakes) -> Option<u32> {
    // A number that is too large for its type is too large for us.
    let runs = max.base10_parse().unwrap_or(u32::MAX);
    let message: &dyn Display = match runs {
        1..=1000 if max.suffix().is_empty() => return Some(runs),
        0 if max.suffix().is_empty() => {
            &"with `max = 0` the handler would never run: the first run counts too"
        }
        _ => &MAX,
    };
    mistakes.add(max.span(), message);
    None
}

fn delay(key: &str, written: &LitStr, mistakes: &mut Mistakes) -> Option<Duration> {
    let delay = duration(written, mistakes)?;
    if DELAYS.contains(&delay) {
        return Some(delay);
    }
    mistakes.add(written.span(), format!("`{key}` is from \"1s\" to \"24h\": `{}` is not", written.value()));
    None
}

fn timeout_of(written: &LitStr, mistakes: &mut Mistakes) -> Option<Duration> {
    let timeout = duration(written, mistakes)?;
    if timeout.is_zero() {
        mistakes.add(written.span(), "a timeout of 0 would cancel every run before it began");
        return None;
    }
    Some(timeout)
}

fn duration(written: &LitStr, mistakes: &mut Mistakes) -> Option<Duration> {
    let text = written.value();
    let duration = humantime::parse_duration(&text).ok();
    if duration.is_none() {
        mistakes.add(
            written.span(),
            format!(
                "`{text}` is no duration: write a number and its unit, such as \"500ms\", \"30s\" or \"2m\""
            ),
        );
    }
    duration
}

/// Checks that every event carries an object with a text or an id at the path.
fn order_by(path: &str, types: &[&'static EventType]) -> Result<(), String> {
    if path.is_empty() {
        return Err("`order_by` names a field, such as `order_by = \"customer\"`".to_owned());
    }
    if let Some(inside) = path.strip_prefix("data.object.") {
        return Err(format!("the path begins in the object: write `order_by = \"{inside}\"`"));
    }
    for known in types {
        let mut missing = None;
        let exists = known.objects.iter().any(|object| {
            let found = schema::object_of(known, object).and_then(|place| place.check_lane(path));
            found.map_err(|message| missing.get_or_insert((object, message))).is_ok()
        });
        if !exists && let Some((object, message)) = missing {
            // Where several types are named, the mistake is one of these.
            let of = format!("`{}` carries `{object}`, and ", known.name);
            return Err(if types.len() > 1 { of + &message } else { message });
        }
    }
    Ok(())
}

/// Checks that Stripe waits for the answer, and that nothing makes it late.
fn answers(
    reply: &Ident,
    types: &[&EventType],
    timeout: Option<(Duration, Span)>,
    ordering: Option<(&str, Span)>,
    mistakes: &mut Mistakes,
) {
    if let Some(other) = types.iter().find(|known| awaited(known.name).is_none()) {
        let message = format!(
            "Stripe does not wait for the answer to `{}`: `reply` is for `{}`",
            other.name,
            AWAITED.map(|awaited| awaited.event_type).join("` and `")
        );
        mistakes.add(reply.span(), message);
        return;
    }
    let shortest =
        types.iter().filter_map(|known| awaited(known.name)).min_by_key(|awaited| awaited.patience);
    if let (Some(awaited), Some((timeout, at))) = (shortest, timeout)
        && timeout > awaited.patience
    {
        let message = format!(
            "Stripe waits {} for the answer to `{}`: with `reply`, `timeout` is no longer than that",
            humantime::format_duration(awaited.patience),
            awaited.event_type
        );
        mistakes.add(at, message);
    }
    if let Some((key, at)) = ordering {
        let message = format!(
            "`{key}` and `reply` exclude each other: a run that Stripe waits for cannot wait for another run"
        );
        mistakes.add(at, message);
    }
}

/// What the function must return, as far as the attribute decides it.
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
            "this handler returns a `Reply`, and Stripe does not wait for the answer to `{}`: \
             return `()` or `Result<(), E>`",
            other.name
        ),
        (None, None) => "this handler returns a `Reply`, and `#[on_unhandled]` has nobody to reply to: \
                         return `()` or `Result<(), E>`"
            .to_owned(),
    };
    Some(Returns { reply: false, otherwise })
}
