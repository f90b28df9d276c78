//! `events`: lists Stripe's event types and the handlers of each.

mod explain;
mod rust;
mod subject;

use clap::Args;
use serde::Serialize;
use webhook_core::catalog::{self, EventType, Kind, Mismatch, Version, span};
use webhook_core::{Registration, Registry, Subscription};

use super::table::{Column, Table};
use super::trigger::version;
use super::{Failure, Format, Output};
use crate::endpoint::Endpoint;
use crate::report::attribute::not_in_all;
use crate::report::console::print;

#[derive(Args)]
pub(super) struct Events {
    /// Only this event type, or group of types: `charge.dispute.*`
    #[arg(value_name = "PATTERN", conflicts_with_all = ["explain", "enabled", "rust"])]
    pattern: Option<String>,
    /// List thin event types instead of snapshot event types: an event destination in Stripe sends one kind only
    #[arg(long, conflicts_with_all = ["pattern", "explain", "rust"])]
    thin: bool,
    /// Show all fields of the object that an event type carries, of an object (`subscription_item`), or of a value inside
    /// an object (`subscription.items.data`)
    #[arg(long, value_name = "TYPE|OBJECT[.PATH]", conflicts_with_all = ["enabled", "rust"])]
    explain: Option<String>,
    /// With `--explain`: only this API version, which must be enabled [default: all enabled ones together]
    #[arg(long, value_name = "VERSION", requires = "explain", value_parser = version)]
    api_version: Option<Version>,
    /// How many levels of lists and references `--explain` expands
    #[arg(long, value_name = "LEVELS", default_value_t = 0, requires = "explain")]
    depth: usize,
    /// Print the code of a handler for this type and of a view of its object
    #[arg(long, value_name = "TYPE", conflicts_with = "enabled")]
    rust: Option<String>,
    /// Fields of the view that `--rust` prints: `id,metadata.order_id,items.data[].price`
    #[arg(long, value_name = "PATHS", value_delimiter = ',', requires = "rust")]
    fields: Vec<String>,
    /// List the types that this application handles: enable these on the endpoint in Stripe. With `--thin`, the thin ones
    #[arg(long)]
    enabled: bool,
    /// With `--enabled`: only what this endpoint's handlers take, in a program that declares several
    #[arg(long, value_name = "NAME", requires = "enabled")]
    endpoint: Option<String>,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "type")]
    event_type: &'static str,
    kind: &'static str,
    /// The enabled API versions that have it; empty for an unlisted type.
    api_versions: Vec<&'static str>,
    objects: Vec<&'static str>,
    handlers: Vec<&'static str>,
    /// The handlers for people, each with its endpoint if it has one.
    #[serde(skip)]
    handled_by: Vec<String>,
    /// For people: the API versions, if those are not all that are enabled.
    #[serde(skip)]
    only_in: String,
}

/// Lists event types, or does what one of the flags asks for. `endpoints` are those that the program declares.
pub(super) fn run(endpoints: &[Endpoint], arguments: &Events) -> Result<(), Failure> {
    let registry = Registry::linked();
    if let Some(event_type) = &arguments.explain {
        return explain::explain(event_type, arguments.api_version, arguments.depth, arguments.output);
    }
    if let Some(event_type) = &arguments.rust {
        return rust::write(event_type, &arguments.fields);
    }
    if arguments.enabled {
        let endpoint = arguments.endpoint.as_deref();
        let endpoint = endpoint.map(|name| Endpoint::find(endpoints, name).map(Endpoint::name)).transpose();
        let kind = if arguments.thin { Kind::Thin } else { Kind::Snapshot };
        return enabled(&registry, kind, endpoint.map_err(Failure::Failed)?, arguments.output.format());
    }
    let unlisted = registry.unlisted().into_iter();
    let asked_for = |name: &&str| arguments.pattern.as_deref().is_none_or(|pattern| pattern == *name);
    let unlisted: Vec<_> = unlisted.filter(|name| !arguments.thin && asked_for(name)).collect();
    let types = match &arguments.pattern {
        Some(_) if !unlisted.is_empty() => Vec::new(),
        Some(pattern) => catalog::expand(pattern).map_err(|mismatch| unknown(pattern, &mismatch))?,
        None if arguments.thin => catalog::thin_types().iter().collect(),
        None => catalog::snapshot_types().iter().collect(),
    };
    let listed = types.into_iter().map(|known| row(known, &registry));
    let rows: Vec<Row> =
        listed.chain(unlisted.into_iter().map(|name| unlisted_row(name, &registry))).collect();
    match arguments.output.format() {
        Format::Json => print(&super::json(&rows)?),
        Format::Table => {
            let mut table = Table::new(["TYPE", "OBJECT", "HANDLED BY"].map(Column::wraps));
            for row in rows {
                let handlers =
                    if row.handlers.is_empty() { "-".to_owned() } else { row.handled_by.join(", ") };
                let objects = if row.objects.is_empty() { "-".to_owned() } else { row.objects.join(" or ") };
                table.add([row.event_type.into(), (objects + &row.only_in).into(), handlers.into()]);
            }
            print(&table.text(arguments.output.width()));
        }
    }
    Ok(())
}

/// Reports a name or pattern that matches no type, with suggestions.
pub(super) fn unknown(written: &str, mismatch: &Mismatch) -> Failure {
    let hint = match mismatch {
        Mismatch::OnlyIn(versions) => {
            return Failure::Failed(only_in_versions(&format!("`{written}`"), versions));
        }
        Mismatch::Unknown(near) if !near.is_empty() => format!("did you mean `{}`?", near.join("` or `")),
        Mismatch::NoMatch(near) if !near.is_empty() => format!("did you mean `{}`?", near.join("` or `")),
        Mismatch::MalformedPattern => "a pattern is a group and `.*`, such as `charge.dispute.*`".to_owned(),
        Mismatch::Group => format!("it is a group: `{written}.*` names all of its types"),
        Mismatch::SnapshotMissing(thin) => format!("there is only the thin event `{thin}`"),
        Mismatch::ThinMissing(snapshot) => format!("there is only the snapshot event `{snapshot}`"),
        _ if Kind::of(written) == Kind::Thin => "`events --thin` lists all thin types".to_owned(),
        _ => "`events` lists all types".to_owned(),
    };
    Failure::Failed(format!("there is no event type `{written}`: {hint}"))
}

/// Says that only these versions have something, and how to enable the first of them if none is.
pub(super) fn only_in_versions(what: &str, versions: &[Version]) -> String {
    let text = format!("{what} is only in API version {}", span(versions));
    match versions {
        [first, ..] if versions.iter().all(|version| !version.is_enabled()) => {
            format!("{text}: build the program with the feature `{}`", first.feature())
        }
        _ => text,
    }
}

/// The row of a type in the catalog.
fn row(known: &EventType, registry: &Registry) -> Row {
    let named = registry.names(known.name);
    let handlers = if named { registry.handlers_of(known.name) } else { &[] };
    let only_in = known.only_in();
    let versions = only_in.as_deref().unwrap_or_else(|| catalog::enabled());
    Row {
        event_type: known.name,
        kind: if known.kind == Kind::Snapshot { "snapshot" } else { "thin" },
        api_versions: versions.iter().map(|version| version.name()).collect(),
        objects: known.objects.clone(),
        only_in: not_in_all(only_in.as_deref()),
        handlers: handlers.iter().map(|handler| handler.id).collect(),
        handled_by: handlers.iter().map(|handler| with_endpoint(handler)).collect(),
    }
}

/// A handler's id, and the endpoint whose events it takes if that is only one.
fn with_endpoint(handler: &Registration) -> String {
    let endpoint = handler.endpoint.map(|name| format!(" (endpoint {name})")).unwrap_or_default();
    format!("{}{endpoint}", handler.id)
}

/// The row of a type that a handler names as unlisted.
fn unlisted_row(name: &'static str, registry: &Registry) -> Row {
    let handlers = registry.handlers_of(name);
    Row {
        event_type: name,
        kind: "unlisted",
        api_versions: Vec::new(),
        objects: Vec::new(),
        only_in: String::new(),
        handlers: handlers.iter().map(|handler| handler.id).collect(),
        handled_by: handlers.iter().map(|handler| with_endpoint(handler)).collect(),
    }
}

/// Prints the types of one kind that any handler names, one per line: the types that the endpoint in Stripe must send. Of one
/// endpoint, only those of the handlers that run there.
fn enabled(registry: &Registry, kind: Kind, endpoint: Option<&str>, format: Format) -> Result<(), Failure> {
    let is_here = |own: Option<&str>| own.is_none() || endpoint.is_none() || own == endpoint;
    let mut types: Vec<&str> = registry
        .registrations()
        .iter()
        .filter(|handler| is_here(handler.endpoint))
        .flat_map(|handler| match handler.takes {
            Subscription::Types(types) => types,
            Subscription::Unhandled => &[],
        })
        .copied()
        .filter(|name| Kind::of(name) == kind)
        .collect();
    types.sort_unstable();
    types.dedup();
    match format {
        Format::Json => print(&super::json(&types)?),
        Format::Table => print(&types.iter().map(|event_type| format!("{event_type}\n")).collect::<String>()),
    }
    Ok(())
}
