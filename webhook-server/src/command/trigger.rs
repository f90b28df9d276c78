//! `trigger`: signs events and sends them to a running server.

mod outgoing;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use hyper::{StatusCode, Uri};
use serde::Serialize;
use webhook_core::Story;

use self::outgoing::{Outgoing, events};
use super::flags::{SettingFlags, Triggering};
use super::{Failure, Format};
use crate::app::App;
use crate::command::send::send;
use crate::endpoint::Endpoint;
use crate::problems::Problems;
use crate::report::console::print;
use crate::report::format::printable;
use crate::report::stderr as log;
use crate::secrets::{self, Declared, Source};
use crate::settings::Settings;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    trigger payment_intent.succeeded --set amount=4200 --set metadata.order_id=o_1\n  \
    trigger 'charge.dispute.*' --to http://127.0.0.1:8080/webhook\n  \
    trigger --story subscription\n  \
    trigger --file recorded.json\n\
    `events --explain TYPE` shows which fields can be set. `trigger --help` lists the stories.")]
pub(super) struct Trigger {
    /// Event type, or group of types: `charge.dispute.*`
    #[arg(value_name = "TYPE", required_unless_present_any = ["story", "file"])]
    types: Vec<String>,
    /// Send all events of a story, in Stripe's order
    #[arg(long, value_name = "NAME", conflicts_with_all = ["types", "set", "previous"], value_parser = stories())]
    story: Option<String>,
    /// Send a recorded body unchanged; `-` reads standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["types", "story", "set", "previous", "account", "livemode"])]
    file: Option<PathBuf>,
    /// Set a field of the event's object; can be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Set the previous value of a field of the object; can be repeated
    #[arg(long, value_name = "PATH=VALUE")]
    previous: Vec<String>,
    /// Send as an event of this connected account
    #[arg(long, value_name = "ACCT")]
    account: Option<String>,
    /// Send as a live mode event
    #[arg(long)]
    livemode: bool,
    /// Print the bodies without sending them
    #[arg(long, conflicts_with_all = ["to", "ca_file", "secret_file", "format"])]
    print: bool,
    /// URL to send to [default: the address and path that `serve` listens on]
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,
    /// Certificates (PEM) of which one must have signed that of an `https` server [default: those of the system]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Endpoint to send to, of a program that declares several [default: the first]
    #[arg(long, value_name = "NAME", conflicts_with = "to")]
    endpoint: Option<String>,
    #[command(flatten)]
    flags: SettingFlags<Triggering>,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The names of the stories, with their help.
fn stories() -> PossibleValuesParser {
    Story::all().iter().map(|story| PossibleValue::new(story.name()).help(story.about())).into()
}

#[derive(Serialize)]
struct Answer {
    #[serde(rename = "type")]
    event_type: String,
    event_id: String,
    status: u16,
    /// The server's own text.
    answer: String,
}

/// Makes the events, then sends them one after another. Fails if any was not answered with a 2xx.
pub(super) async fn run(mut app: App, arguments: &Trigger) -> Result<(), Failure> {
    log::write_at_once("warn");
    let mut problems = Problems::of_command();
    let secret_file = app.configure(&arguments.flags.sources, &mut problems).map(|file| file.value);
    let endpoint = declared(&app.endpoints, arguments)?;
    if let Some(endpoint) = endpoint {
        endpoint.path().clone_into(&mut app.settings.path);
    }
    let to = target(&app.settings, arguments)?;
    // All events are made before the first is sent: after a mistake in `--set`, nothing is sent.
    let events = events(arguments)?;
    if arguments.print {
        for event in &events {
            print(&format!("{}\n", String::from_utf8_lossy(&event.body).trim_end_matches('\n')));
        }
        return Ok(());
    }
    // Mistakes in the arguments were reported first.
    let needed = "an event is signed with the secret of the server that it is sent to";
    let secrets = match endpoint {
        Some(endpoint) if secret_file.is_none() => {
            let variables = secrets::variables(app.endpoints.iter().flat_map(Endpoint::sources));
            let declared = Declared { name: endpoint.name(), variables: &variables };
            secrets::read(endpoint.sources(), Some(declared), needed, &mut problems)
        }
        _ => secrets::read(&[Source::undeclared(secret_file.as_deref())], None, needed, &mut problems),
    };
    problems.none_or(())?;
    let mut answers = Vec::new();
    for Outgoing { event_type, event_id, body } in events {
        let response = send(body, secrets.all(), (&to, arguments.ca_file.as_deref()), super::unix_now())
            .await
            .map_err(|error| super::failed("not sent", &error))?;
        let status = response.status().as_u16();
        let answer = String::from_utf8_lossy(response.body()).into_owned();
        if arguments.format == Format::Table {
            let line = format!("{status}  {}  {}  {answer}", event_type, event_id);
            print(&format!("{}\n", printable(line.trim_end())));
        }
        answers.push(Answer { event_type, event_id, status, answer });
    }
    if arguments.format == Format::Json {
        print(&super::json(&answers)?);
    }
    match answers.iter().find(|answer| !(200..300).contains(&answer.status)) {
        Some(refused) => Err(Failure::Failed(why(refused, &to))),
        None => Ok(()),
    }
}

/// The URL to send to: as given, or that of a server with the same settings.
fn target(settings: &Settings, arguments: &Trigger) -> Result<Uri, Failure> {
    if let Some(to) = &arguments.to {
        return Ok(to.clone());
    }
    let mut address = settings.listen;
    // A server listens on "any address", but a client connects to one.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let scheme = if settings.tls_certificate.is_some() { "https" } else { "http" };
    format!("{scheme}://{address}{}", settings.path)
        .parse()
        .map_err(|error| super::failed("could not build the URL to send to", &error))
}

/// Finds the endpoint to send to, if the program declares any: the one that is named, or that has the path of the URL, or
/// the first.
fn declared<'e>(endpoints: &'e [Endpoint], arguments: &Trigger) -> Result<Option<&'e Endpoint>, Failure> {
    if let Some(name) = &arguments.endpoint {
        return Endpoint::find(endpoints, name).map(Some).map_err(Failure::Failed);
    }
    let is_at = |endpoint: &&Endpoint| arguments.to.as_ref().is_some_and(|to| to.path() == endpoint.path());
    Ok(endpoints.iter().find(is_at).or(endpoints.first()))
}

/// What probably went wrong, by the status alone: the body of an answer does not say.
fn why(refused: &Answer, to: &Uri) -> String {
    let reason = match StatusCode::from_u16(refused.status) {
        Ok(StatusCode::BAD_REQUEST) => "signature rejected: is the server using the same secret?",
        Ok(StatusCode::NOT_FOUND) => "there is no endpoint at this path",
        Ok(StatusCode::INTERNAL_SERVER_ERROR) => "a handler failed; see the server's log",
        _ => "see the server's log",
    };
    format!("{to} answered {} to {}: {reason}", refused.status, refused.event_type)
}
