//! `trigger`: signs sample events and sends them to a running server.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use clap::Args;
use hyper::{StatusCode, Uri};
use serde::Serialize;
use webhook_core::{Sample, catalog};

use super::{Failure, Format};
use crate::app::App;
use crate::client::send;
use crate::settings::{SecretFlag, Settings};
use crate::startup::Problems;
use crate::terminal::print;
use crate::words::printable;
use crate::{log, secrets};

#[derive(Args)]
#[command(after_help = "Examples:\n  \
    trigger payment_intent.succeeded --set amount=4200 --set metadata.order_id=o_1\n  \
    trigger 'charge.dispute.*' --to http://127.0.0.1:8080/webhook\n\
    `events --explain TYPE` shows what can be set.")]
pub(super) struct Trigger {
    /// Event type, or a group of them: `charge.dispute.*`
    #[arg(value_name = "TYPE", required = true)]
    types: Vec<String>,
    /// Sets a field of the event's object; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,
    /// Where to send it [default: the address and path that `serve` listens on]
    #[arg(long, value_name = "URL")]
    to: Option<Uri>,
    #[command(flatten)]
    secret: SecretFlag,
    #[arg(long, hide = true, env = "WEBHOOK_LISTEN")]
    listen: Option<SocketAddr>,
    #[arg(long, hide = true, env = "WEBHOOK_PATH")]
    path: Option<String>,
    /// How the answers are written
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Answer {
    #[serde(rename = "type")]
    event_type: &'static str,
    event_id: String,
    status: u16,
    /// As the server worded it.
    answer: String,
}

pub(super) async fn run(app: App, arguments: &Trigger) -> Result<(), Failure> {
    log::write_at_once("warn");
    let to = target(&app.settings, arguments)?;
    let mut types = Vec::new();
    for written in &arguments.types {
        types
            .extend(catalog::expand(written).map_err(|mismatch| super::events::unknown(written, &mismatch))?);
    }

    // All samples are made before the first is sent: a mistake in `--set` sends nothing.
    let samples = types.iter().map(|known| Ok((known.name, sample(known.name, &arguments.set)?)));
    let samples = samples.collect::<Result<Vec<_>, Failure>>()?;
    // Last, since what stands in the command itself is nearer to whoever wrote it.
    let mut problems = Problems::default();
    let secrets = secrets::read(
        arguments.secret.secret_file.as_deref(),
        "a sample is signed with the secret of the server that it is sent to",
        &mut problems,
    );
    problems.none_or(())?;
    let mut answers = Vec::new();
    for (event_type, sample) in samples {
        let event_id = sample.id();
        let response = send(sample, &secrets, &to, super::unix_now())
            .await
            .map_err(|error| super::failed("not sent", &error))?;
        let status = response.status().as_u16();
        let answer = String::from_utf8_lossy(response.body()).into_owned();
        if arguments.format == Format::Table {
            let line = format!("{status}  {event_type}  {event_id}  {}", printable(&answer));
            print(&format!("{}\n", line.trim_end()));
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

/// Makes a sample with the overrides in it.
fn sample(event_type: &str, overrides: &[String]) -> Result<Sample, Failure> {
    let seed = super::random().map_err(|error| super::failed("no random number to be had", &error))?;
    let failed = |error: &webhook_core::SampleError| super::failed("cannot make the sample", error);
    let mut sample = Sample::new(event_type, seed).map_err(|error| failed(&error))?;
    let mut set = HashSet::new();
    for setting in overrides {
        let (path, value) = setting.split_once('=').ok_or_else(|| {
            Failure::Failed(format!("--set {setting}: write a path, `=` and a value: `--set amount=5`"))
        })?;
        if !set.insert(path) {
            return Err(Failure::Failed(format!(
                "--set {setting}: `{path}` is set already; keep one of the two"
            )));
        }
        sample.set(path, value).map_err(|error| failed(&error))?;
    }
    Ok(sample)
}

fn target(settings: &Settings, arguments: &Trigger) -> Result<Uri, Failure> {
    if let Some(to) = &arguments.to {
        return Ok(to.clone());
    }
    let mut address = arguments.listen.unwrap_or(settings.listen);
    // One listens on "any address", and connects to one.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    let path = arguments.path.as_deref().unwrap_or(&settings.path);
    format!("http://{address}{path}").parse().map_err(|error| super::failed("no URL to send to", &error))
}

fn why(refused: &Answer, to: &Uri) -> String {
    let reason = match StatusCode::from_u16(refused.status) {
        Ok(StatusCode::BAD_REQUEST) => "the signature was refused: has the server the same secret?",
        Ok(StatusCode::NOT_FOUND) => "there is no endpoint at this path",
        Ok(StatusCode::INTERNAL_SERVER_ERROR) => "a handler failed; the server's log says how",
        _ => "the server's log says why",
    };
    format!("{to} answered {} to {}: {reason}", refused.status, refused.event_type)
}
