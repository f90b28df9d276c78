//! `inbox export`: writes events as lines of JSON.
//!
//! The ids are collected first; then each event is read by itself, so that the memory does not grow with the bodies.

use std::collections::HashSet;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::json::Readable;
use super::selection::Selection;
use super::{PAGE, all_known, named, operator};
use crate::app::App;
use crate::command::flags::{Operating, SettingFlags};
use crate::command::{Failure, failed};
use crate::operate::operator::Operator;
use crate::report::console::print_unchanged;
use crate::report::progress::Progress;
use crate::store::Filter;

#[derive(Args)]
pub(super) struct Export {
    #[command(flatten)]
    selection: Selection,
    /// File to write, readable only by this user [default: standard output]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    inbox: SettingFlags<Operating>,
}

/// Writes the selected events, newest first.
pub(super) async fn run(app: App, export: &Export) -> Result<(), Failure> {
    let mut filter = export.selection.filter()?;
    filter.limit = PAGE;
    let mut operator = operator(app, &export.inbox).await?;
    named(&mut operator, &filter).await?;
    let mut file = match &export.out {
        None => None,
        Some(path) => {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let cannot =
                |error: io::Error| Failure::Failed(format!("{} cannot be written: {error}", path.display()));
            let file = options.open(path).map_err(cannot)?;
            // An existing file keeps its mode when it is opened, and must become private, too. A device is left as it is.
            #[cfg(unix)]
            if file.metadata().is_ok_and(|found| found.is_file()) {
                let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                file.set_permissions(private).map_err(cannot)?;
            }
            Some((file, cannot))
        }
    };
    let ids = exported(&mut operator, filter).await?;
    let mut progress = if file.is_some() { Progress::of(ids.len()) } else { Progress::hidden() };
    for id in ids {
        // An event that was deleted meanwhile is not found.
        for found in operator.events_with_id(id).await? {
            let readable = Readable::of_one_line(found);
            let mut line =
                serde_json::to_string(&readable).map_err(|error| failed("cannot write JSON", &error))?;
            line.push('\n');
            match &mut file {
                Some((file, cannot)) => file.write_all(line.as_bytes()).map_err(&*cannot)?,
                None => print_unchanged(&line),
            }
        }
        progress.advance(1);
    }
    drop(progress);
    all_known(&mut operator, &export.selection.filter()?.event_ids).await
}

/// The ids of the selected events, newest first.
async fn exported(operator: &mut Operator, mut filter: Filter) -> Result<Vec<String>, Failure> {
    let (mut ids, mut seen) = (Vec::new(), HashSet::new());
    // A list of events ignores filters on tasks, and would contain all events.
    if filter.handler.is_none() && filter.why.is_none() {
        loop {
            let page = operator.events(filter.clone()).await?;
            let Some(last) = page.last() else { return Ok(ids) };
            filter.after = Some(last.cursor);
            let fresh = page.into_iter().map(|event| event.event_id).filter(|id| seen.insert(id.clone()));
            ids.extend(fresh);
        }
    }
    loop {
        let page = operator.tasks(filter.clone()).await?;
        let Some(last) = page.last() else { return Ok(ids) };
        filter.after = Some(last.task);
        let fresh = page.into_iter().map(|task| task.event_id).filter(|id| seen.insert(id.clone()));
        ids.extend(fresh);
    }
}
