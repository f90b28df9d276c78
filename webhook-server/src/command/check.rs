//! `serve --check`: what a start would work with, where each setting comes from, and everything that is wrong.
//!
//! It checks what a start checks, and leaves nothing behind: it binds no address, takes no lock, creates no file and runs no
//! handler. So it can run beside the server whose configuration it checks.

mod pools;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

use super::handlers::by_crate;
use super::table::{Column, Table};
use super::{Failure, Format, Output};
use crate::app::App;
use crate::endpoint::{Endpoint, ServedEndpoint};
use crate::operate::operator::Operator;
use crate::problems::Problems;
use crate::report::Report;
use crate::report::console::print;
use crate::report::fold::folded;
use crate::report::format::{masked, printable};
use crate::report::log::Log;
use crate::report::stderr as log;
use crate::report::unusable::unusable;
use crate::secrets::{ReloadedSecrets, Source};
use crate::settings::{Origin, Origins, SECRET_FILE, Setting, Settings, Sourced, Sources, Typed};
use crate::start::{Front, Start};
use crate::store::{self, Condition, InboxLocation, SecretName};

/// What a start would work with.
#[derive(Serialize)]
struct Checked {
    /// Whether nothing is wrong.
    can_start: bool,
    /// The configuration file, the file of the secrets, and all settings.
    settings: Vec<Row>,
    endpoints: Vec<EndpointRow>,
    handlers: usize,
    /// How many handlers each crate has.
    #[serde(skip)]
    crates: String,
    inbox: InboxRow,
    /// What is only doubtful.
    warnings: Vec<String>,
    problems: Vec<String>,
}

/// A value, and what gave it.
#[derive(Serialize)]
struct Row {
    name: String,
    value: Value,
    /// The unit of a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'static str>,
    /// The value as a flag takes it.
    #[serde(skip)]
    text: String,
    from: String,
}

#[derive(Serialize)]
struct EndpointRow {
    name: String,
    /// The path, the mode and the tolerances.
    settings: Vec<Row>,
    secrets: Vec<SecretRow>,
}

/// A secret, by its name.
#[derive(Serialize)]
struct SecretRow {
    label: String,
    fingerprint: String,
    /// Both.
    #[serde(skip)]
    name: String,
    /// A variable or a file.
    from: String,
}

#[derive(Serialize)]
struct InboxRow {
    /// `null` for a program that is `.inline()`.
    location: Option<String>,
    condition: &'static str,
    /// Whether it is there, with this program's schema.
    #[serde(skip)]
    is_current: bool,
    /// Whether a server has it open at present.
    has_server: bool,
}

/// Checks, and writes what was found. Fails as a start would.
pub(super) async fn run(app: App, sources: &Sources, front: Front, output: Output) -> Result<(), Failure> {
    log::write_at_once("warn");
    let start = Start::new(app, sources, front, Problems::of_command());
    let (checked, problems) = check(start, sources).await;
    match output.format() {
        Format::Json => print(&super::json(&checked)?),
        Format::Table => print(&text(&checked, output.width())),
    }
    problems.none_or(()).map_err(Failure::from)
}

async fn check(start: Start, sources: &Sources) -> (Checked, Problems) {
    let front = start.front;
    let (app, keys, mut problems) = start.into_app();
    let (is_inline, is_declared, origins) = (app.inline, !app.endpoints.is_empty(), app.origins.clone());
    let endpoints = Endpoint::all(app.endpoints.clone(), &app.settings, &keys);
    let mut settings = Vec::new();
    let files = [("config", sources.config.as_ref()), (SECRET_FILE, keys.secret_file())];
    for (name, file) in files.into_iter().filter_map(|(name, file)| Some((name, file?))) {
        let shown = Typed::Text(file.value.display().to_string());
        settings.push(Row::new(name, &shown, &file.origin));
    }
    let parts = (Report::to(Log::default()), Arc::new(SystemTime::now) as _, Some(Handle::current()));
    let parts = app.into_parts(keys, parts, &mut problems);
    let read = Read { settings: &parts.settings, origins: &origins, front, is_declared };
    settings.extend(read.used().map(|setting| read.row(setting)));
    let inbox = inbox(Some(&read.settings.inbox).filter(|_| !is_inline), read.settings, &mut problems).await;
    pools::check(&parts, inbox.is_current, &mut problems).await;
    let warnings = problems.take_cautions(parts.settings.strict);
    let checked = Checked {
        can_start: problems.is_empty(),
        settings,
        endpoints: endpoints
            .iter()
            .zip(parts.endpoints.iter())
            .map(|(endpoint, served)| read.endpoint(endpoint, served))
            .collect(),
        handlers: parts.registry.registrations().len(),
        crates: by_crate(&parts.registry),
        inbox,
        warnings,
        problems: problems.list().to_vec(),
    };
    (checked, problems)
}

/// The settings as a start would use them.
struct Read<'r> {
    settings: &'r Settings,
    origins: &'r Origins,
    front: Front,
    /// Whether the program declares its endpoints.
    is_declared: bool,
}

impl Read<'_> {
    /// The settings that decide something. The path is shown with its endpoint.
    fn used(&self) -> impl Iterator<Item = &'static Setting> {
        let front = self.front;
        let is_used = move |setting: &&Setting| match setting.field {
            "path" => false,
            "listen" | "tls_certificate" | "tls_key" => front == Front::Listener,
            _ => true,
        };
        Settings::TABLE.iter().filter(is_used)
    }

    fn row(&self, setting: &Setting) -> Row {
        let origin = self.origins.of(setting, self.settings);
        Row::new(&setting.name(), &setting.typed(self.settings), &origin)
    }

    /// What is known of an endpoint. Wrong secrets were reported already.
    fn endpoint(&self, endpoint: &Endpoint, served: &ServedEndpoint) -> EndpointRow {
        let path = match self.front {
            _ if self.is_declared => {
                Some(Row::new("path", &Typed::Text(endpoint.path().to_owned()), &Origin::Program))
            }
            Front::Listener => Some(self.named("path")),
            // The application's router decides it.
            Front::Mounted => None,
        };
        let tolerance = |own: Option<&Sourced<Duration>>, name: &str| match own {
            Some(Sourced { value, origin }) => Row::new(name, &Typed::Time(*value), origin),
            None => self.named(name),
        };
        let Sourced { value: mode, origin } = endpoint.mode();
        let rows = [
            Row::new("mode", &Typed::Text(mode.name().to_owned()), origin),
            tolerance(endpoint.past(), "tolerance"),
            tolerance(endpoint.future(), "future-tolerance"),
        ];
        let settings = path.into_iter().chain(rows).collect();
        EndpointRow {
            name: printable(&masked(endpoint.name())),
            settings,
            secrets: secrets_of(&served.secrets),
        }
    }

    fn named(&self, name: &str) -> Row {
        let setting = Settings::TABLE.iter().find(|setting| setting.name() == name);
        setting.map_or_else(|| Row::new(name, &Typed::Nothing, &Origin::Default), |setting| self.row(setting))
    }
}

impl Row {
    fn new(name: &str, value: &Typed, origin: &Origin) -> Self {
        let text = printable(&masked(&value.text()));
        let (value, unit) = match value {
            Typed::Nothing => (Value::Null, None),
            Typed::Text(_) => (text.clone().into(), None),
            Typed::Number(number) => ((*number).into(), None),
            Typed::Bytes(number) => ((*number).into(), Some("bytes")),
            Typed::Switch(is_on) => ((*is_on).into(), None),
            Typed::Time(time) if time.subsec_nanos() == 0 => (time.as_secs().into(), Some("seconds")),
            Typed::Time(time) => (time.as_secs_f64().into(), Some("seconds")),
        };
        Self { name: name.to_owned(), value, unit, text, from: printable(&origin.to_string()) }
    }
}

/// The names of the secrets that were read, and where. They are not read again: a pipe has them only once.
fn secrets_of(secrets: &ReloadedSecrets) -> Vec<SecretRow> {
    let row = |(name, from): (SecretName, &Source)| SecretRow {
        label: name.label.to_string(),
        fingerprint: name.fingerprint.to_string(),
        name: name.to_string(),
        from: printable(&masked(&from.to_string())),
    };
    secrets.places().into_iter().map(row).collect()
}

/// Looks at the inbox, and notes why it could not be opened.
async fn inbox(location: Option<&InboxLocation>, settings: &Settings, problems: &mut Problems) -> InboxRow {
    let Some(location) = location else {
        let condition = "handlers run before the answer";
        return InboxRow { location: None, condition, is_current: false, has_server: false };
    };
    let has_server = match location {
        InboxLocation::File(path) => Operator::has_server(path).await,
        InboxLocation::Memory | InboxLocation::Postgres(_) => false,
    };
    let shown = location.shown();
    // A URL was reported as a setting that is out of range.
    let found = location.check().map_err(|_| None);
    let found = found.and_then(|()| store::inspect(location, &settings.opening()).map_err(Some));
    let is_current = matches!(found, Ok(Condition::Current));
    let condition = match (found, location) {
        (Ok(_), InboxLocation::Memory) => "lost when the process ends",
        (Ok(Condition::Absent), _) => "a start creates it",
        (Ok(Condition::Older), _) => "a start updates its schema",
        (Ok(Condition::Current), _) => "can be opened",
        (Ok(Condition::Away), _) => "cannot be reached: a start answers 503 until it can",
        (Err(error), _) => {
            error.iter().for_each(|error| problems.add(unusable(error, problems.interface())));
            "cannot be opened"
        }
    };
    InboxRow { location: Some(printable(&masked(&shown))), condition, is_current, has_server }
}

/// What was found, for people.
fn text(checked: &Checked, width: Option<usize>) -> String {
    let mut table = Table::new([Column::whole("SETTING"), Column::wraps("VALUE"), Column::wraps("FROM")]);
    let mut add = |name: &str, value: &str, from: &str| table.add([name.into(), value.into(), from.into()]);
    for Row { name, text, from, .. } in &checked.settings {
        add(name, text, from);
    }
    for endpoint in &checked.endpoints {
        add("", "", "");
        add("endpoint", &endpoint.name, "");
        for Row { name, text, from, .. } in &endpoint.settings {
            add(name, text, from);
        }
        for SecretRow { name, from, .. } in &endpoint.secrets {
            add("secret", name, from);
        }
    }
    add("", "", "");
    add("handlers", &checked.handlers.to_string(), &checked.crates);
    let InboxRow { location, condition, has_server, .. } = &checked.inbox;
    let now = if *has_server { "; a server has it open" } else { "" };
    add("inbox", location.as_deref().unwrap_or("none"), &format!("{condition}{now}"));
    let mut text = table.text(width);
    for warning in &checked.warnings {
        // The cure is indented like the text.
        let warning = format!("warning: {}", warning.replace('\n', "\n  "));
        text.push_str(&format!("\n{}\n", folded(&warning, width)));
    }
    if checked.problems.is_empty() {
        text.push_str("\nNothing is wrong: the server can start.\n");
    } else {
        // The problems follow on standard error.
        text.push('\n');
    }
    text
}
