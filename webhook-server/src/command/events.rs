//! `events`: lists what Stripe can send, and who handles it.

use clap::Args;
use serde::Serialize;
use webhook_core::catalog::{self, EventType, Field, Kind, Mismatch, Shape};
use webhook_core::{Registry, Takes};

use super::table::{Column, Table};
use super::{Failure, Format, Output};
use crate::terminal::print;

#[derive(Args)]
pub(super) struct Events {
    /// Only this type, or the types of this group: `charge.dispute.*`
    #[arg(value_name = "PATTERN", conflicts_with_all = ["explain", "enabled"])]
    pattern: Option<String>,
    /// Lists the thin event types instead of the snapshot ones
    #[arg(long, conflicts_with_all = ["pattern", "explain", "enabled"])]
    thin: bool,
    /// Shows all fields of the object that a type carries
    #[arg(long, value_name = "TYPE", conflicts_with = "enabled")]
    explain: Option<String>,
    /// Lists the types that this application handles, to be enabled on the endpoint in Stripe
    #[arg(long)]
    enabled: bool,
    #[command(flatten)]
    output: Output,
}

#[derive(Serialize)]
struct Row {
    #[serde(rename = "type")]
    event_type: &'static str,
    kind: &'static str,
    objects: Vec<&'static str>,
    handlers: Vec<&'static str>,
}

pub(super) fn run(arguments: &Events) -> Result<(), Failure> {
    let registry = Registry::linked();
    if let Some(event_type) = &arguments.explain {
        return explain(event_type, arguments.output.format);
    }
    if arguments.enabled {
        return enabled(&registry, arguments.output.format);
    }
    let unlisted = registry.unlisted().into_iter();
    let asked_for = |name: &&str| arguments.pattern.as_deref().is_none_or(|pattern| pattern == *name);
    let unlisted: Vec<_> = unlisted.filter(|name| !arguments.thin && asked_for(name)).collect();
    let types = match &arguments.pattern {
        Some(_) if !unlisted.is_empty() => Vec::new(),
        Some(pattern) => named(pattern)?,
        None if arguments.thin => catalog::thin_types().iter().collect(),
        None => catalog::snapshot_types().iter().collect(),
    };
    let listed = types.into_iter().map(|known| row(known, &registry));
    let rows: Vec<Row> =
        listed.chain(unlisted.into_iter().map(|name| unlisted_row(name, &registry))).collect();
    match arguments.output.format {
        Format::Json => print(&super::json(&rows)?),
        Format::Table => {
            let mut table = Table::new(["TYPE", "OBJECT", "HANDLED BY"].map(Column::wraps));
            for row in rows {
                let handlers = if row.handlers.is_empty() { "-".to_owned() } else { row.handlers.join(", ") };
                let objects = if row.objects.is_empty() { "-".to_owned() } else { row.objects.join(" or ") };
                table.add([row.event_type.into(), objects.into(), handlers.into()]);
            }
            print(&table.text(arguments.output.width()));
        }
    }
    Ok(())
}

/// The types that a name or pattern stands for; a thin type by its name.
fn named(pattern: &str) -> Result<Vec<&'static EventType>, Failure> {
    match catalog::expand(pattern) {
        Ok(types) => Ok(types),
        Err(Mismatch::ThinTwin(_) | Mismatch::ThinOnly) => Ok(catalog::find(pattern).into_iter().collect()),
        Err(mismatch) => Err(unknown(pattern, &mismatch)),
    }
}

/// Says that a name or pattern stands for nothing, and what does.
pub(super) fn unknown(written: &str, mismatch: &Mismatch) -> Failure {
    let hint = match mismatch {
        Mismatch::Unknown(near) if !near.is_empty() => format!("did you mean `{}`?", near.join("` or `")),
        Mismatch::NoMatch(near) if !near.is_empty() => format!("did you mean `{}`?", near.join("` or `")),
        Mismatch::MalformedPattern => "a pattern is a group and `.*`, such as `charge.dispute.*`".to_owned(),
        Mismatch::ThinTwin(twin) => format!("it is a thin event, which carries no object; see `{twin}`"),
        Mismatch::ThinOnly => "it is a thin event, which carries no object".to_owned(),
        Mismatch::Group => format!("it is a group: `{written}.*` names all of its types"),
        Mismatch::UnknownThin => {
            "names that begin with `v2.` are thin events, which carry no object".to_owned()
        }
        Mismatch::SnapshotMissing(thin) => format!("there is only the thin event `{thin}`"),
        _ => "`events` lists all types".to_owned(),
    };
    Failure::Failed(format!("no snapshot event type is called `{written}`: {hint}"))
}

fn row(known: &EventType, registry: &Registry) -> Row {
    let named = registry.names(known.name);
    let handlers = if named { registry.handlers_of(known.name) } else { &[] };
    Row {
        event_type: known.name,
        kind: if known.kind == Kind::Snapshot { "snapshot" } else { "thin" },
        objects: known.objects.clone(),
        handlers: handlers.iter().map(|handler| handler.id).collect(),
    }
}

/// The row of a type that a handler names as unlisted.
fn unlisted_row(name: &'static str, registry: &Registry) -> Row {
    let handlers = registry.handlers_of(name).iter().map(|handler| handler.id).collect();
    Row { event_type: name, kind: "unlisted", objects: Vec::new(), handlers }
}

/// The types that any handler names, one a line: what the endpoint in Stripe needs to send, and no more.
fn enabled(registry: &Registry, format: Format) -> Result<(), Failure> {
    let mut types: Vec<&str> = registry
        .registrations()
        .iter()
        .flat_map(|handler| match handler.takes {
            Takes::Types(types) => types,
            Takes::Unhandled => &[],
        })
        .copied()
        .collect();
    types.sort_unstable();
    types.dedup();
    match format {
        Format::Json => print(&super::json(&types)?),
        Format::Table => print(&types.iter().map(|event_type| format!("{event_type}\n")).collect::<String>()),
    }
    Ok(())
}

#[derive(Serialize)]
struct Explained<'a> {
    #[serde(rename = "type")]
    event_type: &'a str,
    api_version: &'a str,
    objects: Vec<ExplainedObject>,
}

#[derive(Serialize)]
struct ExplainedObject {
    object: &'static str,
    fields: Vec<ExplainedField>,
}

#[derive(Serialize)]
struct ExplainedField {
    path: String,
    /// May be absent.
    optional: bool,
    /// May be null.
    nullable: bool,
    is: String,
}

fn explain(event_type: &str, format: Format) -> Result<(), Failure> {
    let known = match catalog::expand(event_type).as_deref() {
        Ok([known]) if known.name == event_type => *known,
        Ok(_) => {
            return Err(Failure::Failed(format!("`{event_type}` is a pattern: --explain takes one type")));
        }
        Err(mismatch) => return Err(unknown(event_type, mismatch)),
    };
    let objects = known.objects.iter().filter_map(|name| catalog::object(name));
    if format == Format::Json {
        let objects = objects.map(|object| {
            let mut fields = Vec::new();
            collect(&object.fields, "", &mut fields);
            ExplainedObject { object: object.name, fields }
        });
        let explained = Explained {
            event_type: known.name,
            api_version: catalog::api_version(),
            objects: objects.collect(),
        };
        print(&super::json(&explained)?);
        return Ok(());
    }
    let mut text = format!("{} carries {}", known.name, known.objects.join(" or "));
    text.push_str(&format!(" (API version {})\n", catalog::api_version()));
    text.push_str("?  may be absent    | null  may be null    both need an `Option`\n");
    for object in objects {
        text.push_str(&format!("\n{}\n", object.name));
        tree(&object.fields, 1, &mut text);
    }
    print(&text);
    Ok(())
}

fn collect(fields: &[Field], above: &str, collected: &mut Vec<ExplainedField>) {
    for field in fields {
        let path = format!("{above}{}", field.name);
        let inner = nested(&field.shape);
        collected.push(ExplainedField {
            path: path.clone(),
            optional: field.optional,
            nullable: field.nullable,
            is: field.shape.to_string(),
        });
        collect(inner, &format!("{path}."), collected);
    }
}

fn tree(fields: &[Field], depth: usize, text: &mut String) {
    for field in fields {
        let absent = if field.optional { "?" } else { "" };
        let null = if field.nullable { " | null" } else { "" };
        text.push_str(&format!(
            "{:indent$}{}{absent}: {}{null}\n",
            "",
            field.name,
            field.shape,
            indent = 2 * depth
        ));
        tree(nested(&field.shape), depth + 1, text);
    }
}

/// The fields of the object that a shape holds without a name.
fn nested(shape: &Shape) -> &[Field] {
    match shape {
        Shape::Nested(fields) => fields,
        Shape::Array(inner) | Shape::Expandable(inner) | Shape::List(inner) | Shape::Map(inner) => {
            nested(inner)
        }
        _ => &[],
    }
}
