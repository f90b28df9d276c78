//! `trigger`: signs events and sends them to a running server.

mod effect;
mod outgoing;
mod refused;
mod target;

use std::path::{Path, PathBuf};

use bytes::Bytes;
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser};
use hyper::Uri;
use hyper::header::LOCATION;
use serde::Serialize;
use unicode_width::UnicodeWidthStr;
use webhook_core::catalog::{Version, enabled_names};
use webhook_core::{Registry, Story};

use self::effect::Effect;
use self::outgoing::{Outgoing, events};
use self::target::Target;
use super::flags::{SettingFlags, Triggering};
use super::signing::Signing;
use super::{Failure, Format, FormatFlags};
use crate::app::App;
use crate::command::send::send;
use crate::http_client::SendError;
use crate::problems::Problems;
use crate::report::console::{self, print};
use crate::report::format::{chain, printable};
use crate::report::stderr as log;

/// The longest answer that is shown in a line, in characters. A server of another kind may answer with a page.
const LONGEST_SHOWN: usize = 200;

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    trigger payment_intent.succeeded --set amount=4200 --set metadata.order_id=o_1\n  \
    trigger 'charge.dispute.*' --to http://127.0.0.1:8080\n  \
    trigger payout.paid --endpoint connect --livemode\n  \
    trigger --story subscription\n  \
    trigger --file recorded.json\n\
    `events --explain TYPE` shows which fields can be set. `trigger --help` lists the stories.\n\
    \n\
    `trigger` signs with the endpoint's own secret if that is set, or else with the one in STRIPE_WEBHOOK_SECRET. It \
    says which handlers of this program run: a server of another version may have others.")]
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
    /// Render the events in this API version, which must be enabled [default: the newest]
    #[arg(long, value_name = "VERSION", conflicts_with = "file", value_parser = version)]
    api_version: Option<Version>,
    /// Print the bodies without sending them
    #[arg(long, conflicts_with_all = ["to", "ca_file", "secret_file", "format", "json"])]
    print: bool,
    /// URL of the server [default: the address that `serve` listens on]. Without a path, the endpoint's path is added
    #[arg(long, value_name = "URL", value_parser = target::url)]
    to: Option<Uri>,
    /// Certificates (PEM) of which one must have signed that of an `https` server [default: those of the system]
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Endpoint to send to, of a program that declares several [default: the one with the path in --to, or the first]
    #[arg(long, value_name = "NAME")]
    endpoint: Option<String>,
    #[command(flatten)]
    flags: SettingFlags<Triggering>,
    #[command(flatten)]
    format: FormatFlags,
}

/// Reads an enabled API version: `2025-08-27.basil`, or `basil`.
pub(super) fn version(written: &str) -> Result<Version, String> {
    match Version::named(written) {
        Some(version) if version.is_enabled() => Ok(version),
        Some(version) => Err(format!(
            "API version {version} is not enabled: build the program with the feature `{}`",
            version.feature()
        )),
        None => Err(format!("the enabled API versions are {}", enabled_names())),
    }
}

/// The names of the stories, with their help.
fn stories() -> PossibleValuesParser {
    Story::all().iter().map(|story| PossibleValue::new(story.name()).help(story.about())).into()
}

/// An event that was sent, and its answer.
#[derive(Serialize)]
struct Answer {
    #[serde(rename = "type")]
    event_type: String,
    event_id: String,
    endpoint: String,
    status: u16,
    /// The server's own text.
    answer: String,
    #[serde(flatten)]
    effect: Effect,
    /// Where the server redirects to.
    #[serde(skip)]
    location: Option<String>,
}

/// Makes the events, then sends them one after another. Fails if any was not answered with a 2xx.
pub(super) async fn run(mut app: App, arguments: Trigger) -> Result<(), Failure> {
    log::write_at_once("warn");
    let mut problems = Problems::of_sending();
    let secret_file = app.configure(&arguments.flags.sources, &mut problems).map(|file| file.value);
    let (to, name) = (arguments.to.as_ref(), arguments.endpoint.as_deref());
    let target = Target::new(&app.endpoints, &app.settings, to, name)?;
    // All events are made before the first is sent: after a mistake in `--set`, nothing is sent.
    let events = events(&arguments)?;
    if arguments.print {
        for event in &events {
            print(&format!("{}\n", String::from_utf8_lossy(&event.body).trim_end_matches('\n')));
        }
        return Ok(());
    }
    // Mistakes in the arguments were reported first.
    let signing = signing(&target, secret_file.as_deref(), &mut problems);
    let signing = problems.none_or(signing)?;
    let registry = Registry::linked();
    let mut answers = Vec::new();
    for event in events {
        let answer = send_one(event, (&target, &signing), &arguments, &registry).await?;
        if arguments.format.format() == Format::Table {
            print(&in_lines(&answer, &target));
        }
        answers.push(answer);
    }
    if arguments.format.format() == Format::Json {
        print(&super::json(&answers)?);
    }
    match answers.iter().find(|answer| !(200..300).contains(&answer.status)) {
        Some(refused) => Err(Failure::Failed(refused::why(refused, &target, &signing))),
        None => Ok(()),
    }
}

/// Reads the secrets of the endpoint, or notes why there are none.
fn signing(target: &Target, secret_file: Option<&Path>, problems: &mut Problems) -> Signing {
    let needed = "an event is signed with the secret of the server that it is sent to";
    let (endpoint, whose) = (target.endpoint(), (target.are_declared, needed));
    let read = Signing::of_all(std::slice::from_ref(endpoint), secret_file, whose, problems).pop();
    read.flatten().unwrap_or_else(|| Signing::own(endpoint, &target.endpoints, whose, problems))
}

/// Sends an event, and says what it does at the server.
async fn send_one(
    Outgoing { event_type, event_id, body }: Outgoing,
    (target, signing): (&Target, &Signing),
    arguments: &Trigger,
    registry: &Registry,
) -> Result<Answer, Failure> {
    let (body, secrets, now) = (Bytes::from(body), signing.secrets.all(), super::unix_now());
    let response = send(body.clone(), secrets, (&target.url, arguments.ca_file.as_deref()), now).await;
    let response = response.map_err(|error| not_sent(&error, arguments))?;
    let answer = String::from_utf8_lossy(response.body()).into_owned();
    let effect = Effect::of(&effect::parsed(body, secrets, now), target, registry, arguments.file.is_some());
    let location = response.headers().get(LOCATION).and_then(|location| location.to_str().ok());
    Ok(Answer {
        event_type,
        event_id,
        endpoint: target.endpoint().name().to_owned(),
        status: response.status().as_u16(),
        effect: effect.after(response.status(), &answer, registry),
        answer,
        location: location.map(str::to_owned),
    })
}

/// Says why an event was not sent, and what to look at.
fn not_sent(error: &SendError, arguments: &Trigger) -> Failure {
    let advice = match error {
        SendError::Connect { .. } if arguments.to.is_none() => {
            "\nIs the server running? If it listens elsewhere, give its URL with --to."
        }
        SendError::Connect { .. } => "\nIs the server running, and at this address?",
        _ => "",
    };
    Failure::Failed(format!("not sent: {}{advice}", chain(error)))
}

/// A text as indented lines, which end between words only: a flag that is broken could not be copied.
fn indented(text: &str, terminal: Option<usize>) -> String {
    let mut lines = String::new();
    let mut line = "    ".to_owned();
    for word in text.split(' ') {
        if terminal.is_some_and(|terminal| line.width() + 1 + word.width() > terminal)
            && !line.trim().is_empty()
        {
            lines.push_str(&format!("{line}\n"));
            line = "      ".to_owned();
        }
        line.push_str(&format!(" {word}"));
    }
    format!("{lines}{line}\n")
}

/// An answer, and beneath it what the event does at the server.
fn in_lines(answer: &Answer, target: &Target) -> String {
    let Answer { status, event_type, event_id, answer: text, effect, .. } = answer;
    let shown: String = text.lines().next().unwrap_or_default().chars().take(LONGEST_SHOWN).collect();
    let more = if shown.len() < text.len() { "…" } else { "" };
    let line = format!("{status}  {event_type}  {event_id}  {shown}{more}");
    let beneath: String = effect.lines(target).iter().map(|line| indented(line, console::width())).collect();
    format!("{}\n{beneath}", printable(line.trim_end()))
}
