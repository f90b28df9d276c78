//! The events that `trigger` sends: samples, a story, or a recorded body.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use serde::Deserialize;
use webhook_core::catalog::{self, Version};
use webhook_core::{Registry, Sample, SampleError, Story};

use super::Trigger;
use crate::command::events::unknown;
use crate::command::{Failure, failed, random, unix_now};

/// An event to send.
pub(super) struct Outgoing {
    pub(super) event_type: String,
    /// For the output; a recorded body may have none.
    pub(super) event_id: String,
    pub(super) body: Vec<u8>,
}

/// The events to send: a recorded event, a story, or samples.
pub(super) fn events(arguments: &Trigger) -> Result<Vec<Outgoing>, Failure> {
    if let Some(file) = &arguments.file {
        return Ok(vec![recorded(file)?]);
    }
    let samples = match &arguments.story {
        Some(name) => {
            Story::named(name).map_err(|error| not_made(&error))?.events_in(version(arguments), seed()?)
        }
        None => samples(arguments)?,
    };
    let now = i64::try_from(unix_now()).unwrap_or(i64::MAX);
    let outgoing = |mut sample: Sample| {
        if let Some(account) = &arguments.account {
            sample = sample.account(account);
        }
        if arguments.livemode {
            sample = sample.livemode(true);
        }
        Outgoing { event_type: sample.event_type().to_owned(), event_id: sample.id(), body: sample.body(now) }
    };
    Ok(samples.into_iter().map(outgoing).collect())
}

/// Makes a sample of every requested type, with the given fields set. The samples are about the same objects, unless a type
/// is requested twice.
fn samples(arguments: &Trigger) -> Result<Vec<Sample>, Failure> {
    let (common, set, previous) =
        (seed()?, pairs("--set", &arguments.set)?, pairs("--previous", &arguments.previous)?);
    let mut made = BTreeSet::new();
    let mut samples = Vec::new();
    for written in &arguments.types {
        if Registry::linked().unlisted().contains(&written.as_str()) {
            return Err(Failure::Failed(format!(
                "there is no sample of `{written}`: it is an unlisted type, and the catalog does not know its object; \
                 use `--file` to send a recorded event"
            )));
        }
        let types = catalog::expand(written);
        for known in types.map_err(|mismatch| unknown(written, &mismatch))? {
            let seed = if made.insert(known.name) { common } else { seed()? };
            let sample = match arguments.api_version {
                Some(version) => Sample::in_version(version, known.name, seed),
                None => Sample::new(known.name, seed),
            };
            let mut sample = sample.map_err(|error| not_made(&error))?;
            for (path, value) in &set {
                sample.set(path, value).map_err(|error| not_made(&error))?;
            }
            for (path, value) in &previous {
                sample.set_previous(path, value).map_err(|error| not_made(&error))?;
            }
            samples.push(sample);
        }
    }
    Ok(samples)
}

fn version(arguments: &Trigger) -> Version {
    arguments.api_version.unwrap_or_else(catalog::newest)
}

/// Reads pairs of `PATH=VALUE`. A path must not be repeated.
fn pairs<'a>(flag: &str, settings: &'a [String]) -> Result<Vec<(&'a str, &'a str)>, Failure> {
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for setting in settings {
        let pair @ (path, _) = setting.split_once('=').ok_or_else(|| {
            Failure::Failed(format!("{flag} {setting}: write a path, `=` and a value: `{flag} amount=5`"))
        })?;
        if pairs.iter().any(|(other, _)| *other == path) {
            return Err(Failure::Failed(format!(
                "{flag} {setting}: `{path}` is set already; remove one of the two"
            )));
        }
        pairs.push(pair);
    }
    Ok(pairs)
}

fn not_made(error: &SampleError) -> Failure {
    failed("cannot make the sample", error)
}

fn seed() -> Result<u64, Failure> {
    random().map_err(|error| failed("could not generate a random number", &error))
}

/// Reads a recorded body. It need not be a valid event.
fn recorded(file: &Path) -> Result<Outgoing, Failure> {
    #[derive(Default, Deserialize)]
    struct Event {
        id: Option<String>,
        #[serde(rename = "type")]
        event_type: Option<String>,
    }

    let mut body = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut body).map(|_| ())
    } else {
        std::fs::read(file).map(|read| body = read)
    };
    read.map_err(|error| failed(&format!("{} cannot be read", file.display()), &error))?;
    let Event { id, event_type } = serde_json::from_slice(&body).unwrap_or_default();
    let of_file = || file.display().to_string();
    Ok(Outgoing {
        event_type: event_type.unwrap_or_else(of_file),
        event_id: id.unwrap_or_else(|| "(no id)".to_owned()),
        body,
    })
}
